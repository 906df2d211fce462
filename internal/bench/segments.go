package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

// hundred are 100 segments as shops have them: half about scalars alone, the rest about orders, visits and shipments.
func hundred() []string {
	var all []string
	for k := range 10 {
		n, days := k+1, 30*(k+1)
		all = append(all,
			fmt.Sprintf(`orders_count > %d && ltv >= %d && has_email && last_order_at < ago("%dd")`, n, 10_000*n, days),
			fmt.Sprintf(`orders_count == %d && first_order_at > ago("%dd")`, n, days),
			fmt.Sprintf(`ltv >= %d && points >= %d`, 20_000*n, 10*n),
			fmt.Sprintf(`last_order_at < ago("%dd") && orders_count >= 1`, days),
			fmt.Sprintf(`page_views > %d || product_views > %d`, 10*n, 5*n),
			fmt.Sprintf(`count(orders, .total >= %d && .placed_at > ago("365d")) >= 2`, 3000*n),
			fmt.Sprintf(`count(orders, .total >= 5000 && .placed_at > ago("%dd")) >= 2 && none(shipments, .status == "delayed")`, days),
			fmt.Sprintf(`any(visits, .type == "product.viewed" && .category == "c%d" && .at > ago("7d"))`, n),
			fmt.Sprintf(`count(visits, .at > ago("14d")) >= %d && none(orders, .placed_at > ago("14d"))`, n),
			fmt.Sprintf(`any(shipments, .status == "delivered" && .delivered_at > ago("%dd"))`, 7*n),
		)
	}
	return all
}

// scalars are 100 segments about scalars alone.
func scalars() []string {
	var all []string
	for k := range 20 {
		all = append(all, hundred()[10*(k%10):][:5]...)
	}
	return all
}

// regular is a person with 16 orders and parcels and 64 visits.
func regular(now time.Time) *profiles.Profile {
	p := profiles.New(enishi.NewID("regular"))
	at := func(hours int) time.Time { return now.Add(-time.Duration(hours) * time.Hour) }
	apply := func(e enishi.Event, n int) {
		e.ID, e.Subject, e.Links = enishi.NewID(e.Type, fmt.Sprint(n)), p.ID, []enishi.ID{p.ID}
		e.Person = &enishi.Person{Email: "regular@mail.example"}
		p.Apply(&e, e.At)
	}
	for i := range 64 {
		apply(enishi.Event{Type: [2]string{"product.viewed", "page.viewed"}[i%2], At: at((64 - i) * 20), Web: &enishi.Web{Category: fmt.Sprint("c", i%7)}}, i)
	}
	for i := range 16 {
		order, placed := fmt.Sprint("o", i), (16-i)*40*24
		total := enishi.Amount(3000+500*i) * enishi.Unit
		apply(enishi.Event{Type: "order.placed", At: at(placed), Order: &enishi.Order{OrderID: order, Subtotal: total, Total: total, Lines: []enishi.Line{{ProductID: "p", Quantity: 1, Price: total}}}}, i)
		apply(enishi.Event{Type: "shipment.delivered", At: at(placed - 72), Shipment: &enishi.Shipment{ShipmentID: order, OrderID: order}}, i)
	}
	return p
}

// readyMap is a person as expr's own values, the fastest there is: scalars and lists of maps.
func readyMap(v *profiles.View) map[string]any {
	env := map[string]any{"orders_count": int(v.OrdersCount), "ltv": v.LTV.Float(), "points": int(v.Points), "page_views": int(v.PageViews), "product_views": int(v.ProductViews),
		"has_email": true, "first_order_at": v.FirstOrderAt, "last_order_at": v.LastOrderAt}
	var orders, visits, shipments []map[string]any
	for _, o := range v.Orders {
		orders = append(orders, map[string]any{"total": o.Order.Total.Float(), "placed_at": o.PlacedAt})
	}
	for _, x := range v.Visits {
		visits = append(visits, map[string]any{"type": x.Type, "category": x.Category, "at": x.At})
	}
	for _, x := range v.Shipments {
		shipments = append(shipments, map[string]any{"status": x.Status, "delivered_at": x.DeliveredAt})
	}
	env["orders"], env["visits"], env["shipments"] = orders, visits, shipments
	return env
}

