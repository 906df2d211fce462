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
	s := start(t, []string{"ENISHI_SOURCES__REVIEWS__KIND=webhook", "ENISHI_SOURCES__REVIEWS__SIGNATURE=bearer", "ENISHI_SOURCES__REVIEWS__SECRET=hush"}, "--data", t.TempDir())
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
	d.mapping(lang)
}

// mapping looks at a call of another system that nobody could read, and writes the mapping while its result shows.
func (d *mailing) mapping(lang string) {
	t := d.t
	t.Helper()
	req, err := http.NewRequest("POST", d.s.base+"/hooks/reviews", strings.NewReader(`{"mail":"hana@mail.example","stars":5}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer hush")
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Fatal(r.Status)
	}
	d.do("the source", chromedp.Navigate(d.s.base+"/sources/reviews?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("no mapping yet", d.w("connection.notSaved"), d.w("connection.out_refused"), "/hooks/reviews")
	d.shot("source-" + lang)
	d.checkPage("source", false) // it shows names of fields
	d.click("main", d.w("connection.try"))
	d.fill("main", d.w("connection.rules"), `{"title":{"en":"Reviews","ja":"レビュー"},"format":"json","rules":[{"event":"person.identified","fields":{"person.email":"body.mial"}}]}`)
	d.see("what is wrong", d.w("connection.rule", 1))
	d.fill("main", d.w("connection.rules"), `{"title":{"en":"Reviews","ja":"レビュー"},"format":"json","rules":[{"event":"person.identified","fields":{"person.email":"body.mail"}}]}`)
	eventually(t, 20*time.Second, "the event", func() error {
		if got := js[string](d.browser, "the event", `[...document.querySelectorAll("main textarea[readonly]")].map(e => e.value).join()`); !strings.Contains(got, "hana@mail.example") {
			return errors.New(got)
		}
		return nil
	})
	d.shot("source-mapping-" + lang)
	d.checkPage("source-mapping", false)
	d.click("main", d.w("connection.save"))
	d.see("it is saved", d.w("connection.saved"))
	d.quiet("the mapping")
}
