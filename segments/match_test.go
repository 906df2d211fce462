package segments

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/expr-lang/expr/vm"
	"pgregory.net/rapid"

	"enishi"
	"enishi/profiles"
)

// compiled makes a segment of an expression.
func compiled(t interface{ Fatalf(string, ...any) }, expression string) *Segment {
	body, err := json.Marshal(Body{Expression: expression})
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	s, err := library.Compile("s", 1, body)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return s
}

// The closures answer as expr's VM does.
func TestMatchEqualsVM(t *testing.T) {
	t.Parallel()
	rapid.Check(t, many(10, func(t *rapid.T) {
		expression := drawExpression(t)
		s := compiled(t, expression)
		program, err := oracle(expression)
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		for range 4 {
			v := drawView(t)
			got := s.Match(v, made)
			want, err := vm.Run(program, environment(v, made))
			if err != nil {
				t.Fatalf("%s: %v", expression, err)
			}
			if got != want {
				t.Fatalf("%s\n  Match %v, VM %v", expression, got, want)
			}
			if in, _ := s.evaluate(v, made.UnixMilli()); in != got {
				t.Fatalf("%s\n  Match %v, verdict %v", expression, got, in)
			}
		}
	}))
}

// many draws n times in one check: make test has a hundred checks.
func many(n int, property func(t *rapid.T)) func(t *rapid.T) {
	return func(t *rapid.T) {
		for range n {
			property(t)
		}
	}
}

// Between now and NextChange the answer does not change: neither at random instants nor at any instant at which something
// in the view meets something in the expression.
func TestNextChangeIsNeverLate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, many(5, func(t *rapid.T) {
		s := compiled(t, drawExpression(t))
		v := drawView(t)
		now := made.Add(-time.Duration(rapid.IntRange(0, 300*24*60).Draw(t, "back")) * time.Minute)
		meetings := meetings(v)
		for range 200 {
			in, until := s.Match(v, now), s.NextChange(v, now)
			end := until
			if until.IsZero() {
				end = made.Add(1000 * 24 * time.Hour)
				if !end.After(now) { // the last change was far ahead: what has no end ends in 2200
					return
				}
			} else if !until.After(now) {
				t.Fatalf("%s\n  NextChange %v is not after %v", s.Body.Expression, until, now)
			}
			first, _ := slices.BinarySearchFunc(meetings, now, time.Time.Compare)
			for _, at := range meetings[first:] {
				if !at.Before(end) {
					break
				}
				if s.Match(v, at) != in {
					t.Fatalf("%s\n  is %v at %v and not at %v, NextChange %v", s.Body.Expression, in, now, at, until)
				}
			}
			random := now.Add(time.Duration(rapid.Int64Range(0, int64(end.Sub(now))-1).Draw(t, "at")))
			if s.Match(v, random) != in {
				t.Fatalf("%s\n  is %v at %v and not at %v, NextChange %v", s.Body.Expression, in, now, random, until)
			}
			if until.IsZero() {
				return
			}
			now = until
		}
	}))
}

