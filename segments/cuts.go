package segments

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Ranked is a ranking ready to be computed.
type Ranked struct {
	Order Order
	node  *node
}

// Rank prepares the computation of a ranking's cuts.
func (l Library) Rank(o Order) (*Ranked, error) {
	n, err := l.rankNode(&o, nil)
	return &Ranked{o, n}, err
}

// SQL is a query of one row: how many people are ranked (UInt64) and the cut points (Array(String), as [Ranked.Points] reads
// them).
//
// A point is the smallest value that fewer than its share of the people stay below: of five parts the first is the smallest
// that at least a fifth of the people are below. So who has the same measure has the same rank, and who stands together at a
// border falls into the lower one. Of the top n it is the smallest that at most n people reach: with equals at the border there
// may be fewer.
func (r *Ranked) SQL(at time.Time) (query string, args []any) {
	q := newQuery(at)
	measure, condition := q.ranking(r.node)
	by, points := r.Order.By, []string(nil)
	point := func(reached string) string { return "toString(minOrNullIf(m, " + reached + "))" }
	switch {
	case by.Top > 0:
		points = append(points, point("people - below <= "+q.whole(int64(by.Top))))
	case by.Quantiles > 0:
		for i := 1; i < by.Quantiles; i++ {
			points = append(points, point("below * "+q.whole(int64(by.Quantiles))+" >= people * "+q.whole(int64(i))))
		}
	default:
		for _, p := range by.Percentiles {
			points = append(points, point("below * 100000 >= people * "+q.whole(int64(math.Round(p*1000)))))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `SELECT toUInt64(any(people)), arrayFilter(x -> x != '', [%s])
FROM (SELECT m, toInt64(sum(c) OVER (ORDER BY m ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)) - toInt64(c) AS below, toInt64(sum(c) OVER ()) AS people
FROM (SELECT assumeNotNull(%s) AS m, count() AS c
`, strings.Join(ifNulls(points), ",\n  "), measure)
	q.from(&b, nil)
	fmt.Fprintf(&b, "WHERE %s\nGROUP BY m))", condition)
	return b.String(), q.args
}

func ifNulls(of []string) []string {
	for i := range of {
		of[i] = "ifNull(" + of[i] + ", '')"
	}
	return of
}

// Points are the cut points as definitions have them, of what the query gave.
func (r *Ranked) Points(values []string) ([]string, error) {
	points := make([]string, len(values))
	for i, v := range values {
		var err error
		if points[i], err = pointText(v, r.node.args[0]); err != nil {
			return nil, err
		}
	}
	return points, nil
}

// SQL is a query of the people of each rank at an instant: rank (Int64), people (UInt64); who has none is not in it.
func (c *Cuts) SQL(l Library, at time.Time) (query string, args []any, err error) {
	n, err := l.rankNode(&c.Order, c)
	if err != nil {
		return "", nil, err
	}
	q := newQuery(at)
	var b strings.Builder
	fmt.Fprintf(&b, "SELECT assumeNotNull(r) AS rank, count() AS people FROM (SELECT %s AS r\n", q.rank(n))
	q.from(&b, nil)
	b.WriteString(") WHERE r IS NOT NULL GROUP BY rank ORDER BY rank")
	return b.String(), q.args, nil
}

// TopSQL is a query of the people (profile_id) with the greatest measures at an instant, at most n; of equals the hash of the
// profile id decides, so that it is always the same ones.
func (r *Ranked) TopSQL(at time.Time, n int) (query string, args []any) {
	q := newQuery(at)
	measure, condition := q.ranking(r.node)
	var b strings.Builder
	fmt.Fprintf(&b, "SELECT profile_id FROM (SELECT p.profile_id AS profile_id, assumeNotNull(%s) AS m\n", measure)
	q.from(&b, nil)
	fmt.Fprintf(&b, "WHERE %s) ORDER BY m DESC, sipHash64(profile_id) LIMIT %s", condition, q.whole(int64(n)))
	return b.String(), q.args
}
