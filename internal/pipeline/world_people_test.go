package pipeline

import (
	"fmt"
	"slices"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/internal/stream"
	"enishi/profiles"
)

// person is somebody as the world knows them: the truth that the fold must find.
type person struct {
	n          int
	person     enishi.Person // all identifiers
	cameApart  bool          // an un-merge
	erased     bool
	consents   []consentGiven
	orders     int
	carts      int
	deliveries map[string]time.Time // by order: when the first event of a delivered parcel was appended
}

// consentGiven is a consent event as it was appended for the first time.
type consentGiven struct {
	channel, state string
	appended       time.Time
}

// shop is what happened and how it comes to the log.
type shop struct {
	events   map[enishi.ID]*enishi.Event // everything that was ingested, by id
	made     map[enishi.ID]time.Time     // the first time that it was appended
	order    []enishi.ID
	late     []stream.Record // resolved but not appended yet: ingest is slow or tries again
	serial   int
	commands []enishi.ID                // request ids
	erasures map[string]time.Time       // by identifier: when the erasure was asked for
	entries  map[enishi.ID]earliestSend // by run id: what starts a run that waits before it sends
}

// earliestSend is from when on a node of a run may send.
type earliestSend struct {
	node string
	from time.Time
}

func (w *world) populate() {
	w.shop = shop{events: map[enishi.ID]*enishi.Event{}, made: map[enishi.ID]time.Time{}, entries: map[enishi.ID]earliestSend{}, erasures: map[string]time.Time{}}
	for i := range 3 + w.rnd.IntN(5) {
		p := &person{n: i, deliveries: map[string]time.Time{}}
		p.person = enishi.Person{CustomerID: fmt.Sprintf("c%d", i), Email: fmt.Sprintf("p%d@x.test", i), AnonymousID: fmt.Sprintf("anon%d", i)}
		if w.chance(600) {
			p.person.LineUserID = fmt.Sprintf("U%d", i)
		}
		if w.chance(500) {
			p.person.POSCard = fmt.Sprintf("card%d", i)
		}
		w.people = append(w.people, p)
	}
}

func identifierID(k enishi.Kind, value string) enishi.ID {
	return enishi.NewID("identifier", k.String(), value)
}

// identify fills in an event's links and subject, and links in the graph what the graph does not know.
func (w *world) identify(e *enishi.Event) {
	var kinds []enishi.Kind
	e.Links = nil
	for _, x := range profiles.Identifiers(nil, e.Person) {
		e.Links, kinds = append(e.Links, identifierID(x.Kind, x.Raw)), append(kinds, x.Kind)
	}
	e.Subject = e.Links[0]
	for k := 1; k < len(e.Links); k++ {
		if w.graph.Needed(e.Links[0], kinds[0], e.Links[k], kinds[k]) {
			w.graph.Fold(w.links, &enishi.Link{Op: "link", A: e.Links[0], AKind: kinds[0], B: e.Links[k], BKind: kinds[k], Event: e.ID})
			w.links++
		}
	}
	// As ingest does: what a guard or an operator keeps with another person is no identifier of this event.
	kept := 1
	for k := 1; k < len(e.Links); k++ {
		if w.graph.Resolve(e.Links[k]) == w.graph.Resolve(e.Subject) {
			e.Links[kept] = e.Links[k]
			kept++
			continue
		}
		switch kinds[k] {
		case enishi.POSCard:
			e.Person.POSCard = ""
		case enishi.LINEUser:
			e.Person.LineUserID = ""
		case enishi.Email:
			e.Person.Email = ""
		case enishi.Anonymous:
			e.Person.AnonymousID = ""
		}
	}
	e.Links = e.Links[:kept]
}

