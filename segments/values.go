package segments

import (
	"math"
	"math/bits"
	"strconv"

	"enishi"
)

// wordsOf compiles a text.
func wordsOf(n *node) words {
	switch n.op {
	case opField:
		get := n.field.text
		return func(v *view, _ int64, i int) string { return get(v, i) }
	case opFirst, opLast:
		return wordsChosen(n)
	case opFold:
		x := wordsOf(n.args[0])
		return func(v *view, now int64, i int) string { return foldText(x(v, now, i)) }
	case opTrait:
		name := n.name
		return func(v *view, _ int64, _ int) string { return traitText(v.Traits[name]) }
	}
	s := n.s
	return func(*view, int64, int) string { return s }
}

// valueOf compiles an instant.
func valueOf(n *node) value {
	switch n.op {
	case opField:
		get := n.field.whole
		return func(v *view, _ int64, i int) int64 { return get(v, i) }
	case opAgo:
		d := n.i
		return func(_ *view, now int64, _ int) int64 { return before(now, d) }
	case opCalendar:
		c := n.calendar()
		return func(_ *view, now int64, _ int) int64 { return c.at(now) }
	case opFirst, opLast:
		return valueChosen(n)
	case opMin, opMax:
		s, of, largest := scanOf(n), valueOf(n.args[0]), n.op == opMax
		return func(v *view, now int64, _ int) int64 {
			best := int64(0)
			s.each(v, now, func(i int) bool {
				if t := of(v, now, i); t != 0 && (best == 0 || (t > best) == largest) {
					best = t
				}
				return true
			})
			return best
		}
	}
	k := n.i
	return func(*view, int64, int) int64 { return k }
}

// before is now less d. The instant 0 stands for missing, so it gives way by a millisecond.
func before(now, d int64) int64 {
	if now == d {
		return 1
	}
	return now - d
}

// maybeOf compiles a whole number or an amount.
func maybeOf(n *node) maybe {
	switch n.op {
	case opConst:
		k := n.i
		return func(*view, int64, int) (int64, bool) { return k, true }
	case opField:
		get := n.field.whole
		return func(v *view, _ int64, i int) (int64, bool) { return get(v, i), true }
	case opAge:
		zone := n.zone
		return func(v *view, now int64, _ int) (int64, bool) { return birthdayOf(v).age(now, zone) }
	case opRank:
		return rankOf(n)
	case opBirthMonth:
		return func(v *view, _ int64, _ int) (int64, bool) {
			month := birthdayOf(v).month()
			return int64(month), month != 0
		}
	case opCount:
		s := scanOf(n)
		return func(v *view, now int64, _ int) (int64, bool) {
			count := int64(0)
			s.each(v, now, func(int) bool { count++; return true })
			return count, true
		}
	case opFirst, opLast:
		return maybeChosen(n)
	case opDistinct:
		return distinctOf(n)
	case opSum:
		s, of := scanOf(n), maybeOf(n.args[0])
		return func(v *view, now int64, _ int) (int64, bool) {
			var t total
			s.each(v, now, func(i int) bool { t.add(of(v, now, i)); return true })
			return t.value()
		}
	case opMin, opMax:
		s, of, largest := scanOf(n), maybeOf(n.args[0]), n.op == opMax
		return func(v *view, now int64, _ int) (best int64, found bool) {
			s.each(v, now, func(i int) bool {
				if x, ok := of(v, now, i); ok && (!found || (x > best) == largest) {
					best, found = x, true
				}
				return true
			})
			return best, found
		}
	case opAdd, opSub, opMul:
		return exactOf(n)
	case opNeg:
		a := maybeOf(n.args[0])
		return func(v *view, now int64, i int) (int64, bool) {
			x, ok := a(v, now, i)
			return -x, ok && x != math.MinInt64
		}
	case opYen:
		a := maybeOf(n.args[0])
		return func(v *view, now int64, i int) (int64, bool) {
			x, ok := a(v, now, i)
			y, fits := times(x, int64(enishi.Unit))
			return y, ok && fits
		}
	}
	panic("no exact number: " + strconv.Itoa(int(n.op)))
}

