package segments

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"enishi"
	"enishi/profiles"
)

// mixed are 100 segments as shops have them: a third about scalars alone, the rest about orders, visits and other lists.
func mixed() []string {
	var all []string
	for k := range 5 {
		n, days := k+1, 30*(k+1)
		all = append(all,
			fmt.Sprintf(`orders_count > %d && ltv >= %d && consent.line && last_order_at < ago("%dd")`, n, 10000*n, days),
			fmt.Sprintf(`orders_count == %d && first_order_at > ago("%dd")`, n, days),
			fmt.Sprintf(`ltv >= %d && aov >= %d`, 20000*n, 2000*n),
			fmt.Sprintf(`prefecture in ["東京都", "大阪府", "%d"] && has_email && consent.email`, n),
			fmt.Sprintf(`traits.size == "M" && points >= %d`, 100*n),
			fmt.Sprintf(`line_friend && !consent.email && last_visit_at > ago("%dd")`, n),
			fmt.Sprintf(`last_order_at < ago("%dd") && orders_count >= 1`, days),
			fmt.Sprintf(`page_views > %d || product_views > %d`, 100*n, 50*n),
			fmt.Sprintf(`count(orders, .total >= %d && .placed_at > ago("365d")) >= 2`, 3000*n),
			fmt.Sprintf(`count(orders, .total >= 5000 && .placed_at > ago("%dd")) >= 2 && none(shipments, .status == "delayed") && any(views, .category == "shoes" && .at > ago("7d")) && !consent.email`, days),
			fmt.Sprintf(`sum(filter(orders, .valid && .placed_at > ago("365d")), .revenue) >= %d`, 30000*n),
			fmt.Sprintf(`any(views, .category == "c%d" && .at > ago("7d"))`, n),
			fmt.Sprintf(`count(views, .at > ago("14d")) >= %d && none(orders, .placed_at > ago("14d"))`, n),
			fmt.Sprintf(`any(visits, .type == "cart.item_added" && .at > ago("%dd")) && none(orders, .placed_at > ago("3d"))`, n),
			fmt.Sprintf(`count(views, .at > ago("30d") && .brand == "b%d") >= 3`, n),
			fmt.Sprintf(`any(orders, .automatic) && ltv > %d`, 1000*n),
			fmt.Sprintf(`all(orders, .channel == "store") && orders_count >= %d`, n),
			fmt.Sprintf(`any(shipments, .status == "delivered" && .delivered_at > ago("%dd"))`, 7*n),
			fmt.Sprintf(`count(store_visits, .at > ago("%dd")) >= 3`, days),
			fmt.Sprintf(`none(messages, .sent_at > ago("%dd")) && has_email`, n),
		)
	}
	return all
}

// typical is a person with 16 orders, 64 visits and some of the rest.
func typical() *profiles.View {
	day := 24 * time.Hour
	p := &profiles.Profile{ID: enishi.NewID("bench")}
	for k, kind := range []enishi.Kind{enishi.Email, enishi.LINEUser} {
		p.Subjects = append(p.Subjects, profiles.Subject{ID: enishi.NewID("s", fmt.Sprint(k)), Kind: kind, Value: "x", Lifetime: profiles.Lifetime{LineFollowed: made.Add(-day)},
			Consents: []profiles.Consent{{Channel: "email", Purpose: "marketing", At: made}, {Channel: "line", Purpose: "marketing", At: made}}})
	}
	v := &profiles.View{Profile: p, OrdersCount: 16, LTV: 128000 * enishi.Unit, LastOrderAt: made.Add(-40 * day), FirstOrderAt: made.Add(-700 * day), LastVisitAt: made.Add(-day),
		PageViews: 300, ProductViews: 64, Points: 250, Traits: map[string]enishi.Value{"size": enishi.TextValue("M"), "prefecture": enishi.TextValue("東京都")}}
	for i := range 16 {
		at := made.Add(-time.Duration(16-i) * 40 * day)
		v.Orders = append(v.Orders, profiles.OrderView{Order: &enishi.Order{OrderID: fmt.Sprint(i), Total: enishi.Amount(3000+500*i) * enishi.Unit}, PlacedAt: at, Channel: "web",
			Revenue: enishi.Amount(2500+500*i) * enishi.Unit, Valid: true, Status: "delivered"})
		v.Shipments = append(v.Shipments, profiles.ShipmentView{Shipment: &enishi.Shipment{OrderID: fmt.Sprint(i)}, Status: "delivered", DeliveredAt: at.Add(3 * day)})
	}
	for i := range 64 {
		v.Visits = append(v.Visits, profiles.Visit{At: made.Add(-time.Duration(64-i) * 20 * time.Hour), Type: []string{"product.viewed", "page.viewed"}[i%2], Category: fmt.Sprint("c", i%7), Brand: "b1"})
	}
	for i := range 4 {
		v.Messages = append(v.Messages, profiles.Message{SentAt: made.Add(-time.Duration(i+2) * day)})
		v.Stores = append(v.Stores, profiles.StoreVisit{At: made.Add(-time.Duration(40-i) * day), Type: "store.visited"})
	}
	return v
}

func BenchmarkMatch(b *testing.B) {
	v := typical()
	for _, e := range mixed()[:20] {
		s := compiled(b, e)
		b.Run(e, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Match(v, made)
			}
		})
	}
}

// cpu reports the processor time of the process per operation: the wall's clock swings with the neighbours.
func cpu(b *testing.B) func() {
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	start := used()
	return func() { b.ReportMetric(float64(used()-start)/float64(b.N), "cpu-ns/op") }
}

