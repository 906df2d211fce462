//go:build browser

package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestBrowserJourneyForms: a journey that begins before a birthday and calls another system is drawn from nothing, by the mouse and by
// the keyboard; what is wrong stands at its field; it is saved, read back, printed and kept as a picture.
func TestBrowserJourneyForms(t *testing.T) {
	t.Parallel()
	longWalk(t)
	s := start(t, nil, "--data", t.TempDir())
	d := drawing{&mailing{builder: builder{openBrowser(t)}, s: s}}
	d.speak("ja")
	d.dateEntry()
	d.call()
	d.window()
	d.keyboard()
	d.readBack()
	d.files()
	d.formsEnglish()
}

// dateEntry begins three days before the birthday.
func (d drawing) dateEntry() {
	d.t.Helper()
	d.open("an empty journey", "/journeys/greeting/edit?new=1&lang=ja")
	d.fill("section", d.w("build.title"), "誕生日の前のお知らせ")
	d.step("~entry")
	d.click("section", d.w("build.entry_date"))
	d.pick("section", d.w("build.dateTrait"), "renewed_on") // that nobody has yet
	d.see("by its name", "毎年のrenewed_on")
	d.pick("section", d.w("build.dateTrait"), d.w("build.birthday"))
	d.option(d.w("build.dateWhen"), "before")
	d.fill("section", d.w("build.howMuch"), "3")
	d.option(d.w("build.again"), "after_exit")
	d.see("in words", "毎年の誕生日の 3 日前")
	d.axe("the entry by a date")
	d.shot("journey-date-ja")
}

// call puts in the call of another system, and is told what is wrong with it, first by the console, then by the server.
func (d drawing) call() {
	d.t.Helper()
	d.insert("毎年の誕生日の 3 日前", "webhook")
	d.click("main", d.w("build.save"))
	d.wrong(d.w("build.hookURL"), d.w("trouble.url"))
	d.fill("section", d.w("build.hookURL"), "https://169.254.169.254/latest")
	d.click("main", d.w("build.save"))
	d.see("the server refuses it", d.w("build.troubles", 1))
	d.wrong(d.w("build.hookURL"), "")
	d.said = nil // the save that was refused
	d.shot("journey-webhook-wrong-ja")
	d.axe("what is wrong with a call")
	d.fill("section", d.w("build.hookURL"), "https://crm.shop.example/hooks")
	d.fill("section", d.w("build.hookHeaders"), "X-Shop: enishi\nno header")
	d.wrong(d.w("build.hookHeaders"), d.w("build.hookHeaderBad", 2))
	d.fill("section", d.w("build.hookHeaders"), "X-Shop: enishi\nX-Kind: birthday")
	d.fill("section", d.w("build.hookBody"), `{"id": {{ person.customer_id }}}`)
	d.click("section", d.w("build.hookWait"))
	d.fill("section", d.w("build.timeout"), "5")
	d.click("section", d.w("build.hookFailure"))
	d.see("what can be done with the answer", "run.webhook.status", d.w("build.nextOf", d.w("flow.failed")))
	d.shot("journey-webhook-ja")
	d.axe("the form of a call")
	d.quiet("the forms")
}

// wrong waits until a field is marked, with a text below it; empty: any.
func (d drawing) wrong(label, text string) {
	d.t.Helper()
	eventually(d.t, 20*time.Second, label+" is wrong", func() error {
		got := js[string](d.browser, label, fmt.Sprintf(`(() => { const e = [...document.querySelectorAll("section :is(input, textarea)")].find(e => e.labels?.[0]?.innerText.trim() === %q);
			return e?.getAttribute("aria-invalid") === "true" ? (e.closest(".mantine-InputWrapper-root").querySelector(".mantine-InputWrapper-error")?.innerText ?? "") : ""; })()`, label))
		if got == "" || text != "" && got != text {
			return fmt.Errorf("it says %q; above stands %q", got, js[string](d.browser, "alerts", `[...document.querySelectorAll("[role=alert]")].map(e => e.innerText).join()`))
		}
		return nil
	})
}

