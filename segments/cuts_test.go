package segments

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"enishi"
	"enishi/profiles"
)

func TestRankingFailure(t *testing.T) {
	t.Parallel()
	f := func(body, field, english string) {
		t.Helper()
		_, err := ParseRanking([]byte(body))
		var e *enishi.Error
		if !errors.As(err, &e) || e.Field != field || !strings.Contains(e.Msg, english) || e.MsgJA == "" || e.Code != enishi.Invalid {
			t.Errorf("%s: %#v", body, err)
		}
	}
	f(`{`, "", "no definition of a ranking")
	f(`{"mesure": "ltv"}`, "", "mesure")
	f(`{"measure": "ltv", "by": {}}`, "by", "one of quantiles")
	f(`{"measure": "ltv", "by": {"quantiles": 5, "top": 3}}`, "by", "one of quantiles")
	f(`{"measure": "ltv", "by": {"quantiles": 1}}`, "by", "2 to 100")
	f(`{"measure": "ltv", "by": {"top": -1}}`, "by", "one of quantiles")
	f(`{"measure": "ltv", "by": {"percentiles": [50, 50]}}`, "by", "rise")
	f(`{"measure": "ltv", "by": {"percentiles": [50.0001]}}`, "by", "3 decimals")
	f(`{"measure": "ltv", "by": {"quantiles": 5}, "every": "5m"}`, "every", "10m to a year")
	f(`{"measure": "lvt", "by": {"quantiles": 5}}`, "measure", "did you mean ltv")
	f(`{"measure": "prefecture", "by": {"quantiles": 5}}`, "measure", "people are ranked by a number")
	f(`{"measure": "has_email", "by": {"quantiles": 5}}`, "measure", "people are ranked by a number")
	f(`{"measure": "now()", "by": {"quantiles": 5}}`, "measure", "people are ranked by a number")
	f(`{"measure": "5", "by": {"quantiles": 5}}`, "measure", "people are ranked by a number")
	f(`{"measure": "ltv", "among": "ltv", "by": {"quantiles": 5}}`, "among", "a condition is expected")
	f(`{"measure": "ltv", "among": "in_segment(\"vip\")", "by": {"quantiles": 5}}`, "among", "in_segment is known")
	f(`{"measure": "rfm_m", "by": {"quantiles": 5}}`, "measure", "cannot build on another")
	f(`{"measure": "ltv", "among": "top(\"best\")", "by": {"quantiles": 5}}`, "among", "cannot build on another")
	for name, r := range RFM() {
		if _, err := (Library{}).Rank(r.Order); err != nil || r.By.check() != nil {
			t.Error(name, err)
		}
	}
}

func TestRankFailure(t *testing.T) {
	t.Parallel()
	f := func(expression, english string) {
		t.Helper()
		var e *enishi.Error
		if err := library.Check(expression); !errors.As(err, &e) || !strings.Contains(e.Msg, english) || e.MsgJA == "" {
			t.Errorf("%s: %v", expression, err)
		}
	}
	f(`rank("bset") > 1`, `there is no ranking "bset"`)
	f(`rank("often")`, "a condition is expected")
	f(`top("often")`, "several ranks")
	f(`any(orders, .items > rank("often"))`, "condition of a list")
	f(`any(orders, .items > rfm_f)`, "condition of a list")
	f(`rank(often) > 1`, "a text is expected")
}

// What a ranking means for one person, and until when.
func TestRank(t *testing.T) {
	t.Parallel()
	v := &profiles.View{Profile: &profiles.Profile{}, LTV: 100 * enishi.Unit, LastOrderAt: made.Add(-89 * 24 * time.Hour), LastVisitAt: made.Add(-29 * 24 * time.Hour), OrdersCount: 2,
		Orders: []profiles.OrderView{{Order: &enishi.Order{}, PlacedAt: made.Add(-89 * 24 * time.Hour), Valid: true}}}
	f := func(expression string, in bool, until time.Duration) {
		t.Helper()
		s := compiled(t, expression)
		want := time.Time{}
		if until > 0 {
			want = made.Add(until)
		}
		if s.Match(v, made) != in || !s.NextChange(v, made).Equal(want) {
			t.Errorf("%s: %v until %v, want %v", expression, s.Match(v, made), s.NextChange(v, made), want)
		}
	}
	f(`rank("often") == 2`, true, 24*time.Hour) // the order leaves its window, and the visit that ranks the person
	f(`rank("often") == 3`, false, 24*time.Hour)
	f(`rfm_f == 4`, true, 0)
	f(`rfm_r == 2`, true, 0)
	f(`present(rank("never"))`, false, 0) // never computed
	f(`rank("never") < 3 || rank("never") >= 3`, false, 0)
	f(`rank("everybody") == 1`, true, 0)
	f(`top("everybody")`, false, 0)
	if s := compiled(t, `rank("never") >= 4 && rfm_f >= 4`); !slices.Equal(s.Uncomputed(), []string{"never"}) || !slices.Equal(s.Took(KindRanking), []string{"never", rfmFrequency}) {
		t.Errorf("uncomputed %v of %v", s.Uncomputed(), s.Took(KindRanking))
	}
	other := library
	other.Ranking = func(name string) (*Cuts, bool) { c := rankings[name]; c.Points = []string{"7"}; return &c, true }
	if s := compiled(t, `rfm_f >= 4`); s.Current(other) || !s.Current(library) {
		t.Error("the points are not a part of the segment")
	}
}

