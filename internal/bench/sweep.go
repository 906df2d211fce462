package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"enishi"
)

// The stage sweep posts so many events a second, alone for a while and then beside sweeps.
const (
	liveRate  = 200
	liveAlone = 10 // seconds
	liveSlice = 2  // seconds, of the events that are posted at once
)

// runSweep stores profiles and publishes two segments for them, one that finds nobody and one that finds everybody, while
// events come in. A message is late by what the sweep makes it wait.
func runSweep(ctx context.Context, b *bench) (err error) {
	begun := time.Now()
	if err := fill(ctx, b.dir, b.stored); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	b.printf("  %d stored profiles made in %s\n", b.stored, time.Since(begun).Round(time.Second))
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	l := &latencies{posted: map[string]time.Time{}}
	s, err := openShop(ctx, w, "shop", nil, int64(b.cacheMB)<<20, l.handed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	m := newMixer(5 * liveRate)
	m.apart = liveRate / 5
	m.next += b.stored // nobody who is stored
	live := &liveEvents{shop: s, l: l, mix: m}
	return while(ctx, s.run, func() error {
		if err := eventually(ctx, "the start", 5*time.Minute, func() (bool, error) { return s.runner.Ready() && !s.folder.Busy(), nil }); err != nil {
			return err
		}
		for range liveAlone / liveSlice {
			if err := live.post(ctx); err != nil {
				return err
			}
		}
		if err := live.tell(ctx, b, "alone"); err != nil {
			return err
		}
		for _, x := range []struct{ name, expression string }{{"nobody", `orders_count >= 50`}, {"everybody", `orders_count >= 1`}} {
			took, err := live.sweep(ctx, x.name, x.expression)
			if err != nil {
				return err
			}
			b.printf("  a sweep of %d profiles that finds %s: %s, %.0f profiles/s\n", b.stored, x.name, took.Round(10*time.Millisecond), float64(b.stored)/took.Seconds())
			if err := live.tell(ctx, b, "beside it"); err != nil {
				return err
			}
		}
		return eventually(ctx, "everybody is stored as a member", 5*time.Minute, func() (bool, error) {
			var n uint64
			err := s.db.QueryRow(ctx, "SELECT uniqExact(profile_id) FROM memberships FINAL WHERE segment = 'everybody'").Scan(&n)
			return int(n) >= b.stored, err
		})
	})
}

// liveEvents are events that come in while something else happens.
type liveEvents struct {
	*shop
	l    *latencies
	mix  *mixer
	want int // messages
}

// post posts a slice of events at the rate.
func (x *liveEvents) post(ctx context.Context) error {
	before := x.mix.made["shipment.shipped"] + x.mix.made["shipment.delivered"]
	recs, err := x.mix.records(liveSlice * liveRate)
	if err != nil {
		return err
	}
	x.want += x.mix.made["shipment.shipped"] + x.mix.made["shipment.delivered"] - before
	bodies, keys := make([][]byte, len(recs)), make([]string, len(recs))
	for i := range recs {
		bodies[i] = slices.Concat([]byte(`{"batch":[`), recs[i].Value, []byte(`]}`))
		keys[i] = eventKey(recs[i].Value)
	}
	return x.l.post(ctx, "http://"+x.listener.Addr().String()+"/v1/batch", bodies, keys, liveRate, 0)
}

// sweep publishes a segment and posts events until it has come to all.
func (x *liveEvents) sweep(ctx context.Context, name, expression string) (time.Duration, error) {
	body := fmt.Sprintf(`{"title":{"en":"x","ja":"x"},"expression":%q}`, expression)
	begun := time.Now()
	if _, err := x.defs.Save(ctx, x.stream, enishi.Definition{Kind: "segment", Name: name, Expect: -1, Body: []byte(body), RequestID: enishi.NewID("sweep", name, strconv.FormatInt(begun.UnixNano(), 10))}); err != nil {
		return 0, err
	}
	var took time.Duration
	over := make(chan error, 1)
	go func() {
		err := eventually(ctx, "a sweep has begun", time.Minute, func() (bool, error) { return x.sweeping(), nil })
		if err == nil {
			err = eventually(ctx, "the sweep is over", 20*time.Minute, func() (bool, error) { return !x.sweeping() && !x.folder.Busy(), nil })
		}
		took = time.Since(begun)
		over <- err
	}()
	for {
		if err := x.post(ctx); err != nil {
			return 0, errors.Join(err, <-over)
		}
		select {
		case err := <-over:
			return took, err
		default:
		}
	}
}

func (x *liveEvents) sweeping() bool {
	for _, p := range x.folder.Progress() {
		if len(p.Sweeps) > 0 {
			return true
		}
	}
	return false
}

// tell waits for the messages of what was posted and prints how late they were; then it begins anew.
func (x *liveEvents) tell(ctx context.Context, b *bench, when string) error {
	l := x.l
	if err := eventually(ctx, "all messages are handed over", 2*time.Minute, func() (bool, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.hands) >= x.want, nil
	}); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.acks)
	slices.Sort(l.hands)
	b.printf("  %d events/s %s: post -> 202 p50 %s, p99 %s; post -> handed over p50 %s, p99 %s, max %s, of %d\n", liveRate, when, round(quantile(l.acks, 0.5)), round(quantile(l.acks, 0.99)),
		round(quantile(l.hands, 0.5)), round(quantile(l.hands, 0.99)), round(quantile(l.hands, 1)), len(l.hands))
	if l.strays > 0 {
		return fmt.Errorf("%d messages that no event asked for", l.strays)
	}
	l.acks, l.hands, x.want = nil, nil, 0
	return nil
}
