package pipeline

import (
	"strings"
	"testing"
	"time"

	"enishi"
)

// TestErasureAndNewLink: an event of before an erasure, which is addressed to somebody else because of a link that the erasure
// did not know, is gone too when the two become one person: its row, and what the profile has of the erased identifier.
func TestErasureAndNewLink(t *testing.T) {
	t.Parallel()
	w := newWorld(3, newCompiler())
	w.calm, w.people = true, nil
	w.rebalance()
	w.byBuckets()
	event := func(typ string, p enishi.Person) *enishi.Event {
		w.shop.serial++
		e := &enishi.Event{ID: enishi.NewID("event", typ), Type: typ, At: w.now.Add(-time.Minute), Source: "shop", Channel: "web", Person: &p}
		w.identify(e)
		return e
	}
	w.put(w.record(event("custom.newsletter", enishi.Person{Email: "a@x.test", AnonymousID: "anon"})))
	bought := event("custom.bought", enishi.Person{CustomerID: "c"})
	w.put(w.record(bought))
	w.rest()
	customer, mail := bought.Subject, identifierID(enishi.Email, "a@x.test")

	command := enishi.Event{ID: enishi.NewID("command"), Type: enishi.TypeErased, At: w.now, Profile: customer, Subject: customer,
		Control: &enishi.Control{RequestID: enishi.NewID("command"), Subjects: []enishi.ID{customer}}}
	w.put(EventRecord(&command, w.parts, w.now))
	w.rest()
	late := w.record(event("custom.linked", enishi.Person{CustomerID: "c", Email: "a@x.test"}))
	late.Time = w.now.Add(-time.Second) // by the clock of who appended it
	if holder := w.graph.Resolve(customer); holder != w.graph.Resolve(mail) || holder == customer {
		t.Fatal("the erased one is to join the other")
	}
	w.put(late)
	w.rest()
	for _, s := range w.store.tables["events"] {
		if strings.HasPrefix(s.row, customer.String()) {
			t.Errorf("a row of before the erasure: %s", s.row)
		}
	}
	p := w.decode(w.store.states[w.graph.Resolve(mail)])
	if subjectOfProfile(p, customer) != nil || subjectOfProfile(p, mail) == nil || !p.Erased {
		t.Errorf("the person has %+v, erased %v", p.Subjects, p.Erased)
	}
	w.checkReference()
	w.checkFacts()

	w.now = w.now.Add(time.Hour) // a new life
	w.put(w.record(event("custom.again", enishi.Person{CustomerID: "c"})))
	w.rest()
	if subjectOfProfile(w.decode(w.store.states[w.graph.Resolve(mail)]), customer) == nil {
		t.Error("what came after the erasure is not there")
	}
}
