package segments

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"time"

	"enishi/profiles"
)

// Transition is a person entering or leaving a segment.
type Transition struct {
	Segment string
	Version int64 // of the definition that was evaluated
	Initial bool  // found by a sweep, or before it came: nothing is known to have happened to the person just now
}

// Options says how [Set.Update] is meant.
type Options struct {
	// Sweep: evaluate whatever changed; who is found in enters as Initial.
	Sweep bool
	// Segments limits a sweep to these; empty: all.
	Segments []string
	// Unswept are segments whose sweep has not come to this person yet. Who enters or leaves one of them is Initial too: it is
	// not known whether the person or the new condition has changed, so no journey may take it for news.
	Unswept []string
	// Joined are segments in which somebody was who has been merged into this person: to enter one of them is Initial.
	Joined []string
}

// unknown: what happened to the person is not known to be why the answer is another.
func (o *Options) unknown(segment string) bool { return o.Sweep || slices.Contains(o.Unswept, segment) }

// Set is the segments that are live together, with an index of what each depends on.
type Set struct {
	list   []*Segment // by name
	names  map[string]int
	timed  mask
	none   mask     // empty, as long as the others
	inputs [64]mask // by bit of profiles.Change
}

// mask is a set of positions in Set.list.
type mask []uint64

func (m mask) add(i int) { m[i/64] |= 1 << (i % 64) }

// NewSet indexes segments. Of two with one name the later version stays.
func NewSet(list []*Segment) *Set {
	s := &Set{names: map[string]int{}}
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b *Segment) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(b.Version, a.Version))
	})
	s.list = slices.CompactFunc(sorted, func(a, b *Segment) bool { return a.Name == b.Name })
	words := (len(s.list) + 63) / 64
	s.timed, s.none = make(mask, words), make(mask, words)
	for bit := range s.inputs {
		s.inputs[bit] = make(mask, words)
	}
	for i, seg := range s.list {
		s.names[seg.Name] = i
		if seg.Timed() {
			s.timed.add(i)
		}
		// A new identifier may be a new person: then everything is asked for the first time.
		for c := uint64(seg.Depends() | profiles.ChangedIdentifiers); c != 0; c &= c - 1 {
			s.inputs[bits.TrailingZeros64(c)].add(i)
		}
	}
	return s
}

// Segments are the segments of the set, by name.
func (s *Set) Segments() []*Segment { return slices.Clone(s.list) }

// Get finds a segment by name; nil when there is none.
func (s *Set) Get(name string) *Segment {
	if i, ok := s.names[name]; ok {
		return s.list[i]
	}
	return nil
}

// Update evaluates what changed can have changed and, when the profile's NextChange has come, what time can have changed. It
// brings Memberships and NextChange of the profile up to date and returns who entered and left, by name.
//
//   - profiles.ChangedAll evaluates everything; a sweep evaluates Options.Segments whatever changed.
//   - A membership of a segment that is not in the set any more is left.
//   - A membership found by an earlier version stays, without a transition, as long as the new one holds too; people whom a new
//     version lets in or out are found by its sweep, or before it by their next event.
//   - A person who was merged away, or of whom nothing is known any more (erased), is in nothing.
//
// NextChange is exact after everything timed was evaluated; else it may be too early, never too late.
func (s *Set) Update(p *profiles.Profile, now time.Time, changed profiles.Change, opt Options) (entered, left []Transition) {
	gone := !p.Redirect.IsZero() || len(p.Subjects) == 0
	due := !p.NextChange.IsZero() && !p.NextChange.After(now)
	left = s.drop(p, gone, opt)
	dropped := len(left)
	if gone {
		p.NextChange = time.Time{}
	}
	var words [16]uint64 // enough for 1,024 segments
	run := s.affected(words[:0], changed, due, opt)
	if gone || run == nil {
		mark(p, dropped > 0)
		return nil, left
	}
	v, ms := p.View(), now.UnixMilli()
	next, all, dirty := int64(never), true, dropped > 0
	at := 0 // position in p.Memberships, which is sorted as the set is
	for w := range run {
		all = all && s.timed[w]&^run[w] == 0
		for word := run[w]; word != 0; word &= word - 1 {
			seg := s.list[w*64+bits.TrailingZeros64(word)]
			in, until := seg.evaluate(v, ms)
			next = min(next, until)
			for at < len(p.Memberships) && p.Memberships[at].Segment < seg.Name {
				at++
			}
			member := at < len(p.Memberships) && p.Memberships[at].Segment == seg.Name
			switch {
			case in && !member:
				t := Transition{Segment: seg.Name, Version: seg.Version, Initial: opt.unknown(seg.Name) || slices.Contains(opt.Joined, seg.Name)}
				entered = append(entered, t)
				p.Memberships = slices.Insert(p.Memberships, at, profiles.Membership{Segment: seg.Name, Version: seg.Version, Since: now, Initial: t.Initial})
				dirty = true
			case !in && member:
				left = append(left, Transition{Segment: seg.Name, Version: seg.Version, Initial: opt.unknown(seg.Name)})
				p.Memberships = slices.Delete(p.Memberships, at, at+1)
				dirty = true
			case in && p.Memberships[at].Version != seg.Version:
				p.Memberships[at].Version = seg.Version
				dirty = true
			}
		}
	}
	if !all && !due && !p.NextChange.IsZero() {
		next = min(next, p.NextChange.UnixMilli())
	}
	p.NextChange = instant(next)
	mark(p, dirty)
	if dropped > 0 && len(left) > dropped {
		slices.SortFunc(left, func(a, b Transition) int { return strings.Compare(a.Segment, b.Segment) })
	}
	return entered, left
}

func mark(p *profiles.Profile, dirty bool) {
	if dirty {
		p.MarkDirty(profiles.ChangedMemberships)
	}
}

// drop leaves what is in the set no more.
func (s *Set) drop(p *profiles.Profile, gone bool, opt Options) (left []Transition) {
	kept := p.Memberships[:0]
	for _, m := range p.Memberships {
		if _, live := s.names[m.Segment]; live && !gone {
			kept = append(kept, m)
			continue
		}
		left = append(left, Transition{Segment: m.Segment, Version: m.Version, Initial: opt.unknown(m.Segment)})
	}
	clear(p.Memberships[len(kept):])
	p.Memberships = kept
	return left
}

// affected is what must be evaluated, in buf if it is large enough; nil: nothing.
func (s *Set) affected(buf mask, changed profiles.Change, due bool, opt Options) mask {
	if len(s.list) == 0 || changed == 0 && !due && !opt.Sweep {
		return nil
	}
	run := append(buf, s.none...)
	switch {
	case opt.Sweep && len(opt.Segments) > 0:
		for _, name := range opt.Segments {
			if i, ok := s.names[name]; ok {
				run.add(i)
			}
		}
	case opt.Sweep || changed == profiles.ChangedAll:
		for i := range s.list {
			run.add(i)
		}
	default:
		for c := uint64(changed); c != 0; c &= c - 1 {
			for w, bits := range s.inputs[bits.TrailingZeros64(c)] {
				run[w] |= bits
			}
		}
	}
	if due {
		for w, bits := range s.timed {
			run[w] |= bits
		}
	}
	return run
}
