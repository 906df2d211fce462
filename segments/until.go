package segments

import "math"

// never is the instant of a change that time alone does not bring.
const never = math.MaxInt64

// verdict is an answer together with the earliest instant at which the clock may change it: it holds from now until just
// before that instant. A verdict may end early, never late.
type verdict func(v *view, now int64, i int) (bool, int64)

// horizon is the earliest instant at which the clock may change a value.
type horizon func(v *view, now int64, i int) int64

// verdictOf compiles a condition.
func verdictOf(n *node) verdict {
	if !n.timed {
		t := testOf(n)
		return func(v *view, now int64, i int) (bool, int64) { return t(v, now, i), never }
	}
	switch n.op {
	case opNot:
		x := verdictOf(n.args[0])
		return func(v *view, now int64, i int) (bool, int64) {
			b, until := x(v, now, i)
			return !b, until
		}
	case opAnd, opOr:
		return verdictJoin(n)
	case opAtLeast:
		return verdictAtLeast(n)
	case opBirthday:
		days, zone := int(n.i), n.zone
		return func(v *view, now int64, _ int) (bool, int64) { return birthdayOf(v).within(days, now, zone) }
	case opCompare:
		if n.args[0].kind == Instant {
			return verdictInstants(n)
		}
	}
	parts := n.args
	if n.list != nil { // first and last of a field that is true or false
		parts = []*node{n}
	}
	t, h := testOf(n), horizonOf(parts...)
	return func(v *view, now int64, i int) (bool, int64) { return t(v, now, i), h(v, now, i) }
}

// verdictJoin: an and is false as long as one of its false parts is, so the last of them to change counts; it is true until
// the first part changes. An or is the mirror image.
func verdictJoin(n *node) verdict {
	parts := make([]verdict, len(n.args))
	for k, a := range n.args {
		parts[k] = verdictOf(a)
	}
	decisive := n.op == opOr // the answer of a part that decides the whole
	return func(v *view, now int64, i int) (bool, int64) {
		first, last := int64(never), int64(math.MinInt64)
		for _, p := range parts {
			b, until := p(v, now, i)
			if b == decisive {
				if last = max(last, until); last == never {
					return decisive, never
				}
			}
			first = min(first, until)
		}
		if last > math.MinInt64 {
			return decisive, last
		}
		return !decisive, first
	}
}

// verdictInstants: of `t rel now - d`, t and now-d are equal at now = t + d.
func verdictInstants(n *node) verdict {
	x, y, rel := n.args[0], n.args[1], n.rel
	t, inner := valueOf(x), horizonOf(x, y)
	if y.op == opCalendar {
		return verdictCalendar(rel, t, y.calendar(), inner)
	}
	if y.op != opAgo {
		b := valueOf(y)
		compare := testInstants(rel, t, b)
		return func(v *view, now int64, i int) (bool, int64) { return compare(v, now, i), inner(v, now, i) }
	}
	d := y.i
	return func(v *view, now int64, i int) (bool, int64) {
		at := t(v, now, i)
		if at == 0 {
			return false, inner(v, now, i)
		}
		return holds(rel, at, before(now, d)), min(flip(rel, at+d, now), inner(v, now, i))
	}
}

// verdictCalendar: the instant of a calendar only grows, in steps.
func verdictCalendar(rel relation, t value, c calendar, inner horizon) verdict {
	return func(v *view, now int64, i int) (bool, int64) {
		at := t(v, now, i)
		if at == 0 {
			return false, inner(v, now, i)
		}
		until := inner(v, now, i)
		if rel != ge && rel != lt {
			if next := c.reaches(at); next > now {
				until = min(until, next)
			}
		}
		if rel != gt && rel != le {
			if next := c.passes(at); next > now {
				until = min(until, next)
			}
		}
		return holds(rel, at, c.at(now)), until
	}
}

