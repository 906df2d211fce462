package outflow

import (
	"context"
	"log/slog"
	"time"

	"github.com/expr-lang/expr/vm"

	"enishi"
)

// How a worker goes.
const (
	poll       = 250 * time.Millisecond // between looks where nothing waits
	saveEvery  = time.Second
	firstSpan  = 4096 // offsets of a partition that are read at once, at first
	leastSpan  = 256
	mostSpan   = 1 << 20
	fewRows    = 500 // fewer: more offsets the next time
	manyRows   = 5000
	chunk      = 400 // changes between two looks at what is owned
	firstPause = 100 * time.Millisecond
	mostPause  = 5 * time.Minute
	alertAfter = 10 * time.Minute
	alertSoon  = 10 * time.Second // where waiting does not help: somebody has to act
)

// worker sends the changes of a stream, of the partitions that this replica folds.
type worker struct {
	o       *Outflow
	name    string
	s       *Stream
	born    int64
	begin   time.Time
	when    *vm.Program
	to      destination
	log     *slog.Logger
	parts   map[int]*part
	size    uint64 // offsets that are read at once
	saved   time.Time
	trouble *trouble
	since   time.Time
	tries   int
	next    time.Time
	alerted bool
	changed bool // of the trouble, since it was saved
}

// part is a partition that this replica has.
type part struct {
	position
	to    uint64 // what was read ends here
	items []*item
	dirty bool
}

// item is a row on its way.
type item struct {
	row
	out  outgoing
	done outcome
}

type outcome uint8

const (
	waits outcome = iota
	sent
	leftOut
	dead
)

// worker makes the worker of a stream.
func (o *Outflow) worker(d enishi.Definition, s *Stream) (*worker, error) {
	w := &worker{o: o, name: d.Name, s: s, parts: map[int]*part{}, size: firstSpan, log: o.cfg.Log.With("stream", d.Name)}
	born, made := o.born(d.Name)
	w.born, w.begin = born, beginOf(s.Since, made)
	var err error
	if w.when, err = compile(s.When); err != nil {
		return nil, err
	}
	w.to, err = o.destination(d.Name, s)
	return w, err
}

// run works until ctx ends.
func (w *worker) run(ctx context.Context) {
	defer w.leave(ctx)
	pause := poll
	for {
		busy, err := w.turn(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			w.log.Warn("a stream is held up", "err", err)
			pause = min(2*pause, 10*time.Second)
		default:
			pause = poll
		}
		if busy && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// leave saves what is not saved yet.
func (w *worker) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := w.save(ctx, true); err != nil {
		w.log.Warn("the position of a stream is not saved: some changes will come again", "err", err)
	}
}

// turn sends a part of what waits; busy: there may be more.
func (w *worker) turn(ctx context.Context) (busy bool, err error) {
	if err := w.own(ctx); err != nil {
		return false, err
	}
	if w.trouble != nil && w.o.cfg.Now().Before(w.next) {
		return false, w.save(ctx, false)
	}
	waiting := false
	for _, p := range w.parts {
		waiting = waiting || len(p.items) > 0
	}
	if !waiting {
		if waiting, err = w.read(ctx); err != nil {
			return false, err
		}
	}
	if waiting {
		err = w.deliver(ctx)
	}
	for _, p := range w.parts {
		w.advance(p)
	}
	if serr := w.save(ctx, false); err == nil {
		err = serr
	}
	return waiting && w.trouble == nil, err
}
