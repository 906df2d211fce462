//go:build browser

package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserPostal: a journey's pieces of post gather in a batch; an address is mended in place, the proofs are looked at, the batch is
// approved and exported, its files have their checksums, a piece comes back, and everything stands on record.
func TestBrowserPostal(t *testing.T) {
	t.Parallel()
	longWalk(t)
	inLanguages(t, walkPostal)
}

// post is the walk in a language.
type post struct {
	*mailing
	lang, batch, code string
}

type seenBatch struct {
	ID, State string
	Tally     struct{ Pieces, Ready, Rejected int }
	Files     []struct{ Name, SHA256 string }
}

func walkPostal(t *testing.T, lang string) {
	s := start(t, nil, "--data", t.TempDir())
	d := &post{mailing: &mailing{builder: builder{openBrowser(t)}, s: s}, lang: lang}
	d.speak(lang)
	sender := map[string]any{"name": "縁コスメ", "postal_code": "1040061", "address": "東京都中央区銀座1-2-3", "phone": "0120-000-000"}
	s.put("setting", "postal", map[string]any{"accounts": map[string]any{"default": map[string]any{"schedule": map[string]any{"every": "manual"}, "cost": map[string]any{"print": "20"}, "sender": sender}}})
	s.put("template", "winback", map[string]any{"channel": "postal", "purpose": "marketing", "title": map[string]string{"ja": "お久しぶりのはがき", "en": "A card after a while"}, "variants": map[string]any{"ja": map[string]any{"content": map[string]any{
		"size": "hagaki", "headline": "お久しぶりです", "text": "秋の新作が届きました。ご来店をお待ちしております。", "url": "https://shop.example/", "coupon": map[string]any{"title": "10% 引き"}, "sender": sender}}}})
	s.put("journey", "winback", map[string]any{"title": title("はがきでお誘い"), "purpose": "marketing", "consent": "opt_in", "state": "live", "entry": map[string]any{"events": []string{"custom.asked"}, "reentry": "always"},
		"start": "say", "nodes": map[string]any{"say": map[string]any{"type": "message", "channels": []string{"postal"}, "templates": map[string]string{"postal": "winback"}, "next": "end"}, "end": map[string]any{"type": "exit"}}})
	key := s.enishi("key", "create", "--write")
	streets := []string{"神宮前1-2-3", "神宮前4-5-6", "神宮前", "神宮前7-8-9"} // the third has no number
	var batch []map[string]any
	for i, street := range streets {
		id := fmt.Sprintf("p%d", i)
		batch = append(batch, map[string]any{"type": "identify", "userId": id, "messageId": "i" + id, "traits": map[string]any{"family_name": "縁野", "given_name": given[i], "email": id + "@mail.example", "postal_code": "1500001", "prefecture": "東京都", "city": "渋谷区", "address1": street,
			"consent": map[string]any{"postal": "in"}}}, map[string]any{"type": "custom.asked", "id": "a" + id, "person": map[string]any{"customer_id": id}})
	}
	if n, err := s.post(key, batch); n != len(batch) || err != nil {
		t.Fatal(n, err)
	}
	d.gather(len(streets))
	d.mend()
	d.look()
	d.approve()
	d.back()
	d.rest()
}

// now is the only batch, once it is as asked.
func (d *post) now(what string, right func(seenBatch) bool) (b seenBatch) {
	d.t.Helper()
	eventually(d.t, 60*time.Second, what, func() error {
		var list struct{ Items []seenBatch }
		if err := d.s.call("GET", "/postal/batches", nil, &list); err != nil || len(list.Items) != 1 {
			return fmt.Errorf("%d batches, %v", len(list.Items), err)
		}
		if err := d.s.call("GET", "/postal/batches/"+list.Items[0].ID, nil, &b); err != nil {
			return err
		}
		if !right(b) {
			return fmt.Errorf("%+v", b)
		}
		return nil
	})
	return b
}

