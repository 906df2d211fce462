package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"enishi/internal/mix"
	"enishi/internal/stream"
)

// runPipeline compares the ingester and the fold with their durable twin of two hops, and shows the barest pipeline beside
// them. Producing to the source topics is not measured.
func runPipeline(ctx context.Context, b *bench) (err error) {
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	defs, err := mix.Definitions()
	if err != nil {
		return err
	}
	p, err := openProduct(ctx, w, "product", defs, int64(b.cacheMB)<<20)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	people := b.profiles / (b.rounds + 2) // of a slice; there are two slices before the rounds
	n := people * mix.Events
	m := newMixer(max(1, people))
	b.printf("  standard mix: %d people, %d events a slice, %d segments, 6 journeys\n", people*(b.rounds+2), n, len(mix.Segments()))
	rec, err := record(ctx, b, p, m, n)
	if err != nil {
		return err
	}
	if b.byTable {
		if err := b.tables(ctx, w, rec, n); err != nil {
			return err
		}
	}
	two, err := openTwin(ctx, w, "twin", 2, rec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, two.Close()) }()
	one, err := openTwin(ctx, w, "bare", 1, rec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, one.Close()) }()

	var bare []slice
	prepare := func(int) error { // the same records for all; the barest pipeline goes first
		if err := produce(ctx, m, n, p.stream, two.stream, one.stream); err != nil {
			return err
		}
		s, err := measured(func() (slice, error) { return one.slice(ctx, n) })
		bare = append(bare, s)
		return err
	}
	before, from := p.folder.Stats(), p.events
	as, bs, err := b.alternate(prepare, func(int) (slice, error) { return two.slice(ctx, n) }, func(int) (slice, error) { return p.slice(ctx, n) })
	if err != nil {
		return err
	}
	now, events := p.folder.Stats(), float64(p.events-from)
	b.printf("  cache of %d MiB: %.2f states read again for an event, %.1f checkpoints for 100,000\n", b.cacheMB, float64(now.Loads-before.Loads)/events, float64(now.Checkpoints-before.Checkpoints)/events*1e5)
	b.compare("pipeline", "event", as, bs, 1.3)
	b.goal("pipeline, CPU", median(each(bs, (*slice).perOp)), "us/event", 20)
	b.least("pipeline, rate", median(each(bs, (*slice).rate)), "events/s", 90_000)
	all := ratios(bare, bs)
	b.goal(fmt.Sprintf("pipeline / bare one hop (%.1f us)", median(each(bare, (*slice).perOp))), median(all), "x", 2.2)
	return checkOrders(ctx, p, m)
}

// record warms the product up with a slice, and records the one after it.
func record(ctx context.Context, b *bench, p *product, m *mixer, n int) (*recording, error) {
	if err := p.warm(ctx); err != nil {
		return nil, err
	}
	if err := produce(ctx, m, n, p.stream); err != nil {
		return nil, err
	}
	if _, err := p.slice(ctx, n); err != nil {
		return nil, fmt.Errorf("first slice: %w", err)
	}
	if err := produce(ctx, m, n, p.stream); err != nil {
		return nil, err
	}
	rec := &recording{from: p.folder.Stats().Events, rows: map[string]int{}}
	p.taken.Store(rec)
	if _, err := p.slice(ctx, n); err != nil {
		return nil, fmt.Errorf("recorded slice: %w", err)
	}
	p.taken.Store(nil)
	perEvent := func(k int) float64 { return float64(k) / float64(n) }
	all := 0
	for _, k := range rec.rows {
		all += k
	}
	for _, name := range slices.Sorted(maps.Keys(rec.rows)) {
		b.printf("  %s %.2f", name, perEvent(rec.rows[name]))
	}
	b.printf(" rows an event\n")
	b.printf("  an event gives %.2f messages, %.2f timers, %.2f rows of events, %.2f of decisions, %.2f of facts, %.2f states of %d bytes; it has %d bytes on the topic events\n",
		perEvent(len(rec.messages)), perEvent(len(rec.control)), perEvent(rec.rows["events"]), perEvent(rec.rows["decisions"]),
		perEvent(all-rec.rows["events"]-rec.rows["decisions"]), perEvent(rec.states), stateBytes(rec)/max(1, rec.states), eventSize(rec))
	return rec, nil
}

func stateBytes(r *recording) (n int) {
	for _, s := range r.saves {
		for i := range s.rows.States {
			n += len(s.rows.States[i].Bytes)
		}
	}
	return n
}

// produce appends the next n records of the mix to several workspaces: all get the same.
func produce(ctx context.Context, m *mixer, n int, to ...*stream.Client) error {
	recs, err := m.records(n)
	if err != nil {
		return err
	}
	for _, client := range to {
		for chunk := range slices.Chunk(slices.Clone(recs), 20_000) {
			if err := client.Append(ctx, chunk); err != nil {
				return fmt.Errorf("produce: %w", err)
			}
		}
	}
	return nil
}

// checkOrders compares the facts with what the mix made.
func checkOrders(ctx context.Context, p *product, m *mixer) error {
	for _, c := range [...]struct {
		query string
		want  int
	}{
		{"SELECT count() FROM orders FINAL", m.made["order.placed"]},
		{"SELECT count() FROM people FINAL", m.made["user.signed_up"]},
		{"SELECT uniqExact(event_id) FROM events WHERE type = 'shipment.delivered'", m.made["shipment.delivered"]},
	} {
		var n uint64
		if err := p.db.QueryRow(ctx, c.query).Scan(&n); err != nil {
			return fmt.Errorf("%s: %w", c.query, err)
		}
		if int(n) != c.want {
			return fmt.Errorf("%s is %d, want %d", c.query, n, c.want)
		}
	}
	return nil
}
