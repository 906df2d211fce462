package journeys

import (
	"slices"
	"strings"
	"time"
)

// Schedule is when a campaign begins anew, by the shop's clock and calendar. Each occurrence enters everybody who is in the
// segment at that moment, once.
//
// It is no iCalendar rule: those know neither business days nor paydays nor the shop's closed days.
type Schedule struct {
	Every    string `json:"every"`              // day, week, month
	Interval int    `json:"interval,omitempty"` // every second, third, ... of them, counted from From; default 1
	Time     string `json:"time"`               // HH:MM
	// Of a week: the days, one at least. Of a month: with Nth, that one day.
	Weekdays []string `json:"weekdays,omitempty"`
	// Of a month: exactly one of these.
	Day      int  `json:"day,omitempty"`          // 1 to 31, in a shorter month its last; -1 is the last
	Nth      int  `json:"nth,omitempty"`          // the second Friday: 1 to 4, -1 is the last
	Business int  `json:"business_day,omitempty"` // the third business day: 1 to 15, -1 is the last
	Payday   bool `json:"payday,omitempty"`       // that of the calendar

	From  string `json:"from,omitempty"`  // the first day, as 2026-12-01
	Until string `json:"until,omitempty"` // the last one
	// Holidays is what becomes of an occurrence on a national holiday or a closed day, in a month also on a weekend: keep (the
	// default), skip, before (on the last day before it that is none), after. Weekends are the calendar's.
	Holidays string `json:"holidays,omitempty"`
}

// How often a campaign begins.
const (
	everyDay   = "day"
	everyWeek  = "week"
	everyMonth = "month"
)

// What becomes of an occurrence on a day that is none.
const (
	holidaysKeep   = "keep"
	holidaysSkip   = "skip"
	holidaysBefore = "before"
	holidaysAfter  = "after"
)

const (
	maxInterval = 12
	maxShift    = 31      // days that an occurrence is moved by
	horizon     = 2 * 366 // days in which the next occurrence is sought
)

// schedule checks when a campaign begins anew.
func (c *compiler) schedule(s *Schedule) {
	const at = "entry.schedule"
	c.oneOf(at+".every", s.Every, false, everyDay, everyWeek, everyMonth)
	c.oneOf(at+".holidays", s.Holidays, true, holidaysKeep, holidaysSkip, holidaysBefore, holidaysAfter)
	if minutes(s.Time) < 0 {
		c.problem(at+".time", "write a time of day such as 10:00", "時刻は 10:00 のように書いてください")
	}
	if s.Interval < 0 || s.Interval > maxInterval {
		c.problem(at+".interval", "an interval is 1 to 12", "間隔は 1〜12 にしてください")
	}
	if s.Interval > 1 && s.From == "" {
		c.problem(at+".from", "with an interval the first day (from) must be given: it is counted from there", "間隔を空けるときは、数え始める日（from）を指定してください")
	}
	from, until := c.scheduleDay(at+".from", s.From), c.scheduleDay(at+".until", s.Until)
	if s.From != "" && s.Until != "" && until.before(from) {
		c.problem(at+".until", "the last day is before the first: change one of them", "終了日が開始日より前になっています。どちらかを直してください")
	}
	for i, name := range s.Weekdays {
		if !slices.Contains(weekdays(), name) {
			c.problem(at+".weekdays["+itoa(i)+"]", "use one of "+strings.Join(weekdays(), ", "), strings.Join(weekdays(), "、")+" のどれかにしてください")
		}
	}
	c.scheduleDays(at, s)
	if c.def.Entry.At != "" {
		c.problem("entry.at", "a campaign that recurs has from in its schedule, not at", "繰り返す配信では at ではなく schedule の from を使ってください")
	}
}

func (c *compiler) scheduleDay(path, text string) day {
	d, ok := parseDay(text)
	if text != "" && !ok {
		c.problem(path, "write a day such as 2026-12-01", "2026-12-01 のように書いてください")
	}
	return d
}

