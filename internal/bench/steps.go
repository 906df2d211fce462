package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"enishi"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
)

// stepsPerRun is how many steps a run of the journey of stepDefinitions takes: entry and two waits.
const stepsPerRun = 3

// waitDefinitions are one journey: it waits for two events, or with a duration only for that.
func waitDefinitions(duration string) []enishi.Definition {
	wait := func(next string) string {
		if duration != "" {
			return fmt.Sprintf(`{"type": "wait", "for": %q, "next": %q}`, duration, next)
		}
		return fmt.Sprintf(`{"type": "wait", "until_event": {"events": ["custom.go"]}, "timeout": "30d", "next": %q, "on_timeout": "done"}`, next)
	}
	second := wait("done")
	first := wait("second")
	if duration != "" {
		first, second = wait("done"), ""
	} else {
		second = `"second": ` + second + `,`
	}
	body := `{"title": {"ja": "歩", "en": "Steps"}, "purpose": "marketing", "consent": "opt_in", "entry": {"events": ["custom.begin"], "reentry": "never"}, "start": "first",
		"nodes": {"first": ` + first + `, ` + second + ` "done": {"type": "exit"}}}`
	return []enishi.Definition{{Kind: "journey", Name: "steps", Expect: -1, Body: []byte(body), RequestID: enishi.NewID("request", "steps"), At: time.Now().UTC()}}
}

// stepRecord is an event on the topic events, as ingest appends it.
func stepRecord(person, n, partitions int, at time.Time) stream.Record {
	name := strconv.Itoa(person)
	e := enishi.Event{ID: enishi.NewID("step", name, strconv.Itoa(n)), Type: "custom.go", At: at, Source: "shop", Person: &enishi.Person{CustomerID: name}}
	if n == 0 {
		e.Type = "custom.begin"
	}
	e.Subject = enishi.NewID("stepper", name)
	e.Profile, e.Links = e.Subject, []enishi.ID{e.Subject}
	return pipeline.EventRecord(&e, partitions, at)
}

// walkers are people who are taken through a journey by events on the topic events.
type walkers struct {
	p         *product
	people, n int // in a slice: people, and their steps
	from      int // who is next
}

