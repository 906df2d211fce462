package profiles

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"enishi"
)

// cloneable is a generated codec.
type cloneable[T any] interface {
	*T
	AppendWire([]byte) []byte
	ParseWire(string) error
}

// clone copies a payload of an event with all its strings, so that what is kept does not hold the whole record.
func clone[T any, P cloneable[T]](x P) T {
	var buf [1024]byte
	var c T
	if err := P(&c).ParseWire(string(x.AppendWire(buf[:0]))); err != nil {
		return *x // what the codec wrote it reads; a copy that shares strings is right too
	}
	return c
}

func compareOrder(a, b *Order) int { return strings.Compare(a.Order.OrderID, b.Order.OrderID) }

func compareShipment(a, b *Shipment) int {
	return cmp.Or(strings.Compare(a.Shipment.OrderID, b.Shipment.OrderID), strings.Compare(a.Shipment.ShipmentID, b.Shipment.ShipmentID))
}

func compareReturn(a, b *Return) int {
	return cmp.Or(strings.Compare(a.Return.OrderID, b.Return.OrderID), strings.Compare(a.Return.ReturnID, b.Return.ReturnID))
}

func compareReview(a, b *Review) int {
	return cmp.Or(strings.Compare(a.Review.ReviewID, b.Review.ReviewID), strings.Compare(a.Review.OrderID, b.Review.OrderID))
}

