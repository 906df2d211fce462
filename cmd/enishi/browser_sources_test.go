//go:build browser

package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserSources: what came in is seen by source and by type; the alarm of a source is changed; a call with the code of "my browser
// now" is shown as it came, one that is refused with its reason.
func TestBrowserSources(t *testing.T) {
	t.Parallel()
	inLanguages(t, walkSources)
}

func walkSources(t *testing.T, lang string) {
	s := start(t, nil, "--data", t.TempDir())
	d := &mailing{builder: builder{openBrowser(t)}, s: s}
	d.speak(lang)
	key := s.enishi("key", "create", "--write")
	var batch []map[string]any
	for i := range 12 {
		batch = append(batch, map[string]any{"type": "track", "event": "Product Viewed", "anonymousId": string(rune('a' + i)), "properties": map[string]any{"product_id": "p1", "price": 1200}})
	}
	batch = append(batch, map[string]any{"type": "track", "event": "Quiz", "anonymousId": "a", "properties": map[string]any{"points": 80}})
	if n, err := s.post(key, batch); n != len(batch) || err != nil {
		t.Fatal(n, err)
	}
	s.settled(60 * time.Second)
	open := func(what, path string, words ...string) {
		t.Helper()
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		d.do(what, chromedp.Navigate(s.base+path+sep+"lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
		d.see(what, words...)
	}
	var sources struct{ Items []struct{ Name string } }
	if err := s.call("GET", "/sources", nil, &sources); err != nil || len(sources.Items) != 1 {
		t.Fatal(sources, err)
	}
	open("the sources", "/sources", sources.Items[0].Name, d.w("sources.is_ok"), "13")
	d.click("main", d.w("sources.more", sources.Items[0].Name))
	d.see("a source", d.w("sources.change"), d.w("sources.month"))
	d.shot("sources-" + lang)
	d.checkPage("sources", lang == "ja")
	d.click("main", d.w("sources.change"))
	d.see("the alarm", d.w("sources.minutes"))
	d.click("[role=dialog]", d.w("sources.tell"))
	d.click("[role=dialog]", d.w("sources.save"))
	d.see("an alarm that is off", d.w("sources.alarmOff"))
	open("the types", "/sources/events", d.w("types.own"), "12")
	d.shot("event-types-" + lang)
	d.checkPage("event types", lang == "ja")
	open("a type", "/sources/events?type=product.viewed", d.w("types.properties"), "web.product.product_id", "p1")
	d.shot("event-type-" + lang)
	d.checkPage("an event type", false) // it shows paths of the public JSON
	open("my browser", "/sources/debug", d.w("debug.none"))
	code := js[string](d.browser, "the code", `document.querySelector("main code").innerText.split("=")[1]`)
	if len(code) != 8 {
		t.Fatalf("the code is %q", code)
	}
	for key, status := range map[string]int{key: http.StatusAccepted, "no-key": http.StatusUnauthorized} {
		r, err := http.Post(s.base+"/v1/track", "application/json", strings.NewReader(`{"writeKey":"`+key+`","event":"Product Viewed","anonymousId":"mine","properties":{"product_id":"p1"},"context":{"debug":"`+code+`"}}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != status {
			t.Fatal(errors.New(r.Status))
		}
	}
	d.see("two calls", d.w("debug.accepted"), d.w("debug.refused"), map[string]string{"ja": "送信キーがないか", "en": "the write key is missing"}[lang])
	d.shot("my-browser-" + lang)
	d.checkPage("my browser", false)
	d.quiet("the walk")
}