// openWalkers makes a workspace with the journey and nobody in it.
func openWalkers(ctx context.Context, b *bench, w *world) (*walkers, error) {
	p, err := openProduct(ctx, w, "product", waitDefinitions(""), int64(b.cacheMB)<<20)
	if err != nil {
		return nil, err
	}
	people := max(1, b.profiles/(b.rounds+1)/2)
	if err := p.warm(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return &walkers{p: p, people: people, n: people * stepsPerRun}, nil
}

// produce appends the events of a slice's people.
func (x *walkers) produce(ctx context.Context) error {
	recs := make([]stream.Record, 0, x.n)
	now := time.Now().UTC().Truncate(time.Millisecond)
	for k := range stepsPerRun {
		for i := range x.people {
			recs = append(recs, stepRecord(x.from+i, k, x.p.stream.Partitions(enishi.TopicEvents), now))
		}
	}
	x.from += x.people
	return x.p.stream.Append(ctx, recs)
}

// check: everybody has come to the end.
func (x *walkers) check(ctx context.Context) error { return x.p.checkEnded(ctx, x.from) }

func (p *product) checkEnded(ctx context.Context, want int) error {
	var ended uint64
	if err := p.db.QueryRow(ctx, "SELECT uniqExact(run_id) FROM events WHERE type = 'journey.exited'").Scan(&ended); err != nil {
		return err
	}
	if int(ended) != want {
		return fmt.Errorf("%d runs have ended, want %d", ended, want)
	}
	return nil
}

// runSteps takes people through a journey by events on the topic events. A is a map, an append of 200 bytes and a batched row
// for each step: the raw event's and the journey's own.
func runSteps(ctx context.Context, b *bench) (err error) {
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	x, err := openWalkers(ctx, b, w)
	if err != nil {
		return err
	}
	p, n := x.p, x.n
	defer func() { err = errors.Join(err, p.Close()) }()
	client, db, err := w.open(ctx, "twin")
	if err != nil {
		return err
	}
	defer func() {
		client.Close()
		err = errors.Join(err, db.Close())
	}()
	rec := &recording{rows: map[string]int{}}
	if err := x.produce(ctx); err != nil {
		return err
	}
	p.taken.Store(rec)
	if _, err := p.foldSlice(ctx, n); err != nil {
		return err
	}
	p.taken.Store(nil)
	b.printf("  %d people, %d steps a slice; a step gives %.2f rows of events, %.2f states of %d bytes\n", x.people, n, float64(rec.rows["events"])/float64(n),
		float64(rec.states)/float64(n), stateBytes(rec)/max(1, rec.states))
	var salt byte
	twin := func(int) (slice, error) {
		salt++
		return w.counted(ctx, "twin", func() (slice, error) {
			return bareSteps(ctx, client, &pipeline.Store{DB: db, Now: time.Now}, rec, n, stepsPerRun, salt)
		})
	}
	as, bs, err := b.alternate(func(int) error { return x.produce(ctx) }, twin, func(int) (slice, error) { return p.foldSlice(ctx, n) })
	if err != nil {
		return err
	}
	b.compare("journey step, durable", "step", as, bs, 4)
	b.goal("journey step, CPU", median(each(bs, (*slice).perOp)), "us/step", 20)
	b.least("journey step, rate", median(each(bs, (*slice).rate)), "steps/s", 50_000)
	return x.check(ctx)
}

// bareSteps is a map, an append and the rows of events of a recording, for people who take each so many steps.
func bareSteps(ctx context.Context, client *stream.Client, store *pipeline.Store, rec *recording, n, each int, salt byte) (slice, error) {
	at := map[string]int{}
	const batch = 5000
	for from := 0; from < n; from += batch {
		recs := make([]stream.Record, min(batch, n-from))
		for i := range recs {
			key := strconv.Itoa((from + i) % (n / each))
			at[key]++
			recs[i] = stream.Record{Topic: enishi.TopicEvents, Partition: -1, Key: []byte(key), Value: make([]byte, 200)}
		}
		if err := client.Append(ctx, recs); err != nil {
			return slice{}, err
		}
	}
	for _, s := range rec.saves {
		only := pipeline.Rows{}
		for _, t := range s.rows.Tables {
			if t.Name == "events" {
				only.Tables = append(only.Tables, t)
			}
		}
		if err := store.Save(ctx, cloneRows(&only, salt)); err != nil {
			return slice{}, err
		}
	}
	for key, steps := range at {
		if steps != each {
			return slice{}, fmt.Errorf("%s took %d steps", key, steps)
		}
	}
	return slice{ops: n}, nil
}

// foldSlice folds n records that stand on the topic events.
func (p *product) foldSlice(ctx context.Context, n int) (slice, error) {
	return p.w.counted(ctx, p.name, func() (slice, error) {
		s := slice{ops: n}
		p.events += int64(n)
		p.stored.Store(0)
		err := while(ctx, p.runner.Run, func() error {
			if err := eventually(ctx, "the fold owns its partitions", time.Minute, func() (bool, error) { return p.runner.Ready(), nil }); err != nil {
				return err
			}
			begun := time.Now()
			err := eventually(ctx, "all events are folded", 5*time.Minute, func() (bool, error) { return p.folder.Stats().Events >= p.events, nil })
			s.busy = time.Since(begun)
			return err
		})
		s.stored = p.stored.Load()
		return s, errors.Join(err, p.check(ctx))
	})
}

// timersDue is how many timers fall due in one second.
const timersDue = 100_000

// runTimers makes timers that fall due within one second, and times from the last one's instant until all are folded and
// stored.
func runTimers(ctx context.Context, b *bench) (err error) {
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	p, err := openProduct(ctx, w, "product", waitDefinitions("1m"), int64(b.cacheMB)<<20)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if err := p.warm(ctx); err != nil {
		return err
	}
	// They all begin within one second of the record's time, so they are due within one a minute later.
	first := time.Now().UTC().Truncate(time.Millisecond)
	last := first.Add(time.Second)
	recs := make([]stream.Record, timersDue)
	for i := range recs {
		recs[i] = stepRecord(i, 0, p.stream.Partitions(enishi.TopicEvents), first.Add(time.Duration(i)*time.Second/timersDue).Truncate(time.Millisecond))
	}
	if err := p.stream.Append(ctx, recs); err != nil {
		return err
	}
	p.events = timersDue
	var folded, committed time.Duration
	due := last.Add(time.Minute)
	err = while(ctx, p.runner.Run, func() error {
		if err := eventually(ctx, "all are waiting", 55*time.Second, func() (bool, error) { return p.folder.Stats().Events >= timersDue, nil }); err != nil {
			return err
		}
		if time.Now().After(due.Add(-time.Second)) {
			return errors.New("this machine is too busy: the timers were due before all of them were set")
		}
		b.printf("  %d timers wait, %s before the last is due\n", timersDue, time.Until(due).Round(time.Second))
		from := used()
		err := eventually(ctx, "all timers are folded", 3*time.Minute, func() (bool, error) { return p.folder.Stats().Timers >= timersDue, nil })
		if err != nil {
			return err
		}
		folded = time.Since(due)
		err = eventually(ctx, "all are stored", time.Minute, func() (bool, error) {
			var n uint64
			err := p.db.QueryRow(ctx, "SELECT count() FROM runs FINAL WHERE end != ''").Scan(&n)
			return n == timersDue, err
		})
		committed = time.Since(due)
		b.printf("  %.1f CPU us a timer\n", float64((used().cpu-from.cpu).Microseconds())/timersDue)
		return err
	})
	if err != nil {
		return err
	}
	var early uint64
	if err := p.db.QueryRow(ctx, "SELECT countIf(ended_at < entered_at + INTERVAL 1 MINUTE) FROM runs FINAL").Scan(&early); err != nil {
		return err
	}
	if early > 0 {
		return fmt.Errorf("%d timers were early", early)
	}
	b.goal("last due -> all folded", folded.Seconds(), "s", 1)
	b.goal("last due -> all stored", committed.Seconds(), "s", 2)
	return p.check(ctx)
}
