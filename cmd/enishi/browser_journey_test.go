//go:build browser

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// drawing is somebody who draws a journey.
type drawing struct {
	*mailing
}

// drawn is what the server has of the journey.
type drawn struct {
	Status     string
	Version    int64
	Definition struct {
		InFlight struct{ Then string } `json:"in_flight"`
		Nodes    map[string]struct {
			Type, Timeout, Next string
			Percent             float64
			OnTimeout           string `json:"on_timeout"`
			Channels            []string
			Templates           map[string]string
		}
	}
}

// TestBrowserJourneyBuilder: カゴ落ち from the gallery gets a shorter wait, a holdout and a LINE message with a mail behind it; what
// is missing is said at its step and mended; it is saved, published, changed while somebody is in it, and they move.
func TestBrowserJourneyBuilder(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--data", t.TempDir())
	s.put("setting", "brand", map[string]any{"name": "縁コスメ", "address": "東京都中央区銀座0-0-0", "contact": "0120-000-000", "url": "https://shop.example/"})
	d := drawing{&mailing{builder: builder{openBrowser(t)}, s: s}}
	d.speak("ja")
	d.take()
	d.shorten()
	d.add()
	d.publish()
	d.change()
	d.empty()
	d.english()
}

func (d drawing) now() (x drawn) {
	d.t.Helper()
	var raw json.RawMessage
	err := d.s.call("GET", "/journeys/cart_abandonment", nil, &raw)
	if err == nil {
		err = json.Unmarshal(raw, &x)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return x
}

// step chooses a step on the canvas.
func (d drawing) step(id string) {
	d.t.Helper()
	eventually(d.t, 20*time.Second, "choose "+id, func() error {
		if !js[bool](d.browser, id, fmt.Sprintf(`(() => { const e = document.querySelector('[data-step="%s"]'); e?.click(); return !!e; })()`, id)) {
			return errors.New("is not there")
		}
		return nil
	})
}

// option chooses in a list of the browser's own.
func (d drawing) option(label, value string) {
	d.t.Helper()
	if !js[bool](d.browser, label, fmt.Sprintf(`(() => { const e = [...document.querySelectorAll("section select, [role=dialog] select")].find(e => (e.getAttribute("aria-label") ?? e.labels?.[0]?.innerText ?? "").trim() === %q);
		if (!e) return false; Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, "value").set.call(e, %q); e.dispatchEvent(new Event("change", {bubbles: true})); return e.value === %q; })()`, label, value, value)) {
		d.t.Fatalf("%s has no %s", label, value)
	}
}

// insert puts a step behind another, by the button on its way.
func (d drawing) insert(after, kind string) {
	d.t.Helper()
	d.click(".react-flow", d.w("build.insertAfter", after))
	eventually(d.t, 10*time.Second, "the menu", func() error {
		if !js[bool](d.browser, kind, fmt.Sprintf(`(() => { const e = [...document.querySelectorAll("[role=menuitem]")].find(e => e.innerText.trim() === %q); e?.click(); return !!e; })()`, d.w("node."+kind))) {
			return errors.New("is not open")
		}
		return nil
	})
	eventually(d.t, 10*time.Second, "the menu is gone", func() error {
		if js[bool](d.browser, kind, `!!document.querySelector("[role=menu]")`) {
			return errors.New("it gives the focus back when it has gone")
		}
		return nil
	})
}

// wayWord waits until a way's word has a part and gives the whole of it.
func (d drawing) wayWord(way, part string) (word string) {
	d.t.Helper()
	eventually(d.t, 10*time.Second, "the word of "+way, func() error {
		if word = js[string](d.browser, way, fmt.Sprintf(`document.querySelector('[data-way="%s"] [title]')?.title ?? ""`, way)); !strings.Contains(word, part) {
			return fmt.Errorf("it says %q", word)
		}
		return nil
	})
	return word
}

// saved presses save and waits for the version.
func (d drawing) saved(what string, right func(drawn) bool) {
	d.t.Helper()
	d.click("main", d.w("build.save"))
	eventually(d.t, 20*time.Second, what, func() error {
		if x := d.now(); !right(x) {
			return fmt.Errorf("not yet: %+v\n%s", x, js[string](d.browser, "page", `[...document.querySelectorAll("[role=alert]")].map(e => e.innerText).join()`))
		}
		if !js[bool](d.browser, "save", fmt.Sprintf(`[...document.querySelectorAll("main button")].find(e => e.innerText.trim() === %q).disabled`, d.w("build.save"))) {
			return errors.New("the page does not know")
		}
		return nil
	})
}

func (d drawing) take() {
	d.t.Helper()
	d.do("journeys", chromedp.Navigate(d.s.base+"/journeys?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`main h1`)))
	d.see("the gallery", "カゴ落ち", d.w("journeys.new"))
	js[any](d.browser, "take it", fmt.Sprintf(`[...document.querySelectorAll("main button")].find(b => b.innerText.trim() === %q && b.closest(".mantine-Card-root")?.innerText.includes("カゴ落ち")).click()`, d.w("journeys.use")))
	d.see("the canvas", d.w("build.whole"), "カートが 1 時間動かないのを待つ", d.w("build.title"))
	d.shot("journey-edit-ja")
	d.checkPage("journey-edit-ja", true)
	d.quiet("the canvas")
}

// shorten changes the wait to 30 minutes, and tries undo and redo by the keyboard.
func (d drawing) shorten() {
	d.t.Helper()
	d.step("quiet_cart")
	d.see("its panel", d.w("build.waitFor"), "カート更新")
	d.fill("section", d.w("build.timeout"), "30")
	d.option(d.w("build.unitOf", d.w("build.timeout")), "m")
	d.saved("the shorter wait", func(x drawn) bool { return x.Definition.Nodes["quiet_cart"].Timeout == "30m" })
	d.axe("the panel of a wait")
	d.shot("journey-wait-ja")
}

// add puts in a holdout and a message, sees what is missing, and mends it.
func (d drawing) add() {
	d.t.Helper()
	d.insert("商品が残っているか "+d.w("known.cartFull"), "holdout")
	d.see("a holdout", d.w("build.holdoutHint"))
	d.insert("3 日間は送らない", "message")
	d.see("a message", d.w("build.purposeIs"))
	d.click("section", d.w("build.removeStep"))
	eventually(d.t, 10*time.Second, "it is taken away", func() error {
		if js[bool](d.browser, "step", `!!document.querySelector('[data-step="message"]')`) {
			return errors.New("not yet")
		}
		return nil
	})
	d.click("main", d.w("builder.undo"))
	d.step("message")
	d.click("section", d.w("build.addChannel", "LINE"))
	d.click("main", d.w("build.save"))
	d.see("what is missing", d.w("build.troubles", 1), d.w("trouble.template"))
	d.shot("journey-troubles-ja")
	d.axe("what is missing")
	d.step("quiet_cart") // and back by the list
	d.click("[role=alert]", d.w("flow.noTemplate"))
	var all struct {
		Items []struct {
			Channel, Name string
			Title         struct{ JA string }
		}
	}
	if err := d.s.call("GET", "/templates", nil, &all); err != nil {
		d.t.Fatal(err)
	}
	for _, x := range all.Items {
		label := map[string]string{"email": "1. " + d.w("broadcast.template", d.w("channel.email")), "line": "2. " + d.w("broadcast.template", "LINE")}[x.Channel]
		if x.Name == "cart_mail" || x.Name == "cart_line" {
			d.pick("section", label, x.Title.JA)
		}
	}
	d.click("section", d.w("build.earlier", "LINE"))
	d.saved("LINE and then mail", func(x drawn) bool {
		n := x.Definition.Nodes["message"]
		return fmt.Sprint(n.Channels) == "[line email]" && n.Templates["line"] == "cart_line" && n.Templates["email"] == "cart_mail" && n.Next == "done" && x.Definition.Nodes["watch"].Next == "message" && x.Definition.Nodes["holdout"].Percent == 10
	})
	d.shot("journey-message-ja")
	d.checkPage("journey-message-ja", true)
	d.quiet("drawing")
}

func (d drawing) publish() {
	d.t.Helper()
	d.click("main", d.w("publish.open"))
	d.see("what it means", d.w("journey.liveText"))
	d.axe("publishing")
	d.click("[role=dialog]", d.w("publish.askReview"))
	eventually(d.t, 10*time.Second, "it is in review", func() error {
		if x := d.now(); x.Status != "in_review" {
			return errors.New(x.Status)
		}
		if js[bool](d.browser, "the dialog", `!!document.querySelector("[role=dialog]")`) {
			return errors.New("the dialog is still open")
		}
		return nil
	})
	d.see("in review", d.w("journeyStatus.in_review"))
	d.click("main", d.w("publish.open"))
	d.click("[role=dialog]", d.w("journey.live"))
	d.see("the results", d.w("journey.people"), d.w("journeyStatus.live"))
	d.shot("journey-live-ja")
	d.quiet("publishing")
}

// change edits the live journey while somebody waits in it.
func (d drawing) change() {
	d.t.Helper()
	key := d.s.enishi("key", "create", "--write")
	n, err := d.s.post(key, []map[string]any{{"type": "cart.updated", "id": "c-1", "occurred_at": time.Now().UTC().Format(time.RFC3339), "person": map[string]any{"customer_id": "u1"},
		"web": map[string]any{"cart_id": "k-1", "lines": []any{map[string]any{"product_id": "p-1", "quantity": 1, "name": "美容液"}}}}})
	if n != 1 || err != nil {
		d.t.Fatal(n, err)
	}
	eventually(d.t, 30*time.Second, "somebody is in it", func() error {
		var x struct{ Items []struct{ Standing int64 } }
		if err := d.s.call("GET", "/journeys/cart_abandonment/flight", nil, &x); err != nil || len(x.Items) != 1 {
			return fmt.Errorf("%v, %v", x, err)
		}
		return nil
	})
	d.click("main", d.w("build.edit"))
	d.see("the canvas", d.w("build.whole"))
	d.step("quiet_cart")
	d.fill("section", d.w("build.timeout"), "20")
	d.saved("the draft waits beside it", func(x drawn) bool { return x.Status == "draft" && x.Definition.Nodes["quiet_cart"].Timeout == "20m" })
	d.see("and says so", d.w("build.besides", d.w("journeyStatus.live")))
	d.click("main", d.w("publish.open"))
	d.see("who is under way", d.w("publish.people", 1))
	d.click("[role=dialog]", d.w("publish.move"))
	d.shot("journey-publish-ja")
	d.axe("who is under way")
	d.click("[role=dialog]", d.w("journey.live"))
	eventually(d.t, 10*time.Second, "they move", func() error {
		if x := d.now(); x.Status != "live" || x.Definition.InFlight.Then != "move" {
			return fmt.Errorf("%+v", x)
		}
		return nil
	})
	d.see("the results", d.w("journey.people"))
	d.quiet("a change of a live journey")
}

// empty begins without the gallery: a branch gets a condition by name, and the journey an event that begins it.
func (d drawing) empty() {
	d.t.Helper()
	d.do("journeys", chromedp.Navigate(d.s.base+"/journeys?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`main h1`)))
	d.click("main", d.w("journeys.new"))
	d.see("an empty canvas", d.w("build.newTitle"), d.w("flow.unset"))
	d.insert(d.w("flow.unset"), "branch")
	d.click("section", d.w("build.setCondition"))
	d.pick("[role=dialog]", d.w("build.choose"), d.w("known.orderFirst"))
	d.click("[role=dialog]", d.w("build.take"))
	d.see("the condition in words", d.w("known.orderFirst"))
	d.click("main", d.w("build.save"))
	d.see("what is missing", d.w("build.troubles", 1), d.w("trouble.entry"))
	d.step("~entry")
	d.pick("section", d.w("build.events"), d.w("eventType.order_placed"))
	d.click("main", d.w("build.save"))
	eventually(d.t, 20*time.Second, "it is listed", func() error {
		var x struct {
			Items []struct{ Title struct{ JA string } }
		}
		if err := d.s.call("GET", "/journeys", nil, &x); err != nil || len(x.Items) != 2 {
			return fmt.Errorf("%v, %v", x, err)
		}
		return nil
	})
	d.quiet("an empty journey")
}

func (d drawing) english() {
	d.t.Helper()
	d.speak("en")
	js[string](d.browser, "dark", `(localStorage.setItem("mantine-color-scheme-value", "dark"), "set")`)
	d.do("in English", chromedp.Navigate(d.s.base+"/journeys/cart_abandonment/edit?lang=en"), chromedp.WaitVisible(chromedp.CSS(`main h1`)))
	d.see("the canvas", d.w("build.whole"), d.w("build.exits"))
	d.step("message")
	d.see("its panel", d.w("build.purposeIs"))
	d.shot("journey-edit-en")
	d.checkPage("journey-edit-en", false)
	d.step("~entry")
	d.see("the entry", d.w("build.again"))
	d.shot("journey-entry-en")
	d.axe("the entry")
	d.quiet("in English")
}
