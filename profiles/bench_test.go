//go:build unix

package profiles

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"enishi"
)

// typical is a profile with 10 orders of two lines, each with a parcel, and 60 visits; with several identifiers the
// visits are spread over two subjects.
func typical(b *testing.B, who, visitor someone) *Profile {
	b.Helper()
	p := New(subject(enishi.Customer, who.customer))
	var all []*enishi.Event
	for i := range 10 {
		when := at(time.Duration(i) * 24 * time.Hour)
		e := event(i, "order.placed", when, who)
		e.Person.Traits = map[string]enishi.Value{"family_name": enishi.TextValue("山田"), "given_name": enishi.TextValue("花子")}
		e.Order = &enishi.Order{OrderID: fmt.Sprint("order-", i), Currency: "JPY", Subtotal: 5000 * enishi.Unit, Total: 5500 * enishi.Unit, ShippingFee: 500 * enishi.Unit,
			Lines: []enishi.Line{{ProductID: "p-1", Name: "ブーツ", Brand: "B", Category: "shoes", Quantity: 1, Price: 3000 * enishi.Unit}, {ProductID: "p-2", Quantity: 1, Price: 2000 * enishi.Unit}}}
		s := event(i, "shipment.shipped", when.Add(time.Hour), who)
		s.Shipment = &enishi.Shipment{OrderID: e.Order.OrderID, ShipmentID: "s", Carrier: "yamato", Tracking: "444413758703", Of: 1}
		all = append(all, e, s)
	}
	for i := range 60 {
		w := who
		if i%2 == 0 {
			w = visitor
		}
		all = append(all, pageView(i, at(time.Duration(i)*time.Hour), w))
	}
	return fold(b, p, all)
}

func pageView(n int, when time.Time, who someone) *enishi.Event {
	e := event(n, "product.viewed", when, who)
	e.Web = &enishi.Web{Product: &enishi.Product{ProductID: "p-77", Brand: "B", Category: "shoes"}, CartID: "c"}
	e.Context = &enishi.Context{Path: "/products/p-77", UTMSource: "line", UTMCampaign: "autumn"}
	return e
}

// cpu reports the processor time of a benchmark, which a busy machine does not change as it changes the time that passes.
func cpu(b *testing.B) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	from := used()
	return func() { b.ReportMetric(float64(used()-from)/float64(b.N), "cpu-ns/op") }
}

var (
	single  = someone{customer: "c-1"}
	visitor = someone{anonymous: "anon-1"}
	both    = someone{customer: "c-1", email: "a@x.test", anonymous: "anon-1"}
)

// BenchmarkVisit is the pipeline's most frequent step: a product view folded and the view taken.
func BenchmarkVisit(b *testing.B) {
	for name, who := range map[string][2]someone{"one subject": {single, single}, "three subjects": {both, visitor}} {
		b.Run(name, func(b *testing.B) {
			blob := string(typical(b, who[0], who[1]).Encode(nil))
			const run = 200 // events per profile and checkpoint
			events := make([]*enishi.Event, run)
			for i := range events {
				events[i] = read(b, pageView(1000+i, at(100*time.Hour+time.Duration(i)*time.Minute), who[i%2]))
			}
			b.ReportAllocs()
			defer cpu(b)() // the decoding of every 200th is in it
			var p *Profile
			for i := 0; b.Loop(); i++ {
				if i%run == 0 {
					b.StopTimer()
					p, _ = Decode(enishi.ID{}, blob)
					p.View()
					b.StartTimer()
				}
				p.Apply(events[i%run], clock)
				if len(p.View().Visits) == 0 {
					b.Fatal("no visits")
				}
			}
		})
	}
}

// BenchmarkOrderEvent folds a milestone of an order and takes the view, which joins all orders and parcels anew.
func BenchmarkOrderEvent(b *testing.B) {
	p := typical(b, both, visitor)
	p.View()
	var events []*enishi.Event
	for i := range 1000 {
		e := event(5000+i, "order.updated", at(300*time.Hour), both)
		e.Order = &enishi.Order{OrderID: fmt.Sprint("order-", i%10), PaymentMethod: "card", Version: at(300*time.Hour).UnixMilli() + int64(i)}
		events = append(events, read(b, e))
	}
	b.ReportAllocs()
	defer cpu(b)()
	for i := 0; b.Loop(); i++ {
		if i%1000 == 0 {
			for k := range p.Subjects {
				p.Subjects[k].Seen = nil
			}
			p.pending = nil
		}
		p.Apply(events[i%1000], clock)
		p.View()
	}
}

func BenchmarkDecode(b *testing.B) {
	blob := string(typical(b, both, visitor).Encode(nil))
	b.ReportMetric(float64(len(blob)), "state-bytes")
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		if _, err := Decode(enishi.ID{}, blob); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFirstView is what a profile that was just loaded costs.
func BenchmarkFirstView(b *testing.B) {
	p := typical(b, both, visitor)
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		p.view = nil
		p.View()
	}
}

func BenchmarkEncode(b *testing.B) {
	p := typical(b, both, visitor)
	buf := p.Encode(nil)
	b.ReportMetric(float64(p.Size()), "memory-bytes")
	defer cpu(b)()
	for b.Loop() {
		buf = p.Encode(buf[:0])
	}
}

// BenchmarkFacts is the rows of one page view: a person and a visit.
func BenchmarkFacts(b *testing.B) {
	p := typical(b, both, visitor)
	f := NewFacts()
	f.Add(p, 1)
	b.ReportAllocs()
	defer cpu(b)()
	for i := 0; b.Loop(); i++ {
		if i%1000 == 0 {
			f.Reset()
		}
		p.touchVisit(&p.Subjects[0].Visits[0])
		p.mark(ChangedVisits | ChangedLifetime)
		f.Add(p, uint64(i))
	}
}
