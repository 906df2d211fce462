package demo

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/internal/stream"
)

// opened is when the shop of the tests is looked at: shortly after midnight in Japan, so that days differ from those in UTC.
var opened = time.Date(2026, 11, 20, 15, 4, 5, 678e6, time.UTC)

// taker takes records as ingest does.
type taker struct {
	t      *testing.T
	parser *ingest.Parser
	seen   map[enishi.ID]bool
	types  map[string]int
}

func newTaker(t *testing.T) *taker {
	k := &taker{t: t, seen: map[enishi.ID]bool{}, types: map[string]int{}}
	k.parser = ingest.NewParser(ingest.ParserConfig{LineProvider: "demo", Ignored: func(kind enishi.Kind, r *ingest.Refusal) {
		t.Errorf("an identifier of kind %s is left out: %v", kind, r)
	}})
	return k
}

// take parses one record and checks what every event of the shop has.
func (k *taker) take(r Record, now time.Time) ingest.Parsed {
	k.t.Helper()
	got, refusal := k.parser.Parse(&stream.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Time: now}, now)
	if refusal != nil {
		k.t.Fatalf("refused: %v\n%s", refusal, r.Value)
	}
	e := &got.Event
	info, known := enishi.LookupType(e.Type)
	switch {
	case !known || strings.HasPrefix(e.Type, "custom."):
		k.t.Errorf("%s is no type of event", e.Type)
	case info.Topic != r.Topic:
		k.t.Errorf("%s goes to %s, not to %s", e.Type, r.Topic, info.Topic)
	case len(r.Key) == 0 || len(got.Identifiers) == 0:
		k.t.Errorf("nobody is named by %s", r.Value)
	case !e.At.Equal(r.At) || r.At.After(now):
		k.t.Errorf("%s at %s, record at %s, now %s", e.Type, e.At, r.At, now)
	case k.seen[e.ID]:
		k.t.Errorf("the id of %s is there twice", r.Value)
	}
	k.seen[e.ID] = true
	k.types[e.Type]++
	return got
}

// Every product of the shop is in its catalogue with a price and a page; one is sold out.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	s := New(1, 1)
	s.Base = "https://shop.example"
	recs, out := s.Catalogue(opened), 0
	for i, r := range recs {
		p, _, refusal := ingest.ParseProduct(r.Value, nil)
		if refusal != nil {
			t.Fatalf("refused: %v\n%s", refusal, r.Value)
		}
		if r.Topic != enishi.TopicCatalogue || string(r.Key) != p.ProductID || p.ProductID != Products[i].ID || p.Price != yen(Products[i].Price) || p.URL != s.Base+"/demo/shop#"+p.ProductID {
			t.Errorf("%s %s: %+v", r.Topic, r.Key, p)
		}
		if !p.Buyable() {
			out++
		}
	}
	if len(recs) != len(Products) || out != 1 {
		t.Errorf("%d products, %d of them sold out", len(recs), out)
	}
}

