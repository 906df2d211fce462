package journeys

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
)

// limit is a compiled [Cap]; count 0: none.
type limit struct {
	count  int
	period time.Duration
	text   string
}

func (c *Cap) limit() limit {
	if c == nil || c.Default == "" || c.Default == "none" {
		return limit{}
	}
	count, period, _ := strings.Cut(c.Default, "/")
	n, _ := strconv.Atoi(count)
	d, _ := parseDuration(period)
	return limit{n, d, c.Default}
}

// window is when messages of a journey leave by a channel, in a person's zone.
type window struct {
	from, to int // quiet minutes of the day; equal: none
	days     *SendDays
	almanac  *almanac
	zone     *time.Location
}

func (w *walk) window(channel string) window {
	return w.set.window(w.j.Definition, channel, w.zone())
}

// Opens is the first instant from t on at which a journey's messages leave by a channel, in the shop's zone; zero: not within
// forty days.
func (s *Settings) Opens(d *Definition, channel string, t time.Time) time.Time {
	w := s.window(d, channel, s.zone)
	return w.opens(t)
}

// window: what the journey says itself stands instead of the settings, which are about marketing only. Shortened time has
// no hours.
func (s *Settings) window(d *Definition, channel string, zone *time.Location) window {
	channel = enishi.ParentChannel(channel)
	out := window{almanac: s.almanac, zone: zone}
	if s.Accelerate > 1 {
		return out
	}
	quiet, days := d.Quiet, d.Days
	if d.Purpose == marketing {
		if quiet == nil {
			quiet = s.QuietHours
		}
		if days == nil {
			days = s.SendDays
		}
	}
	if quiet != nil && !quiet.Off && (len(quiet.Channels) == 0 || slices.Contains(quiet.Channels, channel)) {
		out.from, out.to = minutes(quiet.From), minutes(quiet.To)
	}
	out.days = days
	return out
}

// zone is the person's time zone, or the shop's.
func (s *stepper) zone() *time.Location {
	name := s.p.View().Traits["timezone"]
	if name.Kind != enishi.Text || name.Text == "" || name.Text == s.set.zone.String() {
		return s.set.zone
	}
	zone, known := s.zones[name.Text]
	if known && zone != nil {
		return zone
	}
	if known {
		return s.set.zone
	}
	zone, err := time.LoadLocation(name.Text)
	if err != nil || name.Text == "Local" {
		zone = nil // the shop's, whichever that is by then
	}
	if s.zones == nil || len(s.zones) > 1000 { // what people write there is not bounded
		s.zones = map[string]*time.Location{}
	}
	s.zones[strings.Clone(name.Text)] = zone
	if zone == nil {
		return s.set.zone
	}
	return zone
}

// sends reports whether messages leave on a day.
func (w *window) sends(d day) bool {
	x := w.days
	return x == nil || (len(x.Weekdays) == 0 || slices.Contains(x.Weekdays, d.weekday())) &&
		!(x.NoHolidays && w.almanac.holiday(d)) && !(x.NoClosed && w.almanac.shut(d))
}

// always: there is no time at which nothing leaves.
func (w *window) always() bool { return w.from == w.to && w.days == nil }

// longest is how far ahead an opening is looked for, in days.
const longest = 40

// opens is the first instant from t on at which messages leave; zero: not for a long time.
func (w *window) opens(t time.Time) time.Time {
	if w.always() {
		return t
	}
	for d := dayOf(t.In(w.zone)); d.before(dayOf(t.In(w.zone)).add(longest)); d = d.add(1) {
		if !w.sends(d) {
			continue
		}
		begin := d.at(0, w.zone)
		if begin.Before(t) {
			begin = t
		}
		if open := w.after(d, begin); dayOf(open.In(w.zone)) == d {
			return open
		}
	}
	return time.Time{}
}

// after is the first instant from t on, a time of day d, outside the quiet hours.
func (w *window) after(d day, t time.Time) time.Time {
	from, to := d.at(w.from, w.zone), d.at(w.to, w.zone)
	switch {
	case w.from == w.to:
	case w.from < w.to:
		if !t.Before(from) && t.Before(to) {
			return to
		}
	case t.Before(to):
		return to
	case !t.Before(from):
		return d.add(1).at(w.to, w.zone)
	}
	return t
}

// closes is the first instant after t, at which messages leave, when they do not any more; zero: not for a long time.
func (w *window) closes(t time.Time) time.Time {
	if w.always() {
		return time.Time{}
	}
	for d := dayOf(t.In(w.zone)); d.before(dayOf(t.In(w.zone)).add(longest)); d = d.add(1) {
		if begin := d.at(0, w.zone); !w.sends(d) && begin.After(t) {
			return begin
		}
		if w.from == w.to {
			continue
		}
		if from := d.at(w.from, w.zone); from.After(t) {
			return from
		}
	}
	return time.Time{}
}
