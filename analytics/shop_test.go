package analytics

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"enishi"
	"enishi/profiles"
)

var tokyo = time.FixedZone("Asia/Tokyo", 9*60*60)

// How the second identifier of a person relates to the first.
const (
	single  = iota // there is none
	joined         // linked from the start
	merging        // a person of its own until it is merged
	parting        // linked from the start, taken apart at the end
)

// human is a made person. After parting the second identifier is somebody else.
type human struct {
	ids     []enishi.ID
	mode    int
	mergeAt int // round of the fold at whose beginning the merge is done
}

// happening is one thing that happens to a person: an event, or a send that a journey decides.
type happening struct {
	at    time.Time
	human int
	event *enishi.Event
	send  *profiles.Message
}

// shop is a made history: all that the reports are about, before it was folded.
type shop struct {
	rnd       *rand.Rand
	start     time.Time // of the 100 days in which people come
	name      string    // makes ids of several shops differ
	humans    []human
	happens   []happening
	decisions []enishi.Decision
	derived   []enishi.Derived
	serial    int
	cuts      []time.Time // when checkpoints are made; nil: after each third of what happens
}

// newShop makes a history of n people from a seed.
func newShop(seed uint64, n int, start time.Time) *shop {
	s := &shop{rnd: rand.New(rand.NewPCG(seed, 7)), start: start, name: fmt.Sprintf("s%d", seed)}
	for i := range n {
		h := human{ids: []enishi.ID{enishi.NewID(s.name, "customer", fmt.Sprint(i))}, mode: s.rnd.IntN(4), mergeAt: 1 + s.rnd.IntN(2)}
		if h.mode != single {
			h.ids = append(h.ids, enishi.NewID(s.name, "browser", fmt.Sprint(i)))
		}
		s.humans = append(s.humans, h)
		for range s.rnd.IntN(5) {
			s.visits(i, s.instant())
		}
		for range s.rnd.IntN(5) {
			s.order(i, s.instant())
		}
		for range s.rnd.IntN(4) {
			s.run(i, s.instant())
		}
	}
	slices.SortStableFunc(s.happens, func(a, b happening) int { return a.at.Compare(b.at) })
	for range len(s.happens) / 10 { // some come late
		i := s.rnd.IntN(len(s.happens) - 1)
		s.happens[i], s.happens[i+1] = s.happens[i+1], s.happens[i]
	}
	return s
}

// instant is any time of the window, and often one at the border of a day, a week or a month in Japan.
func (s *shop) instant() time.Time {
	at := s.start.Add(time.Duration(s.rnd.Int64N(100*24*3600*1000)) * time.Millisecond)
	y, m, d := at.In(tokyo).Date()
	edge := time.Duration(s.rnd.IntN(3)-1) * time.Millisecond
	switch s.rnd.IntN(6) {
	case 0:
		return time.Date(y, m, d, 0, 0, 0, 0, tokyo).Add(edge).UTC()
	case 1:
		return time.Date(y, m+1, 1, 0, 0, 0, 0, tokyo).Add(edge).UTC()
	case 2:
		for at = time.Date(y, m, d, 0, 0, 0, 0, tokyo); at.Weekday() != time.Monday; at = at.AddDate(0, 0, 1) {
		}
		return at.Add(edge).UTC()
	}
	return at.UTC()
}

// chance is true in one of n cases.
func (s *shop) chance(n int) bool { return s.rnd.IntN(n) == 0 }

// subject is one of a person's identifiers, the first more often.
func (s *shop) subject(h int) enishi.ID {
	ids := s.humans[h].ids
	return ids[s.rnd.IntN(2)*s.rnd.IntN(len(ids))]
}

// add notes an event; one in ten comes twice.
func (s *shop) add(h int, subject enishi.ID, at time.Time, e enishi.Event) {
	s.serial++
	e.Version, e.ID, e.Subject, e.At, e.Source = enishi.EventVersion, enishi.NewID(s.name, "event", fmt.Sprint(s.serial)), subject, at.UTC().Truncate(time.Millisecond), "test"
	s.happens = append(s.happens, happening{at: e.At, human: h, event: &e})
	if s.chance(10) {
		s.happens = append(s.happens, happening{at: e.At, human: h, event: &e})
	}
}

// after is up to a number of hours later.
func (s *shop) after(at time.Time, hours int) time.Time {
	return at.Add(time.Second + time.Duration(s.rnd.Int64N(int64(hours)*3600_000))*time.Millisecond)
}

var products = []string{"P1", "P2", "P3", "P4"}

func (s *shop) product() string { return products[s.rnd.IntN(len(products))] }

// visits is a session, often with an order soon after.
func (s *shop) visits(h int, at time.Time) {
	who := s.subject(h)
	for range 1 + s.rnd.IntN(3) {
		typ := []string{"product.viewed", "product.viewed", "cart.item_added", "cart.updated", "page.viewed", "cart.item_removed"}[s.rnd.IntN(6)]
		s.add(h, who, at, enishi.Event{Type: typ, Web: &enishi.Web{CartID: "c", Product: &enishi.Product{ProductID: s.product()}}})
		if !s.chance(4) { // else at the same instant
			at = s.after(at, 1)
		}
	}
	if s.chance(2) {
		s.order(h, s.after(at, 48))
	}
}

