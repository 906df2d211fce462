package api

import (
	"testing"
	"time"
)

// TestOutlook: what a setting means is told before it is saved, and what is wrong with it at its place.
func TestOutlook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.api.cfg.Now = func() time.Time { return time.Date(2026, 12, 23, 20, 0, 0, 0, time.UTC) } // the 24th in Tokyo
	ask := func(body map[string]any) reply {
		t.Helper()
		return w.call("POST", "/settings/journeys/outlook", map[string]any{"body": body})
	}
	p := into[outlookPage](ask(map[string]any{"holdout": 10, "send_days": map[string]any{"not_on_closed_days": true}, "calendar": map[string]any{"closed": []string{"2026-12-29/2027-01-03"}, "cutoff": "12:00"}}).want(200))
	if len(p.Days) != 14 || p.Days[0].Date != "2026-12-24" || p.Timezone != "Asia/Tokyo" || p.Cutoff != "12:00" || p.Hours != (openHours{"10:00", "18:00"}) || p.Accelerated || !p.May {
		t.Fatalf("got %+v", p)
	}
	first, closed, new := p.Days[0], p.Days[5], p.Days[8]
	if len(first.Channels) != 6 || first.Channels[0].Open[0] != (openHours{"00:00", "24:00"}) || first.Channels[1].Open[0] != (openHours{"09:00", "21:00"}) || !first.Business {
		t.Errorf("got %+v", first)
	}
	if !closed.Closed || closed.Business || len(closed.Channels[0].Open) != 0 || len(closed.Channels[1].Open) != 0 {
		t.Errorf("got %+v", closed)
	}
	if new.Holiday != "元日" || !p.Days[1].Payday || p.Days[0].Payday {
		t.Errorf("got %+v", new)
	}
	p = into[outlookPage](ask(map[string]any{"holdout": 80, "caps": map[string]any{"marketing": map[string]any{"default": "two"}}, "calendar": map[string]any{"closed": []string{"2026-12-29", "31.12."}}}).want(200))
	places := map[string]bool{}
	for _, e := range p.Problems {
		places[e.Location] = e.Message != "" && e.MessageJA != ""
	}
	if len(p.Days) != 14 || p.Days[5].Closed || p.Held != 0 {
		t.Errorf("not what is saved: %+v", p)
	}
	if !places["holdout"] || !places["caps.marketing"] || !places["calendar.closed[1]"] || len(places) != 3 {
		t.Errorf("got %v", places)
	}
	if p := into[outlookPage](ask(map[string]any{"accelerate": 60}).want(200)); !p.Accelerated || p.Days[0].Channels[1].Open[0] != (openHours{"00:00", "24:00"}) {
		t.Errorf("got %+v", p.Days[0])
	}
}
