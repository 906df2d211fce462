package profiles

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
)

func TestRepeatsChangeNothing(t *testing.T) {
	p := New(enishi.ID{1})
	e := event(1, "page.viewed", at(0), alice)
	changed, fresh := p.Apply(e, clock)
	equal(t, "fresh", true, fresh)
	equal(t, "changed", ChangedVisits|ChangedLifetime|ChangedIdentifiers, changed)
	before := string(p.Encode(nil))
	again := *e
	again.Subject, again.Links, again.Person = subject(enishi.Phone, "1"), nil, nil // even under another identifier
	_, fresh = p.Apply(&again, clock)
	equal(t, "fresh", false, fresh)
	equal(t, "state", before, string(p.Encode(nil)))
	for _, typ := range []string{enishi.TypeTimer, enishi.TypeMerge, enishi.TypeErased} {
		_, fresh = p.Apply(&enishi.Event{ID: enishi.ID{9}, Type: typ}, clock)
		equal(t, typ, false, fresh)
	}
	p.Redirect = enishi.ID{2}
	_, fresh = p.Apply(event(2, "page.viewed", at(0), alice), clock)
	equal(t, "a redirect takes nothing", false, fresh)
}

func TestIDsAreRememberedForAWeek(t *testing.T) {
	p := New(enishi.ID{1})
	for d := range 20 {
		p.Apply(event(d, "page.viewed", at(time.Duration(d)*24*time.Hour), single), at(time.Duration(d)*24*time.Hour))
	}
	equal(t, "remembered", 8, len(p.Subjects[0].Seen))
	_, fresh := p.Apply(event(12, "page.viewed", at(12*24*time.Hour), single), at(19*24*time.Hour))
	equal(t, "seven days ago", false, fresh)
	equal(t, "events", 20, p.Subjects[0].Lifetime.Events)
}

func TestImportedRowsCountOnce(t *testing.T) {
	p := New(enishi.ID{1})
	row := func(n int, file, row uint64, forwarded bool) bool {
		e := event(n, "points.earned", at(0), single)
		e.Points, e.Import, e.Forwarded = &enishi.Points{Amount: 10}, &enishi.Import{File: file, Row: row}, forwarded
		_, fresh := p.Apply(e, at(time.Duration(n)*30*24*time.Hour)) // long after ids are forgotten
		return fresh
	}
	equal(t, "row 3", true, row(1, 1, 3, false))
	equal(t, "row 3 a month later", false, row(2, 1, 3, false))
	equal(t, "row 2", false, row(3, 1, 2, false))
	equal(t, "another file", true, row(4, 2, 1, false))
	equal(t, "row 4", true, row(5, 1, 4, false))
	equal(t, "a row that a redirect sent late", true, row(6, 1, 1, true))
	equal(t, "points", 40, p.View().Points)
	equal(t, "highest row", 4, p.Subjects[0].Files[0].Row)
}

func TestErase(t *testing.T) {
	x := newPerson(t)
	x.event("order.placed", 1, func(e *enishi.Event) { order(full)(e); permission("email", "in")(e) })
	x.p.Memberships = []Membership{{Segment: "s"}}
	tables := newModel(t)
	save := func(version uint64) map[string]map[string]row {
		f := NewFacts()
		f.Add(x.p, version)
		tables.insert(f.Tables())
		return tables.live()
	}
	equal(t, "tables", true, len(save(1)) > 3)
	x.p.Erase(at(2 * time.Hour))
	if left := save(2); len(left) != 0 {
		t.Errorf("rows are left: %v", left)
	}
	equal(t, "empty", 0, len(x.p.Subjects)+len(x.p.Memberships)+len(x.p.Runs))
	v := x.p.View()
	consentIs(t, v, "email", Out)
	_, no := v.Suppressed("email")
	equal(t, "suppressed", true, no)
	_, fresh := x.p.Apply(event(77, "page.viewed", at(time.Hour), alice), clock)
	equal(t, "what happened before", false, fresh)
	x.p = decoded(t, x.p)
	v = x.event("order.placed", 3, func(e *enishi.Event) { order(full)(e); e.Historical = true; permission("email", "in")(e) })
	consentIs(t, v, "email", Out) // an imported old list
	equal(t, "a new order is taken", 1, len(v.Orders))
	v = x.event("consent.changed", 4, permission("email", "in"))
	consentIs(t, v, "email", In)
}

func TestRetireDeletesAllRows(t *testing.T) {
	x := newPerson(t)
	x.event("order.placed", 1, order(full))
	x.event("page.viewed", 1, nil)
	x.p.Runs = []Run{{ID: enishi.ID{3}, Journey: "j"}}
	tables := newModel(t)
	f := NewFacts()
	f.Add(x.p, 1)
	tables.insert(f.Tables())
	equal(t, "dirty", 0, x.p.Dirty())
	x.p.Retire(New(x.p.ID))
	x.p.Redirect = enishi.ID{9}
	f.Reset()
	f.Add(x.p, 2)
	tables.insert(f.Tables())
	if left := tables.live(); len(left) != 0 {
		t.Errorf("rows are left: %v", left)
	}
	f.Reset()
	equal(t, "reset", 0, len(f.Tables()))
}

