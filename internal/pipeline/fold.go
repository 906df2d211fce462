package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// batch is the records of one call of Fold, by partition.
type batch struct {
	parts  []*partition
	states map[int][]enishi.ID // to be loaded
	sweeps []*stream.Record    // records whose range is to be loaded
	next   int64               // definitions that must be known
	ahead  []*stream.Record    // stamped ahead and not set aside yet
}

// share is what a batch has for one partition, and what its steps gave so far.
type share struct {
	recs    []*stream.Record
	virtual bool              // the partition's clock, as far as the records were looked at
	ranges  map[int64][]State // by the offset of a sweep record: what is stored in its buckets
	defs    map[int64]*Definitions
	err     error

	enishi.Effects                 // of the record that is being folded
	out            []stream.Record // to append
	arena          []byte          // what out's values are made in
	event          enishi.Event    // the record that is being folded
	stats          Stats
}

// release makes the shares ready for the next batch; mu is held.
func (b *batch) release() {
	for _, part := range b.parts {
		s := &part.share
		clear(s.recs)
		clear(s.out)
		*s = share{recs: s.recs[:0], Effects: s.Effects, out: s.out[:0], arena: s.arena[:0]}
	}
}

// Fold steps records of owned partitions, each partition's in order, and returns when all that they gave to the log is
// acknowledged. Records of partitions that are not owned are left out. After an error all partitions of recs must be gained
// again.
func (f *Folder) Fold(ctx context.Context, recs []stream.Record) error {
	start := f.cfg.Now()
	b := f.sort(recs)
	err := f.setAside(ctx, b)
	if err == nil {
		err = f.read(ctx, b)
	}
	if err != nil { // nothing was stepped: the memory is good
		f.mu.Lock()
		defer f.mu.Unlock()
		b.release()
		return err
	}
	f.mu.Lock()
	err = f.run(b)
	out := f.gather(b)
	f.stats.Records += int64(len(recs))
	stepped := f.cfg.Now()
	f.stats.FoldTime += stepped.Sub(start)
	f.mu.Unlock()
	if err == nil && len(out) > 0 {
		if err = f.cfg.Append(ctx, out); err != nil {
			err = fmt.Errorf("append effects: %w", err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	b.release()
	for _, part := range b.parts {
		// Steps change profiles in place: what was stepped and is not acknowledged must not be saved.
		if err != nil && f.parts[part.n] == part && !f.cfg.broken.keepTorn {
			f.drop(part.n)
		}
	}
	f.lastFold, f.lastBatch = f.cfg.Now(), len(recs)
	f.stats.EffectTime += f.lastFold.Sub(stepped)
	if err != nil {
		return err
	}
	f.evict()
	return nil
}

// sort gives each partition its records and finds what must be read before they can be stepped.
func (f *Folder) sort(recs []stream.Record) *batch {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := &batch{states: map[int][]enishi.ID{}}
	limit := f.cfg.Now().Add(MaxSkew)
	asked := map[enishi.ID]bool{}
	for i := range recs {
		r := &recs[i]
		part := f.parts[r.Partition]
		if part == nil || r.Offset < part.next {
			continue
		}
		if len(part.share.recs) == 0 {
			b.parts = append(b.parts, part)
			part.share.virtual = part.virtual
		}
		part.share.recs = append(part.share.recs, r)
		if part.passed(r.Offset) {
			continue
		}
		control := ""
		if len(r.Key) == 0 {
			control = b.control(r, &part.share)
		}
		if !part.share.virtual && r.Time.After(limit) && control != enishi.TypeClock {
			b.ahead = append(b.ahead, r)
			continue
		}
		var id enishi.ID
		if copy(id[:], r.Key) == len(id) && part.cache[id] == nil && part.stored.has(id) && !asked[id] {
			asked[id] = true
			b.states[part.n] = append(b.states[part.n], id)
		}
	}
	slices.SortFunc(b.parts, func(x, y *partition) int { return x.n - y.n })
	return b
}

// control notes what a record needs that is for a partition as a whole.
func (b *batch) control(r *stream.Record, s *share) (typ string) {
	var e enishi.Event
	if decode(&e, r.Value) != nil || e.Control == nil {
		return ""
	}
	switch e.Type {
	case enishi.TypeSwitch:
		b.next = max(b.next, e.Control.Offset)
	case enishi.TypeSweep:
		b.sweeps = append(b.sweeps, r)
	case enishi.TypeClock:
		s.virtual = !e.Control.Live
	}
	return e.Type
}

// read brings what the steps need into memory.
func (f *Folder) read(ctx context.Context, b *batch) error {
	if b.next > 0 {
		if err := f.cfg.Definitions.Wait(ctx, b.next); err != nil {
			return fmt.Errorf("wait for definitions: %w", err)
		}
	}
	var have Have
	if len(b.states) > 0 {
		var err error
		if have, err = f.cfg.Load(ctx, Want{States: b.states}); err != nil {
			return fmt.Errorf("load profiles: %w", err)
		}
	}
	ranges := make([][]State, len(b.sweeps))
	for i, r := range b.sweeps {
		var err error
		if ranges[i], err = f.readRange(ctx, r); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range have.States {
		s := &have.States[i]
		f.stats.Loads++
		if part := f.parts[s.Partition]; part != nil {
			if err := part.take(s); err != nil {
				return err
			}
		}
	}
	for i, r := range b.sweeps {
		if part := f.parts[r.Partition]; part != nil {
			if part.share.ranges == nil {
				part.share.ranges = map[int64][]State{}
			}
			part.share.ranges[r.Offset] = ranges[i]
		}
	}
	return nil
}

// run steps the partitions of a batch, several at a time: they share nothing. mu is held.
func (f *Folder) run(b *batch) error {
	// A failed checkpoint may have dropped some since they were sorted.
	b.parts = slices.DeleteFunc(b.parts, func(part *partition) bool { return f.parts[part.n] != part })
	for _, part := range b.parts {
		part.touched = true
		if f.dirtySince.IsZero() {
			f.dirtySince = f.cfg.Now()
		}
		if b.next > 0 {
			f.resolve(part)
		}
	}
	workers := min(f.cfg.Workers, len(b.parts))
	if workers <= 1 {
		for _, part := range b.parts {
			f.steps(part)
		}
	} else {
		var next atomic.Int32
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for i := next.Add(1) - 1; int(i) < len(b.parts); i = next.Add(1) - 1 {
					f.steps(b.parts[i])
				}
			})
		}
		wg.Wait()
	}
	virtual := false
	for _, part := range b.parts {
		f.stats.add(&part.share.stats)
		virtual = virtual || part.virtual
		if part.share.err != nil {
			return part.share.err
		}
	}
	if _, was := f.world.Virtual(); was || virtual {
		f.showClock()
	}
	return nil
}

// resolve compiles the definitions that a partition goes over to in this batch; mu is held.
func (f *Folder) resolve(part *partition) {
	s := &part.share
	s.defs = map[int64]*Definitions{}
	for _, r := range s.recs {
		var e enishi.Event
		if len(r.Key) == 0 && decode(&e, r.Value) == nil && e.Type == enishi.TypeSwitch && e.Control != nil {
			s.defs[e.Control.Offset] = f.definitionsAt(e.Control.Offset)
		}
	}
}

// gather collects what the steps give to the log, partition by partition; mu is held.
func (f *Folder) gather(b *batch) []stream.Record {
	n := 0
	for _, part := range b.parts {
		n += len(part.share.out)
	}
	out := make([]stream.Record, 0, n)
	for _, part := range b.parts {
		out = append(out, part.share.out...)
	}
	return out
}

// MaxSkew is how far ahead of the owner's wall clock a record may be stamped.
const MaxSkew = 5 * time.Second

// setAside passes over records that are stamped ahead of the owner's clock: they are appended again with the owner's time.
// That they are passed over is stored before anything after them acts: after a crash the wall clock may have come up to them,
// and they would be folded where they stand, before records that have already acted without them.
func (f *Folder) setAside(ctx context.Context, b *batch) error {
	if len(b.ahead) == 0 {
		return nil
	}
	now := f.now()
	copies, aside := make([]stream.Record, len(b.ahead)), make([]Aside, len(b.ahead))
	f.mu.Lock()
	for i, r := range b.ahead {
		copies[i] = stream.Record{Topic: enishi.TopicEvents, Partition: r.Partition, Time: now, Key: r.Key, Value: r.Value}
		aside[i] = Aside{Partition: r.Partition, Offset: r.Offset}
		if part := f.parts[r.Partition]; part != nil {
			aside[i].Epoch = part.epoch
		}
	}
	f.mu.Unlock()
	if err := f.cfg.Append(ctx, copies); err != nil {
		return fmt.Errorf("append what is stamped ahead: %w", err)
	}
	if err := f.cfg.Save(ctx, &Rows{Aside: aside}); err != nil {
		return fmt.Errorf("save what is passed over: %w", err)
	}
	alert := enishi.Alert{ID: enishi.NewID("alert", "clock", now.Format("2006-01-02T15")), Kind: "clock", Severity: "warning", At: now,
		Text:   "A record is stamped more than 5 s in the future: check the clocks of the machines that write to the log.",
		TextJA: "5 秒以上先の時刻のデータが届いています。送信元サーバーの時計を確認してください。"}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range aside {
		if part := f.parts[aside[i].Partition]; part != nil {
			part.aside = append(part.aside, aside[i].Offset)
			if i == 0 {
				part.rows.alerts = append(part.rows.alerts, alert)
			}
		}
	}
	return nil
}
