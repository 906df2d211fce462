package journeys

import (
	"encoding/json"
	"time"

	"enishi"
	"enishi/profiles"
)

// kept is what a run keeps of its entry, as JSON in [profiles.Run.Variables]: what keys, branches and templates need that
// the profile does not tell.
type kept struct {
	Event      keptEvent               `json:"event"`
	Key        string                  `json:"-"`                // of the run
	Keys       map[string]string       `json:"keys,omitempty"`   // of the entry event, by name
	Fields     map[string]any          `json:"fields,omitempty"` // event fields that branches of the version use
	Product    *enishi.Product         `json:"product,omitempty"`
	Properties map[string]enishi.Value `json:"properties,omitempty"`
	Loops      map[string]passed       `json:"loops,omitempty"`  // of nodes that a run can come to again
	Due        map[string]time.Time    `json:"due,omitempty"`    // per message node: when its newest message was due
	Resend     *resend                 `json:"resend,omitempty"` // this run is a deferred message that waits for its next round
}

// keptEvent is the entry event; a segment's entry has its type and instant.
type keptEvent struct {
	ID   enishi.ID `json:"id,omitzero"`
	Type string    `json:"type"`
	At   time.Time `json:"at"` // when it occurred: events before are not the run's
}

// passed counts how often a run came to a node, and when it last left it.
type passed struct {
	Visits int       `json:"n"`
	Left   time.Time `json:"left,omitzero"`
}

// resend names the message of a deferred run, and the run that decided it first.
type resend struct {
	SendID enishi.ID `json:"send_id"`
	RunID  enishi.ID `json:"run_id"`
}

// readKept reads a run's variables. What cannot be read is empty: the run goes on without keys.
func readKept(r *profiles.Run) *kept {
	k := &kept{}
	if r.Variables != "" {
		if err := json.Unmarshal([]byte(r.Variables), k); err != nil {
			k = &kept{}
		}
	}
	k.Key = r.Key
	return k
}

// write stores what is kept in the run. Maps are written in the order of their names, so the text is the same each time.
func (k *kept) write(r *profiles.Run) {
	b, err := json.Marshal(k)
	if err == nil {
		r.Variables = string(b)
	}
}

// keyValue is what the entry event had under a key.
func (k *kept) keyValue(name, entryKey string) string {
	if name == entryKey {
		return k.Key
	}
	return k.Keys[name]
}

// scope is what an expression of a journey sees: the person, the event at hand or kept, and what the run is about.
type scope struct {
	p   *profiles.Profile
	j   *Journey
	e   *enishi.Event // nil in branches: fields of the entry event are in k.Fields
	k   *kept
	now time.Time
	run enishi.ID // zero while it has not begun

	orderOf *orderState
}

// orderState is the run's order with what belongs to it.
type orderState struct {
	known              bool
	view               profiles.OrderView
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
	if s.orderOf != nil {
		return s.orderOf
	}
	o := &orderState{view: profiles.OrderView{Order: &enishi.Order{}}}
	s.orderOf = o
	id := s.orderKey()
	if id == "" {
		return o
	}
	v := s.p.View()
	manual := int64(0)
	for i := range v.Orders {
		x := &v.Orders[i]
		if x.Valid && !x.Automatic {
			manual++
		}
		if x.OrderID == id {
			o.view = *x
			// Parcels may be known before the order itself: then nothing tells when it was placed.
			o.known = !x.PlacedAt.IsZero()
			if x.Valid && !x.Automatic {
				o.manual = manual
			}
			break
		}
	}
	o.take(v, id)
	return o
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
	if r.At.Before(o.view.PlacedAt) {
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
