package journeys

import (
	"testing"
	"time"

	"enishi"
)

// BenchmarkIdleEvent is what journeys cost an event that concerns none of them: most are.
func BenchmarkIdleEvent(b *testing.B) {
	w := benchWorld(b)
	p := w.people[w.names["p"]]
	e := &enishi.Event{Type: "page.viewed", ID: enishi.EventID("x"), At: w.now}
	env := w.env()
	b.ReportAllocs()
	for b.Loop() {
		Step(env, p, Trigger{Event: e}, &w.out)
	}
}

// BenchmarkRun is a whole run: entry, wait, timer, branch, decision with message and variables, exit. The profile is new
// each time.
func BenchmarkRun(b *testing.B) {
	w := benchWorld(b)
	id := w.names["p"]
	state := string(w.people[id].Encode(nil))
	env := w.env()
	later := *env
	later.Now = env.Now.Add(3 * time.Hour)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p := decode(b, id, state)
		e := &enishi.Event{Type: "cart.updated", ID: enishi.EventID(itoa(i)), At: w.now, Subject: id, Web: &enishi.Web{CartID: "k", Lines: []enishi.Line{{ProductID: "p"}}}}
		e.Time = w.now
		p.Apply(e, w.now)
		w.out = enishi.Effects{}
		Step(env, p, Trigger{Event: e}, &w.out)
		Step(&later, p, Trigger{Timer: true}, &w.out)
		if len(w.out.Messages) != 1 {
			b.Fatal("no message")
		}
	}
}

func benchWorld(b *testing.B) *world {
	w := newWorld(b)
	w.now = start
	w.publish("welcome", "cart_abandonment", "winback", "delivery_notice", "review_request", "loyalty_thanks")
	w.person("p", &enishi.Person{CustomerID: "c", Email: "p@a.test", LineUserID: "U1"})
	w.event("p", &enishi.Event{Type: "person.identified", Consent: []enishi.ConsentChange{{Channel: "email", State: "in"}}})
	defer w.pass(w.now.Add(time.Hour))
	for i := range 16 {
		w.event("p", &enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "o" + itoa(i), Lines: []enishi.Line{{ProductID: "p"}}}})
	}
	return w
}
