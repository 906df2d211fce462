package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"enishi"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
)

// The stage membership: so many people leave a segment by time within a minute, while others do something.
const (
	windowsEnd   = 10_000
	windowSpread = time.Minute
	windowLead   = 20 * time.Second // from when they come to when the first of them leaves
	windowOthers = 200              // events a second of other people
)

// viewRecord is a page view on the topic events, as ingest appends it.
func viewRecord(name string, partitions int, at, now time.Time) stream.Record {
	e := enishi.Event{ID: enishi.NewID("view", name, strconv.FormatInt(at.UnixNano(), 10)), Type: "page.viewed", At: at, Source: "shop", Person: &enishi.Person{CustomerID: name}, Web: &enishi.Web{}}
	e.Subject = enishi.NewID("viewer", name)
	e.Profile, e.Links = e.Subject, []enishi.ID{e.Subject}
	return pipeline.EventRecord(&e, partitions, now)
}

// runMembership lets windows end at known instants and times from each instant until its change is folded. Changes are told
// by a counter, so the k-th that was folded is paired with the k-th that was due: they act in the order in which they are due.
func runMembership(ctx context.Context, b *bench) (err error) {
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	body := []byte(`{"title":{"en":"x","ja":"x"},"expression":"any(visits, .at > ago(\"1h\"))"}`)
	p, err := openProduct(ctx, w, "product", []enishi.Definition{{Kind: "segment", Name: "recent", Expect: -1, Body: body, RequestID: enishi.NewID("recent")}}, int64(b.cacheMB)<<20)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if err := p.warm(ctx); err != nil {
		return err
	}
	partitions := p.stream.Partitions(enishi.TopicEvents)
	now := time.Now().UTC().Truncate(time.Millisecond)
	due := make([]time.Time, windowsEnd)
	recs := make([]stream.Record, windowsEnd)
	for i := range recs {
		due[i] = now.Add(windowLead + time.Duration(i)*windowSpread/windowsEnd).Truncate(time.Millisecond)
		recs[i] = viewRecord(strconv.Itoa(i), partitions, due[i].Add(-time.Hour), now)
	}
	if err := p.stream.Append(ctx, recs); err != nil {
		return err
	}
	var folded []time.Duration
	err = while(ctx, p.runner.Run, func() error {
		if err := eventually(ctx, "all are members", windowLead-time.Second, func() (bool, error) { return p.folder.Stats().Events >= windowsEnd, nil }); err != nil {
			return err
		}
		if n := p.folder.Stats().Timers; n > 0 {
			return fmt.Errorf("%d left before the first was due", n)
		}
		p.events = windowsEnd
		others := func(ctx context.Context) error { return p.others(ctx, partitions) }
		return while(ctx, others, func() error {
			return eventually(ctx, "all have left", windowSpread+windowLead+time.Minute, func() (bool, error) {
				n, at := int(p.folder.Stats().Timers), time.Now()
				for len(folded) < min(n, windowsEnd) {
					folded = append(folded, at.Sub(due[len(folded)]))
				}
				return n >= windowsEnd, nil
			})
		})
	})
	if err != nil {
		return err
	}
	var left, early, stamped uint64
	err = p.db.QueryRow(ctx, fmt.Sprintf(`SELECT count(), countIf(at < fromUnixTimestamp64Milli(toInt64(%d), 'UTC')), uniqExact(at) FROM events WHERE type = 'segment.left'`, due[0].UnixMilli())).Scan(&left, &early, &stamped)
	slices.Sort(folded)
	if err != nil {
		return err
	}
	if left != windowsEnd || early > 0 || folded[0] < 0 {
		return fmt.Errorf("%d people left, %d of them early, the first %s after it was due", left, early, folded[0])
	}
	b.printf("  %d windows end within %s beside %d events/s, at %d instants: due -> folded p50 %s, p99 %s, max %s\n", windowsEnd, windowSpread, windowOthers, stamped,
		round(quantile(folded, 0.5)), round(quantile(folded, 0.99)), round(quantile(folded, 1)))
	b.goal("due -> folded, p99", quantile(folded, 0.99).Seconds(), "s", 1)
	return p.check(ctx)
}

// others views pages at a steady rate until ctx ends.
func (p *product) others(ctx context.Context, partitions int) error {
	const slot = 50 * time.Millisecond
	ticker := time.NewTicker(slot)
	defer ticker.Stop()
	for n := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now := time.Now().UTC().Truncate(time.Millisecond)
		var recs []stream.Record
		for range int(windowOthers * slot / time.Second) {
			recs = append(recs, viewRecord("other"+strconv.Itoa(n), partitions, now, now))
			n++
		}
		// What was appended counts, so an append is not broken off.
		if err := p.stream.Append(context.WithoutCancel(ctx), recs); err != nil {
			return err
		}
		p.events += int64(len(recs))
	}
}
