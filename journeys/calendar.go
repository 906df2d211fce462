package journeys

import (
	_ "embed"
	"slices"
	"strings"
	"time"
)

// holidaysCSV are the national holidays of Japan as the Cabinet Office publishes them (syukujitsu.csv: 国民の祝日・休日),
// those that follow from 国民の祝日に関する法律 art. 3 (振替休日, 国民の休日) included. It has a year once the dates of the
// equinoxes are announced, in February of the year before.
//
//go:embed holidays.csv
var holidaysCSV string

// Calendar is what days and hours mean to the shop.
type Calendar struct {
	Closed   []string `json:"closed,omitempty"`   // days without shipping and service: 2026-12-31, or 2026-12-29/2027-01-03
	Holidays []string `json:"holidays,omitempty"` // days to be taken for national holidays that the built-in table does not have
	Weekend  []string `json:"weekend,omitempty"`  // days of the week that are no business days; default sat, sun
	Hours    *Hours   `json:"hours,omitempty"`    // of the shop, on business days; default 10:00 to 18:00
	Cutoff   string   `json:"cutoff,omitempty"`   // until when an order leaves on the same business day; default 15:00
	Payday   int      `json:"payday,omitempty"`   // day of the month, on the business day before when it is none; default 25
}

// Hours is from one local time to a later one of the same day.
type Hours struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// weekdays are the names of the days, by [time.Weekday].
func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

// day is a date of the calendar, without a zone.
type day struct {
	year  int
	month time.Month
	date  int
}

func dayOf(t time.Time) day {
	y, m, d := t.Date()
	return day{y, m, d}
}

func parseDay(text string) (day, bool) {
	t, err := time.Parse(time.DateOnly, text)
	return dayOf(t), err == nil
}

func (d day) add(n int) day { return dayOf(time.Date(d.year, d.month, d.date+n, 0, 0, 0, 0, time.UTC)) }

func (d day) before(e day) bool {
	return d.year < e.year || d.year == e.year && (d.month < e.month || d.month == e.month && d.date < e.date)
}

func (d day) weekday() string {
	return weekdays()[time.Date(d.year, d.month, d.date, 0, 0, 0, 0, time.UTC).Weekday()]
}

// at is a local time of the day, the first if the clock shows it twice; a time that it leaves out is taken an hour later.
func (d day) at(minutes int, zone *time.Location) time.Time {
	return time.Date(d.year, d.month, d.date, 0, minutes, 0, 0, zone).UTC()
}

// almanac is a compiled [Calendar].
type almanac struct {
	holidays map[day]string
	last     day // of the table
	closed   [][2]day
	weekend  []string
	from, to int // minutes of the day
	cutoff   int
	payday   int
}

// minutes reads a local time such as 09:00; -1 when it is none.
func minutes(text string) int {
	if !clockPattern.MatchString(text) {
		return -1
	}
	return int(text[0]-'0')*600 + int(text[1]-'0')*60 + int(text[3]-'0')*10 + int(text[4]-'0')
}

func (s *Settings) checkCalendar(src *source) {
	c := s.Calendar
	if c == nil {
		return
	}
	for i, text := range c.Closed {
		if _, ok := parseDays(text); !ok {
			src.problem("calendar.closed["+itoa(i)+"]", "write a day such as 2026-12-31, or 2026-12-29/2027-01-03", "2026-12-31 か、2026-12-29/2027-01-03 のように書いてください")
		}
	}
	for i, text := range c.Holidays {
		if _, ok := parseDay(text); !ok {
			src.problem("calendar.holidays["+itoa(i)+"]", "write a day such as 2028-01-01", "2028-01-01 のように書いてください")
		}
	}
	for i, name := range c.Weekend {
		if !slices.Contains(weekdays(), name) || len(c.Weekend) > 6 {
			src.problem("calendar.weekend["+itoa(i)+"]", "use at most six of "+strings.Join(weekdays(), ", "), strings.Join(weekdays(), "、")+" から 6 つまで選んでください")
		}
	}
	if h := c.Hours; h != nil && (minutes(h.From) < 0 || minutes(h.To) <= minutes(h.From)) {
		src.problem("calendar.hours", "hours go from one time to a later one of the same day, such as 10:00 to 18:00", "営業時間は 10:00 から 18:00 のように、同じ日の中で書いてください")
	}
	if c.Cutoff != "" && minutes(c.Cutoff) < 0 {
		src.problem("calendar.cutoff", "write a time of day such as 15:00", "15:00 のように書いてください")
	}
	if c.Payday < 0 || c.Payday > 31 {
		src.problem("calendar.payday", "a payday is a day of the month, 1 to 31", "給料日は 1〜31 の日で書いてください")
	}
}

