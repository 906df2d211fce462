package catalogue

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/internal/stream"
)

// Group is the consumer group of the topic catalogue.
const Group = "catalogue"

// Config is what a [Keeper] needs.
type Config struct {
	Consume func(ctx context.Context, k stream.Consumer) error
	Append  func(ctx context.Context, recs []stream.Record) error
	Tables  Tables

	Partitions int                             // of the topic events
	Settings   func() Settings                 // as they are now
	CatchUp    func(ctx context.Context) error // returns when everything that happened until now is in the tables
	SaveDead   func(ctx context.Context, letters []ingest.DeadLetter) error
	Now        func() time.Time // default: time.Now
	Log        *slog.Logger     // default: discard
}

// Tables are where products stand. [OpenTables] gives those of ClickHouse.
type Tables struct {
	Load    func(ctx context.Context, ids []string) ([]Row, error)       // the products that there are of ids
	Due     func(ctx context.Context, now time.Time) ([]Row, error)      // those to be looked at again
	Waiting func(ctx context.Context, q Question, each func(Whom)) error // whom changes may concern
	Save    func(ctx context.Context, rows []Row, history []History, changes []Announced) error
}

// Row is a row of the table catalogue.
type Row struct {
	Product *ingest.Product
	Version uint64
	Next    int64 // offset after the last record that it holds
	At      time.Time
	Body    []byte
	DueAt   time.Time
	state   state
	gone    bool // taken away by an empty record
}

// History is a product's price and stock from an instant on.
type History struct {
	Product *ingest.Product
	At      time.Time
	Version uint64
}

// Announced is a change that was told, and to how many.
type Announced struct {
	Change
	Addressed int
}

// Question is whom to look for.
type Question struct {
	Products []string
	Since    time.Time // of what people did with them
	Viewed   time.Time // of their looks
	Each     int       // products of one person at most: what was asked for first, then the cart, the wish list, looks
}

// Whom is a person who may wait for a product.
type Whom struct {
	Profile enishi.ID
	Product string
}

const (
	perPerson   = 10                   // changes that a person hears of at a time
	lookBack    = 180 * 24 * time.Hour // as far as profiles remember visits
	batchLimit  = 5_000                // records of one batch
	appendBatch = 5_000
	rest        = 9 // looking for people takes a tenth of the time at most
	longestRest = time.Minute
	dueEvery    = 15 * time.Second
)

// Keeper keeps the table catalogue and announces changes.
type Keeper struct {
	cfg Config

	mu    sync.Mutex // one batch at a time
	owner bool
	ready time.Time // when people may be looked for again
	log   *slog.Logger
}

// New makes a Keeper.
func New(cfg Config) *Keeper {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Keeper{cfg: cfg, log: cfg.Log.With("component", "catalogue")}
}

// Run keeps the catalogue until ctx ends, while this process is its owner.
func (k *Keeper) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); k.lookAgain(ctx) }()
	defer func() { <-done }()
	defer cancel()
	return k.cfg.Consume(ctx, stream.Consumer{Group: Group, Topics: []string{enishi.TopicCatalogue}, MaxRecords: batchLimit,
		Gained: func(context.Context, *stream.Generation, []stream.Partition) (map[stream.Partition]int64, error) {
			k.own(true)
			return nil, nil
		},
		Lost: func([]stream.Partition) { k.own(false) },
		Batch: func(ctx context.Context, g *stream.Generation, recs []stream.Record) error {
			if err := k.Batch(ctx, recs); err != nil {
				return err
			}
			next := map[stream.Partition]int64{}
			for _, p := range g.Owned() {
				if offset, ok := g.Position(p); ok {
					next[p] = offset
				}
			}
			if err := g.Commit(ctx, next); err != nil && ctx.Err() == nil {
				k.log.Debug("commit", "err", err) // the rows know what they hold
			}
			return nil
		}})
}

func (k *Keeper) own(yes bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.owner = yes
}

// lookAgain announces what a window held back.
func (k *Keeper) lookAgain(ctx context.Context) {
	tick := time.NewTicker(dueEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := k.Again(ctx); err != nil && ctx.Err() == nil {
			k.log.Warn("products are looked at again", "err", err)
		}
	}
}

