package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/journeys"
	"enishi/profiles"
	"enishi/segments"
)

// shopWorld is a quiet world of 400 customers, all stored: one of three has two orders, the others have one.
func shopWorld(t *testing.T, c *compiler) *world {
	t.Helper()
	w := newWorld(3, c)
	w.calm, w.people = true, nil
	for i := range 400 {
		w.people = append(w.people, &person{n: i, person: enishi.Person{CustomerID: fmt.Sprintf("c%d", i), Email: fmt.Sprintf("p%d@x.test", i)}, deliveries: map[string]time.Time{}})
	}
	w.rebalance()
	w.byBuckets()
	for i, p := range w.people {
		for k := range 1 + i%3/2 {
			w.order(p, k)
		}
	}
	w.rest()
	return w
}

// byBuckets lets sweeps go bucket by bucket, and all clocks be right.
func (w *world) byBuckets() {
	for _, n := range w.alive() {
		n.folder.cfg.sweepProfiles, n.skew = 1, 0
	}
}

// order lets a person place an order.
func (w *world) order(p *person, k int) {
	e := &enishi.Event{Type: "order.placed", At: w.now, Source: "shop", Channel: "web", Person: &enishi.Person{CustomerID: p.person.CustomerID},
		Order: &enishi.Order{OrderID: fmt.Sprintf("o%d-%d", p.n, k), Currency: "JPY", Total: 7000 * enishi.Unit}}
	w.shop.serial++
	e.ID = enishi.NewID("event", fmt.Sprint(w.shop.serial))
	w.identify(e)
	w.put(w.record(e))
}

// rest lets everything be done that is to be done now.
func (w *world) rest() {
	for range 10_000 {
		if !w.settleOnce() {
			return
		}
	}
	w.violate("it does not come to rest")
}

// swept is the bucket to which the slowest partition has come with its open sweeps; 256: none is open.
func (w *world) swept() int {
	at := 256
	for _, n := range w.alive() {
		for _, p := range n.folder.Progress() {
			for _, s := range p.Sweeps {
				at = min(at, s.Next)
			}
		}
	}
	return at
}

// sweepTo goes on until the slowest partition has come to a bucket.
func (w *world) sweepTo(t *testing.T, bucket int) {
	t.Helper()
	for range 1000 {
		if at := w.swept(); at >= bucket && at < 256 {
			return
		}
		w.settleOnce()
	}
	t.Fatalf("the sweep is at %d, not at %d", w.swept(), bucket)
}

// members is who is in a segment, and how they came in.
func (w *world) members(segment string) map[enishi.ID]profiles.Membership {
	out := map[enishi.ID]profiles.Membership{}
	for id, s := range w.store.states {
		for _, m := range w.decode(s).Memberships {
			if m.Segment == segment {
				out[id] = m
			}
		}
	}
	return out
}

// runsOf counts the runs of a journey.
func (w *world) runsOf(p *person, journey string) int {
	n := 0
	for _, r := range w.decode(w.store.states[w.graph.Resolve(identifierID(enishi.Customer, p.person.CustomerID))]).Runs {
		if r.Journey == journey {
			n++
		}
	}
	return n
}

const thirtySevenPercent = 95 // of 256 buckets

// TestSweepKilled: a sweep whose owners are killed when it has come to 37 % ends with the members of one that nobody disturbed.
func TestSweepKilled(t *testing.T) {
	t.Parallel()
	c := newCompiler()
	calm, killed := shopWorld(t, c), shopWorld(t, c)
	for _, w := range []*world{calm, killed} {
		w.defineSegment("buyers", `orders_count >= 2`)
	}
	calm.rest()
	killed.sweepTo(t, thirtySevenPercent)
	for _, n := range killed.alive() {
		n.tick()
		n.fold() // and no checkpoint
		killed.kill(n)
	}
	killed.rebalance()
	killed.byBuckets()
	for _, n := range killed.alive() {
		n.gain()
	}
	if at := killed.swept(); at < thirtySevenPercent/2 || at == 256 {
		t.Fatalf("the sweep goes on at %d", at)
	}
	killed.rest()
	want, have := calm.members("buyers"), killed.members("buyers")
	if len(want) != 133 || !maps.Equal(want, have) {
		t.Errorf("%d members undisturbed, %d after the kill", len(want), len(have))
	}
}

