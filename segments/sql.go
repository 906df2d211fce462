package segments

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// SQL is a query over the fact tables whose rows (profile_id FixedString(16)) are the people in the segment at an instant. at
// moves the clock, not the knowledge: what is known now is judged as of then. The arguments are named; nothing but names of
// the tables in fields.go stands in the text.
func (s *Segment) SQL(at time.Time) (query string, args []any) {
	q := newQuery(at)
	where := q.condition(s.root)
	var b strings.Builder
	b.WriteString("SELECT p.profile_id AS profile_id\n")
	q.from(&b, s.root)
	fmt.Fprintf(&b, "WHERE %s", where)
	return b.String(), q.args
}

// SQLMany counts many segments in one pass: one row of base (people, UInt64) and counts (Array(UInt64), in the order of the
// segments).
func SQLMany(segs []*Segment, at time.Time) (query string, args []any) {
	q := newQuery(at)
	counts := make([]string, len(segs))
	for i, s := range segs {
		counts[i] = "countIf(" + q.condition(s.root) + ")"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "SELECT count() AS base, CAST([%s], 'Array(UInt64)') AS counts\n", strings.Join(counts, ",\n  "))
	q.from(&b, nil)
	return strings.TrimRight(b.String(), "\n"), q.args
}

// MaxOverlap is how many segments [SQLOverlap] takes.
const MaxOverlap = 6

// SQLOverlap counts the people of each combination of segments in one pass: rows of mask (UInt64, bit i set for those in the
// i-th segment) and people (UInt64). Combinations of nobody have no row.
func SQLOverlap(segs []*Segment, at time.Time) (query string, args []any) {
	q := newQuery(at)
	masks := make([]string, len(segs))
	for i, s := range segs {
		masks[i] = fmt.Sprintf("if(%s, toUInt64(%d), 0)", q.condition(s.root), 1<<i)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "SELECT toUInt64(%s) AS mask, count() AS people\n", strings.Join(masks, "\n  + "))
	q.from(&b, nil)
	b.WriteString("GROUP BY mask")
	return b.String(), q.args
}

// statement is a query being written. p is the row of people, e the element inside a list's sub-select; what is measured over
// a list is a column of its sub-select, which is joined by profile: so "none" and "count = 0" find people without any row.
type statement struct {
	now    int64
	args   []any
	named  map[string]string // type and value -> placeholder
	lists  []*subselect
	people []string   // columns of people outside of the lists
	makes  bool       // some of them are made
	in     *subselect // whose condition is being written; nil outside
}

// subselect is one pass over one fact table.
type subselect struct {
	table   string
	columns []column
	index   map[column]int
	people  []string // columns of people that conditions on elements need
	since   int64    // no column wants a row before it
}

// column is an aggregate: function(of) over the rows that fulfil where; either may be empty.
type column struct{ function, of, where string }

func newQuery(at time.Time) *statement {
	return &statement{now: at.UnixMilli(), named: map[string]string{}}
}

// bind makes a parameter; equal values share one, so that equal conditions are equal texts.
func (q *statement) bind(typ, value string) string {
	key := typ + " " + value
	if p, ok := q.named[key]; ok {
		return p
	}
	name := "p" + strconv.Itoa(len(q.args))
	q.args = append(q.args, clickhouse.Named(name, value))
	q.named[key] = "{" + name + ":" + typ + "}"
	return q.named[key]
}

func (q *statement) whole(x int64) string { return q.bind("Int64", strconv.FormatInt(x, 10)) }

// double binds a number by its bits: the server reads 1.23456789e+08 as a neighbour of 123456789.
func (q *statement) double(x float64) string {
	return "reinterpretAsFloat64(" + q.bind("UInt64", strconv.FormatUint(math.Float64bits(x), 10)) + ")"
}

func (q *statement) text(s string) string { return q.bind("String", s) }

// column names the place of a field: of the element, or of the person.
func (q *statement) column(f *Field, element bool) string {
	name := f.column
	if name == "" {
		name = f.Name
	}
	if element {
		return "e." + name
	}
	q.needs(name)
	return "p." + name
}

// needs notes a column of people: a sub-select has to join it.
func (q *statement) needs(name string) {
	columns := &q.people
	if q.in != nil {
		columns = &q.in.people
	}
	if sql := madeColumn(name); sql != "" {
		q.makes = q.makes || q.in == nil
		name = sql + " AS " + name
	}
	if !slices.Contains(*columns, name) {
		*columns = append(*columns, name)
	}
}

// madeColumn is the expression of what people have beyond the columns of their table; empty for those.
func madeColumn(name string) string {
	switch name {
	case "region":
		return regionSQL()
	case "birth":
		return birthSQL()
	}
	return ""
}

// list is the sub-select over the list's table.
func (q *statement) list(l *Collection) *subselect {
	for _, s := range q.lists {
		if s.table == l.table {
			return s
		}
	}
	s := &subselect{table: l.table, index: map[column]int{}, since: math.MaxInt64}
	q.lists = append(q.lists, s)
	return s
}

