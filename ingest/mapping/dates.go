package mapping

import (
	"math"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// date reads a time as exports write it, in the shop's zone when it names none. With layouts (YYYY MM DD HH mm ss, one letter
// M D H for no leading zero) only those count.
func (s shaper) date(x any, layouts ...string) (time.Time, error) {
	switch v := x.(type) {
	case time.Time:
		return v, nil
	case nil:
		return time.Time{}, &wrong{"there is no date", "日付がありません"}
	}
	text := strings.TrimSpace(norm.NFKC.String(textOf(x)))
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(goLayout(layout), text, s.zone); err == nil {
			return t, nil
		}
	}
	if len(layouts) == 0 {
		if t, ok := s.parse(text); ok {
			return t, nil
		}
	}
	fix := `write it as 2026/11/02 13:04, or say how it is written: date(row["X"], "DD.MM.YYYY HH:mm")`
	fixJA := `2026/11/02 13:04 のように書くか、date(row["列名"], "DD.MM.YYYY HH:mm") のように書き方を指定してください`
	if len(layouts) > 0 {
		fix, fixJA = "it is not written as "+strings.Join(layouts, " or "), strings.Join(layouts, "、")+" の形で書かれていません"
	}
	return time.Time{}, &wrong{strconv.Quote(clip(text)) + " is no date: " + fix, "「" + clip(text) + "」は日付として読めません。" + fixJA}
}

// goLayout turns YYYY/MM/DD HH:mm:ss into Go's way of writing it.
func goLayout(layout string) string {
	return strings.NewReplacer("YYYY", "2006", "yyyy", "2006", "MMM", "Jan", "MM", "01", "DD", "02", "dd", "02", "HH", "15", "mm", "04", "ss", "05", "SSS", "000", "ZZ", "-0700", "Z", "Z07:00",
		"M", "1", "D", "2", "d", "2", "H", "15", "m", "4", "s", "5", "a", "PM", "h", "3").Replace(layout)
}

// eras are the Japanese ones, with the year before their first.
var eras = [...]struct {
	name, letter string
	before       int
}{{"令和", "R", 2018}, {"平成", "H", 1988}, {"昭和", "S", 1925}, {"大正", "T", 1911}}

// parse reads the forms of Japanese exports: 2026-11-02T13:04:05+09:00, 2026/11/2 9:05, 2026年11月2日（月）午後1時4分, 20261102,
// 20261102130405, 2026.11.02, 令和8年11月2日. Years have four digits; the year comes first.
func (s shaper) parse(text string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, true
	}
	if allDigits(text) {
		return s.packed(text)
	}
	p := &dateText{rest: text}
	year, ok := p.year()
	if !ok || !p.separator("/", "-", ".", "年") {
		return time.Time{}, false
	}
	month, ok := p.number(2)
	if !ok || !p.separator("/", "-", ".", "月") {
		return time.Time{}, false
	}
	day, ok := p.number(2)
	if !ok {
		return time.Time{}, false
	}
	p.cut("日")
	if at := strings.IndexByte(p.rest, ')'); strings.HasPrefix(p.rest, "(") && at > 0 && at < 12 { // the day of the week
		p.rest = p.rest[at+1:]
	}
	clock, ok := p.clock()
	if !ok {
		return time.Time{}, false
	}
	zone, ok := p.zone(s.zone)
	if !ok || p.rest != "" {
		return time.Time{}, false
	}
	return s.at(year, month, day, clock, zone)
}

// at refuses days that are not in the calendar, as 2026-02-30.
func (s shaper) at(year, month, day int, clock [3]int, zone *time.Location) (time.Time, bool) {
	if clock[0] > 24 || clock[1] > 59 || clock[2] > 59 || clock[0] == 24 && clock[1]+clock[2] > 0 {
		return time.Time{}, false
	}
	d := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if d.Month() != time.Month(month) || d.Day() != day || year < 1000 || year > 9999 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, clock[0], clock[1], clock[2], 0, zone), true
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// packed reads 20261102, 202611021304 and 20261102130405.
func (s shaper) packed(text string) (time.Time, bool) {
	if len(text) != 8 && len(text) != 12 && len(text) != 14 {
		return time.Time{}, false
	}
	n := func(from, to int) int {
		if to > len(text) {
			return 0
		}
		v, _ := strconv.Atoi(text[from:to])
		return v
	}
	return s.at(n(0, 4), n(4, 6), n(6, 8), [3]int{n(8, 10), n(10, 12), n(12, 14)}, s.zone)
}

// dateText is read from its front.
type dateText struct{ rest string }

