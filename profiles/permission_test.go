package profiles

import (
	"testing"
	"time"

	"enishi"
)

// TestPermissionsAgree: what a history of permissions says about an event is what the fold makes of it.
func TestPermissionsAgree(t *testing.T) {
	t.Parallel()
	consent := func(list ...enishi.ConsentChange) func(*enishi.Event) {
		return func(e *enishi.Event) { e.Consent = list }
	}
	in := enishi.ConsentChange{Channel: "email", State: "in", Method: "form:signup@2", Text: "お得な情報を受け取る", IP: "198.51.100.1"}
	out := enishi.ConsentChange{Channel: "email", Purpose: "marketing:news", State: "out", Method: "staff", Actor: "tanaka"}
	f := func(name, typ string, change func(*enishi.Event), want ...string) {
		t.Helper()
		x := newPerson(t)
		e := event(1, typ, at(time.Hour), alice)
		e.Source = "web"
		change(e)
		told := Permissions(read(t, e))
		if len(told) != len(want) {
			t.Fatalf("%s: %+v, want %q", name, told, want)
		}
		given := map[string]bool{}
		for i, p := range told {
			if got := p.Channel + " " + p.Purpose + " " + p.State + " " + p.Method; got != want[i] {
				t.Errorf("%s: %q, want %q", name, got, want[i])
			}
			if p.State != "asked" && p.Account == "" {
				given[p.Channel+p.Purpose+p.State+p.Method+p.Text+p.IP] = true
			}
		}
		x.p.Apply(read(t, e), clock)
		n := 0
		for i := range x.p.Subjects {
			for _, c := range x.p.Subjects[i].Consents {
				n++
				state := "in"
				if c.Out {
					state = "out"
				}
				if !given[c.Channel+c.Purpose+state+c.Method+c.Text+c.IP] {
					t.Errorf("%s: the fold has %+v, the history %+v", name, c, told)
				}
			}
		}
		if n != len(given) {
			t.Errorf("%s: the fold has %d permissions, the history %d", name, n, len(given))
		}
	}
	f("a form", "user.signed_up", consent(in, out), "email marketing in form:signup@2", "email marketing:news out staff")
	f("only asked", "consent.requested", consent(in), "email marketing asked form:signup@2")
	f("no state", "consent.changed", consent(enishi.ConsentChange{Channel: "email", State: "asked"}))
	f("a marketplace gives none, and may withdraw", "order.placed", func(e *enishi.Event) {
		e.Channel, e.Order = "marketplace", &enishi.Order{OrderID: "o1"}
		e.Consent = []enishi.ConsentChange{in, out}
	}, "email marketing:news out staff")
	result := func(e *enishi.Event) { e.Result = &enishi.MessageResult{Channel: "email"} }
	f("unsubscribed", "message.unsubscribed", result, "email marketing out unsubscribe_link")
	f("complained", "message.complained", result, "email marketing out complaint")
	f("opened", "message.opened", result)
	f("a friend", "line.followed", func(*enishi.Event) {}, "line marketing in line_follow")
	f("blocked", "line.unfollowed", func(*enishi.Event) {}, "line marketing out line_unfollow")
	f("found at LINE", "line.followed", func(e *enishi.Event) { e.Properties = map[string]enishi.Value{"sync": {Kind: enishi.Bool, Number: 1}} }, "line marketing in line_sync")
	f("another account", "line.followed", func(e *enishi.Event) {
		e.Properties = map[string]enishi.Value{"account": enishi.TextValue("outlet")}
	}, "line marketing in line_follow")
}