// thanks enters people who come into the segment buyers, but not those whom a sweep finds there.
const thanks = `{"title":{"ja":"お礼","en":"Thanks"},"purpose":"transactional","consent":"not_refused","entry":{"segment":"buyers","entered":true,"reentry":"never"},
"start":"wait","nodes":{"wait":{"type":"wait","for":"3d","next":"end"},"end":{"type":"exit"}}}`

// TestSweepSteered: a paused sweep stands still and goes on where it stood; a cancelled one leaves its segment stale until it
// is swept again. While the segment is not complete nobody enters a journey by it of whom it is not known that what they did
// let them in.
func TestSweepSteered(t *testing.T) {
	t.Parallel()
	w := shopWorld(t, newCompiler())
	if _, err := journeys.Compile("thanks", 1, []byte(thanks), segments.Library{}); err != nil {
		t.Fatal(err)
	}
	w.define("journey", "thanks", []byte(thanks))
	w.defineSegment("buyers", `orders_count >= 2`)
	w.sweepTo(t, thirtySevenPercent)
	id := ""
	for _, m := range w.store.markers {
		for _, s := range m.Sweeps {
			id = s.ID
		}
	}
	w.sweeping.Paused = []string{id}
	w.defineSweeping()
	w.rest()
	at := w.swept()
	if at == 256 || len(w.members("buyers")) >= 133 {
		t.Fatalf("a paused sweep went on: bucket %d, %d members", at, len(w.members("buyers")))
	}
	for _, n := range w.alive() {
		if n.folder.Busy() {
			t.Error("the pause is waited for")
		}
	}
	// Everybody buys once more: those whom the sweep has seen enter by it, the others are found in.
	news, quiet := 0, 0
	order := func() {
		for _, p := range w.people {
			holder := w.graph.Resolve(identifierID(enishi.Customer, p.person.CustomerID))
			before, stale, runs := w.members("buyers")[holder], w.stale(holder, "buyers"), w.runsOf(p, "thanks")
			w.order(p, 9)
			w.rest()
			after := w.members("buyers")[holder]
			entered := before.Segment == "" && after.Segment != ""
			switch got := w.runsOf(p, "thanks") - runs; {
			case entered && !stale:
				if news++; got != 1 || after.Initial {
					t.Fatalf("customer %d entered and got %d runs, initial %v", p.n, got, after.Initial)
				}
			case entered:
				if quiet++; got != 0 || !after.Initial {
					t.Fatalf("customer %d was found in a stale segment and got %d runs, initial %v", p.n, got, after.Initial)
				}
			case got != 0:
				t.Fatalf("customer %d did not enter and got %d runs", p.n, got)
			}
		}
	}
	people := w.people
	w.people = people[:100]
	order()
	w.sweeping.Paused, w.sweeping.Cancelled = nil, []string{id}
	w.defineSweeping()
	w.rest()
	w.people = people[100:200]
	order()
	if news < 20 || quiet < 20 {
		t.Fatalf("%d entered, %d were found in: the test saw too little", news, quiet)
	}
	if w.swept() != at {
		t.Errorf("a cancelled sweep went on from %d to %d", at, w.swept())
	}
	// A crash forgets nothing of it.
	for _, n := range w.alive() {
		w.kill(n)
	}
	w.rebalance()
	w.rest()
	if w.swept() != at {
		t.Errorf("after a crash the cancelled sweep stands at %d, not at %d", w.swept(), at)
	}
	w.sweepAgain("buyers")
	w.defineSweeping()
	w.rest()
	w.people = people
	w.checkMemberships()
	w.checkMarkers()
	if n := w.swept(); n != 256 {
		t.Errorf("after it was swept again a sweep is left at %d", n)
	}
	for _, p := range people[200:] {
		if w.runsOf(p, "thanks") != 0 {
			t.Fatalf("customer %d, found by a sweep, got a run", p.n)
		}
	}
}

