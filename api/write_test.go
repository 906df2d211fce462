package api

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"enishi"
	"enishi/internal/stream"
)

func segmentBody(expression string, expect int64) map[string]any {
	return map[string]any{"title": map[string]string{"ja": "購入者"}, "expression": expression, "expect": expect}
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	const key = "Idempotency-Key"
	first := w.call("PUT", "/segments/buyers", segmentBody("orders_count > 0", 0), key, "k1").want(200)
	again := w.call("PUT", "/segments/buyers", segmentBody("orders_count > 0", 0), key, "k1").want(200)
	if first.text != again.text {
		t.Errorf("first %s, again %s", first.text, again.text)
	}
	if n := len(w.cfg.Definitions.History("segment", "buyers")); n != 1 {
		t.Errorf("%d versions", n)
	}
	w.call("PUT", "/segments/buyers", segmentBody("orders_count > 1", 1), key, "k1").want(409)
	w.call("PUT", "/segments/others", segmentBody("orders_count > 0", 0), key, "k1").want(409)
	w.call("DELETE", "/segments/buyers", nil, key, "k1").want(409)

	// A restart forgets nothing: another API on the same database gives the same answer.
	restarted, err := New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	v := *w
	v.api, v.server = restarted, serve(t, restarted)
	if a := v.call("PUT", "/segments/buyers", segmentBody("orders_count > 0", 0), key, "k1").want(200); a.text != first.text {
		t.Errorf("after a restart: %s", a.text)
	}

	// A conflict is an answer, a wrong request is none.
	w.call("PUT", "/segments/buyers", segmentBody("orders_count > 2", 0), key, "k2").want(409)
	w.call("PUT", "/segments/buyers", segmentBody("orders_count > 2", 0), key, "k2").want(409)
	w.call("PUT", "/segments/buyers", segmentBody("no_such_field > 2", -1), key, "k3").want(422)
	w.call("PUT", "/segments/buyers", segmentBody("orders_count > 2", -1), key, "k3").want(200)
	w.call("PUT", "/segments/buyers", segmentBody("orders_count > 3", -1), key, strings.Repeat("k", 256)).want(422)

	// Another caller's key is another key.
	token, _ := w.key(keyAdmin, "admin")
	w.as(token).call("PUT", "/segments/buyers", segmentBody("orders_count > 5", -1), key, "k1").want(200)

	// A secret is shown once.
	a := w.as(token)
	made := a.call("POST", "/keys", map[string]any{"name": "x", "kind": "write"}, key, "k4").want(200)
	if b := a.call("POST", "/keys", map[string]any{"name": "x", "kind": "write"}, key, "k4").want(409); strings.Contains(b.text, "wk_") {
		t.Errorf("the token is shown again: %s", b.text)
	}
	var stored string
	if err := w.api.one(t.Context(), "SELECT arrayStringConcat(groupArray(outcome)) FROM outcomes FINAL", nil, &stored); err != nil {
		t.Fatal(err)
	}
	if token := into[struct{ Token string }](made).Token; strings.Contains(stored, token) {
		t.Error("the token is in a table")
	}
	// A question is no write.
	for range 2 {
		a.call("POST", "/segments/preview", map[string]any{"expression": "orders_count > 0"}, key, "k5").want(200)
	}
	a.call("POST", "/segments/preview", map[string]any{"expression": "orders_count > 1"}, key, "k5").want(200)
}

// TestIdempotencySideBySide: of requests with one key that run at the same time one is carried out. A key's secret is made at
// random, so that two that ran would leave two.
func TestIdempotencySideBySide(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	var wg sync.WaitGroup
	var made, refused atomic.Int32
	for range 8 {
		wg.Go(func() {
			req, err := http.NewRequest(http.MethodPost, w.server.URL+prefix+"/keys", strings.NewReader(`{"name":"x","kind":"write"}`))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Idempotency-Key", "same")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			switch res.StatusCode {
			case 200:
				made.Add(1)
			case 409:
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 || refused.Load() != 7 || len(w.cfg.Definitions.List("key")) != 1 {
		t.Errorf("%d made, %d refused, %d keys", made.Load(), refused.Load(), len(w.cfg.Definitions.List("key")))
	}
}

// TestReadAfterWrite: what a write answered a position for is in the next read with it, whatever part of the log it went to.
func TestReadAfterWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(scenario(time.Now().UTC())[:6])
	id := w.id(enishi.Customer, "C10001")
	held := w.write("POST", "/people/"+id+"/hold", map[string]any{"reason": "お問い合わせ対応中"})
	p := into[personPage](w.call("GET", "/people/"+id+"?after="+held.Position, nil))
	if p.Hold == nil || p.Hold.Reason != "お問い合わせ対応中" {
		t.Fatalf("the hold is not seen: %+v", p.Hold)
	}
	// A segment that is published is evaluated for everybody: the sweep is behind the switch that the position names.
	saved := w.write("PUT", "/segments/buyers", segmentBody("orders_count >= 1", 0))
	into[segmentRow](w.call("GET", "/segments/buyers?after="+saved.Position, nil))
	eventually(t, func() bool {
		s := into[segmentRow](w.call("GET", "/segments/buyers?after="+saved.Position, nil))
		return s.Progress == nil && s.Members == 1
	})
	// The collector's position is one of ours too.
	recs := []stream.Record{{Topic: enishi.TopicOrders, Partition: -1, Key: []byte("C20000"), Value: []byte(`{"type":"order.placed","id":"x1","person":{"customer_id":"C20000"},"order":{"order_id":"EN2","total":"100","lines":[{"product_id":"p"}]}}`)}}
	if err := w.cfg.Stream.Append(t.Context(), recs); err != nil {
		t.Fatal(err)
	}
	people := into[list[personRow]](w.call("GET", "/people?q=EN2&after="+positionOf(recs).String(), nil))
	if len(people.Items) != 1 {
		t.Errorf("the order is not seen: %+v", people)
	}
	// What never comes is said to be away, in time.
	w.api.waitLimit = 50 * time.Millisecond
	a := w.call("GET", "/home?after=orders/0@999999", nil).want(503)
	if a.header.Get("Retry-After") == "" || !strings.Contains(a.text, "反映されていません") {
		t.Errorf("got %v %s", a.header, a.text)
	}
}
