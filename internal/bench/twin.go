package main

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goccy/go-json"
	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
)

// twin is the pipeline without our logic: fast JSON, a map of people and one of ids seen, then the topic events with values
// of the same size, and behind it the inserts of a recorded slice of the product: the same rows in the same batches at the
// same places, the same messages and timers to the log. With one hop it is the barest pipeline: no topic between, one row
// for each event and small states.
type twin struct {
	w      *world
	name   string
	hops   int
	stream *stream.Client
	db     *clickhouse.DB
	store  *pipeline.Store

	rec   *recording
	size  int // bytes of an event on the topic events
	salt  byte
	seed  maphash.Seed
	ids   map[string]enishi.ID
	seen  map[string]struct{}
	state map[enishi.ID]*bareState
	dirty []*bareState

	at map[stream.Partition]int64 // where to read on

	target   int // events of the slice
	first    atomic.Int64
	folded   atomic.Int64
	timers   atomic.Int64
	messages int // of the recording, appended
	control  int
	point    int // of the recording's saves
	saves    chan *pipeline.Rows
	saved    atomic.Int64
	stored   int64
}

// bareState is a person's state without any meaning.
type bareState struct {
	id     enishi.ID
	events int
	dirty  bool
}

// bareEvent is what fast JSON makes of a source record.
type bareEvent struct {
	ID, Type, Source, Channel string
	OccurredAt                time.Time `json:"occurred_at"`
	Person                    struct {
		CustomerID string `json:"customer_id"`
		Email      string
		Traits     map[string]any
	}
	Context struct {
		Path                   string
		UTMSource, UTMCampaign string
		UserAgent              string `json:"user_agent"`
	}
	Web   struct{ Product bareLine }
	Order struct {
		OrderID, Currency, PaymentMethod string
		Lines                            []bareLine
		Subtotal, Total, ShippingFee     json.Number
		ShipTo                           struct{ Name, PostalCode, Prefecture, City string }
	}
	Shipment struct {
		ShipmentID, OrderID, Carrier, Tracking string
		Number, Of                             int
	}
}

type bareLine struct {
	ProductID                  string `json:"product_id"`
	SKU, Name, Brand, Category string
	Quantity                   int
	Price                      json.Number
}

func openTwin(ctx context.Context, w *world, name string, hops int, rec *recording) (*twin, error) {
	t := &twin{w: w, name: name, hops: hops, rec: rec, seed: maphash.MakeSeed(), ids: map[string]enishi.ID{}, seen: map[string]struct{}{},
		state: map[enishi.ID]*bareState{}, at: map[stream.Partition]int64{}, size: eventSize(rec)}
	if hops == 1 {
		t.rec = bareRecording(rec)
	}
	var err error
	if t.stream, t.db, err = w.open(ctx, name); err != nil {
		return nil, err
	}
	t.store = &pipeline.Store{DB: t.db, Now: time.Now}
	return t, nil
}

// Close ends the clients.
func (t *twin) Close() error {
	t.stream.Close()
	return t.db.Close()
}

// slice takes n records that stand on the source topics to rows.
func (t *twin) slice(ctx context.Context, n int) (slice, error) {
	return t.w.counted(ctx, t.name, func() (slice, error) {
		s := slice{ops: n}
		t.salt++
		t.target, t.messages, t.control, t.point, t.stored = n, 0, 0, 0, 0
		t.first.Store(0)
		t.folded.Store(0)
		t.timers.Store(0)
		t.saved.Store(0)
		t.saves = make(chan *pipeline.Rows, len(t.rec.saves))
		err := while(ctx, t.run, func() error {
			err := eventually(ctx, "all of the recording is written", 5*time.Minute, func() (bool, error) {
				return int(t.folded.Load()) == n && int(t.timers.Load()) == len(t.rec.control) && int(t.saved.Load()) == len(t.rec.saves), nil
			})
			s.busy = time.Duration(time.Now().UnixNano() - t.first.Load())
			return err
		})
		s.stored = t.stored
		if err == nil && (t.messages != len(t.rec.messages) || t.control != len(t.rec.control)) {
			err = fmt.Errorf("%d messages and %d timers, want %d and %d", t.messages, t.control, len(t.rec.messages), len(t.rec.control))
		}
		return s, err
	})
}

func (t *twin) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	batch := t.ingest
	if t.hops == 1 {
		batch = t.only
	}
	g.Go(func() error { return t.consume(ctx, "ingest", 10_000, batch, enishi.SourceTopics()...) })
	if t.hops > 1 {
		g.Go(func() error { return t.consume(ctx, "pipeline", 0, t.fold, enishi.TopicEvents) })
	}
	g.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case rows := <-t.saves:
				if err := t.store.Save(ctx, rows); err != nil {
					return err
				}
				t.saved.Add(1)
			}
		}
	})
	return g.Wait()
}

