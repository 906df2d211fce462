package journeys

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"enishi"
	"enishi/profiles"
)

// op is one thing that happens in a generated history.
type op struct {
	kind   string // event, pass, timer, report, publish
	who    int
	event  enishi.Event
	by     time.Duration
	late   bool
	report string
	fields string // of publish: what changes of the journey flight
	store  bool   // write the state out and read it back afterwards
}

var propertyPeople = []string{"a", "b", "c"}

// genOps draws a history over few people, orders and carts, so that things meet.
func genOps(t *rapid.T) []op {
	who := 0 // ids of orders and parcels are those of one person
	order := func(i int) string { return fmt.Sprintf("o%d-%d", who, i) }
	at := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 10 * time.Minute, time.Hour, 5 * time.Hour, 13 * time.Hour, 26 * time.Hour, 5 * 24 * time.Hour, 40 * 24 * time.Hour})
	one := rapid.Custom(func(t *rapid.T) op {
		o := op{who: rapid.IntRange(0, len(propertyPeople)-1).Draw(t, "who"), store: rapid.Bool().Draw(t, "store")}
		n := rapid.IntRange(1, 3).Draw(t, "n")
		who = o.who
		e := &o.event
		switch rapid.IntRange(0, 19).Draw(t, "op") {
		case 0:
			o.kind, o.by, o.late = "pass", at.Draw(t, "by"), rapid.Bool().Draw(t, "late")
			return o
		case 1:
			o.kind = "timer"
			return o
		case 2, 3:
			o.kind, o.report = "report", rapid.SampledFrom([]string{"sent", "deferred", "deferred later", "refused", "dropped", "clicked"}).Draw(t, "report")
			return o
		case 15, 16:
			e.Type = rapid.SampledFrom([]string{"custom.crm", "custom.go", "custom.second", "custom.fly", "page.viewed"}).Draw(t, "type")
		case 17:
			e.Type = rapid.SampledFrom([]string{"custom.moment", enishi.TypeRunEnter}).Draw(t, "type")
			if e.Type == enishi.TypeRunEnter {
				e.Control = &enishi.Control{Journey: rapid.SampledFrom([]string{"kinds", "second"}).Draw(t, "journey")}
				break
			}
			k := rapid.SampledFrom([]string{"morning", "monday", "business", "payday", "shop", "cutoff", "birthday", "date", "best", "reset"}).Draw(t, "k")
			e.Properties = map[string]enishi.Value{"k": enishi.TextValue(k)}
		case 18:
			o.kind = "publish"
			o.fields = rapid.SampledFrom([]string{`{"state":"paused"}`, `{"state":"live"}`, `{"state":"archived"}`, `{"state":"live","in_flight":{"then":"exit"}}`,
				`{"state":"live","in_flight":{"then":"finish"}}`, `{"state":"live","in_flight":{"then":"move","nodes":{"b":"a"}}}`}).Draw(t, "fields")
			return o
		case 19:
			e.Type = "person.identified"
			day := rapid.SampledFrom([]string{"2000-01-06", "1999-02-14", "02-29", "2026-01-20", "", "1990-12-30"}).Draw(t, "day")
			e.Person = &enishi.Person{Traits: map[string]enishi.Value{rapid.SampledFrom([]string{"birthday", "ends_on"}).Draw(t, "trait"): enishi.TextValue(day)}}
		case 4:
			e.Type, e.Hold = rapid.SampledFrom([]string{"hold.placed", "hold.released"}).Draw(t, "hold"), &enishi.Hold{Reason: "complaint"}
		case 5:
			e.Type = "consent.changed"
			e.Consent = []enishi.ConsentChange{{Channel: rapid.SampledFrom([]string{"email", "line"}).Draw(t, "channel"),
				State: rapid.SampledFrom([]string{"in", "out"}).Draw(t, "state")}}
		case 6:
			e.Type = rapid.SampledFrom([]string{"line.followed", "custom.nudge", "user.signed_up", "line.unfollowed"}).Draw(t, "type")
		case 7, 8:
			e.Type = rapid.SampledFrom([]string{"cart.updated", "cart.item_added", "checkout.started"}).Draw(t, "type")
			e.Web = &enishi.Web{CartID: order(n)}
			if rapid.Bool().Draw(t, "full") {
				e.Web.Lines = []enishi.Line{{ProductID: "p", Name: "化粧水", Price: 3300 * enishi.Unit}}
			}
		case 9, 10:
			e.Type = rapid.SampledFrom([]string{"order.placed", "order.paid", "order.cancelled", "order.refunded", "order.updated"}).Draw(t, "type")
			e.Order = &enishi.Order{OrderID: order(n), Automatic: n == 2, CartID: order(n), Total: 5000 * enishi.Unit}
		case 11, 12:
			e.Type = rapid.SampledFrom([]string{"shipment.shipped", "shipment.delivered", "shipment.returned"}).Draw(t, "type")
			e.Shipment = &enishi.Shipment{ShipmentID: fmt.Sprintf("s%d-%d", who, rapid.IntRange(1, 4).Draw(t, "parcel")), OrderID: order(n), Of: rapid.IntRange(0, 2).Draw(t, "of")}
		case 13:
			e.Type, e.Return = "return.requested", &enishi.Return{ReturnID: "r", OrderID: order(n)}
		default:
			e.Type, e.Review = "review.written", &enishi.Review{ReviewID: "v", OrderID: order(n), Rating: 3}
		}
		o.kind = "event"
		e.Historical = rapid.IntRange(0, 9).Draw(t, "historical") == 0
		return o
	})
	return rapid.SliceOfN(one, 12, 60).Draw(t, "ops")
}

