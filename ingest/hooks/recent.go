package hooks

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// recent gathers calls for the console. It is a view and no record: under load it keeps one call a second of each source and
// topic, and all that were refused as long as there is room.
type recent struct {
	keep func(ctx context.Context, calls []Received) error
	log  *slog.Logger

	mu    sync.Mutex
	calls []Received
	last  map[string]time.Time // by source and topic
}

const (
	keepEvery  = time.Second
	maxWaiting = 200
	maxTopics  = 1000
)

func newRecent(keep func(ctx context.Context, calls []Received) error, log *slog.Logger) *recent {
	return &recent{keep: keep, log: log, last: map[string]time.Time{}}
}

func (r *recent) add(x Received) {
	if r.keep == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := x.Source + "\n" + x.Topic
	if len(r.calls) >= maxWaiting || x.Outcome != OutcomeRefused && x.At.Sub(r.last[key]) < keepEvery {
		return
	}
	if len(r.last) >= maxTopics {
		clear(r.last)
	}
	r.last[key] = x.At
	r.calls = append(r.calls, x)
}

func (r *recent) run(ctx context.Context) error {
	ticker := time.NewTicker(keepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		r.mu.Lock()
		calls := r.calls
		r.calls = nil
		r.mu.Unlock()
		if len(calls) == 0 {
			continue
		}
		if err := r.keep(ctx, calls); err != nil && ctx.Err() == nil {
			r.log.Warn("calls are not kept for the console", "calls", len(calls), "err", err)
		}
	}
}
