//go:build browser

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// wordList adds a word with what to say instead to a list of the product, looks at its versions, and goes back to the product's.
func (d *mailing) wordList(lang string) {
	t := d.t
	t.Helper()
	row := func(what string, right func(version int64, words string) bool) {
		t.Helper()
		eventually(t, 20*time.Second, what, func() error {
			var got struct {
				Items []struct {
					Name    string
					Version int64
					Words   []struct {
						Word    string
						Instead struct{ JA, EN string }
					}
				}
			}
			if err := d.s.call("GET", "/templates/words", nil, &got); err != nil {
				return err
			}
			for _, l := range got.Items {
				if l.Name == "yakkiho" && right(l.Version, fmt.Sprint(l.Words)) {
					return nil
				}
			}
			return errors.New("not yet")
		})
	}
	d.do("the lists of words", chromedp.Navigate(d.s.base+"/content?tab=words&lang="+lang), chromedp.WaitVisible(chromedp.CSS(`main a[href$="/content/words/yakkiho"]`)))
	d.see("where they come from", d.w("words.shipped"), d.w("wordsUse.claim"), d.w("words.usedIn"))
	d.shot("words-" + lang)
	d.checkPage("words-"+lang, false)
	js[any](d.browser, "one list", `document.querySelector('main a[href$="/content/words/yakkiho"]').click()`) // the page was another width a moment ago: what is clicked by its place may have moved
	d.do("its words", chromedp.WaitVisible(chromedp.CSS(`main .block`)))
	if lang == "ja" { // the second walk finds the versions of the first
		d.see("no versions yet", d.w("words.noHistory"))
	}
	d.click("main", d.w("words.add"))
	d.fill("main .block", d.w("words.text"), "魔法の一滴")
	d.fill("main .block", d.w("words.instead", d.w("languageName.ja")), "うるおいの一滴")
	d.fill("main", d.w("reason"), "審査の指摘")
	d.click("main", d.w("mail.save"))
	row("it is saved, the text in both languages", func(version int64, words string) bool {
		return version > 0 && strings.Contains(words, "{魔法の一滴 {うるおいの一滴 うるおいの一滴}}")
	})
	d.see("its version", d.w("words.own"), "審査の指摘", d.w("versions.current"))
	d.shot("word-list-" + lang)
	d.checkPage("word-list-"+lang, false)
	d.click("main", d.w("words.reset"))
	d.click("[role=dialog]", d.w("words.reset"))
	row("the product's list acts again", func(version int64, words string) bool {
		return version == 0 && !strings.Contains(words, "魔法の一滴")
	})
	d.see("both are on record", d.w("words.shipped"), d.w("versions.deleted"), d.w("versions.compare"))
	d.compare(0)
	d.see("what it said", "魔法の一滴 / うるおいの一滴")
	d.quiet("the words")
}

// versions looks at what the mail said when it was new, puts that back, and then what it said before.
func (d *mailing) versions(lang, mail string) {
	t := d.t
	t.Helper()
	path := "/definitions?kind=template&name=" + mail
	count := func() (n int) {
		t.Helper()
		return len(d.saved(path))
	}
	const began = 2 // as it was made, and mended
	eventually(t, 20*time.Second, "the mended mail is saved", func() error {
		if n := count(); n != began {
			return fmt.Errorf("%d versions", n)
		}
		return nil
	})
	restore := func(look bool) {
		t.Helper()
		before := count()
		d.click("main", d.w("journey.history"))
		d.compare(0)
		d.do("both side by side", chromedp.WaitVisible(chromedp.CSS(`[data-compared] .diff`)))
		if look {
			d.see("what was changed", d.w("mail.begun_heading"), "冬のお手入れ", "うるおいを与え")
			d.shot("versions-" + lang)
			d.checkPage("versions-"+lang, false)
		}
		d.click("[data-compared]", d.w("versions.restore"))
		d.click("[role=dialog]", d.w("versions.restore"))
		eventually(t, 20*time.Second, "a new version", func() error {
			if count() != before+1 {
				return errors.New("not yet")
			}
			return nil
		})
		eventually(t, 20*time.Second, "the editor has it", func() error {
			if js[bool](d.browser, "compared", `!!document.querySelector("[data-compared]")`) {
				return errors.New("still the old page")
			}
			return nil
		})
	}
	restore(true)
	restore(false)
	got := d.saved(path)
	if len(got) != began+2 || got[0].Reason == "" || got[0].Actor == "" {
		t.Fatalf("the history: %+v", got)
	}
	body := func(i int) string {
		var v struct{ Body any }
		if err := d.s.call("GET", fmt.Sprintf("/definitions/template/%s?version=%d", mail, got[i].Version), nil, &v); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(v.Body)
	}
	if body(0) != body(2) || body(0) == body(1) || body(1) != body(3) {
		t.Error("what was put back is not what it said")
	}
	d.quiet("the versions")
}

type savedVersion struct {
	Version       int64
	Actor, Reason string
}

func (d *mailing) saved(path string) []savedVersion {
	d.t.Helper()
	var got struct{ Items []savedVersion }
	if err := d.s.call("GET", path, nil, &got); err != nil {
		d.t.Fatal(err)
	}
	return got.Items
}

// compare opens a version that is not the current one, counted from the newest of those.
func (d *mailing) compare(n int) {
	d.t.Helper()
	eventually(d.t, 20*time.Second, "a version to compare", func() error {
		if !js[bool](d.browser, "compare", fmt.Sprintf(`(() => { const e = document.querySelectorAll("main table button[aria-pressed]")[%d]; e?.click(); return !!e; })()`, n)) {
			return errors.New("is not there")
		}
		return nil
	})
}
