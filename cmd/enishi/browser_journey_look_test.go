//go:build browser

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserJourneyLook: two versions of a journey side by side and back to the older one; where somebody stands; the draft as she
// would go through it; on paper; on the past, down to one person's way.
func TestBrowserJourneyLook(t *testing.T) {
	t.Parallel()
	longWalk(t)
	s := start(t, nil, "--data", t.TempDir())
	s.put("setting", "brand", map[string]any{"name": "縁コスメ", "address": "東京都中央区銀座0-0-0", "contact": "0120-000-000", "url": "https://shop.example/"})
	d := drawing{&mailing{builder: builder{openBrowser(t)}, s: s}}
	d.speak("ja")
	hanako := d.people()
	d.versions()
	d.place(hanako)
	d.foreseen()
	d.paper()
	d.past()
	d.lookEnglish(hanako)
}

// people puts two people into the journey: one stands in it, of the other only the past is known.
func (d drawing) people() (hanako string) {
	d.t.Helper()
	var gallery struct {
		Items []struct {
			Name       string
			Definition json.RawMessage
		}
	}
	if err := d.s.call("GET", "/journeys/gallery", nil, &gallery); err != nil {
		d.t.Fatal(err)
	}
	for _, g := range gallery.Items {
		if g.Name == "cart_abandonment" {
			if err := d.s.call("PUT", "/journeys/cart_abandonment", map[string]any{"definition": g.Definition, "status": "live", "expect": 0, "reason": "カゴ落ちを始める"}, nil); err != nil {
				d.t.Fatal(err)
			}
		}
	}
	key := d.s.enishi("key", "create", "--write")
	now := time.Now().UTC()
	person := func(id, given string) map[string]any {
		return map[string]any{"customer_id": id, "email": id + "@mail.example", "traits": map[string]any{"family_name": "佐藤", "given_name": given}}
	}
	cart := func(id, event string, at time.Time) map[string]any {
		return map[string]any{"type": "cart.updated", "id": event, "occurred_at": at.Format(time.RFC3339), "person": map[string]any{"customer_id": id},
			"web": map[string]any{"cart_id": "k-" + event, "lines": []any{map[string]any{"product_id": "p-1", "quantity": 1, "name": "美容液"}}}}
	}
	at := now.Add(-70 * time.Hour).Format(time.RFC3339)
	n, err := d.s.post(key, []map[string]any{
		{"type": "user.signed_up", "id": "s-1", "occurred_at": at, "person": person("h1", "花子"), "consent": []any{map[string]any{"channel": "email", "state": "in", "method": "form:signup"}}},
		{"type": "user.signed_up", "id": "s-2", "occurred_at": at, "person": person("t1", "太郎")},
		cart("h1", "c-1", now.Add(-60*time.Hour)), cart("t1", "c-2", now.Add(-60*time.Hour)), cart("h1", "c-3", now)})
	if n != 5 || err != nil {
		d.t.Fatal(n, err)
	}
	eventually(d.t, 60*time.Second, "she is in it", func() error {
		var x struct {
			Items []struct{ Profile, Name string }
		}
		if err := d.s.call("GET", "/journeys/cart_abandonment/people", nil, &x); err != nil {
			return err
		}
		for _, p := range x.Items {
			if p.Name == "佐藤 花子" {
				hanako = p.Profile
				return nil
			}
		}
		return fmt.Errorf("%+v", x)
	})
	return hanako
}

func (d drawing) open(what, path string) {
	d.t.Helper()
	d.do(what, chromedp.Navigate(d.s.base+path), chromedp.WaitVisible(chromedp.CSS(`main h1`)))
}

