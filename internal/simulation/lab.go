package simulation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/internal/pipeline"
)

// What a simulation may cost and how long it is kept.
const (
	// MaxSpan bounds To - From.
	MaxSpan = 3 * 366 * 24 * time.Hour
	// MaxDays bounds Request.Days.
	MaxDays = 90

	maxKept = 5              // lists of people and numbers, up to 50 megabytes each with a million people and both sides full
	keptFor = 24 * time.Hour // what was found grows old with the past that it was found in
	workers = 2              // people folded side by side: live work has the rest of the machine
)

// Config is what a Lab needs.
type Config struct {
	DB      *clickhouse.DB
	Now     func() time.Time // default: time.Now
	Log     *slog.Logger     // default: discard
	Workers int              // default: 2
}

// Request is what is to be tried on whom.
type Request struct {
	Journey     enishi.Definition   // what is tried; Version 0: it was never saved
	Live        *enishi.Definition  // what it is compared with; nil: nothing
	Definitions []enishi.Definition // all that are known now
	From, To    time.Time           // [From, To)
	// People are whom it is tried on, sorted; nil: everybody. Whom names them for whoever asks.
	People []enishi.ID
	Whom   Whom
	Sample float64 // per cent of them, above 0 up to 100; who is in a sample follows from the person alone
	Days   int     // for which orders after a message are observed
	// AsReceived is that of [pipeline.Pasts].
	AsReceived bool
	Prices     map[string]enishi.Amount // of a message, by channel
	Currency   string                   // of Prices
	Actor      string                   // who asks
}

// Whom says whom a simulation is about.
type Whom struct {
	Segment    string `json:"segment,omitempty"`
	Expression string `json:"expression,omitempty"`
}

func (q *Request) within() time.Duration { return time.Duration(q.Days) * 24 * time.Hour }

// States of a simulation.
const (
	Running   = "running"
	Done      = "done"
	Cancelled = "cancelled"
	Failed    = "failed"
)

// Simulation is one as it stands.
type Simulation struct {
	ID          enishi.ID
	Request     *Request // read-only
	State       string
	StartedAt   time.Time
	EndedAt     time.Time // zero while it runs
	People, Of  int64     // done, and all
	Events      int64     // folded
	Err         error     // of Failed
	Result      *Result   // of Done
	Live        *Result   // of the live version, when it was compared
	Differences []Difference
}

// kept is a simulation with what is behind its numbers.
type kept struct {
	Simulation
	begun  bool
	cancel context.CancelFunc
	sides  []*side // the tried version and the live one
	people []enishi.ID
}

// side is one version.
type side struct {
	trial *pipeline.Trial
	tally *tally
}

// Lab runs simulations and keeps their results.
type Lab struct {
	cfg   Config
	store pipeline.Store
	wake  chan struct{} // something is to be run

	mu     sync.Mutex
	list   []*kept // oldest first
	serial int
}

// New makes a Lab. Simulations run while Run does.
func New(cfg Config) (*Lab, error) {
	if cfg.DB == nil {
		return nil, errors.New("simulation: DB is required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Workers == 0 {
		cfg.Workers = workers
	}
	return &Lab{cfg: cfg, store: pipeline.Store{DB: cfg.DB, Now: cfg.Now}, wake: make(chan struct{}, 1)}, nil
}

// Run runs what is started, one after another, until ctx ends.
func (l *Lab) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.wake:
		}
		for k := l.next(); k != nil; k = l.next() {
			l.work(ctx, k)
		}
	}
}

// next is one that is to be run; nil: there is none.
func (l *Lab) next() *kept {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.list {
		if k.State == Running && !k.begun {
			k.begun = true
			return k
		}
	}
	return nil
}

