package api

import (
	"strings"
	"testing"
	"time"

	"enishi"
)

// TestSilentJourney: nobody enters a journey that 10 people entered on that day of each of the last four weeks: somebody is told once,
// also a day later, and not any more when people enter again. Not of a journey that fewer enter, not of one whose weeks had gaps, and not within a day of its publication.
func TestSilentJourney(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	definition := map[string]any{"title": map[string]string{"ja": "ごあいさつ", "en": "Welcome"}, "purpose": "transactional", "consent": "not_refused",
		"entry": map[string]any{"event": "custom.go", "reentry": "always"}, "start": "end", "nodes": map[string]any{"end": map[string]any{"type": "exit"}}}
	for _, name := range []string{"busy", "seldom", "gaps"} {
		definition["state"] = "live"
		w.write("PUT", "/definitions/journey/"+name, map[string]any{"body": definition, "expect": 0})
	}
	now := time.Now().UTC().Add(26 * time.Hour).Truncate(time.Second) // the journeys are a day old
	w.api.cfg.Now = func() time.Time { return now }
	n := 0
	enter := func(journey string, people int, at time.Time) {
		t.Helper()
		for range people {
			n++
			id := enishi.NewID("entered", journey, at.String(), time.Duration(n).String())
			if err := w.cfg.DB.Insert(t.Context(), "events", []string{"subject", "at", "event_id", "type", "appended_at", "version", "journey"}, 1,
				[]enishi.ID{id}, []time.Time{at}, []enishi.ID{id}, []string{"journey.entered"}, []time.Time{at}, []uint64{1}, []string{journey}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for week := 1; week <= 4; week++ {
		at := now.AddDate(0, 0, -7*week).Add(-3 * time.Hour)
		enter("busy", 10, at)
		enter("seldom", 9, at)
		if week != 3 {
			enter("gaps", 15, at)
		}
	}
	alerts := func(when string, want int) (text string) {
		t.Helper()
		if err := w.api.checkSilent(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.api.homeMemo.forget()
		got := 0
		for _, x := range into[homePage](w.call("GET", "/home", nil)).Alerts {
			if x.Kind == silentKind {
				got++
				text = x.TextJA + x.Href
			}
		}
		if got != want {
			t.Errorf("%s: %d alerts, want %d", when, got, want)
		}
		return text
	}
	now = now.Add(-3 * time.Hour)
	alerts("published within the day", 0)
	now = now.Add(3 * time.Hour)
	if text := alerts("silent", 1); !strings.Contains(text, "「ごあいさつ」") || !strings.Contains(text, "約 10 人") || !strings.HasSuffix(text, "/journeys/busy") {
		t.Errorf("got %s", text)
	}
	alerts("looked at again", 1)
	now = now.Add(25 * time.Hour)
	alerts("a day later", 1)
	enter("busy", 1, now.Add(-time.Minute))
	alerts("somebody enters", 0)
	alerts("and stays so", 0)
}