// versions changes a draft, compares it with the version that is live, and goes back.
func (d drawing) versions() {
	d.t.Helper()
	var page struct {
		Version    int64
		Definition map[string]any
	}
	if err := d.s.call("GET", "/journeys/cart_abandonment", nil, &page); err != nil {
		d.t.Fatal(err)
	}
	nodes := page.Definition["nodes"].(map[string]any)
	nodes["quiet_cart"].(map[string]any)["timeout"] = "30m"
	nodes["gift"] = map[string]any{"type": "points", "points": map[string]any{"amount": 50, "reason": "お待ちしています"}, "next": "done"}
	nodes["watch"].(map[string]any)["next"] = "gift"
	if err := d.s.call("PUT", "/journeys/cart_abandonment", map[string]any{"definition": page.Definition, "status": "draft", "expect": page.Version, "reason": "待ち時間を短く"}, nil); err != nil {
		d.t.Fatal(err)
	}
	d.open("the versions", "/journeys/cart_abandonment?lang=ja&tab=history")
	d.see("who and why", "待ち時間を短く", "カゴ落ちを始める", d.w("versions.acting"))
	d.open("one beside the other", fmt.Sprintf("/journeys/cart_abandonment?lang=ja&tab=history&version=%d", page.Version))
	d.see("what changed, in words", d.w("change.before"), "30 分", "1 時間", "＋ "+d.w("change.added"), "50 ポイント", d.w("changed.timeout"))
	eventually(d.t, 10*time.Second, "it is marked on the canvas", func() error {
		if got := js[string](d.browser, "marks", `[...document.querySelectorAll("[data-look]")].map(e => e.dataset.step + " " + e.dataset.look).sort().join()`); got != "gift ＋ 追加,quiet_cart ≠ 変更,watch ≠ 変更" {
			return errors.New(got)
		}
		return nil
	})
	d.shot("journey-versions-ja")
	d.checkPage("journey-versions-ja", true)
	d.click("main", d.w("versions.restore"))
	d.see("what it means", d.w("versions.restoreTitle"))
	d.click("[role=dialog]", d.w("versions.restore"))
	eventually(d.t, 20*time.Second, "the older one is a draft again", func() error {
		if x := d.now(); x.Status != "draft" || x.Definition.Nodes["quiet_cart"].Timeout != "1h" || x.Version <= page.Version {
			return fmt.Errorf("%+v", x)
		}
		return nil
	})
	d.see("the builder", d.w("build.whole"))
	d.quiet("versions")
}

// place finds somebody by name and sees where she stands; and why another is not in it.
func (d drawing) place(hanako string) {
	d.t.Helper()
	d.open("the journey", "/journeys/cart_abandonment?lang=ja")
	var moves struct {
		Items []struct {
			From, To string
			Count    int
		}
	}
	eventually(d.t, 20*time.Second, "the ways are counted", func() error {
		if err := d.s.call("GET", "/journeys/cart_abandonment/moves", nil, &moves); err != nil || len(moves.Items) == 0 || moves.Items[0].From != "" || moves.Items[0].To != "quiet_cart" {
			return fmt.Errorf("%+v, %w", moves, err)
		}
		return nil
	})
	want := d.w("journey.times", moves.Items[0].Count)
	eventually(d.t, 20*time.Second, "the way from the entry says "+want, func() error {
		if got := js[string](d.browser, "the way", `document.querySelector('[data-way="~entry.start"]')?.innerText ?? ""`); got != want {
			return errors.New(got)
		}
		return nil
	})
	d.shot("journey-moves-ja")
	d.pick("main", d.w("place.find"), "佐藤 花子")
	d.see("where she stands", "「カートが 1 時間動かないのを待つ」にいます", "● "+d.w("place.here"))
	d.shot("journey-place-ja")
	d.checkPage("journey-place-ja", true)
	d.open("her page", "/people/"+hanako+"?lang=ja")
	d.see("her journeys", "カゴ落ち")
	d.click("main", "カゴ落ち")
	d.see("and back to her step", "● "+d.w("place.here"))
	d.quiet("where she stands")
}