func (d *post) open(what, path string, words ...string) {
	d.t.Helper()
	d.do(what, chromedp.Navigate(d.s.base+path), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see(what, words...)
}

// move presses what may be done with the batch, and agrees.
func (d *post) move(word string) {
	d.t.Helper()
	d.click("main", word)
	d.click("[role=dialog]", word)
	eventually(d.t, 20*time.Second, word, func() error {
		if says := js[string](d.browser, "the dialog", `document.querySelector("[role=dialog]")?.innerText ?? ""`); says != "" {
			return errors.New("the dialog is still open: " + says)
		}
		return nil
	})
}

func (d *post) gather(people int) {
	d.t.Helper()
	d.batch = d.now("the pieces gather", func(b seenBatch) bool { return b.State == "collecting" && b.Tally.Pieces == people }).ID
	d.open("the batches", "/postal?lang="+d.lang, map[string]string{"ja": "お久しぶりのはがき", "en": "A card after a while"}[d.lang])
	d.shot("postal-list-" + d.lang)
	d.checkPage("postal-list-"+d.lang, false)
	d.open("the batch", "/postal/"+d.batch+"?lang="+d.lang, d.w("postal.atCutoff"))
	d.move(d.w("postalMove.close"))
	d.now("it is prepared", func(b seenBatch) bool { return b.State == "in_review" && b.Tally.Rejected == 1 })
	d.quiet("gathering")
}

// mend puts the address without a number right, in place.
func (d *post) mend() {
	d.t.Helper()
	d.open("the rejects", "/postal/"+d.batch+"?state=rejected&lang="+d.lang, d.w("addresses.mend"), d.w("postal.mendHint"))
	d.shot("postal-rejects-" + d.lang)
	d.checkPage("postal-rejects-"+d.lang, false)
	d.click("main", d.w("addresses.mendOf", "縁野 葵"))
	d.see("what is wrong", d.w("addresses.then"))
	d.fill("[role=dialog]", d.w("address.address1"), "神宮前10-11-12")
	d.shot("postal-mend-" + d.lang)
	d.axe("postal-mend-" + d.lang)
	d.click("[role=dialog]", d.w("addresses.save"))
	d.see("what is next", d.w("postal.mended"))
	d.move(d.w("postalMove.prepare"))
	d.now("all are ready", func(b seenBatch) bool { return b.State == "in_review" && b.Tally.Rejected == 0 && b.Tally.Ready == 4 })
	d.quiet("mending")
}

// look sees how pieces are printed and what they cost.
func (d *post) look() {
	d.t.Helper()
	d.open("the proofs", "/postal/"+d.batch+"?tab=proofs&lang="+d.lang, d.w("piece.face_address"), d.w("piece.face_back"))
	d.shot("postal-proofs-" + d.lang)
	d.checkPage("postal-proofs-"+d.lang, false)
	d.open("the product", "/postal/"+d.batch+"?tab=product&lang="+d.lang, d.w("postalForm.product"), d.w("product.chosen"))
	d.shot("postal-product-" + d.lang)
	d.checkPage("postal-product-"+d.lang, false)
	d.quiet("looking")
}

func (d *post) approve() {
	d.t.Helper()
	d.open("the batch", "/postal/"+d.batch+"?lang="+d.lang, d.w("postalMove.approve"))
	d.shot("postal-review-" + d.lang)
	d.move(d.w("postalMove.approve"))
	b := d.now("it is approved", func(b seenBatch) bool { return b.State != "in_review" })
	if b.State == "approved" {
		d.move(d.w("postalMove.export"))
	}
	b = d.now("it is exported", func(b seenBatch) bool { return (b.State == "exported" || b.State == "delivered") && len(b.Files) > 1 })
	d.open("the files", "/postal/"+d.batch+"?tab=files&lang="+d.lang, b.Files[0].Name, b.Files[0].SHA256, d.w("files.download"))
	d.shot("postal-files-" + d.lang)
	d.checkPage("postal-files-"+d.lang, false)
	js[bool](d.browser, "fetch the file", fmt.Sprintf(`(() => { window.got = 0; fetch([...document.querySelectorAll("main a[download]")].find(a => a.download === %q).href).then(r => r.arrayBuffer()).then(b => { window.got = b.byteLength; }); return true; })()`, b.Files[0].Name))
	eventually(d.t, 20*time.Second, "the file is there", func() error {
		if js[int](d.browser, "its size", `window.got`) == 0 {
			return errors.New("nothing yet")
		}
		return nil
	})
	var pieces struct{ Items []struct{ Code string } }
	if err := d.s.call("GET", "/postal/batches/"+d.batch+"/pieces?state=exported", nil, &pieces); err != nil || len(pieces.Items) != 4 {
		d.t.Fatalf("%d pieces, %v", len(pieces.Items), err)
	}
	d.code = pieces.Items[0].Code
	d.quiet("the files")
}

// back takes a piece in that came back, and a code of another shop.
func (d *post) back() {
	d.t.Helper()
	d.open("the returns", "/postal/returns?lang="+d.lang, d.w("returns.none"))
	d.fill("main", d.w("returns.lines"), d.code+",転居先不明\nZZZZ-9999")
	d.click("main", d.w("returns.do"))
	d.see("what became of them", d.w("returns.taken", 1), d.code)
	d.shot("postal-returns-" + d.lang)
	d.checkPage("postal-returns-"+d.lang, false)
	d.open("the response", "/postal/"+d.batch+"?tab=response&lang="+d.lang, d.w("response.each"), d.w("response.direct"), d.w("response.returned"))
	d.shot("postal-response-" + d.lang)
	d.checkPage("postal-response-"+d.lang, false)
	d.quiet("what came back")
}

// rest looks at the other pages.
func (d *post) rest() {
	d.t.Helper()
	d.open("the provisions", "/postal/provisions?lang="+d.lang, "SHA-256")
	d.shot("postal-provisions-" + d.lang)
	d.checkPage("postal-provisions-"+d.lang, false)
	d.open("the quality", "/postal/quality?lang="+d.lang, d.w("quality.usable"), d.w("quality.zip"))
	d.shot("postal-quality-" + d.lang)
	d.checkPage("postal-quality-"+d.lang, false) // it names files of Japan Post
	d.open("the settings", "/postal/settings?lang="+d.lang, d.w("postalForm.part_sender"), "縁コスメ")
	d.shot("postal-settings-" + d.lang)
	d.checkPage("postal-settings-"+d.lang, false)
	d.quiet("the rest")
}
