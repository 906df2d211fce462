package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"enishi"
	"enishi/internal/stream"
	"enishi/journeys"
	"enishi/profiles"
	"enishi/segments"
)

// SweepingName is the setting that says which sweeps stand still.
const SweepingName = "sweeps"

// SweepPrefix begins the id of a sweep; the offset in the topic definitions up to which it applies them follows.
const SweepPrefix = "definitions-"

// Sweeping is the body of that setting. It comes to the fold as all definitions do, by a switch on the log, so every fold of
// the same log goes on from the same places; what stands still is not appended by the owner, and a record that was on its way
// acts.
type Sweeping struct {
	Paused    []string         `json:"paused,omitempty"`    // ids of sweeps
	Cancelled []string         `json:"cancelled,omitempty"` // ids: their segments are stale until they are swept again
	Again     map[string]int64 `json:"again,omitempty"`     // by segment: how often it was to be swept again
}

// Holds reports whether a sweep stands still.
func (s *Sweeping) Holds(id string) bool {
	return slices.Contains(s.Paused, id) || slices.Contains(s.Cancelled, id)
}

// addSweep begins a sweep of segments; it takes the place of older ones of the same segments, which are known to be stale.
func (part *partition) addSweep(id string, names []string) {
	if len(names) == 0 {
		return
	}
	var open []Sweep
	for _, s := range part.sweeps {
		kept := make([]string, 0, len(s.Segments)) // the marker that is being saved has the old list
		for _, name := range s.Segments {
			if !slices.Contains(names, name) {
				kept = append(kept, name)
			}
		}
		if s.Segments = kept; len(kept) > 0 || s.Journey+s.Renewed != "" {
			open = append(open, s)
		}
	}
	part.sweeps = append(open, Sweep{ID: id, Segments: names, Since: part.clock})
}

// RenewalPrefix begins the ids of sweeps that tell people of a new version of a journey that they are in; its name follows.
const RenewalPrefix = "renewal-"

// renewals begins the sweeps of journeys that take people over or go on after a pause. One under way begins again.
func (part *partition) renewals(before *Definitions) {
	for _, name := range part.defs.Journeys.Renewed(before.Journeys) {
		id := RenewalPrefix + name
		part.sweeps = slices.DeleteFunc(slices.Clone(part.sweeps), func(s Sweep) bool { return s.ID == id })
		part.sweeps = append(part.sweeps, Sweep{ID: id, Renewed: name, Since: part.clock})
	}
}

// nextSweep is the place of the oldest sweep that goes on at an instant; -1: there is none.
func (part *partition) nextSweep(now time.Time) int {
	return slices.IndexFunc(part.sweeps, func(s Sweep) bool {
		if s.Journey != "" {
			b, _ := part.defs.Journeys.Broadcast(s.Journey)
			return b.Going && !s.At.After(now)
		}
		return !part.defs.Sweeping.Holds(s.ID)
	})
}

func (part *partition) sweepAt(id string) int {
	return slices.IndexFunc(part.sweeps, func(s Sweep) bool { return s.ID == id })
}

// buckets are the profiles that a sweep record is for.
func buckets(c *enishi.Control) Range {
	first := min(max(c.Bucket, 0), 255)
	return Range{From: byte(first), To: byte(min(first+max(c.Chunks, 1)-1, 255))}
}

// readRange loads what is stored in the buckets of a sweep record.
func (f *Folder) readRange(ctx context.Context, r *stream.Record) ([]State, error) {
	var e enishi.Event
	if err := decode(&e, r.Value); err != nil || e.Control == nil {
		return nil, nil // steps will say so
	}
	rng := buckets(e.Control)
	rng.Partition = r.Partition
	have, err := f.cfg.Load(ctx, Want{Range: &rng})
	if err != nil {
		return nil, fmt.Errorf("load buckets %d-%d of partition %d: %w", rng.From, rng.To, rng.Partition, err)
	}
	return have.States, nil
}

