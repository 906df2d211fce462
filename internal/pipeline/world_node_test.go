package pipeline

import (
	"context"
	"slices"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// merges is the identity log as far as the node has read it.
func (n *node) merges(from int64) ([]Move, int64) {
	all, next := n.w.graph.Merges(from)
	var out []Move
	for _, m := range all {
		if m.Offset < n.seen {
			out = append(out, Move(m))
		}
	}
	return out, max(from, min(next, n.seen))
}

// call is what every call of I/O goes through: it may fail before it acts, after it, or be the node's last.
func (n *node) call(act func()) error {
	if n.dead {
		return errDead
	}
	n.w.meanwhile()
	if err := n.fail(); err != nil {
		return err
	}
	act()
	n.w.meanwhile()
	return n.fail()
}

func (n *node) fail() error {
	w := n.w
	switch {
	case n.dead:
		return errDead
	case w.calm || !w.chance(w.trouble):
		return nil
	case w.chance(300):
		w.kill(n)
		return errDead
	}
	return errInjected
}

func (n *node) append(_ context.Context, recs []stream.Record) error {
	for len(recs) > 0 {
		// What one call appends may be torn by a crash.
		k := len(recs)
		if !n.w.calm && n.w.chance(n.w.trouble) {
			k = 1 + n.w.rnd.IntN(len(recs))
		}
		if err := n.call(func() { n.w.appendAll(recs[:k]) }); err != nil {
			return err
		}
		recs = recs[k:]
	}
	return nil
}

// appendAll writes records to the topics events and messages.
func (w *world) appendAll(recs []stream.Record) {
	for i := range recs {
		r := recs[i]
		r.Key, r.Value = slices.Clone(r.Key), slices.Clone(r.Value)
		r.Time = r.Time.UTC().Truncate(time.Millisecond)
		if r.Topic == enishi.TopicMessages {
			w.checkMessage(&r)
			r.Offset = int64(len(w.messages))
			w.messages = append(w.messages, r)
			continue
		}
		r.Offset = int64(len(w.log[r.Partition]))
		recs[i].Offset = r.Offset
		w.log[r.Partition] = append(w.log[r.Partition], r)
	}
}

func (n *node) load(_ context.Context, want Want) (have Have, err error) {
	err = n.call(func() { have = n.w.store.load(want) })
	return have, err
}

func (n *node) save(_ context.Context, r *Rows) error {
	rows := *r
	if n.w.markerFirst && len(rows.Markers) > 0 {
		first := Rows{Markers: rows.Markers}
		if err := n.write(&first); err != nil {
			return err
		}
		rows.Markers = nil
	}
	return n.write(&rows)
}

// wait lets the node's background work go on until done.
func (n *node) wait(_ context.Context, done <-chan struct{}) error {
	for {
		select {
		case <-done:
			return nil
		default:
		}
		if n.dead {
			return errDead
		}
		if !n.work() {
			return errInjected // it waits for something that waits for it, or that died
		}
	}
}

// work does the oldest piece of background work.
func (n *node) work() bool {
	if len(n.tasks) == 0 || n.dead {
		return false
	}
	task := n.tasks[0]
	n.tasks = n.tasks[1:]
	n.running++
	task()
	n.running--
	return true
}

// kill ends a node; another one will own its partitions.
func (w *world) kill(n *node) {
	n.dead = true
	n.tasks = nil
}

// fold lets a node read a batch.
func (n *node) fold() {
	if n.folding || n.dead {
		return
	}
	n.folding = true
	defer func() { n.folding = false }()
	f, ctx := n.folder, context.Background()
	if f.Err() != nil || n.stale {
		n.gain()
		if n.dead || n.stale {
			return
		}
	}
	var recs []stream.Record
	most := []int{1, 3, 20, 200}[n.w.rnd.IntN(4)]
	for _, p := range n.owned {
		from := n.read[p]
		to := min(int64(len(n.w.log[p])), from+int64(1+n.w.rnd.IntN(most)))
		recs = append(recs, n.w.log[p][from:to]...)
		n.read[p] = to
	}
	if len(recs) > 0 {
		// A Folder may keep nothing that shares memory with its records.
		mine := make([]stream.Record, len(recs))
		for i, r := range recs {
			r.Key, r.Value = slices.Clone(r.Key), slices.Clone(r.Value)
			mine[i] = r
		}
		if err := f.Fold(ctx, mine); err != nil {
			n.stale = true
			return
		}
	}
	if n.w.chance(700) || n.w.calm {
		if err := f.Border(ctx); err != nil {
			n.stale = true
		}
	}
}

func (n *node) gain() {
	n.folder.Lose(slices.DeleteFunc(n.folder.Owned(), func(p int) bool { return slices.Contains(n.owned, p) }), true)
	from, err := n.folder.Gain(context.Background(), n.owned)
	if n.stale = err != nil; !n.stale {
		n.read = from
	}
}

func (n *node) tick() {
	if n.ticking || n.dead || n.stale {
		return
	}
	n.ticking = true
	defer func() { n.ticking = false }()
	_ = n.folder.Tick(context.Background()) // it is tried again
}

func (n *node) checkpoint() {
	if n.folding || n.dead || n.stale && !n.w.zombies {
		return // who hears in time that partitions are gone has stored what was in hand, and begins nothing for them
	}
	n.folding = true
	defer func() { n.folding = false }()
	n.folder.Checkpoint(context.Background(), true)
}
