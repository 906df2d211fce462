//go:build unix

package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"enishi"
	"enishi/internal/definitions"
	"enishi/internal/stream"
	"enishi/journeys"
	"enishi/segments"
)

// The standard mix: five events per profile, each profile's in order, the profiles in no order; 20 segments; the gallery's six
// journeys; two messages and about two timers per profile.
const (
	mixProfiles   = 200_000
	mixEvents     = 5
	mixPartitions = 8
	mixBatch      = 18_000 // what comes in 200 ms at 90,000 events per second
)

var mixSegments = []string{
	`orders_count >= 1`, `orders_count >= 3`, `ltv >= 10000`, `ltv >= 50000`, `last_order_at > ago("30d")`, `orders_count >= 1 && last_order_at < ago("90d")`,
	`count(orders, .total >= 5000 && .placed_at > ago("90d")) >= 2`, `any(views, .category == "skincare" && .at > ago("7d"))`,
	`count(visits, .at > ago("30d")) >= 3`, `none(shipments, .status == "delayed") && orders_count > 0`, `any(shipments, .status == "delivered")`,
	`consent.email`, `!consent.email && has_email`, `has_line && line_friend`, `traits.rank == "gold"`, `prefecture == "東京都"`,
	`product_views >= 3 && orders_count == 0`, `sum(orders, .revenue) >= 20000 && aov > 3000`, `signed_up_at > ago("30d")`, `any(orders, .payment_method == "konbini")`,
}

// newMix makes the definitions of the standard mix.
func newMix(tb testing.TB) *definitions.Log {
	tb.Helper()
	log := definitions.NewLog()
	offset := int64(0)
	add := func(kind, name string, body []byte) {
		value, err := json.Marshal(enishi.Definition{Kind: kind, Name: name, Expect: -1, Body: body, RequestID: enishi.NewID("request", kind, name)})
		if err != nil {
			tb.Fatal(err)
		}
		log.Fold(offset, value)
		offset++
	}
	for _, item := range journeys.Gallery() {
		add(item.Kind, item.Name, item.Body)
	}
	for i, expression := range append([]string{`orders_count >= 1 && last_order_at < ago("120d")`}, mixSegments[1:]...) {
		name := fmt.Sprintf("s%02d", i)
		if i == 0 {
			name = "lapsed"
		}
		body, err := json.Marshal(segments.Body{Expression: expression})
		if err != nil {
			tb.Fatal(err)
		}
		add("segment", name, body)
	}
	return log
}

// mixer makes the records of the standard mix, batch by batch.
type mixer struct {
	rnd     *rand.Rand
	hasher  *enishi.Hasher
	done    []uint8 // events made, by profile
	left    int
	offsets [mixPartitions]int64
	now     time.Time
}

