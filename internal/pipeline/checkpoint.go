package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"
	"unsafe"

	"enishi/profiles"
)

// MaxCheckpoint is the longest a changed profile waits for its checkpoint under load.
const MaxCheckpoint = 5 * time.Second

// busyBatch is how many records a batch has when the fold is under load: then checkpoints wait, so that a profile that
// changes again is written once.
const busyBatch = 4000

// checkpointShare bounds what checkpoints cost where little happens: each is about a dozen inserts, whose cost has little to
// do with how much is in them. Between two of them passes at least so many times what the last one took.
const checkpointShare = 4

// checkpoint is what is on its way to the store.
type checkpoint struct {
	done    chan struct{}
	parts   []*partition
	entries []*entry
	facts   *profiles.Facts
	states  []State
	due     []Due
	rows    rows
	markers []Marker
	after   *flush // rows of effects that must be stored before
}

// flush is rows of effects that are written before the checkpoint that covers them.
type flush struct {
	done  chan struct{}
	parts []*partition
	rows  rows
	err   error
}

// Checkpoint starts a checkpoint when one is due (or at once, with force) and none runs. It must be called at a batch
// border, by the goroutine that calls Fold. Done is closed when it is saved; nil when none was started.
func (f *Folder) Checkpoint(ctx context.Context, force bool) (done <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.saving != nil || f.dirtySince.IsZero() || !force && !f.checkpointDue() {
		return nil
	}
	c := f.snapshot()
	f.saving, f.dirtySince = c, time.Time{}
	f.cfg.background.start(func() { f.save(ctx, c) })
	return c.done
}

func (f *Folder) checkpointDue() bool {
	now := f.cfg.Now()
	age := now.Sub(f.dirtySince)
	_, virtual := f.world.Virtual()
	switch {
	case age < f.cfg.Checkpoint:
		return false
	case age >= MaxCheckpoint || f.heavy(4):
		return true
	case (virtual || f.lastBatch >= busyBatch) && now.Sub(f.lastFold) < f.cfg.Checkpoint:
		return false
	}
	return age >= checkpointShare*f.lastSave
}

// heavy reports whether changed profiles, which cannot leave the cache, fill a part of it; mu is held.
func (f *Folder) heavy(part int64) bool {
	size := int64(0)
	for _, p := range f.order {
		for _, list := range [...][]*entry{p.dirty, p.saving} {
			if n := len(list); n > 0 {
				size += int64(n) * max(1, p.bytes/int64(len(p.cache)))
			}
		}
	}
	return size*part > f.cfg.CacheBytes
}

// Border does what is to be done between two batches: it starts a checkpoint or a flush of effects when one is due, and holds
// the fold back when they cannot keep up. It is called by the goroutine that calls Fold.
func (f *Folder) Border(ctx context.Context) error {
	if err := f.flush(ctx); err != nil {
		return err
	}
	f.Checkpoint(context.WithoutCancel(ctx), false)
	f.mu.Lock()
	running := f.saving
	wait := running != nil && f.heavy(2)
	f.mu.Unlock()
	if !wait {
		return nil
	}
	return f.cfg.background.wait(ctx, running.done)
}

// flush starts to write rows of effects when there are many.
func (f *Folder) flush(ctx context.Context) error {
	f.mu.Lock()
	n := 0
	for _, part := range f.order {
		n += part.rows.events.n
	}
	running := f.flushing
	f.mu.Unlock()
	if n < f.cfg.flushRows {
		return nil
	}
	if running != nil {
		if err := f.cfg.background.wait(ctx, running.done); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	x := &flush{done: make(chan struct{}), rows: rows{spare: &f.spare}}
	for _, part := range f.order {
		if !part.rows.empty() {
			x.parts = append(x.parts, part)
			x.rows.join(&part.rows)
			part.rows = rows{spare: &f.spare}
		}
	}
	f.flushing = x
	f.cfg.background.start(func() { f.write(context.WithoutCancel(ctx), x) })
	return nil
}

// write stores the rows of a flush.
func (f *Folder) write(ctx context.Context, x *flush) {
	err := f.cfg.Save(ctx, &Rows{Tables: x.rows.tables(), Erased: x.rows.erased, Unsent: x.rows.unsent})
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		x.err = fmt.Errorf("insert effects: %w", err)
		f.fail(x.err, x.parts)
	} else {
		f.spare.give(&x.rows)
	}
	if f.flushing == x {
		f.flushing = nil
	}
	close(x.done)
}

// fail drops the partitions whose rows were not stored; mu is held.
func (f *Folder) fail(err error, parts []*partition) {
	f.saveErr = err
	for _, part := range parts {
		if f.parts[part.n] == part {
			f.drop(part.n)
		}
	}
}

// Err is the error of the last checkpoint, once; after one, everything owned must be gained anew.
func (f *Folder) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.saveErr
	f.saveErr = nil
	return err
}

func (f *Folder) failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.saveErr != nil
}