// window makes the browser's window narrow while a condition is written: it is still there.
func (d drawing) window() {
	d.t.Helper()
	d.step("~entry")
	d.click("section", d.w("build.noCondition"))
	d.see("the window", d.w("build.aboutJourney"))
	d.do("a narrow window", window(390, 844), chromedp.Sleep(300*time.Millisecond), window(1280, 900))
	d.pick("[role=dialog]", d.w("build.choose"), d.w("known.noMessage"))
	d.do("delete a step behind it", chromedp.KeyEvent(kb.Delete))
	d.click("[role=dialog]", d.w("build.take"))
	d.see("the condition", d.w("known.noMessage"))
	if !js[bool](d.browser, "the step", `!!document.querySelector('[data-step="webhook"]')`) {
		d.t.Error("a key that was pressed in a window took a step away")
	}
	d.quiet("a narrow window")
}

// keyboard goes through the canvas without a mouse: along the ways, copies, pastes, takes back, takes away.
func (d drawing) keyboard() {
	d.t.Helper()
	steps := func(want string) {
		d.t.Helper()
		eventually(d.t, 10*time.Second, "the steps are "+want, func() error {
			if got := js[string](d.browser, "steps", `[...document.querySelectorAll("[data-step]")].map(e => e.dataset.step).sort().join(" ")`); got != want {
				return errors.New(got)
			}
			return nil
		})
	}
	d.do("focus the entry", chromedp.Focus(chromedp.CSS(`.react-flow__node[data-id="~entry"]`)), chromedp.KeyEvent(kb.ArrowDown))
	d.see("the step below", d.w("build.hookURL"))
	ctrl := chromedp.KeyModifiers(chromedp.ModifierCtrl)
	d.do("copy and paste", chromedp.KeyEvent("c", ctrl))
	d.see("it says so", d.w("build.copied", d.w("node.webhook")))
	d.do("paste", chromedp.KeyEvent("v", ctrl))
	steps("exit webhook webhook_2 ~entry")
	d.do("undo", chromedp.KeyEvent("z", ctrl))
	steps("exit webhook ~entry")
	d.do("redo", chromedp.KeyEvent("y", ctrl))
	steps("exit webhook webhook_2 ~entry")
	d.step("webhook_2")
	d.do("delete", chromedp.Focus(chromedp.CSS(`.react-flow__node[data-id="webhook_2"]`)), chromedp.KeyEvent(kb.Delete))
	steps("exit webhook ~entry")
	d.fill("section", d.w("build.title"), "誕生日の前のお知らせ")
	d.do("save from within a field", chromedp.KeyEvent("s", ctrl))
	d.quiet("the keyboard")
}

// readBack compares what the server has, and what the page shows of it when it is opened again.
func (d drawing) readBack() {
	d.t.Helper()
	var x struct {
		Definition struct {
			Entry map[string]any
			Nodes map[string]json.RawMessage
		}
	}
	eventually(d.t, 20*time.Second, "it is saved", func() error { return d.s.call("GET", "/journeys/greeting", nil, &x) })
	if got, want := fmt.Sprint(x.Definition.Entry), "map[date:birthday offset:-3d reentry:after_exit time:10:00 where:run.messages_before == 0 yearly:true]"; got != want {
		d.t.Errorf("the entry is %s, not %s", got, want)
	}
	var call map[string]any
	if err := json.Unmarshal(x.Definition.Nodes["webhook"], &call); err != nil {
		d.t.Fatal(err)
	}
	if got, want := fmt.Sprint(call), `map[next:exit on_failure:exit timeout:5m type:webhook webhook:map[body:{"id": {{ person.customer_id }}} headers:map[X-Kind:birthday X-Shop:enishi] url:https://crm.shop.example/hooks]]`; got != want {
		d.t.Errorf("the call is %s, not %s", got, want)
	}
	d.open("it again", "/journeys/greeting/edit?lang=ja")
	d.step("webhook")
	d.see("the form", d.w("build.hookURL"))
	fields := js[string](d.browser, "fields", `[...document.querySelectorAll("section :is(input, textarea)")].filter(e => e.offsetParent && e.type !== "checkbox").map(e => e.value).filter(Boolean).join("|")`)
	for _, want := range []string{"https://crm.shop.example/hooks", "X-Shop: enishi", "X-Kind: birthday", `{"id": {{ person.customer_id }}}`, "5"} {
		if !strings.Contains(fields, want) {
			d.t.Errorf("the form does not have %s: %s", want, fields)
		}
	}
	d.checkPage("journey-forms-ja", true)
	d.step("~entry")
	d.see("the entry", d.w("build.dateWhen"))
	d.quiet("read back")
}

