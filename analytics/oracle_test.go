package analytics

import (
	"slices"
	"strings"
	"time"

	"enishi"
)

// oracle computes the reports from what happened, by loops over the events: no facts, no SQL.
type oracle struct {
	zone   *time.Location
	who    map[enishi.ID]string // the person behind an identifier, in the end
	events []*enishi.Event      // each once
	sends  []*sendStory
	shops  []*shop
	orders []*orderStory
}

// orderStory is all that was told of one order to one person.
type orderStory struct {
	person, id string
	told       *enishi.Event           // the newest with lines
	refund     *enishi.Event           // the newest
	marks      map[string]time.Time    // by type: the newest of each
	parcels    map[string]*parcelStory // by id
	sequence   int
}

type parcelStory struct {
	of              int
	delivered, back time.Time
	pickedUp        bool
}

// sendStory is all that was told of one message.
type sendStory struct {
	person                     string
	channel, journey, template string
	decided                    time.Time // last
	round                      int
	results                    []*enishi.Event
}

// newOracle knows what happened in several shops.
func newOracle(zone *time.Location, shops ...*shop) *oracle {
	o := &oracle{zone: zone, who: map[enishi.ID]string{}, shops: shops}
	seen := map[enishi.ID]bool{}
	sends := map[enishi.ID]*sendStory{}
	results := map[enishi.ID][]*enishi.Event{}
	for _, s := range shops {
		for _, h := range s.humans {
			for i, id := range h.ids {
				o.who[id] = h.ids[0].String()
				if h.mode == parting {
					o.who[id] = h.ids[i].String()
				}
			}
		}
		for _, x := range s.happens {
			if m := x.send; m != nil {
				if sends[m.SendID] == nil {
					sends[m.SendID] = &sendStory{person: o.who[m.To], channel: m.Channel, journey: m.Journey, template: m.Template}
					o.sends = append(o.sends, sends[m.SendID])
				}
				if m.DecidedAt.After(sends[m.SendID].decided) {
					sends[m.SendID].decided, sends[m.SendID].round = m.DecidedAt, m.Round
				}
				continue
			}
			if seen[x.event.ID] {
				continue
			}
			seen[x.event.ID] = true
			o.events = append(o.events, x.event)
			if x.event.Result != nil {
				results[x.event.Result.SendID] = append(results[x.event.Result.SendID], x.event)
			}
		}
	}
	for id, s := range sends {
		s.results = results[id]
	}
	o.tellOrders()
	return o
}

// tellOrders puts the events of each order together.
func (o *oracle) tellOrders() {
	byKey := map[[2]string]*orderStory{}
	story := func(e *enishi.Event, id string) *orderStory {
		key := [2]string{o.who[e.Subject], id}
		if byKey[key] == nil {
			byKey[key] = &orderStory{person: key[0], id: id, marks: map[string]time.Time{}, parcels: map[string]*parcelStory{}}
		}
		return byKey[key]
	}
	for _, e := range o.events {
		switch {
		case e.Order != nil:
			s := story(e, e.Order.OrderID)
			if len(e.Order.Lines) > 0 && (s.told == nil || e.At.After(s.told.At)) {
				s.told = e
			}
			if e.Type == "order.refunded" && e.Order.Refunded > 0 && (s.refund == nil || e.At.After(s.refund.At)) {
				s.refund = e
			}
			typ := e.Type
			if typ == "store.purchased" {
				typ = "order.placed"
			}
			if e.At.After(s.marks[typ]) {
				s.marks[typ] = e.At
			}
		case e.Shipment != nil:
			s := story(e, e.Shipment.OrderID)
			p := s.parcels[e.Shipment.ShipmentID]
			if p == nil {
				p = &parcelStory{}
				s.parcels[e.Shipment.ShipmentID] = p
			}
			p.of = max(p.of, e.Shipment.Of)
			switch e.Type {
			case "shipment.delivered":
				if !p.pickedUp {
					p.delivered = e.At
				}
			case "shipment.picked_up":
				p.delivered, p.pickedUp = e.At, true
			case "shipment.returned":
				p.back = e.At
			}
		}
	}
	persons := map[string][]*orderStory{}
	for _, s := range byKey {
		if s.valid() {
			o.orders = append(o.orders, s)
			persons[s.person] = append(persons[s.person], s)
		}
	}
	for _, list := range persons {
		slices.SortFunc(list, func(a, b *orderStory) int {
			if c := a.placed().Compare(b.placed()); c != 0 {
				return c
			}
			return strings.Compare(a.id, b.id)
		})
		for i, s := range list {
			s.sequence = i + 1
		}
	}
}