// consume reads as the product does, with a commit each tenth of a second.
func (t *twin) consume(ctx context.Context, group string, most int, batch func(context.Context, []stream.Record) error, topics ...string) error {
	var mu sync.Mutex
	var committed time.Time
	return t.stream.Consume(ctx, stream.Consumer{Group: group, Topics: topics, MaxRecords: most,
		Gained: func(_ context.Context, _ *stream.Generation, parts []stream.Partition) (map[stream.Partition]int64, error) {
			from := map[stream.Partition]int64{}
			for _, p := range parts {
				from[p] = t.position(p)
			}
			return from, nil
		},
		Batch: func(ctx context.Context, g *stream.Generation, recs []stream.Record) error {
			if err := batch(ctx, recs); err != nil {
				return err
			}
			for i := range recs {
				t.pass(&recs[i])
			}
			mu.Lock()
			defer mu.Unlock()
			if time.Since(committed) < 100*time.Millisecond {
				return nil
			}
			committed = time.Now()
			next := map[stream.Partition]int64{}
			for _, p := range g.Owned() {
				if at, ok := g.Position(p); ok {
					next[p] = at
				}
			}
			if err := g.Commit(ctx, next); err != nil && !errors.Is(err, stream.ErrNotOwner) {
				return err
			}
			return nil
		}})
}

func (t *twin) position(p stream.Partition) int64 {
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	return t.at[p]
}

func (t *twin) pass(r *stream.Record) {
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	t.at[stream.Partition{Topic: r.Topic, Partition: r.Partition}] = r.Offset + 1
}

// person decodes a record and finds the person; repeats count as seen.
func (t *twin) person(r *stream.Record, e *bareEvent) (enishi.ID, error) {
	*e = bareEvent{}
	if err := json.Unmarshal(r.Value, e); err != nil {
		return enishi.ID{}, err
	}
	if _, repeat := t.seen[e.ID]; repeat {
		return enishi.ID{}, fmt.Errorf("event %s came twice", e.ID)
	}
	t.seen[e.ID] = struct{}{}
	id, known := t.ids[e.Person.CustomerID]
	if !known {
		h := maphash.String(t.seed, e.Person.CustomerID)
		for i := range id {
			id[i] = byte(h >> (i % 8 * 8))
		}
		t.ids[e.Person.CustomerID] = id
	}
	return id, nil
}

// ingest is the first hop.
func (t *twin) ingest(ctx context.Context, recs []stream.Record) error {
	if len(recs) == 0 {
		return nil
	}
	t.first.CompareAndSwap(0, time.Now().UnixNano())
	out := make([]stream.Record, len(recs))
	buf := make([]byte, 0, len(recs)*(t.size+len(enishi.ID{})))
	var e bareEvent
	for i := range recs {
		id, err := t.person(&recs[i], &e)
		if err != nil {
			return err
		}
		from := len(buf)
		buf = append(buf, id[:]...)
		for left := t.size; left > 0; left = t.size - (len(buf) - from - len(id)) {
			buf = append(buf, recs[i].Value[:min(left, len(recs[i].Value))]...)
		}
		out[i] = stream.Record{Topic: enishi.TopicEvents, Partition: id.Partition(t.stream.Partitions(enishi.TopicEvents)), Time: time.Now(),
			Key: buf[from : from+len(id)], Value: buf[from+len(id) : len(buf) : len(buf)]}
	}
	return t.stream.Append(ctx, out)
}

// fold is the second hop.
func (t *twin) fold(ctx context.Context, recs []stream.Record) error {
	events := 0
	for i := range recs {
		var id enishi.ID
		if copy(id[:], recs[i].Key) != len(id) {
			return errors.New("a record without a person")
		}
		if recs[i].Value[0] != '{' { // a timer of the recording
			t.timers.Add(1)
			continue
		}
		events++
		t.touch(id)
	}
	return t.effects(ctx, events)
}

// only is both hops in one.
func (t *twin) only(ctx context.Context, recs []stream.Record) error {
	if len(recs) > 0 {
		t.first.CompareAndSwap(0, time.Now().UnixNano())
	}
	var e bareEvent
	for i := range recs {
		id, err := t.person(&recs[i], &e)
		if err != nil {
			return err
		}
		t.touch(id)
	}
	return t.effects(ctx, len(recs))
}

func (t *twin) touch(id enishi.ID) {
	p := t.state[id]
	if p == nil {
		p = &bareState{id: id}
		t.state[id] = p
	}
	p.events++
	if !p.dirty {
		p.dirty = true
		t.dirty = append(t.dirty, p)
	}
}

// effects writes what the recording has up to this place.
func (t *twin) effects(ctx context.Context, events int) error {
	folded := int(t.folded.Load()) + events
	if folded > t.target {
		return fmt.Errorf("%d events, want %d", folded, t.target)
	}
	var out []stream.Record
	take := func(all []stream.Record, done *int) {
		to := len(all) * folded / t.target
		out = append(out, all[*done:to]...)
		*done = to
	}
	take(t.rec.messages, &t.messages)
	take(t.rec.control, &t.control)
	if len(out) > 0 {
		if err := t.stream.Append(ctx, out); err != nil {
			return err
		}
	}
	for t.point < len(t.rec.saves) && folded >= t.rec.saves[t.point].events {
		for _, p := range t.dirty {
			p.dirty = false
		}
		t.dirty = t.dirty[:0]
		rows := cloneRows(&t.rec.saves[t.point].rows, t.salt)
		for i := range rows.States {
			t.stored += int64(len(rows.States[i].Bytes))
		}
		t.saves <- rows
		t.point++
	}
	t.folded.Add(int64(events))
	return nil
}
