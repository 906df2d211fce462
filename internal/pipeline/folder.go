package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"enishi"
	"enishi/internal/definitions"
	"enishi/internal/stream"
	"enishi/journeys"
	"enishi/profiles"
)

// Config is what a Folder needs. The four funcs are all its I/O; a simulated world supplies in-memory ones.
type Config struct {
	Partitions  int                                         // of the topic events
	Definitions *definitions.Log                            // followed by the caller
	Merges      func(from int64) (moves []Move, next int64) // what the identity log says before next, from an offset on

	Append func(ctx context.Context, recs []stream.Record) error
	Load   func(ctx context.Context, want Want) (Have, error)
	Save   func(ctx context.Context, rows *Rows) error
	Commit func(ctx context.Context, next map[int]int64) error // Kafka's commit, after the marker; nil: none

	Now        func() time.Time
	CacheBytes int64         // bound of decoded profiles in memory; 128 MiB
	Checkpoint time.Duration // from the first changed profile to its checkpoint; 250 ms, up to 5 s under load or where storing is slow
	Horizon    time.Duration // how far ahead timers are held in memory; 5 min
	Workers    int           // partitions of a batch that are folded side by side; as many as there are processors
	Log        *slog.Logger

	background background
	flushRows  int    // rows of effects that are written before the next checkpoint; 60,000
	broken     broken // tests show that their checks find these faults

	sweepProfiles int // about, of one sweep record; 2,000
}

// background is how work is done beside the fold: by goroutines, or in the simulated world when it is their turn.
type background struct {
	start func(work func())
	wait  func(ctx context.Context, done <-chan struct{}) error
}

// broken are mistakes that the tests of the tests make.
type broken struct{ keepTorn, randomRuns, earlyTimers bool }

// Move is one component or part of one that changed its profile id, in the order of the identity log.
type Move struct {
	Offset        int64 // of the link or unlink record
	Loser, Winner enishi.ID
	Split         bool        // Subjects leave Loser for Winner
	Subjects      []enishi.ID // of a split
}

// Folder folds the partitions it owns. Gain, Lose, Fold, Checkpoint and Flush are called by one goroutine at a time; Tick by
// another. Everything else may be called by anybody.
//
// The mutex guards all fields and what they point to. It is not held during I/O: what was looked up before is looked up again
// after, for a failed checkpoint may have dropped the partition meanwhile. While partitions are stepped side by side, Fold
// holds it for all of them.
type Folder struct {
	cfg Config

	mu    sync.Mutex
	parts map[int]*partition
	order []*partition           // the same, by number
	defs  map[int64]*Definitions // the newest, by offset
	world Clock

	compiler *compiler

	saving     *checkpoint     // the one that is being saved
	flushing   *flush          // rows of effects that are being written
	facts      *profiles.Facts // to be used again
	spare      spare
	saveErr    error
	dirtySince time.Time // of the first change since the last checkpoint; zero: none
	lastFold   time.Time
	lastBatch  int           // records of the last batch
	lastSave   time.Duration // of the last checkpoint
	stats      Stats
}

// Stats counts since start.
type Stats struct {
	Records, Events, Repeats, Effects, Messages, Timers, Checkpoints, Loads int64
	FoldTime, EffectTime, SaveTime                                          time.Duration
}

func (s *Stats) add(x *Stats) {
	s.Records += x.Records
	s.Events += x.Events
	s.Repeats += x.Repeats
	s.Effects += x.Effects
	s.Messages += x.Messages
	s.Timers += x.Timers
}

