//go:build browser

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

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
	ctx, cancel := context.WithTimeout(b.ctx, 60*time.Second)
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
	ctx, cancel := context.WithTimeout(b.ctx, 60*time.Second)
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
	b.do(name+" at 390 px", chromedp.EmulateViewport(390, 844), chromedp.Sleep(250*time.Millisecond))
	if overflow := js[float64](b, name, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); overflow > 1 {
		b.t.Errorf("%s is %v px too wide at 390 px", name, overflow)
	}
	b.shot(name + "-390")
	b.do(name, chromedp.EmulateViewport(1280, 900))
}

// TestBrowserDemoShop walks the demo as a newcomer: the shop, the live view, a person, a journey, the Outbox.
func TestBrowserDemoShop(t *testing.T) {
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

	for _, lang := range []string{"ja", "en"} {
		japanese := lang == "ja"
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
		open("/reports", "reports", pick("売上", "Revenue"))
		open("/dead", "dead", pick("取り込めなかったデータ", "Dead letters"))
		open("/settings", "settings", pick("キー", "Keys"))
	}
}
