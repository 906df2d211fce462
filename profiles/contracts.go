package profiles

import (
	"slices"
	"strings"
	"time"

	"enishi"
)

func compareContract(a, b *Subscription) int {
	return strings.Compare(a.Subscription.SubscriptionID, b.Subscription.SubscriptionID)
}

// contract folds an event of a subscription: a milestone by its name, and contents.
func (f *folding) contract(name string) {
	c := f.e.Subscription
	if c == nil || c.SubscriptionID == "" {
		return
	}
	st, s := f.stamp(c.Version), f.subject()
	x := Subscription{Subscription: clone(c), Event: st.event, Marks: []Mark{f.milestone(name, st)}}
	x.Subscription.Version = st.version
	if told(contractFields[:], &x.Subscription) == 0 {
		x.Subscription, x.Event = enishi.Subscription{SubscriptionID: x.Subscription.SubscriptionID}, enishi.ID{}
	}
	f.changed |= ChangedContracts
	f.p.touchContract(&x)
	if i, ok := search(s.Contracts, &x, compareContract); ok {
		s.Contracts[i].join(&x)
	} else {
		s.Contracts = slices.Insert(s.Contracts, i, x)
		s.Contracts = keepNewest(s.Contracts, MaxCollection, rankContract, f.p.touchContract)
	}
}

func (c *Subscription) join(x *Subscription) {
	a, b := stamp{c.Subscription.Version, c.Event}, stamp{x.Subscription.Version, x.Event}
	merge(contractFields[:], false, contents[enishi.Subscription]{&c.Subscription, &a, &c.Kept}, contents[enishi.Subscription]{&x.Subscription, &b, &x.Kept})
	c.Subscription.Version, c.Event = a.version, a.event
	c.Marks, _ = setMarks(c.Marks, x.Marks)
}

func (v *View) buildContracts(p *Profile) {
	list := gather(p, &v.bufs.contracts, func(s *Subject) []Subscription { return s.Contracts }, compareContract, (*Subscription).join)
	v.Contracts = v.Contracts[:0]
	for i := range list {
		c := &list[i]
		at := func(name string) time.Time { return markAt(c.Marks, name) }
		// unless drops an instant when one of the others came at the same time or later.
		unless := func(t time.Time, others ...time.Time) time.Time {
			for _, o := range others {
				if !o.Before(t) {
					return time.Time{}
				}
			}
			return t
		}
		x := SubscriptionView{Subscription: &c.Subscription, StartedAt: at("started"), RenewedAt: at("renewed"), SkippedAt: at("skipped"), Status: "active"}
		x.CancelledAt = unless(at("cancelled"), x.StartedAt, at("resumed"))
		x.PausedAt = unless(at("paused"), x.StartedAt, at("resumed"), x.RenewedAt)
		x.PaymentFailedAt = unless(at("payment_failed"), x.RenewedAt)
		switch {
		case !x.CancelledAt.IsZero():
			x.Status = "cancelled"
		case !x.PausedAt.IsZero():
			x.Status = "paused"
		case !unless(x.SkippedAt, x.StartedAt, at("resumed"), x.RenewedAt).IsZero():
			x.Status = "skipped"
		}
		if x.StartedAt.IsZero() {
			if x.StartedAt = c.Subscription.StartedAt; x.StartedAt.IsZero() {
				x.StartedAt = firstMark(c.Marks)
			}
		}
		v.Contracts = append(v.Contracts, x)
	}
}

func compareMove(a, b *PointMove) int { return compareMoment(a.At, a.Event, b.At, b.Event) }

// movePoints folds a movement of points: the balance of all, and the newest of them.
func (f *folding) movePoints(name string) {
	c := f.e.Points
	if c == nil {
		return
	}
	f.points = c.Amount
	switch name {
	case "earned":
		f.counts |= countedEarned
	case "redeemed", "expired":
		f.points = -f.points
	}
	s, x := f.subject(), PointMove{Event: f.e.ID, At: f.at, Kind: name, Amount: f.points, Reason: c.Reason, OrderID: c.OrderID, ExpiresAt: c.ExpiresAt}
	at, ok := search(s.Moves, &x, compareMove)
	if ok {
		return
	}
	pack(&x.Kind, &x.Reason, &x.OrderID)
	s.Moves = slices.Insert(s.Moves, at, x)
	f.changed |= ChangedMoves
	f.p.touchMove(&x)
	s.Moves = keepNewest(s.Moves, MaxCollection, rankMove, f.p.touchMove)
}
