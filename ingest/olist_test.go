package ingest

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"enishi"
	"enishi/internal/stream"
)

func TestOlistEvents(t *testing.T) {
	t.Parallel()
	events, counts, err := OlistEvents("testdata/olist")
	if err != nil {
		t.Fatal(err)
	}
	if want := (OlistCounts{Orders: 3, People: 2, Paid: 2, Cancelled: 2, Shipped: 2, Delivered: 2, Reviews: 2, Events: 15}); counts != want {
		t.Errorf("counts %+v, want %+v", counts, want)
	}
	p := NewParser(ParserConfig{})
	var got []string
	for x := range events {
		parsed, refusal := p.Parse(&stream.Record{Topic: x.Topic, Time: x.At, Value: x.Value}, x.At)
		if refusal != nil {
			t.Fatalf("%s: %v", x.Value, refusal)
		}
		e := &parsed.Event
		if e.Historical || e.Import == nil || !e.At.Equal(x.At) || e.Message == "" || len(parsed.Identifiers) != 2 || string(x.Key) != "customer:"+e.Person.CustomerID {
			t.Errorf("%s", x.Value)
		}
		s := fmt.Sprintf("%s %s %s %s %d", x.At.Format("0102-1504"), x.Topic, e.Type, e.Person.CustomerID, e.Import.Row)
		if e.Order != nil {
			s += fmt.Sprintf(" %s %s %s %s %s %s", e.Order.OrderID, e.Order.Total, e.Order.ShippingFee, e.Order.Currency, e.Order.PaymentMethod, e.Order.Reason)
			for _, l := range e.Order.Lines {
				s += fmt.Sprintf(" %s:%s:%s", l.ProductID, l.Category, l.Price)
			}
		}
		if e.Review != nil {
			s += fmt.Sprintf(" %s %s %s %d %q", e.Review.ReviewID, e.Review.OrderID, e.Review.ProductID, e.Review.Rating, e.Review.Text)
		}
		if e.Shipment != nil {
			s += fmt.Sprintf(" %s %s %d/%d", e.Shipment.OrderID, e.Shipment.ShipmentID, e.Shipment.Number, e.Shipment.Of)
		}
		if len(e.Person.Traits) > 0 {
			s += " " + e.Person.Traits["city"].Text
		}
		for _, c := range e.Consent {
			s += " " + c.Channel + " " + c.Purpose + " " + c.State
		}
		got = append(got, s)
	}
	want := []string{
		"0105-1000 web consent.changed anna 1 sao paulo email marketing in",
		"0105-1000 orders order.placed anna 1 o1 18.75 3.25 BRL card  p1:health_beauty:10.5 p2:sem_traducao:5 sao paulo",
		"0105-1000 orders order.paid anna 2 o1 18.75 3.25 BRL card  p1:health_beauty:10.5 p2:sem_traducao:5",
		"0105-1100 web consent.changed bruno 2 rio de janeiro email marketing in",
		"0105-1100 orders order.placed bruno 3 o2 99.9 0 BRL bank_transfer  rio de janeiro",
		"0105-1100 orders order.cancelled bruno 4 o2 99.9 0 BRL bank_transfer unavailable",
		"0106-0800 shipments shipment.shipped anna 1 o1 o1-1 1/1",
		"0110-1530 shipments shipment.delivered anna 2 o1 o1-1 1/1",
		`0112-0900 web review.written anna 3 r1 o1  5 "chegou\nbem \"rápido\""`,
		"0301-1000 orders order.placed anna 5 o3 12.5 2 BRL card  p1:health_beauty:10.5 campinas",
		"0301-1010 orders order.paid anna 6 o3 12.5 2 BRL card  p1:health_beauty:10.5",
		"0302-0900 shipments shipment.shipped anna 3 o3 o3-1 1/1",
		"0309-1200 shipments shipment.delivered anna 4 o3 o3-1 1/1",
		"0309-1200 orders order.cancelled anna 7 o3 12.5 2 BRL card canceled p1:health_beauty:10.5",
		`0311-0900 web review.written anna 4 r1 o3 p1 1 ""`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestImportOlist(t *testing.T) {
	t.Parallel()
	m := newMemory()
	in := newTestIngester(t, m, nil)
	var progress []int
	counts, err := ImportOlist(t.Context(), "testdata/olist", ImportOptions{Append: m.append, Progress: func(done, total int) { progress = append(progress, done, total) }})
	if err != nil || counts.Orders != 3 || !slices.Equal(progress, []int{15, 15}) {
		t.Fatalf("%+v %v %v", counts, err, progress)
	}
	// Per person, topic and file the rows ascend: the fold keeps the highest only.
	highest := map[string]uint64{}
	for _, topic := range enishi.SourceTopics() {
		recs := m.topics[topic]
		for i := range recs {
			recs[i].Time = noon
		}
		if err := in.Batch(t.Context(), recs); err != nil {
			t.Fatal(err)
		}
	}
	events := m.events(t)
	if len(events) != 15 || len(m.topics[enishi.TopicDead]) != 0 {
		t.Fatalf("%d events, %d dead", len(events), len(m.topics[enishi.TopicDead]))
	}
	for _, e := range events {
		key := fmt.Sprintf("%s %d", e.Person.CustomerID, e.Import.File)
		if !e.Historical || e.Import.Row <= highest[key] {
			t.Errorf("%s %s: row %d after %d, historical %v", e.Type, key, e.Import.Row, highest[key], e.Historical)
		}
		highest[key] = e.Import.Row
	}
}

func TestOlistFailures(t *testing.T) {
	t.Parallel()
	f := func(name, file, content, want string) {
		t.Helper()
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS("testdata/olist")); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, file)
		if content == "" {
			os.Remove(path)
		} else if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := OlistEvents(dir)
		var user *enishi.Error
		if !errors.As(err, &user) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f("a missing file", "olist_orders_dataset.csv", "", "olist_orders_dataset.csv")
	f("a missing column", "olist_orders_dataset.csv", "order_id,customer_id\n", "order_status")
	f("a bad time", "olist_order_reviews_dataset.csv", "review_id,order_id,review_score,review_comment_title,review_comment_message,review_answer_timestamp\nr,o1,5,,,soon\n", "line 2")
	f("a bad price", "olist_order_items_dataset.csv", "order_id,product_id,price,freight_value\no1,p,1,1\no1,p,much,1\n", "line 3")
	f("an unknown customer", "olist_customers_dataset.csv", "customer_id,customer_unique_id,customer_state,customer_city\n", "k3")
}

// olistDir is the public dataset, where it is at hand.
func olistDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("..", "..", "shared", "data", "olist")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the Olist dataset is not beside the repository: ", err)
	}
	return dir
}