// sweep evaluates segments for the profiles of a range of buckets, those in memory as they are, the others as stored. What did
// not change does not enter the cache.
func (f *Folder) sweep(part *partition, e *enishi.Event) error {
	c := e.Control
	if c == nil {
		return errForeign
	}
	at := part.sweepAt(c.Sweep)
	if at < 0 {
		return nil // done, or another has taken its place
	}
	defer func() {
		// Whatever is on its way now starts where another record has been: the owner goes on from here.
		for i := range part.sweeps {
			part.sweeps[i].Sent = part.sweeps[i].Next
		}
	}()
	if part.sweeps[at].Next != c.Bucket {
		return nil // a repeat
	}
	opt, start := segments.Options{Segments: part.sweeps[at].Segments}, part.sweeps[at].Journey
	tell := journeys.Trigger{Broadcast: start, Occurrence: part.sweeps[at].occurrence(), Renewed: part.sweeps[at].Renewed}
	b, _ := part.defs.Journeys.Broadcast(start)
	if start != "" {
		if !b.Going || part.missed(at, &b) {
			return nil // paused while this was on its way, or it does not go
		}
		opt.Segments = b.Segments // who is in them is found anew: a new version of one may not have come to everybody yet
	}
	rng := buckets(c)
	people := part.in(rng)
	for i := range part.share.ranges[e.Offset] {
		s := &part.share.ranges[e.Offset][i]
		if part.cache[s.ID] != nil {
			continue
		}
		p, err := part.decode(s)
		if err != nil {
			return err
		}
		people = append(people, p)
	}
	slices.SortFunc(people, func(a, b *profiles.Profile) int { return a.ID.Compare(b.ID) })
	for _, p := range people {
		if p.Offset > e.Offset || !p.Redirect.IsZero() || p.Erased && len(p.Subjects) == 0 {
			continue
		}
		if f.sweepOne(part, p, opt, tell) {
			x := part.cache[p.ID]
			if x == nil {
				x = part.keep(p)
			}
			part.changed(x, part.next)
			f.collect(part)
		}
	}
	// Who is swept from here on is not unswept any more: the progress moves after the last of them.
	part.sweeps[at].count(len(people), e.Time)
	if part.sweeps[at].Next = int(rng.To) + 1; part.sweeps[at].Next > 255 {
		over := part.sweeps[at]
		part.sweeps = slices.Delete(part.sweeps, at, at+1)
		if over.recurs() {
			part.await(&b, over.At)
		}
	}
	return nil
}

// sweepPause is from how long on nothing was swept that it counts as a pause.
const sweepPause = 10 * time.Second

// count notes that people were swept by a record of an instant.
func (s *Sweep) count(people int, at time.Time) {
	if d := at.Sub(s.Last); d > 0 && d < sweepPause {
		s.Busy += d
	}
	s.People += int64(people)
	s.Last = at
}

// in lists the profiles in memory whose ids are in a range.
func (part *partition) in(r Range) []*profiles.Profile {
	var out []*profiles.Profile
	for id, x := range part.cache {
		if id.Bucket() >= r.From && id.Bucket() <= r.To {
			out = append(out, x.p)
		}
	}
	return out
}

// sweepOne evaluates one profile; it reports whether anything changed.
func (f *Folder) sweepOne(part *partition, p *profiles.Profile, opt segments.Options, t journeys.Trigger) bool {
	// What time has changed is news, what the sweep finds is not: time goes first.
	changed := f.due(part, p)
	before, dates := p.NextChange, slices.Clone(p.Dates)
	versions := make([]int64, 0, 16)
	for i := range p.Memberships {
		versions = append(versions, p.Memberships[i].Version)
	}
	opt.Sweep = len(opt.Segments) > 0 // else it would be all of them
	f.react(part, p, t, opt)
	out := &part.share.Effects
	if changed || len(out.Derived)+len(out.Messages)+len(out.Decisions) > 0 || !p.NextChange.Equal(before) || !slices.Equal(dates, p.Dates) || len(versions) != len(p.Memberships) {
		return true
	}
	for i := range p.Memberships {
		if versions[i] != p.Memberships[i].Version {
			return true
		}
	}
	return false
}

// unswept lists the segments whose sweep has not come to a profile yet.
func (part *partition) unswept(id enishi.ID) []string {
	var out []string
	for i := range part.sweeps {
		if int(id.Bucket()) >= part.sweeps[i].Next {
			out = append(out, part.sweeps[i].Segments...)
		}
	}
	return out
}
