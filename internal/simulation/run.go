package simulation

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/internal/pipeline"
)

// Sizes of what is read at once.
const (
	chunkBytes  = 32 << 20 // of raw records
	minChunk    = 200      // people
	maxChunk    = 20_000
	maxAsked    = 5_000 // people named in one statement
	lookAhead   = 256   // people that wait to be folded or added up
	progressLag = 64    // people after which the progress is told
)

// person is one on the way through a simulation.
type person struct {
	place  int // in the order of ids
	id     enishi.ID
	past   []pipeline.Past
	found  []*outcome // by side
	folded chan error
}

// run does the work of one simulation.
func (l *Lab) run(ctx context.Context, k *kept) error {
	ids, whole, err := l.whom(ctx, k.Request)
	if err != nil {
		return err
	}
	l.mu.Lock()
	k.people, k.Of = ids, int64(len(ids))
	l.mu.Unlock()
	size, err := l.chunk(ctx, whole)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	work, line := make(chan *person, lookAhead), make(chan *person, lookAhead)
	g.Go(func() error {
		defer close(work)
		defer close(line)
		return l.read(ctx, k, ids, whole, size, func(p *person) error {
			select {
			case line <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case work <- p:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	for range l.cfg.Workers {
		g.Go(func() error { return fold(ctx, k, work) })
	}
	g.Go(func() error { return l.add(ctx, k, line) })
	return g.Wait()
}

// whom are the ids of everybody it is about, sorted; whole: they are all people there are.
func (l *Lab) whom(ctx context.Context, q *Request) (ids []enishi.ID, whole bool, err error) {
	if q.People == nil {
		whole = q.Sample >= 100
		if ids, err = l.everybody(ctx); err != nil {
			return nil, false, fmt.Errorf("read who there is: %w", err)
		}
	} else {
		ids = slices.Clone(q.People)
	}
	if q.Sample < 100 {
		ids = slices.DeleteFunc(ids, func(id enishi.ID) bool { return !sampled(id, q.Sample) })
	}
	return ids, whole, nil
}

// sampled: the person is in a sample of so many per cent. A larger sample has everybody of a smaller one.
func sampled(id enishi.ID, percent float64) bool {
	h := enishi.NewID("sample", id.String())
	return float64(binary.BigEndian.Uint32(h[:4]))/(1<<32)*100 < percent
}

func (l *Lab) everybody(ctx context.Context) ([]enishi.ID, error) {
	rows, err := l.cfg.DB.Query(ctx, "SELECT profile_id FROM people FINAL ORDER BY profile_id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []enishi.ID
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		var x enishi.ID
		copy(x[:], id)
		out = append(out, x)
	}
	return out, rows.Err()
}

// chunk is of how many people the past is read at once.
func (l *Lab) chunk(ctx context.Context, whole bool) (int, error) {
	var bytes, people uint64
	if err := l.cfg.DB.QueryRow(ctx, "SELECT (SELECT sum(length(record)) FROM events), (SELECT count() FROM people)").Scan(&bytes, &people); err != nil {
		return 0, fmt.Errorf("read how much there is: %w", err)
	}
	most := maxChunk
	if !whole {
		most = maxAsked
	}
	each := max(bytes/max(people, 1), 1)
	return min(max(int(chunkBytes/each), minChunk), most), nil
}

// read gives people with their pasts, by id.
func (l *Lab) read(ctx context.Context, k *kept, ids []enishi.ID, whole bool, size int, give func(*person) error) error {
	place := 0
	for chunk := range slices.Chunk(ids, size) {
		x := pipeline.Pasts{From: chunk[0], To: chunk[len(chunk)-1], Journey: k.Request.Journey.Name, AsReceived: k.Request.AsReceived}
		if !whole {
			x.People = chunk
		}
		err := l.store.Past(ctx, x, func(id enishi.ID, past []pipeline.Past) error {
			at, ok := slices.BinarySearchFunc(ids[place:], id, enishi.ID.Compare)
			if !ok {
				return nil // came since
			}
			place += at
			return give(&person{place: place, id: id, past: past, folded: make(chan error, 1)})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fold plays people.
func fold(ctx context.Context, k *kept, work <-chan *person) error {
	var replays []*pipeline.Replay
	for _, s := range k.sides {
		replays = append(replays, s.trial.Replay())
	}
	for p := range work {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var err error
		for i, r := range replays {
			past := p.past
			if i+1 < len(replays) {
				past = again(past)
			}
			play, failed := r.Play(ctx, p.id, past, sentAny)
			if failed != nil {
				err = failed
				break
			}
			p.found = append(p.found, outcomeOf(play, k.sides[i].trial.Settings().Zone(), k.Request.within()))
		}
		p.past = nil
		p.folded <- err
	}
	return nil
}

// again is a past for another replay: a play changes the events themselves, not what they point to.
func again(past []pipeline.Past) []pipeline.Past {
	out := slices.Clone(past)
	for i := range out {
		if out[i].Event != nil {
			e := *out[i].Event
			out[i].Event = &e
		}
	}
	return out
}

// sentAny: what a person did afterwards is looked at when something was sent.
func sentAny(play *pipeline.Play) bool {
	return slices.ContainsFunc(play.Steps, func(s pipeline.PlayStep) bool { return s.Decision != nil && s.Decision.Sent })
}

// add adds up what was found, by the order of ids.
func (l *Lab) add(ctx context.Context, k *kept, line <-chan *person) error {
	tell := func(people, events int64) {
		l.mu.Lock()
		k.People, k.Events = people, events
		l.mu.Unlock()
	}
	n := int64(0)
	for p := range line {
		select {
		case err := <-p.folded:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		for i, o := range p.found {
			k.sides[i].tally.add(uint32(p.place), o)
		}
		if n++; n%progressLag == 0 {
			tell(int64(p.place)+1, k.sides[0].tally.events)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	tell(k.Of, k.sides[0].tally.events)
	return nil
}