// The real dataset, counted independently.
func TestOlistDataset(t *testing.T) {
	t.Parallel()
	dir := olistDir(t)
	events, counts, err := OlistEvents(dir)
	if err != nil {
		t.Fatal(err)
	}
	rows := func(file string) (out []map[string]string) {
		f, err := os.Open(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		all, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, cells := range all[1:] {
			row := map[string]string{}
			for i, name := range all[0] {
				row[strings.TrimPrefix(name, "\ufeff")] = cells[i]
			}
			out = append(out, row)
		}
		return out
	}
	var want OlistCounts
	people := map[string]bool{}
	for _, c := range rows("olist_customers_dataset.csv") {
		people[c["customer_unique_id"]] = true
	}
	want.People = len(people)
	deliveredWithout, cancelledWith := 0, 0
	for _, o := range rows("olist_orders_dataset.csv") {
		want.Orders++
		cancelled := o["order_status"] == "canceled" || o["order_status"] == "unavailable"
		for cell, n := range map[string]*int{"order_approved_at": &want.Paid, "order_delivered_carrier_date": &want.Shipped, "order_delivered_customer_date": &want.Delivered} {
			if o[cell] != "" {
				*n++
			}
		}
		if cancelled {
			want.Cancelled++
		}
		if o["order_status"] == "delivered" && o["order_delivered_customer_date"] == "" {
			deliveredWithout++
		}
		if o["order_status"] == "canceled" && o["order_delivered_customer_date"] != "" {
			cancelledWith++
		}
	}
	want.Reviews = len(rows("olist_order_reviews_dataset.csv"))
	want.Events = want.Orders + want.People + want.Paid + want.Shipped + want.Delivered + want.Cancelled + want.Reviews
	if counts != want {
		t.Errorf("counts %+v, want %+v", counts, want)
	}
	if want.Orders != 8135 || want.People != 8016 || want.Delivered != 5170 || want.Reviews != 8225 || deliveredWithout != 8 || cancelledWith != 6 {
		t.Errorf("the files are not the known ones: %+v, %d, %d", want, deliveredWithout, cancelledWith)
	}
	p := NewParser(ParserConfig{})
	types, customers, emails, ids, reviews := map[string]int{}, map[string]bool{}, map[string]bool{}, map[enishi.ID]bool{}, map[[2]string]bool{}
	var last time.Time
	for x := range events {
		parsed, refusal := p.Parse(&stream.Record{Topic: x.Topic, Time: x.At, Value: x.Value}, x.At)
		if refusal != nil {
			t.Fatalf("%s: %v", x.Value, refusal)
		}
		if x.At.Before(last) {
			t.Fatalf("%v after %v", x.At, last)
		}
		last = x.At
		e := &parsed.Event
		types[e.Type]++
		customers[e.Person.CustomerID], emails[e.Person.Email], ids[e.ID] = true, true, true
		if e.Review != nil {
			reviews[[2]string{e.Review.ReviewID, e.Review.OrderID}] = true
		}
	}
	if len(customers) != 8016 || len(emails) != 8016 || len(ids) != want.Events || len(reviews) != 8225 {
		t.Errorf("%d people, %d addresses, %d ids of %d events, %d reviews", len(customers), len(emails), len(ids), want.Events, len(reviews))
	}
	if types["shipment.delivered"] != 5170 || types["order.placed"] != 8135 || types["consent.changed"] != 8016 || types["order.cancelled"] != 1234 {
		t.Errorf("types %v", types)
	}
}

// world is a server on a virtual clock: every event sets a timer, and a timer may set another.
type world struct {
	t      *rapid.T
	clock  time.Time
	timers []time.Time
	delays func(at time.Time) []time.Duration
	asked  int // for timers
	log    []string
}

func (w *world) append(_ context.Context, recs []stream.Record) error {
	for _, r := range recs {
		if len(w.timers) > 0 && r.Time.After(w.timers[0]) {
			w.t.Fatalf("an event of %v was appended before the timer of %v", r.Time, w.timers[0])
		}
		if r.Time.Before(w.clock) && !r.Time.Equal(w.clock) {
			w.t.Fatalf("an event of %v after the clock was at %v", r.Time, w.clock)
		}
	}
	first := recs[0].Time
	for _, r := range recs {
		if r.Time.Sub(first) > time.Hour {
			w.t.Fatalf("a slice from %v to %v", first, r.Time)
		}
		w.log = append(w.log, "event "+r.Time.Format(time.RFC3339))
		for _, d := range w.delays(r.Time) {
			w.timers = append(w.timers, r.Time.Add(d))
		}
		w.clock = r.Time
	}
	slices.SortFunc(w.timers, time.Time.Compare)
	w.act()
	return nil
}

func (w *world) advance(_ context.Context, at time.Time) error {
	if at.Before(w.clock) {
		w.t.Fatalf("the clock goes back from %v to %v", w.clock, at)
	}
	w.clock = at
	w.act()
	return nil
}

func (w *world) act() {
	for len(w.timers) > 0 && !w.timers[0].After(w.clock) {
		w.log = append(w.log, "timer "+w.timers[0].Format(time.RFC3339))
		w.timers = w.timers[1:]
	}
}

func (w *world) due() (time.Time, bool) {
	w.asked++
	if len(w.timers) == 0 || w.timers[0].After(w.clock.Add(MaxLeap)) {
		return time.Time{}, false
	}
	return w.timers[0], true
}

// Whatever comes in whatever distances: slices are bounded, timers that are known come before later events, nothing is left
// that is due at the last event, and all events are appended once, in order.
func TestReplay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t}
		w.delays = func(time.Time) []time.Duration {
			var out []time.Duration
			for range rapid.IntRange(0, 2).Draw(t, "timers") {
				out = append(out, time.Duration(rapid.SampledFrom([]int{1, 30, 60, 61, 600, 10_000}).Draw(t, "delay"))*time.Minute)
			}
			return out
		}
		at := noon
		var events []Timed
		for range rapid.IntRange(0, 30).Draw(t, "events") {
			at = at.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 10, 59, 60, 3000, 90_000}).Draw(t, "gap")) * time.Minute)
			events = append(events, Timed{At: at, Topic: enishi.TopicOrders})
		}
		err := Replay(context.Background(), ReplayConfig{Events: slices.Values(events), Append: w.append, Advance: w.advance, NextDue: w.due})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, line := range w.log {
			if what, ok := strings.CutPrefix(line, "event "); ok {
				if n >= len(events) || what != events[n].At.Format(time.RFC3339) {
					t.Fatalf("event %d: %s", n, what)
				}
				n++
			}
		}
		if n != len(events) {
			t.Fatalf("%d of %d events", n, len(events))
		}
		if w.asked > 5*len(w.log)+5 {
			t.Fatalf("asked %d times for %d events and timers: stretches without any are to be skipped", w.asked, len(w.log))
		}
		if len(events) > 0 && (!w.clock.Equal(at) || len(w.timers) > 0 && !w.timers[0].After(at)) {
			t.Fatalf("the clock stands at %v, last event %v, timers %v", w.clock, at, w.timers)
		}
	})
}