// parseDays reads a day, or two with a slash between them.
func parseDays(text string) ([2]day, bool) {
	first, last, two := strings.Cut(text, "/")
	from, ok := parseDay(first)
	to := from
	if ok && two {
		to, ok = parseDay(last)
	}
	return [2]day{from, to}, ok && !to.before(from)
}

func (c *Calendar) compile() *almanac {
	if c == nil {
		c = &Calendar{}
	}
	a := &almanac{holidays: map[day]string{}, weekend: c.Weekend, from: 10 * 60, to: 18 * 60, cutoff: 15 * 60, payday: 25}
	for line := range strings.Lines(holidaysCSV) {
		date, name, _ := strings.Cut(strings.TrimSpace(line), ",")
		if d, ok := parseDay(date); ok {
			a.holidays[d] = name
			if a.last.before(d) {
				a.last = d
			}
		}
	}
	for _, text := range c.Holidays {
		if d, ok := parseDay(text); ok {
			a.holidays[d] = text
			if a.last.before(d) {
				a.last = d
			}
		}
	}
	for _, text := range c.Closed {
		if r, ok := parseDays(text); ok {
			a.closed = append(a.closed, r)
		}
	}
	if len(a.weekend) == 0 {
		a.weekend = []string{"sat", "sun"}
	}
	if c.Hours != nil {
		a.from, a.to = minutes(c.Hours.From), minutes(c.Hours.To)
	}
	if c.Cutoff != "" {
		a.cutoff = minutes(c.Cutoff)
	}
	if c.Payday != 0 {
		a.payday = c.Payday
	}
	return a
}

func (a *almanac) holiday(d day) bool { return a.holidays[d] != "" }

func (a *almanac) shut(d day) bool {
	return slices.ContainsFunc(a.closed, func(r [2]day) bool { return !d.before(r[0]) && !r[1].before(d) })
}

// business: neither weekend nor holiday nor closed.
func (a *almanac) business(d day) bool {
	return !slices.Contains(a.weekend, d.weekday()) && !a.holiday(d) && !a.shut(d)
}

// pays: the day is that on which wages come: the payday, or the last business day before it. A month that is too short has
// it on its last day.
func (a *almanac) pays(d day) bool {
	for _, month := range []time.Month{d.month, d.month + 1} { // the first of a month may be paid on the last of the one before
		last := time.Date(d.year, month+1, 0, 0, 0, 0, 0, time.UTC)
		pay := dayOf(time.Date(d.year, month, min(a.payday, last.Day()), 0, 0, 0, 0, time.UTC))
		for range 31 {
			if slices.Contains([]string{"sat", "sun"}, pay.weekday()) || a.holiday(pay) { // banks' days, not the shop's
				pay = pay.add(-1)
				continue
			}
			break
		}
		if pay == d {
			return true
		}
	}
	return false
}

// Holiday tells whether a day, in the zone of at, is a national holiday or one on which the shop is closed.
func (s *Settings) Holiday(at time.Time) bool {
	d := dayOf(at)
	return s.almanac.holiday(d) || s.almanac.shut(d)
}

// HolidaysEnd is the last national holiday that is known: after it days are taken for ordinary ones. UTC midnight of the date.
func (s *Settings) HolidaysEnd() time.Time {
	d := s.almanac.last
	return time.Date(d.year, d.month, d.date, 0, 0, 0, 0, time.UTC)
}
