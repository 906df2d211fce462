package profiles

import (
	"testing"
	"time"

	"enishi"
)

func contract(change func(*enishi.Subscription)) func(*enishi.Event) {
	return func(e *enishi.Event) {
		e.Subscription = &enishi.Subscription{SubscriptionID: "S1"}
		if change != nil {
			change(e.Subscription)
		}
	}
}

func TestSubscription(t *testing.T) {
	x := newPerson(t)
	status := func(want, typ string, hours int, change func(*enishi.Subscription)) *SubscriptionView {
		t.Helper()
		v := x.event("subscription."+typ, hours, contract(change))
		equal(t, "contracts", 1, len(v.Contracts))
		equal(t, typ, want, v.Contracts[0].Status)
		return &v.Contracts[0]
	}
	c := status("active", "started", 1, func(s *enishi.Subscription) {
		s.ProductID, s.CycleDays, s.Amount, s.NextAt = "p1", 30, 2000*enishi.Unit, at(720*time.Hour)
	})
	instantIs(t, "started", 1, c.StartedAt)
	c = status("active", "payment_failed", 700, func(s *enishi.Subscription) { s.Reason = "card_expired" })
	instantIs(t, "failed", 700, c.PaymentFailedAt)
	equal(t, "cycle", 30, c.CycleDays)
	c = status("active", "renewed", 720, func(s *enishi.Subscription) { s.Deliveries, s.NextAt = 1, at(1440*time.Hour) })
	equal(t, "paid since", true, c.PaymentFailedAt.IsZero())
	instantIs(t, "next", 1440, c.NextAt)
	status("skipped", "skipped", 800, nil)
	status("active", "renewed", 810, nil)
	c = status("paused", "paused", 900, nil)
	instantIs(t, "paused", 900, c.PausedAt)
	c = status("active", "resumed", 910, nil)
	equal(t, "goes on", true, c.PausedAt.IsZero())
	c = status("cancelled", "cancelled", 920, func(s *enishi.Subscription) { s.Reason = "too_much" })
	equal(t, "reason", "too_much", c.Reason)
	status("cancelled", "renewed", 930, nil) // the last delivery
	c = status("active", "started", 940, nil)
	equal(t, "made anew", true, c.CancelledAt.IsZero())
	// An older version does not take back what a newer told, and is taken where nothing newer did.
	c = status("active", "changed", 2, func(s *enishi.Subscription) { s.CycleDays, s.Name = 60, "コース" })
	equal(t, "name", "コース", c.Name)
	equal(t, "newer cycle of an older event", 60, c.CycleDays)
	c = status("active", "changed", 0, func(s *enishi.Subscription) { s.CycleDays = 90 })
	equal(t, "cycle told before", 60, c.CycleDays)
}

func TestSubscriptionWithoutStart(t *testing.T) {
	x := newPerson(t)
	v := x.event("subscription.renewed", 5, contract(nil))
	instantIs(t, "first word", 5, v.Contracts[0].StartedAt)
	v = x.event("subscription.changed", 6, contract(func(s *enishi.Subscription) { s.StartedAt = at(time.Hour) }))
	instantIs(t, "as another event tells", 1, v.Contracts[0].StartedAt)
	v = x.event("subscription.cancelled", 7, func(e *enishi.Event) { e.Subscription = &enishi.Subscription{} })
	equal(t, "without an id", 1, len(v.Contracts))
}

// The list of movements ends at its bound, the balance does not.
func TestPointMoves(t *testing.T) {
	p := New(enishi.ID{1})
	for n := range MaxCollection + 30 {
		e := event(n, "points.earned", at(time.Duration(n)*time.Hour), single)
		e.Points = &enishi.Points{Amount: 10, Reason: "order", ExpiresAt: at(time.Duration(n+9000) * time.Hour)}
		p.Apply(e, clock)
	}
	e := event(999, "points.redeemed", at(999*time.Hour), single)
	e.Points = &enishi.Points{Amount: 25, OrderID: "o1"}
	p.Apply(e, clock)
	v := p.View()
	equal(t, "kept", MaxCollection, len(v.Moves))
	equal(t, "balance", 10*(MaxCollection+30)-25, v.Points)
	instantIs(t, "oldest", 31, v.Moves[0].At)
	newest := v.Moves[MaxCollection-1]
	equal(t, "kind", "redeemed", newest.Kind)
	equal(t, "amount", -25, newest.Amount)
	equal(t, "order", "o1", newest.OrderID)
	equal(t, "never runs out", true, newest.ExpiresAt.IsZero())
	equal(t, "rows", MaxCollection, len(liveRows(t, p)["point_moves"]))
	p.Erase(at(2000 * time.Hour))
	equal(t, "rows of who was erased", 0, len(liveRows(t, p)["point_moves"]))
}

func TestMainStore(t *testing.T) {
	x := newPerson(t)
	visit := func(typ string, hours int, store string) *View {
		return x.event(typ, hours, func(e *enishi.Event) { e.Store = &enishi.StoreVisit{StoreID: store} })
	}
	equal(t, "without any", "", x.p.View().MainStore)
	equal(t, "one visit", "ginza", visit("store.visited", 1, "ginza").MainStore)
	equal(t, "of equal ones the latest", "umeda", visit("store.visited", 5, "umeda").MainStore)
	equal(t, "told late", "umeda", visit("store.attended", 0, "kyoto").MainStore)
	v := x.event("order.placed", 2, order(func(o *enishi.Order) { o.StoreID = "ginza" }))
	equal(t, "an order counts as well", "ginza", v.MainStore)
	v = x.event("order.cancelled", 6, order(nil))
	equal(t, "one that was cancelled does not", "umeda", v.MainStore)
}