// visit is something that a person does.
func (w *world) visit() {
	p := w.people[w.rnd.IntN(len(w.people))]
	e := &enishi.Event{At: w.now.Add(-time.Duration(w.rnd.Int64N(int64(time.Hour)))), Source: "shop", Channel: "web", Person: &enishi.Person{}}
	all := &p.person
	customer := func() { e.Person.CustomerID = all.CustomerID }
	maybe := func(dst *string, v string) {
		if w.chance(500) {
			*dst = v
		}
	}
	pick := func(types ...string) { e.Type = types[w.rnd.IntN(len(types))] }
	switch w.rnd.IntN(14) {
	case 0, 1:
		pick("product.viewed", "product.viewed", "page.viewed", "search.performed", "wishlist.added", "price_alert.requested")
		e.Person.AnonymousID = all.AnonymousID
		maybe(&e.Person.CustomerID, all.CustomerID)
		maybe(&e.Person.Email, all.Email)
		e.Web = &enishi.Web{Product: &enishi.Product{ProductID: fmt.Sprint("P", w.rnd.IntN(5)), Category: "skincare"}}
	case 2, 3:
		pick("cart.item_added", "cart.updated", "cart.updated", "checkout.started")
		e.Person.AnonymousID = all.AnonymousID
		maybe(&e.Person.CustomerID, all.CustomerID)
		if w.chance(300) {
			p.carts++
		}
		e.Web = &enishi.Web{CartID: fmt.Sprintf("cart%d-%d", p.n, p.carts), Lines: []enishi.Line{{ProductID: "P1", Name: "化粧水", Quantity: 1, Price: 3300 * enishi.Unit}}, URL: "https://shop.example/cart"}
	case 4:
		e.Type = "user.signed_up"
		customer()
		maybe(&e.Person.Email, all.Email)
		maybe(&e.Person.LineUserID, all.LineUserID)
		maybe(&e.Person.AnonymousID, all.AnonymousID)
		e.Person.Traits = map[string]enishi.Value{"family_name": enishi.TextValue(fmt.Sprint("山田", w.rnd.IntN(3))), "rank": enishi.NumberValue(float64(w.rnd.IntN(3)))}
		if w.chance(600) {
			w.consent(p, e)
		}
	case 5, 6:
		pick("order.placed", "order.placed", "order.placed", "order.paid", "order.updated", "order.cancelled", "order.payment_pending")
		customer()
		maybe(&e.Person.Email, all.Email)
		if w.chance(400) {
			p.orders++
		}
		e.Order = &enishi.Order{OrderID: fmt.Sprintf("o%d-%d", p.n, p.orders), Currency: "JPY", Subtotal: 6600 * enishi.Unit, Total: 7000 * enishi.Unit}
		if e.Type == "order.placed" {
			e.Order.Lines = []enishi.Line{{ProductID: "P1", Quantity: 2, Price: 3300 * enishi.Unit}}
		}
	case 7, 8:
		pick("shipment.shipped", "shipment.delivered", "shipment.delivered", "shipment.out_for_delivery", "shipment.delayed")
		customer()
		order := fmt.Sprintf("o%d-%d", p.n, w.rnd.IntN(p.orders+1))
		e.Shipment = &enishi.Shipment{ShipmentID: order + "-1", OrderID: order, Number: 1, Of: 1, Carrier: "yamato"}
	case 9:
		e.Type = "consent.changed"
		maybe(&e.Person.CustomerID, all.CustomerID)
		w.consent(p, e)
	case 10:
		pick("line.followed", "line.followed", "line.unfollowed")
		if all.LineUserID == "" {
			return
		}
		e.Person.LineUserID = all.LineUserID
	case 11:
		pick("hold.placed", "hold.released", "review.written")
		customer()
		e.Hold = &enishi.Hold{Reason: "complaint"}
		if e.Type == "review.written" {
			e.Hold, e.Review = nil, &enishi.Review{ReviewID: fmt.Sprint("r", p.n), OrderID: fmt.Sprintf("o%d-%d", p.n, p.orders), Rating: 4}
		}
	case 12:
		if w.chance(100) {
			w.command(p)
			return
		}
		e.Type = "custom.fitting"
		customer()
	default:
		e.Type = "store.visited"
		e.Person.POSCard = all.POSCard
		if e.Person.POSCard == "" || w.chance(400) {
			customer()
		}
		e.Store = &enishi.StoreVisit{StoreID: "ginza"}
	}
	if w.chance(60) {
		e.At = e.At.Add(-30 * time.Hour) // told late
	}
	w.ingest(p, e)
}

