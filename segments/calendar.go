package segments

import "time"

// zone is where days begin: those of date("2026-11-01"), of the calendar's instants, of ages and birthdays. It is decided
// here alone. Japan has had no summer time since 1951.
var zone = time.FixedZone("JST", zoneMS/1000)

const (
	zoneMS = 9 * 60 * 60 * 1000
	dayMS  = 24 * 60 * 60 * 1000
)

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
}

// calendars are the functions of the calendar.
func calendars() []calendar {
	return []calendar{{"today", byDay, 0}, {"this_week", byWeek, 0}, {"this_month", byMonth, 0}, {"last_month", byMonth, -1}, {"this_year", byYear, 0}, {"fiscal_year", byFiscalYear, 0}}
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
func (p period) start(at int64, n int) int64 {
	day := (at + zoneMS) / dayMS
	if (at+zoneMS)%dayMS < 0 {
		day--
	}
	switch p {
	case byDay:
		return (day+int64(n))*dayMS - zoneMS
	case byWeek: // 1970-01-01 was a Thursday
		monday := day - ((day+3)%7+7)%7
		return (monday+int64(n)*7)*dayMS - zoneMS
	}
	year, month, _ := time.UnixMilli(at).In(zone).Date()
	switch p {
	case byMonth:
		return midnight(year, month+time.Month(n), 1)
	case byYear:
		return midnight(year+n, time.January, 1)
	}
	if month < time.April {
		year--
	}
	return midnight(year+n, time.April, 1)
}

func midnight(year int, month time.Month, day int) int64 {
	return time.Date(year, month, day, 0, 0, 0, 0, zone).UnixMilli()
}

// at is the instant when the clock shows now.
func (c calendar) at(now int64) int64 { return c.period.start(now, c.shift) }

// reaches is the first time of the clock at which the instant is t or later.
func (c calendar) reaches(t int64) int64 {
	first := c.period.start(t, 0)
	if first < t {
		first = c.period.start(t, 1)
	}
	return c.period.start(first, -c.shift)
}

// passes is the first time of the clock at which the instant is later than t.
func (c calendar) passes(t int64) int64 { return c.period.start(c.period.start(t, 1), -c.shift) }

// back is how far the instant may lie before the clock, in days.
func (c calendar) back() int {
	return map[period]int{byDay: 1, byWeek: 7, byMonth: 31 * (1 - c.shift), byYear: 366, byFiscalYear: 366}[c.period]
}
