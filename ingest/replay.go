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
	Events  iter.Seq[Timed]                                       // in order of time
	Append  func(ctx context.Context, recs []stream.Record) error // returns when all is folded and what it made due has acted
	Advance func(ctx context.Context, at time.Time) error         // moves the clock; returns when the timers on the way have acted
	NextDue func() (at time.Time, ok bool)                        // the earliest timer of all partitions; it need not know those after MaxLeap
	Slice   time.Duration                                         // longest stretch of events that is appended at a time; default one hour
}

// MaxLeap is the longest stretch without events that is passed without looking for timers that are not known yet.
const MaxLeap = 24 * time.Hour

// Replay plays events on a virtual clock: they are appended with the time at which they happened, in slices that end at the
// next due timer or after one virtual hour, and timers act before what happens later. So a journey that waits a week sends
// after what happened in that week and before what happened later; only a wait that begins and ends within one slice ends at
// the slice's end. Stretches in which nothing happens and nothing is due are skipped. The clock stands at the last event when
// Replay returns; it may be called again with what comes later.
func Replay(ctx context.Context, cfg ReplayConfig) error {
	if cfg.Events == nil || cfg.Append == nil || cfg.Advance == nil || cfg.NextDue == nil {
		return errors.New("ingest: Events, Append, Advance and NextDue of a replay are required")
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
	r := replay{cfg: &cfg, last: head.At}
	if err := r.advance(ctx, head.At); err != nil { // the clock may be the wall's until now
		return err
	}
	for more {
		due, waits := cfg.NextDue()
		if waits && !due.After(head.At) || head.At.Sub(r.last) > MaxLeap {
			if err := r.advance(ctx, head.At); err != nil {
				return err
			}
			if due, waits = cfg.NextDue(); waits && !due.After(head.At) {
				return fmt.Errorf("a timer at %s does not go away", due.Format(time.RFC3339))
			}
		}
		end := head.At.Add(cfg.Slice)
		if waits && due.Before(end) {
			end = due
		}
		for more && head.At.Before(end) {
			if head.At.Before(r.last) {
				return enishi.Errorf(enishi.Invalid, "the events are not in order of time: %s after %s", head.At.Format(time.RFC3339), r.last.Format(time.RFC3339))
			}
			r.last = head.At
			r.recs = append(r.recs, stream.Record{Topic: head.Topic, Partition: -1, Key: head.Key, Value: head.Value, Time: head.At})
			head, more = next()
		}
		if err := cfg.Append(ctx, r.recs); err != nil {
			return fmt.Errorf("append %d events of a replay: %w", len(r.recs), err)
		}
		r.recs = r.recs[:0]
	}
	return r.advance(ctx, r.last)
}

type replay struct {
	cfg  *ReplayConfig
	last time.Time // of the last event
	recs []stream.Record
}

func (r *replay) advance(ctx context.Context, at time.Time) error {
	if err := r.cfg.Advance(ctx, at); err != nil {
		return fmt.Errorf("move the clock to %s: %w", at.Format(time.RFC3339), err)
	}
	return nil
}