// meetings are all instants at which an instant of the view is one of the spans old, and those next to them.
func meetings(v *profiles.View) []time.Time {
	var instants []time.Time
	for _, f := range Fields() {
		if f.Kind == Instant {
			instants = append(instants, time.UnixMilli(f.whole(v, 0)))
		}
	}
	for _, l := range Collections() {
		for i := range l.length(v) {
			for _, f := range l.Fields {
				if f.Kind == Instant {
					instants = append(instants, time.UnixMilli(f.whole(v, i)))
				}
			}
		}
	}
	instants = append(instants, time.Date(2026, 10, 31, 15, 0, 0, 0, time.UTC))
	var all []time.Time
	near := func(ms int64) {
		for d := int64(-1); d <= 1; d++ {
			all = append(all, time.UnixMilli(ms+d).UTC())
		}
	}
	for _, t := range instants {
		for _, c := range calendars() {
			for n := range 3 {
				near(c.period.start(t.UnixMilli(), n, tokyo))
			}
		}
	}
	for month := range 60 {
		near(byMonth.start(made.UnixMilli(), month-20, tokyo))
	}
	if _, month, day := birthParts(form(v.Traits["birthday"])); day > 0 {
		for year := 2025; year < 2030; year++ {
			near(midnight(year, time.Month(month), day+1, tokyo))
			for _, w := range withins {
				near(midnight(year, time.Month(month), day-int(span(w)/(24*time.Hour)), tokyo))
			}
		}
	}
	for _, t := range instants {
		for _, s := range append([]string{"0s"}, spans...) {
			for d := -1; d <= 1; d++ {
				all = append(all, t.Add(span(s)+time.Duration(d)*time.Millisecond))
			}
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

func TestNextChange(t *testing.T) {
	t.Parallel()
	hour := func(n int) time.Time { return made.Add(time.Duration(n) * time.Hour) }
	v := &profiles.View{Profile: &profiles.Profile{}, LastOrderAt: hour(-10), LTV: 100 * enishi.Unit}
	for _, h := range []int{-300, -100, -50, -30, -20, -5} {
		v.Visits = append(v.Visits, profiles.Visit{At: hour(h), Type: "page.viewed"})
	}
	f := func(expression string, in bool, want time.Time) {
		t.Helper()
		s := compiled(t, expression)
		if got := s.Match(v, made); got != in {
			t.Errorf("%s: Match %v", expression, got)
		}
		if got := s.NextChange(v, made); !got.Equal(want) {
			t.Errorf("%s: changes at %v, want %v (%v from now)", expression, got, want, want.Sub(made))
		}
	}
	ms := time.Millisecond
	f(`ltv > 50`, true, time.Time{})
	f(`last_order_at > ago("12h")`, true, hour(2))
	f(`last_order_at >= ago("12h")`, true, hour(2).Add(ms))
	f(`last_order_at < ago("12h")`, false, hour(2).Add(ms))
	f(`last_order_at <= ago("12h")`, false, hour(2))
	f(`last_order_at == ago("12h")`, false, hour(2))
	f(`last_order_at > ago("5h")`, false, time.Time{})
	f(`first_order_at < ago("5h")`, false, time.Time{})
	f(`!(last_order_at > ago("12h"))`, false, hour(2))
	f(`last_order_at > ago("12h") && ltv > 500`, false, time.Time{})
	f(`last_order_at > ago("12h") || ltv > 50`, true, time.Time{})
	f(`last_order_at > ago("12h") && last_order_at > ago("11h")`, true, hour(1))
	f(`last_order_at > ago("12h") || last_order_at > ago("11h")`, true, hour(2))
	f(`last_order_at < ago("12h") && last_order_at < ago("11h")`, false, hour(2).Add(ms))
	f(`any(visits, .at > ago("40h"))`, true, hour(35)) // the newest leaves last
	f(`none(visits, .at > ago("40h"))`, false, hour(35))
	f(`count(visits, .at > ago("40h")) >= 2`, true, hour(20)) // 3 are in; with the second to leave it is over
	f(`count(visits, .at > ago("40h")) >= 3`, true, hour(10))
	f(`count(visits, .at > ago("40h")) >= 4`, false, time.Time{})
	f(`count(visits, .at < ago("40h")) >= 4`, false, hour(10).Add(ms))
	f(`count(visits, .at < ago("40h")) >= 5`, false, hour(20).Add(ms))
	f(`count(visits, .at > ago("40h")) == 3`, true, hour(10))
	f(`any(visits, .type == "cart.updated")`, false, time.Time{})
	f(`count(visits) >= 1`, true, hour(180*24-5)) // the collection itself ends
	f(`max(visits, .at) < ago("12h")`, false, hour(7).Add(ms))
	f(`first(filter(visits, .at > ago("40h")), .at) == date("2026-11-01")`, false, hour(10)) // another is the first
	f(`distinct(filter(visits, .at > ago("40h")), .at) >= 3`, true, hour(10))
	f(`last(visits, .type) == "page.viewed"`, true, hour(180*24-300)) // a list that ends says so with its first
	f(`date("2026-12-01") < now()`, false, time.Date(2026, 11, 30, 15, 0, 0, 1e6, time.UTC))
	v.HoldUntil = hour(3)
	f(`held`, true, hour(3))
}
