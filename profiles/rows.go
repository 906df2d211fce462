package profiles

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"enishi"
)

// Add collects the rows of what changed in p since its last checkpoint: every touched element, as a row when the view has
// it and as a deletion when it left, and the scalar row. A profile that was merged away or erased has deletions only.
// version must rise with every checkpoint of a profile; a later row of one key replaces the earlier. p has nothing to
// write afterwards.
func (f *Facts) Add(p *Profile, version uint64) {
	v := p.View()
	w := rowWriter{f: f, p: p, v: v, version: version, pid: string(p.ID[:])}
	q := p.pending
	if q == nil {
		q = &pending{}
	}
	w.person()
	w.identifiers(q)
	w.orders(q)
	w.collections(q)
	w.memberships()
	w.runs()
	p.dirty, p.pending = 0, nil
}

type rowWriter struct {
	f       *Facts
	p       *Profile
	v       *View
	version uint64
	pid     string
}

func (w *rowWriter) person() {
	const own = ChangedMemberships | ChangedRuns | ChangedMessages
	t, v := w.f.people, w.v
	if w.p.dirty&^own == 0 {
		return
	}
	t.text(w.pid)
	if len(w.p.Subjects) == 0 {
		t.deleted(w.version)
		return
	}
	t.version(w.version)
	family, given, familyKana, givenKana := v.Name()
	t.text(family, given, familyKana, givenKana, v.searchText())
	email, phone, line := v.address("email", ""), v.address("phone", ""), v.address("line", "")
	t.text(valueOf(email), valueOf(phone), valueOf(line), valueOf(v.identifier(enishi.Customer)))
	for _, name := range []string{"prefecture", "gender", "birthday", "language", "member_rank"} {
		t.text(v.Traits[name].String())
	}
	t.times(v.FirstSeenAt, v.LastSeenAt, v.LastVisitAt, v.SignedUpAt)
	t.ints(v.OrdersCount, v.ManualOrdersCount, int64(v.LTV))
	t.text(v.Currency)
	t.times(v.FirstOrderAt, v.LastOrderAt, v.LastManualOrderAt)
	t.ints(v.PageViews, v.ProductViews, v.StoreVisits, v.Points)
	_, suppressed := v.Suppressed("email")
	t.flags(email != nil, line != nil, phone != nil, v.Friend(), suppressed)
	put(t, v.consents())
	texts, numbers := v.traits()
	put(t, texts)
	put(t, numbers)
	t.times(v.HoldUntil)
	t.text(v.HoldReason)
	put(t, append([]string{}, v.Risks...))
	t.text(v.household(), v.MainStore)
	place := v.Place()
	t.ints(place.X, place.Y, place.Z)
	put(t, append([]string{}, v.Lists...))
	put(t, v.Accounts())
	t.flags(v.Reachable("email"), v.Reachable("line"), v.Reachable("sms"), v.Reachable("push"), v.Reachable(enishi.PostalChannel))
	t.times(v.SocialReach(), v.SocialUntil(), v.SocialActedAt())
	x := &v.Features
	t.text(x.Category, x.Brand, x.Size, x.Channel)
	t.ints(x.Rhythm)
	t.times(x.NextOrderAt)
	t.ints(x.Returned, x.Delivered, x.Late)
	t.times(x.LastLateAt)
	put(t, w.p.Mixed())
	t.end()
}

func valueOf(s *Subject) string {
	if s == nil {
		return ""
	}
	return s.Value
}

// identifier is the subject of a kind that was seen last.
func (v *View) identifier(k enishi.Kind) *Subject {
	var best *Subject
	for i := range v.Profile.Subjects {
		if s := &v.Profile.Subjects[i]; s.Kind == k && s.Value != "" && (best == nil || s.LastSeen.After(best.LastSeen)) {
			best = s
		}
	}
	return best
}

