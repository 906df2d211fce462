package journeys

import (
	"fmt"
	"slices"
	"time"
)

// OutlookDay is what the settings make of a day, in the shop's zone.
type OutlookDay struct {
	Date     string // 2026-12-31
	Weekday  string // mon, tue, ...
	Holiday  string // its name, of a national holiday; of one that the settings add, its date; empty: none
	Closed   bool   // the shop's closed day
	Business bool   // neither weekend nor holiday nor closed
	Payday   bool
	Open     map[string][]Hours // by channel: when advertising leaves, up to 24:00; empty: not on this day
}

// Outlook is what the settings make of the days from t's on. Journeys with hours or days of their own, and people in other
// zones, have others.
func (s *Settings) Outlook(t time.Time, days int) []OutlookDay {
	out := make([]OutlookDay, 0, days)
	for d := dayOf(t.In(s.zone)); len(out) < days; d = d.add(1) {
		x := OutlookDay{Date: fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.date), Weekday: d.weekday(), Holiday: s.almanac.holidays[d], Closed: s.almanac.shut(d),
			Business: s.almanac.business(d), Payday: s.almanac.pays(d), Open: map[string][]Hours{}}
		for _, channel := range accountChannels() {
			w := s.window(&Definition{Purpose: marketing}, channel, s.zone)
			x.Open[channel] = w.hours(d)
		}
		out = append(out, x)
	}
	return out
}

// ShopHours are those of a business day, and until when an order leaves on it.
func (s *Settings) ShopHours() (hours Hours, cutoff string) {
	return Hours{clockText(s.almanac.from), clockText(s.almanac.to)}, clockText(s.almanac.cutoff)
}

// hours are when messages leave on a day.
func (w *window) hours(d day) []Hours {
	const end = 24 * 60
	var spans [][2]int
	switch {
	case !w.sends(d):
	case w.from == w.to:
		spans = [][2]int{{0, end}}
	case w.from < w.to:
		spans = [][2]int{{0, w.from}, {w.to, end}}
	default:
		spans = [][2]int{{w.to, w.from}}
	}
	spans = slices.DeleteFunc(spans, func(s [2]int) bool { return s[0] == s[1] })
	out := make([]Hours, 0, len(spans))
	for _, s := range spans {
		out = append(out, Hours{clockText(s[0]), clockText(s[1])})
	}
	return out
}

func clockText(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }
