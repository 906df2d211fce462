package imports

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"enishi/ingest/mapping"
)

// joinTime is how long the buyers of a batch of orders may take to be found.
const joinTime = time.Minute

// parcel is what of a shipment says whose it is.
type parcel struct {
	Person   json.RawMessage `json:"person"`
	Shipment struct {
		OrderID string `json:"order_id"`
	} `json:"shipment"`
}

// join takes the events that were kept back, in their order. A shipment that names nobody, as in a carrier's file, is its order's buyer's.
func (p *pass) join() error {
	ask := map[string]bool{}
	orders := make([]string, len(p.queue)) // of those whose buyer is asked for
	for i := range p.queue {
		e := &p.queue[i]
		var x parcel
		if strings.HasPrefix(e.Type, "shipment.") && json.Unmarshal(e.JSON, &x) == nil && len(x.Person) == 0 && x.Shipment.OrderID != "" {
			orders[i], ask[x.Shipment.OrderID] = x.Shipment.OrderID, true
		}
	}
	var found map[string]Buyer
	if len(ask) > 0 {
		ctx, stop := context.WithTimeout(context.Background(), joinTime)
		defer stop()
		ids := make([]string, 0, len(ask))
		for id := range ask {
			ids = append(ids, id)
		}
		var err error
		if found, err = p.im.cfg.Buyers(ctx, ids); err != nil {
			return err
		}
	}
	for i := range p.queue {
		e := &p.queue[i]
		if id := orders[i]; id != "" {
			who, ok := found[id]
			if !ok {
				p.order++ // its place in the file, whether its order is known or not
				p.problem(p.nobody(e, id))
				continue
			}
			text, err := withBuyer(e.JSON, &who)
			if err != nil {
				return err
			}
			e.JSON = text
		}
		if err := p.event(e); err != nil {
			return err
		}
	}
	p.queue = p.queue[:0]
	return nil
}

// nobody says that it is not known whose a shipment is.
func (p *pass) nobody(e *mapping.Event, order string) *mapping.Problem {
	x := &mapping.Problem{Line: e.Lines[0], Lines: e.Lines, Rule: e.Rule, Field: "shipment.order_id", Value: order,
		Reason:   "whose parcel it is cannot be told: no order (or more than one person's) has this number. Take the order in first, then this row again",
		ReasonJA: "誰の荷物か分かりません。この番号の注文がないか、複数の人の注文に同じ番号があります。注文を先に取り込んでから、この行をもう一度取り込んでください"}
	x.Expression, x.Columns = p.by.program.Source(e.Rule, x.Field)
	return x
}

// withBuyer adds to a shipment its person and the id of its order.
func withBuyer(text []byte, who *Buyer) ([]byte, error) {
	all, shipment := map[string]any{}, map[string]json.RawMessage{}
	all["shipment"] = &shipment
	var event map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(text, &event), json.Unmarshal(event["shipment"], &shipment)); err != nil {
		return nil, err
	}
	for name, value := range event {
		if name != "shipment" {
			all[name] = value
		}
	}
	id, err := json.Marshal(who.OrderID)
	if err != nil {
		return nil, err
	}
	all["person"], shipment["order_id"] = &who.Person, id
	return json.Marshal(all)
}
