package outflow

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"enishi"
	"enishi/ingest"
)

// deliver sends some of what waits: a person's changes one after the other, those of different people side by side. After a trouble it
// is tried with a single one.
func (w *worker) deliver(ctx context.Context) error {
	lanes, most := w.to.lanes(), chunk
	if w.trouble != nil {
		lanes, most = 1, 1
	}
	byLane := make([][]*item, lanes)
	n, share := 0, max(most/max(len(w.parts), 1), 1)
	for _, p := range w.parts {
		taken := 0
		for _, x := range p.items {
			if n >= most || taken >= share {
				break
			}
			if x.done == waits {
				lane := int(w.o.cfg.Resolve(x.profile).Hash64() % uint64(lanes))
				byLane[lane] = append(byLane[lane], x)
				n, taken = n+1, taken+1
			}
		}
	}
	if n == 0 {
		return nil
	}
	round := &round{}
	var group sync.WaitGroup
	for _, list := range byLane {
		group.Go(func() { w.lane(ctx, list, round) })
	}
	group.Wait()
	switch {
	case ctx.Err() != nil:
		return nil // what a call that was cut off says is no trouble of the receiver
	case round.err != nil:
		return fmt.Errorf("keep a dead letter: %w", round.err)
	}
	w.judge(round.trouble)
	return nil
}

// round is one go of the lanes: the first that fails ends it.
type round struct {
	over    atomic.Bool
	mu      sync.Mutex
	trouble *trouble
	err     error
}

func (r *round) end(t *trouble, err error) {
	r.over.Store(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trouble == nil && r.err == nil {
		r.trouble, r.err = t, err
	}
}

// lane sends items in their order.
func (w *worker) lane(ctx context.Context, list []*item, r *round) {
	for size := w.to.most(); len(list) > 0 && !r.over.Load() && ctx.Err() == nil; {
		batch := list[:min(len(list), size)]
		out := make([]outgoing, len(batch))
		for i, x := range batch {
			out[i] = x.out
		}
		_, t := w.to.send(ctx, out)
		how := sent
		switch {
		case t == nil:
		case t.refused && len(batch) > 1:
			size = 1 // to find which
			continue
		case t.refused:
			if err := w.o.cfg.SaveDead(ctx, []ingest.DeadLetter{w.letter(batch[0], t)}); err != nil {
				r.end(nil, err)
				return
			}
			how = dead
		default:
			r.end(t, nil)
			return
		}
		for _, x := range batch {
			x.done = how
		}
		list = list[len(batch):]
	}
}

// letter is the dead letter of a change that the receiver refused.
func (w *worker) letter(x *item, t *trouble) ingest.DeadLetter {
	return ingest.DeadLetter{ID: enishi.NewID("dead", deadTopic(w.name), x.id.String()), At: w.o.cfg.Now().UTC(), Version: 1, State: ingest.DeadWaiting, Topic: deadTopic(w.name),
		Partition: x.partition, Offset: offsetOf(x.version), Stage: StageStream, Code: t.code, Reason: t.en, ReasonJA: t.ja, Type: x.typ, Raw: x.out.body}
}
