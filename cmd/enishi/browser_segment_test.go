//go:build browser

package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// builder drives the console's segment builder by what a person sees: labels, words, places from top to bottom.
type builder struct{ *browser }

// nth marks the n-th visible control of a name, -1 the last, so that it can be clicked and typed into.
func (b builder) nth(label string, n int) chromedp.CSS {
	b.t.Helper()
	eventually(b.t, 10*time.Second, label, func() error {
		if !js[bool](b.browser, label, fmt.Sprintf(`(() => {
			document.querySelectorAll("[data-here]").forEach(e => e.removeAttribute("data-here"));
			const all = [...document.querySelectorAll(":is(main, [role=dialog]) :is(input, textarea, select, button)")].filter(e => e.type !== "hidden" && e.offsetParent && (e.getAttribute("aria-label") ?? e.labels?.[0]?.innerText ?? e.innerText).replace(/ ?\*$/, "").trim() === %q);
			all.at(%d)?.setAttribute("data-here", "");
			return !!document.querySelector("[data-here]");
		})()`, label, n)) {
			return errors.New("is not there")
		}
		return nil
	})
	return chromedp.CSS(`[data-here]`)
}

func (b builder) press(label string, n int) {
	b.t.Helper()
	b.nth(label, n)
	js[any](b.browser, label, hold)
}

// hold goes to the marked control wherever it is by now: the page grows and shrinks as answers come.
const hold = `(() => { const e = document.querySelector("[data-here]"); e.focus(); e.click(); e.select?.(); })()`

// write replaces what a control holds.
func (b builder) write(label string, n int, text string) {
	b.t.Helper()
	at := b.nth(label, n)
	js[any](b.browser, label, hold)
	b.do("write "+label, chromedp.SendKeys(at, text))
}

// choose picks a word: of a list of the browser, or of one of ours by typing it.
func (b builder) choose(label string, n int, word string) {
	b.t.Helper()
	at := b.nth(label, n)
	if js[bool](b.browser, label, fmt.Sprintf(`(() => {
		const e = document.querySelector("[data-here]");
		if (e.tagName !== "SELECT") return false;
		Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, "value").set.call(e, [...e.options].find(o => o.text === %q).value);
		e.dispatchEvent(new Event("change", {bubbles: true}));
		return true;
	})()`, word)) {
		return
	}
	js[any](b.browser, label, hold)
	b.do("choose "+word, chromedp.SendKeys(at, word))
	eventually(b.t, 10*time.Second, "the option "+word, func() error {
		if !js[bool](b.browser, word, fmt.Sprintf(`(() => { const o = [...document.querySelectorAll("[role=option]")].find(o => o.offsetParent && o.innerText.trim() === %q); o?.click(); return !!o; })()`, word)) {
			return errors.New("is not offered")
		}
		return nil
	})
	b.do("close the list", chromedp.Evaluate[chromedp.Void](`document.activeElement?.blur()`))
}

// conditions is what all blocks hold, from top to bottom.
func (b builder) conditions() string {
	b.t.Helper()
	return js[string](b.browser, "blocks", `[...document.querySelectorAll("main .block, main .block *")].filter(e => e.offsetParent && e.type !== "hidden").map(e => e.tagName === "SELECT" ? e.selectedOptions[0].text : e.tagName === "INPUT" || e.tagName === "TEXTAREA" ? e.value : e.classList.contains("mantine-Pill-label") ? e.innerText : "").filter(Boolean).join(" / ")`)
}