// runSegments evaluates 100 segments for a touched profile: A is the expr VM on a ready map, whose making is not measured; B
// is what the fold does, memberships and the next change included.
func runSegments(_ context.Context, b *bench) error {
	if err := b.hundred("100 about scalars", scalars(), 20_000); err != nil {
		return err
	}
	return b.hundred("100 about lists too", hundred(), 3000)
}

func (b *bench) hundred(name string, expressions []string, ops int) error {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	p := regular(now)
	env := readyMap(p.View())
	list, programs, err := compile(expressions, env, now)
	if err != nil {
		return err
	}
	set := segments.NewSet(list)
	set.Update(p, now, profiles.ChangedAll, segments.Options{})
	if err := sameMembers(p, list, programs, env); err != nil {
		return err
	}
	b.printf("  %s: in %d of them with %d orders, %d visits, %d shipments\n", name, len(p.Memberships), len(p.View().Orders), len(p.View().Visits), len(p.View().Shipments))
	var machine vm.VM
	bare := func(int) (slice, error) {
		for range ops {
			for _, program := range programs {
				if _, err := machine.Run(program, env); err != nil {
					return slice{}, err
				}
			}
		}
		return slice{ops: ops}, nil
	}
	update := func(changed profiles.Change) func(int) (slice, error) {
		return func(int) (slice, error) {
			for range ops {
				if in, out := set.Update(p, now, changed, segments.Options{}); len(in)+len(out) > 0 {
					return slice{}, errors.New("a transition without a change")
				}
			}
			return slice{ops: ops}, nil
		}
	}
	as, bs, err := b.alternate(nil, bare, update(profiles.ChangedAll))
	if err != nil {
		return err
	}
	b.compare(name+", all evaluated", "profile", as, bs, 0.5)
	b.least(name+", rate on one core", median(each(bs, (*slice).rate)), "profiles/s", 50_000)
	if err := b.evaluation(name, len(list), ops, update(profiles.ChangedAll)); err != nil {
		return err
	}
	as, bs, err = b.alternate(nil, bare, update(profiles.ChangedVisits|profiles.ChangedLifetime))
	if err != nil {
		return err
	}
	b.compare(name+", after a visit", "profile", as, bs, 0.5)
	return nil
}

// evaluation prints what one segment of a profile costs, its part of keeping memberships and the next change included.
func (b *bench) evaluation(name string, segments, ops int, update func(int) (slice, error)) error {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := measured(func() (slice, error) { return update(0) })
	if err != nil {
		return err
	}
	runtime.ReadMemStats(&after)
	n := float64(ops * segments)
	b.printf("  %-28s %.0f CPU ns, %.3f allocations and %.1f bytes an evaluation\n", name, float64(s.cpu.Nanoseconds())/n, float64(after.Mallocs-before.Mallocs)/n, float64(after.TotalAlloc-before.TotalAlloc)/n)
	return nil
}

// compile makes the segments and the VM's programs. Their ago looks its instant up.
func compile(expressions []string, env map[string]any, now time.Time) (list []*segments.Segment, programs []*vm.Program, err error) {
	instants := map[string]time.Time{}
	for days := range 400 {
		instants[fmt.Sprintf("%dd", days)] = now.AddDate(0, 0, -days)
	}
	ago := expr.Function("ago", func(params ...any) (any, error) {
		span, _ := params[0].(string)
		return instants[span], nil
	}, new(func(string) time.Time))
	for i, expression := range expressions {
		body, err := json.Marshal(segments.Body{Title: segments.Label{EN: "x", JA: "x"}, Expression: expression})
		if err != nil {
			return nil, nil, err
		}
		s, err := segments.Compile(fmt.Sprintf("s%03d", i), 1, body)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", expression, err)
		}
		program, err := expr.Compile(expression, expr.Env(env), expr.DisableBuiltin("now"), ago)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", expression, err)
		}
		list, programs = append(list, s), append(programs, program)
	}
	return list, programs, nil
}

// sameMembers wants the VM and the set to agree.
func sameMembers(p *profiles.Profile, list []*segments.Segment, programs []*vm.Program, env map[string]any) error {
	for i, s := range list {
		got, err := expr.Run(programs[i], env)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Body.Expression, err)
		}
		in := slices.ContainsFunc(p.Memberships, func(m profiles.Membership) bool { return m.Segment == s.Name })
		if got != in {
			return fmt.Errorf("%s: the VM says %v, the set %v", s.Body.Expression, got, in)
		}
	}
	return nil
}
