package pipeline

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"enishi"
	"enishi/journeys"
	"enishi/profiles"
	"enishi/segments"
)

// MaxAbsorb is the size limit of the state in one absorb record.
const MaxAbsorb = 400 << 10

// switchTo goes over to the definitions up to an offset; segments that changed are swept.
func (f *Folder) switchTo(ctx context.Context, part *partition, e *enishi.Event) error {
	if e.Control == nil || e.Control.Offset <= part.definitions {
		return nil
	}
	if err := f.cfg.Definitions.Wait(ctx, e.Control.Offset); err != nil {
		return fmt.Errorf("wait for definitions: %w", err)
	}
	defs := f.definitionsAt(e.Control.Offset)
	changed := defs.changedSegments(part.defs)
	part.definitions, part.defs = e.Control.Offset, defs
	if part.switching < part.definitions {
		part.switching = part.definitions
	}
	if len(changed) > 0 {
		part.sweeps = append(part.sweeps, Sweep{ID: "definitions-" + strconv.FormatInt(e.Control.Offset, 10), Segments: changed})
	}
	return nil
}

// setClock makes the partition's clock virtual, moves it, or lets it follow the records' times again.
func (f *Folder) setClock(part *partition, e *enishi.Event) {
	if e.Control == nil {
		return
	}
	if e.Control.Live {
		part.virtual = false
		part.horizon = time.Time{} // due rows are read anew for the wall clock
		f.world.set(e.Control.Clock, false)
		return
	}
	if !part.virtual || e.Control.Clock.After(part.clock) {
		part.clock = e.Control.Clock
	}
	if !part.virtual {
		part.virtual, part.horizon = true, time.Time{}
		f.world.set(time.Time{}, false)
	}
	f.world.set(part.clock, true)
}

// merge moves a profile's state to the winner and leaves a redirect.
func (f *Folder) merge(part *partition, x *entry, e *enishi.Event, b *batch) {
	c := e.Control
	if c == nil || c.Offset+1 <= x.p.MovedBy {
		return
	}
	f.move(part, x.p, c.Offset, c.Winner, e, b)
	retired := profiles.New(x.p.ID)
	x.p.Retire(retired)
	x.p.Redirect, x.p.MovedBy, x.p.Offset = c.Winner, c.Offset+1, e.Offset+1
	f.changed(part, x)
}

// split lets subjects leave for a profile of their own.
func (f *Folder) split(part *partition, x *entry, e *enishi.Event, b *batch) {
	c := e.Control
	if c == nil {
		return
	}
	if !x.p.Redirect.IsZero() {
		f.forward(part, x, e, b)
		return
	}
	moved := x.p.Extract(c.Subjects)
	f.move(part, moved, c.Offset, c.Winner, e, b)
	x.p.Offset = e.Offset + 1
	f.react(part, x.p, journeys.Trigger{Changed: profiles.ChangedAll}, segments.Options{}, b)
	f.changed(part, x)
}

// move emits the absorb records that carry a state to another profile. An empty state is carried too: it clears a redirect.
func (f *Folder) move(part *partition, moved *profiles.Profile, offset int64, winner enishi.ID, e *enishi.Event, b *batch) {
	chunks := moved.Chunks(MaxAbsorb)
	if len(chunks) == 0 {
		if e.Type == enishi.TypeMerge {
			return
		}
		chunks = []*profiles.Profile{profiles.New(winner)}
	}
	for i, chunk := range chunks {
		b.Records = append(b.Records, enishi.Event{
			ID:   enishi.NewID("absorb", strconv.FormatInt(offset, 10), e.Profile.String(), strconv.Itoa(i), strconv.FormatInt(e.Offset, 10)),
			Type: enishi.TypeAbsorb, Profile: winner, Subject: e.Profile, At: part.clock, Time: f.stamp(part),
			Control: &enishi.Control{Offset: offset, Loser: e.Profile, Winner: winner, Chunk: i, Chunks: len(chunks), State: chunk.Encode(nil),
				Live: e.Type == enishi.TypeSplit}})
	}
}