// Ingest takes the whole history: a year of a shop in which everything happens that the demo is to show, in order, and no
// parcel before its order.
func TestHistory(t *testing.T) {
	t.Parallel()
	k := newTaker(t)
	var last time.Time
	placed := map[string]time.Time{}
	cancelled := map[string]bool{}
	ads := map[string]int{}
	for _, r := range New(1, 50).History(opened) {
		e := k.take(r, opened).Event
		for _, c := range e.Consent {
			if c.Channel == "ads" {
				ads[c.State]++
			}
		}
		if e.At.Before(last) {
			t.Errorf("%s at %s comes after %s", e.Type, e.At, last)
		}
		last = e.At
		switch {
		case e.Type == "order.placed" || e.Type == "store.purchased":
			if _, again := placed[e.Order.OrderID]; again {
				t.Errorf("order %s is placed twice", e.Order.OrderID)
			}
			placed[e.Order.OrderID] = e.At
			if e.Order.Total <= 0 || len(e.Order.Lines) == 0 || e.Order.Currency != "JPY" {
				t.Errorf("order %+v", e.Order)
			}
		case e.Type == "order.cancelled":
			cancelled[e.Order.OrderID] = true
		case e.Shipment != nil:
			if at, ok := placed[e.Shipment.OrderID]; !ok || !e.At.After(at) || cancelled[e.Shipment.OrderID] {
				t.Errorf("%s of order %s at %s, placed at %s", e.Type, e.Shipment.OrderID, e.At, at)
			}
		case e.Order != nil && placed[e.Order.OrderID].IsZero():
			t.Errorf("%s of order %s, which nobody placed", e.Type, e.Order.OrderID)
		}
	}
	if k.types["user.signed_up"] != 50 {
		t.Errorf("%d of 50 customers are registered", k.types["user.signed_up"])
	}
	if ads["in"] < 25 || ads["out"] < 4 || ads["in"]+ads["out"] > 45 { // some were never asked
		t.Errorf("answers about advertisements: %v", ads)
	}
	for _, typ := range []string{"order.placed", "order.paid", "order.confirmed", "order.cancelled", "store.purchased", "shipment.shipped", "shipment.delivered", "review.written",
		"page.viewed", "product.viewed", "points.earned", "subscription.started", "subscription.renewed", "subscription.cancelled"} {
		if k.types[typ] == 0 {
			t.Errorf("no %s in the history: %v", typ, k.types)
		}
	}
}

// Ingest takes what the running shop sends, to the delivery of an order of the storefront.
func TestLive(t *testing.T) {
	t.Parallel()
	k := newTaker(t)
	shop := New(1, 50)
	for _, r := range shop.History(opened) {
		k.take(r, opened)
	}
	clear(k.types)
	live := &Live{Shop: shop}
	live.Ship("DEMO-1", enishi.Person{CustomerID: "U1", AnonymousID: "b1"}, opened)
	arrived := false
	now := opened
	for range 2000 {
		now = now.Add(1500 * time.Millisecond)
		for _, r := range live.step(now) {
			e := k.take(r, now).Event
			if now.Sub(e.At) > time.Minute {
				t.Errorf("%s at %s is told at %s", e.Type, e.At, now)
			}
			arrived = arrived || e.Type == "shipment.delivered" && e.Shipment.OrderID == "DEMO-1"
		}
	}
	if !arrived {
		t.Error("the order of the storefront was not delivered")
	}
	for _, typ := range []string{"page.viewed", "product.viewed", "cart.item_added", "checkout.started", "order.placed", "order.paid", "order.cancelled", "order.refunded", "store.purchased",
		"shipment.delivered", "return.received", "review.written"} {
		if k.types[typ] == 0 {
			t.Errorf("no %s in 2,000 steps: %v", typ, k.types)
		}
	}
	if k.types["cart.item_added"] <= k.types["order.placed"] {
		t.Errorf("no cart is abandoned: %v", k.types)
	}
}

// The same seed gives the same bytes, history and live; another seed gives another shop.
func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) []Record {
		shop := New(seed, 50)
		out := shop.History(opened)
		live := &Live{Shop: shop}
		for i := range 300 {
			out = append(out, live.step(opened.Add(time.Duration(i)*time.Second))...)
		}
		return out
	}
	a, b, other := run(7), run(7), run(8)
	if len(a) != len(b) {
		t.Fatalf("%d records, then %d", len(a), len(b))
	}
	for i := range a {
		if a[i].Topic != b[i].Topic || !bytes.Equal(a[i].Key, b[i].Key) || !a[i].At.Equal(b[i].At) || !bytes.Equal(a[i].Value, b[i].Value) {
			t.Fatalf("record %d differs:\n%s\n%s", i, a[i].Value, b[i].Value)
		}
	}
	if len(a) == len(other) && bytes.Equal(a[0].Value, other[0].Value) {
		t.Error("another seed gives the same shop")
	}
}

