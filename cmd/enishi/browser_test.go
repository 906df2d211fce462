//go:build browser

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// languages are those that the console is walked in: Japanese, and English too where everything is tried (make test-full).
func languages() []string {
	if full() {
		return []string{"ja", "en"}
	}
	return []string{"ja"}
}

// longWalk leaves a walk to make test-full: of pages that other walks see too, or that seldom change.
func longWalk(t *testing.T) {
	t.Helper()
	if !full() {
		t.Skip("walked by make test-full")
	}
}

func inLanguages(t *testing.T, walk func(t *testing.T, lang string)) {
	for _, lang := range languages() {
		t.Run(lang, func(t *testing.T) { walk(t, lang) })
	}
}

// browser is one Chromium with what its pages complained about.
type browser struct {
	t    *testing.T
	ctx  context.Context
	mu   sync.Mutex
	said []string
	dir  string // for screenshots; empty: none are kept
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true), chromedp.Flag("lang", "ja"),
		chromedp.Flag("blink-settings", "primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"), // a mouse, as at a desk
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 900))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(alloc)
	b := &browser{t: t, ctx: ctx, dir: os.Getenv("ENISHI_SCREENSHOTS")}
	t.Cleanup(func() { cancel(); stop() })
	err := chromedp.Listen(ctx, func(ev any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := ev.(type) {
		case *runtime.EventExceptionThrown:
			b.said = append(b.said, "exception: "+e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError {
				var args []string
				for _, a := range e.Args {
					args = append(args, string(a.Value)+a.Description)
				}
				b.said = append(b.said, "console: "+strings.Join(args, " "))
			}
		case *cdplog.EventEntryAdded:
			if e.Entry.Level == cdplog.EntryLevelError {
				b.said = append(b.said, "log: "+e.Entry.Text+" "+e.Entry.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// do runs actions and fails with the page's complaints.
func (b *browser) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText.slice(0, 1500)`))
		b.mu.Lock()
		defer b.mu.Unlock()
		b.t.Fatalf("%s: %v\n%s\n%s", what, err, text, strings.Join(b.said, "\n"))
	}
}

// js evaluates an expression on the page.
func js[T any](b *browser, what, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	return v
}

func (b *browser) quiet(what string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.said {
		b.t.Errorf("%s: %s", what, s)
	}
	b.said = nil
}

// see waits until the page's text has all the words.
func (b *browser) see(what string, words ...string) {
	b.t.Helper()
	eventually(b.t, 90*time.Second, what, func() error {
		text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		if err != nil {
			return err
		}
		for _, w := range words {
			if !strings.Contains(text, w) {
				return fmt.Errorf("no %q in:\n%s", w, text[:min(len(text), 1200)])
			}
		}
		return nil
	})
}

func (b *browser) shot(name string) {
	if b.dir == "" {
		return
	}
	b.do("settle", chromedp.Sleep(400*time.Millisecond))
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatalf("screenshot %s: %v", name, err)
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

var (
	rawID   = regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	english = regexp.MustCompile(`\b[a-z]+_[a-z_]+\b|\b(undefined|null|NaN|Invalid Date)\b`)
)

// checkPage looks for what must not show: raw ids, internal words, overflow at 390 px.
func (b *browser) checkPage(name string, japanese bool) {
	b.t.Helper()
	text := js[string](b, name, `document.querySelector("main")?.innerText ?? document.body.innerText`)
	if id := rawID.FindString(text); id != "" {
		b.t.Errorf("%s shows the raw id %s", name, id)
	}
	if japanese {
		if w := english.FindString(text); w != "" {
			b.t.Errorf("%s shows the internal word %q", name, w)
		}
	}
	eventually(b.t, 20*time.Second, name+" is loaded", func() error {
		if js[bool](b, name, `!!document.querySelector("[aria-busy=true]")`) {
			return errors.New("still loading")
		}
		return nil
	})
	b.axe(name)
	b.do(name+" at 390 px", window(390, 844), chromedp.Sleep(150*time.Millisecond))
	eventually(b.t, 5*time.Second, name+" fits into 390 px", func() error { // what was measured for the wide window is measured again
		if overflow := js[float64](b, name, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); overflow > 1 {
			return fmt.Errorf("it is %v px too wide", overflow)
		}
		return nil
	})
	b.shot(name + "-390")
	b.do(name, window(1280, 900))
}

// window gives the page a size, in px. [chromedp.EmulateViewport] would take the mouse away as well: what shows for a mouse only
// would be gone.
func window(width, height int64) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
		return err
	})
}

// axe holds the page against WCAG 2.2 AA. The canvas scales its text and the editor brings its own colours: both are left out.
func (b *browser) axe(name string) {
	b.t.Helper()
	source, err := os.ReadFile(filepath.Join("..", "..", "web", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		b.t.Fatalf("axe-core is not installed: %v", err)
	}
	b.do(name+": load axe", chromedp.Evaluate[chromedp.Void](string(source)))
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	// What still fades in has other colours: it is looked at when it stands.
	look := chromedp.Evaluate[[]string](`Promise.race([new Promise(r => setTimeout(r, 3000)), Promise.all(document.getAnimations().filter(a => a.effect.getComputedTiming().endTime < 5000).map(a => a.finished.catch(() => {})))])
		.then(() => axe.run({exclude: [[".react-flow"], [".cm-editor"]]}, {iframes: false, runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}))
		.then(r => r.violations.flatMap(v => v.nodes.slice(0, 3).map(n => v.id + ": " + n.html.slice(0, 200) + " " + n.failureSummary.slice(0, 250))))`, chromedp.EvalAwaitPromise)
	found, err := chromedp.Run(ctx, look)
	for range 3 { // a busy machine lets it fade in for longer
		if err != nil || len(found) == 0 {
			break
		}
		b.do("fade in", chromedp.Sleep(2*time.Second))
		found, err = chromedp.Run(ctx, look)
	}
	if err != nil {
		b.t.Fatalf("%s: axe: %v", name, err)
	}
	for _, f := range found {
		b.t.Errorf("%s: %s", name, f)
	}
}

// TestBrowserDemoChat: a visitor of the demo shop mentions it in a story, and is thanked by direct message.
func TestBrowserDemoChat(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--demo", "--data", t.TempDir())
	eventually(t, 60*time.Second, "the demo shop", func() error {
		return s.call("GET", "/journeys/story_thanks", nil, nil)
	})
	b := openBrowser(t)
	b.do("open the shop", chromedp.Navigate(s.base+"/demo/shop"), chromedp.WaitVisible(chromedp.CSS(`#open-chat`)), chromedp.Click(chromedp.CSS(`#open-chat`)), chromedp.WaitVisible(chromedp.CSS(`#say`)))
	b.shot("shop-chat")
	b.do("mention the shop", chromedp.Click(chromedp.CSS(`#mention`)))
	b.see("the mention", "メンションしました")
	b.do("write", chromedp.Click(chromedp.CSS(`#say`)))
	b.see("the message", "送りました。")
	b.quiet("the shop")
	eventually(t, 60*time.Second, "the thanks", func() error {
		var page struct {
			Items []struct{ Name, Journey, From string }
		}
		if err := s.call("GET", "/outbox?channel=social", nil, &page); err != nil {
			return err
		}
		if len(page.Items) != 1 || page.Items[0].Name != "縁野 花" || page.Items[0].Journey != "story_thanks" || page.Items[0].From != "instagram" {
			return fmt.Errorf("in the Outbox: %+v", page.Items)
		}
		return nil
	})
}

// TestBrowserDemoShop walks the demo as a newcomer: the shop, the live view, a person, a journey, the Outbox.
func TestBrowserDemoShop(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--demo", "--data", t.TempDir())
	b := openBrowser(t)
	b.do("open the shop", chromedp.Navigate(s.base+"/demo/shop"), chromedp.WaitVisible(chromedp.CSS(`.add`)))
	b.shot("shop")
	b.do("view a product", chromedp.Click(chromedp.CSS(`article:nth-of-type(1) .picture`)))
	b.do("sign up", chromedp.Click(chromedp.CSS(`#open-signup`)), chromedp.WaitVisible(chromedp.CSS(`#signup [value=ok]`)), chromedp.SetValue(chromedp.CSS(`#signup [name=email]`), "hana.browser@mail.example"), chromedp.Click(chromedp.CSS(`#signup [value=ok]`)))
	b.see("the shop greets", "登録しました")
	b.do("fill the cart", chromedp.Click(chromedp.CSS(`article:nth-of-type(2) .add`)), chromedp.Click(chromedp.CSS(`#open-cart`)), chromedp.WaitVisible(chromedp.CSS(`#close-cart`)))
	b.shot("shop-cart")
	b.do("leave the cart", chromedp.Click(chromedp.CSS(`#close-cart`)))
	b.quiet("the shop")

	for _, lang := range languages() {
		japanese := lang == "ja"
		// Each theme is walked in one of the languages.
		theme := map[string]string{"ja": "light", "en": "dark"}[lang]
		js[string](b, "theme", `(localStorage.setItem("mantine-color-scheme-value", "`+theme+`"), "set")`)
		open := func(path, name string, words ...string) {
			t.Helper()
			sep := "?"
			if strings.Contains(path, "?") {
				sep = "&"
			}
			b.do("open "+path, chromedp.Navigate(s.base+path+sep+"lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
			b.see(name+" in "+lang, words...)
			b.shot(name + "-" + lang)
			b.checkPage(name+"-"+lang, japanese)
			b.quiet(name + " in " + lang)
		}
		pick := func(ja, en string) string {
			if japanese {
				return ja
			}
			return en
		}
		open("/", "home", pick("はじめる", "Getting started"))
		open("/live", "live", pick("ライブ", "Live"), pick("商品閲覧", "product"))
		open("/people?q=エンノ", "people", "縁野 花")
		b.do("open the person", chromedp.Click(chromedp.CSS(`main tbody a`)), chromedp.WaitVisible(chromedp.CSS(`h1`)))
		b.see("the person in "+lang, "縁野 花", pick("行動履歴", "Timeline"))
		b.shot("person-" + lang)
		b.checkPage("person-"+lang, japanese)
		b.quiet("person in " + lang)
		open("/segments", "segments", pick("セグメント", "Segments"))
		open("/journeys", "journeys", pick("カゴ落ち", "Cart"))
		open("/journeys/cart_abandonment", "journey", pick("カゴ落ち", "Cart"), pick("流れ", "Flow"))
		open("/outbox?q=縁野", "outbox", "縁野 花")
		open("/reports", "reports", pick("売上", "Revenue"), pick("までのデータ", "Data through"))
		for _, tab := range []string{"funnel", "journeys", "messages"} {
			open("/reports?tab="+tab, "reports-"+tab, pick("までのデータ", "Data through"))
		}
		open("/dead", "dead", pick("取り込めなかったデータ", "Dead letters"))
		open("/settings", "settings", pick("キー", "Keys"))
	}
	clearDemo(t, s, b)
}

// clearDemo begins with own data from the home page: the process starts again in place, empty, and stays so.
func clearDemo(t *testing.T, s *server, b *browser) {
	t.Helper()
	if x, err := s.status(); err != nil || x.Profiles < 1000 || x.Sends["email"]["sent"] == 0 {
		t.Fatalf("there is no demo to clear: %+v, %v", x, err)
	}
	click := func(label string) string {
		return `[...document.querySelectorAll("button")].find(b => b.innerText.trim() === "` + label + `").click()`
	}
	b.do("open home", chromedp.Navigate(s.base+"/?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	b.see("the offer", "サンプルを消して始める", "デモショップ")
	js[any](b, "offer", click("サンプルを消して始める"))
	b.see("what will happen", "サンプルデータを消しますか", "元には戻せません")
	b.shot("clear")
	js[any](b, "agree", click("消して始める"))
	b.see("the first-run checklist", "はじめる 0/7", "まだジャーニーがありません")
	b.shot("cleared")
	if text := js[string](b, "home", `document.body.innerText`); strings.Contains(text, "サンプル") || strings.Contains(text, "デモショップ") {
		t.Errorf("the demo is still there:\n%s", text)
	}
	b.mu.Lock()
	b.said = nil // requests fail while the process starts again
	b.mu.Unlock()
	for _, path := range []string{"/", "/live", "/people", "/journeys", "/reports"} {
		name := "empty-" + strings.Trim(strings.NewReplacer("?tab=", "-", "/", "").Replace(path), "-")
		b.do("open "+path, chromedp.Navigate(s.base+path), chromedp.WaitVisible(chromedp.CSS(`h1`)))
		b.shot(name)
		b.checkPage(name, true)
		b.quiet(name)
	}
	empty := func(when string) {
		t.Helper()
		x, err := s.status()
		if err != nil || x.Profiles != 0 || x.Orders != 0 || len(x.Events) != 0 || len(x.Sends) != 0 {
			t.Errorf("%s: %+v, %v", when, x, err)
		}
		var session struct{ Demo bool }
		if err := s.call("GET", "/session", nil, &session); err != nil || session.Demo {
			t.Errorf("%s: demo %v, %v", when, session.Demo, err)
		}
		for _, path := range []string{"/segments", "/journeys", "/templates", "/people", "/outbox", "/keys"} {
			var list struct{ Items []any }
			if err := s.call("GET", path, nil, &list); err != nil || len(list.Items) > 0 {
				t.Errorf("%s: %s has %v, %v", when, path, list.Items, err)
			}
		}
		answer, err := http.Get(s.base + "/demo/shop")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: the shop answers %s", when, answer.Status)
		}
	}
	empty("after the click")
	s.kill()
	s.launch() // with --demo, as before
	s.waitReady()
	empty("after a start with --demo")
	key := s.enishi("key", "create", "--write", "own")
	if n, err := s.post(key, loadEvents(1)); err != nil || n == 0 {
		t.Fatalf("own data: %d, %v", n, err)
	}
	eventually(t, 20*time.Second, "own data makes a person", func() error {
		x, err := s.status()
		if err == nil && x.Profiles != 1 {
			err = fmt.Errorf("%d people", x.Profiles)
		}
		return err
	})
}