// command is an operator's: a person is erased, or a run is ended.
func (w *world) command(p *person) {
	e := enishi.Event{At: w.now, Control: &enishi.Control{RequestID: enishi.NewID("request", fmt.Sprint("command", w.shop.serial))}}
	w.shop.serial++
	e.ID = e.Control.RequestID
	e.Profile = w.graph.Resolve(identifierID(enishi.Customer, p.person.CustomerID))
	e.Subject = e.Profile
	w.shop.commands = append(w.shop.commands, e.Control.RequestID)
	if w.chance(500) {
		e.Type, p.erased = enishi.TypeErased, true
		for _, m := range w.graph.Component(e.Profile).Members {
			w.shop.erasures[m.ID.String()] = w.now
		}
	} else {
		e.Type = enishi.TypeRunExit
		for id, s := range w.store.states {
			if s.Redirect.IsZero() && id == e.Profile {
				for _, r := range w.decode(s).Runs {
					e.Control.RunID = r.ID
				}
			}
		}
	}
	members := w.graph.Component(e.Profile).Members
	for _, m := range members {
		e.Control.Subjects = append(e.Control.Subjects, m.ID)
	}
	for _, m := range members {
		if e.Profile = m.ID; e.Type == enishi.TypeRunExit {
			e.Profile = e.Subject
		}
		r := EventRecord(&e, w.parts, w.now)
		w.put(r)
		if w.chance(300) {
			w.shop.late = append(w.shop.late, r)
		}
	}
}

// consent puts a permission into an event, for an address that comes with it.
func (w *world) consent(p *person, e *enishi.Event) {
	channel := "email"
	e.Person.Email = p.person.Email
	if p.person.LineUserID != "" && w.chance(300) {
		channel = "line"
		e.Person.LineUserID = p.person.LineUserID
	}
	state := "in"
	if p.n%2 == 1 || w.chance(250) {
		state = "out" // every second person never agrees
	}
	e.Consent = []enishi.ConsentChange{{Channel: channel, State: state, Method: "form:x"}}
}

// ingest makes an event known and appends it, perhaps later, perhaps twice.
func (w *world) ingest(p *person, e *enishi.Event) {
	w.shop.serial++
	e.ID = enishi.NewID("event", fmt.Sprint(w.shop.serial))
	e.At = e.At.UTC().Truncate(time.Millisecond)
	e.Historical = w.now.Sub(e.At) > 24*time.Hour
	w.identify(e)
	w.shop.events[e.ID] = e
	w.shop.order = append(w.shop.order, e.ID)
	for _, c := range e.Consent {
		p.consents = append(p.consents, consentGiven{c.Channel, c.State, w.now})
	}
	if e.Type == "line.followed" || e.Type == "line.unfollowed" {
		p.consents = append(p.consents, consentGiven{"line", map[bool]string{true: "in", false: "out"}[e.Type == "line.followed"], w.now})
	}
	w.entry(p, e)
	w.send(e)
	for w.chance(150) { // again, and perhaps to whom it would be addressed then
		if w.chance(500) {
			w.send(e)
		} else {
			w.shop.late = append(w.shop.late, w.record(e))
		}
	}
}

// entry notes from when on the messages may come that runs send which this event starts.
func (w *world) entry(p *person, e *enishi.Event) {
	switch e.Type {
	case "user.signed_up":
		w.shop.entries[enishi.NewID("run", "welcome", e.ID.String())] = earliestSend{"hello", w.now.Add(time.Minute)}
	case "shipment.delivered":
		run := enishi.NewID("run", "review_request", "order_id", e.Shipment.OrderID)
		if _, again := w.shop.entries[run]; !again {
			w.shop.entries[run] = earliestSend{"ask", w.now.Add(5 * 24 * time.Hour)}
		}
	}
}

func (w *world) record(e *enishi.Event) stream.Record {
	addressed := *e
	addressed.Profile, addressed.Routed = w.graph.Resolve(e.Subject), w.links
	at := w.now
	if !w.zombies && w.chance(15) {
		at = at.Add(time.Duration(1+w.rnd.IntN(100)) * time.Minute) // a machine whose clock is ahead
	}
	return EventRecord(&addressed, w.parts, at)
}