func exactOf(n *node) maybe {
	a, b := maybeOf(n.args[0]), maybeOf(n.args[1])
	compute := map[op]func(x, y int64) (int64, bool){opAdd: plus, opSub: minus, opMul: times}[n.op]
	return func(v *view, now int64, i int) (int64, bool) {
		x, ok := a(v, now, i)
		if !ok {
			return 0, false
		}
		y, ok := b(v, now, i)
		if !ok {
			return 0, false
		}
		return compute(x, y)
	}
}

func plus(x, y int64) (int64, bool) {
	s := x + y
	return s, (s > x) == (y > 0)
}

func minus(x, y int64) (int64, bool) {
	d := x - y
	return d, (d < x) == (y > 0)
}

func times(x, y int64) (int64, bool) {
	if x == 0 || y == 0 {
		return 0, true
	}
	p := x * y
	return p, p/y == x && !(x == -1 && y == math.MinInt64) && !(y == -1 && x == math.MinInt64)
}

// total is a sum in 128 bits: its order does not matter.
type total struct {
	hi, lo uint64
	n      int64
}

func (t *total) add(x int64, ok bool) {
	if !ok {
		return
	}
	var carry uint64
	t.lo, carry = bits.Add64(t.lo, uint64(x), 0)
	t.hi += uint64(x>>63) + carry // sign extension
	t.n++
}

// value is the sum; false when it does not fit.
func (t *total) value() (int64, bool) {
	x := int64(t.lo)
	return x, t.hi == uint64(x>>63)
}

// floatOf compiles a double.
func floatOf(n *node) float {
	switch n.op {
	case opConst:
		k := n.f
		return func(*view, int64, int) (float64, bool) { return k, true }
	case opDistance:
		to := n.place
		return func(v *view, _ int64, _ int) (float64, bool) { return kilometres(v.Place(), to) }
	case opTrait:
		name := n.name
		return func(v *view, _ int64, _ int) (float64, bool) {
			x := v.Traits[name]
			return x.Number, x.Kind == enishi.Number
		}
	case opFloat:
		a, scale := maybeOf(n.args[0]), scaleOf(n.args[0])
		return func(v *view, now int64, i int) (float64, bool) {
			x, ok := a(v, now, i)
			return float64(x) / scale, ok
		}
	case opAvg:
		s, of, scale := scanOf(n), maybeOf(n.args[0]), scaleOf(n.args[0])
		return func(v *view, now int64, _ int) (float64, bool) {
			var t total
			s.each(v, now, func(i int) bool { t.add(of(v, now, i)); return true })
			sum, ok := t.value()
			return float64(sum) / scale / float64(t.n), ok && t.n > 0
		}
	case opMin, opMax:
		s, of, largest := scanOf(n), floatOf(n.args[0]), n.op == opMax
		return func(v *view, now int64, _ int) (best float64, found bool) {
			s.each(v, now, func(i int) bool {
				if x, ok := of(v, now, i); ok && (!found || (x > best) == largest) {
					best, found = x, true
				}
				return true
			})
			return best, found
		}
	case opNeg:
		a := floatOf(n.args[0])
		return func(v *view, now int64, i int) (float64, bool) {
			x, ok := a(v, now, i)
			return -x, ok
		}
	}
	return computeFloat(n)
}

// scaleOf is what divides an exact value to give whole units.
func scaleOf(n *node) float64 {
	if n.kind == Money {
		return float64(enishi.Unit)
	}
	return 1
}

func computeFloat(n *node) float {
	a, b, o := floatOf(n.args[0]), floatOf(n.args[1]), n.op
	return func(v *view, now int64, i int) (float64, bool) {
		x, ok := a(v, now, i)
		if !ok {
			return 0, false
		}
		y, ok := b(v, now, i)
		if !ok {
			return 0, false
		}
		var r float64
		switch o {
		case opAdd:
			r = x + y
		case opSub:
			r = x - y
		case opMul:
			r = x * y
		case opDiv:
			if y == 0 {
				return 0, false
			}
			r = x / y
		}
		return r, r < math.MaxFloat64 && r >= -math.MaxFloat64
	}
}