func TestReplayFailures(t *testing.T) {
	t.Parallel()
	ok := func(context.Context, time.Time) error { return nil }
	none := func() (time.Time, bool) { return time.Time{}, false }
	away := errors.New("away")
	f := func(name string, cfg ReplayConfig, want string) {
		t.Helper()
		if cfg.Events == nil {
			cfg.Events = slices.Values([]Timed{{At: noon}, {At: noon.Add(time.Minute)}})
		}
		if cfg.Append == nil {
			cfg.Append = func(context.Context, []stream.Record) error { return nil }
		}
		if cfg.Advance == nil {
			cfg.Advance = ok
		}
		if cfg.NextDue == nil {
			cfg.NextDue = none
		}
		err := Replay(t.Context(), cfg)
		if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	f("well", ReplayConfig{}, "")
	f("nothing", ReplayConfig{Events: iter.Seq[Timed](func(func(Timed) bool) {})}, "")
	f("out of order", ReplayConfig{Events: slices.Values([]Timed{{At: noon}, {At: noon.Add(-time.Minute)}})}, "not in order")
	f("log away", ReplayConfig{Append: func(context.Context, []stream.Record) error { return away }}, "away")
	f("clock away", ReplayConfig{Advance: func(context.Context, time.Time) error { return away }}, "away")
	f("a timer that never goes", ReplayConfig{NextDue: func() (time.Time, bool) { return noon, true }}, "does not go away")
	if err := Replay(t.Context(), ReplayConfig{}); err == nil {
		t.Error("an empty configuration was taken")
	}
}