// files keeps the picture: both files arrive, can be read, and have the names.
func (d drawing) files() {
	d.t.Helper()
	dir := d.t.TempDir()
	d.open("on paper", "/journeys/greeting/print?lang=ja")
	d.see("the picture", d.w("print.steps"), d.w("print.svg"))
	d.do("downloads", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir})
		return err
	}))
	file := func(kind string) *os.File {
		d.t.Helper()
		d.click("main", d.w("print."+kind))
		path := filepath.Join(dir, "greeting."+kind)
		eventually(d.t, 30*time.Second, path, func() error {
			if half, _ := filepath.Glob(filepath.Join(dir, "*.crdownload")); len(half) > 0 {
				return errors.New("still coming")
			}
			_, err := os.Stat(path)
			return err
		})
		f, err := os.Open(path)
		if err != nil {
			d.t.Fatal(err)
		}
		d.t.Cleanup(func() { f.Close() })
		return f
	}
	var texts strings.Builder
	dec := xml.NewDecoder(file("svg"))
	root := ""
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			d.t.Fatalf("the SVG cannot be read: %v", err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			if root == "" {
				root = x.Name.Space + " " + x.Name.Local
			}
		case xml.CharData:
			texts.Write(x)
		}
	}
	if root != "http://www.w3.org/2000/svg svg" {
		d.t.Errorf("the SVG begins with %s", root)
	}
	for _, want := range []string{"毎年の誕生日の 3 日前", d.w("node.webhook"), "crm.shop.example", d.w("flow.failed"), d.w("node.exit")} {
		if !strings.Contains(texts.String(), want) {
			d.t.Errorf("the SVG does not have %s: %s", want, texts.String())
		}
	}
	img, err := png.Decode(file("png"))
	if err != nil {
		d.t.Fatalf("the PNG cannot be read: %v", err)
	}
	b := img.Bounds()
	if b.Dx() < 400 || b.Dy() < 600 {
		d.t.Errorf("the PNG is %v", b)
	}
	dark := 0
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if r, g, bl, _ := img.At(x, y).RGBA(); r+g+bl < 3*0x4000 {
				dark++
			}
		}
	}
	if dark < 500 { // letters
		d.t.Errorf("the PNG has %d dark pixels", dark)
	}
	d.quiet("the files")
}

func (d drawing) formsEnglish() {
	d.t.Helper()
	d.speak("en")
	js[string](d.browser, "dark", `(localStorage.setItem("mantine-color-scheme-value", "dark"), "set")`)
	d.open("in English", "/journeys/greeting/edit?lang=en")
	d.see("the canvas", "3 days before Birthday, every year")
	d.step("webhook")
	d.see("the form", d.w("build.hookBody"))
	d.shot("journey-webhook-en")
	d.checkPage("journey-webhook-en", false)
	d.step("~entry")
	d.see("the entry", d.w("build.dateWhen"))
	d.axe("the entry in English")
	d.quiet("in English")
}