// order is an order with all that may come of it.
func (s *shop) order(h int, at time.Time) {
	who := s.subject(h)
	s.serial++
	o := s.contents(fmt.Sprintf("%s-%d", s.name, s.serial))
	bare := func(typ string, more enishi.Order) {
		more.OrderID, more.Currency = o.OrderID, o.Currency
		s.add(h, who, at, enishi.Event{Type: typ, Order: &more})
	}
	switch s.rnd.IntN(12) {
	case 0: // nobody says that it was placed
		bare("order.paid", enishi.Order{})
		return
	case 1: // told by another event only, with or without the instant
		told := o
		if s.chance(2) {
			told.PlacedAt = at
		}
		at = s.after(at, 2)
		s.add(h, who, at, enishi.Event{Type: "order.updated", Order: &told})
	case 2:
		told := o
		s.add(h, who, at, enishi.Event{Type: "store.purchased", Store: &enishi.StoreVisit{StoreID: "s1"}, Order: &told})
	default:
		told := o
		s.add(h, who, at, enishi.Event{Type: "order.placed", Order: &told})
	}
	placed := at
	if s.chance(3) {
		at = s.after(at, 1)
		bare("order.paid", enishi.Order{})
	}
	if s.chance(4) {
		at = s.after(at, 3)
		changed := s.contents(o.OrderID)
		changed.Currency, changed.Automatic = o.Currency, o.Automatic
		o = changed
		s.add(h, who, at, enishi.Event{Type: "order.updated", Order: &changed})
	}
	for range s.rnd.IntN(6) / 4 * (1 + s.rnd.IntN(2)) {
		at = s.after(at, 200)
		bare("order.refunded", enishi.Order{Refunded: yen(s.rnd.IntN(20000))})
	}
	if s.chance(6) {
		at = s.after(at, 400)
		bare("order.cancelled", enishi.Order{Reason: "customer"})
	}
	s.parcels(h, o, placed)
}

func yen(n int) enishi.Amount { return enishi.Amount(n) * enishi.Unit }

// contents are an order's lines and amounts in one of the ways in which producers give them.
func (s *shop) contents(id string) enishi.Order {
	o := enishi.Order{OrderID: id, Currency: []string{"JPY", "JPY", "JPY", "", "USD", "EUR"}[s.rnd.IntN(6)], Automatic: s.chance(5)}
	var sum enishi.Amount
	for range 1 + s.rnd.IntN(3) {
		l := enishi.Line{ProductID: s.product(), Quantity: s.rnd.IntN(3), Price: yen(100 + s.rnd.IntN(5000))}
		if s.chance(4) {
			l.Discount = yen(50)
		}
		o.Lines = append(o.Lines, l)
		sum += l.Price*enishi.Amount(max(l.Quantity, 1)) - l.Discount
	}
	if s.chance(3) {
		o.Discount = yen(s.rnd.IntN(100))
	}
	if s.chance(4) {
		o.CouponAmount, o.PointsUsed = yen(30), enishi.Amount(s.rnd.IntN(200_000)) // also parts of a unit
	}
	if s.chance(2) {
		o.ShippingFee, o.CODFee = yen(550), yen(330)*enishi.Amount(s.rnd.IntN(2))
	}
	how := s.rnd.IntN(3)
	if how == 0 {
		o.Subtotal = sum
	}
	if how <= 1 {
		o.Total = sum - o.Discount - o.CouponAmount - o.PointsUsed + o.ShippingFee + o.CODFee
	}
	return o
}

// parcels is the way of an order's parcels, and reviews of what was in them.
func (s *shop) parcels(h int, o enishi.Order, placed time.Time) {
	n := s.rnd.IntN(4)
	last := placed
	for k := 1; k <= n; k++ {
		who := s.subject(h) // a carrier may know another identifier
		sh := enishi.Shipment{ShipmentID: fmt.Sprintf("%s/%d", o.OrderID, k), OrderID: o.OrderID}
		if s.chance(2) {
			sh.Number, sh.Of = k, n
		}
		step := func(at time.Time, typ string) {
			x := sh
			s.add(h, who, at, enishi.Event{Type: typ, Shipment: &x})
		}
		step(s.after(placed, 24), "shipment.shipped")
		if s.chance(12) {
			continue // on its way
		}
		at := s.after(placed.Add(24*time.Hour), 100)
		if s.chance(8) {
			at = placed.Add(-time.Hour) // somebody's clock is wrong
		}
		step(at, "shipment.delivered")
		if s.chance(10) {
			at = at.Add(3 * time.Hour)
			step(at, "shipment.picked_up")
		}
		if s.chance(12) {
			step(at.Add(30*time.Hour), "shipment.returned")
		}
		if at.After(last) {
			last = at
		}
	}
	for range s.rnd.IntN(3) {
		s.serial++
		r := enishi.Review{ReviewID: fmt.Sprint("r", s.serial), OrderID: o.OrderID, Rating: 1 + s.rnd.IntN(5), ProductID: s.product()}
		if s.chance(2) {
			r.OrderID = ""
		}
		at := last
		if !s.chance(4) { // else at the same instant
			at = s.after(last.Add(-24*time.Hour), 20*24)
		}
		s.add(h, s.subject(h), at, enishi.Event{Type: "review.written", Review: &r})
	}
}