// New checks cfg and makes a Folder that owns nothing yet.
func New(cfg Config) (*Folder, error) {
	if cfg.Partitions < 1 || cfg.Append == nil || cfg.Load == nil || cfg.Save == nil || cfg.Definitions == nil || cfg.Merges == nil {
		return nil, errors.New("pipeline: Partitions, Append, Load, Save, Definitions and Merges are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = 128 << 20
	}
	if cfg.Checkpoint == 0 {
		cfg.Checkpoint = 250 * time.Millisecond
	}
	if cfg.Horizon == 0 {
		cfg.Horizon = 5 * time.Minute
	}
	if cfg.Workers == 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if cfg.flushRows == 0 {
		cfg.flushRows = 60_000
	}
	if cfg.sweepProfiles == 0 {
		cfg.sweepProfiles = 2_000
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.background.start == nil {
		cfg.background = background{start: func(work func()) { go work() }, wait: waitFor}
	}
	return &Folder{cfg: cfg, parts: map[int]*partition{}, defs: map[int64]*Definitions{}, compiler: newCompiler()}, nil
}

func waitFor(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// partition is the memory of one owned partition.
type partition struct {
	n           int
	epoch       uint16
	next        int64 // offset of the next record to fold
	events      int64
	clock       time.Time
	virtual     bool
	identities  int64 // merges of links before this offset are appended
	definitions int64 // folded switch
	switching   int64 // appended switch
	defs        *Definitions
	env         journeys.Env
	until       time.Time // where a virtual clock may move to
	sweeps      []Sweep
	splits      []Split
	aside       []int64 // offsets from the stored marker's on that are passed over
	touched     bool    // the marker must be written again
	marker      Marker  // as stored

	stored idSet // profiles that have a state row
	cache  map[enishi.ID]*entry
	queue  queue
	bytes  int64    // of the cache
	dirty  []*entry // changed since the last checkpoint was begun
	saving []*entry // in the running checkpoint

	timers  timers
	horizon time.Time // timers due before this are in memory

	share share // of the batch that is being folded
	rows  rows  // effects that are appended to no topic and not written yet
}

// Gain loads the markers of partitions and makes them owned. It returns the offset at which each is to be read on.
func (f *Folder) Gain(ctx context.Context, numbers []int) (map[int]int64, error) {
	have, err := f.cfg.Load(ctx, Want{Markers: numbers})
	if err != nil {
		return nil, fmt.Errorf("load markers: %w", err)
	}
	aside, err := f.cfg.Load(ctx, Want{Aside: numbers})
	if err != nil {
		return nil, fmt.Errorf("load what is passed over: %w", err)
	}
	from := map[int]int64{}
	var missing []int
	f.mu.Lock()
	for _, n := range numbers {
		m := have.Markers[n]
		if held := f.parts[n]; held != nil && held.good(m, aside.Aside) {
			from[n] = held.next
			continue
		}
		f.drop(n)
		missing = append(missing, n)
	}
	f.mu.Unlock()
	if len(missing) == 0 {
		return from, nil
	}
	stored, err := f.cfg.Load(ctx, Want{Stored: missing})
	if err != nil {
		return nil, fmt.Errorf("load what is stored: %w", err)
	}
	for _, n := range missing {
		m := have.Markers[n]
		m.Partition = n
		part, err := f.open(ctx, m, stored.Stored[n], aside.Aside)
		if err != nil {
			return nil, err
		}
		f.mu.Lock()
		f.drop(n)
		f.parts[n] = part
		f.setOrder()
		f.showClock()
		f.mu.Unlock()
		from[n] = part.next
	}
	return from, nil
}

// good reports whether memory that was kept can be gone on with: nobody went further, and nobody passed over what was folded.
func (part *partition) good(m Marker, aside []Aside) bool {
	if m.Epoch != part.epoch || m.Next > part.next {
		return false
	}
	for _, a := range aside {
		if !part.concerns(&a) || slices.Contains(part.aside, a.Offset) {
			continue
		}
		if a.Offset < part.next {
			return false
		}
		part.aside = append(part.aside, a.Offset)
	}
	return true
}

// concerns: it is about a record that may still be folded.
func (part *partition) concerns(a *Aside) bool {
	return a.Partition == part.n && a.Epoch == part.epoch && a.Offset >= part.marker.Next
}

// open makes the memory of a partition from its marker.
func (f *Folder) open(ctx context.Context, m Marker, stored []enishi.ID, aside []Aside) (*partition, error) {
	part := &partition{n: m.Partition, epoch: m.Epoch, next: m.Next, events: m.Events, clock: m.Clock, virtual: m.Virtual, until: m.Until, identities: m.Identities,
		definitions: m.Definitions, switching: m.Definitions, sweeps: slices.Clone(m.Sweeps), splits: slices.Clone(m.Splits),
		marker: m, cache: map[enishi.ID]*entry{}, rows: rows{spare: &f.spare}}
	for _, id := range stored {
		part.stored.add(id)
	}
	for _, a := range aside {
		if part.concerns(&a) {
			part.aside = append(part.aside, a.Offset)
		}
	}
	for i := range part.sweeps {
		part.sweeps[i].Sent = part.sweeps[i].Next
	}
	if err := f.cfg.Definitions.Wait(ctx, m.Definitions); err != nil {
		return nil, fmt.Errorf("wait for definitions of partition %d: %w", part.n, err)
	}
	f.mu.Lock()
	part.use(f.definitionsAt(m.Definitions))
	f.mu.Unlock()
	if err := f.loadTimers(ctx, part); err != nil {
		return nil, err
	}
	return part, nil
}

// use makes definitions the partition's.
func (part *partition) use(d *Definitions) {
	part.defs = d
	part.env = journeys.Env{Journeys: d.Journeys, Settings: d.Settings, Templates: d.template, Outside: d.outside}
}

// Lose says which partitions are no longer owned. Their memory is kept unless forget: if nobody went further it is good when
// they come back. What is kept is ticked, so an owner of another partition forgets.
func (f *Folder) Lose(numbers []int, forget bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range numbers {
		if forget {
			f.drop(n)
		}
	}
}

// drop forgets a partition's memory; mu is held.
func (f *Folder) drop(n int) {
	if f.parts[n] == nil {
		return
	}
	delete(f.parts, n)
	f.setOrder()
	f.showClock()
}

func (f *Folder) setOrder() {
	f.order = f.order[:0:0]
	for _, part := range f.parts {
		f.order = append(f.order, part)
	}
	slices.SortFunc(f.order, func(a, b *partition) int { return a.n - b.n })
}

// Owned lists the partitions in memory, by number.
func (f *Folder) Owned() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]int, len(f.order))
	for i, part := range f.order {
		out[i] = part.n
	}
	return out
}

// Stats returns the counters.
func (f *Folder) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}
