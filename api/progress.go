package api

import (
	"context"
	"fmt"
	"sync"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// progress is how far the stages are behind each other.
type progress struct {
	Ingest, Events int64 // records that wait
	Markers        []marker
	Ends           []int64   // of the topic events
	Through        time.Time // facts are complete up to here; zero: nothing has come yet
}

// progress asks for it; the answer is at most half a second old unless fresh.
func (a *API) progress(ctx context.Context, fresh bool) (*progress, error) {
	return a.progressMemo.get(ctx, fresh, 500*time.Millisecond, a.askProgress)
}

func (a *API) askProgress(ctx context.Context) (*progress, error) {
	p := &progress{}
	passed, err := a.cfg.IngestPassed(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask how far ingest is: %w", err)
	}
	for _, topic := range enishi.SourceTopics() {
		ends, err := a.cfg.Stream.Ends(ctx, topic)
		if err != nil {
			return nil, err
		}
		for n, end := range ends {
			next, ok := passed[stream.Partition{Topic: topic, Partition: n}]
			if end > next && (ok || !a.ownPassed) {
				p.Ingest += end - next
			}
		}
	}
	if p.Ends, err = a.cfg.Stream.Ends(ctx, enishi.TopicEvents); err != nil {
		return nil, err
	}
	if p.Markers, err = a.markers(ctx); err != nil {
		return nil, err
	}
	p.Through = a.now()
	for n := range p.Markers {
		m := &p.Markers[n]
		behind := max(p.Ends[n]-m.next, 0)
		p.Events += behind
		if (behind > 0 || p.Ingest > 0) && m.next > 0 && m.clock.Before(p.Through) {
			p.Through = m.clock
		}
	}
	return p, nil
}

// openMessages is how many decided messages have not ended, those that the sender has not read included. It reads the whole ledger,
// and counts more than a lag that was asked for before.
func (a *API) openMessages(ctx context.Context) (n int64, err error) {
	backlog, err := a.deliveries().Backlog(ctx)
	if err != nil {
		return 0, err
	}
	n, err = a.incoming(ctx)
	return n + backlog.Open, err
}

// incoming is how many records of the topic messages the sender has not read; 0 when nobody knows how far it is.
func (a *API) incoming(ctx context.Context) (n int64, err error) {
	if a.cfg.MessagesPassed == nil {
		return 0, nil
	}
	passed, err := a.cfg.MessagesPassed(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask how far the sender is: %w", err)
	}
	ends, err := a.cfg.Stream.Ends(ctx, enishi.TopicMessages)
	if err != nil {
		return 0, err
	}
	for p, end := range ends {
		if next, ok := passed[stream.Partition{Topic: enishi.TopicMessages, Partition: p}]; ok && end > next {
			n += end - next
		}
	}
	return n, nil
}

// through is up to when the facts are complete.
func (a *API) through(ctx context.Context) (time.Time, error) {
	p, err := a.progress(ctx, isFresh(ctx))
	if err != nil {
		return time.Time{}, err
	}
	return p.Through, nil
}

// memo remembers an answer for a while, longer when it was dear: a page that many look at asks the tables once.
type memo[T any] struct {
	mu   sync.Mutex
	at   time.Time
	cost time.Duration
	v    T
}

// get answers from memory when it is younger than age and than five times what it took to make; fresh asks anew.
func (m *memo[T]) get(ctx context.Context, fresh bool, age time.Duration, ask func(context.Context) (T, error)) (T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	start := time.Now()
	if !fresh && !m.at.IsZero() && start.Sub(m.at) < max(age, min(5*m.cost, 30*time.Second)) {
		return m.v, nil
	}
	v, err := ask(ctx)
	if err != nil {
		return v, err
	}
	m.at, m.cost, m.v = time.Now(), time.Since(start), v
	return v, nil
}

// forget makes the next get ask anew.
func (m *memo[T]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = time.Time{}
}
