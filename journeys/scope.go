package journeys

import (
	"time"

	"enishi"
	"enishi/profiles"
)

// scope is what an expression of a journey sees: the person, the event at hand or kept, and what the run is about.
type scope struct {
	p   *profiles.Profile
	j   *Journey
	e   *enishi.Event // nil in branches: fields of the entry event are in k.Fields
	k   *kept
	now time.Time
	run enishi.ID // zero while it has not begun
	own *evaluator

	looked  bool // orderOf is filled in
	orderOf orderState
}

// orderState is the run's order with what belongs to it, valid until the profile changes.
type orderState struct {
	known              bool
	view               *profiles.OrderView
	parcels, delivered int   // parcels: as many as are told of, or known
	manual             int64 // 1 for the person's first valid order that is not automatic
	returned, reviewed bool
}

// orderKey is the order that the run is about: of its keys, or of the event at hand before it begins.
func (s *scope) orderKey() string {
	if id := s.k.keyValue("order_id", s.j.key.name); id != "" {
		return id
	}
	if s.e != nil {
		return orderID(s.e)
	}
	return ""
}

// order finds the run's order and its parcels, returns and reviews.
func (s *scope) order() *orderState {
	o := &s.orderOf
	if s.looked {
		return o
	}
	s.looked = true
	if id := s.orderKey(); id != "" {
		o.find(s.p.View(), id)
	}
	if o.view == nil {
		o.view = &profiles.OrderView{Order: &enishi.Order{}}
	}
	return o
}

// find looks for an order by its id.
func (o *orderState) find(v *profiles.View, id string) {
	manual := int64(0)
	for i := range v.Orders {
		x := &v.Orders[i]
		if x.Valid && !x.Automatic {
			manual++
		}
		if x.OrderID == id {
			o.view = x
			// Parcels may be known before the order itself: then nothing tells when it was placed.
			o.known = !x.PlacedAt.IsZero()
			if x.Valid && !x.Automatic {
				o.manual = manual
			}
			break
		}
	}
	o.take(v, id)
}

// take counts parcels and finds returns and reviews.
func (o *orderState) take(v *profiles.View, id string) {
	known := 0
	for i := range v.Shipments {
		x := &v.Shipments[i]
		if x.OrderID != id {
			continue
		}
		o.parcels = max(o.parcels, x.Of)
		if !x.DeliveredAt.IsZero() && x.ReturnedAt.IsZero() {
			o.delivered++
		}
		o.returned = o.returned || !x.ReturnedAt.IsZero()
		known++
	}
	o.parcels = max(o.parcels, known)
	for i := range v.Returns {
		o.returned = o.returned || v.Returns[i].OrderID == id
	}
	for i := range v.Reviews {
		o.reviewed = o.reviewed || o.isReview(&v.Reviews[i], id)
	}
}

// isReview: a review names its order, or names none and is of a product that was in it.
func (o *orderState) isReview(r *profiles.Review, id string) bool {
	if r.Review.OrderID != "" {
		return r.Review.OrderID == id
	}
	if o.view == nil || r.At.Before(o.view.PlacedAt) {
		return false
	}
	for i := range o.view.Order.Lines {
		if r.Review.ProductID != "" && o.view.Order.Lines[i].ProductID == r.Review.ProductID {
			return true
		}
	}
	return false
}

// shipment is the run's parcel, or nil.
func (s *scope) shipment() *profiles.ShipmentView {
	id := s.k.keyValue("shipment_id", s.j.key.name)
	if id == "" && s.e != nil && s.e.Shipment != nil {
		id = s.e.Shipment.ShipmentID
	}
	if id == "" {
		return nil
	}
	v := s.p.View()
	for i := range v.Shipments {
		if v.Shipments[i].ShipmentID == id {
			return &v.Shipments[i]
		}
	}
	return nil
}

// cart is the run's cart as it stands, or nil when it is not remembered. The newest of the subjects that have it counts.
func (s *scope) cart() *profiles.CartState {
	id := s.k.keyValue("cart_id", s.j.key.name)
	if id == "" && s.e != nil {
		id = keyOf(s.e, "cart_id")
	}
	if id == "" {
		return nil
	}
	var best *profiles.CartState
	for i := range s.p.Subjects {
		if c := s.p.Subjects[i].Cart; c != nil && c.CartID == id && (best == nil || c.At.After(best.At)) {
			best = c
		}
	}
	return best
}

// messagesBefore counts the messages that this journey decided for the person in other runs.
func (s *scope) messagesBefore() int {
	n := 0
	v := s.p.View()
	for i := range v.Messages {
		if v.Messages[i].Journey == s.j.Name && v.Messages[i].RunID != s.run {
			n++
		}
	}
	return n
}

// findMessage is what the person's state knows of a send, joined over the identifiers; nil when it knows none.
func findMessage(p *profiles.Profile, id enishi.ID) *profiles.Message {
	if !anyMessage(p, func(m *profiles.Message) bool { return m.SendID == id }) {
		return nil
	}
	v := p.View()
	for i := range v.Messages {
		if v.Messages[i].SendID == id {
			return &v.Messages[i]
		}
	}
	return nil
}

// anyMessage looks through the messages as they are stored, before a view is made for them.
func anyMessage(p *profiles.Profile, is func(*profiles.Message) bool) bool {
	for i := range p.Subjects {
		for k := range p.Subjects[i].Messages {
			if is(&p.Subjects[i].Messages[k]) {
				return true
			}
		}
	}
	return false
}
