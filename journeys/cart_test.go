package journeys

import (
	"testing"
	"time"

	"enishi"
)

// TestCartAcrossAddresses: a purchase ends the reminder of a cart also when it was made under another address of the same person: at
// the till after a merge, and before it, when the merge tells of it.
func TestCartAcrossAddresses(t *testing.T) {
	f := func(name string, how func(w *world)) {
		t.Helper()
		w := newWorld(t)
		w.now = start
		w.journeys = NewSet([]*Journey{mustCompile(t, "cart_abandonment", 1, galleryBody(t, "journey", "cart_abandonment"))})
		w.person("web", &enishi.Person{Email: "web@a.test"})
		w.person("till", &enishi.Person{CustomerID: "card-1", Email: "till@a.test"})
		for _, who := range []string{"web", "till"} {
			w.event(who, &enishi.Event{Type: "consent.updated", Consent: []enishi.ConsentChange{{Channel: "email", State: "in", Method: "checkout"}}})
		}
		w.event("web", &enishi.Event{Type: "cart.updated", Web: &enishi.Web{CartID: "k1", Value: 3300 * enishi.Unit, Lines: []enishi.Line{{ProductID: "p1", Name: "化粧水", Price: 3300 * enishi.Unit}}}})
		w.pass(start.Add(20 * time.Minute))
		how(w)
		w.pass(start.Add(3 * time.Hour))
		if sent := w.sent("till", ""); len(sent) != 0 {
			t.Errorf("%s: sent %v", name, messageNames(sent))
		}
	}
	buy := func(w *world) {
		w.event("till", &enishi.Event{Type: "store.purchased", Store: &enishi.StoreVisit{StoreID: "ginza"}, Order: &enishi.Order{OrderID: "ginza:1", Total: 3300 * enishi.Unit}})
	}
	f("at the till after the merge", func(w *world) { w.merge("till", "web"); buy(w) })
	f("at the till before the merge", func(w *world) { buy(w); w.pass(start.Add(30 * time.Minute)); w.merge("till", "web") })
	f("online under the other address", func(w *world) {
		w.merge("till", "web")
		w.event("till", &enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "o1", Total: 3300 * enishi.Unit}})
	})
	f("merged by a sign-in, bought as before", func(w *world) { buy(w); w.merge("till", "web") })
}