// consents is every known permission as "channel.purpose" -> in, out.
func (v *View) consents() map[string]string {
	out := map[string]string{}
	for i := range v.Profile.Subjects {
		for k := range v.Profile.Subjects[i].Consents {
			c := &v.Profile.Subjects[i].Consents[k]
			if state, _ := v.Consent(c.Channel, c.Purpose); state != Unknown {
				out[c.Channel+"."+c.Purpose] = state
			}
		}
		if len(v.Profile.Subjects[i].Friends) > 0 { // the permission may follow from a friendship alone
			if state, _ := v.Consent("line", Marketing); state != Unknown {
				out["line."+Marketing] = state
			}
		}
	}
	return out
}

// traits is every trait as text, and those that are numbers (a boolean is 0 or 1, an instant its Unix milliseconds).
func (v *View) traits() (map[string]string, map[string]float64) {
	texts, numbers := make(map[string]string, len(v.Traits)), map[string]float64{}
	for name, x := range v.Traits {
		texts[name] = x.String()
		if x.Kind != enishi.Text {
			numbers[name] = x.Number
		}
	}
	return texts, numbers
}

func (w *rowWriter) identifiers(q *pending) {
	t := w.f.identifiers
	ids := q.subjects
	if q.whole&ChangedIdentifiers != 0 {
		for i := range w.p.Subjects {
			ids = append(ids, w.p.Subjects[i].ID)
		}
	}
	for _, id := range unique(ids, enishi.ID.Compare) {
		t.text(w.pid)
		t.id(id)
		i, ok := w.p.find(id)
		if !ok {
			t.deleted(w.version)
			continue
		}
		s := &w.p.Subjects[i]
		t.version(w.version)
		t.text(s.Kind.String(), s.Scope, s.Value)
		t.times(s.FirstSeen, s.LastSeen.Truncate(24*time.Hour)) // to the day, see folding.see
		t.end()
	}
}

// orders writes the orders that were touched or that others moved (their number among the person's orders).
func (w *rowWriter) orders(q *pending) {
	if !q.based && q.whole&ChangedOrders == 0 {
		return
	}
	touched := q.orders
	slices.SortFunc(touched, func(a, b touchedOrder) int { return cmp.Or(strings.Compare(a.id, b.id), b.lines-a.lines) })
	touched = slices.CompactFunc(touched, func(a, b touchedOrder) bool { return a.id == b.id }) // keeps the most lines
	here := make(map[string]bool, len(w.v.Orders))
	for i := range w.v.Orders {
		o := &w.v.Orders[i]
		here[o.OrderID] = true
		now := o.base()
		had, known := findBase(q.base, o.OrderID)
		at, isTouched := slices.BinarySearchFunc(touched, o.OrderID, func(t touchedOrder, id string) int { return strings.Compare(t.id, id) })
		whole := q.whole&ChangedOrders != 0 || !known
		if whole || isTouched || had.sequence != now.sequence {
			w.order(o)
		}
		most := had.lines
		if isTouched {
			most = max(most, touched[at].lines)
		}
		if whole || isTouched && touched[at].lines >= 0 || had.placed != now.placed || had.valid != now.valid {
			w.lines(o, most)
		}
	}
	for _, t := range touched {
		if here[t.id] {
			continue
		}
		had, known := findBase(q.base, t.id)
		if !known && t.lines < 0 {
			continue // a parcel or return of an order that nobody told of
		}
		w.f.orders.text(w.pid, t.id)
		w.f.orders.deleted(w.version)
		w.deleteLines(t.id, 0, max(had.lines, t.lines))
	}
}

func findBase(base []orderBase, id string) (orderBase, bool) {
	i, ok := slices.BinarySearchFunc(base, id, func(b orderBase, id string) int { return strings.Compare(b.id, id) })
	if !ok {
		return orderBase{}, false
	}
	return base[i], true
}