func (p *dateText) cut(prefix string) bool {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *dateText) separator(any ...string) bool {
	p.rest = strings.TrimLeft(p.rest, " ")
	for _, s := range any {
		if p.cut(s) {
			p.rest = strings.TrimLeft(p.rest, " ")
			return true
		}
	}
	return false
}

func (p *dateText) number(most int) (int, bool) {
	n := 0
	for n < most && n < len(p.rest) && p.rest[n] >= '0' && p.rest[n] <= '9' {
		n++
	}
	if n == 0 || n < len(p.rest) && p.rest[n] >= '0' && p.rest[n] <= '9' {
		return 0, false
	}
	v, _ := strconv.Atoi(p.rest[:n])
	p.rest = p.rest[n:]
	return v, true
}

func (p *dateText) year() (int, bool) {
	for _, era := range eras {
		rest, ok := strings.CutPrefix(p.rest, era.name)
		if !ok {
			if rest, ok = strings.CutPrefix(p.rest, era.letter); !ok || rest == "" || rest[0] < '0' || rest[0] > '9' {
				continue
			}
		}
		p.rest = rest
		if p.cut("元") {
			return era.before + 1, true
		}
		n, ok := p.number(2)
		return era.before + n, ok && n > 0
	}
	n, ok := p.number(4)
	return n, ok && n >= 1000
}

// clock reads 13:04, 13:04:05.123, 午後1時4分 and nothing.
func (p *dateText) clock() (out [3]int, ok bool) {
	p.rest = strings.TrimLeft(p.rest, " ")
	if rest, cut := strings.CutPrefix(p.rest, "T"); cut {
		p.rest = rest
	}
	half := 0
	switch {
	case p.cut("午前"), p.cut("AM "):
		half = 1
	case p.cut("午後"), p.cut("PM "):
		half = 2
	}
	p.rest = strings.TrimLeft(p.rest, " ")
	if p.rest == "" {
		return out, half == 0
	}
	if out[0], ok = p.number(2); !ok {
		return out, false
	}
	if !p.separator(":", "時") {
		return out, false
	}
	if out[1], ok = p.number(2); ok {
		if p.separator(":", "分") {
			if out[2], ok = p.number(2); ok {
				p.cut("秒")
				if p.cut(".") {
					if p.rest = strings.TrimLeft(p.rest, "0123456789"); p.rest == "" {
						ok = true
					}
				}
			} else {
				ok = true // 13時4分
			}
		}
	} else {
		ok = true // 13時
	}
	if half == 0 {
		p.rest = strings.TrimLeft(p.rest, " ")
		switch {
		case p.cut("AM"), p.cut("am"):
			half = 1
		case p.cut("PM"), p.cut("pm"):
			half = 2
		}
	}
	if half > 0 {
		if out[0] > 12 {
			return out, false
		}
		out[0] = out[0]%12 + 12*(half-1)
	}
	return out, ok
}

// zone reads Z, +09:00, +0900, UTC and JST.
func (p *dateText) zone(otherwise *time.Location) (*time.Location, bool) {
	p.rest = strings.TrimSpace(p.rest)
	text := p.rest
	p.rest = ""
	switch text {
	case "":
		return otherwise, true
	case "Z", "UTC", "GMT":
		return time.UTC, true
	case "JST":
		return time.FixedZone("JST", 9*60*60), true
	}
	for _, layout := range [...]string{"-07:00", "-0700", "-07"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Location(), true
		}
	}
	return nil, false
}

// unix reads seconds or milliseconds since 1970.
func (s shaper) unix(x any) (any, error) {
	n, err := whole(x)
	if err != nil {
		return nil, err
	}
	if n > 100_000_000_000 || n < -100_000_000_000 {
		return time.UnixMilli(n).UTC(), nil
	}
	return time.Unix(n, 0).UTC(), nil
}

// serial reads a day of Excel's calendar (45963 or 45963.54), which counts from 1899-12-30 in the shop's zone.
func (s shaper) serial(x any) (any, error) {
	n, err := number(x)
	if err != nil {
		return nil, err
	}
	f := n.(float64)
	if f < 1 || f > 2_958_465 { // 9999-12-31
		return nil, &wrong{strconv.Quote(clip(textOf(x))) + " is no day of Excel", "「" + clip(textOf(x)) + "」は Excel の日付の値ではありません"}
	}
	day, part := math.Modf(f)
	seconds := int(math.Round(part * 24 * 60 * 60))
	return time.Date(1899, 12, 30+int(day), 0, 0, seconds, 0, s.zone), nil
}

// dateText writes a time in the shop's zone.
func (s shaper) dateText(x any, layout string) (any, error) {
	t, err := s.date(x)
	if err != nil {
		return nil, err
	}
	return t.In(s.zone).Format(goLayout(layout)), nil
}
