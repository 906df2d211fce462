package journeys

import (
	"testing"
	"time"

	"enishi"
	"enishi/profiles"
)

const previewed = `{"title":{"ja":"試し","en":"Try"},"purpose":"marketing","consent":"opt_in","entry":{"event":"cart.updated","key":"cart_id","where":"event.web.items > 0","reentry":"never"},"start":"is",
"nodes":{"is":{"type":"branch","branches":[{"if":"orders_count > 0","next":"say"},{"if":"run.cart.items > 0","next":"turn"}],"else":"end"},
"turn":{"type":"split","ways":[{"weight":1,"next":"say"},{"weight":1,"next":"end"}]},"out":{"type":"holdout","percent":50,"next":"say"},
"say":{"type":"message","channels":["line","email"],"templates":{"line":"try_line","email":"try_mail"},"next":"out2"},"out2":{"type":"wait","for":"1d","next":"again"},
"again":{"type":"message","channels":["email"],"templates":{"email":"try_mail"},"next":"out3"},"out3":{"type":"branch","branches":[{"if":"event.web.items > 5","next":"out"}],"else":"end"},"end":{"type":"exit"}}}`

// TestPreview: the ways and messages of a preview are those that a run then takes, and nothing is left of it.
func TestPreview(t *testing.T) {
	w := newWorld(t)
	w.now = start
	j := mustCompile(t, "try", 1, []byte(previewed))
	ask := func(name string, entry *enishi.Event) *Preview {
		t.Helper()
		id := w.names[name]
		state := w.people[id].Encode(nil)
		env := *w.env()
		x, err := j.Preview(env, entry, func() (*profiles.Profile, error) { return profiles.Decode(id, string(state)) })
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	way := func(x *Preview, node string) PreviewWay {
		for _, y := range x.Ways {
			if y.Node == node {
				return y
			}
		}
		return PreviewWay{}
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		w.person(name, &enishi.Person{CustomerID: name, Email: name + "@a.test"})
	}
	w.event("a", &enishi.Event{Type: "consent.changed", Consent: []enishi.ConsentChange{{Channel: "email", State: "in"}}})
	x := ask("a", nil)
	if !x.Open || x.Enters || !way(x, "out3").Open || way(x, "is").Field != "else" {
		t.Errorf("without a cart: %+v", x)
	}
	cart := func(name string) *enishi.Event {
		e := &enishi.Event{Type: "cart.updated", Web: &enishi.Web{CartID: "k-" + name, Lines: []enishi.Line{{ProductID: "p", Quantity: 2}}}}
		w.event(name, e)
		return e
	}
	e := cart("a")
	w.now = w.now.Add(time.Minute)
	x = ask("a", e)
	if !x.Enters || x.Open || way(x, "out3").Open || way(x, "out3").Field != "else" {
		t.Errorf("with a cart: %+v", x)
	}
	if len(x.Messages) != 2 || x.Messages[1].Node != "say" || len(x.Messages[1].Decisions) != 2 || x.Messages[1].Decisions[0].Sent || !x.Messages[1].Decisions[1].Sent {
		t.Errorf("messages: %+v", x.Messages)
	}
	// The splits and holdouts of a preview are those of a run.
	w.journeys = NewSet([]*Journey{j})
	held := map[bool]int{}
	for _, name := range []string{"a", "b", "c", "d"} {
		x := ask(name, cart(name))
		if x.Enters || x.Why != "in_it" && x.Why != "reentry:never" {
			t.Errorf("%s is in it: %+v", name, x)
		}
		held[way(x, "out").Held]++
		p := w.people[w.names[name]]
		if len(p.Runs) != 1 {
			t.Fatalf("%s has %d runs", name, len(p.Runs))
		}
		took := map[string]string{"ways[0].next": "out2", "ways[1].next": "end"}[way(x, "turn").Field]
		if p.Runs[0].Node != took {
			t.Errorf("%s: the preview took %s, the run stands at %s", name, way(x, "turn").Field, p.Runs[0].Node)
		}
	}
	if held[true] == 0 || held[false] == 0 {
		t.Errorf("held out: %v", held)
	}
}