func (s *orderStory) valid() bool {
	if _, cancelled := s.marks["order.cancelled"]; cancelled {
		return false
	}
	_, placed := s.marks["order.placed"]
	_, updated := s.marks["order.updated"]
	return placed || updated
}

func (s *orderStory) placed() time.Time {
	if at, ok := s.marks["order.placed"]; ok {
		return at
	}
	if s.told != nil && !s.told.Order.PlacedAt.IsZero() {
		return s.told.Order.PlacedAt
	}
	var first time.Time
	for _, at := range s.marks {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

func (s *orderStory) delivered() (last time.Time, ok bool) {
	n := len(s.parcels)
	for _, p := range s.parcels {
		n = max(n, p.of)
		if p.delivered.IsZero() || !p.back.IsZero() {
			return last, false
		}
		if p.delivered.After(last) {
			last = p.delivered
		}
	}
	return last, n > 0 && n == len(s.parcels)
}

func (s *orderStory) currency() string {
	if c := s.told.Order.Currency; c != "" {
		return c
	}
	return "JPY"
}

// revenue is what domain and shops mean by it: with tax, after discounts, coupon and points, without shipping and fees,
// less refunds.
func (s *orderStory) revenue() enishi.Amount {
	x := s.told.Order
	sum := x.Subtotal - x.Discount - x.CouponAmount - x.PointsUsed
	if x.Subtotal == 0 {
		sum = x.Total - x.ShippingFee - x.CODFee
	}
	if x.Subtotal == 0 && x.Total == 0 {
		sum = -x.Discount - x.CouponAmount - x.PointsUsed
		for _, l := range x.Lines {
			sum += enishi.Amount(max(1, l.Quantity))*l.Price - l.Discount
		}
	}
	if s.refund != nil && sum > 0 {
		sum = max(0, sum-s.refund.Order.Refunded)
	}
	return sum
}

func (x Range) holds(at time.Time) bool { return !at.Before(x.From) && at.Before(x.To) }

// period is the local date on which the period of an instant begins.
func (o *oracle) period(at time.Time, by string) time.Time {
	y, m, d := at.In(o.zone).Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	switch by {
	case "week":
		for day.Weekday() != time.Monday {
			day = day.AddDate(0, 0, -1)
		}
	case "month":
		day = day.AddDate(0, 0, 1-d)
	}
	return day
}

// revenue gives the currencies of a range with their points by the period's date; the zero date has the totals.
func (o *oracle) revenue(x Range, by string) map[string]map[time.Time]RevenuePoint {
	out := map[string]map[time.Time]RevenuePoint{}
	back := map[string]map[time.Time]map[string]bool{}
	for _, s := range o.orders {
		if !x.holds(s.placed()) {
			continue
		}
		c := s.currency()
		if out[c] == nil {
			out[c], back[c] = map[time.Time]RevenuePoint{}, map[time.Time]map[string]bool{}
		}
		for _, day := range []time.Time{o.period(s.placed(), by), {}} {
			p := out[c][day]
			p.Orders++
			p.Revenue += s.revenue()
			if s.sequence == 1 {
				p.NewCustomers++
				p.NewRevenue += s.revenue()
			} else {
				p.ReturningRevenue += s.revenue()
			}
			if s.sequence > 1 && !s.told.Order.Automatic {
				if back[c][day] == nil {
					back[c][day] = map[string]bool{}
				}
				back[c][day][s.person] = true
			}
			p.Returning = int64(len(back[c][day]))
			out[c][day] = p
		}
	}
	return out
}

// funnel walks the steps for each person.
func (o *oracle) funnel(x Range) [5]int64 {
	byPerson := map[string][]*enishi.Event{}
	for _, e := range o.events {
		if x.holds(e.At) {
			byPerson[o.who[e.Subject]] = append(byPerson[o.who[e.Subject]], e)
		}
	}
	orders := map[string][]*orderStory{}
	for _, s := range o.orders {
		orders[s.person] = append(orders[s.person], s)
	}
	var n [5]int64
	for person, events := range byPerson {
		first := func(since time.Time, types ...string) (at time.Time) {
			for _, e := range events {
				if slices.Contains(types, e.Type) && !e.At.Before(since) && (at.IsZero() || e.At.Before(at)) {
					at = e.At
				}
			}
			return at
		}
		viewed := first(x.From, "product.viewed")
		if viewed.IsZero() {
			continue
		}
		n[0]++
		carted := first(viewed, "cart.item_added", "cart.updated")
		if carted.IsZero() {
			continue
		}
		n[1]++
		step := 1
		for _, s := range orders[person] {
			if !x.holds(s.placed()) || s.placed().Before(carted) || s.told.Order.Automatic {
				continue
			}
			reached := 2
			if at, ok := s.delivered(); ok && at.Before(x.To) && !at.Before(s.placed()) {
				reached = 3
				for _, e := range events {
					if e.Review != nil && !e.At.Before(at) && s.isReviewedBy(e.Review) {
						reached = 4
					}
				}
			}
			step = max(step, reached)
		}
		for k := 2; k <= step; k++ {
			n[k]++
		}
	}
	return n
}

func (s *orderStory) isReviewedBy(r *enishi.Review) bool {
	if r.OrderID != "" {
		return r.OrderID == s.id
	}
	return slices.ContainsFunc(s.told.Order.Lines, func(l enishi.Line) bool { return l.ProductID == r.ProductID })
}

// at is when something was first told of a message, by a person if it is of people.
func (s *sendStory) at(what string) (at time.Time) {
	for _, e := range s.results {
		if e.Type == "message."+what && !e.Result.Machine && (at.IsZero() || e.At.Before(at)) {
			at = e.At
		}
	}
	return at
}

// end is how the message ended: it came back, else as the newest round tells. What arrived is not unknown.
func (s *sendStory) end() string {
	var last *enishi.Event
	for _, e := range s.results {
		switch what := strings.TrimPrefix(e.Type, "message."); what {
		case "bounced":
			return what
		case "failed", "refused", "unknown", "deferred":
			if e.Result.Round == s.round {
				last = e
			}
		}
	}
	if last == nil || last.Type == "message.unknown" && !s.at("delivered").IsZero() {
		return ""
	}
	return strings.TrimPrefix(last.Type, "message.")
}

func (o *oracle) messages(x Range, by string) map[string]MessageRow {
	out := map[string]MessageRow{}
	for _, s := range o.sends {
		if !x.holds(s.decided) {
			continue
		}
		name := map[string]string{"channel": s.channel, "journey": s.journey, "template": s.template}[by]
		r := out[name]
		r.Name = name
		r.Decided++
		count := func(n *int64, is bool) {
			if is {
				*n++
			}
		}
		count(&r.Sent, !s.at("sent").IsZero())
		count(&r.Delivered, !s.at("delivered").IsZero())
		count(&r.Opened, !s.at("opened").IsZero())
		count(&r.Clicked, !s.at("clicked").IsZero())
		count(&r.Unsubscribed, !s.at("unsubscribed").IsZero())
		count(&r.Bounced, s.end() == "bounced")
		count(&r.Failed, s.end() == "failed")
		count(&r.Refused, s.end() == "refused")
		count(&r.Unknown, s.end() == "unknown")
		out[name] = r
	}
	return out
}

func (o *oracle) journeys(x Range) map[string]JourneyRow {
	out := map[string]JourneyRow{}
	change := func(name string, f func(r *JourneyRow)) {
		r, ok := out[name]
		if !ok {
			r = JourneyRow{Journey: name, Skipped: map[string]int64{}}
		}
		f(&r)
		out[name] = r
	}
	for _, s := range o.shops {
		ends := map[enishi.ID]string{}
		for _, d := range s.derived {
			if d.Type == enishi.TypeJourneyExited {
				ends[d.RunID] = d.Reason
			}
		}
		for _, d := range s.derived {
			if d.Type != enishi.TypeJourneyEntered || !x.holds(d.At) {
				continue
			}
			change(d.Journey, func(r *JourneyRow) {
				r.Entered++
				switch end := ends[d.RunID]; {
				case end == "":
					r.Running++
				case end == "completed" || strings.HasPrefix(end, "goal:"):
					r.Completed++
				default:
					r.Exited++
				}
			})
		}
		for _, d := range s.decisions {
			if !d.Sent && x.holds(d.At) {
				change(d.Journey, func(r *JourneyRow) { r.Skipped[d.Reason]++ })
			}
		}
	}
	converted := map[[2]string]bool{}
	for _, s := range o.sends {
		if !x.holds(s.decided) {
			continue
		}
		sent := s.at("sent")
		change(s.journey, func(r *JourneyRow) {
			for n, what := range map[*int64]string{&r.Sent: "sent", &r.Opened: "opened", &r.Clicked: "clicked"} {
				if !s.at(what).IsZero() {
					*n++
				}
			}
			if sent.IsZero() || converted[[2]string{s.journey, s.person}] {
				return
			}
			for _, b := range o.orders {
				if at := b.placed(); b.person == s.person && !b.told.Order.Automatic && !at.Before(sent) && at.Before(sent.Add(7*24*time.Hour)) {
					converted[[2]string{s.journey, s.person}] = true
					r.Converted++
					return
				}
			}
		})
	}
	return out
}
