package ingest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// ReplayConfig is what Replay drives. The funcs are the server's: its log, its virtual clock, its timers.
type ReplayConfig struct {
	Events   iter.Seq[Timed]                                              // in order of time
	Append   func(ctx context.Context, recs []stream.Record) error        //
	SetClock func(ctx context.Context, at time.Time) error                // makes the clock virtual or moves it on; returns when the records are appended
	NextDue  func(ctx context.Context) (at time.Time, ok bool, err error) // the earliest timer of all partitions
	Wait     func(ctx context.Context) error                              // returns when all that was appended is folded and nothing is due
	Slice    time.Duration                                                // longest stretch that is appended at a time; default one hour
	Progress func(at time.Time, events int)                               // may be nil
}

// maxRounds bounds how often timers may set timers within one slice.
const maxRounds = 10_000

// Replay plays events on a virtual clock: they are appended with the time at which they happened, in slices that end at
// the next due timer or after one virtual hour, and the next slice waits until all is folded and nothing is due. So a
// journey that waits a week sends after what happened in that week and before what happened later. Stretches in which
// nothing happens and nothing is due are skipped. The clock stands at the last event when it returns.
func Replay(ctx context.Context, cfg ReplayConfig) error {
	if cfg.Events == nil || cfg.Append == nil || cfg.SetClock == nil || cfg.NextDue == nil || cfg.Wait == nil {
		return errors.New("ingest: Events, Append, SetClock, NextDue and Wait of a replay are required")
	}
	if cfg.Slice == 0 {
		cfg.Slice = time.Hour
	}
	next, stop := iter.Pull(cfg.Events)
	defer stop()
	head, more := next()
	if !more {
		return nil
	}
	r := replay{cfg: &cfg, clock: head.At}
	if err := r.set(ctx, head.At); err != nil {
		return err
	}
	for more {
		end, err := r.sliceEnd(ctx, head.At)
		if err != nil {
			return err
		}
		for more && head.At.Before(end) {
			if head.At.Before(r.last) {
				return enishi.Errorf(enishi.Invalid, "the events are not in order of time: %s after %s", head.At.Format(time.RFC3339), r.last.Format(time.RFC3339))
			}
			r.last = head.At
			r.recs = append(r.recs, stream.Record{Topic: head.Topic, Partition: -1, Key: head.Key, Value: head.Value, Time: head.At})
			head, more = next()
		}
		if err := r.flush(ctx); err != nil {
			return err
		}
		if !more {
			end = r.last
		}
		if err := r.advance(ctx, end); err != nil {
			return err
		}
	}
	return r.set(ctx, r.last)
}

type replay struct {
	cfg   *ReplayConfig
	clock time.Time // where the clock was set to, or what the slices passed
	last  time.Time // of the last event
	recs  []stream.Record
	sent  int
}

func (r *replay) set(ctx context.Context, at time.Time) error {
	if err := r.cfg.SetClock(ctx, at); err != nil {
		return fmt.Errorf("set the clock to %s: %w", at.Format(time.RFC3339), err)
	}
	if err := r.cfg.Wait(ctx); err != nil {
		return fmt.Errorf("wait for the fold: %w", err)
	}
	return nil
}

// sliceEnd is where the next slice ends: after the slice's length from the clock or, when nothing happens for longer, from
// the next event; but not after the next due timer.
func (r *replay) sliceEnd(ctx context.Context, head time.Time) (time.Time, error) {
	end := r.clock.Add(r.cfg.Slice)
	if !head.Before(end) {
		end = head.Add(r.cfg.Slice)
	}
	due, ok, err := r.due(ctx)
	if err != nil {
		return end, err
	}
	if ok && due.Before(end) {
		end = due
	}
	return end, nil
}

func (r *replay) due(ctx context.Context) (time.Time, bool, error) {
	at, ok, err := r.cfg.NextDue(ctx)
	if err != nil {
		return at, ok, fmt.Errorf("read the next timer: %w", err)
	}
	return at, ok, nil
}

// flush appends the slice and waits until it is folded.
func (r *replay) flush(ctx context.Context) error {
	if len(r.recs) == 0 {
		return nil
	}
	if err := r.cfg.Append(ctx, r.recs); err != nil {
		return fmt.Errorf("append %d events of a replay: %w", len(r.recs), err)
	}
	r.sent += len(r.recs)
	r.recs = r.recs[:0]
	if err := r.cfg.Wait(ctx); err != nil {
		return fmt.Errorf("wait for the fold: %w", err)
	}
	if r.cfg.Progress != nil {
		r.cfg.Progress(r.last, r.sent)
	}
	return nil
}

// advance moves the clock to the end of the slice by way of the timers that are due until then; those that the slice
// itself set among them. Without any the clock need not be set: the records of the next slice move it.
func (r *replay) advance(ctx context.Context, end time.Time) error {
	for range maxRounds {
		due, ok, err := r.due(ctx)
		if err != nil {
			return err
		}
		if !ok || due.After(end) {
			r.clock = end
			return nil
		}
		if due.Before(r.clock) {
			due = r.clock
		}
		if err := r.set(ctx, due); err != nil {
			return err
		}
		r.clock = due
	}
	return fmt.Errorf("timers at %s set timers without end", end.Format(time.RFC3339))
}