// scheduleDays checks which days of the week or month it is.
func (c *compiler) scheduleDays(at string, s *Schedule) {
	kinds := 0
	for _, given := range []bool{s.Day != 0, s.Nth != 0, s.Business != 0, s.Payday} {
		if given {
			kinds++
		}
	}
	switch {
	case s.Every == everyWeek && len(s.Weekdays) == 0:
		c.problem(at+".weekdays", "name the days of the week, such as mon", "曜日を選んでください")
	case s.Every == everyDay && len(s.Weekdays) > 0:
		c.problem(at+".weekdays", "every day has no weekdays: use week", "曜日を選ぶときは every を week にしてください")
	case s.Every != everyMonth && kinds > 0:
		c.problem(at, "day, nth, business_day and payday belong to month: leave them out", "day、nth、business_day、payday は month でだけ使えます。消してください")
	case s.Every == everyMonth && kinds != 1:
		c.problem(at, "a month needs one of day, nth, business_day and payday", "month には day、nth、business_day、payday のどれか 1 つを指定してください")
	case s.Every == everyMonth && (s.Nth != 0) != (len(s.Weekdays) == 1) || s.Every == everyMonth && len(s.Weekdays) > 1:
		c.problem(at+".nth", "the n-th weekday of a month has nth and one of weekdays", "第 n 曜日は nth と曜日 1 つで指定してください")
	case s.Day < -1 || s.Day > 31:
		c.problem(at+".day", "a day is 1 to 31, or -1 for the last", "日は 1〜31、月末は -1 にしてください")
	case s.Nth < -1 || s.Nth > 4:
		c.problem(at+".nth", "nth is 1 to 4, or -1 for the last", "nth は 1〜4、最後は -1 にしてください")
	case s.Business < -1 || s.Business > 15:
		c.problem(at+".business_day", "a business day is 1 to 15, or -1 for the last", "営業日は 1〜15、最終営業日は -1 にしてください")
	}
}

// Next is the first occurrence after an instant; zero: there is none within two years.
func (s *Schedule) Next(after time.Time, set *Settings) time.Time {
	at, zone := minutes(s.Time), set.zone
	var next time.Time
	first := dayOf(after.In(zone)).add(-maxShift)
	for i := range horizon + 2*maxShift {
		d := first.add(i)
		if !next.IsZero() && dayOf(next.In(zone)).add(maxShift).before(d) {
			break
		}
		if !s.falls(d, set.almanac) {
			continue
		}
		if d, ok := s.moved(d, set.almanac); ok {
			if t := d.at(at, zone); t.After(after) && (next.IsZero() || t.Before(next)) {
				next = t
			}
		}
	}
	return next
}

// Upcoming are up to n occurrences after an instant.
func (s *Schedule) Upcoming(after time.Time, n int, set *Settings) []time.Time {
	out := make([]time.Time, 0, n)
	for range n {
		if after = s.Next(after, set); after.IsZero() {
			break
		}
		out = append(out, after)
	}
	return out
}

// falls: an occurrence falls on the day, before holidays are looked at.
func (s *Schedule) falls(d day, a *almanac) bool {
	from, _ := parseDay(s.From)
	if until, ok := parseDay(s.Until); ok && until.before(d) || d.before(from) {
		return false
	}
	every := max(s.Interval, 1)
	switch s.Every {
	case everyDay:
		return every == 1 || from.days(d)%every == 0
	case everyWeek:
		monday := from.add(-(int(from.time().Weekday()) + 6) % 7)
		return slices.Contains(s.Weekdays, d.weekday()) && (every == 1 || monday.days(d)/7%every == 0)
	}
	if months := (d.year-from.year)*12 + int(d.month-from.month); every > 1 && months%every != 0 {
		return false
	}
	last := day{d.year, d.month + 1, 1}.add(-1).date
	switch {
	case s.Payday:
		return a.pays(d)
	case s.Nth > 0:
		return slices.Contains(s.Weekdays, d.weekday()) && (d.date-1)/7+1 == s.Nth
	case s.Nth < 0:
		return slices.Contains(s.Weekdays, d.weekday()) && d.date+7 > last
	case s.Business != 0:
		return s.nthBusiness(d, last, a)
	case s.Day < 0:
		return d.date == last
	}
	return d.date == min(s.Day, last)
}

// nthBusiness: the day is that business day of its month.
func (s *Schedule) nthBusiness(d day, last int, a *almanac) bool {
	if !a.business(d) {
		return false
	}
	from, to, want := 1, d.date-1, s.Business-1
	if s.Business < 0 {
		from, to, want = d.date+1, last, 0
	}
	n := 0
	for date := from; date <= to; date++ {
		if a.business(day{d.year, d.month, date}) {
			n++
		}
	}
	return n == want
}

// moved is the day on which an occurrence takes place; false: it does not.
func (s *Schedule) moved(d day, a *almanac) (day, bool) {
	free := func(d day) bool {
		if s.Every == everyMonth {
			return !a.business(d)
		}
		return a.holiday(d) || a.shut(d)
	}
	step := 0
	switch s.Holidays {
	case holidaysSkip:
		return d, !free(d)
	case holidaysBefore:
		step = -1
	case holidaysAfter:
		step = 1
	default:
		return d, true
	}
	for range maxShift {
		if !free(d) {
			return d, true
		}
		d = d.add(step)
	}
	return d, false
}

func (d day) time() time.Time { return time.Date(d.year, d.month, d.date, 0, 0, 0, 0, time.UTC) }

// days is how many days e is after d.
func (d day) days(e day) int { return int(e.time().Sub(d.time()) / (24 * time.Hour)) }
