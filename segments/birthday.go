package segments

import (
	"fmt"
	"time"
)

// birthday is what the trait birthday says, as year*10000 + month*100 + day: the year is 0 when it is not known (or before
// 1900, which forms send for "none"), the day is 0 when only the month is known. 0: nothing that can be understood.
//
//	1990-05-01  1990/5/1   all of it          --05-01  05-01  without year
//	1990-05     1990-05-00 without day        --05     05     the month alone
type birthday int64

const (
	birthdayTrait = "birthday"
	// birthdayPattern is the same as parseBirthday, for SQL.
	birthdayPattern = `^(?:(?:([0-9]{4})|-)[-/])?([0-9]{1,2})(?:[-/]([0-9]{1,2}))?$`
	firstYear       = 1900
	maxWithin       = 180 // days of birthday_within: less than half a year, so that one birthday's days end before the next's begin
)

func birthdayOf(v *view) birthday { return parseBirthday(traitText(v.Traits[birthdayTrait])) }

func parseBirthday(text string) birthday {
	digits := func(least, most int) (int, bool) {
		n, k := 0, 0
		for k < most && k < len(text) && text[k] >= '0' && text[k] <= '9' {
			n = n*10 + int(text[k]-'0')
			k++
		}
		text = text[k:]
		return n, k >= least
	}
	separated := func() bool {
		if text == "" || text[0] != '-' && text[0] != '/' {
			return false
		}
		text = text[1:]
		return true
	}
	year, all := 0, text
	if n, ok := digits(4, 4); ok && separated() {
		year = n
	} else if text = all; len(all) > 1 && all[0] == '-' && (all[1] == '-' || all[1] == '/') {
		text = all[2:]
	}
	month, ok := digits(1, 2)
	if !ok {
		return 0
	}
	day := 0
	if text != "" {
		if !separated() {
			return 0
		}
		if day, ok = digits(1, 2); !ok || text != "" {
			return 0
		}
	}
	if year < firstYear {
		year = 0
	}
	if month < 1 || month > 12 || day > longest(month) || month == 2 && day == 29 && year != 0 && !leap(year) {
		return 0
	}
	return birthday(year*10000 + month*100 + day)
}

func longest(month int) int {
	return [...]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month]
}

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func (b birthday) month() int { return int(b) / 100 % 100 }

// age is in whole years. It rises at the midnight that begins the birthday: the law of 1902 on the counting of age lets a year
// of life be full at the end of the day before. Who was born on 29 February is a year older from 1 March in a common year.
func (b birthday) age(now int64, zone *time.Location) (int64, bool) {
	year, month, day := time.UnixMilli(now).In(zone).Date()
	today := birthday(year*10000 + int(month)*100 + day)
	if b/10000 == 0 || b%100 == 0 || b > today {
		return 0, false
	}
	age := int64(year) - int64(b/10000)
	if b%10000 > today%10000 {
		age--
	}
	return age, true
}

// older is when the age changes next.
func (b birthday) older(now int64, zone *time.Location) int64 {
	if b/10000 == 0 || b%100 == 0 {
		return never
	}
	year := time.UnixMilli(now).In(zone).Year()
	for y := max(year, int(b/10000)); ; y++ {
		if at := midnight(y, time.Month(b.month()), int(b%100), zone); at > now {
			return at
		}
	}
}

// within reports whether the birthday is today or in the next n days, and until when that stays so. Of whom only the month
// is known it is the whole month.
func (b birthday) within(n int, now int64, zone *time.Location) (bool, int64) {
	if b == 0 {
		return false, never
	}
	month, day := time.Month(b.month()), int(b%100)
	for y := time.UnixMilli(now).In(zone).Year(); ; y++ {
		from, to := midnight(y, month, day-n, zone), midnight(y, month, day+1, zone)
		if day == 0 {
			from, to = midnight(y, month, 1, zone), midnight(y, month+1, 1, zone)
		}
		switch {
		case now < from:
			return false, from
		case now < to:
			return true, to
		}
	}
}

// birthSQL is parseBirthday of the column birthday.
func birthSQL() string {
	part := func(k int) string {
		return fmt.Sprintf("[toInt64OrZero(extractGroups(birthday, '%s')[%d])]", birthdayPattern, k)
	}
	return "arrayMap((y, m, d) -> if(m BETWEEN 1 AND 12 AND d <= [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][m]" +
		" AND (m != 2 OR d != 29 OR y < 1900 OR y % 4 = 0 AND (y % 100 != 0 OR y % 400 = 0)), if(y < 1900, 0, y) * 10000 + m * 100 + d, 0), " +
		part(1) + ", " + part(2) + ", " + part(3) + ")[1]"
}

func (q *statement) birthday() string {
	q.needs("birth")
	return "p.birth"
}

func (q *statement) birthMonth() string {
	return "nullIf(intDiv(" + q.birthday() + " % 10000, 100), 0)"
}

func (q *statement) age(zone *time.Location) string {
	year, month, day := time.UnixMilli(q.now).In(zone).Date()
	today := int64(month)*100 + int64(day)
	b := q.birthday()
	return fmt.Sprintf("if(%[1]s >= 10000 AND %[1]s %% 100 > 0 AND %[1]s <= %[2]s, %[3]s - intDiv(%[1]s, 10000) - toInt64(%[1]s %% 10000 > %[4]s), NULL)",
		b, q.whole(int64(year)*10000+today), q.whole(int64(year)), q.whole(today))
}

// within compares month and day with those of today and of the last day that counts; the days between may go over new year.
func (q *statement) within(n int, zone *time.Location) string {
	y, m, d := time.UnixMilli(q.now).In(zone).Date()
	start := time.Date(y, m, d, 0, 0, 0, 0, time.UTC) // days are added without summer time
	number := func(t time.Time) int64 { return int64(t.Month())*100 + int64(t.Day()) }
	first, last := number(start), number(start.AddDate(0, 0, n))
	wraps := last < first
	if first == 301 && !leap(start.Year()) {
		first = 229 // 29 February falls on 1 March
	}
	b, join := q.birthday(), "AND"
	if wraps {
		join = "OR"
	}
	return fmt.Sprintf("if(%[1]s %% 100 = 0, intDiv(%[1]s %% 10000, 100) = %[2]s, %[1]s %% 10000 >= %[3]s %[4]s %[1]s %% 10000 <= %[5]s)",
		b, q.whole(int64(start.Month())), q.whole(first), join, q.whole(last))
}

// ParseBirthday reads a date as people give it, also without year (0) or day (0); month 0: it cannot be read.
func ParseBirthday(text string) (year, month, day int) {
	b := parseBirthday(text)
	return int(b) / 10000, b.month(), int(b) % 100
}
