package api

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"enishi"
)

// TestCampaignOccurrences: of a campaign that recurs the page and the calendar tell of each past time on its own, on a virtual clock:
// who entered, who got it, clicked and ordered; what was left out after a jump is said to be missed.
func TestCampaignOccurrences(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	at := func(day, hour, minute int) time.Time {
		return time.Date(2026, 3, day, hour-9, minute, 0, 0, time.UTC) // of Tokyo
	}
	people := 30                  // a third of them may get mail
	clock := func(to time.Time) { // what moves a virtual clock is what happens: everybody signs in
		t.Helper()
		w.call(get, "/clock?after="+w.write(post, "/clock", map[string]any{"at": to}).Position, nil).want(200)
		w.play(shoppers(people, to.Add(time.Hour)))
	}
	clock(at(10, 8, 0))
	w.segment("tokyo", `traits.prefecture == "東京都"`)
	w.write(put, "/templates/news", map[string]any{"definition": marketingMail("<p>" + strings.Repeat("うるおいを補う順番を少し変えるだけで、使い心地が変わります。", 4) + "</p>"), "expect": -1})
	w.write(put, "/broadcasts/morning", map[string]any{"broadcast": map[string]any{"title": map[string]any{"ja": "朝の便り", "en": "Morning"}, "segment": "tokyo", "channels": []string{"email"},
		"templates": map[string]any{"email": "news"}, "send_by": "6h", "schedule": map[string]any{"every": "day", "time": "10:00"}}, "expect": 0})
	page := func() broadcastPage { return into[broadcastPage](w.call(get, "/broadcasts/morning", nil)) }
	w.write(post, "/broadcasts/morning/send", map[string]any{"expect": page().Version})
	past := func() string {
		var out []string
		for _, o := range page().Past {
			row := fmt.Sprintf("%s %d %d %d %d", o.At.In(w.api.journeySettings().Zone()).Format("02 15:04"), o.Entered, o.Sent, o.Clicked, o.Ordered)
			if o.Missed != nil {
				row = o.At.In(w.api.journeySettings().Zone()).Format("02 15:04") + " missed"
			}
			out = append(out, row)
		}
		return strings.Join(out, ", ")
	}
	goes := func(want string) {
		t.Helper()
		got := ""
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if poll(ctx, func() (bool, error) { got = past(); return got == want, nil }) != nil {
			t.Fatalf("past: %q, want %q", got, want)
		}
	}
	if p := page(); past() != "" || len(p.Upcoming) != 5 || !p.Upcoming[0].Equal(at(10, 10, 0)) {
		t.Fatalf("before its first time: %q, %v", past(), p.Upcoming)
	}

	clock(at(10, 10, 1))
	goes("10 10:00 30 0 0 0")
	w.outcome("morning", func(_ string, i int) bool { return i < 4 })
	goes("10 10:00 30 10 4 0")

	w.play([]enishi.Event{order("B000", "EN1", at(10, 10, 30)), order("B001", "EN2", at(10, 10, 30))}) // B001 got none
	people = 36
	w.play(shoppers(people, at(10, 12, 0)))
	clock(at(11, 10, 1))
	goes("11 10:00 36 0 0 0, 10 10:00 30 10 4 1")
	w.outcome("morning", func(string, int) bool { return false })
	goes("11 10:00 36 12 0 0, 10 10:00 30 10 4 1")

	clock(at(13, 11, 0)) // that of the 12th is due, and so is the one after it
	goes("13 10:00 36 0 0 0, 12 10:00 missed, 11 10:00 36 12 0 0, 10 10:00 30 10 4 1")
	if p := page(); p.Status != "recurring" || !p.Next.Equal(at(14, 10, 0)) || p.Result.Entered != 102 || p.Result.Sent != 22 {
		t.Errorf("it is %s, next %v: %+v", p.Status, p.Next, p.Result)
	}

	var days []string
	for _, x := range into[calendarPage](w.call(get, "/broadcasts/calendar?from=2026-03-09&to=2026-03-15", nil)).Campaigns {
		days = append(days, fmt.Sprintf("%s %d %d %v %v", x.Day[8:], x.People, x.Sent, x.Planned, x.Missed))
	}
	if got, want := strings.Join(days, ", "), "10 30 10 false false, 11 36 12 false false, 12 0 0 false true, 13 36 0 false false, 14 36 0 true false, 15 36 0 true false"; got != want {
		t.Errorf("the calendar: %s, want %s", got, want)
	}
}
