package shopify

import (
	"context"
	"strings"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/hooks"
)

// parcelStates are Shopify's words of a parcel (FulfillmentEventStatus) as types of our events.
var parcelStates = map[string]string{
	"label_purchased": "shipment.created", "label_printed": "shipment.created", "confirmed": "shipment.created",
	"carrier_picked_up": "shipment.shipped", "in_transit": "shipment.in_transit", "delayed": "shipment.delayed", "out_for_delivery": "shipment.out_for_delivery",
	"attempted_delivery": "shipment.attempted", "ready_for_pickup": "shipment.ready_for_pickup", "picked_up": "shipment.picked_up", "delivered": "shipment.delivered",
	"failure": "shipment.updated", // the carrier's word is not to be had: wrong number, or cancelled
}

// shipmentEvents are what a fulfilment tells: it left, and how far it is.
func (s *Shop) shipmentEvents(f *fulfilment, person *enishi.Person, historical bool) []enishi.Event {
	if f.ID == "" || f.Status == "pending" || f.Status == "open" || f.Status == "error" || f.Status == "failure" {
		return nil
	}
	parcel := &enishi.Shipment{ShipmentID: string(f.ID), OrderID: string(f.OrderID), Version: f.UpdatedAt.UnixMilli(), Carrier: carrier(f.Company), Tracking: f.Tracking, StoreID: string(f.LocationID)}
	if f.UpdatedAt.IsZero() {
		parcel.Version = f.CreatedAt.UnixMilli()
	}
	for _, l := range f.Lines {
		parcel.Lines = append(parcel.Lines, enishi.ShipmentLine{ProductID: lineOf(&l, true, false).ProductID, Quantity: l.Quantity})
	}
	event := func(typ, id string, at time.Time) enishi.Event {
		x := *parcel
		return enishi.Event{Type: typ, Message: s.id("fulfilment", string(f.ID), id), At: at, Historical: historical, Person: person, Shipment: &x}
	}
	if f.Status == "cancelled" {
		e := event("shipment.updated", "cancelled", f.UpdatedAt)
		e.Shipment.Reason = "cancelled"
		return []enishi.Event{e}
	}
	out := []enishi.Event{event("shipment.shipped", "shipment.shipped", f.CreatedAt)}
	typ := parcelStates[strings.ToLower(f.ShipmentStatus)]
	if typ != "" && typ != "shipment.shipped" && typ != "shipment.created" && typ != "shipment.attempted" { // each attempt is an event of its own
		e := event(typ, typ, f.UpdatedAt)
		if f.ShipmentStatus == "failure" {
			e.Shipment.Reason = "failure"
		}
		out = append(out, e)
	} else if !f.UpdatedAt.Equal(f.CreatedAt) { // a tracking number came
		out = append(out, event("shipment.updated", "updated:"+stamp(f.UpdatedAt), f.UpdatedAt))
	}
	return out
}

// carrier is our name of a carrier; another stays as the shop writes it.
func carrier(company string) string {
	low := strings.ToLower(company)
	for _, x := range []struct{ name, words string }{
		{"yamato", "yamato ヤマト クロネコ"}, {"sagawa", "sagawa 佐川"}, {"japanpost", "japan post 日本郵便 郵便 ゆうパック"}, {"seino", "seino 西濃"}, {"fukuyama", "fukuyama 福山"},
	} {
		for _, word := range strings.Fields(x.words) {
			if word != "japan" && word != "post" && strings.Contains(low, word) || x.name == "japanpost" && strings.Contains(low, "japan post") {
				return x.name
			}
		}
	}
	return company
}

// owner is whose order it is; a refusal when nobody knows.
func (s *Shop) owner(ctx context.Context, kind, id string) (*enishi.Person, error) {
	p, ok, err := s.cfg.Owner(ctx, kind, id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ingest.Refuse(ingest.CodeMissing, kind+"_id", "no "+kind+" "+id+" is known, so nobody knows whom this is about: pull the shop's history, then take it again",
			"ID "+id+" の注文または契約がまだ取り込まれていないため、誰のデータか分かりません。履歴を取り込んでから、再取り込みしてください")
	}
	return &p, nil
}

