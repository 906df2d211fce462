package segments

import (
	"slices"
	"strconv"
	"strings"

	"enishi"
)

// The closures that an expression becomes. i is the element looked at, of the list whose condition it is; now is the clock in
// milliseconds. They allocate nothing, but for a number of a trait read as text.
type (
	test  func(v *view, now int64, i int) bool
	value func(v *view, now int64, i int) int64         // whole numbers and amounts that are never missing; instants, 0 = missing
	maybe func(v *view, now int64, i int) (int64, bool) // whole numbers and amounts; false: missing
	float func(v *view, now int64, i int) (float64, bool)
	words func(v *view, now int64, i int) string
)

// testOf compiles a condition.
func testOf(n *node) test {
	switch n.op {
	case opConst:
		b := n.b
		return func(*view, int64, int) bool { return b }
	case opField:
		get := n.field.whole
		return func(v *view, _ int64, i int) bool { return get(v, i) != 0 }
	case opConsent:
		name := n.name
		return func(v *view, _ int64, _ int) bool { return consents(v, name) }
	case opTraitIs:
		return testTraitIs(n)
	case opHas:
		s, texts := n.s, n.field.texts
		return func(v *view, _ int64, _ int) bool { return slices.Contains(texts(v), s) }
	case opBirthday:
		days, zone := int(n.i), n.zone
		return func(v *view, now int64, _ int) bool {
			in, _ := birthdayOf(v).within(days, now, zone)
			return in
		}
	case opNot:
		x := testOf(n.args[0])
		return func(v *view, now int64, i int) bool { return !x(v, now, i) }
	case opAnd:
		return testAll(n.args)
	case opOr:
		return testAny(n.args)
	case opCompare:
		return testCompare(n)
	case opIn, opContains, opStarts, opEnds:
		return testText(n)
	case opPresent:
		return testPresent(n.args[0])
	case opAtLeast:
		return testAtLeast(n)
	case opFirst, opLast:
		return testChosen(n)
	}
	panic("no condition: " + strconv.Itoa(int(n.op)))
}

func testAll(args []*node) test {
	ts := tests(args)
	switch len(ts) {
	case 2:
		a, b := ts[0], ts[1]
		return func(v *view, now int64, i int) bool { return a(v, now, i) && b(v, now, i) }
	case 3:
		a, b, c := ts[0], ts[1], ts[2]
		return func(v *view, now int64, i int) bool { return a(v, now, i) && b(v, now, i) && c(v, now, i) }
	}
	return func(v *view, now int64, i int) bool {
		for _, t := range ts {
			if !t(v, now, i) {
				return false
			}
		}
		return true
	}
}

func testAny(args []*node) test {
	ts := tests(args)
	return func(v *view, now int64, i int) bool {
		for _, t := range ts {
			if t(v, now, i) {
				return true
			}
		}
		return false
	}
}

func tests(args []*node) []test {
	ts := make([]test, len(args))
	for k, a := range args {
		ts[k] = testOf(a)
	}
	return ts
}

func testTraitIs(n *node) test {
	name, want, number := n.name, n.s, 0.0
	if want == "true" {
		number = 1
	}
	return func(v *view, _ int64, _ int) bool {
		x, ok := v.Traits[name]
		switch {
		case !ok:
			return false
		case x.Kind == enishi.Bool:
			return (x.Number != 0) == (number != 0)
		}
		return x.Kind == enishi.Text && x.Text == want
	}
}

func testCompare(n *node) test {
	x, y := n.args[0], n.args[1]
	switch x.kind {
	case Text:
		return testTextCompare(n.rel, x, y)
	case Decimal:
		a, b, rel := floatOf(x), floatOf(y), n.rel
		return func(v *view, now int64, i int) bool {
			p, ok := a(v, now, i)
			if !ok {
				return false
			}
			q, ok := b(v, now, i)
			return ok && holds(rel, p, q)
		}
	case Instant:
		if x.op == opField && y.op == opAgo {
			return testFieldAgo(n.rel, x.field.whole, y.i)
		}
		return testInstants(n.rel, valueOf(x), valueOf(y))
	}
	if x.op == opField && y.op == opConst {
		return testFieldConst(n.rel, x.field.whole, y.i)
	}
	a, b, rel := maybeOf(x), maybeOf(y), n.rel
	return func(v *view, now int64, i int) bool {
		p, ok := a(v, now, i)
		if !ok {
			return false
		}
		q, ok := b(v, now, i)
		return ok && holds(rel, p, q)
	}
}