// absorb takes a moved state in.
func (f *Folder) absorb(part *partition, x *entry, e *enishi.Event, b *batch) error {
	c := e.Control
	if c == nil {
		return nil
	}
	if !x.p.Redirect.IsZero() {
		// A split addresses the profile that comes apart: its redirect ends, unless a later merge set it.
		if !c.Live || c.Offset+1 <= x.p.MovedBy || e.Profile != c.Winner {
			f.forward(part, x, e, b)
			return nil
		}
		x.p.Redirect, x.p.MovedBy = enishi.ID{}, c.Offset+1
	}
	moved, err := profiles.Decode(e.Profile, string(c.State))
	if err != nil {
		f.cfg.Log.Error("unreadable absorb record", "offset", e.Offset, "err", err)
		return nil
	}
	changed := x.p.Absorb(moved, part.clock)
	x.p.Offset = e.Offset + 1
	journeys.Reconcile(part.defs.env(part.clock), x.p, &b.Effects)
	f.react(part, x.p, journeys.Trigger{Changed: changed}, segments.Options{}, b)
	f.changed(part, x)
	return nil
}

// forward re-emits a record to the profile that took the person over, with the same event id.
func (f *Folder) forward(part *partition, x *entry, e *enishi.Event, b *batch) {
	x.p.Offset = e.Offset + 1
	f.changed(part, x)
	again := *e
	again.Profile, again.Forwarded, again.Time = x.p.Redirect, true, f.stamp(part)
	b.Records = append(b.Records, again)
}

// stamp is the time that the fold's own records carry: the owner's wall clock, or the virtual clock.
func (f *Folder) stamp(part *partition) time.Time {
	if part.virtual {
		return part.clock
	}
	return f.cfg.Now().UTC().Truncate(time.Millisecond)
}

// sweep evaluates segments for a range of buckets: Control.Bucket, and Control.Chunks of them.
func (f *Folder) sweep(ctx context.Context, part *partition, e *enishi.Event, b *batch) error {
	c := e.Control
	if c == nil {
		return nil
	}
	at := -1
	for i := range part.sweeps {
		if part.sweeps[i].ID == c.Sweep {
			at = i
		}
	}
	if at < 0 || part.sweeps[at].Next != c.Bucket {
		return nil // done, cancelled, or a repeat
	}
	last := c.Bucket + max(c.Chunks, 1) - 1
	r := Range{Partition: part.n, From: byte(c.Bucket), To: byte(min(last, 255))}
	f.mu.Unlock()
	have, err := f.cfg.Load(ctx, Want{Range: &r})
	f.mu.Lock()
	if err != nil {
		return fmt.Errorf("load buckets %d-%d of partition %d: %w", r.From, r.To, part.n, err)
	}
	opt := segments.Options{Sweep: true, Segments: part.sweeps[at].Segments}
	visit := func(p *profiles.Profile, x *entry) {
		if p.Offset > e.Offset || !p.Redirect.IsZero() || p.Erased {
			return
		}
		before := p.NextChange
		rows, messages := len(b.Derived), len(b.Messages)
		changes := f.sweepOne(part, p, opt, b)
		if changes || len(b.Derived) > rows || len(b.Messages) > messages || !p.NextChange.Equal(before) {
			if x == nil {
				x = f.keep(part, p)
			}
			f.changed(part, x)
		}
	}
	for _, s := range have.States {
		if part.cache[s.ID] != nil {
			continue
		}
		p, err := profiles.Decode(s.ID, s.Bytes)
		if err != nil {
			return fmt.Errorf("decode profile %s: %w", s.ID, err)
		}
		visit(p, nil)
	}
	for id, x := range part.cache {
		if id.Bucket() >= r.From && id.Bucket() <= r.To {
			visit(x.p, x)
		}
	}
	part.sweeps[at].Next = last + 1
	if part.sweeps[at].Next >= 256 {
		part.sweeps = append(part.sweeps[:at:at], part.sweeps[at+1:]...)
	}
	return nil
}

// sweepOne evaluates one profile; it reports whether its memberships changed.
func (f *Folder) sweepOne(part *partition, p *profiles.Profile, opt segments.Options, b *batch) bool {
	entered, left := part.defs.Segments.Update(p, part.clock, profiles.ChangedAll, opt)
	if len(entered)+len(left) == 0 {
		return false
	}
	f.transitions(part, p, entered, left, b)
	journeys.Step(part.defs.env(part.clock), p, journeys.Trigger{Entered: entered, Left: left}, &b.Effects)
	b.rows.derived(b.Derived, part.n, part.next-1, Version(part.epoch, part.next), part.clock)
	b.Derived = b.Derived[:0]
	return true
}