func newMixer(profiles int) *mixer {
	return &mixer{rnd: rand.New(rand.NewPCG(1, 2)), hasher: enishi.NewHasher([]byte("0123456789abcdef0123456789abcdef")), done: make([]uint8, profiles),
		left: profiles * mixEvents, now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
}

// batch makes up to n records; none when all are made.
func (m *mixer) batch(n int) []stream.Record {
	recs := make([]stream.Record, 0, min(n, m.left))
	for len(recs) < n && m.left > 0 {
		i := m.rnd.IntN(len(m.done))
		for m.done[i] == mixEvents {
			i = (i + 1) % len(m.done)
		}
		recs = append(recs, m.event(i, int(m.done[i])))
		m.done[i]++
		m.left--
	}
	m.now = m.now.Add(time.Second)
	return recs
}

func (m *mixer) event(i, n int) stream.Record {
	customer := fmt.Sprintf("C%07d", i)
	p := &enishi.Person{CustomerID: customer, Email: customer + "@mail.example"}
	e := enishi.Event{Person: p, At: m.now, Source: "shop", Channel: "web"}
	line := enishi.Line{ProductID: fmt.Sprintf("P%03d", i%200), SKU: "S1", Name: "モイスチャークリーム", Brand: "Enishi", Category: "skincare", Quantity: 1, Price: 3300 * enishi.Unit, TaxRate: 10}
	order := fmt.Sprintf("EN%08d", i)
	parcel := &enishi.Shipment{ShipmentID: order + "-1", OrderID: order, Number: 1, Of: 1, Carrier: "yamato", Tracking: "4053-0000-1234"}
	switch n {
	case 0:
		e.Type = "user.signed_up"
		t := enishi.TextValue
		p.Traits = map[string]enishi.Value{"family_name": t("山田"), "given_name": t("花子"), "prefecture": t("東京都"), "rank": t("gold")}
	case 1:
		e.Type = "product.viewed"
		e.Context = &enishi.Context{Path: "/products/" + line.ProductID, UTMSource: "line", UTMCampaign: "autumn", UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"}
		e.Web = &enishi.Web{Product: &enishi.Product{ProductID: line.ProductID, Name: line.Name, Brand: line.Brand, Category: line.Category, Price: line.Price}}
	case 2:
		e.Type = "order.placed"
		e.Order = &enishi.Order{OrderID: order, Currency: "JPY", Lines: []enishi.Line{line, line}, Subtotal: 6600 * enishi.Unit, Total: 7150 * enishi.Unit, ShippingFee: 550 * enishi.Unit,
			PaymentMethod: "card", ShipTo: &enishi.Address{Name: "山田 花子", PostalCode: "150-0001", Prefecture: "東京都", City: "渋谷区"}}
	case 3:
		e.Type, e.Shipment = "shipment.shipped", parcel
	default:
		e.Type, e.Shipment = "shipment.delivered", parcel
	}
	e.ID = enishi.NewID("mix", customer, fmt.Sprint(n))
	e.Links = []enishi.ID{m.hasher.Hash(enishi.Identifier{Kind: enishi.Customer, Value: customer}), m.hasher.Hash(enishi.Identifier{Kind: enishi.Email, Value: p.Email})}
	e.Subject, e.Profile = e.Links[0], e.Links[0]
	r := EventRecord(&e, mixPartitions, m.now)
	r.Offset = m.offsets[r.Partition]
	m.offsets[r.Partition]++
	return r
}

// mixStore keeps the states of the standard mix.
type mixStore struct {
	states   map[enishi.ID]State
	messages int
	appended []stream.Record // to the topic events, to be read back
	rows     map[string]int
	bytes    int
}

func (s *mixStore) append(_ context.Context, recs []stream.Record) error {
	for i := range recs {
		if recs[i].Topic == enishi.TopicMessages {
			s.messages++
			continue
		}
		s.appended = append(s.appended, recs[i])
	}
	return nil
}

func (s *mixStore) load(_ context.Context, want Want) (Have, error) {
	var have Have
	for n, ids := range want.States {
		for _, id := range ids {
			if x, ok := s.states[id]; ok {
				x.Partition = n
				have.States = append(have.States, x)
			}
		}
	}
	return have, nil
}

func (s *mixStore) save(_ context.Context, rows *Rows) error {
	for _, x := range rows.States {
		s.bytes += len(x.Bytes)
		s.states[x.ID] = x
	}
	s.rows["profiles"] += len(rows.States)
	for _, t := range rows.Tables {
		s.rows[t.Name] += t.Rows
	}
	return nil
}

// readBack makes records of what the folder appended.
func (s *mixStore) readBack(m *mixer) []stream.Record {
	recs := s.appended
	s.appended = nil
	for i := range recs {
		recs[i].Offset, recs[i].Time = m.offsets[recs[i].Partition], m.now
		m.offsets[recs[i].Partition]++
	}
	return recs
}

func cpuTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFold folds the standard mix with a store in memory that does nothing; an operation is an event.
func BenchmarkFold(b *testing.B) {
	store := &mixStore{states: map[enishi.ID]State{}, rows: map[string]int{}}
	m := newMixer(min(mixProfiles, max(b.N/mixEvents, 1000)))
	f, err := New(Config{Partitions: mixPartitions, Definitions: newMix(b), Merges: func(int64) ([]Move, int64) { return nil, 0 },
		Append: store.append, Load: store.load, Save: store.save, Now: func() time.Time { return m.now }, CacheBytes: 4 << 30})
	if err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	var all []int
	for n := range mixPartitions {
		all = append(all, n)
	}
	if _, err := f.Gain(ctx, all); err != nil {
		b.Fatal(err)
	}
	events, records := 0, 0
	var checkpoints, folding time.Duration
	fold := func(recs []stream.Record) {
		from := cpuTime(b)
		if err := f.Fold(ctx, recs); err != nil {
			b.Fatal(err)
		}
		records += len(recs)
		folding += cpuTime(b) - from
	}
	// The definitions come in before the clock runs.
	tick(b, f, store, m, fold)
	b.ReportAllocs()
	b.ResetTimer()
	folding = 0
	records = 0
	for events < b.N && m.left > 0 {
		b.StopTimer()
		recs := m.batch(min(mixBatch, b.N-events))
		b.StartTimer()
		fold(recs)
		events += len(recs)
		from := cpuTime(b)
		tick(b, f, store, m, fold)
		if m.now.Second()%5 == 0 || m.left == 0 {
			if err := f.Flush(ctx); err != nil {
				b.Fatal(err)
			}
		}
		checkpoints += cpuTime(b) - from
	}
	n := float64(events)
	b.ReportMetric(float64(folding)/n, "fold-cpu-ns/event")
	b.ReportMetric(float64(checkpoints)/n, "checkpoint+timers-cpu-ns/event")
	b.ReportMetric(float64(store.messages)/n, "messages/event")
	b.ReportMetric(float64(records-events)/n, "timers/event")
	b.ReportMetric(float64(store.rows["events"])/n, "event-rows/event")
	b.ReportMetric(float64(store.rows["profiles"])/n, "states/event")
	b.ReportMetric(float64(store.bytes)/float64(max(1, store.rows["profiles"])), "bytes/state")
}

func tick(tb testing.TB, f *Folder, s *mixStore, m *mixer, fold func([]stream.Record)) {
	if err := f.Tick(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	if recs := s.readBack(m); len(recs) > 0 {
		fold(recs)
	}
}
