package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"enishi"
	"enishi/internal/mix"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
	"enishi/journeys"
	"enishi/profiles"
	"enishi/segments"
)

// stepsWaited is how many steps a run takes that waits already: the two waits end.
const stepsWaited = stepsPerRun - 1

// runWaiting stores people who wait in a journey, each with a timer, and lets some of them, whom no cache knows, go on. A reads
// the same stored states, and does beside that what the twin of the stage steps does.
func runWaiting(ctx context.Context, b *bench) (err error) {
	begun := time.Now()
	if err := fillWith(ctx, b.dir, b.stored, waitDefinitions(""), waitingState()); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	b.printf("  %d people who wait, made in %s\n", b.stored, time.Since(begun).Round(time.Second))
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	p, err := openProduct(ctx, w, "shop", nil, int64(b.cacheMB)<<20)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	p.filled = int64(b.stored) * mix.Events
	if err := p.warm(ctx); err != nil {
		return err
	}
	t, err := openReplay(ctx, w, p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()

	people := min(b.profiles, b.stored) / (b.rounds + 1) / 2
	if people == 0 {
		return errors.New("too few people wait for so many rounds")
	}
	n := people * stepsWaited
	partitions, from := p.stream.Partitions(enishi.TopicEvents), 0
	whom := func(i int) int { return i * (b.stored / min(b.profiles, b.stored)) } // all over the stored ones
	produce := func(int) error {
		now := time.Now().UTC().Truncate(time.Millisecond)
		recs := make([]stream.Record, 0, n)
		for k := range stepsWaited {
			for i := range people {
				recs = append(recs, goRecord(whom(from+i), k, partitions, now))
			}
		}
		from += people
		return p.stream.Append(ctx, recs)
	}
	if err := produce(0); err != nil {
		return err
	}
	p.taken.Store(t.rec)
	if _, err := p.foldSlice(ctx, n); err != nil {
		return err
	}
	p.taken.Store(nil)
	want := pipeline.Want{States: map[int][]enishi.ID{}}
	for i := range people {
		id := enishi.NewID("stored", strconv.Itoa(whom(i)))
		want.States[id.Partition(partitions)] = append(want.States[id.Partition(partitions)], id)
	}
	b.printf("  %d people, %d steps a slice\n", people, n)
	var salt byte
	twin := func(int) (slice, error) {
		salt++
		return w.counted(ctx, "twin", func() (slice, error) {
			if err := t.read(ctx, want); err != nil {
				return slice{}, err
			}
			return bareSteps(ctx, t.stream, t.store, t.rec, n, stepsWaited, salt)
		})
	}
	as, bs, err := b.alternate(produce, twin, func(int) (slice, error) { return p.foldSlice(ctx, n) })
	if err != nil {
		return err
	}
	b.compare("journey step among those who wait", "step", as, bs, 4)
	b.goal("journey step, CPU", median(each(bs, (*slice).perOp)), "us/step", 20)
	b.least("journey step, rate", median(each(bs, (*slice).rate)), "steps/s", 50_000)
	b.printf("  %-28s %d MiB at most, of the whole process with what was recorded\n", "resident memory", procNumber("/proc/self/status", "VmHWM:")>>10)
	return p.checkEnded(ctx, from)
}

// read reads states by id, so many at a time as a batch of the fold has.
func (t *replay) read(ctx context.Context, want pipeline.Want) error {
	const batch = 1000
	found, all := 0, 0
	for partition, ids := range want.States {
		all += len(ids)
		for some := range slices.Chunk(ids, batch) {
			have, err := t.of.store.Load(ctx, pipeline.Want{States: map[int][]enishi.ID{partition: some}})
			if err != nil {
				return err
			}
			found += len(have.States)
		}
	}
	if found != all {
		return fmt.Errorf("%d of %d states are stored", found, all)
	}
	return nil
}

// goRecord lets a stored person go on.
func goRecord(person, n, partitions int, at time.Time) stream.Record {
	e := enishi.Event{ID: enishi.NewID("go", strconv.Itoa(person), strconv.Itoa(n)), Type: "custom.go", At: at, Source: "shop", Person: &enishi.Person{CustomerID: strconv.Itoa(person)}}
	e.Subject = enishi.NewID("stored", strconv.Itoa(person))
	e.Profile, e.Links = e.Subject, []enishi.ID{e.Subject}
	return pipeline.EventRecord(&e, partitions, at)
}

// waitingState makes the state of somebody who has just come into the journey of waitDefinitions.
func waitingState() func(i int, id enishi.ID) string {
	now := time.Now().UTC().Truncate(time.Millisecond)
	j, err := journeys.Compile("steps", 1, waitDefinitions("")[0].Body, segments.Library{})
	if err != nil {
		panic(err) // a literal of this package
	}
	j.Live = true
	env := journeys.Env{Now: now, Journeys: journeys.NewSet([]*journeys.Journey{j}), Settings: journeys.DefaultSettings()}
	return func(i int, id enishi.ID) string {
		p := profiles.New(id)
		e := enishi.Event{ID: enishi.NewID("begin", strconv.Itoa(i)), Type: "custom.begin", At: now, Time: now, Source: "shop", Subject: id, Links: []enishi.ID{id}, Person: &enishi.Person{CustomerID: strconv.Itoa(i)}}
		p.Apply(&e, now)
		var out enishi.Effects
		journeys.Step(&env, p, journeys.Trigger{Event: &e, Changed: profiles.ChangedAll}, &out)
		if len(p.Runs) != 1 {
			panic("nobody enters the journey of this stage")
		}
		return string(p.Encode(nil))
	}
}