func TestVisitIsOneRow(t *testing.T) {
	x := newPerson(t)
	for i := range 30 {
		x.event("page.viewed", i, nil)
	}
	f := NewFacts()
	f.Add(x.p, 1)
	f.Reset()
	x.event("page.viewed", 30, nil)
	f.Add(x.p, 2)
	rows := map[string]int{}
	for _, table := range f.Tables() {
		rows[table.Name] = table.Rows
	}
	if want := map[string]int{"people": 1, "visits": 1}; fmt.Sprint(rows) != fmt.Sprint(want) {
		t.Errorf("rows: want %v, have %v", want, rows)
	}
}

// TestBoundsKeepTheNewest: over every bound, what stays is the newest whatever the order of arrival, and the view's rows
// agree with the tables, deletions of what left included.
func TestBoundsKeepTheNewest(t *testing.T) {
	var events []*enishi.Event
	for i := range MaxVisits + 40 {
		events = append(events, event(i, "page.viewed", at(time.Duration(i)*time.Minute), single))
	}
	for i := range MaxOrders + 25 {
		e := event(i, "order.placed", at(time.Duration(i)*time.Minute), single)
		e.Order = &enishi.Order{OrderID: fmt.Sprint("o", i*7919%10007), Subtotal: enishi.Unit, Lines: []enishi.Line{{ProductID: "p"}}}
		events = append(events, e)
	}
	for i := range MaxCollection + 15 {
		e := event(i, "survey.answered", at(time.Duration(i)*time.Minute), single)
		e.Survey = &enishi.Survey{SurveyID: "nps"}
		e.Person.Traits = map[string]enishi.Value{fmt.Sprint("t", i): enishi.NumberValue(float64(i))}
		events = append(events, e)
	}
	first := fold(t, New(enishi.ID{1}), events)
	r := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		r.Shuffle(len(events), func(i, k int) { events[i], events[k] = events[k], events[i] })
		p, tables := New(enishi.ID{1}), newModel(t)
		for i, e := range events {
			p.Apply(e, clock)
			if r.IntN(200) == 0 {
				f := NewFacts()
				f.Add(p, uint64(i)+1)
				tables.insert(f.Tables())
			}
		}
		f := NewFacts()
		f.Add(p, uint64(len(events))+1)
		tables.insert(f.Tables())
		equal(t, "state", string(first.Encode(nil)), string(p.Encode(nil)))
		m := newModel(t)
		fresh := decoded(t, p)
		fresh.MarkDirty(ChangedAll)
		g := NewFacts()
		g.Add(fresh, 1)
		m.insert(g.Tables())
		diff(t, "tables", m.live(), tables.live())
	}
	absorbOverBounds(t, events, first)
	v := first.View()
	equal(t, "visits", MaxVisits, len(v.Visits))
	equal(t, "surveys", MaxCollection, len(v.Surveys))
	equal(t, "traits", MaxCollection, len(v.Traits))
	equal(t, "orders kept", MaxOrders, len(v.Orders))
	equal(t, "orders counted", MaxOrders+25, v.OrdersCount)
	equal(t, "LTV", enishi.Amount(MaxOrders+25)*enishi.Unit, v.LTV)
	equal(t, "number of the oldest kept", 26, v.Orders[0].Sequence)
	instantIs(t, "first order", 0, v.FirstOrderAt)
	equal(t, "page views", MaxVisits+40, v.PageViews)
	// An order that left can still be cancelled, and is not counted twice when told again.
	gone := first.Subjects[0].Evicted[0].Key
	for i, typ := range []string{"order.updated", "order.cancelled"} {
		e := event(9000+i, typ, at(99*time.Hour), single)
		e.Order = &enishi.Order{OrderID: gone, Subtotal: 3 * enishi.Unit, Lines: []enishi.Line{{ProductID: "p"}}}
		first.Apply(e, clock)
		equal(t, typ, []enishi.Amount{MaxOrders + 25 + 2, MaxOrders + 25 - 1}[i]*enishi.Unit, first.View().LTV)
	}
}

// absorbOverBounds joins two halves of one subject that are over the bounds together.
func absorbOverBounds(t *testing.T, events []*enishi.Event, want *Profile) {
	t.Helper()
	half := len(events) / 2
	p, tables := fold(t, New(enishi.ID{1}), events[:half]), newModel(t)
	save := func(version uint64) {
		f := NewFacts()
		f.Add(p, version)
		tables.insert(f.Tables())
	}
	save(1)
	p.Absorb(fold(t, New(enishi.ID{2}), events[half:]), clock)
	save(2)
	diff(t, "joined halves", facts(t, want), facts(t, p))
	all := newModel(t)
	fresh := decoded(t, p)
	fresh.MarkDirty(ChangedAll)
	f := NewFacts()
	f.Add(fresh, 1)
	all.insert(f.Tables())
	diff(t, "tables after the join", all.live(), tables.live())
}

