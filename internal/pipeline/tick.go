package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// Sizes of what one Tick appends for one partition.
const (
	maxTimers = 20_000
	maxMoves  = 20_000
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

// owed is what a partition's owner appends at once.
type owed struct {
	recs       []stream.Record
	timers     []dueItem
	switched   int64
	identities int64
	swept      string // the sweep whose next bucket it is
}

func (f *Folder) tick(ctx context.Context, n int) error {
	f.mu.Lock()
	part := f.parts[n]
	if part == nil {
		f.mu.Unlock()
		return nil
	}
	if f.near(part) {
		f.mu.Unlock()
		if err := f.loadTimers(ctx, part); err != nil {
			return err
		}
		f.mu.Lock()
	}
	o := f.owe(part)
	f.mu.Unlock()
	if len(o.recs) == 0 && o.identities == 0 {
		return nil
	}
	var err error
	if len(o.recs) > 0 {
		err = f.cfg.Append(ctx, o.recs)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		part.timers.unsent(o.timers)
		if i := part.sweepAt(o.swept); i >= 0 {
			part.sweeps[i].Sent = part.sweeps[i].Next
		}
		return fmt.Errorf("append timers and control records of partition %d: %w", n, err)
	}
	part.switching = max(part.switching, o.switched)
	if o.identities > part.identities {
		part.identities, part.touched = o.identities, true
		if f.dirtySince.IsZero() {
			f.dirtySince = f.cfg.Now()
		}
	}
	return nil
}

// owe lists what a partition's owner has to append; mu is held.
func (f *Folder) owe(part *partition) owed {
	var o owed
	now := f.wall(part)
	add := func(e enishi.Event) {
		if e.At.IsZero() {
			e.At = now
		}
		o.recs = append(o.recs, EventRecord(&e, f.cfg.Partitions, e.At))
	}
	limit := f.timersUntil(part)
	if f.cfg.broken.earlyTimers {
		limit = now.Add(30 * time.Minute)
	}
	o.timers = part.timers.due(limit, maxTimers)
	for _, x := range o.timers {
		e := enishi.Event{Type: enishi.TypeTimer, Profile: x.id, Subject: x.id} // it acts once by what is due, so it needs no id
		if part.virtual && x.at.After(part.clock) {
			e.At = x.at
		}
		add(e)
	}
	number := strconv.Itoa(part.n)
	if next := f.cfg.Definitions.Next(); next > part.switching {
		o.switched = next
		add(enishi.Event{ID: enishi.NewID("switch", number, strconv.FormatInt(next, 10)), Type: enishi.TypeSwitch, Partition: part.n,
			Control: &enishi.Control{Offset: next}})
	}
	moves, identities := f.moves(part)
	if identities > part.identities {
		o.identities = identities
	}
	for i := range moves {
		add(moves[i].event())
	}
	if i := part.nextSweep(now); i >= 0 && part.sweeps[i].Sent <= part.sweeps[i].Next {
		s := &part.sweeps[i]
		known := part.stored.n + len(part.dirty)
		n := min(256-s.Next, max(1, 256*f.cfg.sweepProfiles/(known+1)))
		s.Sent, o.swept = s.Next+n, s.ID
		add(enishi.Event{ID: enishi.NewID("sweep", s.ID, number, strconv.Itoa(s.Next)), Type: enishi.TypeSweep, Partition: part.n,
			Control: &enishi.Control{Sweep: s.ID, Bucket: s.Next, Chunks: n, Segments: s.Segments}})
	}
	return o
}

// virtualStretch is how much of a virtual time's timers act in one go: one that is set and due within the stretch acts late,
// by less than this.
const virtualStretch = time.Hour

// timersUntil is up to when timers are appended now.
func (f *Folder) timersUntil(part *partition) time.Time {
	if !part.virtual {
		return f.now()
	}
	if len(part.timers.sent) > 0 {
		return time.Time{} // they may set others, which come first
	}
	target, first := f.target(part), part.timers.earliest()
	if end := first.Add(virtualStretch); !first.IsZero() && end.Before(target) {
		return end
	}
	return target
}

// move is a Move as the owner of a partition appends it.
type move struct {
	Move
	back bool // of a split: it is for the new profile, and Subjects are those who stay where they were
}

// event is its record.
func (m *move) event() enishi.Event {
	e := enishi.Event{ID: enishi.NewID("move", strconv.FormatInt(m.Offset, 10), m.Loser.String()), Type: enishi.TypeMerge, Profile: m.Loser, Subject: m.Loser,
		Control: &enishi.Control{Offset: m.Offset, Loser: m.Loser, Winner: m.Winner}}
	if m.Split {
		e.Type, e.Control.Subjects, e.Control.Live = enishi.TypeSplit, m.Subjects, m.back
	}
	return e
}

// moves lists the merges and splits that a partition's owner owes and has not appended, and the offset up to which these are
// all; mu is held.
func (f *Folder) moves(part *partition) ([]move, int64) {
	all, next := f.cfg.Merges(part.identities)
	var mine []move
	for i := range all {
		m := &all[i]
		if len(mine) >= maxMoves && m.Offset != mine[len(mine)-1].Offset {
			return mine, m.Offset
		}
		if m.Loser.Partition(f.cfg.Partitions) == part.n {
			mine = append(mine, move{Move: *m})
		}
		if m.Split && m.Winner.Partition(f.cfg.Partitions) == part.n {
			mine = append(mine, move{Move{m.Offset, m.Winner, m.Loser, true, stay(all[i:])}, true})
		}
	}
	return mine, next
}

// stay lists who stays with the loser of a split: the split is followed by the merges of all of them into it.
func stay(moves []Move) []enishi.ID {
	split := &moves[0]
	out := []enishi.ID{split.Loser}
	for _, m := range moves[1:] {
		if m.Offset != split.Offset {
			break
		}
		if !m.Split && m.Winner == split.Loser {
			out = append(out, m.Loser)
		}
	}
	slices.SortFunc(out, enishi.ID.Compare)
	return out
}
