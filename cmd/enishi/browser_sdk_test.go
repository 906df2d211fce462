//go:build browser

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestBrowserSDK: the SDK in a real browser on the demo shop: a visit by an advertisement, two tabs, a cart, signing up, a purchase
// without a connection and over a reload, and consent withdrawn. The person has everything exactly once, and nothing after that.
func TestBrowserSDK(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--demo", "--data", t.TempDir())
	b := openBrowser(t)
	d := &visit{b, s}
	shop := s.base + "/demo/shop"
	b.do("a visit", chromedp.Navigate(shop+"?utm_source=line&utm_campaign=autumn&gclid=g-1"), chromedp.WaitVisible(chromedp.CSS(`.add`)))
	b.do("a product", chromedp.Click(chromedp.CSS(`article:nth-of-type(1) .picture`)))
	id := js[string](b, "the id", `enishi.anonymousId()`)

	// Another tab of the same browser.
	ctx, stop := chromedp.NewContext(b.ctx)
	if err := chromedp.Do(ctx); err != nil { // the tab is that of the first context it is used with
		t.Fatal(err)
	}
	tab := &browser{t: t, ctx: ctx}
	tab.do("a second tab", chromedp.Navigate(shop), chromedp.WaitVisible(chromedp.CSS(`.add`)), chromedp.Click(chromedp.CSS(`article:nth-of-type(3) .picture`)))
	if other := js[string](tab, "its id", `enishi.anonymousId()`); other != id || id == "" {
		t.Errorf("the tabs are %q and %q", id, other)
	}
	tab.do("its events", chromedp.Sleep(600*time.Millisecond))
	stop()

	b.do("sign up", chromedp.Click(chromedp.CSS(`#open-signup`)), chromedp.WaitVisible(chromedp.CSS(`#signup [value=ok]`)), chromedp.SetValue(chromedp.CSS(`#signup [name=email]`), "sdk@mail.example"), chromedp.Click(chromedp.CSS(`#signup [value=ok]`)))
	b.see("the shop greets", "登録しました")
	d.waits(0)

	// The connection goes; what was done meanwhile outlives the page and arrives once it is back.
	d.connection(false)
	b.do("fill the cart", chromedp.Click(chromedp.CSS(`article:nth-of-type(2) .add`)), chromedp.Click(chromedp.CSS(`#open-cart`)), chromedp.WaitVisible(chromedp.CSS(`#buy`)), chromedp.Click(chromedp.CSS(`#buy`)))
	b.see("the order", "ご注文ありがとうございます")
	d.waits(4) // Product Added, Cart Viewed, Checkout Started, Order Completed
	d.connection(true)
	b.do("the next page", chromedp.Navigate(shop), chromedp.WaitVisible(chromedp.CSS(`.add`)))
	d.waits(0)

	d.has(map[string]int{"page.viewed": 3, "product.viewed": 2, "person.identified": 1, "user.signed_up": 1, "cart.item_added": 1, "cart.viewed": 1, "checkout.started": 1, "order.placed": 1})
	d.forget()

	b.do("withdraw", chromedp.Click(chromedp.CSS(`#consent`)))
	b.see("it is told", "送信を止めました")
	if kept := js[string](b, "what is kept", `JSON.stringify([enishi.anonymousId(), enishi.userId() ?? "", document.cookie.includes("enishi_id"), Object.keys(localStorage).filter(k => k.startsWith("enishi_") && k !== "enishi_consent")])`); kept != `["","",false,[]]` {
		t.Errorf("after the withdrawal the browser keeps %s", kept)
	}
	b.do("go on", chromedp.Click(chromedp.CSS(`article:nth-of-type(4) .picture`)), chromedp.Navigate(shop), chromedp.WaitVisible(chromedp.CSS(`.add`)), chromedp.Click(chromedp.CSS(`article:nth-of-type(4) .picture`)), chromedp.Sleep(time.Second))
	d.has(map[string]int{"page.viewed": 3, "product.viewed": 2})

	b.do("the notice", chromedp.Navigate(s.base+"/external-transmission?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`#out`)))
	b.see("the notice", "外部送信について", "この端末からの送信は止まっています。", "縁コスメ")
	b.shot("external-transmission")
	b.axe("external-transmission")
	b.do("allow", chromedp.Click(chromedp.CSS(`#in`)))
	b.see("allowed", "この端末からの送信を認めています。")
	b.do("the shop again", chromedp.Navigate(shop), chromedp.WaitVisible(chromedp.CSS(`.add`)))
	if now := js[string](b, "a new id", `enishi.anonymousId()`); now == "" || now == id {
		t.Errorf("the id after agreeing again is %q", now)
	}
	b.quiet("the notice")
	d.tag()
}

// visit is the walk of a visitor.
type visit struct {
	*browser
	s *server
}

// waits waits until so many events wait in the browser.
func (d *visit) waits(want int) {
	d.t.Helper()
	eventually(d.t, 20*time.Second, fmt.Sprintf("%d events wait", want), func() error {
		const count = `Object.keys(localStorage).filter(k => k.startsWith("enishi_queue:")).reduce((n, k) => n + JSON.parse(localStorage.getItem(k)).items.length, 0)`
		if n := js[int](d.browser, "what waits", count); n != want {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
}

func (d *visit) connection(on bool) {
	d.t.Helper()
	d.do("the connection", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{{Offline: !on, DownloadThroughput: -1, UploadThroughput: -1}}})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, t, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: !on, DownloadThroughput: -1, UploadThroughput: -1})
		return err
	}))
}

// forget leaves out what the browser complained about while it had no connection.
func (d *visit) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said = nil
}

// has compares the events of the visitor, by type. The shop lives meanwhile, so there is no moment in which nothing is on its way: the visitor's have to be the same a second
// after they came.
func (d *visit) has(want map[string]int) {
	d.t.Helper()
	var person string
	eventually(d.t, 30*time.Second, "the person", func() error {
		var page struct{ Items []struct{ ID string } }
		if err := d.s.call("GET", "/people?q="+url.QueryEscape("sdk@mail.example"), nil, &page); err != nil {
			return err
		}
		if len(page.Items) != 1 {
			return fmt.Errorf("%d people", len(page.Items))
		}
		person = page.Items[0].ID
		return nil
	})
	var since time.Time
	eventually(d.t, 30*time.Second, "the events", func() error {
		var page struct {
			Items []struct{ Type, Source string }
		}
		if err := d.s.call("GET", "/people/"+person+"/timeline?limit=200", nil, &page); err != nil {
			return err
		}
		got := map[string]int{}
		for _, x := range page.Items {
			got[x.Type]++
		}
		for name, n := range want {
			if got[name] != n {
				since = time.Time{}
				return errors.New(fmt.Sprint(name, ": ", got))
			}
		}
		if since.IsZero() {
			since = time.Now()
		}
		if time.Since(since) < time.Second {
			return errors.New("they may become more")
		}
		return nil
	})
}

// tag looks at the page that gives the tag.
func (d *visit) tag() {
	d.t.Helper()
	for _, lang := range languages() {
		d.do("the tag", chromedp.Navigate(d.s.base+"/settings/tag?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
		d.see("the tag", "/sdk.js", "EnishiPixel.start", "/external-transmission")
		d.shot("tag-" + lang)
		d.checkPage("tag-"+lang, lang == "ja")
		d.quiet("the tag")
	}
	js[any](d.browser, "with integrity", `document.querySelector("input[role=switch]").click()`)
	d.see("integrity", `integrity="sha384-`)
}
