package profiles

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"enishi"
)

// orderRef is an order on its way into the view.
type orderRef struct {
	at int64
	o  *Order
}

// Milestones that a status may show, in the order in which things go.
var (
	parcelStates = []string{"created", "shipped", "in_transit", "delayed", "held", "out_for_delivery", "attempted", "ready_for_pickup", "delivered", "picked_up", "returned"}
	parcelEnds   = []string{"delivered", "picked_up", "returned"}
	returnStates = []string{"requested", "approved", "received", "exchanged"}
	unpaidStates = []string{"payment_pending", "payment_overdue", "payment_failed"}
)

func (v *View) buildShipments(p *Profile) {
	list := gather(p, &v.parcels, func(s *Subject) []Shipment { return s.Shipments }, compareShipment, (*Shipment).join)
	v.Shipments = v.Shipments[:0]
	for i := range list {
		s := &list[i]
		x := ShipmentView{Shipment: &s.Shipment, Status: parcelStatus(s.Marks),
			CreatedAt: markAt(s.Marks, "created"), ShippedAt: markAt(s.Marks, "shipped"), DelayedAt: markAt(s.Marks, "delayed"), ReturnedAt: markAt(s.Marks, "returned")}
		if x.DeliveredAt = markAt(s.Marks, "picked_up"); x.DeliveredAt.IsZero() {
			x.DeliveredAt = markAt(s.Marks, "delivered")
		}
		if x.ShippedAt.IsZero() { // the carrier has it
			for _, name := range []string{"in_transit", "out_for_delivery", "attempted", "delivered"} {
				x.ShippedAt = earliest(x.ShippedAt, markAt(s.Marks, name))
			}
		}
		v.Shipments = append(v.Shipments, x)
	}
}

// parcelStatus is the newest word about a parcel; once it has arrived or gone back, nothing earlier on the way counts any
// more: carriers report a hand-over after the delivery, too.
func parcelStatus(marks []Mark) string {
	if end := newestMark(marks, parcelEnds); end != "" {
		return end
	}
	return newestMark(marks, parcelStates)
}

func (v *View) buildReturns(p *Profile) {
	list := gather(p, &v.returns, func(s *Subject) []Return { return s.Returns }, compareReturn, (*Return).join)
	v.Returns = v.Returns[:0]
	for i := range list {
		r := &list[i]
		v.Returns = append(v.Returns, ReturnView{Return: &r.Return, Status: newestMark(r.Marks, returnStates),
			RequestedAt: markAt(r.Marks, "requested"), ApprovedAt: markAt(r.Marks, "approved"), ReceivedAt: markAt(r.Marks, "received"), ExchangedAt: markAt(r.Marks, "exchanged")})
	}
}

// buildOrders joins the orders and counts what follows from all of them.
func (v *View) buildOrders(p *Profile) {
	v.refs, v.stubs, v.placed = v.refs[:0], v.stubs[:0], false
	list := gather(p, &v.joined, func(s *Subject) []Order { return s.Orders }, compareOrder, func(dst, src *Order) { dst.join(src) })
	for i := range list {
		v.refs = append(v.refs, orderRef{ms(list[i].placedAt()), &list[i]})
	}
	slices.SortFunc(v.refs, func(a, b orderRef) int {
		return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.o.Order.OrderID, b.o.Order.OrderID))
	})
	v.gatherStubs(p, list)
	v.Orders = v.Orders[:0]
	for _, r := range v.refs {
		v.Orders = append(v.Orders, v.orderView(r.o))
	}
	v.count()
}

// gatherStubs collects the valid orders that left every subject, by time.
func (v *View) gatherStubs(p *Profile, live []Order) {
	for i := range p.Subjects {
		v.stubs = append(v.stubs, p.Subjects[i].Evicted...)
	}
	if len(v.stubs) == 0 {
		return
	}
	slices.SortStableFunc(v.stubs, func(a, b Stub) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), cmp.Compare(b.Version, a.Version))
	})
	v.stubs = slices.CompactFunc(v.stubs, func(a, b Stub) bool { return a.Key == b.Key })
	v.stubs = slices.DeleteFunc(v.stubs, func(s Stub) bool {
		_, ok := search(live, &Order{Order: enishi.Order{OrderID: s.Key}}, compareOrder)
		return ok || s.Invalid
	})
	slices.SortFunc(v.stubs, func(a, b Stub) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Key, b.Key)) })
}

func (v *View) orderView(x *Order) OrderView {
	o := OrderView{Order: &x.Order, Channel: x.Channel, PlacedAt: x.placedAt(), Revenue: revenue(&x.Order), Valid: x.valid()}
	for i := range x.Marks {
		switch m := &x.Marks[i]; m.Type {
		case "paid":
			o.PaidAt = m.At
		case "confirmed":
			o.ConfirmedAt = m.At
		case "cancelled":
			o.CancelledAt = m.At
		case "refunded":
			o.RefundedAt = m.At
		}
	}
	for i := range x.Order.Lines {
		o.Items += int64(quantity(x.Order.Lines[i].Quantity))
	}
	if o.PaymentState = strings.TrimPrefix(newestMark(x.Marks, unpaidStates), "payment_"); !o.PaidAt.IsZero() {
		o.PaymentState = "paid"
	}
	back := v.parcelsOf(&o)
	o.Status = v.status(&o, back)
	return o
}