func TestVisitsLeaveTheirWindow(t *testing.T) {
	p := New(enishi.ID{1})
	for i := range 10 {
		day := time.Duration(i) * 30 * 24 * time.Hour
		p.Apply(event(i, "page.viewed", at(day), single), at(day))
	}
	equal(t, "kept", 7, len(p.View().Visits)) // 90 to 270 days: 180 back is within
	p.Apply(event(50, "page.viewed", at(0), single), at(270*24*time.Hour))
	equal(t, "an old one is not taken", 7, len(p.View().Visits))
	equal(t, "but counted", 11, p.View().PageViews)
	old := New(enishi.ID{1})
	old.Apply(event(1, "page.viewed", at(0), single), at(999*24*time.Hour))
	instantIs(t, "the last visit stays known", 0, old.View().LastVisitAt)
}

func TestNextDue(t *testing.T) {
	p := New(enishi.ID{1})
	equal(t, "nothing", true, p.NextDue().IsZero())
	p.NextChange = at(5 * time.Hour)
	p.Runs = []Run{{Wait: &Wait{Until: at(time.Hour)}, EndedAt: at(0)}, {Wait: &Wait{}}, {Wait: &Wait{Until: at(3 * time.Hour)}}, {}}
	instantIs(t, "a live run's wait", 3, p.NextDue())
	p.NextChange = at(2 * time.Hour)
	instantIs(t, "a membership", 2, p.NextDue())
}

func TestChunksFitTheirSize(t *testing.T) {
	p := New(enishi.ID{1})
	equal(t, "an empty profile has none", 0, len(p.Chunks(1000)))
	for i := range 300 {
		p.Apply(pageView(i, at(time.Duration(i)*time.Minute), both), clock)
	}
	p.Runs = []Run{{ID: enishi.ID{4}, Variables: strings.Repeat("x", 900)}}
	chunks := p.Chunks(2000)
	for i, c := range chunks {
		if n := len(c.Encode(nil)); n > 2000 {
			t.Errorf("chunk %d has %d bytes", i, n)
		}
	}
	equal(t, "whole", 1, len(p.Chunks(1<<20)))
	to := New(enishi.ID{2})
	for _, c := range slices.Backward(chunks) {
		to.Absorb(decoded(t, c), clock)
	}
	diff(t, "absorbed", facts(t, p), facts(t, to))
}

func TestAbsorbedRunsAreKeptOnce(t *testing.T) {
	p, q := New(enishi.ID{1}), New(enishi.ID{2})
	p.Runs = []Run{{ID: enishi.ID{5}, Steps: 3, Node: "later"}}
	q.Runs = []Run{{ID: enishi.ID{5}, Steps: 2, Node: "earlier"}, {ID: enishi.ID{4}, Node: "own"}}
	p.Absorb(q, clock)
	equal(t, "runs", 2, len(p.Runs))
	equal(t, "sorted", "own", p.Runs[0].Node)
	equal(t, "the further one", "later", p.Runs[1].Node)
}

func TestSizeFollowsTheState(t *testing.T) {
	p := New(enishi.ID{1})
	small := p.Size()
	for i := range 200 {
		p.Apply(pageView(i, at(time.Duration(i)*time.Minute), both), clock)
	}
	p.View()
	if n := p.Size(); n < small+200*200 || n > small+200*1500 {
		t.Errorf("size of 200 visits: %d bytes", n)
	}
}

// FuzzDecode: no bytes make Decode or what follows it panic, and what decodes encodes to something that decodes equal.
func FuzzDecode(f *testing.F) {
	p := fold(f, New(enishi.ID{1}), []*enishi.Event{event(1, "page.viewed", at(0), alice)})
	o := event(2, "order.placed", at(0), alice)
	order(full)(o)
	fold(f, p, []*enishi.Event{o})
	f.Add(p.Encode(nil))
	f.Add([]byte{})
	f.Add([]byte{Format, 0x22, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Decode(enishi.ID{}, string(b))
		if err != nil {
			return
		}
		encoded := string(p.Encode(nil))
		again, err := Decode(enishi.ID{}, encoded)
		if err != nil {
			t.Fatalf("own encoding: %v", err)
		}
		if string(again.Encode(nil)) != encoded {
			t.Fatal("encoding is not stable")
		}
		p.View()
		p.NextDue()
		p.MarkDirty(ChangedAll)
		e := event(5, "order.paid", at(time.Hour), alice)
		order(nil)(e)
		p.Apply(e, clock)
		facts := NewFacts()
		facts.Add(p, 1)
		again.Absorb(p, clock)
		again.View()
	})
}
