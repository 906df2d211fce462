package pipeline

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// Sizes of what one Tick appends for one partition.
const (
	maxTimers     = 20_000
	maxMoves      = 20_000
	sweepProfiles = 2_000 // about, of one sweep record
)

// Tick appends what the owner owes its partitions: due timers, definition switches, merges, sweeps. Each acts when it is
// read back. It also moves the timer horizon on.
func (f *Folder) Tick(ctx context.Context) error {
	for _, n := range f.Owned() {
		if err := f.tick(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) tick(ctx context.Context, n int) error {
	f.mu.Lock()
	part := f.parts[n]
	if part == nil {
		f.mu.Unlock()
		return nil
	}
	if f.wall(part).Add(f.horizon(part) / 2).After(part.horizon) {
		f.mu.Unlock()
		if err := f.loadTimers(ctx, part); err != nil {
			return err
		}
		f.mu.Lock()
	}
	now := f.stamp(part)
	due := part.timers.due(f.wall(part), maxTimers)
	var recs []stream.Record
	for _, id := range due {
		recs = append(recs, f.record(&enishi.Event{ID: enishi.NewID("timer", id.String(), now.String()), Type: enishi.TypeTimer, Profile: id, Subject: id, At: now}, now))
	}
	control := func(e enishi.Event) {
		e.Partition, e.At = part.n, now
		recs = append(recs, f.record(&e, now))
	}
	switched := part.switching
	if next := f.cfg.Definitions.Next(); next > part.switching {
		switched = next
		control(enishi.Event{ID: enishi.NewID("switch", strconv.Itoa(n), strconv.FormatInt(next, 10)), Type: enishi.TypeSwitch, Control: &enishi.Control{Offset: next}})
	}
	moves, identities := f.moves(part)
	for _, m := range moves {
		e := enishi.Event{ID: enishi.NewID("merge", strconv.FormatInt(m.Offset, 10), m.Loser.String()), Type: enishi.TypeMerge, Profile: m.Loser, Subject: m.Loser, At: now,
			Control: &enishi.Control{Offset: m.Offset, Loser: m.Loser, Winner: m.Winner}}
		if m.Split {
			e.Type, e.Control.Subjects = enishi.TypeSplit, m.Subjects
		}
		recs = append(recs, f.record(&e, now))
	}
	if len(part.sweeps) > 0 && part.sweeps[0].Sent == part.sweeps[0].Next {
		s := &part.sweeps[0]
		buckets := min(256-s.Next, max(1, int(256*sweepProfiles/(part.profiles+int64(len(part.cache))+1))))
		s.Sent = s.Next + buckets
		control(enishi.Event{ID: enishi.NewID("sweep", s.ID, strconv.Itoa(n), strconv.Itoa(s.Next)), Type: enishi.TypeSweep,
			Control: &enishi.Control{Sweep: s.ID, Bucket: s.Next, Chunks: buckets, Segments: s.Segments}})
	}
	f.mu.Unlock()
	if len(recs) == 0 {
		return nil
	}
	err := f.cfg.Append(ctx, recs)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		part.timers.unsent(due)
		for i := range part.sweeps {
			part.sweeps[i].Sent = part.sweeps[i].Next
		}
		return fmt.Errorf("append timers and control records of partition %d: %w", n, err)
	}
	part.switching = max(part.switching, switched)
	if identities > part.identities {
		part.identities, part.touched = identities, true
		if f.dirtySince.IsZero() {
			f.dirtySince = f.cfg.Now()
		}
	}
	return nil
}

// moves lists the merges and splits that this partition owes and has not appended; mu is held.
func (f *Folder) moves(part *partition) ([]Move, int64) {
	all, next := f.cfg.Merges(part.identities)
	var mine []Move
	for i := range all {
		if all[i].Loser.Partition(f.cfg.Partitions) != part.n {
			continue
		}
		if len(mine) == maxMoves && all[i].Offset != mine[len(mine)-1].Offset {
			return mine, all[i].Offset
		}
		mine = append(mine, all[i])
	}
	return mine, next
}

// NextDue is the earliest due instant of the owned partitions within their horizons; ok is false when there is none.
func (f *Folder) NextDue() (at time.Time, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, part := range f.parts {
		if t := part.timers.earliest(); !t.IsZero() && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	return at, ok
}

// Busy reports whether an owned partition still owes records: a timer that is due or on its way, a merge, a switch or a sweep.
func (f *Folder) Busy() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, part := range f.parts {
		if len(part.timers.sent) > 0 || len(part.sweeps) > 0 || f.cfg.Definitions.Next() > part.definitions {
			return true
		}
		if t := part.timers.earliest(); !t.IsZero() && !t.After(f.wall(part)) {
			return true
		}
		if moves, _ := f.moves(part); len(moves) > 0 {
			return true
		}
	}
	return false
}

// Progress is how far a partition is folded, and its oldest due timer (zero: none is due).
type Progress struct {
	Partition int
	Next      int64
	Clock     time.Time
	Virtual   bool
	Events    int64
	OldestDue time.Time
	Sweeps    []Sweep
}

// Progress lists the owned partitions.
func (f *Folder) Progress() []Progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Progress, 0, len(f.parts))
	for _, part := range f.parts {
		p := Progress{Partition: part.n, Next: part.next, Clock: part.clock, Virtual: part.virtual, Events: part.events, Sweeps: append([]Sweep(nil), part.sweeps...)}
		if t := part.timers.earliest(); !t.IsZero() && !t.After(f.wall(part)) {
			p.OldestDue = t
		}
		out = append(out, p)
	}
	return out
}
