package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/ingest"
	"enishi/internal/clickhouse"
	"enishi/internal/definitions"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
)

// product is the ingester and the fold on a workspace, wired as the program wires them.
type product struct {
	w        *world
	name     string
	stream   *stream.Client
	db       *clickhouse.DB
	defs     *definitions.Log
	store    *pipeline.Store
	ingester *ingest.Ingester
	folder   *pipeline.Folder
	runner   *pipeline.Runner
	stop     func() error // of the definitions' follower

	filled int64 // events that the stored states count from before
	events int64 // that must have been folded
	stored atomic.Int64
	taken  atomic.Pointer[recording] // while a slice is recorded

	decided atomic.Int64 // messages
}

// openProduct makes a workspace with the definitions of the standard mix.
func openProduct(ctx context.Context, w *world, name string, defs []enishi.Definition, cacheBytes int64) (*product, error) {
	p := &product{w: w, name: name, defs: definitions.NewLog()}
	var err error
	if p.stream, p.db, err = w.open(ctx, name); err != nil {
		return nil, err
	}
	following, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- p.defs.Follow(following, p.stream) }()
	p.stop = func() error { stop(); return <-done }
	for _, d := range defs {
		if _, err := p.defs.Save(ctx, p.stream, d); err != nil {
			return nil, errors.Join(fmt.Errorf("publish %s %s: %w", d.Kind, d.Name, err), p.Close())
		}
	}
	p.store = &pipeline.Store{DB: p.db, Now: time.Now}
	p.runner = &pipeline.Runner{Consume: p.stream.Consume, Log: w.log}
	p.folder, err = pipeline.New(pipeline.Config{Partitions: p.stream.Partitions(enishi.TopicEvents), Definitions: p.defs, Merges: p.merges, Append: p.append,
		Load: p.load, Save: p.save, Commit: p.runner.Commit, CacheBytes: cacheBytes, Log: w.log})
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.runner.Folder = p.folder
	p.ingester, err = ingest.New(ingest.Config{Stream: p.stream, Hasher: enishi.NewHasher([]byte("0123456789abcdef0123456789abcdef")), Clock: p.folder.Clock().Virtual, Log: w.log})
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// warm folds the switch to the definitions, before which nothing would enter a journey.
func (p *product) warm(ctx context.Context) error {
	return while(ctx, p.runner.Run, func() error {
		return eventually(ctx, "the definitions are in force", time.Minute, func() (bool, error) { return p.runner.Ready() && !p.folder.Busy(), nil })
	})
}

// Close ends the clients.
func (p *product) Close() error {
	err := p.stop()
	p.stream.Close()
	return errors.Join(err, p.db.Close())
}

func (p *product) merges(from int64) ([]pipeline.Move, int64) {
	moves, next := p.ingester.Graph().Merges(from)
	out := make([]pipeline.Move, len(moves))
	for i, m := range moves {
		out[i] = pipeline.Move(m)
	}
	return out, next
}

func (p *product) append(ctx context.Context, recs []stream.Record) error {
	if r := p.taken.Load(); r != nil {
		r.append(recs)
	}
	if err := p.stream.Append(ctx, recs); err != nil {
		return err
	}
	for i := range recs {
		if recs[i].Topic == enishi.TopicMessages {
			p.decided.Add(1)
		}
	}
	return nil
}

func (p *product) load(ctx context.Context, want pipeline.Want) (pipeline.Have, error) {
	if r := p.taken.Load(); r != nil && want.Range != nil {
		r.read(*want.Range)
	}
	return p.store.Load(ctx, want)
}

func (p *product) save(ctx context.Context, rows *pipeline.Rows) error {
	for i := range rows.States {
		p.stored.Add(int64(len(rows.States[i].Bytes)))
	}
	if r := p.taken.Load(); r != nil {
		r.save(rows, p.folder.Stats().Events)
	}
	return p.store.Save(ctx, rows)
}

// run works until ctx ends; the fold makes a last checkpoint then.
func (p *product) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.ingester.Run(ctx) })
	g.Go(func() error { return p.runner.Run(ctx) })
	return g.Wait()
}

// while runs work beside f and stops it when f returns.
func while(ctx context.Context, work func(context.Context) error, f func() error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	stopped := errors.New("the work ended by itself")
	result := make(chan error, 1)
	go func() { result <- f() }()
	select {
	case err := <-done:
		return errors.Join(stopped, err)
	case err := <-result:
		cancel()
		return errors.Join(err, <-done)
	}
}

// quietFor is how long no timer may have come before a slice counts as done: its timers are due a second after their events.
const quietFor = 1500 * time.Millisecond

// slice takes n records that stand on the source topics to their committed effects.
func (p *product) slice(ctx context.Context, n int) (slice, error) {
	return p.w.counted(ctx, p.name, func() (slice, error) {
		s := slice{ops: n}
		p.events += int64(n)
		before := p.ingester.Stats().Records
		p.stored.Store(0)
		err := while(ctx, p.run, func() error {
			if err := eventually(ctx, "the first record", time.Minute, func() (bool, error) { return p.ingester.Stats().Records > before, nil }); err != nil {
				return err
			}
			begun := time.Now()
			if err := eventually(ctx, "all events are folded", 5*time.Minute, func() (bool, error) { return p.folder.Stats().Events >= p.events, nil }); err != nil {
				return err
			}
			s.busy = time.Since(begun)
			timers, since := p.folder.Stats().Timers, time.Now()
			return eventually(ctx, "all timers are folded", time.Minute, func() (bool, error) {
				if now := p.folder.Stats().Timers; now != timers {
					timers, since = now, time.Now()
				}
				return time.Since(since) > quietFor, nil
			})
		})
		s.stored = p.stored.Load()
		return s, errors.Join(err, p.check(ctx))
	})
}

// check compares what is stored with what was put in.
func (p *product) check(ctx context.Context) error {
	markers, err := p.store.Markers(ctx)
	if err != nil {
		return err
	}
	sum := int64(0)
	for _, m := range markers {
		sum += m.Events
	}
	if sum -= p.filled; sum != p.events || p.ingester.Stats().Dead != 0 {
		return fmt.Errorf("%d events are committed, want %d; %d dead letters", sum, p.events, p.ingester.Stats().Dead)
	}
	return nil
}

// recording is what one slice of the product wrote. The twin writes the same.
type recording struct {
	mu       sync.Mutex
	from     int64 // events folded before it
	saves    []savePoint
	messages []stream.Record
	control  []stream.Record // to the topic events: timers
	states   int
	rows     map[string]int
	ranges   []pipeline.Range // that were loaded for sweeps
}

// savePoint is one insert and how far the fold was when it began.
type savePoint struct {
	events int
	rows   pipeline.Rows
}

func (r *recording) append(recs []stream.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range recs {
		x.Key, x.Value = append([]byte(nil), x.Key...), append([]byte(nil), x.Value...)
		if x.Topic == enishi.TopicMessages {
			r.messages = append(r.messages, x)
		} else {
			r.control = append(r.control, x)
		}
	}
}

func (r *recording) read(x pipeline.Range) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ranges = append(r.ranges, x)
}

func (r *recording) save(rows *pipeline.Rows, folded int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.saves = append(r.saves, savePoint{int(folded - r.from), *cloneRows(rows, 0)})
	r.states += len(rows.States)
	for _, t := range rows.Tables {
		r.rows[t.Name] += t.Rows
	}
}