// run is a person's way through a journey, with its messages and the decisions about them.
func (s *shop) run(h int, at time.Time) {
	journey := []string{"welcome", "cart", "winback"}[s.rnd.IntN(3)]
	s.serial++
	id := enishi.NewID(s.name, "run", fmt.Sprint(s.serial))
	row := func(typ, reason string, at time.Time) {
		s.derived = append(s.derived, enishi.Derived{ID: enishi.NewID(typ, id.String()), Type: typ, Subject: s.humans[h].ids[0], At: at, Journey: journey, RunID: id, Reason: reason})
	}
	row(enishi.TypeJourneyEntered, "order.placed", at)
	row(enishi.TypeJourneyStep, "", at)
	for k := range s.rnd.IntN(3) {
		s.message(h, journey, id, fmt.Sprint("m", k), s.after(at, 200))
	}
	ends := []string{"", "completed", "goal:order.placed", "exited:order.cancelled", "merged", "cancelled:operator", "error:loop"}
	if end := ends[s.rnd.IntN(len(ends))]; end != "" {
		row(enishi.TypeJourneyExited, end, s.after(at, 60*24))
	}
}

// message is one message node: channels that were not taken, a send and what became of it.
func (s *shop) message(h int, journey string, run enishi.ID, node string, at time.Time) {
	channels := []string{"line", "email"}
	decide := func(id enishi.ID, round int, channel string, at time.Time, reason string) {
		s.decisions = append(s.decisions, enishi.Decision{SendID: id, Round: round, Profile: s.humans[h].ids[0], Subject: s.humans[h].ids[0], At: at, Journey: journey, Node: node,
			RunID: run, Channel: channel, Purpose: "marketing", Template: journey + "-" + channel, Sent: reason == "sent", Reason: reason})
	}
	for i, channel := range channels {
		id := enishi.NewID(run.String(), node, channel)
		if s.chance(3) {
			decide(id, 1, channel, at, []string{"consent", "address", "hold"}[s.rnd.IntN(3)])
			continue
		}
		decide(id, 1, channel, at, "sent")
		m := profiles.Message{SendID: id, Round: 1, Channel: channel, Purpose: "marketing", Journey: journey, Node: node, Template: journey + "-" + channel, RunID: run, To: s.subject(h)}
		s.send(h, m, at)
		if left := s.outcome(h, m, at); !left && i == 0 && s.chance(2) { // decided again
			m.Round, at = 2, s.after(at, 72)
			if s.chance(3) {
				decide(id, 2, channel, at, "freshness")
				break
			}
			decide(id, 2, channel, at, "sent")
			s.send(h, m, at)
			s.outcome(h, m, at)
		}
		break
	}
}

func (s *shop) send(h int, m profiles.Message, at time.Time) {
	m.DecidedAt = at.UTC().Truncate(time.Millisecond)
	s.happens = append(s.happens, happening{at: m.DecidedAt, human: h, send: &m})
}

// outcome is what the sender tells of a message; left is false when it may be decided again.
func (s *shop) outcome(h int, m profiles.Message, at time.Time) (left bool) {
	tell := func(what string, hours int, machine bool) {
		at = s.after(at, hours)
		s.add(h, m.To, at, enishi.Event{Type: "message." + what, Result: &enishi.MessageResult{SendID: m.SendID, Round: m.Round, Channel: m.Channel, Journey: m.Journey,
			Node: m.Node, Template: m.Template, RunID: m.RunID, Machine: machine}})
	}
	switch s.rnd.IntN(10) {
	case 0:
		tell("refused", 1, false)
		return false
	case 1:
		tell("deferred", 1, false)
		return false
	case 2:
		tell("failed", 1, false)
		return true
	case 3:
		tell("unknown", 1, false)
		if s.chance(2) {
			tell("delivered", 1, false)
		}
		return true
	case 4:
		return true // nothing is known yet
	}
	tell("sent", 1, false)
	if s.chance(8) {
		tell("bounced", 2, false)
		return true
	}
	if s.chance(2) {
		tell("delivered", 2, false)
	}
	if s.chance(2) {
		tell("opened", 48, s.chance(3))
	}
	if s.chance(3) {
		tell("clicked", 4, s.chance(3))
	}
	if s.chance(10) {
		tell("unsubscribed", 4, false)
	}
	if s.chance(3) {
		s.order(h, s.after(at, 24*9)) // within seven days, or not any more
	}
	return true
}
