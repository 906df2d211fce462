package segments

import (
	"fmt"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/expr-lang/expr/vm"

	"enishi"
	"enishi/profiles"
)

func zoneOf(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// A day begins with the first instant that shows its date, wherever and however the clocks are changed.
func TestMidnight(t *testing.T) {
	t.Parallel()
	f := func(name, first, last string) {
		t.Helper()
		zone := zoneOf(t, name)
		day, _ := time.Parse(time.DateOnly, first)
		end, _ := time.Parse(time.DateOnly, last)
		for ; !day.After(end); day = day.AddDate(0, 0, 1) {
			y, m, d := day.Date()
			want := day.Add(-15 * time.Hour) // no zone is so far ahead
			for want.In(zone).Format(time.DateOnly) < day.Format(time.DateOnly) {
				want = want.Add(time.Minute)
			}
			if got := midnight(y, m, d, zone); got != want.UnixMilli() {
				t.Errorf("%s begins in %s at %v, want %v", day.Format(time.DateOnly), name, time.UnixMilli(got).In(zone), want.In(zone))
			}
		}
	}
	f("Asia/Tokyo", "2026-02-26", "2026-03-02")
	f("America/New_York", "2026-03-06", "2026-03-10")
	f("America/New_York", "2026-10-30", "2026-11-03")
	f("America/Sao_Paulo", "2018-11-02", "2018-11-06") // from 24:00 to 1:00
	f("America/Sao_Paulo", "2019-02-14", "2019-02-18") // from 24:00 back to 23:00
	f("America/Havana", "2025-11-01", "2025-11-03")    // from 1:00 back to 0:00
	f("America/Havana", "2026-03-07", "2026-03-09")    // from 0:00 to 1:00
	f("Asia/Kolkata", "2026-03-01", "2026-03-02")
	f("Pacific/Apia", "2011-12-28", "2011-12-29")
}

// In a zone with summer time the evaluators agree on the days on which it begins and ends, and the next change is the next
// midnight there.
func TestZonesEqual(t *testing.T) {
	t.Parallel()
	zone := zoneOf(t, "America/New_York")
	l := library
	l.Zone = zone
	expressions := []string{"last_order_at >= today()", "last_order_at < this_week()", "last_order_at >= this_month()", "last_order_at >= last_month()", "last_order_at > fiscal_year()",
		`last_order_at >= date("2026-03-08")`, `last_order_at < date("2026-11-02")`, "age >= 36", `birthday_within("0d")`, `birthday_within("7d")`, `birthday_within("180d")`,
		`in_segment("recent")`, `count(orders, .placed_at >= today()) == 0`}
	var segs []*Segment
	var programs []*vm.Program
	for _, e := range expressions {
		s, err := l.Compile("s", 1, fmt.Appendf(nil, `{"expression": %q}`, e))
		if err != nil {
			t.Fatal(err)
		}
		segs = append(segs, s)
		programs = append(programs, must(oracle(e))(t))
	}
	var instants []time.Time
	for _, day := range []string{"2026-03-07", "2026-03-08", "2026-03-09", "2026-11-01", "2026-11-02"} {
		at, err := time.ParseInLocation(time.DateOnly, day, zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []time.Duration{-time.Millisecond, 0, time.Millisecond, 14 * time.Hour} { // 14 h before it is midnight in Japan
			instants = append(instants, at.Add(d).UTC())
		}
	}
	var people []*profiles.View
	for i, at := range instants {
		v := born([]string{"1990-03-08", "1990-03-09", "--11-01", "1990-11-02"}[i%4])
		v.ID, v.LastOrderAt = id("zoned", i), at
		v.Orders = []profiles.OrderView{{Order: &enishi.Order{OrderID: "o"}, PlacedAt: at, Valid: true}}
		people = append(people, v)
	}
	db := openDB(t, "zones")
	insertPeople(t, db, people)
	differ := 0
	for _, at := range instants {
		query, args := matrix(segs, at)
		got := readMatrix(t, db, query, args)
		for i, v := range people {
			for k, s := range segs {
				in := s.Match(v, at)
				if sql := got[text16(v.ID)][k] == 1; sql != in {
					t.Errorf("%s of %d at %v: Match %v, SQL %v", expressions[k], i, at.In(zone), in, sql)
				}
				if s.Body.Expression != `in_segment("recent")` { // the oracle's library is in Japan
					if want, err := vm.Run(programs[k], environmentIn(v, at, zone)); err != nil || want != in {
						t.Errorf("%s of %d at %v: Match %v, VM %v (%v)", expressions[k], i, at.In(zone), in, want, err)
					}
				}
				until := s.NextChange(v, at)
				for _, later := range instants {
					if later.After(at) && (until.IsZero() || later.Before(until)) && s.Match(v, later) != in {
						t.Errorf("%s of %d: at %v it is %v until %v, but not at %v", expressions[k], i, at.In(zone), in, until.In(zone), later.In(zone))
					}
				}
				differ += int(bit(compiledAs(t, expressions[k]).Match(v, at) != in))
			}
		}
	}
	if differ < 100 {
		t.Errorf("only %d answers differ from those of Japan", differ)
	}
}

func compiledAs(t *testing.T, expression string) *Segment {
	t.Helper()
	s, err := library.Compile("s", 1, fmt.Appendf(nil, `{"expression": %q}`, expression))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What a segment took in decides whether it must be compiled anew, and whether people are to be swept.
func TestTook(t *testing.T) {
	t.Parallel()
	texts := map[string]string{"vip": "ltv > 5", "young": "age < 30"}
	l := Library{Segment: func(name string) (string, bool) { s, ok := texts[name]; return s, ok }}
	f := func(expression string, segments []string, zoned bool) {
		t.Helper()
		s, err := l.Compile("s", 1, fmt.Appendf(nil, `{"expression": %q}`, expression))
		if err != nil {
			t.Fatal(err)
		}
		abroad := l
		abroad.Zone = zoneOf(t, "America/New_York")
		there, err := abroad.Compile("s", 1, fmt.Appendf(nil, `{"expression": %q}`, expression))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Took(KindSegment); !slices.Equal(got, segments) || s.Current(abroad) == zoned || s.Same(there) == zoned || !s.Current(l) || !s.Same(s) {
			t.Errorf("%s took %v; current abroad %v, same %v", expression, got, s.Current(abroad), s.Same(there))
		}
		changed := Library{Segment: func(string) (string, bool) { return "ltv > 6", true }}
		if s.Current(changed) == (len(segments) > 0) || len(segments) > 0 && s.Current(Library{}) {
			t.Errorf("%s: current %v in a library that changed", expression, s.Current(changed))
		}
	}
	f(`ltv > 1 && last_order_at > ago("1d")`, nil, false)
	f(`in_segment("vip")`, []string{"vip"}, false)
	f(`in_segment("vip") && in_segment("young")`, []string{"vip", "young"}, true)
	f(`last_order_at > today()`, nil, true)
	f(`last_order_at > date("2026-11-01")`, nil, true)
	f(`last_order_at > date("2026-11-01T00:00:00Z")`, nil, false)
	f(`birthday_within("7d")`, nil, true)
	f(`birthday_month == 4`, nil, false)
	f(`any(orders, .placed_at >= this_month())`, nil, true)
}