// permission is the test's own account of what may be sent, kept from the events alone.
type permission struct {
	in           map[string]bool
	friend, held bool
}

func (m *permission) see(e *enishi.Event) {
	switch e.Type {
	case "consent.changed":
		m.in[e.Consent[0].Channel] = e.Consent[0].State == "in"
	case "line.followed", "line.unfollowed":
		m.friend = e.Type == "line.followed"
		m.in["line"] = m.friend
	case "hold.placed", "hold.released":
		m.held = e.Type == "hold.placed"
	}
}

// play folds a history and checks on the way what must always hold. cut says after which ops states go to disk and back.
func play(t *rapid.T, tb testing.TB, ops []op, cut func(int) bool) *world {
	w := newWorld(tb)
	w.now = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	w.segment("lapsed-90-days", `orders_count >= 1 && last_order_at < ago("30d")`)
	w.publish("welcome", "cart_abandonment", "winback", "delivery_notice", "review_request", "loyalty_thanks", "nudge", "hours", "kinds", "second", "third", "moments", "flight", "plain", "vip", "birthday", "renewal_date", "crm")
	may := map[enishi.ID]*permission{}
	for _, name := range propertyPeople {
		w.person(name, &enishi.Person{CustomerID: name, Email: name + "@a.test", LineUserID: "U" + name})
		may[w.names[name]] = &permission{in: map[string]bool{}}
	}
	for i, name := range propertyPeople { // else most histories send nothing: a by both, b by mail, c by nothing
		w.now = w.now.Add(time.Second)
		for k, e := range []enishi.Event{{Type: "consent.changed", Consent: []enishi.ConsentChange{{Channel: "email", State: "in"}}}, {Type: "line.followed"}} {
			if i+k < 2 {
				may[w.names[name]].see(&e)
				w.event(name, &e)
			}
		}
	}
	checked := 0
	check := func() {
		for ; checked < len(w.out.Messages); checked++ {
			m := &w.out.Messages[checked]
			p := may[m.Profile]
			if m.Cancel || m.Channel == webhookChannel { // a call is no message
				continue
			}
			if m.Purpose == marketing && (!p.in[m.Channel] || p.held) {
				t.Fatalf("a marketing message by %s without permission: %+v", m.Channel, p)
			}
			if m.Channel == "line" && !p.friend {
				t.Fatalf("a LINE message to somebody who is no friend")
			}
			if at := m.DecidedAt.In(w.settings.Zone()); m.Channel == "line" && m.Purpose == marketing {
				if at.Hour() < 9 || at.Hour() >= 21 || m.NotAfter.After(time.Date(at.Year(), at.Month(), at.Day(), 21, 0, 0, 0, at.Location())) {
					t.Fatalf("an advertisement by LINE at %v, until %v", at, m.NotAfter)
				}
			}
			if !m.NotAfter.After(m.DecidedAt) {
				t.Fatalf("a message after its time: %v at %v", m.NotAfter, m.DecidedAt)
			}
		}
	}
	for i := range ops {
		o := &ops[i]
		name := propertyPeople[o.who]
		id := w.names[name]
		w.pass(w.now.Add(time.Millisecond)) // two permissions of one instant are ordered by their events' ids
		before := waits(w.people[id])
		switch o.kind {
		case "pass":
			to := w.now.Add(o.by)
			if o.late {
				w.now = to
			}
			w.pass(to)
		case "timer": // also when nothing is due
			w.react(w.people[id], Trigger{Timer: true})
			for run, until := range before {
				if r := findRun(w.people[id], run); until.After(w.now) && (r == nil || r.Wait == nil || !r.Wait.Until.Equal(until)) {
					t.Fatalf("a timer that is due at %v fired at %v", until, w.now)
				}
			}
		case "report":
			report(w, name, o.report)
		case "publish":
			w.republish("flight", o.fields)
			if !strings.Contains(o.fields, "move") { // it has no such nodes
				w.republish("birthday", o.fields)
			}
		default:
			e := o.event
			may[id].see(&e)
			if e.Historical {
				decided := len(w.out.Messages)
				w.event(name, &e)
				for _, m := range w.out.Messages[decided:] {
					if !m.Cancel {
						t.Fatalf("a historical event sends %s", m.Template)
					}
				}
				break
			}
			w.event(name, &e)
		}
		check()
		if cut(i) {
			w.restart = true
			for _, id := range w.ids() {
				w.store(id)
			}
			w.restart = false
		}
	}
	return w
}

