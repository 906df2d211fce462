//go:build browser

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// rules sets a cap and a closed day, is told what is wrong with a payday at its field, and sees what the rest means for the days
// ahead before saving; then everything is as it was.
func (d *mailing) rules(lang string) {
	t := d.t
	t.Helper()
	type setting struct {
		Version int64          `json:"version"`
		Body    map[string]any `json:"body"`
	}
	read := func() (x setting) {
		t.Helper()
		if err := d.s.call("GET", "/settings/journeys", nil, &x); err != nil {
			t.Fatal(err)
		}
		return x
	}
	before := read()
	d.do("the rules", chromedp.Navigate(d.s.base+"/settings/journeys?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`main [data-day]`)))
	d.see("what stands", d.w("rules.noCaps"), d.w("rules.outlook"), d.w("rules.allDay"))
	d.pick("main", d.w("rules.addCap"), d.w("purpose.marketing"))
	d.click("main", d.w("rules.addClosed"))
	js[any](d.browser, "not on closed days", fmt.Sprintf(`[...document.querySelectorAll("main input")].find(e => e.labels?.[0]?.innerText === %q).click()`, d.w("build.noClosed")))
	today := func(want string) {
		t.Helper()
		eventually(t, 20*time.Second, "what today is", func() error {
			if got := js[string](d.browser, "today", `document.querySelector("main [data-day]").innerText + [...document.querySelector("main [data-day]").querySelectorAll("[role=img]")].map(e => e.getAttribute("aria-label")).join()`); !strings.Contains(got, want) {
				return fmt.Errorf("%q without %q", got, want)
			}
			return nil
		})
	}
	today(d.w("rules.closedDay"))
	today(d.w("channel.email") + ": " + d.w("rules.notThisDay"))
	d.fill("main", d.w("rules.paydayOf"), "40")
	eventually(t, 20*time.Second, "what is wrong stands at its field", func() error {
		if !js[bool](d.browser, "the field", fmt.Sprintf(`(() => { const e = [...document.querySelectorAll("main input")].find(e => e.labels?.[0]?.innerText === %q); return e.getAttribute("aria-invalid") === "true" && e.closest(".mantine-InputWrapper-root").innerText.includes("31"); })()`, d.w("rules.paydayOf"))) {
			return errors.New("nothing is said")
		}
		return nil
	})
	d.shot("rules-wrong-" + lang)
	d.fill("main", d.w("rules.paydayOf"), "15")
	d.shot("rules-" + lang)
	d.checkPage("rules-"+lang, lang == "ja")
	d.fill("main", d.w("sheet.reason"), "臨時休業")
	d.click("main", d.w("mail.save"))
	eventually(t, 20*time.Second, "it is saved", func() error {
		if x := read(); fmt.Sprint(x.Body["caps"]) != "map[marketing:map[default:2/7d]]" || x.Body["calendar"].(map[string]any)["payday"] != 15.0 || fmt.Sprint(x.Body["quiet_hours"]) != fmt.Sprint(before.Body["quiet_hours"]) {
			return fmt.Errorf("the setting is %v", x.Body)
		}
		return nil
	})
	d.see("it is on record", "臨時休業")
	d.quiet("the rules")
	if err := d.s.call("PUT", "/settings/journeys", map[string]any{"expect": read().Version, "body": before.Body}, &struct{}{}); err != nil {
		t.Fatal(err)
	}
}
