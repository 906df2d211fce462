package segments

import (
	"math"
	"slices"
)

// scan walks over the elements of a list that fulfil a condition, newest first.
type scan struct {
	length func(v *view) int
	where  test
	at     func(v *view, i int) int64 // the instant by which the list is sorted; nil when the condition gives no lower bound of it
	since  value                      // that lower bound
	strict bool                       // at > since, else at >= since
}

// scanOf takes the lower bound of the instant by which the list is sorted out of the condition: what is older need not be
// looked at, and cannot come back as the clock goes on.
func scanOf(n *node) *scan {
	s := &scan{length: n.list.length}
	f := n.list.sortField()
	rest := narrowed(conditions(n.where), f)
	if f != nil {
		for k := len(rest) - 1; k >= 0; k-- {
			if p := rest[k]; bounds(p, f) {
				s.at, s.since, s.strict = f.whole, valueOf(p.args[1]), p.rel == gt
				rest = slices.Delete(slices.Clone(rest), k, k+1)
				break
			}
		}
	}
	switch len(rest) {
	case 0:
		s.where = func(*view, int64, int) bool { return true }
	case 1:
		s.where = testOf(rest[0])
	default:
		s.where = testAll(rest)
	}
	return s
}

// conditions are the parts that a condition joins by and.
func conditions(n *node) []*node {
	switch {
	case n == nil:
		return nil
	case n.op == opAnd:
		return n.args
	}
	return []*node{n}
}

// bounds reports whether p is a lower bound of f that is the same for all elements.
func bounds(p *node, f *Field) bool {
	return p.op == opCompare && (p.rel == gt || p.rel == ge) && p.args[0].op == opField && p.args[0].field == f && !p.args[1].element
}

// narrowed leaves out the bounds of f by the clock that a narrower one implies, as the window of a list is by what the user
// wrote.
func narrowed(parts []*node, f *Field) []*node {
	if f == nil {
		return parts
	}
	narrow := (*node)(nil)
	for _, p := range parts {
		if bounds(p, f) && p.args[1].op == opAgo && (narrow == nil || p.args[1].i < narrow.args[1].i) {
			narrow = p
		}
	}
	var out []*node
	for _, p := range parts {
		if narrow != nil && bounds(p, f) && p.args[1].op == opAgo && p.args[1].i > narrow.args[1].i {
			continue
		}
		out = append(out, p)
	}
	return out
}

func (c *Collection) sortField() *Field {
	if c.sorted == "" {
		return nil
	}
	return c.field(c.sorted)
}

// bound is the instant after which elements count; false when none does.
func (s *scan) bound(v *view, now int64) (int64, bool) {
	if s.at == nil {
		return math.MinInt64, true
	}
	b := s.since(v, now, 0)
	if b == 0 {
		return 0, false
	}
	if !s.strict {
		b--
	}
	return b, true
}

// each calls do for every element that fulfils the condition, until it answers false.
func (s *scan) each(v *view, now int64, do func(i int) bool) {
	bound, ok := s.bound(v, now)
	if !ok {
		return
	}
	for i := s.length(v) - 1; i >= 0; i-- {
		if s.at != nil {
			t := s.at(v, i)
			if t <= bound {
				return
			}
			if t == 0 {
				continue
			}
		}
		if s.where(v, now, i) && !do(i) {
			return
		}
	}
}

// testAtLeast stops counting when there are enough.
func testAtLeast(n *node) test {
	s, enough := scanOf(n), n.i
	return func(v *view, now int64, _ int) bool {
		bound, ok := s.bound(v, now)
		if !ok {
			return false
		}
		count := int64(0)
		for i := s.length(v) - 1; i >= 0; i-- {
			if s.at != nil {
				t := s.at(v, i)
				if t <= bound {
					return false
				}
				if t == 0 {
					continue
				}
			}
			if s.where(v, now, i) {
				if count++; count >= enough {
					return true
				}
			}
		}
		return false
	}
}
