package segments

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"enishi"
	"enishi/profiles"
)

// timedExpressions have every function whose answer time alone can change: windows over each kind of list and instant, the
// calendar, birthdays, ages, first and last, and their combinations.
var timedExpressions = []string{
	`last_order_at < ago("7d")`, `last_order_at >= ago("12h")`, `any(orders, .placed_at > ago("30d"))`, `count(views, .at >= ago("1d")) >= 2`,
	`none(visits, .at > ago("7d"))`, `all(orders, .placed_at < ago("1d"))`, `sum(filter(orders, .placed_at > ago("30d")), .total) >= 5000`,
	`max(orders, .placed_at) < ago("3d")`, `last_visit_at >= today()`, `any(orders, .placed_at >= this_week())`, `count(orders, .placed_at >= this_month()) >= 1`,
	`any(orders, .placed_at >= last_month() && .placed_at < this_month())`, `first_order_at < fiscal_year()`, `last_seen_at >= this_year()`,
	`birthday_within("7d")`, `birthday_within("0d") && !held`, `age >= 36`, `age < 18 || age >= 20`, `first(filter(views, .at > ago("30d")), .category) < "b"`, `last(filter(visits, .at > ago("7d")), .category) >= "b"`,
	`distinct(filter(views, .at > ago("30d")), .category) >= 2`, `held`, `hold_until > now()`, `any(shipments, .status == "delayed" && .delayed_at < ago("1d"))`,
	`date("2026-11-10") < now() && orders_count >= 1`, `count(store_visits, .at > ago("7d")) == 1`, `!(last_order_at > ago("1d")) && any(messages, .sent_at > ago("30d"))`,
	`any(searches, .at > ago("30m"))`, `count(wishlist, .at > last_order_at) >= 1 && last_visit_at < ago("1d")`,
}

// TestMembershipsOverAMonth: memberships that are stepped by events and by NextChange alone are at every minute of a month
// what Match says then; and each that time changed changed at its own millisecond.
func TestMembershipsOverAMonth(t *testing.T) {
	t.Parallel()
	people := 200
	if testing.Short() {
		people = 20
	}
	if os.Getenv("ENISHI_FULL") != "" {
		people = 2000
	}
	all := make([]*Segment, len(timedExpressions))
	for i, e := range timedExpressions {
		all[i] = compiled(t, e)
		all[i].Name = fmt.Sprintf("s%02d", i)
		if !all[i].Timed() {
			t.Fatalf("time does not change %s", e)
		}
	}
	timed, minutes := make([]int, len(all)), 0
	for n := range people {
		// Each person is asked four of them, and each of them is asked of as many.
		var mine []*Segment
		for k := range 4 {
			mine = append(mine, all[(n+k*7)%len(all)])
		}
		slices.SortFunc(mine, func(a, b *Segment) int { return strings.Compare(a.Name, b.Name) })
		mine = slices.Compact(mine)
		from := months[n%len(months)]
		events := rapid.Custom(func(t *rapid.T) []*enishi.Event { return drawMonth(t, from) }).Example(n)
		minutes += playMonth(t, n, from, events, mine, timed)
		if t.Failed() {
			return
		}
	}
	for i, n := range timed {
		if n == 0 && people >= 200 {
			t.Errorf("time never changed the answer of %s", timedExpressions[i])
		}
	}
	t.Logf("%d people, %d minutes, changes by time of each segment: %v", people, minutes, timed)
}

// months are when a month begins, at midnight in Japan: one with birthdays, one with a new year, one with a new fiscal year.
var months = []time.Time{time.Date(2026, 10, 31, 15, 0, 0, 0, time.UTC), time.Date(2026, 12, 9, 15, 0, 0, 0, time.UTC), time.Date(2027, 3, 11, 15, 0, 0, 0, time.UTC)}

const month = 30 * 24 * time.Hour

// drawMonth is what somebody does up to a month's end, by the time of arrival.
func drawMonth(t *rapid.T, from time.Time) []*enishi.Event {
	var out []*enishi.Event
	at := from.Add(-time.Duration(rapid.IntRange(0, 40*24*60).Draw(t, "known for")) * time.Minute)
	for n := 0; n < 40 && at.Before(from.Add(month)); n++ {
		e := drawEvent(t, n, "x", at)
		e.Time = at
		if n == 0 { // a birthday within the month, of an age that is asked for
			born := from.AddDate(-pick(t, []int{18, 20, 36, 50}), 0, rapid.IntRange(1, 30).Draw(t, "birthday"))
			e.Person.Traits = map[string]enishi.Value{"birthday": enishi.TextValue(born.Format("2006-01-02"))}
		}
		out = append(out, e)
		gap := []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 6 * 24 * time.Hour}[rapid.IntRange(0, 3).Draw(t, "gap")]
		at = at.Add(time.Duration(rapid.Int64Range(1, int64(gap/time.Millisecond)).Draw(t, "ms")) * time.Millisecond)
	}
	return out
}

// playMonth steps one person through the month and compares at every minute.
func playMonth(t *testing.T, n int, from time.Time, events []*enishi.Event, segs []*Segment, timed []int) (minutes int) {
	t.Helper()
	set := NewSet(segs)
	p := profiles.New(enishi.NewID("identifier", "customer", "x"))
	// until lets time do what it does up to an instant.
	until := func(now time.Time) {
		for !p.NextChange.IsZero() && !p.NextChange.After(now) {
			at := p.NextChange
			entered, left := set.Update(p, at, 0, Options{})
			for _, x := range append(entered, left...) {
				s := set.Get(x.Segment)
				if s.Match(p.View(), at.Add(-time.Millisecond)) == s.Match(p.View(), at) {
					t.Errorf("person %d: %s changed at %v, where nothing changes", n, s.Body.Expression, at)
				}
				var i int
				fmt.Sscanf(x.Segment, "s%d", &i)
				timed[i]++
			}
			if !p.NextChange.IsZero() && !p.NextChange.After(at) {
				t.Fatalf("person %d: the next change after %v is %v", n, at, p.NextChange)
			}
		}
	}
	next := 0
	for now := from; !now.After(from.Add(month)); now = now.Add(time.Minute) {
		for ; next < len(events) && !events[next].Time.After(now); next++ {
			at := events[next].Time
			until(at)
			if changed, fresh := p.Apply(events[next], at); fresh {
				set.Update(p, at, changed, Options{})
			}
		}
		until(now)
		minutes++
		v, k := p.View(), 0
		for _, s := range segs {
			for k < len(p.Memberships) && p.Memberships[k].Segment < s.Name {
				k++
			}
			member := k < len(p.Memberships) && p.Memberships[k].Segment == s.Name
			if holds := len(p.Subjects) > 0 && s.Match(v, now); holds != member {
				t.Errorf("person %d at %v: %s holds is %v, member is %v; next change %v", n, now, s.Body.Expression, holds, member, p.NextChange)
				return minutes
			}
		}
	}
	return minutes
}
