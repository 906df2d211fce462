package segments

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The calendar of the oracle goes day by day.

var birthForms = []*regexp.Regexp{
	regexp.MustCompile(`^(?P<y>\d\d\d\d)[-/](?P<m>\d\d?)([-/](?P<d>\d\d?))?$`),
	regexp.MustCompile(`^(?P<y>)-[-/](?P<m>\d\d?)([-/](?P<d>\d\d?))?$`),
	regexp.MustCompile(`^(?P<y>)(?P<m>\d\d?)([-/](?P<d>\d\d?))?$`),
}

// birthParts reads a birthday; month 0: it is none.
func birthParts(text string) (year, month, day int) {
	for _, form := range birthForms {
		found := form.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		part := func(name string) int {
			n, _ := strconv.Atoi(found[form.SubexpIndex(name)])
			return n
		}
		year, month, day = part("y"), part("m"), part("d")
		if year < 1900 {
			year = 0
		}
		some := year
		if some == 0 {
			some = 2000 // has a 29 February
		}
		if month < 1 || month > 12 || day > 0 && time.Date(some, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() != day {
			return 0, 0, 0
		}
		return year, month, day
	}
	return 0, 0, 0
}

func calendarEnvironment(env map[string]any, birth string, local time.Time) {
	today := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, local.Location())
	back := func(from time.Time, until func(time.Time) bool) func() time.Time {
		for !until(from) {
			from = from.AddDate(0, 0, -1)
		}
		return func() time.Time { return from.UTC() }
	}
	first := func(t time.Time) bool { return t.Day() == 1 }
	env["today"] = func() time.Time { return today.UTC() }
	env["this_week"] = back(today, func(t time.Time) bool { return t.Weekday() == time.Monday })
	env["this_month"] = back(today, first)
	env["last_month"] = back(back(today, first)().In(local.Location()).AddDate(0, 0, -1), first)
	env["this_year"] = back(today, func(t time.Time) bool { return t.YearDay() == 1 })
	env["fiscal_year"] = back(today, func(t time.Time) bool { return first(t) && t.Month() == time.April })

	year, month, day := birthParts(birth)
	env["age"], env["birthday_month"] = num{}, num{}
	if month > 0 {
		env["birthday_month"] = wholeNum(int64(month))
	}
	// falls reports whether the birthday is on a day.
	falls := func(t time.Time) bool {
		if day == 29 && month == 2 && time.Date(t.Year(), 2, 29, 0, 0, 0, 0, time.UTC).Day() != 29 {
			return t.Month() == 3 && t.Day() == 1
		}
		return int(t.Month()) == month && t.Day() == day
	}
	if year > 0 && day > 0 && !today.Before(time.Date(year, time.Month(month), day, 0, 0, 0, 0, local.Location())) {
		age := int64(-1)
		for y := year; y <= today.Year(); y++ {
			if d := time.Date(y, time.Month(month), day, 0, 0, 0, 0, local.Location()); !d.After(today) {
				age++ // the first is the day of birth itself
			}
		}
		env["age"] = wholeNum(age)
	}
	env["birthday_within"] = func(span string) bool {
		n, err := strconv.Atoi(strings.TrimSuffix(span, "d"))
		if err != nil {
			panic(err)
		}
		if day == 0 {
			return month == int(today.Month())
		}
		for k := range n + 1 {
			if falls(today.AddDate(0, 0, k)) {
				return true
			}
		}
		return false
	}
}