// flip is the next instant after now at which a comparison changes whose sides are equal at the instant meet.
func flip(rel relation, meet, now int64) int64 {
	switch {
	case (rel == gt || rel == le) && now < meet:
		return meet
	case (rel == ge || rel == lt) && now <= meet:
		return meet + 1
	case (rel == eq || rel == ne) && now < meet:
		return meet
	case (rel == eq || rel == ne) && now == meet:
		return meet + 1
	}
	return never
}

// tracked is how many changes verdictAtLeast keeps apart; a larger threshold is answered early.
const tracked = 8

// verdictAtLeast: with k wanted, the answer stays true while k of the elements that fulfil the condition now still do, that
// is until the k-th last of their changes; it stays false until as many others as are missing may have changed.
func verdictAtLeast(n *node) verdict {
	s, where, enough := scanOf(n), always, int(n.i)
	if n.where != nil {
		where = verdictOf(n.where)
	}
	return func(v *view, now int64, _ int) (bool, int64) {
		bound, ok := s.bound(v, now)
		if !ok {
			return false, never // the bound is missing and does not move
		}
		var yes, no ranks
		count := 0
		for i := s.length(v) - 1; i >= 0; i-- {
			if s.at != nil && s.at(v, i) <= bound {
				break
			}
			b, until := where(v, now, i)
			if b {
				count++
				yes.add(-until, enough)
			} else {
				no.add(until, enough)
			}
		}
		if count >= enough {
			if enough > tracked {
				return true, -yes.largest
			}
			return true, -yes.smallest[enough-1]
		}
		missing := enough - count
		if missing > tracked {
			return false, no.first()
		}
		return false, no.nth(missing)
	}
}

func always(*view, int64, int) (bool, int64) { return true, never }

// ranks keeps the smallest few of many numbers in order, and the largest.
type ranks struct {
	smallest [tracked]int64
	n        int
	largest  int64
}

func (r *ranks) add(x int64, want int) {
	if r.n == 0 || x > r.largest {
		r.largest = x
	}
	want = min(want, tracked)
	k := r.n
	if k == want {
		if x >= r.smallest[k-1] {
			return
		}
		k--
	} else {
		r.n++
	}
	for k > 0 && r.smallest[k-1] > x {
		r.smallest[k] = r.smallest[k-1]
		k--
	}
	r.smallest[k] = x
}

// first is the smallest, nth the n-th smallest; never when there are fewer.
func (r *ranks) first() int64 { return r.nth(1) }

func (r *ranks) nth(n int) int64 {
	if n > r.n {
		return never
	}
	return r.smallest[n-1]
}

// horizonOf is the earliest change of several values.
func horizonOf(args ...*node) horizon {
	var parts []horizon
	for _, a := range args {
		switch {
		case !a.timed || a.clock(): // a comparison looks at these itself
		case a.op == opAge:
			parts = append(parts, func(v *view, now int64, _ int) int64 { return birthdayOf(v).older(now, a.zone) })
		case a.op == opRank:
			parts = append(parts, horizonOfRank(a))
		case a.list != nil:
			parts = append(parts, horizonOfList(a))
		default:
			parts = append(parts, horizonOf(a.args...))
		}
	}
	if len(parts) == 0 {
		return func(*view, int64, int) int64 { return never }
	}
	return func(v *view, now int64, i int) int64 {
		first := int64(never)
		for _, p := range parts {
			first = min(first, p(v, now, i))
		}
		return first
	}
}

// horizonOfList is when the first element may begin or cease to fulfil the condition.
func horizonOfList(n *node) horizon {
	s, where := scanOf(n), verdictOf(n.where)
	return func(v *view, now int64, _ int) int64 {
		bound, ok := s.bound(v, now)
		if !ok {
			return never
		}
		first := int64(never)
		for i := s.length(v) - 1; i >= 0; i-- {
			if s.at != nil && s.at(v, i) <= bound {
				break
			}
			_, until := where(v, now, i)
			first = min(first, until)
		}
		return first
	}
}