// search finds x in a sorted list.
func search[T any](list []T, x *T, compare func(a, b *T) int) (int, bool) {
	lo, hi := 0, len(list)
	for lo < hi {
		if m := int(uint(lo+hi) >> 1); compare(&list[m], x) < 0 {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo, lo < len(list) && compare(&list[lo], x) == 0
}

// order folds an event of an order: a milestone by its name, and contents.
func (f *folding) order(name string, o *enishi.Order) {
	if o == nil || o.OrderID == "" {
		return
	}
	st := f.stamp(o.Version)
	x := Order{Order: clone(o), Event: st.event, Marks: []Mark{f.milestone(name, st)}, Source: strings.Clone(f.e.Source), Channel: strings.Clone(f.e.Channel)}
	x.Order.Version = st.version
	f.takeOrder(&x)
}

// takeOrder joins x, which nothing else refers to, with what is known of the order.
func (f *folding) takeOrder(x *Order) {
	s := f.subject()
	if told(orderFields[:], &x.Order) == 0 { // a bare milestone gives no contents
		x.Order, x.Event = enishi.Order{OrderID: x.Order.OrderID}, enishi.ID{}
	}
	f.changed |= ChangedOrders
	i, ok := search(s.Orders, x, compareOrder)
	if ok {
		lines := -1
		if before := len(s.Orders[i].Order.Lines); s.Orders[i].join(x) {
			lines = max(before, len(s.Orders[i].Order.Lines))
		}
		f.p.touchOrder(s.Orders[i].Order.OrderID, lines)
		return
	}
	if at, ok := findStub(s.Evicted, x.Order.OrderID); ok {
		s.Evicted[at].take(x)
		return
	}
	s.Orders = slices.Insert(s.Orders, i, *x)
	f.p.touchOrder(x.Order.OrderID, len(x.Order.Lines))
	s.Orders = keepNewest(s.Orders, MaxOrders, rankOrder, func(x *Order) { s.evict(f.p, x) })
}

// join takes what x knows of the same order; it reports whether the contents changed.
func (o *Order) join(x *Order) bool {
	placedBy := o.origin()
	a, b := stamp{o.Order.Version, o.Event}, stamp{x.Order.Version, x.Event}
	changed := merge(orderFields[:], true, contents[enishi.Order]{&o.Order, &a, &o.Kept}, contents[enishi.Order]{&x.Order, &b, &x.Kept})
	o.Order.Version, o.Event = a.version, a.event
	o.Marks, _ = setMarks(o.Marks, x.Marks)
	if by := o.origin(); by != placedBy && by == x.origin() {
		o.Source, o.Channel = x.Source, x.Channel
	}
	return changed
}

// origin is the event whose source and channel an order has: that which placed it, else the one that gave the contents,
// else the newest milestone.
func (o *Order) origin() stamp {
	if i, ok := findMark(o.Marks, "placed"); ok {
		return stamp{o.Marks[i].Version, o.Marks[i].Event}
	}
	if !o.Event.IsZero() {
		return stamp{o.Order.Version, o.Event}
	}
	var top stamp
	for _, m := range o.Marks {
		if s := (stamp{m.Version, m.Event}); s.compare(top) > 0 {
			top = s
		}
	}
	return top
}

// placedAt is when the order was placed: as order.placed says, else as another event tells, else its first milestone.
func (o *Order) placedAt() time.Time {
	if at := markAt(o.Marks, "placed"); !at.IsZero() {
		return at
	}
	if !o.Order.PlacedAt.IsZero() {
		return o.Order.PlacedAt
	}
	return firstMark(o.Marks)
}

// valid: somebody says that it was placed, and nobody that it was cancelled.
func (o *Order) valid() bool {
	_, cancelled := findMark(o.Marks, "cancelled")
	_, placed := findMark(o.Marks, "placed")
	_, updated := findMark(o.Marks, "updated")
	return !cancelled && (placed || updated || !o.Order.PlacedAt.IsZero())
}

// revenue is the default measure of an order: tax included, after discounts, coupon and points, without shipping and
// fees, less refunds. Refunds may include shipping, so they do not make it negative. A producer that gives no subtotal
// gives it by the total, else by the lines.
func revenue(o *enishi.Order) enishi.Amount {
	var sum enishi.Amount
	switch {
	case o.Subtotal != 0:
		sum = o.Subtotal - o.Discount - o.CouponAmount - o.PointsUsed
	case o.Total != 0:
		sum = o.Total - o.ShippingFee - o.CODFee
	default:
		for i := range o.Lines {
			sum += o.Lines[i].Price*enishi.Amount(quantity(o.Lines[i].Quantity)) - o.Lines[i].Discount
		}
		sum -= o.Discount + o.CouponAmount + o.PointsUsed
	}
	if o.Refunded > 0 && sum > 0 {
		sum = max(sum-o.Refunded, 0)
	}
	return sum
}

func quantity(n int) int {
	if n == 0 {
		return 1
	}
	return n
}

func currency(code string) string {
	if code == "" {
		return "JPY"
	}
	return code
}

// evict keeps of an order what Lifetime scalars need.
func (s *Subject) evict(p *Profile, x *Order) {
	p.touchOrder(x.Order.OrderID, len(x.Order.Lines))
	at, _ := findStub(s.Evicted, x.Order.OrderID)
	s.Evicted = slices.Insert(s.Evicted, at, Stub{Key: x.Order.OrderID, Version: x.Order.Version, Revenue: revenue(&x.Order), At: x.placedAt(),
		Automatic: x.Order.Automatic, Currency: x.Order.Currency, Invalid: !x.valid()})
}

func findStub(list []Stub, key string) (int, bool) {
	return slices.BinarySearchFunc(list, key, func(s Stub, key string) int { return strings.Compare(s.Key, key) })
}

// take folds an event of an order that has left.
func (s *Stub) take(x *Order) {
	if _, cancelled := findMark(x.Marks, "cancelled"); cancelled {
		s.Invalid = true
	}
	if len(x.Order.Lines) > 0 && x.Order.Version > s.Version {
		s.Version, s.Revenue, s.Automatic, s.Currency = x.Order.Version, revenue(&x.Order), x.Order.Automatic, x.Order.Currency
	}
}

// shipment folds an event of a parcel.
func (f *folding) shipment(name string, c *enishi.Shipment) {
	if c == nil || c.OrderID == "" && c.ShipmentID == "" {
		return
	}
	st, s := f.stamp(c.Version), f.subject()
	x := Shipment{Shipment: clone(c), Event: st.event}
	x.Shipment.Version = st.version
	if name != "updated" {
		x.Marks = []Mark{f.milestone(name, st)}
	}
	if told(shipmentFields[:], &x.Shipment) == 0 {
		x.Shipment, x.Event = enishi.Shipment{OrderID: x.Shipment.OrderID, ShipmentID: x.Shipment.ShipmentID}, enishi.ID{}
	}
	f.changed |= ChangedShipments | ChangedOrders
	f.p.touchShipment(&x)
	if i, ok := search(s.Shipments, &x, compareShipment); ok {
		s.Shipments[i].join(&x)
	} else {
		s.Shipments = slices.Insert(s.Shipments, i, x)
		s.Shipments = keepNewest(s.Shipments, MaxShipments, rankShipment, f.p.touchShipment)
	}
}

func (s *Shipment) join(x *Shipment) {
	a, b := stamp{s.Shipment.Version, s.Event}, stamp{x.Shipment.Version, x.Event}
	merge(shipmentFields[:], false, contents[enishi.Shipment]{&s.Shipment, &a, &s.Kept}, contents[enishi.Shipment]{&x.Shipment, &b, &x.Kept})
	s.Shipment.Version, s.Event = a.version, a.event
	s.Marks, _ = setMarks(s.Marks, x.Marks)
}

// giveBack folds an event of a return.
func (f *folding) giveBack(name string, c *enishi.Return) {
	if c == nil || c.OrderID == "" && c.ReturnID == "" {
		return
	}
	st, s := f.stamp(c.Version), f.subject()
	x := Return{Return: clone(c), Event: st.event, Marks: []Mark{f.milestone(name, st)}}
	x.Return.Version = st.version
	if told(returnFields[:], &x.Return) == 0 {
		x.Return, x.Event = enishi.Return{OrderID: x.Return.OrderID, ReturnID: x.Return.ReturnID}, enishi.ID{}
	}
	f.changed |= ChangedReturns | ChangedOrders
	f.p.touchReturn(&x)
	if i, ok := search(s.Returns, &x, compareReturn); ok {
		s.Returns[i].join(&x)
	} else {
		s.Returns = slices.Insert(s.Returns, i, x)
		s.Returns = keepNewest(s.Returns, MaxCollection, rankReturn, f.p.touchReturn)
	}
}

func (r *Return) join(x *Return) {
	a, b := stamp{r.Return.Version, r.Event}, stamp{x.Return.Version, x.Event}
	merge(returnFields[:], false, contents[enishi.Return]{&r.Return, &a, &r.Kept}, contents[enishi.Return]{&x.Return, &b, &x.Kept})
	r.Return.Version, r.Event = a.version, a.event
	r.Marks, _ = setMarks(r.Marks, x.Marks)
}

// review folds a written review; the newest version of it stands.
func (f *folding) review() {
	c := f.e.Review
	if c == nil || c.ReviewID == "" && c.OrderID == "" {
		return
	}
	st, s := f.stamp(c.Version), f.subject()
	x := Review{Review: clone(c), At: f.at, Event: st.event}
	x.Review.Version = st.version
	f.changed |= ChangedReviews
	f.p.touchReview(&x)
	if i, ok := search(s.Reviews, &x, compareReview); ok {
		s.Reviews[i].join(&x)
	} else {
		s.Reviews = slices.Insert(s.Reviews, i, x)
		s.Reviews = keepNewest(s.Reviews, MaxCollection, rankReview, f.p.touchReview)
	}
}

func (r *Review) join(x *Review) {
	if (stamp{x.Review.Version, x.Event}).compare(stamp{r.Review.Version, r.Event}) > 0 {
		*r = *x
	}
}
