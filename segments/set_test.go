package segments

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"enishi"
	"enishi/profiles"
)

// What an event changes in any field of the language shows in the Change that the field names as its input: else an
// expression would not run that should.
func TestInputsCoverChanges(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	missing := func() (out []string) {
		for _, f := range Fields() {
			if f.derived == "" && f.op == opConst && !seen[f.Name] && !slices.Contains([]string{"language", "has_phone", "reachable.sms", "reachable.push"}, f.Name) { // no event drawn here has a number or a device
				out = append(out, f.Name)
			}
		}
		for _, l := range Collections() {
			if !seen["list "+l.Name] {
				out = append(out, "list "+l.Name)
			}
		}
		return out
	}
	check := func(t *rapid.T) {
		p := profiles.New(enishi.NewID("identifier", "customer", "a"))
		now := made
		for n := range 30 {
			before, lists := values(p.View()), listValues(p.View())
			consent := map[string]bool{}
			for _, ch := range Channels() {
				consent[ch] = consents(p.View(), ch)
			}
			traits := maps.Clone(p.View().Traits)
			now = now.Add(time.Duration(rapid.IntRange(0, 10*24*60).Draw(t, "later")) * time.Minute)
			e := drawEvent(t, n, "a", now)
			changed, _ := p.Apply(e, now)
			after, listsAfter := values(p.View()), listValues(p.View())
			for f, was := range before {
				if is := after[f]; is != was {
					seen[f.Name] = true
					if changed&f.Inputs == 0 {
						t.Fatalf("%s changed %s from %s to %s, changed %b, inputs %b", e.Type, f.Name, was, is, changed, f.Inputs)
					}
				}
			}
			for l, was := range lists {
				if is := listsAfter[l]; is != was {
					seen["list "+l.Name] = true
					if changed&l.Inputs == 0 {
						t.Fatalf("%s changed %s from %s to %s, changed %b, inputs %b", e.Type, l.Name, was, is, changed, l.Inputs)
					}
				}
			}
			for _, ch := range Channels() {
				if consents(p.View(), ch) != consent[ch] && changed&consentInputs == 0 {
					t.Fatalf("%s changed consent.%s, changed %b", e.Type, ch, changed)
				}
			}
			if !maps.Equal(traits, p.View().Traits) && changed&traitInputs == 0 {
				t.Fatalf("%s changed traits, changed %b", e.Type, changed)
			}
		}
	}
	// The drawn events are random: some field may need more of them than one round has.
	for range 20 {
		if rapid.Check(t, check); len(missing()) == 0 {
			return
		}
	}
	t.Errorf("no event changed %v", missing())
}

// A membership kept by events and timers alone is what evaluating everything gives, at every event and at random instants
// between them; the transitions are the differences.
func TestUpdateKeepsMemberships(t *testing.T) {
	t.Parallel()
	evaluated, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var list []*Segment
		for k := range 12 {
			s := compiled(t, drawExpression(t))
			s.Name = fmt.Sprintf("s%02d", k)
			list = append(list, s)
		}
		set := NewSet(list)
		p := profiles.New(enishi.NewID("identifier", "customer", "a"))
		now := made
		in := map[string]bool{}
		compare := func(what string) {
			for _, s := range list {
				if want := s.Match(p.View(), now); want != in[s.Name] {
					t.Fatalf("%s at %v: %s\n  member %v, Match %v; next change %v", what, now, s.Body.Expression, in[s.Name], want, p.NextChange)
				}
			}
			if !slices.IsSortedFunc(p.Memberships, func(a, b profiles.Membership) int { return cmpNames(a.Segment, b.Segment) }) || len(p.Memberships) != len(keys(in)) {
				t.Fatalf("memberships %v, want %v", p.Memberships, keys(in))
			}
		}
		update := func(changed profiles.Change) {
			entered, left := set.Update(p, now, changed, Options{})
			for _, x := range entered {
				if in[x.Segment] {
					t.Fatalf("entered %s twice", x.Segment)
				}
				in[x.Segment] = true
			}
			for _, x := range left {
				if !in[x.Segment] {
					t.Fatalf("left %s without being in", x.Segment)
				}
				delete(in, x.Segment)
			}
		}
		for n := range 12 {
			later := now.Add(time.Duration(rapid.IntRange(0, 20*24*60).Draw(t, "later")) * time.Minute)
			for range 100 { // the timers up to the next event
				if p.NextChange.IsZero() || p.NextChange.After(later) {
					break
				}
				now = p.NextChange
				update(0)
				compare("timer")
			}
			if !p.NextChange.IsZero() && p.NextChange.Before(later) {
				later = now
			}
			now = later
			if n > 0 {
				compare("between")
			}
			e := drawEvent(t, n, "a", now)
			changed, _ := p.Apply(e, now)
			for _, s := range list {
				if all++; s.Depends()&changed != 0 {
					evaluated++
				}
			}
			update(changed)
			compare(e.Type)
		}
	})
	t.Logf("%d of %d evaluations were needed", evaluated, all)
}

