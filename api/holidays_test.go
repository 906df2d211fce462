package api

import (
	"strings"
	"testing"
	"time"
)

// TestHolidaysEnd: somebody is told, once, before the table of holidays ends; not while there is time.
func TestHolidaysEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	alerts := func() (out []string) {
		for _, x := range into[homePage](w.call("GET", "/home", nil)).Alerts {
			if x.Kind == "holidays" {
				out = append(out, x.TextJA)
			}
		}
		return out
	}
	check := func() {
		t.Helper()
		if err := w.api.checkHolidays(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	next := time.Now().AddDate(1, 0, 0).Format(time.DateOnly)
	w.write("PUT", "/settings/journeys", map[string]any{"body": map[string]any{"calendar": map[string]any{"holidays": []string{next}}}, "expect": 0})
	check()
	if got := alerts(); len(got) != 0 && w.api.journeySettings().HolidaysEnd().After(time.Now().AddDate(0, 3, 0)) {
		t.Fatalf("too early: %v", got)
	}
	end := w.api.journeySettings().HolidaysEnd()
	w.api.cfg.Now = func() time.Time { return end.AddDate(0, 0, -59) }
	check()
	check()
	if got := alerts(); len(got) != 1 || !strings.Contains(got[0], "祝日の表は") {
		t.Errorf("got %v", got)
	}
}