// measure is the column of an aggregate over a list, seen from outside.
func (q *statement) measure(n *node, function, of, and string) string {
	s := q.list(n.list)
	where := ""
	if parts := narrowed(conditions(n.where), n.list.sortField()); len(parts) > 0 {
		q.in = s
		where = q.condition(join(opAnd, n.at, parts...))
		q.in = nil
	}
	s.since = min(s.since, q.earliest(n))
	if and != "" {
		where = strings.TrimPrefix(where+" AND "+and, " AND ")
	}
	c := column{function, of, where}
	i, ok := s.index[c]
	if !ok {
		i = len(s.columns)
		s.index[c] = i
		s.columns = append(s.columns, c)
	}
	return "in_" + s.table + ".n" + strconv.Itoa(i)
}

// earliest is the instant before which a condition wants no row of its list, if the table is sorted by it.
func (q *statement) earliest(n *node) int64 {
	since := int64(math.MinInt64)
	for _, p := range conditions(n.where) {
		if !n.list.keyed || !bounds(p, n.list.sortField()) {
			continue
		}
		switch y := p.args[1]; y.op {
		case opAgo, opCalendar:
			since = max(since, y.instantAt(q.now))
		case opConst:
			since = max(since, y.i)
		}
	}
	return since
}

// inside writes a part of an aggregate's argument.
func (q *statement) inside(n *node, write func(*node) string) string {
	q.in = q.list(n.list)
	defer func() { q.in = nil }()
	return write(n.args[0])
}

// from writes FROM and the joins. root, if given, tells which lists a person in the segment must have rows of.
func (q *statement) from(b *strings.Builder, root *node) {
	if q.makes {
		fmt.Fprintf(b, "FROM (SELECT profile_id, %s FROM people FINAL) AS p\n", strings.Join(q.people, ", "))
	} else {
		b.WriteString("FROM people AS p FINAL\n")
	}
	for _, s := range q.lists {
		join := "LEFT"
		if v, known := withoutRows(root, s.table); known && !v {
			join = "INNER"
		}
		fmt.Fprintf(b, "%s JOIN (\n%s) AS in_%[3]s ON in_%[3]s.id = p.profile_id\n", join, s.sql(q), s.table)
	}
}

// sql writes the sub-select. Rows that no column wants are left out before grouping, if that is cheap to say. A bound of the
// instant that is part of the sorting key goes in PREWHERE: it leaves out all versions of a row or none, so it may come
// before FINAL and spares it the work.
func (s *subselect) sql(q *statement) string {
	var wheres []string
	seen := map[string]bool{}
	for _, c := range s.columns {
		if !seen[c.where] {
			seen[c.where] = true
			wheres = append(wheres, c.where)
		}
	}
	where := strings.Join(wheres, "\n    OR ")
	if seen[""] || len(wheres) > 4 {
		where = ""
	}
	var b strings.Builder
	b.WriteString("  SELECT e.profile_id AS id")
	for i, c := range s.columns {
		condition := c.where
		if len(wheres) == 1 {
			condition = "" // stands in WHERE
		}
		fmt.Fprintf(&b, ",\n    %s AS n%d", c.sql(condition), i)
	}
	fmt.Fprintf(&b, "\n  FROM %s AS e FINAL\n", s.table)
	if len(s.people) > 0 {
		fmt.Fprintf(&b, "  INNER JOIN (SELECT profile_id, %s FROM people FINAL) AS p ON p.profile_id = e.profile_id\n", strings.Join(s.people, ", "))
	}
	if s.since > math.MinInt64 {
		fmt.Fprintf(&b, "  PREWHERE e.at >= fromUnixTimestamp64Milli(%s, 'UTC')\n", q.whole(s.since))
	}
	if where != "" {
		fmt.Fprintf(&b, "  WHERE %s\n", where)
	}
	b.WriteString("  GROUP BY id\n")
	return b.String()
}

func (c column) sql(where string) string {
	args := c.of
	name := c.function
	if where != "" {
		name += "If"
		args = strings.TrimPrefix(args+", "+where, ", ")
	}
	switch c.function {
	case "count", "uniqExact":
		return "toInt64(" + name + "(" + args + "))"
	case "sum": // of Nullable values it is null when there is none
		return "ifNull(" + name + "(" + args + "), toInt128(0))"
	}
	return name + "(" + args + ")"
}

// withoutRows is the answer for a person without any row in a table, if it can be told from the expression alone.
func withoutRows(n *node, table string) (answer, known bool) {
	if n == nil {
		return false, false
	}
	switch n.op {
	case opConst:
		return n.b, true
	case opAtLeast:
		return false, n.list.table == table
	case opNot:
		answer, known = withoutRows(n.args[0], table)
		return !answer, known
	case opAnd, opOr:
		all := true
		for _, a := range n.args {
			v, ok := withoutRows(a, table)
			if ok && v == (n.op == opOr) {
				return v, true
			}
			all = all && ok
		}
		return n.op == opAnd, all
	case opCompare:
		for _, a := range n.args { // min, max and avg of nothing are missing
			if (a.op == opMin || a.op == opMax || a.op == opAvg) && a.list.table == table {
				return false, true
			}
		}
	}
	return false, false
}
