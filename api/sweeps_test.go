package api

import (
	"fmt"
	"testing"
	"time"

	"enishi/internal/pipeline"
)

// TestSweeps: a paused sweep says so and why its segment is stale, goes on when it is resumed, and ends when it is cancelled;
// then its segment is stale until it is swept again.
func TestSweeps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(scenario(time.Now().UTC())[:6])
	// The next definition but one begins a sweep; it is paused before it begins.
	pause := func(n int64) string {
		id := fmt.Sprint(pipeline.SweepPrefix, n)
		_, version := w.api.sweeping()
		w.write("PUT", "/settings/sweeps", map[string]any{"body": pipeline.Sweeping{Paused: []string{id}}, "expect": version})
		return id
	}
	stale := func() string {
		s := into[segmentRow](w.call("GET", "/segments/buyers", nil))
		if s.Stale == nil {
			return ""
		}
		checkJA(t, "stale", s.Stale.Text.JA)
		if !s.CompleteThrough.IsZero() {
			t.Errorf("a stale segment (%s) is complete through %v", s.Stale.Code, s.CompleteThrough)
		}
		return s.Stale.Code
	}
	sweeps := func() []sweepRow { return into[list[sweepRow]](w.call("GET", "/sweeps", nil)).Items }
	is := func(state string) {
		t.Helper()
		eventually(t, func() bool { rows := sweeps(); return len(rows) == 1 && rows[0].State == state && stale() == state })
	}
	done := func(members int64) {
		t.Helper()
		eventually(t, func() bool {
			return len(sweeps()) == 0 && stale() == "" && into[segmentRow](w.call("GET", "/segments/buyers", nil)).Members == members
		})
	}
	next := w.cfg.Definitions.Next()
	id := pause(next + 2)
	w.write("PUT", "/segments/buyers", segmentBody("orders_count >= 1", 0))
	is("paused")
	row := sweeps()[0]
	if row.ID != id || len(row.Segments) != 1 || row.Segments[0].Name != "buyers" || row.Done != 0 || row.Of != 256*testPartitions || row.Since.IsZero() {
		t.Errorf("the sweep reads %+v", row)
	}
	w.write("POST", "/sweeps/"+id+"/resume", nil)
	done(1)
	w.call("POST", "/sweeps/"+id+"/pause", nil).want(404) // it is over

	id = pause(w.cfg.Definitions.Next() + 2)
	version := into[segmentRow](w.call("GET", "/segments/buyers", nil)).Version
	w.write("PUT", "/segments/buyers", segmentBody("orders_count >= 5", version))
	is("paused")
	w.write("POST", "/sweeps/"+id+"/cancel", map[string]any{"reason": "wrong"})
	is("cancelled")
	w.call("POST", "/sweeps/"+id+"/resume", nil).want(409)
	w.write("POST", "/segments/buyers/sweep", nil)
	done(0)
	if s, _ := w.api.sweeping(); s.Again["buyers"] != 1 {
		t.Errorf("the setting is %+v", s)
	}
	// What is over is forgotten with the next change.
	w.write("POST", "/segments/buyers/sweep", nil)
	done(0)
	if s, _ := w.api.sweeping(); len(s.Paused)+len(s.Cancelled) != 0 || s.Again["buyers"] != 2 {
		t.Errorf("the setting is %+v", s)
	}
	w.call("POST", "/segments/nobody/sweep", nil).want(404)
	w.call("PUT", "/settings/sweeps", map[string]any{"body": map[string]any{"paused": "x"}, "expect": -1}).want(422)
}

// TestSweepRows: partitions are joined, an older sweep goes first, and the slowest partition says when it is over.
func TestSweepRows(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	p := &progress{Markers: []marker{
		{sweeps: []pipeline.Sweep{{ID: "definitions-3", Segments: []string{"a", "b"}, Next: 64, People: 1000, Busy: 10 * time.Second, Since: at.Add(time.Second)}, {ID: "definitions-4", Segments: []string{"c"}, Since: at.Add(time.Minute)}}},
		{sweeps: []pipeline.Sweep{{ID: "definitions-3", Segments: []string{"a", "b"}, Next: 128, People: 2000, Busy: 10 * time.Second, Since: at}, {ID: "definitions-4", Segments: []string{"c"}, Since: at.Add(time.Minute)}}},
		{sweeps: nil},
	}}
	f := func(held pipeline.Sweeping, want ...string) {
		t.Helper()
		var have []string
		for _, r := range p.sweepRows(&held) {
			have = append(have, fmt.Sprintf("%s %s %d/%d %d people %.0f/s %ds left since %s", r.ID, r.State, r.Done, r.Of, r.People, r.Rate, r.Left, r.Since.Format("15:04:05")))
		}
		if fmt.Sprint(have) != fmt.Sprint(want) {
			t.Errorf("have %q\nwant %q", have, want)
		}
	}
	f(pipeline.Sweeping{}, "definitions-3 running 448/768 3000 people 300/s 30s left since 00:00:00", "definitions-4 waiting 256/768 0 people 0/s 0s left since 00:01:00")
	f(pipeline.Sweeping{Paused: []string{"definitions-3"}}, "definitions-3 paused 448/768 3000 people 300/s 0s left since 00:00:00", "definitions-4 running 256/768 0 people 0/s 0s left since 00:01:00")
	f(pipeline.Sweeping{Cancelled: []string{"definitions-3"}, Paused: []string{"definitions-4"}}, "definitions-3 cancelled 448/768 3000 people 300/s 0s left since 00:00:00",
		"definitions-4 paused 256/768 0 people 0/s 0s left since 00:01:00")
}
