package segments

// chosenOf finds the element that first or last is about: the earliest or latest of those that fulfil the condition and have
// an instant; -1: none.
func chosenOf(n *node) func(v *view, now int64) int {
	s, at, first := scanOf(n), n.list.sortField().whole, n.op == opFirst
	return func(v *view, now int64) int {
		found := -1
		s.each(v, now, func(i int) bool { // newest first
			if at(v, i) == 0 {
				return true
			}
			found = i
			return first // go on to the earliest
		})
		return found
	}
}

func testChosen(n *node) test {
	chosen, get := chosenOf(n), n.args[0].field.whole
	return func(v *view, now int64, _ int) bool {
		i := chosen(v, now)
		return i >= 0 && get(v, i) != 0
	}
}

func wordsChosen(n *node) words {
	chosen, get := chosenOf(n), n.args[0].field.text
	return func(v *view, now int64, _ int) string {
		if i := chosen(v, now); i >= 0 {
			return get(v, i)
		}
		return ""
	}
}

func valueChosen(n *node) value {
	chosen, get := chosenOf(n), n.args[0].field.whole
	return func(v *view, now int64, _ int) int64 {
		if i := chosen(v, now); i >= 0 {
			return get(v, i)
		}
		return 0
	}
}

func maybeChosen(n *node) maybe {
	chosen, get := chosenOf(n), n.args[0].field.whole
	return func(v *view, now int64, _ int) (int64, bool) {
		if i := chosen(v, now); i >= 0 {
			return get(v, i), true
		}
		return 0, false
	}
}

// few is how many values distinct keeps without a map.
const few = 8

// distinctOf counts different values; missing ones do not count.
func distinctOf(n *node) maybe {
	f := n.args[0].field
	if f.text != nil {
		return countDistinct(scanOf(n), f.text, func(s string) bool { return s == "" })
	}
	instant := f.Kind == Instant
	return countDistinct(scanOf(n), f.whole, func(x int64) bool { return instant && x == 0 })
}

func countDistinct[T comparable](s *scan, get func(v *view, i int) T, missing func(T) bool) maybe {
	return func(v *view, now int64, _ int) (int64, bool) {
		var kept [few]T
		var more map[T]struct{}
		count := 0
		s.each(v, now, func(i int) bool {
			x := get(v, i)
			if missing(x) {
				return true
			}
			for k := range min(count, few) {
				if kept[k] == x {
					return true
				}
			}
			if count < few {
				kept[count] = x
				count++
				return true
			}
			if more == nil {
				more = map[T]struct{}{}
			}
			more[x] = struct{}{}
			return true
		})
		return int64(count + len(more)), true
	}
}

// chosen writes first and last. Of elements of one instant the order of the view decides, which the ties of the list tell.
func (q *statement) chosen(n *node) string {
	f := n.args[0].field
	function := "argMax"
	if n.op == opFirst {
		function = "argMin"
	}
	if n.kind != Text && n.kind != Bool {
		function += "OrNull" // else what is missing is the empty text, or false
	}
	at := q.column(n.list.sortField(), true)
	return q.measure(n, function, q.column(f, true)+", ("+at+", "+n.list.ties+")", "("+at+" != "+noInstant+")")
}

func (q *statement) distinct(n *node) string {
	x := q.column(n.args[0].field, true)
	present := ""
	switch n.args[0].kind {
	case Text:
		present = "(" + x + " != '')"
	case Instant:
		present = "(" + x + " != " + noInstant + ")"
	}
	return q.measure(n, "uniqExact", x, present)
}