func (w *rowWriter) order(o *OrderView) {
	t := w.f.orders
	var tax enishi.Amount
	for i := range o.Taxes {
		tax += o.Taxes[i].Amount
	}
	t.text(w.pid, o.OrderID)
	t.version(w.version)
	t.text(o.Status)
	t.times(o.PlacedAt, o.PaidAt, o.ConfirmedAt, o.CancelledAt, o.RefundedAt, o.ShippedAt, o.DeliveredAt)
	t.text(o.Currency)
	t.amounts(o.Total, o.Revenue, o.Subtotal, o.Discount)
	t.text(o.Coupon)
	t.amounts(o.CouponAmount, o.PointsUsed, o.ShippingFee, o.CODFee, tax, o.Refunded)
	t.ints(o.Items)
	t.text(o.Channel, o.StoreID, o.StaffID, o.PaymentMethod)
	t.times(o.PaymentDueAt)
	t.text(o.PaymentState, o.Fulfilment, o.SubscriptionID)
	t.flags(o.Automatic)
	t.text(o.Marketplace)
	t.flags(o.ShipTo != nil && o.ShipTo.IsGift, o.Valid)
	t.ints(o.Sequence)
	t.text(o.Number)
	t.end()
}

// lines writes the lines of an order and deletes those that it had beyond them.
func (w *rowWriter) lines(o *OrderView, had int) {
	t := w.f.lines
	for i := range o.Lines {
		l := &o.Lines[i]
		t.text(w.pid, o.OrderID)
		put(t, uint32(i))
		t.version(w.version)
		t.times(o.PlacedAt)
		t.text(l.ProductID, l.SKU, l.Name, l.Brand, l.Category)
		t.ints(int64(quantity(l.Quantity)))
		t.amounts(l.Price, l.Discount)
		t.flags(o.Valid)
		t.end()
	}
	w.deleteLines(o.OrderID, len(o.Lines), had)
}

func (w *rowWriter) deleteLines(order string, from, to int) {
	for i := from; i < to; i++ {
		w.f.lines.text(w.pid, order)
		put(w.f.lines, uint32(i))
		w.f.lines.deleted(w.version)
	}
}

func (w *rowWriter) memberships() {
	t, p := w.f.memberships, w.p
	had := p.written.memberships
	for i := range p.Memberships {
		m := &p.Memberships[i]
		for len(had) > 0 && had[0].key < m.Segment {
			t.text(w.pid, had[0].key)
			t.deleted(w.version)
			had = had[1:]
		}
		if len(had) > 0 && had[0].key == m.Segment {
			same := had[0].sum == m.digest()
			if had = had[1:]; same {
				continue
			}
		}
		t.text(w.pid, m.Segment)
		t.version(w.version)
		t.ints(m.Version)
		t.times(m.Since)
		t.flags(m.Initial)
		t.end()
	}
	for i := range had {
		t.text(w.pid, had[i].key)
		t.deleted(w.version)
	}
	p.written.keepMemberships(p)
}

func (w *rowWriter) runs() {
	t, p := w.f.runs, w.p
	had := p.written.runs
	for i := range p.Runs {
		r := &p.Runs[i]
		for len(had) > 0 && had[0].id.Compare(r.ID) < 0 {
			w.deleteRun(had[0])
			had = had[1:]
		}
		if len(had) > 0 && had[0].id == r.ID {
			same := had[0].sum == r.digest()
			if had = had[1:]; same {
				continue
			}
		}
		t.text(w.pid)
		t.id(r.ID)
		t.version(w.version)
		t.text(r.Journey)
		t.ints(r.Version)
		t.text(r.Key)
		t.times(r.EnteredAt)
		t.text(r.Node)
		t.times(r.Since, r.waitUntil(), r.EndedAt)
		t.text(r.End)
		t.ints(int64(r.Steps))
		t.end()
	}
	for i := range had {
		w.deleteRun(had[i])
	}
	p.written.keepRuns(p)
}

func (w *rowWriter) deleteRun(r writtenRun) {
	w.f.runs.text(w.pid)
	w.f.runs.id(r.id)
	w.f.runs.deleted(w.version, r.journey) // the journey is part of the key
}