// Again looks at the products whose window is over.
func (k *Keeper) Again(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.owner {
		return nil
	}
	due, err := k.cfg.Tables.Due(ctx, k.cfg.Now())
	if err != nil {
		return fmt.Errorf("read products that are due: %w", err)
	}
	w := work{rows: map[string]*Row{}}
	for i := range due {
		w.touch(due[i].Product.ProductID, &due[i])
	}
	return k.finish(ctx, &w)
}

// work is one batch under way.
type work struct {
	rows    map[string]*Row
	touched []string // in order
	history []History
	letters []ingest.DeadLetter
}

func (w *work) touch(id string, r *Row) {
	if !slices.Contains(w.touched, id) {
		w.touched = append(w.touched, id)
	}
	w.rows[id] = r
}

// Batch applies records of the topic, in their order.
func (k *Keeper) Batch(ctx context.Context, recs []stream.Record) error {
	if len(recs) == 0 {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	w := work{rows: map[string]*Row{}}
	var ids []string
	for i := range recs {
		ids = append(ids, productID(&recs[i]))
	}
	slices.Sort(ids)
	rows, err := k.cfg.Tables.Load(ctx, slices.Compact(ids))
	if err != nil {
		return fmt.Errorf("read products: %w", err)
	}
	for i := range rows {
		w.rows[rows[i].Product.ProductID] = &rows[i]
	}
	set := k.cfg.Settings()
	for i := range recs {
		w.apply(&recs[i], &set)
	}
	if len(w.letters) > 0 {
		if err := k.cfg.SaveDead(ctx, w.letters); err != nil {
			return fmt.Errorf("save %d dead letters: %w", len(w.letters), err)
		}
	}
	return k.finish(ctx, &w)
}

// apply folds one record into the row of its product.
func (w *work) apply(r *stream.Record, set *Settings) {
	id := productID(r)
	row := w.rows[id]
	if row != nil && r.Offset < row.Next {
		return // it has it
	}
	if len(r.Value) == 0 {
		if row != nil {
			row.gone, row.Next = true, r.Offset+1
			row.Version++
			gone := *row.Product
			gone.Deleted = true
			row.Product = &gone
			w.touch(id, row)
		}
		return
	}
	var body []byte
	if row != nil && !row.gone {
		body = row.Body
	}
	p, body, refusal := ingest.ParseProduct(r.Value, body)
	switch {
	case refusal != nil:
		w.letters = append(w.letters, ingest.DeadRecord(r, refusal))
		return
	case p == nil || row != nil && p.StaleAfter(row.Product):
		return
	}
	if row == nil {
		row = &Row{}
	}
	was := row.Product
	row.Product, row.Body, row.At, row.Next, row.gone = p, body, r.Time.UTC(), r.Offset+1, false
	row.Version++
	row.state.note(p, set)
	w.touch(p.ProductID, row)
	if was == nil || was.Price != p.Price || was.CompareAt != p.CompareAt || was.Buyable() != p.Buyable() || !same(was.Stock, p.Stock) {
		w.history = append(w.history, History{p, row.At, row.Version})
	}
}

func same(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }

// finish announces what changed and writes the rows.
func (k *Keeper) finish(ctx context.Context, w *work) error {
	if len(w.touched) == 0 {
		return nil
	}
	set, now := k.cfg.Settings(), k.cfg.Now().UTC().Truncate(time.Millisecond)
	var changes []Announced
	rows := make([]Row, 0, len(w.touched))
	for _, id := range w.touched {
		row := w.rows[id]
		found, again := row.state.observe(row.Product, now, &set)
		if len(found) > 0 || !again.Equal(row.DueAt) {
			row.DueAt = again
			row.Version++
		}
		for _, c := range found {
			changes = append(changes, Announced{Change: c})
		}
		rows = append(rows, *row)
	}
	if len(changes) > 0 {
		if err := k.announce(ctx, changes, &set, now); err != nil {
			return fmt.Errorf("announce %d changes of products: %w", len(changes), err)
		}
	}
	if err := k.cfg.Tables.Save(ctx, rows, w.history, changes); err != nil {
		return fmt.Errorf("save %d products: %w", len(rows), err)
	}
	return nil
}
