package segments

import "time"

const dayMS = 24 * 60 * 60 * 1000

// period of the calendar.
type period uint8

const (
	byDay period = iota
	byWeek
	byMonth
	byYear
	byFiscalYear // from April
)

// calendar is an instant that follows the clock in steps: the start of a period.
type calendar struct {
	Name   string
	period period
	shift  int // which period, counted from the one that the clock stands in
	zone   *time.Location
}

// calendars are the functions of the calendar.
func calendars() []calendar {
	return []calendar{{Name: "today"}, {Name: "this_week", period: byWeek}, {Name: "this_month", period: byMonth}, {Name: "last_month", period: byMonth, shift: -1},
		{Name: "this_year", period: byYear}, {Name: "fiscal_year", period: byFiscalYear}}
}

func calendarOf(name string) (calendar, bool) {
	for _, c := range calendars() {
		if c.Name == name {
			return c, true
		}
	}
	return calendar{}, false
}

// start is the start of the n-th period after the one that an instant lies in.
func (p period) start(at int64, n int, zone *time.Location) int64 {
	year, month, day := time.UnixMilli(at).In(zone).Date()
	switch p {
	case byDay:
		return midnight(year, month, day+n, zone)
	case byWeek:
		sinceMonday := (int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Weekday()) + 6) % 7
		return midnight(year, month, day-sinceMonday+7*n, zone)
	case byMonth:
		return midnight(year, month+time.Month(n), 1, zone)
	case byYear:
		return midnight(year+n, time.January, 1, zone)
	}
	if month < time.April {
		year--
	}
	return midnight(year+n, time.April, 1, zone)
}

// midnight is the first instant of a day. Where the clocks are changed at midnight a day may begin at one o'clock, or have two
// midnights, of which it is the first.
func midnight(year int, month time.Month, day int, zone *time.Location) int64 {
	at := time.Date(year, month, day, 0, 0, 0, 0, zone)
	hour, minute, second := at.Clock()
	if hour >= 12 { // still the day before, by what Go makes of an hour that is left out or comes twice
		at = at.Add(24*time.Hour - time.Duration(hour)*time.Hour - time.Duration(minute)*time.Minute - time.Duration(second)*time.Second)
	}
	if earlier := at.Add(-time.Hour); earlier.Day() == at.Day() && earlier.Hour() == 0 {
		at = earlier
	}
	return at.UnixMilli()
}

// at is the instant when the clock shows now.
func (c calendar) at(now int64) int64 { return c.period.start(now, c.shift, c.zone) }

// reaches is the first time of the clock at which the instant is t or later.
func (c calendar) reaches(t int64) int64 {
	first := c.period.start(t, 0, c.zone)
	if first < t {
		first = c.period.start(t, 1, c.zone)
	}
	return c.period.start(first, -c.shift, c.zone)
}

// passes is the first time of the clock at which the instant is later than t.
func (c calendar) passes(t int64) int64 {
	return c.period.start(c.period.start(t, 1, c.zone), -c.shift, c.zone)
}

// back is how far the instant may lie before the clock, in days.
func (c calendar) back() int {
	return map[period]int{byDay: 1, byWeek: 7, byMonth: 31 * (1 - c.shift), byYear: 366, byFiscalYear: 366}[c.period]
}