func cmpNames(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func keys(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }

func segment(t *testing.T, name string, version int64, expression string) *Segment {
	t.Helper()
	s, err := Compile(name, version, fmt.Appendf(nil, `{"title": {"ja": "名"}, "expression": %q}`, expression))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	buyer := func() *profiles.Profile {
		p := profiles.New(enishi.NewID("identifier", "customer", "a"))
		e := &enishi.Event{ID: enishi.NewID("test", "1"), Type: "order.placed", At: made.Add(-time.Hour), Subject: p.ID,
			Order: &enishi.Order{OrderID: "o", Subtotal: 5000 * enishi.Unit, Total: 5000 * enishi.Unit}}
		if _, fresh := p.Apply(e, made); !fresh {
			t.Fatal("not folded")
		}
		return p
	}
	all := profiles.ChangedAll
	member := func(name string, version int64, initial bool) profiles.Membership {
		return profiles.Membership{Segment: name, Version: version, Since: made, Initial: initial}
	}
	f := func(what string, p *profiles.Profile, set *Set, changed profiles.Change, opt Options, entered, left []Transition, memberships ...profiles.Membership) {
		t.Helper()
		in, out := set.Update(p, made, changed, opt)
		if d := cmp.Diff(entered, in); d != "" {
			t.Errorf("%s: entered\n%s", what, d)
		}
		if d := cmp.Diff(left, out); d != "" {
			t.Errorf("%s: left\n%s", what, d)
		}
		if d := cmp.Diff(memberships, append([]profiles.Membership(nil), p.Memberships...)); d != "" {
			t.Errorf("%s: memberships\n%s", what, d)
		}
	}
	a, b := segment(t, "a", 1, "orders_count >= 1"), segment(t, "b", 1, "has_email")
	set := NewSet([]*Segment{b, a})
	p := buyer()
	f("nothing changed", p, set, 0, Options{}, nil, nil)
	f("other inputs", p, set, profiles.ChangedConsents, Options{}, nil, nil)
	f("its input", p, set, profiles.ChangedOrders, Options{}, []Transition{{"a", 1, false}}, nil, member("a", 1, false))
	f("again", p, set, all, Options{}, nil, nil, member("a", 1, false))
	f("a new version that holds", p, NewSet([]*Segment{segment(t, "a", 2, "orders_count < 5"), b}), profiles.ChangedOrders, Options{}, nil, nil, member("a", 2, false))
	f("a new version, untouched", p, NewSet([]*Segment{segment(t, "a", 3, "orders_count > 5"), b}), profiles.ChangedConsents, Options{}, nil, nil, member("a", 2, false))
	f("a new version that does not hold", p, NewSet([]*Segment{segment(t, "a", 3, "orders_count > 5"), b}), 0, Options{Sweep: true}, nil, []Transition{{"a", 3, true}})

	p = buyer()
	f("a sweep of another", p, set, all, Options{Sweep: true, Segments: []string{"b", "zz"}}, nil, nil)
	f("its sweep", p, set, 0, Options{Sweep: true, Segments: []string{"a"}}, []Transition{{"a", 1, true}}, nil, member("a", 1, true))
	f("removed", p, NewSet([]*Segment{b}), 0, Options{}, nil, []Transition{{"a", 1, false}})
	f("unswept", p, set, profiles.ChangedOrders, Options{Unswept: []string{"a"}}, []Transition{{"a", 1, true}}, nil, member("a", 1, true))
	f("unswept, out by a new version", p, NewSet([]*Segment{segment(t, "a", 2, "orders_count > 5"), b}), profiles.ChangedOrders, Options{Unswept: []string{"a"}}, nil, []Transition{{"a", 2, true}})
	f("merged with a member", p, set, profiles.ChangedOrders, Options{Joined: []string{"a"}}, []Transition{{"a", 1, true}}, nil, member("a", 1, true))
	f("removed, unswept", p, NewSet([]*Segment{b}), 0, Options{Unswept: []string{"a"}}, nil, []Transition{{"a", 1, true}})
	f("in again", p, set, profiles.ChangedOrders, Options{}, []Transition{{"a", 1, false}}, nil, member("a", 1, false))
	p.Redirect = enishi.NewID("x")
	f("merged away", p, set, all, Options{}, nil, []Transition{{"a", 1, false}})

	p = buyer()
	everyone := NewSet([]*Segment{segment(t, "e", 1, "true"), segment(t, "n", 1, "none(views, .at > ago(\"1d\"))")})
	f("a new person is asked for everything", p, everyone, profiles.ChangedIdentifiers|profiles.ChangedLifetime, Options{}, []Transition{{"e", 1, false}, {"n", 1, false}}, nil,
		member("e", 1, false), member("n", 1, false))
	p.Erase(made)
	f("erased", p, everyone, all, Options{}, nil, nil)
	if !p.NextChange.IsZero() {
		t.Errorf("an erased person has a timer at %v", p.NextChange)
	}
}

// NextChange of the profile stays at the earliest of what was not evaluated, and is exact after all that is timed was.
func TestUpdateNextChange(t *testing.T) {
	t.Parallel()
	p := profiles.New(enishi.NewID("identifier", "customer", "a"))
	order := &enishi.Event{ID: enishi.NewID("test", "1"), Type: "order.placed", At: made, Subject: p.ID, Order: &enishi.Order{OrderID: "o"}}
	visit := func(n string, at time.Time) *enishi.Event {
		return &enishi.Event{ID: enishi.NewID("test", n), Type: "page.viewed", At: at, Subject: p.ID}
	}
	set := NewSet([]*Segment{segment(t, "order", 1, `any(orders, .placed_at > ago("10d"))`), segment(t, "visit", 1, `any(visits, .at > ago("1d"))`)})
	step := func(e *enishi.Event, now time.Time, want time.Duration, members int) {
		t.Helper()
		var changed profiles.Change
		if e != nil {
			changed, _ = p.Apply(e, now)
		}
		set.Update(p, now, changed, Options{})
		if got := p.NextChange.Sub(made); got != want && !(want == 0 && p.NextChange.IsZero()) {
			t.Errorf("next change %v after %v, want %v", got, now.Sub(made), want)
		}
		if len(p.Memberships) != members {
			t.Errorf("%v after %v", p.Memberships, now.Sub(made))
		}
	}
	day := 24 * time.Hour
	step(order, made, 10*day, 1)
	step(visit("2", made.Add(time.Hour)), made.Add(time.Hour), day+time.Hour, 2)
	step(visit("3", made.Add(5*time.Hour)), made.Add(5*time.Hour), day+time.Hour, 2) // early: the order's segment was not asked
	step(nil, made.Add(day+time.Hour), day+5*time.Hour, 2)
	step(nil, made.Add(day+5*time.Hour), 10*day, 1)
	step(nil, made.Add(10*day), 0, 0)
}