func waits(p *profiles.Profile) map[enishi.ID]time.Time {
	out := map[enishi.ID]time.Time{}
	for i := range p.Runs {
		if r := &p.Runs[i]; r.Wait != nil {
			out[r.ID] = r.Wait.Until
		}
	}
	return out
}

// report tells of the newest message of a person, as its sender would.
func report(w *world, name, what string) {
	ms := w.sent(name, "")
	if len(ms) == 0 {
		return
	}
	m := ms[len(ms)-1]
	r := &enishi.MessageResult{SendID: m.SendID, Round: m.Round, Channel: m.Channel, RunID: m.RunID, Reason: "quota"}
	typ, later, _ := strings.Cut(what, " ")
	if m.Channel == webhookChannel {
		typ = map[string]string{"sent": "webhook.answered", "deferred": "webhook.deferred"}[typ]
		r.Node, r.Code, r.ProviderID = m.Node, "200", `{"customer":{"score":60}}`
		if typ == "" {
			typ, r.Code = "webhook.failed", "400"
		}
		if later != "" {
			r.Until = w.now.Add(5 * time.Minute)
		}
		w.event(name, &enishi.Event{ID: enishi.NewID("report", m.SendID.String(), itoa(m.Round)), Type: typ, Result: r})
		return
	}
	if later != "" {
		r.Until = w.now.Add(3 * time.Hour)
	}
	e := &enishi.Event{Type: "message." + typ, Result: r}
	if typ != "clicked" { // a round ends once, and its report has one id
		e.ID = enishi.NewID("report", m.SendID.String(), itoa(m.Round))
	}
	w.event(name, e)
}

// TestReplay: the same history gives the same effects and states, wherever states were written out and read back.
func TestReplay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ops := genOps(rt)
		whole := printed(t, play(rt, t, ops, func(int) bool { return false }))
		if again := printed(t, play(rt, t, ops, func(int) bool { return false })); again != whole {
			rt.Fatalf("the same history twice:\n%s\n----\n%s", whole, again)
		}
		if split := printed(t, play(rt, t, ops, func(i int) bool { return ops[i].store })); split != whole {
			rt.Fatalf("states read back:\n%s\n----\n%s", whole, split)
		}
	})
}

// TestSendsOnce: a (send id, round) is decided once, a round above the first only after the one before was deferred, and
// messages and decisions tell the same.
func TestSendsOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := play(rt, t, genOps(rt), func(int) bool { return false })
		type sendRound struct {
			id    enishi.ID
			round int
		}
		decided, waits := map[sendRound]bool{}, map[sendRound]bool{}
		for _, d := range w.out.Decisions {
			k := sendRound{d.SendID, d.Round}
			if _, twice := decided[k]; twice && !waits[k] {
				rt.Fatalf("decided twice: %+v", d)
			}
			waits[k] = !d.Sent // a message that waits for its hours is decided anew, by all channels: the next takes its place
			decided[k] = d.Sent
			if len(d.Checks) == 0 || d.Sent != d.Checks[len(d.Checks)-1].OK {
				rt.Fatalf("decision without its checks: %+v", d)
			}
		}
		messages := 0
		for _, m := range w.out.Messages {
			if m.Cancel {
				continue
			}
			messages++
			if !decided[sendRound{m.SendID, m.Round}] {
				rt.Fatalf("a message without a decision: %s round %d", m.SendID, m.Round)
			}
			if len(m.Variables) > maxVariables {
				rt.Fatalf("variables of %d bytes", len(m.Variables))
			}
		}
		for k, sent := range decided {
			if sent {
				messages--
			}
			if _, before := decided[sendRound{k.id, k.round - 1}]; k.round > 1 && !before {
				rt.Fatalf("round %d without the one before", k.round)
			}
		}
		if messages != 0 {
			rt.Fatalf("%d messages more than decisions to send", messages)
		}
	})
}
