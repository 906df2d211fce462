//go:build browser

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// insert opens the variables beside a field, looks for one and takes it. row is what its row must say.
func (d *mailing) insert(within, name string, row func() string, shot string) {
	d.t.Helper()
	d.click(within, d.w("mail.insert"))
	d.fill("body", d.w("variables.search"), name)
	const find = `[...document.querySelectorAll("[role=option]")].find(o => o.offsetParent && o.innerText.trim().endsWith("\n%s"))`
	eventually(d.t, 20*time.Second, "the variable "+name, func() error {
		want := row()
		if got := js[string](d.browser, "row", fmt.Sprintf(find+`?.innerText ?? ""`, name)); want == "" || !strings.Contains(got, want) {
			return fmt.Errorf("its row is %q, not with %q", got, want)
		}
		return nil
	})
	if shot != "" {
		d.shot(shot)
		d.axe(shot)
	}
	eventually(d.t, 20*time.Second, "take "+name, func() error {
		if !js[bool](d.browser, "take it", fmt.Sprintf(`(() => { const o = `+find+`; o?.click(); return !!o; })()`, name)) {
			return errors.New("is not there any more")
		}
		return nil
	})
}

// variables puts what the person of the preview has into a text: a value, and a list that is gone through.
func (d *mailing) variables(within, shot string) {
	t := d.t
	t.Helper()
	d.fill(within, d.w("mail.words"), "A ")
	d.insert(within, "customer.full_name", func() string {
		return js[string](d.browser, "person", fmt.Sprintf(`document.querySelector('input[aria-label=%q]').value`, d.w("preview.person")))
	}, "")
	d.insert(within, "order.lines", func() string { return d.w("variables.example", d.w("variables.rows", 2)) }, "variables-"+shot)
	want := "A {{ customer.full_name }}{% for line in order.lines %}{{ line.name }}  {{ line.price }} × {{ line.quantity }}\n{% endfor %}"
	if got := js[string](d.browser, "text", fmt.Sprintf(`document.querySelector(%q + " textarea").value`, within)); got != want {
		t.Errorf("the text is %q, want %q", got, want)
	}
	const line = "うるおい化粧水 しっとり 150mL"
	eventually(t, 30*time.Second, "the preview shows what they give", func() error { // a mail stands in a frame of its own
		if !js[bool](d.browser, "given", fmt.Sprintf(`document.body.innerText.includes(%q) || [...document.querySelectorAll("iframe")].some(f => f.srcdoc.includes(%q))`, line, line)) {
			return errors.New("it does not")
		}
		return nil
	})
}

// noEmoji gives a segment no emoji, sees the preview say so, and gives them back; the other journey settings stay.
func (d *mailing) noEmoji(lang, template string) {
	t := d.t
	t.Helper()
	saved := func(what, emoji string) {
		t.Helper()
		eventually(t, 20*time.Second, what, func() error {
			var x struct{ Body map[string]any }
			if err := d.s.call("GET", "/settings/journeys", nil, &x); err != nil {
				return err
			}
			if got := fmt.Sprint(x.Body["no_emoji"]); got != emoji || x.Body["quiet_hours"] == nil {
				return fmt.Errorf("the setting is %v", x.Body)
			}
			return nil
		})
	}
	open := func() {
		t.Helper()
		d.do("the brand kit", chromedp.Navigate(d.s.base+"/content?tab=brand&lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	}
	open()
	d.pick("main", d.w("noEmoji.segments"), map[string]string{"ja": "東京の方", "en": "Tokyo"}[lang])
	d.click("main", d.w("mail.save"))
	saved("it is saved", "[tokyo]")
	d.shot("no-emoji-" + lang)
	d.checkPage("no-emoji-"+lang, false)
	d.do("the message", chromedp.Navigate(d.s.base+"/content/"+template+"?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("the preview says so", d.w("preview.noEmoji"))
	d.shot("no-emoji-preview-" + lang)
	open()
	d.fill("main", d.w("noEmoji.segments"), "")
	d.do("take it out", chromedp.SendKeys(chromedp.CSS("[data-here]"), "\b"))
	d.click("main", d.w("mail.save"))
	saved("it is taken back", "<nil>")
	d.quiet("no emoji")
}
