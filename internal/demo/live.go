package demo

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"enishi"
)

// Live keeps the shop running: about one session a second, with a day's logistics in minutes.
type Live struct {
	Shop   *Shop
	Append func(ctx context.Context, recs []Record) error
	Now    func() time.Time
	Every  time.Duration // between sessions; 1.5 s
	Faster float64       // how much faster parcels travel than in life; 600

	mu sync.Mutex // Shop is used by Run and by the storefront
}

// Run goes on until ctx ends.
func (l *Live) Run(ctx context.Context) error {
	every := l.Every
	if every == 0 {
		every = 1500 * time.Millisecond
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := l.Append(ctx, l.step(l.Now().UTC())); err != nil && ctx.Err() == nil {
			return fmt.Errorf("demo shop: %w", err)
		}
	}
}

// step is what happens at an instant: one customer's session, and what orders have led to by now.
func (l *Live) step(now time.Time) []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.Shop
	c := &s.Customers[s.rnd.IntN(len(s.Customers))]
	var events []enishi.Event
	if c.Card != "" && s.rnd.IntN(6) == 0 {
		events = s.storePurchase(c, now)
	} else {
		events = l.session(c, now)
	}
	left := s.pending[:0]
	for _, p := range s.pending {
		if p.at.After(now) {
			left = append(left, p)
			continue
		}
		events = append(events, p.e)
	}
	s.pending = left
	out := make([]Record, 0, len(events))
	for i := range events {
		if events[i].At.After(now) {
			events[i].At = now
		}
		out = append(out, s.record(events[i]))
	}
	return out
}

// session is a visit that may end in a cart or an order.
func (l *Live) session(c *Customer, now time.Time) []enishi.Event {
	s := l.Shop
	events := s.visit(c, now)
	who := c.person()
	if s.rnd.IntN(3) > 0 {
		return events
	}
	s.serial++
	cart := fmt.Sprintf("cart-%s-%d", c.ID, s.serial)
	o := s.order(c, now, false)
	line := o.Order.Lines[0]
	events = append(events, enishi.Event{Type: "cart.item_added", At: now, Channel: "web", Person: who, Web: &enishi.Web{CartID: cart, Lines: o.Order.Lines, Value: o.Order.Subtotal, Currency: "JPY", URL: l.Shop.Base + "/demo/shop#cart",
		Product: &enishi.Product{ProductID: line.ProductID, Name: line.Name, Category: line.Category, Brand: line.Brand, Price: line.Price, Quantity: line.Quantity}}})
	if s.rnd.IntN(3) == 0 {
		return events // an abandoned cart
	}
	events = append(events, enishi.Event{Type: "checkout.started", At: now, Channel: "web", Person: who, Web: &enishi.Web{CartID: cart, Value: o.Order.Subtotal, Currency: "JPY"}})
	o.Order.CartID = cart
	events = append(events, o)
	faster := l.Faster
	if faster == 0 {
		faster = 600
	}
	s.pending = append(s.pending, s.follow(c, &o, func(hours float64) time.Time {
		return now.Add(time.Duration(hours * float64(time.Hour) / faster))
	})...)
	return events
}

// Introduce tells of a person by the page-scoped id that a social platform knows them by: a name, or the member that they are. The
// webhook of what they do names the id alone.
func (l *Live) Introduce(ctx context.Context, person enishi.Person, name string, at time.Time) error {
	person.Traits = map[string]enishi.Value{"language": enishi.TextValue("ja")}
	if person.CustomerID == "" { // of a member the shop knows the name
		family, given, _ := strings.Cut(strings.ReplaceAll(name, "　", " "), " ")
		person.Traits["family_name"] = enishi.TextValue(family)
		if given = strings.TrimSpace(given); given != "" {
			person.Traits["given_name"] = enishi.TextValue(given)
		}
	}
	l.mu.Lock()
	rec := l.Shop.record(enishi.Event{Type: "person.identified", At: at, Person: &person, Channel: "social"})
	l.mu.Unlock()
	rec.Key = []byte(person.SocialID) // as that of the webhook's events: it comes before them
	return l.Append(ctx, []Record{rec})
}

// Ship adds the parcel of an order from the storefront to what will happen.
func (l *Live) Ship(orderID string, person enishi.Person, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	faster := l.Faster
	if faster == 0 {
		faster = 600
	}
	after := func(hours float64) time.Time { return at.Add(time.Duration(hours * float64(time.Hour) / faster)) }
	sh := enishi.Shipment{ShipmentID: orderID + "-1", OrderID: orderID, Number: 1, Of: 1, Carrier: "yamato", Tracking: "4053-0000-1234", EstimatedAt: after(48)}
	for i, typ := range []string{"order.paid", "order.confirmed", "shipment.shipped", "shipment.out_for_delivery", "shipment.delivered"} {
		p := person
		e := enishi.Event{Type: typ, At: after(float64(i) * 6), Person: &p, Channel: "web"}
		if strings.HasPrefix(typ, "order.") {
			e.Order = &enishi.Order{OrderID: orderID}
		} else {
			x := sh
			e.Shipment = &x
		}
		l.Shop.pending = append(l.Shop.pending, pending{e.At, e})
	}
}