// foreseen goes through the draft as she would.
func (d drawing) foreseen() {
	d.t.Helper()
	d.open("the builder", "/journeys/cart_abandonment/edit?lang=ja")
	d.see("the canvas", d.w("build.whole"))
	d.pick("main", d.w("asPerson.choose"), "佐藤 花子")
	d.see("she is in it already", "このジャーニーの途中のため、始まりません")
	eventually(d.t, 20*time.Second, "the message goes out by mail", func() error {
		if got := js[string](d.browser, "the message", `[...document.querySelectorAll("[data-look]")].map(e => e.dataset.look).join()`); got != "✓ "+d.w("channel.email") {
			return errors.New(got)
		}
		return nil
	})
	id := js[string](d.browser, "the step", `document.querySelector("[data-look]").dataset.step`)
	d.step(id)
	d.see("as she reads it", d.w("asPerson.for", "佐藤 花子"), d.w("asPerson.goes"))
	d.shot("journey-foreseen-ja")
	d.checkPage("journey-foreseen-ja", true)
	d.quiet("as she would go")
}

func (d drawing) paper() {
	d.t.Helper()
	d.open("on paper", "/journeys/cart_abandonment/print?lang=ja")
	d.see("the steps and the copy", d.w("print.steps"), "1. カートが 1 時間動かないのを待つ", d.w("changed.timeout")+": 1 時間", d.w("node.entry"))
	if n := js[int](d.browser, "the picture", `document.querySelectorAll("#journey-picture text").length`); n < 12 {
		d.t.Errorf("the picture has %d texts", n)
	}
	d.shot("journey-print-ja")
	d.checkPage("journey-print-ja", true)
	d.quiet("on paper")
}

// past tries the journey on the last days: both had a cart, one may be written to.
func (d drawing) past() {
	d.t.Helper()
	d.open("the past", "/journeys/cart_abandonment/try?lang=ja")
	d.see("the question", d.w("tries.nothingSent"))
	d.days(4)
	d.shot("journey-try-ja")
	d.click("main", d.w("tries.start"))
	d.see("the result", d.w("tries.byDay"), "実際にあったものです", d.w("tries.ends"))
	d.shot("journey-tried-ja")
	d.checkPage("journey-tried-ja", true)
	d.click("main", d.w("tries.sentLabel")+" 1")
	d.see("who would have been written to", "佐藤 花子")
	d.click("[role=dialog]", "佐藤 花子")
	d.see("her way", d.w("tries.kind_entered"), d.w("tries.kind_decision")+" "+d.w("channel.email"))
	d.shot("journey-trace-ja")
	d.axe("her way")
	d.quiet("the past")
}

// days chooses the last days to try on.
func (d drawing) days(n int) {
	d.t.Helper()
	d.click("main", d.w("tries.span_own"))
	zone := time.FixedZone("JST", 9*3600)
	today := time.Now().In(zone)
	for label, at := range map[string]time.Time{"tries.from": today.AddDate(0, 0, -n), "tries.to": today} {
		set := fmt.Sprintf(`(() => { const e = [...document.querySelectorAll("main input[type=date]")].find(e => e.labels?.[0]?.innerText.trim() === %q); if (!e) return false;
			Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(e, %q); e.dispatchEvent(new Event("input", {bubbles: true})); return true; })()`, d.w(label), at.Format("2006-01-02"))
		eventually(d.t, 10*time.Second, label, func() error {
			if !js[bool](d.browser, label, set) {
				return errors.New("is not there")
			}
			return nil
		})
	}
}

func (d drawing) lookEnglish(hanako string) {
	d.t.Helper()
	d.speak("en")
	js[string](d.browser, "dark", `(localStorage.setItem("mantine-color-scheme-value", "dark"), "set")`)
	d.open("in English", "/journeys/cart_abandonment?lang=en&person="+hanako)
	d.see("where she stands", "Is at “Wait until the cart is still for an hour”", d.w("place.here"))
	d.shot("journey-place-en")
	d.checkPage("journey-place-en", false)
	d.open("in English", "/journeys/cart_abandonment/try?lang=en")
	var x struct{ Items []struct{ ID string } }
	if err := d.s.call("GET", "/journeys/cart_abandonment/simulations", nil, &x); err != nil || len(x.Items) != 1 {
		d.t.Fatal(x, err)
	}
	d.open("the result", "/journeys/cart_abandonment/try?lang=en&id="+x.Items[0].ID)
	d.see("the result", d.w("tries.byDay"), "observed, not caused")
	d.shot("journey-tried-en")
	d.checkPage("journey-tried-en", false)
	d.quiet("in English")
}
