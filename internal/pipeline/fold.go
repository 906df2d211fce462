package pipeline

import (
	"context"
	"fmt"
	"time"

	"enishi"
	"enishi/internal/stream"
	"enishi/profiles"
)

// batch is what a batch of records gives.
type batch struct {
	enishi.Effects
	rows   *rowBuffer
	append []stream.Record
	erased []enishi.ID
}

// Fold steps records of owned partitions, each partition's in order, and returns when all their effects are acknowledged.
// After an error the partitions of recs must be gained again: their memory is dropped.
func (f *Folder) Fold(ctx context.Context, recs []stream.Record) error {
	start := f.cfg.Now()
	events, err := f.decode(recs)
	if err != nil {
		return err
	}
	if err := f.load(ctx, events); err != nil {
		f.forget(recs)
		return err
	}
	b := &batch{rows: newRowBuffer()}
	f.mu.Lock()
	for i := range events {
		part := f.parts[events[i].Partition]
		if part == nil {
			continue // lost meanwhile: its new owner folds it
		}
		if err := f.step(ctx, part, &events[i], recs[i].Value, b); err != nil {
			f.mu.Unlock()
			f.forget(recs)
			return err
		}
	}
	f.stats.Records += int64(len(recs))
	f.stats.FoldTime += f.cfg.Now().Sub(start)
	f.mu.Unlock()

	sending := f.cfg.Now()
	if err := f.send(ctx, b); err != nil {
		f.forget(recs)
		return err
	}
	f.mu.Lock()
	f.stats.EffectTime += f.cfg.Now().Sub(sending)
	f.stats.Messages += int64(len(b.Messages))
	f.evict()
	f.mu.Unlock()
	return nil
}

// decode reads the records; what cannot be read is skipped with an error in the log, for only Enishi writes here.
func (f *Folder) decode(recs []stream.Record) ([]enishi.Event, error) {
	events := make([]enishi.Event, len(recs))
	for i := range recs {
		e := &events[i]
		if err := enishi.DecodeEvent(e, recs[i].Value); err != nil {
			f.cfg.Log.Error("unreadable record", "partition", recs[i].Partition, "offset", recs[i].Offset, "err", err)
			*e = enishi.Event{}
		}
		copy(e.Profile[:], recs[i].Key)
		e.Partition, e.Offset, e.Time = recs[i].Partition, recs[i].Offset, recs[i].Time.UTC()
	}
	return events, nil
}

// load brings the profiles that the events need into memory.
func (f *Folder) load(ctx context.Context, events []enishi.Event) error {
	want := Want{States: map[int][]enishi.ID{}}
	asked := map[enishi.ID]bool{}
	f.mu.Lock()
	for i := range events {
		e := &events[i]
		part := f.parts[e.Partition]
		if part == nil || e.Profile.IsZero() || asked[e.Profile] || part.cache[e.Profile] != nil {
			continue
		}
		asked[e.Profile] = true
		want.States[e.Partition] = append(want.States[e.Partition], e.Profile)
	}
	f.mu.Unlock()
	if len(asked) == 0 {
		return nil
	}
	have, err := f.cfg.Load(ctx, want)
	if err != nil {
		return fmt.Errorf("load %d profiles: %w", len(asked), err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.Loads += int64(len(asked))
	for _, s := range have.States {
		part := f.parts[s.Partition]
		if part == nil || part.cache[s.ID] != nil {
			continue
		}
		p, err := profiles.Decode(s.ID, s.Bytes)
		if err != nil {
			return fmt.Errorf("decode profile %s: %w", s.ID, err)
		}
		f.keep(part, p)
	}
	return nil
}

// keep puts a profile into the cache; mu is held.
func (f *Folder) keep(part *partition, p *profiles.Profile) *entry {
	e := &entry{p: p, size: int64(p.Size())}
	part.cache[p.ID] = e
	part.queue = append(part.queue, e)
	f.bytes += e.size
	return e
}

// entry finds or makes the entry of a profile; mu is held.
func (f *Folder) entry(part *partition, id enishi.ID) *entry {
	if e := part.cache[id]; e != nil {
		e.touched = true
		return e
	}
	return f.keep(part, profiles.New(id))
}

// changed marks an entry for the next checkpoint; mu is held.
func (f *Folder) changed(part *partition, e *entry) {
	e.dirty = true
	part.touched = true
	if f.dirtySince.IsZero() {
		f.dirtySince = f.cfg.Now()
	}
	size := int64(e.p.Size())
	f.bytes += size - e.size
	e.size = size
	part.arm(e.p.ID, e.p.NextDue())
}

// evict forgets clean profiles, the longest untouched first, until the bound holds; mu is held.
func (f *Folder) evict() {
	for _, part := range f.parts {
		if f.bytes <= f.cfg.CacheBytes {
			return
		}
		keep := part.queue[:0]
		for _, e := range part.queue {
			if f.bytes <= f.cfg.CacheBytes || e.dirty || e.saving || e.touched {
				e.touched = false
				keep = append(keep, e)
				continue
			}
			f.bytes -= e.size
			delete(part.cache, e.p.ID)
		}
		part.queue = keep
	}
}

// forget drops the partitions of records whose batch was torn.
func (f *Folder) forget(recs []stream.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range recs {
		f.drop(recs[i].Partition)
	}
}

// send makes the effects of a batch durable.
func (f *Folder) send(ctx context.Context, b *batch) error {
	recs := b.append
	for i := range b.Records {
		e := &b.Records[i]
		recs = append(recs, f.record(e, e.Time))
	}
	for i := range b.Messages {
		recs = append(recs, MessageRecord(&b.Messages[i]))
	}
	b.rows.decisions(b.Decisions)
	b.rows.outcomes(b.Outcomes)
	b.rows.alerts(b.Alerts)
	tables := b.rows.tables()
	appended := make(chan error, 1)
	go func() {
		if len(recs) == 0 {
			appended <- nil
			return
		}
		appended <- f.cfg.Append(ctx, recs)
	}()
	var err error
	if len(tables) > 0 || len(b.erased) > 0 {
		err = f.cfg.Save(ctx, &Rows{Tables: tables, Erased: b.erased})
	}
	if aerr := <-appended; aerr != nil {
		return fmt.Errorf("append effects: %w", aerr)
	}
	if err != nil {
		return fmt.Errorf("insert effects: %w", err)
	}
	return nil
}

// record encodes an event for the topic events.
func (f *Folder) record(e *enishi.Event, at time.Time) stream.Record {
	return EventRecord(e, f.cfg.Partitions, at)
}

// EventRecord is an event as it stands on the topic events of n partitions, appended at an instant.
func EventRecord(e *enishi.Event, n int, at time.Time) stream.Record {
	r := stream.Record{Topic: enishi.TopicEvents, Partition: e.Partition, Time: at, Value: enishi.EncodeEvent(nil, e)}
	if !e.Profile.IsZero() {
		r.Partition = e.Profile.Partition(n)
		r.Key = append([]byte(nil), e.Profile[:]...)
	}
	return r
}

// MessageRecord is a message as it stands on the topic messages: keyed by destination and shard, so that one partition
// holds what one account's limits apply to.
func MessageRecord(m *enishi.Message) stream.Record {
	return stream.Record{Topic: enishi.TopicMessages, Partition: -1, Time: m.DecidedAt, Key: []byte(m.Destination), Value: enishi.EncodeMessage(nil, m)}
}