// Start takes a request. It is an [enishi.Error]: Conflict while another simulation runs, Invalid for what does not compile
// ([journeys.Problems] of the journey) or has wrong bounds.
func (l *Lab) Start(q *Request) (Simulation, error) {
	k := &kept{Simulation: Simulation{Request: q, State: Running, StartedAt: l.cfg.Now().UTC()}}
	versions := []*enishi.Definition{&q.Journey}
	if q.Live != nil {
		versions = append(versions, q.Live)
	}
	for _, d := range versions {
		trial, err := pipeline.NewTrial(pipeline.TrialConfig{Definitions: q.Definitions, Journey: *d, From: q.From, To: q.To, Log: l.cfg.Log})
		if err != nil {
			return Simulation{}, err
		}
		k.sides = append(k.sides, &side{trial: trial, tally: newTally()})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	for _, x := range l.list {
		if x.State == Running {
			return Simulation{}, &enishi.Error{Code: enishi.Conflict, Msg: "a simulation of " + x.Request.Journey.Name + " is running: wait for its end, or cancel it",
				MsgJA: "「" + x.Request.Journey.Name + "」を過去データで試しています。終わるまで待つか、中止してください。"}
		}
	}
	l.serial++
	k.ID = enishi.NewID("simulation", q.Journey.Name, strconv.FormatInt(k.StartedAt.UnixNano(), 10), strconv.Itoa(l.serial))
	l.list = append(l.list, k)
	l.forget()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return k.Simulation, nil
}

// forget drops what is too old or too much; mu is held.
func (l *Lab) forget() {
	now := l.cfg.Now()
	l.list = slices.DeleteFunc(l.list, func(k *kept) bool { return k.State != Running && now.Sub(k.EndedAt) > keptFor })
	for len(l.list) > maxKept {
		i := slices.IndexFunc(l.list, func(k *kept) bool { return k.State != Running })
		if i < 0 {
			return
		}
		l.list = slices.Delete(l.list, i, i+1)
	}
}

// find is a kept one; mu is held.
func (l *Lab) find(journey string, id enishi.ID) *kept {
	l.forget()
	for _, k := range l.list {
		if k.ID == id && k.Request.Journey.Name == journey {
			return k
		}
	}
	return nil
}

func notKept() error {
	return &enishi.Error{Code: enishi.NotFound, Msg: "there is no such simulation: results are kept for a day, and a restart forgets them; try it again",
		MsgJA: "この試算の結果はありません（1 日たつか、再起動すると消えます）。もう一度試してください。"}
}

// Get is a simulation as it stands.
func (l *Lab) Get(journey string, id enishi.ID) (Simulation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.find(journey, id); k != nil {
		return k.Simulation, nil
	}
	return Simulation{}, notKept()
}

// List are the kept simulations of a journey, newest first.
func (l *Lab) List(journey string) []Simulation {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	var out []Simulation
	for _, k := range slices.Backward(l.list) {
		if k.Request.Journey.Name == journey {
			out = append(out, k.Simulation)
		}
	}
	return out
}

// Cancel ends a simulation that is running, and forgets one that has ended.
func (l *Lab) Cancel(journey string, id enishi.ID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.find(journey, id)
	switch {
	case k == nil:
		return notKept()
	case k.State != Running:
		l.list = slices.DeleteFunc(l.list, func(x *kept) bool { return x == k })
	default:
		k.State, k.EndedAt = Cancelled, l.cfg.Now().UTC()
		if k.cancel != nil {
			k.cancel()
		}
	}
	return nil
}

// People are those behind a number, by id: at most limit after an id. live: of the live version. all is how many there are,
// listed how many of them can be listed.
func (l *Lab) People(journey string, id enishi.ID, of string, live bool, after enishi.ID, limit int) (people []enishi.ID, all, listed int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.find(journey, id)
	if k == nil {
		return nil, 0, 0, notKept()
	}
	if k.State != Done { // its sides are not kept
		return nil, 0, 0, &enishi.Error{Code: enishi.Conflict, Msg: "the simulation has no result", MsgJA: "試算の結果がまだありません。"}
	}
	t, err := k.side(live)
	if err != nil {
		return nil, 0, 0, err
	}
	list := t.tally.lists[of]
	all, listed = t.tally.people[of], int64(len(list))
	from, _ := slices.BinarySearchFunc(list, after, func(place uint32, id enishi.ID) int {
		if c := k.people[place].Compare(id); c != 0 || id.IsZero() {
			return c
		}
		return -1 // it goes on after it
	})
	for _, place := range list[from:min(len(list), from+limit)] {
		people = append(people, k.people[place])
	}
	return people, all, listed, nil
}

func (k *kept) side(live bool) (*side, error) {
	switch {
	case !live:
		return k.sides[0], nil
	case len(k.sides) > 1:
		return k.sides[1], nil
	}
	return nil, &enishi.Error{Code: enishi.Invalid, Msg: "this simulation was not compared with a live version", MsgJA: "この試算は、公開中の版と比べていません。", Field: "query.side"}
}

// work runs one.
func (l *Lab) work(ctx context.Context, k *kept) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.mu.Lock()
	k.cancel = cancel
	if k.State != Running {
		cancel() // meanwhile
	}
	l.mu.Unlock()
	begun := l.cfg.Now()
	err := l.guarded(ctx, k)
	l.mu.Lock()
	defer l.mu.Unlock()
	k.cancel = nil
	if k.State != Running {
		k.people, k.sides = nil, nil
		return
	}
	k.EndedAt = l.cfg.Now().UTC()
	if err != nil {
		if k.State = Failed; ctx.Err() != nil {
			k.State = Cancelled // the program ends
		}
		k.Err, k.people, k.sides = err, nil, nil
		l.cfg.Log.Error("simulation", "journey", k.Request.Journey.Name, "err", err)
		return
	}
	k.State, k.Result = Done, k.sides[0].tally.result(k.People, k.sides[0].trial, k.Request, k.EndedAt)
	if len(k.sides) > 1 {
		k.Live = k.sides[1].tally.result(k.People, k.sides[1].trial, k.Request, k.EndedAt)
		k.Differences = compare(k.sides[0].tally, k.sides[1].tally)
	}
	l.cfg.Log.Info("simulation", "journey", k.Request.Journey.Name, "people", k.People, "events", k.Events, "took", l.cfg.Now().Sub(begun).Round(time.Millisecond))
}

// guarded keeps a fault of one simulation from ending the process: live work is worth more.
func (l *Lab) guarded(ctx context.Context, k *kept) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("simulation: %v\n%s", v, debug.Stack())
		}
	}()
	return l.run(ctx, k)
}