// TestSweepSuperseded: a new version of a segment takes the place of an older sweep of it, and of it only.
func TestSweepSuperseded(t *testing.T) {
	t.Parallel()
	part := &partition{defs: &Definitions{Sweeping: Sweeping{Paused: []string{"b"}}}}
	f := func(id string, names []string, want string) {
		t.Helper()
		part.addSweep(id, names)
		var have []string
		for _, s := range part.sweeps {
			have = append(have, s.ID+fmt.Sprint(s.Segments))
		}
		if fmt.Sprint(have) != want {
			t.Errorf("have %v, want %s", have, want)
		}
	}
	f("a", []string{"x", "y"}, "[a[x y]]")
	saved := slices.Clone(part.sweeps)
	f("b", []string{"x"}, "[a[y] b[x]]")
	f("c", nil, "[a[y] b[x]]")
	f("d", []string{"y"}, "[b[x] d[y]]")
	if part.nextSweep(time.Time{}) != 1 {
		t.Errorf("the paused sweep is gone on with: %d", part.nextSweep(time.Time{}))
	}
	f("e", []string{"x", "y"}, "[e[x y]]")
	if fmt.Sprint(saved[0].Segments) != "[x y]" {
		t.Errorf("what is being saved has changed: %v", saved[0].Segments)
	}

}

// TestTimedMembershipsAreStamped: on a virtual clock that moves over days in one go, whom time alone brings into a segment or
// out of it goes in or out at the instant at which it is due, to the millisecond: nobody early, nobody late.
func TestTimedMembershipsAreStamped(t *testing.T) {
	t.Parallel()
	w := shopWorld(t, newCompiler())
	w.defineSegment("lapsed", `last_order_at < ago("3d")`)
	w.defineSegment("fresh", `any(orders, .placed_at > ago("2d"))`)
	w.rest()
	ordered := map[enishi.ID]time.Time{}
	for i, p := range w.people {
		w.now = w.now.Add(time.Duration(17*i) * time.Millisecond)
		w.order(p, 7)
		ordered[w.graph.Resolve(identifierID(enishi.Customer, p.person.CustomerID))] = w.now
	}
	w.rest()
	clock := func(at time.Time) {
		for n := range w.parts {
			e := enishi.Event{ID: enishi.NewID("clock", fmt.Sprint(n, at)), Type: enishi.TypeClock, Partition: n, At: w.now, Control: &enishi.Control{Clock: at}}
			w.put(EventRecord(&e, w.parts, w.now))
		}
		w.rest()
	}
	clock(w.now)
	clock(w.now.Add(49 * time.Hour)) // an hour after the last of them stopped being fresh
	if n := len(w.members("fresh")) + len(w.members("lapsed")); n != 0 {
		t.Fatalf("%d members between the two windows", n)
	}
	clock(w.now.Add(73 * time.Hour))
	in := w.members("lapsed")
	if len(in) != len(w.people) {
		t.Fatalf("%d of %d entered by time", len(in), len(w.people))
	}
	left := 0
	for _, s := range w.store.tables["events"] {
		// Subject, instant, id, type, ...
		f := strings.Split(s.row, "|")
		id, err := enishi.ParseID(f[0])
		if err != nil || f[3] != enishi.TypeSegmentLeft {
			continue
		}
		left++
		if want := ordered[id].Add(48 * time.Hour).UnixMilli(); f[1] != fmt.Sprint(want) { // .at > ago("2d") ends exactly then
			t.Fatalf("profile %s left at %s, due at %d", id, f[1], want)
		}
	}
	if left != len(w.people) {
		t.Errorf("%d of %d left by time", left, len(w.people))
	}
	for id, m := range in {
		if want := ordered[id].Add(72*time.Hour + time.Millisecond); !m.Since.Equal(want) || m.Initial { // < ago("3d") begins a millisecond later
			t.Fatalf("profile %s entered at %v (initial %v), due at %v", id, m.Since, m.Initial, want)
		}
	}
}