// TestChat: what a visitor does on Instagram and Messenger is told with an id of each platform that stays theirs; nothing else passes.
func TestChat(t *testing.T) {
	t.Parallel()
	var got []Chat
	var broken error
	h := (&Storefront{Chat: func(c Chat) error { got = append(got, c); return broken }}).Handler()
	say := func(body string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/demo/shop/chat", strings.NewReader(body)))
		return w.Code
	}
	for _, body := range []string{
		`{"platform":"messenger","name":" 縁野 花 ","text":"在庫はありますか？","visitor_id":"b1"}`,
		`{"platform":"instagram","name":"縁野 花","text":"下書き","mention":true,"visitor_id":"b1","user_id":"W-1"}`,
		`{"platform":"instagram","name":"縁野 花","text":"こんにちは","visitor_id":"b1"}`,
	} {
		if code := say(body); code != http.StatusOK {
			t.Errorf("%s: %d", body, code)
		}
	}
	if len(got) != 3 {
		t.Fatalf("%+v", got)
	}
	page, gram := got[0].User, got[1].User
	want := []Chat{{"messenger", page, "縁野 花", "", "在庫はありますか？"}, {"instagram", gram, "縁野 花", "W-1", ""}, {"instagram", gram, "縁野 花", "", "こんにちは"}}
	if !slices.Equal(got, want) || page == gram || strings.Trim(page+gram, "0123456789") != "" || len(gram) != 16 {
		t.Errorf("%+v", got)
	}
	for _, body := range []string{
		`{"platform":"messenger","name":"花","mention":true,"visitor_id":"b1"}`,
		`{"platform":"fax","name":"花","text":"a","visitor_id":"b1"}`,
		`{"platform":"instagram","name":" ","text":"a","visitor_id":"b1"}`,
		`{"platform":"instagram","name":"花","text":" ","visitor_id":"b1"}`,
		`{"platform":"instagram","name":"花","text":"` + strings.Repeat("あ", 501) + `","visitor_id":"b1"}`,
		`{"platform":"instagram","name":"花","text":"a"}`,
		`{"platform":"instagram","name":"花","text":"a","visitor_id":"b1","user_id":"C100001"}`,
		`[]`,
	} {
		if code := say(body); code != http.StatusBadRequest {
			t.Errorf("%s: %d", body, code)
		}
	}
	if broken = errors.New("away"); say(`{"platform":"instagram","name":"花","text":"a","visitor_id":"b1"}`) != http.StatusServiceUnavailable {
		t.Error("a simulator that is away is not told")
	}
	if len(got) != 4 {
		t.Errorf("%d acts", len(got))
	}
	h = (&Storefront{}).Handler()
	if say(`{"platform":"instagram","name":"花","text":"a","visitor_id":"b1"}`) != http.StatusBadRequest {
		t.Error("without a simulator")
	}
}

// TestIntroduce: a visitor has a name by the id that the platform knows; of a member it is the member's.
func TestIntroduce(t *testing.T) {
	t.Parallel()
	k := newTaker(t)
	var recs []Record
	live := &Live{Shop: New(1, 5), Append: func(_ context.Context, r []Record) error { recs = append(recs, r...); return nil }}
	for _, p := range []enishi.Person{{SocialID: "91", SocialPage: "1001"}, {SocialID: "92", SocialPage: "1001", CustomerID: "W-1"}} {
		if err := live.Introduce(t.Context(), p, "縁野　花", opened); err != nil {
			t.Fatal(err)
		}
	}
	stranger, member := k.take(recs[0], opened).Event.Person, k.take(recs[1], opened).Event.Person
	if stranger.Traits["family_name"].Text != "縁野" || stranger.Traits["given_name"].Text != "花" || stranger.SocialID != "91" || string(recs[0].Key) != "91" {
		t.Errorf("%+v", stranger)
	}
	if _, named := member.Traits["family_name"]; named || member.CustomerID != "W-1" || member.SocialID != "92" || string(recs[1].Key) != "92" {
		t.Errorf("%+v", member)
	}
}