// scalarMix is 100 segments about scalars alone, as performance goals count them.
func scalarMix() []string {
	var all []string
	for k := range 100 {
		n := k%10 + 1
		all = append(all, []string{
			fmt.Sprintf(`orders_count > %d && ltv >= %d && consent.line && last_order_at < ago("%dd")`, n, 3000*n, 9*n),
			fmt.Sprintf(`orders_count == %d || first_order_at > ago("%dd")`, n, 30*n),
			fmt.Sprintf(`ltv >= %d && points >= %d && prefecture == "東京都"`, 1000*n, 20*n),
			fmt.Sprintf(`has_email && page_views > %d && last_visit_at > ago("%dd")`, n, n),
		}[k%4])
	}
	return all
}

// Benchmark100 evaluates 100 mixed segments for one person: per operation all of them.
func Benchmark100(b *testing.B) {
	b.Run("about lists too", func(b *testing.B) { bench100(b, mixed()) })
	b.Run("scalars", func(b *testing.B) { bench100(b, scalarMix()) })
}

func bench100(b *testing.B, expressions []string) {
	v := typical()
	var segs []*Segment
	for _, e := range expressions {
		segs = append(segs, compiled(b, e))
	}
	b.Run("match", func(b *testing.B) {
		defer cpu(b)()
		b.ReportAllocs()
		for b.Loop() {
			for _, s := range segs {
				s.Match(v, made)
			}
		}
	})
	b.Run("match and next change", func(b *testing.B) {
		defer cpu(b)()
		b.ReportAllocs()
		for b.Loop() {
			for _, s := range segs {
				s.evaluate(v, made.UnixMilli())
			}
		}
	})
	b.Run("vm on a ready map", func(b *testing.B) {
		env := plainEnvironment(v)
		var programs []*vm.Program
		for _, e := range expressions {
			p, err := expr.Compile(e, expr.Env(env), expr.DisableBuiltin("now"))
			if err != nil {
				b.Fatal(e, err)
			}
			programs = append(programs, p)
		}
		for k, s := range segs {
			if got, err := expr.Run(programs[k], env); err != nil || got != s.Match(v, made) {
				b.Fatalf("%s: %v, %v", s.Body.Expression, got, err)
			}
		}
		machine := vm.VM{}
		defer cpu(b)()
		b.ReportAllocs()
		for b.Loop() {
			for _, p := range programs {
				if _, err := machine.Run(p, env); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// plainEnvironment is a person as expr's own values, the fastest there is: a typed map of scalars, lists of maps.
func plainEnvironment(v *profiles.View) map[string]any {
	env := map[string]any{"ago": func(s string) time.Time { return made.Add(-span(s)) }, "traits": map[string]any{}}
	for name, x := range v.Traits {
		env["traits"].(map[string]any)[name] = x.Any()
	}
	plain := func(f *Field, i int) any {
		switch f.Kind {
		case Text:
			return f.text(v, i)
		case Bool:
			return f.whole(v, i) != 0
		case Money:
			return enishi.Amount(f.whole(v, i)).Float()
		case Instant:
			return time.UnixMilli(f.whole(v, i))
		}
		return int(f.whole(v, i))
	}
	for _, f := range Fields() {
		if f.derived == "" && f.op == opConst && f.Kind != Texts {
			env[f.Name] = plain(f, 0)
		}
	}
	env["aov"] = v.LTV.Float() / float64(v.OrdersCount)
	consent := map[string]bool{}
	for _, ch := range Channels() {
		consent[ch] = consents(v, ch)
	}
	env["consent"] = consent
	for _, l := range Collections() {
		all := []map[string]any{}
		for i := range l.length(v) {
			if types := listed[l.Name]; types != nil && !slices.Contains(types, v.Visits[i].Type) {
				continue
			}
			e := map[string]any{}
			for _, f := range l.Fields {
				e[f.Name] = plain(f, i)
			}
			all = append(all, e)
		}
		env[l.Name] = all
	}
	return env
}

// BenchmarkUpdate is the fold's call after an event that changed visits.
func BenchmarkUpdate(b *testing.B) {
	var segs []*Segment
	for k, e := range mixed() {
		s := compiled(b, e)
		s.Name = fmt.Sprintf("s%03d", k)
		segs = append(segs, s)
	}
	set := NewSet(segs)
	p := profiles.New(enishi.NewID("identifier", "customer", "a"))
	for i := range 64 {
		typ := []string{"order.placed", "product.viewed", "page.viewed", "product.viewed"}[i%4]
		e := &enishi.Event{ID: enishi.NewID("test", fmt.Sprint(i)), Type: typ, At: made.Add(-time.Duration(64-i) * 20 * time.Hour), Subject: p.ID}
		if typ == "order.placed" {
			e.Order = &enishi.Order{OrderID: fmt.Sprint(i), Subtotal: 5000 * enishi.Unit, Total: 5000 * enishi.Unit}
		}
		p.Apply(e, made)
	}
	for name, changed := range map[string]profiles.Change{"everything": profiles.ChangedAll, "a visit": profiles.ChangedVisits | profiles.ChangedLifetime, "a consent": profiles.ChangedConsents} {
		b.Run(name, func(b *testing.B) {
			defer cpu(b)()
			b.ReportAllocs()
			for b.Loop() {
				set.Update(p, made, changed, Options{})
			}
		})
	}
}
