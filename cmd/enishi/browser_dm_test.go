//go:build browser

package main

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserDM: templates of SMS, push notifications and social DM are made and seen as their readers see them; the channels are
// offered to journeys and campaigns; a person's page says by which of them she can be reached.
func TestBrowserDM(t *testing.T) {
	t.Parallel()
	longWalk(t)
	inLanguages(t, walkDM)
}

// dm is the walk in a language.
type dm struct {
	*mailing
	lang string
}

func walkDM(t *testing.T, lang string) {
	s := start(t, nil, "--data", t.TempDir())
	d := dm{&mailing{builder: builder{openBrowser(t)}, s: s}, lang}
	d.speak(lang)
	s.put("setting", "brand", map[string]any{"name": "縁コスメ", "address": "東京都中央区銀座0-0-0", "contact": "0120-000-000", "url": "https://shop.example/"})
	key := s.enishi("key", "create", "--write")
	if n, err := s.post(key, []map[string]any{{"type": "identify", "userId": "hanako", "messageId": "h1", "traits": map[string]any{"family_name": "縁野", "given_name": "花子", "email": "hanako@mail.example", "phone": "+819012345678",
		"postal_code": "1500001", "prefecture": "東京都", "city": "渋谷区", "address1": "神宮前1-2-3", "consent": map[string]any{"email": "in", "sms": "in"}}}}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	s.settled(30 * time.Second)
	d.sms()
	d.push()
	d.social()
	d.journey()
	d.list()
	d.testers()
	d.person(key)
}

// fresh makes a template of a channel in the dialog and waits for its editor.
func (d dm) fresh(channel, name string) {
	d.t.Helper()
	d.do("the templates", chromedp.Navigate(d.s.base+"/content?lang="+d.lang), chromedp.WaitVisible(chromedp.CSS(`main button`)))
	d.click("main", d.w("content.new"))
	d.fill("[role=dialog]", d.w("content.name"), name)
	d.click("[role=dialog]", d.w("channel."+channel))
	d.click("[role=dialog]", d.w("content.make"))
	d.see("the editor of "+channel, name, d.w("preview.title"))
}

// keep saves what is edited, looks at the page on a desk, a phone and in the dark, and gives its name.
func (d dm) keep(name string) {
	d.t.Helper()
	d.click("main", d.w("mail.save"))
	d.see("it is saved", strings.Split(d.w("mail.saved"), "{{")[0])
	d.shot("dm-" + name + "-" + d.lang)
	d.checkPage("dm-"+name+"-"+d.lang, false)
	d.click("header", d.w("nav.theme"))
	d.axe("dm-" + name + "-dark")
	d.shot("dm-" + name + "-dark-" + d.lang)
	d.click("header", d.w("nav.theme"))
	d.quiet(name)
}

func (d dm) sms() {
	d.t.Helper()
	d.fresh("sms", "SMS のお知らせ")
	d.fill("main", d.w("mail.words"), "【縁コスメ】{{ customer.salutation }} 会員限定セールは明日までです。"+strings.Repeat("お見逃しなく。", 10))
	d.see("what the law asks for", d.w("dm.smsRefuse"), d.w("dm.smsFilled"))
	d.fill("main", d.w("mail.words"), "【縁コスメ】{{ customer.salutation }} 会員限定セールは明日までです。 停止 {{ links.unsubscribe }}")
	d.see("as she gets it", "縁野", "会員限定セールは明日までです。")
	eventually(d.t, 10*time.Second, "the hint is gone", func() error {
		if js[bool](d.browser, "hint", fmt.Sprintf(`document.querySelector("main").innerText.includes(%q)`, d.w("dm.smsRefuse"))) {
			return errors.New("still there")
		}
		return nil
	})
	d.keep("sms")
}

func (d dm) push() {
	d.t.Helper()
	d.fresh("push", "再入荷のお知らせ")
	d.fill("main", d.w("dm.push_title"), "お待ちかねの再入荷です")
	d.fill("main", d.w("dm.push_body"), "{{ customer.salutation }} 化粧水が店頭に並びました。")
	d.fill("main", d.w("dm.push_url"), "https://shop.example/items/1")
	d.see("as she gets it", "お待ちかねの再入荷です", "縁野", d.w("preview.desktop"), d.w("dm.push_opens"))
	d.keep("push")
}

func (d dm) social() {
	d.t.Helper()
	d.fresh("social", "ストーリーのお礼")
	d.fill("main", d.w("mail.words"), "ストーリーでのご紹介ありがとうございます。ご相談はこちらから。")
	d.click("main", d.w("line.quickOn"))
	d.see("the reply as a button", d.w("line.begun_reply"), d.w("dm.social_payload"))
	d.click("main", d.w("dm.social_buttons"))
	d.see("two messages", d.w("line.nth", 2))
	d.keep("social")
}

// journey offers the channels in a step.
func (d dm) journey() {
	d.t.Helper()
	draw := drawing{d.mailing}
	d.s.put("template", "thanks", map[string]any{"channel": "email", "purpose": "marketing", "title": title("お礼のメール"), "variants": map[string]any{"ja": map[string]any{"subject": "お礼", "text": "ありがとうございます。{{ links.unsubscribe }}"}}})
	d.s.put("journey", "reach", map[string]any{"title": title("届く手段で送る"), "purpose": "marketing", "consent": "opt_in", "state": "draft", "entry": map[string]any{"events": []string{"custom.asked"}, "reentry": "always"},
		"start": "say", "nodes": map[string]any{"say": map[string]any{"type": "message", "channels": []string{"email"}, "templates": map[string]string{"email": "thanks"}, "next": "end"}, "end": map[string]any{"type": "exit"}}})
	draw.open("the journey", "/journeys/reach/edit?lang="+d.lang)
	d.see("the canvas", d.w("build.whole"))
	draw.step("say")
	d.click("section", d.w("build.addChannel", d.w("channel.social")))
	d.click("section", d.w("build.addChannel", d.w("channel.postal")))
	d.see("what the channels ask for", d.w("channelHint.social"), d.w("channelHint.postal"))
	d.pick("section", "2. "+d.w("broadcast.template", d.w("channel.social")), "ストーリーのお礼")
	d.press(d.w("build.earlier", d.w("channel.social")), 0)
	d.shot("dm-step-" + d.lang)
	d.press(d.w("build.removeChannel", d.w("channel.postal")), 0)
	d.click("main", d.w("build.save"))
	eventually(d.t, 20*time.Second, "social DM goes first", func() error {
		var x drawn
		if err := d.s.call("GET", "/journeys/reach", nil, &x); err != nil || fmt.Sprint(x.Definition.Nodes["say"].Channels) != "[social email]" {
			return fmt.Errorf("%v %v", x.Definition.Nodes["say"].Channels, err)
		}
		return nil
	})
	d.axe("dm-step-" + d.lang)
	d.quiet("the step")
}

// list shows templates by channel.
func (d dm) list() {
	d.t.Helper()
	d.do("the templates of SMS", chromedp.Navigate(d.s.base+"/content?channel=sms&lang="+d.lang), chromedp.WaitVisible(chromedp.CSS(`main table`)))
	d.see("one of them", "SMS のお知らせ")
	if js[bool](d.browser, "others", `document.querySelector("main").innerText.includes("再入荷")`) {
		d.t.Error("the list of SMS shows others")
	}
	d.shot("dm-list-" + d.lang)
	d.checkPage("dm-list-"+d.lang, d.lang == "ja")
	d.quiet("the list")
}

// testers names somebody of the shop who gets tests, and says by which channels a test reaches her.
func (d dm) testers() {
	d.t.Helper()
	d.do("the testers", chromedp.Navigate(d.s.base+"/settings/testers?lang="+d.lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("there are none yet", d.w("testers.none"))
	d.click("main", d.w("testers.new"))
	d.see("the form", d.w("testers.then"))
	d.fill("[role=dialog]", d.w("test.who"), "hanako")
	js[any](d.browser, "leave the field", `document.activeElement.blur()`)
	d.click("[role=dialog]", d.w("test.keep"))
	d.see("by what she is reached", "縁野 花子", d.w("channel.email")+" ○", d.w("channel.sms")+" ○", d.w("channel.postal")+" ○", d.w("channel.line")+" ×", d.w("channel.social")+" ×")
	d.shot("dm-testers-" + d.lang)
	d.checkPage("dm-testers-"+d.lang, d.lang == "ja")
	d.quiet("the testers")
}

// person looks at her page: until when a direct message may leave, what she opted in to, and what does not reach her.
func (d dm) person(key string) {
	d.t.Helper()
	var found struct{ Items []struct{ ID string } }
	if err := d.s.call("GET", "/people?q=hanako", nil, &found); err != nil || len(found.Items) != 1 {
		d.t.Fatal(found, err)
	}
	d.do("her page", chromedp.Navigate(d.s.base+"/people/"+found.Items[0].ID+"?lang="+d.lang), chromedp.WaitVisible(chromedp.CSS(`#social-state`)))
	d.see("no conversation yet", d.w("socialState.none"))
	now := time.Now().UTC()
	at := func(before time.Duration) string { return now.Add(-before).Format(time.RFC3339) }
	who := map[string]any{"customer_id": "hanako", "social_id": "7001", "social_page": "2001"}
	act := func(id, typ, account, platform string, before time.Duration, more map[string]any) map[string]any {
		p := map[string]any{"account": account, "platform": platform}
		maps.Copy(p, more)
		return map[string]any{"type": "social." + typ, "id": id, "occurred_at": at(before), "person": who, "properties": p}
	}
	if n, err := d.s.post(key, []map[string]any{
		act("d1", "message_received", "gram", "instagram", time.Hour, map[string]any{"text": "在庫はありますか"}),
		act("d2", "message_received", "default", "messenger", 3*24*time.Hour, map[string]any{"text": "ありがとう"}),
		act("d3", "opted_in", "default", "messenger", 3*24*time.Hour, map[string]any{"token": "t1", "topic": "新作のお知らせ", "expires_at": now.Add(90 * 24 * time.Hour).Format(time.RFC3339)}),
		act("d4", "opted_in", "default", "messenger", 4*24*time.Hour, map[string]any{"token": "t2", "topic": "セール"}),
		act("d5", "opted_out", "default", "messenger", 2*24*time.Hour, map[string]any{"token": "t2", "topic": "セール"}),
	}); n != 5 || err != nil {
		d.t.Fatal(n, err)
	}
	d.s.settled(30 * time.Second)
	d.do("her page again", chromedp.Reload(), chromedp.WaitVisible(chromedp.CSS(`#social-state`))) // it looks anew only every few seconds
	before := func(key string) string { return strings.Split(d.w(key), "{{")[0] }
	after := func(key string) string { _, s, _ := strings.Cut(d.w(key), "}}"); return strings.TrimSpace(s) }
	words := []string{"Instagram", "gram", "Messenger", "新作のお知らせ", "セール", d.w("socialState.open"), d.w("socialState.shut"), d.w("socialState.acted"), d.w("socialState.sent"),
		d.w("channel.social") + " ○", d.w("channel.push") + " ×"}
	for _, key := range []string{"socialState.until", "socialState.closed", "socialState.stopped"} {
		words = append(words, max(before(key), after(key))) // the longer of both sides of the instant, as one is empty
	}
	d.see("her conversations", words...)
	d.shot("dm-person-" + d.lang)
	d.do("scroll to it", chromedp.Evaluate[chromedp.Void](`document.querySelector("#social-state").scrollIntoView()`))
	d.checkPage("dm-person-"+d.lang, d.lang == "ja")
	d.click("header", d.w("nav.theme"))
	d.axe("dm-person-dark")
	d.shot("dm-person-dark-" + d.lang)
	d.click("header", d.w("nav.theme"))
	d.do("narrow", window(390, 844), chromedp.Sleep(200*time.Millisecond))
	d.shot("dm-person-narrow-" + d.lang)
	d.do("wide", window(1280, 900))
	d.quiet("her page")
}