func holds[T int64 | float64 | string](rel relation, a, b T) bool {
	switch rel {
	case eq:
		return a == b
	case ne:
		return a != b
	case lt:
		return a < b
	case le:
		return a <= b
	case gt:
		return a > b
	}
	return a >= b
}

// testFieldConst is the commonest comparison, without a second call and without a switch.
func testFieldConst(rel relation, get func(v *view, i int) int64, k int64) test {
	switch rel {
	case eq:
		return func(v *view, _ int64, i int) bool { return get(v, i) == k }
	case ne:
		return func(v *view, _ int64, i int) bool { return get(v, i) != k }
	case lt:
		return func(v *view, _ int64, i int) bool { return get(v, i) < k }
	case le:
		return func(v *view, _ int64, i int) bool { return get(v, i) <= k }
	case gt:
		return func(v *view, _ int64, i int) bool { return get(v, i) > k }
	}
	return func(v *view, _ int64, i int) bool { return get(v, i) >= k }
}

// testFieldAgo is the commonest comparison of instants.
func testFieldAgo(rel relation, get func(v *view, i int) int64, d int64) test {
	switch rel {
	case gt, ge:
		strict := bit(rel == gt)
		return func(v *view, now int64, i int) bool {
			t := get(v, i)
			return t != 0 && t >= before(now, d)+strict
		}
	case lt, le:
		strict := bit(rel == lt)
		return func(v *view, now int64, i int) bool {
			t := get(v, i)
			return t != 0 && t <= before(now, d)-strict
		}
	}
	return testInstants(rel, func(v *view, _ int64, i int) int64 { return get(v, i) }, func(_ *view, now int64, _ int) int64 { return before(now, d) })
}

func testInstants(rel relation, a, b value) test {
	return func(v *view, now int64, i int) bool {
		p := a(v, now, i)
		if p == 0 {
			return false
		}
		q := b(v, now, i)
		return q != 0 && holds(rel, p, q)
	}
}

func testTextCompare(rel relation, x, y *node) test {
	if x.op == opField && y.op == opConst && (rel == eq || rel == ne) {
		get, s, want := x.field.text, y.s, rel == eq
		return func(v *view, _ int64, i int) bool { return (get(v, i) == s) == want }
	}
	a := wordsOf(x)
	if y.op == opConst && rel == eq {
		s := y.s
		return func(v *view, now int64, i int) bool { return a(v, now, i) == s }
	}
	b := wordsOf(y)
	return func(v *view, now int64, i int) bool { return holds(rel, a(v, now, i), b(v, now, i)) }
}

func testText(n *node) test {
	a, s := wordsOf(n.args[0]), n.s
	switch n.op {
	case opIn:
		texts := n.texts
		return func(v *view, now int64, i int) bool {
			x := a(v, now, i)
			for _, t := range texts {
				if x == t {
					return true
				}
			}
			return false
		}
	case opContains:
		return func(v *view, now int64, i int) bool { return strings.Contains(a(v, now, i), s) }
	case opStarts:
		return func(v *view, now int64, i int) bool { return strings.HasPrefix(a(v, now, i), s) }
	}
	return func(v *view, now int64, i int) bool { return strings.HasSuffix(a(v, now, i), s) }
}

func testPresent(x *node) test {
	switch x.kind {
	case Text:
		a := wordsOf(x)
		return func(v *view, now int64, i int) bool { return a(v, now, i) != "" }
	case Instant:
		a := valueOf(x)
		return func(v *view, now int64, i int) bool { return a(v, now, i) != 0 }
	case Decimal:
		a := floatOf(x)
		return func(v *view, now int64, i int) bool { _, ok := a(v, now, i); return ok }
	}
	a := maybeOf(x)
	return func(v *view, now int64, i int) bool { _, ok := a(v, now, i); return ok }
}
