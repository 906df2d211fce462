package js

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestKeepID(t *testing.T) {
	t.Parallel()
	h := Handler()
	for _, s := range []struct {
		origin, host, id string
		status           int
		domain           string
		secure           bool
	}{
		{"https://www.shop.co.jp", "e.shop.co.jp", "0f8fad5b-d9cb-469f-a165-70867728950e", 204, "shop.co.jp", true},
		{"https://shop.example", "enishi.shop.example:8420", "a.b", 204, "shop.example", true},
		{"http://127.0.0.1:8420", "127.0.0.1:8420", "a1", 204, "", false},
		{"https://www.shop.co.jp", "e.other.co.jp", "a1", 403, "", false},
		{"https://a.github.io", "b.github.io", "a1", 403, "", false},
		{"", "e.shop.co.jp", "a1", 403, "", false},
		{"null", "e.shop.co.jp", "a1", 403, "", false},
		{"https://www.shop.co.jp", "e.shop.co.jp", "a; domain=evil", 400, "", false},
		{"https://www.shop.co.jp", "e.shop.co.jp", "", 400, "", false},
		{"https://www.shop.co.jp", "e.shop.co.jp", strings.Repeat("a", 300), 400, "", false},
	} {
		r := httptest.NewRequest(http.MethodPost, "/sdk/id", strings.NewReader(s.id))
		r.Host = s.host
		r.Header.Set("Origin", s.origin)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != s.status {
			t.Errorf("%+v: %d %s", s, w.Code, w.Body)
			continue
		}
		cookies := w.Result().Cookies()
		if s.status != 204 {
			if len(cookies) > 0 || w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%+v: %v", s, w.Header())
			}
			continue
		}
		c := cookies[0]
		if c.Value != s.id || c.Domain != s.domain || c.Secure != s.secure || c.MaxAge < 300*24*3600 || c.HttpOnly || w.Header().Get("Access-Control-Allow-Origin") != s.origin || w.Header().Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("%+v: %v", s, w.Header())
		}
	}
}