func (s *Shop) fulfilments(ctx context.Context, d *hooks.Delivery) (hooks.Taken, error) {
	var f fulfilment
	if err := read(d, &f); err != nil {
		return hooks.Taken{}, err
	}
	if err := needed(d, "order_id", f.OrderID); err != nil {
		return hooks.Taken{}, err
	}
	person := &enishi.Person{Email: f.Email}
	if f.Email == "" {
		var err error
		if person, err = s.owner(ctx, OfOrder, string(f.OrderID)); err != nil {
			return hooks.Taken{}, err
		}
	}
	out := hooks.Taken{Events: s.shipmentEvents(&f, person, false)}
	if len(out.Events) == 0 {
		return left("nothing has left yet", "まだ発送されていません"), nil
	}
	return out, nil
}

func (s *Shop) fulfilmentEvent(ctx context.Context, d *hooks.Delivery) (hooks.Taken, error) {
	var x struct {
		ID          ident     `json:"id"`
		Fulfilment  ident     `json:"fulfillment_id"`
		OrderID     ident     `json:"order_id"`
		Status      string    `json:"status"`
		Message     string    `json:"message"`
		HappenedAt  time.Time `json:"happened_at"`
		CreatedAt   time.Time `json:"created_at"`
		EstimatedAt time.Time `json:"estimated_delivery_at"`
	}
	if err := read(d, &x); err != nil {
		return hooks.Taken{}, err
	}
	for field, v := range map[string]ident{"order_id": x.OrderID, "fulfillment_id": x.Fulfilment} {
		if err := needed(d, field, v); err != nil {
			return hooks.Taken{}, err
		}
	}
	typ, ok := parcelStates[strings.ToLower(x.Status)]
	if !ok {
		typ = "shipment.updated"
	}
	person, err := s.owner(ctx, OfOrder, string(x.OrderID))
	if err != nil {
		return hooks.Taken{}, err
	}
	if x.HappenedAt.IsZero() {
		x.HappenedAt = x.CreatedAt
	}
	id := typ
	if typ == "shipment.attempted" || typ == "shipment.updated" {
		id += ":" + string(x.ID)
	}
	e := enishi.Event{Type: typ, Message: s.id("fulfilment", string(x.Fulfilment), id), At: x.HappenedAt, Person: person,
		Shipment: &enishi.Shipment{ShipmentID: string(x.Fulfilment), OrderID: string(x.OrderID), Version: x.HappenedAt.UnixMilli(), EstimatedAt: x.EstimatedAt}}
	if typ == "shipment.updated" {
		e.Shipment.Reason = x.Status
	}
	return hooks.Taken{Events: []enishi.Event{e}}, nil
}

// returnStates are the topics of returns as types of our events.
var returnStates = map[string]string{"request": "return.requested", "approve": "return.approved", "process": "return.received", "close": "return.received"}

func (s *Shop) returns(ctx context.Context, d *hooks.Delivery, what string) (hooks.Taken, error) {
	typ, ok := returnStates[what]
	if !ok {
		return left("a return that was declined, cancelled or changed says nothing new of the person", "却下・取消・変更された返品は取り込みません"), nil
	}
	var x struct {
		ID    ident `json:"id"`
		Order struct {
			ID ident `json:"id"`
		} `json:"order"`
		Lines []struct {
			Quantity int    `json:"quantity"`
			Reason   string `json:"return_reason"`
			Note     string `json:"customer_note"`
			Of       struct {
				Line line `json:"line_item"`
			} `json:"fulfillment_line_item"`
		} `json:"return_line_items"`
	}
	if err := read(d, &x); err != nil {
		return hooks.Taken{}, err
	}
	for field, v := range map[string]ident{"id": x.ID, "order.id": x.Order.ID} {
		if err := needed(d, field, v); err != nil {
			return hooks.Taken{}, err
		}
	}
	person, err := s.owner(ctx, OfOrder, string(x.Order.ID))
	if err != nil {
		return hooks.Taken{}, err
	}
	r := &enishi.Return{ReturnID: string(x.ID), OrderID: string(x.Order.ID)}
	for _, l := range x.Lines {
		if l.Of.Line.ProductID != "" || l.Of.Line.SKU != "" || l.Of.Line.Title != "" {
			item := lineOf(&l.Of.Line, true, false)
			item.Quantity = l.Quantity
			r.Lines = append(r.Lines, item)
		}
		r.Reason = orElse(r.Reason, strings.ToLower(l.Reason))
	}
	return hooks.Taken{Events: []enishi.Event{{Type: typ, Message: s.id("return", string(x.ID), typ), At: d.At, Person: person, Return: r}}}, nil
}