// Cut points by the query equal those that counting one by one gives, for measures of every kind and all ways to cut.
func TestCutsEqual(t *testing.T) {
	t.Parallel()
	db := openDB(t, "cuts")
	var people []*profiles.View
	seen := map[string]bool{}
	for seed := range 150 {
		if v := rapid.Custom(drawView).Example(seed); !seen[text16(v.ID)] {
			seen[text16(v.ID)] = true
			people = append(people, v)
		}
	}
	insertPeople(t, db, people)
	ways := []By{{Quantiles: 2}, {Quantiles: 5}, {Quantiles: 100}, {Percentiles: []float64{0.5, 50, 90, 99.875}}, {Top: 1}, {Top: 20}, {Top: 1000}}
	for _, o := range []Order{{Measure: "ltv"}, {Measure: "orders_count", Among: "orders_count >= 1"}, {Measure: "last_order_at"}, {Measure: "traits.score"}, {Measure: "aov", Among: "has_email || line_friend"},
		{Measure: `count(orders, .placed_at > ago("90d"))`}, {Measure: "max(visits, .at)", Among: `present(last_order_at)`}, {Measure: "avg(orders, .total)"}, {Measure: "ltv", Among: "false"}} {
		for _, by := range ways {
			o.By = by
			r, err := library.Rank(o)
			if err != nil {
				t.Fatal(o, err)
			}
			query, args := r.SQL(made)
			var n uint64
			var values []string
			if err := db.QueryRow(t.Context(), query, args...).Scan(&n, &values); err != nil {
				t.Fatalf("%v\n%s", err, query)
			}
			points, err := r.Points(values)
			if err != nil {
				t.Fatal(err)
			}
			wantN, want := naiveCuts(t, o, people)
			if int(n) != wantN || !slices.Equal(points, want) {
				t.Errorf("%+v: %d people, %v\nwant %d, %v", o, n, points, wantN, want)
			}
			compareRanks(t, &Cuts{Order: o, Points: points, ComputedAt: made}, people, func(query string, args []any) map[int64]uint64 {
				got := map[int64]uint64{}
				rows, err := db.Query(t.Context(), query, args...)
				if err != nil {
					t.Fatalf("%v\n%s", err, query)
				}
				defer rows.Close()
				for rows.Next() {
					var rank int64
					var count uint64
					if err := rows.Scan(&rank, &count); err != nil {
						t.Fatal(err)
					}
					got[rank] = count
				}
				return got
			})
		}
	}
}

// naiveCuts finds each point by trying every value.
func naiveCuts(t *testing.T, o Order, people []*profiles.View) (n int, points []string) {
	t.Helper()
	node, err := library.rankNode(&o, nil)
	if err != nil {
		t.Fatal(err)
	}
	measure := node.args[0]
	among := always
	if node.where != nil {
		among = verdictOf(node.where)
	}
	var doubles []float64
	var exact []int64
	now := made.UnixMilli()
	for _, v := range people {
		if in, _ := among(v, now, 0); !in || show(measure, v, now) == "" {
			continue
		}
		switch measure.kind {
		case Decimal:
			f, _ := floatOf(measure)(v, now, 0)
			doubles = append(doubles, f)
		case Instant:
			exact = append(exact, valueOf(measure)(v, now, 0))
		default:
			i, _ := maybeOf(measure)(v, now, 0)
			exact = append(exact, i)
		}
	}
	text := func(s string) string { return must(pointText(s, measure))(t) }
	if measure.kind == Decimal {
		return len(doubles), pointsOf(o.By, doubles, func(x float64) string { return text(strconv.FormatFloat(x, 'g', -1, 64)) })
	}
	return len(exact), pointsOf(o.By, exact, func(x int64) string { return text(strconv.FormatInt(x, 10)) })
}

func pointsOf[T cmp.Ordered](by By, values []T, text func(T) string) (points []string) {
	slices.Sort(values)
	count := func(fits func(x T) bool) (k int) {
		for _, x := range values {
			k += int(bit(fits(x)))
		}
		return k
	}
	add := func(enough func(p T) bool) {
		if i := slices.IndexFunc(values, enough); i >= 0 {
			points = append(points, text(values[i]))
		}
	}
	if by.Top > 0 {
		add(func(p T) bool { return count(func(x T) bool { return x >= p }) <= by.Top })
		return points
	}
	shares := by.Percentiles
	for i := 1; i < by.Quantiles; i++ {
		shares = append(shares, 100*float64(i)/float64(by.Quantiles))
	}
	for _, share := range shares {
		add(func(p T) bool {
			return float64(count(func(x T) bool { return x < p }))*100 >= share*float64(len(values))-1e-9
		})
	}
	return points
}

// compareRanks holds the counts of the ranks to what Match says.
func compareRanks(t *testing.T, c *Cuts, people []*profiles.View, read func(query string, args []any) map[int64]uint64) {
	t.Helper()
	l := Library{Ranking: func(string) (*Cuts, bool) { return c, true }}
	query, args, err := c.SQL(l, made)
	if err != nil {
		t.Fatal(err)
	}
	got := read(query, args)
	for rank := range c.By.Ranks() {
		s, err := l.Compile("s", 1, fmt.Appendf(nil, `{"expression": "rank(\"x\") == %d"}`, rank+1))
		if err != nil {
			t.Fatal(err)
		}
		want := uint64(0)
		for _, v := range people {
			want += uint64(bit(s.Match(v, made)))
		}
		if got[int64(rank+1)] != want {
			t.Fatalf("%+v rank %d: SQL %d, Match %d", c.Order, rank+1, got[int64(rank+1)], want)
		}
	}
}
