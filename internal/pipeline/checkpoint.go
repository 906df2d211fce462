package pipeline

import (
	"context"
	"fmt"
	"time"

	"enishi/profiles"
)

// MaxCheckpoint is the longest a changed profile waits for its checkpoint under load.
const MaxCheckpoint = 5 * time.Second

// checkpoint is what is on its way to the store.
type checkpoint struct {
	rows    *Rows
	entries []*entry
	next    map[int]int64
}

// Checkpoint starts a checkpoint when one is due (or at once, with force) and none runs. It must be called at a batch
// border, by the goroutine that calls Fold. Done is closed when it is saved; nil when none was started.
func (f *Folder) Checkpoint(ctx context.Context, force bool) (done <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.saving != nil || f.dirtySince.IsZero() || (!force && f.cfg.Now().Sub(f.dirtySince) < f.cfg.Checkpoint) {
		return nil
	}
	c := f.snapshot()
	f.dirtySince = time.Time{}
	finished := make(chan struct{})
	f.saving = finished
	go f.save(ctx, c, finished)
	return finished
}

// Err is the error of the last checkpoint; after one, everything owned must be gained anew.
func (f *Folder) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.saveErr
	f.saveErr = nil
	return err
}

// Flush makes a checkpoint of everything and waits for it.
func (f *Folder) Flush(ctx context.Context) error {
	for {
		f.mu.Lock()
		running, dirty := f.saving, !f.dirtySince.IsZero()
		f.mu.Unlock()
		switch {
		case running != nil:
			select {
			case <-running:
			case <-ctx.Done():
				return ctx.Err()
			}
		case dirty:
			f.Checkpoint(ctx, true)
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
	c := &checkpoint{rows: &Rows{}, next: map[int]int64{}}
	facts := profiles.NewFacts()
	for _, part := range f.parts {
		if !part.touched {
			continue
		}
		part.touched = false
		for id, e := range part.cache {
			if !e.dirty {
				continue
			}
			e.dirty, e.saving = false, true
			c.entries = append(c.entries, e)
			version := Version(part.epoch, e.p.Offset)
			facts.Add(e.p, version)
			c.rows.States = append(c.rows.States, State{Partition: part.n, ID: id, Version: version, Redirect: e.p.Redirect, Bytes: string(e.p.Encode(nil))})
			c.rows.Due = append(c.rows.Due, Due{Partition: part.n, ID: id, At: e.p.NextDue(), Version: version})
		}
		c.rows.Markers = append(c.rows.Markers, Marker{Partition: part.n, Epoch: part.epoch, Next: part.next, Identities: part.identities,
			Definitions: part.definitions, Clock: part.clock, Virtual: part.virtual, Sweeps: append([]Sweep(nil), part.sweeps...), Events: part.events})
		c.next[part.n] = part.next
	}
	c.rows.Tables = facts.Tables()
	return c
}

// save writes a checkpoint and lets its profiles go.
func (f *Folder) save(ctx context.Context, c *checkpoint, finished chan struct{}) {
	start := f.cfg.Now()
	err := f.cfg.Save(ctx, c.rows)
	if err == nil && f.cfg.Commit != nil {
		// Progress is the marker's; a failed commit is only lag on a screen.
		if cerr := f.cfg.Commit(ctx, c.next); cerr != nil && ctx.Err() == nil {
			f.cfg.Log.Warn("commit", "err", cerr)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range c.entries {
		e.saving = false
	}
	if err != nil {
		f.saveErr = fmt.Errorf("save checkpoint: %w", err)
		for n := range c.next {
			f.drop(n)
		}
	}
	f.stats.Checkpoints++
	f.stats.SaveTime += f.cfg.Now().Sub(start)
	f.saving = nil
	close(finished)
}
