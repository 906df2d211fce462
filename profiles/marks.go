package profiles

import (
	"slices"
	"strings"
	"time"

	"enishi"
)

// setMark takes one milestone: the winning event of each type says when it was reached.
func setMark(marks []Mark, m Mark) ([]Mark, bool) {
	i, ok := findMark(marks, m.Type)
	if !ok {
		return slices.Insert(slices.Clip(marks), i, m), true // marks may be shared with a view
	}
	if (stamp{m.Version, m.Event}).compare(stamp{marks[i].Version, marks[i].Event}) <= 0 {
		return marks, false
	}
	marks = slices.Clone(marks)
	marks[i] = m
	return marks, true
}

// setMarks takes several.
func setMarks(marks, more []Mark) ([]Mark, bool) {
	changed := false
	for _, m := range more {
		var c bool
		marks, c = setMark(marks, m)
		changed = changed || c
	}
	return marks, changed
}

// findMark is the index of a milestone, or where it would go. There are few: a scan is faster than a search.
func findMark(marks []Mark, name string) (int, bool) {
	for i := range marks {
		if m := &marks[i]; m.Type >= name {
			return i, m.Type == name
		}
	}
	return len(marks), false
}

// markAt is when a milestone was reached, or zero.
func markAt(marks []Mark, name string) time.Time {
	if i, ok := findMark(marks, name); ok {
		return marks[i].At
	}
	return time.Time{}
}

// newestMark is the milestone of names that was reached last; of those at one instant the one that stands later in names,
// which are in the order in which things go. It is "" when none was reached.
func newestMark(marks []Mark, names []string) string {
	best, at := -1, time.Time{}
	for i := range marks {
		m := &marks[i]
		k := slices.Index(names, m.Type)
		if c := m.At.Compare(at); k >= 0 && (c > 0 || c == 0 && k > best) {
			best, at = k, m.At
		}
	}
	if best < 0 {
		return ""
	}
	return names[best]
}

// firstMark is when the first milestone of any type was reached.
func firstMark(marks []Mark) time.Time {
	var at time.Time
	for i := range marks {
		at = earliest(at, marks[i].At)
	}
	return at
}

// newestAt is when the latest milestone of any type was reached.
func newestAt(marks []Mark) time.Time {
	var at time.Time
	for i := range marks {
		at = latest(at, marks[i].At)
	}
	return at
}

// earliest of two instants, zero being none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// latest of two instants.
func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// milestone is the mark that this event sets. The type's text is that of the table of types: it is not copied.
func (f *folding) milestone(name string, s stamp) Mark {
	if info, ok := enishi.LookupType(f.e.Type); ok && strings.HasSuffix(info.Name, "."+name) {
		name = info.Name[len(info.Name)-len(name):]
	}
	return Mark{Type: name, At: f.at, Version: s.version, Event: s.event}
}
