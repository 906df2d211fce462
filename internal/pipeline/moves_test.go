package pipeline

import (
	"log/slog"
	"testing"
	"time"

	"enishi"
)

// mover is one partition of which records are folded by hand.
type mover struct {
	t    *testing.T
	f    *Folder
	part *partition
	now  time.Time
	next int64
}

func newMover(t *testing.T) *mover {
	m := &mover{t: t, f: &Folder{cfg: Config{Partitions: 1}, compiler: newCompiler()}, now: time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)}
	m.part = &partition{cache: map[enishi.ID]*entry{}, rows: rows{quiet: true}}
	m.part.use(m.f.compiler.definitions(nil, slog.New(slog.DiscardHandler)))
	return m
}

// fold folds a record and says to whom it sent something on.
func (m *mover) fold(e enishi.Event) (to []enishi.ID) {
	m.t.Helper()
	e.Offset, e.Time, e.At = m.next, m.now, m.now
	m.next++
	if e.Subject.IsZero() {
		e.Subject = e.Profile
	}
	if err := m.f.step(m.part, &e, nil); err != nil {
		m.t.Fatal(err)
	}
	out := &m.part.share.Effects
	for i := range out.Records {
		to = append(to, out.Records[i].Profile)
	}
	*out = enishi.Effects{}
	return to
}

func (m *mover) event(name string, to enishi.ID, routed int64, forwarded bool) []enishi.ID {
	m.t.Helper()
	return m.fold(enishi.Event{ID: enishi.NewID("event", name), Type: "custom.x", Profile: to, Routed: routed, Forwarded: forwarded})
}

func (m *mover) merge(loser, winner enishi.ID, offset int64) []enishi.ID {
	m.t.Helper()
	return m.fold(enishi.Event{ID: enishi.NewID("move", loser.String(), winner.String()), Type: enishi.TypeMerge, Profile: loser, Control: &enishi.Control{Offset: offset, Loser: loser, Winner: winner}})
}

// TestLateMerge: who addressed an event knew the links up to its Routed. A merge of before that, which is folded after the event,
// was taken back by then: nothing moves. A merge that the event did not know moves it, and so does one that only the event's
// first addressee is known to have known.
func TestLateMerge(t *testing.T) {
	t.Parallel()
	x, y := enishi.NewID("x"), enishi.NewID("y")
	f := func(what string, routed, link int64, forwarded, moves bool) {
		t.Helper()
		m := newMover(t)
		if to := m.event("a", x, routed, forwarded); len(to) > 0 {
			t.Errorf("%s: the event went to %v", what, to)
		}
		to := m.merge(x, y, link)
		p := m.part.cache[x].p
		if moves != (len(to) == 1 && to[0] == y && p.Redirect == y && len(p.Subjects) == 0) || !moves && (len(to) > 0 || !p.Redirect.IsZero() || len(p.Subjects) != 1) {
			t.Errorf("%s: sent to %v, redirect %v, %d subjects", what, to, p.Redirect, len(p.Subjects))
		}
	}
	f("a merge that the event did not know", 5, 5, false, true)
	f("a merge that it knew to be over", 6, 5, false, false)
	f("an older one", 9, 5, false, false)
	f("sent on by a redirect", 9, 5, true, true)
}

// TestGivenBack: an event that knew of a merge and comes to the loser all the same gives the profile back; till the record of the
// un-merge comes, what does not know it goes the former way, and what does stays.
func TestGivenBack(t *testing.T) {
	t.Parallel()
	x, y := enishi.NewID("x"), enishi.NewID("y")
	m := newMover(t)
	m.event("a", x, 0, false)
	m.merge(x, y, 5)
	f := func(what string, routed int64, want int) {
		t.Helper()
		if to := m.event(what, x, routed, false); len(to) != want || want > 0 && to[0] != y {
			t.Errorf("%s: sent to %v", what, to)
		}
	}
	f("before it is given back", 3, 1)
	f("the first that knows", 7, 0)
	f("one that does not", 4, 1)
	f("another that knows", 8, 0)
	if p := m.part.cache[x].p; !p.Redirect.IsZero() || p.Former != y || len(p.Subjects) != 1 {
		t.Errorf("redirect %v, former %v, %d subjects", p.Redirect, p.Former, len(p.Subjects))
	}
}
