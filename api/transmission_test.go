package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTransmission: the page on what is sent is made of the settings, in both languages, and leads to the shop where a choice made here
// would not be seen there.
func TestTransmission(t *testing.T) {
	w := newWorld(t, func(*Config) {})
	s := httptest.NewServer(w.api.Mux(Parts{}))
	defer s.Close()
	page := func(lang string) string {
		t.Helper()
		code, h, body := fetch(t, http.MethodGet, s.URL+"/external-transmission?lang="+lang)
		if code != 200 || !strings.HasPrefix(h.Get("Content-Type"), "text/html") || strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
			t.Fatalf("%d %v", code, h)
		}
		return body
	}
	has := func(lang string, words ...string) {
		t.Helper()
		body := page(lang)
		for _, x := range words {
			if not, ok := strings.CutPrefix(x, "!"); strings.Contains(body, strings.TrimPrefix(x, "!")) == ok {
				t.Errorf("%s: %q, expected %v: %s", lang, strings.TrimPrefix(x, "!"), !ok, not)
			}
		}
	}
	has("ja", "外部送信について", "電気通信事業法第 27 条の 12", "enishi_id", `id="out"`, `src="/sdk.js"`)
	has("en", "Telecommunications Business Act", `id="out"`, "Stop it")

	w.write(put, "/settings/brand", map[string]any{"expect": 0, "body": map[string]any{"name": map[string]string{"ja": "縁コスメ <b>", "en": "Enishi Cosmetics"}, "contact": "help@mail.example"}})
	other := map[string]string{"service": "計測ツール", "recipient": "Example LLC（米国）", "items": "ページの URL", "purpose": "利用状況の集計", "opt_out": "https://optout.example/"}
	w.write(put, "/settings/transmission", map[string]any{"expect": 0, "body": map[string]any{"shop_url": "https://www.shop.example/?a=1", "others": []any{other}}})
	has("ja", "縁コスメ &lt;b&gt;", "help@mail.example", "計測ツール", "Example LLC（米国）", "利用状況の集計", "https://optout.example/", `href="https://www.shop.example/?a=1&amp;enishi_optout=1"`, `!id="out"`)
	has("en", "Enishi Cosmetics")

	for body, field := range map[string]string{
		`{"shop_url":"javascript:alert(1)"}`:                                                   "shop_url",
		`{"others":[{"service":"x","recipient":"y","items":"z"}]}`:                             "others[0].purpose",
		`{"others":[{"service":" ","recipient":"y","items":"z","purpose":"p"}]}`:               "others[0].service",
		`{"others":[{"service":"s","recipient":"y","items":"z","purpose":"p","opt_out":"x"}]}`: "others[0].opt_out",
		`{"shop":"x"}`: "body.body",
	} {
		a := w.call(put, "/settings/transmission", map[string]any{"expect": 1, "body": json.RawMessage(body)})
		a.want(422)
		if !strings.Contains(a.text, field) {
			t.Errorf("%s: no %s in %s", body, field, a.text)
		}
	}
}

func TestSameSite(t *testing.T) {
	t.Parallel()
	for _, s := range []struct {
		a, host string
		want    bool
	}{
		{"www.shop.co.jp", "e.shop.co.jp", true},
		{"www.shop.co.jp", "e.other.co.jp:8420", false},
		{"Shop.example", "shop.example:443", true},
		{"127.0.0.1", "127.0.0.1:8420", true},
		{"localhost", "enishi.example", false},
		{"a.github.io", "b.github.io", false},
	} {
		if got := sameSite(s.a, s.host); got != s.want {
			t.Errorf("%s and %s: %v", s.a, s.host, got)
		}
	}
}

// TestTag: what a page has to load.
func TestTag(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Base = "/w/shop" })
	p := into[tagPage](w.call("GET", "/tag", nil))
	if p.Script != "/w/shop/sdk.js" || p.Pixel != "/w/shop/sdk/pixel.js" || p.Transmission != "/w/shop/external-transmission" || (p.Integrity == "") != (p.Pinned == "") {
		t.Errorf("%+v", p)
	}
}