// send appends an event now or later.
func (w *world) send(e *enishi.Event) {
	r := w.record(e)
	if w.chance(100) {
		w.shop.late = append(w.shop.late, r)
		return
	}
	w.put(r)
}

func (w *world) put(r stream.Record) {
	w.appendAll([]stream.Record{r})
}

// lateAppend lets a record come that was resolved before.
func (w *world) lateAppend() {
	if len(w.shop.late) == 0 {
		return
	}
	i := w.rnd.IntN(len(w.shop.late))
	w.put(w.shop.late[i])
	w.shop.late = slices.Delete(w.shop.late, i, i+1)
}

// unlink takes a link back, once per person: operators look at what they did before they do more.
func (w *world) unlink() {
	p := w.people[w.rnd.IntN(len(w.people))]
	if p.cameApart || w.calm {
		return
	}
	c := w.graph.Component(identifierID(enishi.Customer, p.person.CustomerID))
	var joined []ingest.LinkState
	for _, l := range c.Links {
		if l.State == "merged" {
			joined = append(joined, l)
		}
	}
	if len(joined) == 0 {
		return
	}
	p.cameApart = true
	w.graph.Fold(w.links, &enishi.Link{Op: "unlink", Link: joined[w.rnd.IntN(len(joined))].Offset, Actor: "operator"})
	w.links++
}

// Definitions.

// The sender and its provider.

type sendRound struct {
	send  enishi.ID
	round int
}

type sender struct {
	next  int
	known map[sendRound]bool
	sent  map[enishi.ID]int // how often the provider took a send
	slow  []func()          // reports that come later
}

// deliver is the sender at work: it takes the next message, or a provider's late answer comes in.
func (w *world) deliver() bool {
	s := &w.sender
	if len(s.slow) > 0 && (w.calm || w.chance(400)) {
		report := s.slow[0]
		s.slow = s.slow[1:]
		report()
		return true
	}
	if s.next >= len(w.messages) {
		return false
	}
	var m enishi.Message
	if err := enishi.DecodeMessage(&m, w.messages[s.next].Value); err != nil {
		w.violate("unreadable message: %v", err)
	}
	s.next++
	key := sendRound{m.SendID, m.Round}
	if m.Cancel {
		if s.sent[m.SendID] == 0 {
			s.known[key] = true
			w.report(&m, "dropped", 0)
		}
		return true
	}
	if s.known[key] {
		return true
	}
	s.known[key] = true
	act := func() {
		switch {
		case !w.calm && w.chance(150):
			w.report(&m, "deferred", time.Duration(w.rnd.IntN(180))*time.Minute)
		case !w.calm && w.chance(100):
			w.report(&m, "refused", 0)
		default:
			if s.sent[m.SendID]++; s.sent[m.SendID] > 1 {
				w.violate("send %s of %s/%s left %d times (round %d)", m.SendID, m.Journey, m.Node, s.sent[m.SendID], m.Round)
			}
			w.report(&m, "sent", 0)
			if w.chance(200) {
				w.report(&m, "opened", 0)
			}
			if w.chance(50) {
				w.report(&m, "unsubscribed", 0)
			}
		}
	}
	if w.chance(400) {
		s.slow = append(s.slow, act)
	} else {
		act()
	}
	return true
}

// report is what a sender tells: straight to the topic events, addressed to the profile that the message names.
func (w *world) report(m *enishi.Message, what string, later time.Duration) {
	e := &enishi.Event{ID: enishi.NewID("result", m.SendID.String(), fmt.Sprint(m.Round), what), Type: "message." + what, Profile: m.Profile, Subject: m.Subject, At: w.now,
		Result: &enishi.MessageResult{SendID: m.SendID, Round: m.Round, Channel: m.Channel, Journey: m.Journey, Node: m.Node, Template: m.Template, Purpose: m.Purpose, RunID: m.RunID, Reason: "quota"}}
	if later > 0 {
		e.Result.Until = w.now.Add(later)
	}
	w.shop.events[e.ID] = e
	w.shop.order = append(w.shop.order, e.ID)
	w.put(EventRecord(e, w.parts, w.now))
	for w.chance(100) {
		w.shop.late = append(w.shop.late, EventRecord(e, w.parts, w.now))
	}
}
