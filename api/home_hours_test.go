package api

import (
	"testing"
	"time"

	"enishi"
)

// TestHomeHours: of the last 24 hours those that are counted come from the counts, and the events after them from the events; what is
// older counts nowhere.
func TestHomeHours(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC()
	seen := func() enishi.Event {
		return enishi.Event{Type: "page.viewed", At: now.Add(-time.Minute), Channel: "web", Source: "shop", Person: &enishi.Person{AnonymousID: "a"}}
	}
	w.play([]enishi.Event{seen(), seen()})
	hour := func(back time.Duration, n uint64) {
		t.Helper()
		at := now.Add(-back).Truncate(time.Hour)
		if err := w.cfg.DB.Insert(t.Context(), "source_hours", []string{"hour", "source", "type", "version", "events", "first_at", "last_at"}, 1,
			[]time.Time{at}, []string{"shop"}, []string{"page.viewed"}, []uint64{1}, []uint64{n}, []time.Time{at}, []time.Time{at.Add(time.Minute)}); err != nil {
			t.Fatal(err)
		}
	}
	hour(30*time.Hour, 1000)
	hour(3*time.Hour, 5)
	h := into[homePage](w.call("GET", "/home", nil))
	if x := h.Arriving.ByType24h; len(x) != 1 || x[0].Count != 7 || h.Arriving.LastEventAt.Before(now.Add(-time.Minute)) {
		t.Errorf("%+v", h.Arriving)
	}
}
