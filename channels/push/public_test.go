package push

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"enishi"
)

func TestPublic(t *testing.T) {
	r := newRig(t)
	_, token := r.browser()
	subscription := strings.TrimPrefix(token, webPrefix)
	var events []enishi.Event
	var away error
	p, err := NewPublic(PublicConfig{PublicKey: r.ch.PublicKey(), Now: func() time.Time { return r.now }, ClientIP: func(*http.Request) string { return "203.0.113.7" },
		Keys:   func(key string) (string, bool) { return "shop", key == "wk" },
		Ingest: func(_ context.Context, e []enishi.Event) error { events = append(events, e...); return away }})
	if err != nil {
		t.Fatal(err)
	}
	f := func(method, path, key, body string, status int, says string) {
		t.Helper()
		req := httptest.NewRequest(method, path, strings.NewReader(body))
		if key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, req)
		if w.Code != status || !strings.Contains(w.Body.String(), says) || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s %s: %d %s, want %d %s", method, path, w.Code, w.Body, status, says)
		}
	}
	f("GET", "/push/key", "", "", 200, r.ch.PublicKey())
	f("OPTIONS", "/push/subscribe", "", "", 204, "")
	f("GET", "/sdk/push-sw.js", "", "", 200, "showNotification")
	f("GET", "/sdk/push.js", "", "", 200, "EnishiPush")
	f("GET", "/sdk/none.js", "", "", 404, "")
	f("POST", "/push/subscribe", "", "{}", 401, "write key")
	f("POST", "/push/subscribe", "other", "{}", 401, "write key")
	f("POST", "/push/subscribe", "wk", "x", 400, "subscription")
	f("POST", "/push/subscribe", "wk", "{}", 422, "missing")
	f("POST", "/push/subscribe", "wk", `{"subscription":{"endpoint":"https://x.example/1","keys":{"auth":"AAAA","p256dh":"BBBB"}}}`, 422, "16 bytes")
	f("POST", "/push/subscribe", "wk", `{"text":"`+strings.Repeat("a", 20<<10)+`"}`, 413, "16 KB")
	if len(events) != 0 {
		t.Fatalf("%d events", len(events))
	}
	f("POST", "/push/subscribe", "wk", `{"subscription":`+subscription+`,"person":{"customer_id":"c1","traits":{"member_rank":"gold"}},"text":"新着のお知らせ"}`, 202, `"in"`)
	f("POST", "/push/subscribe", "wk", `{"token":"abc:def","person":{"anonymous_id":"a1"}}`, 202, `"in"`)
	f("POST", "/push/unsubscribe", "wk", `{"subscription":`+subscription+`,"person":{"customer_id":"c2"}}`, 202, `"out"`)
	if len(events) != 3 {
		t.Fatalf("%d events", len(events))
	}
	c := events[0].Consent[0]
	if e := events[0]; e.Type != "consent.changed" || e.Person.CustomerID != "c1" || e.Person.PushToken != token || len(e.Person.Traits) != 0 || e.Source != "shop" ||
		c.Channel != "push" || c.State != "in" || c.Text != "新着のお知らせ" || c.IP != "203.0.113.7" || c.Method != methodSubscribed {
		t.Errorf("%+v %+v %+v", e, e.Person, c)
	}
	if e := events[1]; e.Person.PushToken != "fcm:abc:def" || e.Person.AnonymousID != "a1" {
		t.Errorf("%+v", e.Person)
	}
	// Whoever takes a device out says nothing else.
	if e := events[2]; e.Consent[0].State != "out" || e.Consent[0].Method != methodRevoked || e.Person.CustomerID != "" || e.Person.PushToken != token {
		t.Errorf("%+v", e)
	}
	away = errors.New("away")
	f("POST", "/push/subscribe", "wk", `{"token":"abc:def"}`, 503, "again")
}