// TestBrowserSegmentBuilder: a newcomer builds a segment by blocks alone, looks at its expression, saves it and finds it again.
func TestBrowserSegmentBuilder(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--demo", "--data", t.TempDir())
	b := builder{openBrowser(t)}
	eventually(t, 60*time.Second, "the demo shop", func() error {
		if n := counted(t, s, "orders_count >= 1").Count; n < 500 {
			return fmt.Errorf("%d buyers", n)
		}
		return nil
	})
	b.do("open the builder", chromedp.Navigate(s.base+"/segments/new?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	b.write("名前", 0, "肌ケアに戻ってきた人")
	b.write("内部名", 0, "skin_return")

	b.press("注文・行動の条件", 0) // two orders over 5,000 yen in a year
	b.write("件数", 0, "2")
	b.write("期間", 0, "365")
	b.press("絞り込み", 0)
	b.choose("項目", -1, "支払合計")
	b.see("what is missing", "数値を入力してください")
	b.write("値", 0, "5000")

	b.press("注文・行動の条件", 0) // none in 90 days
	b.choose("件数の条件", 1, "1 件もない")
	b.write("期間", 1, "90")

	b.press("顧客の条件", 0) // LINE friend with consent
	b.choose("項目", -1, "LINE 友だち")
	b.press("顧客の条件", 0)
	b.choose("項目", -1, "配信許可（LINE）")

	b.press("注文・行動の条件", 0) // viewed skin care this week
	b.choose("注文・行動の種類", 2, "商品閲覧")
	b.write("期間", 2, "7")
	b.press("絞り込み", 2)
	b.choose("項目", -1, "カテゴリ")
	b.choose("値", -1, "化粧水")
	b.choose("値", -1, "メイク")

	const want = `count(orders, .placed_at > ago("365d") && .total >= 5000) >= 2 && none(orders, .placed_at > ago("90d")) && line_friend && consent.line && any(views, .at > ago("7d") && .category in ["化粧水", "メイク"])`
	found := counted(t, s, want)
	if found.Count == 0 || len(found.Sample) == 0 {
		t.Fatalf("the demo shop has nobody for it: %+v", found)
	}
	b.see("count, reach and people", "対象", "メール", "郵送", "SMS", "どれも不可", "対象の例", found.Sample[0].Name)
	eventually(t, 10*time.Second, "the count follows", func() error {
		text := js[string](b.browser, "count", `document.querySelector("main [aria-live=polite]").innerText`)
		if !strings.HasPrefix(strings.Join(strings.Fields(text), " "), fmt.Sprintf("対象 %d ", found.Count)) {
			return fmt.Errorf("want %d: %s", found.Count, text)
		}
		return nil
	})
	built := b.conditions()
	b.shot("builder-ja")
	b.checkPage("builder", true)

	b.do("look at the expression", chromedp.Click(chromedp.CSS(`input[type=radio][value=text] + label`)), chromedp.WaitVisible(chromedp.CSS(`.cm-content`)))
	if text := js[string](b.browser, "expression", `document.querySelector(".cm-content").innerText`); strings.Join(strings.Fields(text), " ") != want {
		t.Errorf("the expression is %s", text)
	}
	b.shot("builder-expression-ja")
	b.do("back to the blocks", chromedp.Click(chromedp.CSS(`input[type=radio][value=blocks] + label`)), chromedp.WaitVisible(chromedp.CSS(`main .block`)))
	if again := b.conditions(); again != built {
		t.Errorf("the blocks were\n%s\nand are\n%s", built, again)
	}
	b.press("保存", 0)
	eventually(t, 20*time.Second, "it is saved", func() error {
		var row struct{ Expression string }
		err := s.call("GET", "/segments/skin_return", nil, &row)
		if err == nil && strings.Join(strings.Fields(row.Expression), " ") != want {
			t.Fatalf("saved %s", row.Expression)
		}
		return err
	})
	b.do("come back later", chromedp.Navigate(s.base+"/segments/skin_return?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`main .block`)))
	b.see("the saved segment", "肌ケアに戻ってきた人", "対象の例")
	if again := b.conditions(); again != built {
		t.Errorf("the blocks were\n%s\nand are after a reload\n%s", built, again)
	}
	b.quiet("the builder")
	b.templates(s)
}

// templates: the gallery opens in the builder; groups, and what has no block form, in the other language and theme.
func (b builder) templates(s *server) {
	b.t.Helper()
	js[string](b.browser, "theme", `(localStorage.setItem("mantine-color-scheme-value", "dark"), "set")`)
	b.do("open a template", chromedp.Navigate(s.base+"/segments/new?from=cart-left&lang=en"), chromedp.WaitVisible(chromedp.CSS(`main .block-group .block`)))
	b.press("Group", -1)
	b.press("Duplicate", 0)
	before := b.conditions()
	b.press("Remove", 0)
	b.press("Undo", 0)
	if again := b.conditions(); again != before {
		b.t.Errorf("undo gives\n%s\nnot\n%s", again, before)
	}
	b.shot("builder-en")
	b.checkPage("builder-template", false)
	b.quiet("a template")
}

type preview struct {
	Count  int64
	Sample []struct{ Name string }
}

func counted(t *testing.T, s *server, expression string) (p preview) {
	t.Helper()
	if err := s.call("POST", "/segments/preview", map[string]string{"expression": expression}, &p); err != nil {
		t.Log(err)
	}
	return p
}