// parcelsOf takes the parcels of an order in. An order is delivered with its last parcel: as many as any of them says
// there are, and not fewer than are known. A parcel that went back is not delivered; back is true when all went back.
func (v *View) parcelsOf(o *OrderView) (back bool) {
	from, to := keyed(len(v.Shipments), o.OrderID, func(i int) string { return v.Shipments[i].OrderID })
	parcels, delivered, returned := to-from, 0, 0
	var last time.Time
	for i := from; i < to; i++ {
		s := &v.Shipments[i]
		parcels = max(parcels, s.Of)
		o.ShippedAt = earliest(o.ShippedAt, s.ShippedAt)
		switch {
		case !s.ReturnedAt.IsZero():
			returned++
		case !s.DeliveredAt.IsZero():
			delivered++
			last = latest(last, s.DeliveredAt)
		}
	}
	if delivered > 0 && delivered == parcels {
		o.DeliveredAt = last
	}
	return returned > 0 && returned == parcels
}

// keyed is the range of a list, sorted by key first, that has this key.
func keyed(n int, key string, at func(int) string) (from, to int) {
	lo, hi := 0, n
	for lo < hi {
		if m := int(uint(lo+hi) >> 1); at(m) < key {
			lo = m + 1
		} else {
			hi = m
		}
	}
	for to = lo; to < n && at(to) == key; to++ {
	}
	return lo, to
}

// status is the strongest of what is known: cancelled, returned (all parcels went back, or all goods came back), refunded
// (wholly, or by an unknown amount), delivered, shipped, confirmed, paid, then the newest word about a payment that has
// not come, then placed.
func (v *View) status(o *OrderView, back bool) string {
	switch {
	case !o.CancelledAt.IsZero():
		return "cancelled"
	case back || v.givenBack(o):
		return "returned"
	case !o.RefundedAt.IsZero() && (o.Refunded == 0 || o.Revenue <= 0):
		return "refunded"
	case !o.DeliveredAt.IsZero():
		return "delivered"
	case !o.ShippedAt.IsZero():
		return "shipped"
	case !o.ConfirmedAt.IsZero():
		return "confirmed"
	case !o.PaidAt.IsZero():
		return "paid"
	case o.PaymentState == "failed":
		return "payment_failed"
	case o.PaymentState != "":
		return o.PaymentState
	}
	return "placed"
}

// givenBack reports whether the returns that were received hold all goods of an order; one without lines holds all.
func (v *View) givenBack(o *OrderView) bool {
	from, to := keyed(len(v.Returns), o.OrderID, func(i int) string { return v.Returns[i].OrderID })
	var items int64
	for i := from; i < to; i++ {
		r := &v.Returns[i]
		if r.ReceivedAt.IsZero() {
			continue
		}
		if len(r.Lines) == 0 {
			return true
		}
		for l := range r.Lines {
			items += int64(quantity(r.Lines[l].Quantity))
		}
	}
	return items > 0 && items >= o.Items
}

// count makes the lifetime scalars of orders, those that left included, and numbers the valid ones.
func (v *View) count() {
	v.OrdersCount, v.ManualOrdersCount, v.LTV = 0, 0, 0
	v.FirstOrderAt, v.LastOrderAt, v.LastManualOrderAt = time.Time{}, time.Time{}, time.Time{}
	v.Currency = v.newestCurrency()
	add := func(at time.Time, code string, sum enishi.Amount, automatic bool) {
		v.OrdersCount++
		if v.OrdersCount == 1 {
			v.FirstOrderAt = at
		}
		v.LastOrderAt = at
		if !automatic {
			v.ManualOrdersCount++
			v.LastManualOrderAt = at
		}
		if currency(code) == v.Currency {
			v.LTV += sum
		}
	}
	stubs := v.stubs
	for i := range v.Orders {
		o := &v.Orders[i]
		if !o.Valid {
			continue
		}
		for len(stubs) > 0 && cmp.Or(stubs[0].At.Compare(o.PlacedAt), strings.Compare(stubs[0].Key, o.OrderID)) < 0 {
			add(stubs[0].At, stubs[0].Currency, stubs[0].Revenue, stubs[0].Automatic)
			stubs = stubs[1:]
		}
		add(o.PlacedAt, o.Currency, o.Revenue, o.Automatic)
		o.Sequence = v.OrdersCount
	}
	for i := range stubs {
		add(stubs[i].At, stubs[i].Currency, stubs[i].Revenue, stubs[i].Automatic)
	}
}

// newestCurrency is that of the newest valid order, else of the newest; "" without orders.
func (v *View) newestCurrency() string {
	for i := len(v.Orders) - 1; i >= 0; i-- {
		if v.Orders[i].Valid {
			return currency(v.Orders[i].Currency)
		}
	}
	if n := len(v.stubs); n > 0 {
		return currency(v.stubs[n-1].Currency)
	}
	if n := len(v.Orders); n > 0 {
		return currency(v.Orders[n-1].Currency)
	}
	return ""
}