// Flush makes a checkpoint of everything and waits for it.
func (f *Folder) Flush(ctx context.Context) error {
	for {
		f.mu.Lock()
		running, dirty := f.saving, !f.dirtySince.IsZero()
		f.mu.Unlock()
		switch {
		case running != nil:
			if err := f.cfg.background.wait(ctx, running.done); err != nil {
				return err
			}
		case dirty:
			f.Checkpoint(context.WithoutCancel(ctx), true)
		default:
			return f.Err()
		}
		if err := f.Err(); err != nil {
			return err
		}
	}
}

// snapshot encodes what changed; mu is held.
func (f *Folder) snapshot() *checkpoint {
	c := &checkpoint{done: make(chan struct{}), facts: f.facts, rows: rows{spare: &f.spare}, after: f.flushing}
	if f.facts = nil; c.facts == nil {
		c.facts = profiles.NewFacts()
	}
	n := 0
	for _, part := range f.order {
		n += len(part.dirty)
	}
	c.entries, c.states, c.due = make([]*entry, 0, n), make([]State, 0, n), make([]Due, 0, n)
	a := arena{block: min(max(n*1024, 4<<10), 1<<20)}
	for _, part := range f.order {
		if !part.touched {
			continue
		}
		part.touched = false
		c.parts = append(c.parts, part)
		for _, e := range part.dirty {
			e.dirty, e.saving = false, true
			p := e.p
			version := Version(part.epoch, p.Offset)
			c.facts.Add(p, version)
			c.states = append(c.states, State{Partition: part.n, ID: p.ID, Version: version, Redirect: p.Redirect, Bytes: a.encode(p)})
			c.due = append(c.due, Due{Partition: part.n, ID: p.ID, At: p.NextDue(), Version: version})
		}
		c.entries = append(c.entries, part.dirty...)
		part.saving, part.dirty = part.dirty, nil
		c.rows.join(&part.rows)
		part.rows = rows{spare: &f.spare}
		c.markers = append(c.markers, Marker{Partition: part.n, Epoch: part.epoch, Next: part.next, Identities: part.identities,
			Definitions: part.definitions, Clock: part.clock, Virtual: part.virtual, Until: part.until, Sweeps: slices.Clone(part.sweeps), Splits: slices.Clone(part.splits),
			Events: part.events})
	}
	return c
}

// arena is memory for encoded states; each is a string in a larger block.
type arena struct {
	buf   []byte
	block int
}

func (a *arena) encode(p *profiles.Profile) string {
	if cap(a.buf)-len(a.buf) < a.block/8 {
		a.buf = make([]byte, 0, a.block)
	}
	from := len(a.buf)
	a.buf = p.Encode(a.buf) // one that does not fit takes the block with it to a larger one
	b := a.buf[from:]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// save writes a checkpoint and lets its profiles go.
func (f *Folder) save(ctx context.Context, c *checkpoint) {
	start := f.cfg.Now()
	err := f.store(ctx, c)
	if err == nil && f.cfg.Commit != nil {
		next := map[int]int64{}
		for i := range c.markers {
			next[c.markers[i].Partition] = c.markers[i].Next
		}
		// Progress is the marker's; a failed commit is only lag on a screen.
		if cerr := f.cfg.Commit(ctx, next); cerr != nil && ctx.Err() == nil {
			f.cfg.Log.Debug("commit", "err", cerr)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range c.entries {
		e.saving = false
	}
	if err != nil {
		f.fail(fmt.Errorf("save checkpoint: %w", err), c.parts)
	} else {
		f.stored(c)
	}
	f.stats.Checkpoints++
	f.lastSave = f.cfg.Now().Sub(start)
	f.stats.SaveTime += f.lastSave
	f.saving = nil
	close(c.done)
}

// store writes a checkpoint.
func (f *Folder) store(ctx context.Context, c *checkpoint) error {
	if c.after != nil {
		if err := f.cfg.background.wait(ctx, c.after.done); err != nil {
			return err
		}
		if c.after.err != nil {
			return c.after.err
		}
	}
	return f.cfg.Save(ctx, &Rows{Tables: append(c.facts.Tables(), c.rows.tables()...), Due: c.due, Erased: c.rows.erased, Unsent: c.rows.unsent, States: c.states, Markers: c.markers})
}

// stored notes that a checkpoint is in the store; mu is held.
func (f *Folder) stored(c *checkpoint) {
	for i, part := range c.parts {
		part.marker, part.saving = c.markers[i], nil
		part.aside = slices.DeleteFunc(part.aside, func(offset int64) bool { return offset < part.marker.Next })
	}
	byPart := map[int]*partition{}
	for _, part := range c.parts {
		byPart[part.n] = part
	}
	for i := range c.states {
		byPart[c.states[i].Partition].stored.add(c.states[i].ID)
	}
	c.facts.Reset()
	f.facts = c.facts
	f.spare.give(&c.rows)
}
