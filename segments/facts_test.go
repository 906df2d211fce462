package segments

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/profiles"
)

// People folded from events, with the fact rows that package profiles writes at checkpoints: SQL gives who Match gives, and
// the memberships that Update kept are the same.
func TestSQLEqualsFoldedPeople(t *testing.T) {
	t.Parallel()
	db := openDB(t, "folded")
	var list []*Segment
	for seed := range 120 {
		s := compiled(t, rapid.Custom(drawExpression).Example(9000+seed))
		s.Name = fmt.Sprintf("s%03d", seed)
		list = append(list, s)
	}
	for i, g := range must(Gallery())(t) {
		list = append(list, segment(t, fmt.Sprintf("t%03d", i), 1, g.Body.Expression))
	}
	set, facts := NewSet(list), profiles.NewFacts()
	people := map[string]*profiles.Profile{}
	for n := range 120 {
		who := fmt.Sprint("p", n)
		p := rapid.Custom(func(t *rapid.T) *profiles.Profile { return folded(t, who, set, facts) }).Example(n)
		people[text16(p.ID)] = p
		if n%40 == 39 {
			write(t, db, facts)
		}
	}
	write(t, db, facts)
	query, args := matrix(list, made)
	got := readMatrix(t, db, query, args)
	if len(got) != len(people) {
		t.Fatalf("%d people of %d", len(got), len(people))
	}
	varied := 0
	for k, s := range list {
		in := 0
		for id, answers := range got {
			p := people[id]
			want := s.Match(p.View(), made)
			in += int(answers[k])
			if (answers[k] == 1) != want {
				query, args := s.SQL(made)
				t.Fatalf("%s\n  Match %v, SQL %v for %s\n%s\n%v", s.Body.Expression, want, !want, p.ID, query, args)
			}
			if slices.ContainsFunc(p.Memberships, func(m profiles.Membership) bool { return m.Segment == s.Name }) != want {
				t.Fatalf("%s\n  Match %v, membership %v for %s", s.Body.Expression, want, !want, p.ID)
			}
		}
		if in > 0 && in < len(people) {
			varied++
		}
	}
	t.Logf("%d segments, %d with people in and out", len(list), varied)
	if varied < len(list)/4 {
		t.Error("too few segments tell people apart")
	}
}

func must[T any](x T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

// folded is a person made of events up to the instant made, with checkpoints in between.
func folded(t *rapid.T, who string, set *Set, facts *profiles.Facts) *profiles.Profile {
	p := profiles.New(enishi.NewID("identifier", "customer", who))
	n := rapid.IntRange(1, 40).Draw(t, "events")
	version := uint64(0)
	at := func(k int) time.Time { return made.Add(-time.Duration((n-k)*3) * 24 * time.Hour) }
	checkpoint := func() {
		version++
		facts.Add(p, version)
	}
	for k := range n {
		now := at(k)
		for range 100 {
			if p.NextChange.IsZero() || p.NextChange.After(now) {
				break
			}
			set.Update(p, p.NextChange, 0, Options{})
		}
		changed, _ := p.Apply(drawEvent(t, k, who, now), now)
		set.Update(p, now, changed, Options{})
		if rapid.IntRange(0, 4).Draw(t, "checkpoint") == 0 {
			checkpoint()
		}
	}
	set.Update(p, made, profiles.ChangedAll, Options{})
	checkpoint()
	return p
}

// write stores the rows, as a checkpoint does.
func write(t *testing.T, db *clickhouse.DB, facts *profiles.Facts) {
	t.Helper()
	for _, tb := range facts.Tables() {
		if err := db.Insert(t.Context(), tb.Name, tb.Columns, tb.Rows, tb.Cols...); err != nil {
			t.Fatal(err)
		}
	}
	facts.Reset()
}
