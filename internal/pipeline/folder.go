package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"enishi"
	"enishi/internal/definitions"
	"enishi/internal/stream"
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
	Checkpoint time.Duration // from the first changed profile to its checkpoint; 250 ms, up to 5 s under load
	Horizon    time.Duration // how far ahead timers are held in memory; 5 min
	Log        *slog.Logger
}

// Move is one component or part of one that changed its profile id, in the order of the identity log.
type Move struct {
	Offset        int64 // of the link or unlink record
	Loser, Winner enishi.ID
	Split         bool        // Subjects leave Loser for Winner
	Subjects      []enishi.ID // of a split
}

// Folder folds the partitions it owns. Fold, Tick and Gain are called by one goroutine at a time each; a mutex keeps them apart.
type Folder struct {
	cfg Config

	mu    sync.Mutex
	parts map[int]*partition
	bytes int64 // of all cached profiles
	defs  map[int64]*Definitions
	world Clock

	saving     chan struct{} // closed when the running checkpoint ends; nil when none runs
	saveErr    error
	dirtySince time.Time
	stats      Stats
}

// Stats counts since start.
type Stats struct {
	Records, Events, Repeats, Effects, Messages, Timers, Checkpoints, Loads int64
	FoldTime, EffectTime, SaveTime                                          time.Duration
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
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Folder{cfg: cfg, parts: map[int]*partition{}, defs: map[int64]*Definitions{}}, nil
}

// Clock is the instance's clock as the fold sees it: the wall clock, or the virtual one of a replay.
type Clock struct {
	mu      sync.RWMutex
	virtual bool
	at      time.Time
}

// Now is the virtual instant while the clock is virtual, else wall.
func (c *Clock) Now(wall time.Time) time.Time {
	at, virtual := c.Virtual()
	if virtual {
		return at
	}
	return wall
}

// Virtual tells whether the clock is virtual and where it stands.
func (c *Clock) Virtual() (time.Time, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.at, c.virtual
}

func (c *Clock) set(at time.Time, virtual bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if virtual && c.virtual && at.Before(c.at) {
		return
	}
	c.at, c.virtual = at, virtual
}

// Clock is the clock that the rest of the process uses for what it stamps.
func (f *Folder) Clock() *Clock { return &f.world }

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
	sweeps      []Sweep
	profiles    int64 // stored, about: for the size of a sweep's steps
	cache       map[enishi.ID]*entry
	queue       []*entry // eviction order, oldest first; touched entries are moved on when met
	timers      timers
	horizon     time.Time // timers due before this are in memory
	touched     bool      // the marker must be written again
}

// entry is one cached profile.
type entry struct {
	p       *profiles.Profile
	size    int64
	dirty   bool
	saving  bool
	touched bool // since it was last looked at for eviction
}

// Gain loads the markers of partitions and makes them owned. It returns the offset at which each is to be read on.
func (f *Folder) Gain(ctx context.Context, numbers []int) (map[int]int64, error) {
	f.mu.Lock()
	var missing []int
	for _, n := range numbers {
		if f.parts[n] == nil {
			missing = append(missing, n)
		}
	}
	f.mu.Unlock()
	have, err := f.cfg.Load(ctx, Want{Markers: numbers})
	if err != nil {
		return nil, fmt.Errorf("load markers: %w", err)
	}
	from := map[int]int64{}
	for _, n := range numbers {
		marker := have.Markers[n]
		f.mu.Lock()
		held := f.parts[n]
		f.mu.Unlock()
		// Memory is kept across generations unless somebody else went further.
		if held != nil && marker.Next <= held.next {
			from[n] = held.next
			continue
		}
		part, err := f.open(ctx, n, marker)
		if err != nil {
			return nil, err
		}
		f.mu.Lock()
		f.drop(n)
		f.parts[n] = part
		f.mu.Unlock()
		from[n] = part.next
	}
	_ = missing
	return from, nil
}

// open makes the memory of a partition from its marker.
func (f *Folder) open(ctx context.Context, n int, m Marker) (*partition, error) {
	part := &partition{n: n, epoch: m.Epoch, next: m.Next, events: m.Events, clock: m.Clock, virtual: m.Virtual, identities: m.Identities,
		definitions: m.Definitions, switching: m.Definitions, sweeps: m.Sweeps, profiles: m.Profiles, cache: map[enishi.ID]*entry{}}
	if part.virtual {
		f.world.set(part.clock, true)
	}
	if err := f.cfg.Definitions.Wait(ctx, m.Definitions); err != nil {
		return nil, fmt.Errorf("wait for definitions of partition %d: %w", n, err)
	}
	part.defs = f.definitionsAt(m.Definitions)
	for i := range part.sweeps {
		part.sweeps[i].Sent = part.sweeps[i].Next
	}
	if err := f.loadTimers(ctx, part); err != nil {
		return nil, err
	}
	return part, nil
}

// Lose forgets partitions that are no longer owned. Their memory is kept: if nobody went further it is good when they come back.
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
	part := f.parts[n]
	if part == nil {
		return
	}
	for _, e := range part.cache {
		f.bytes -= e.size
	}
	delete(f.parts, n)
}

// Owned lists the partitions in memory.
func (f *Folder) Owned() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]int, 0, len(f.parts))
	for n := range f.parts {
		out = append(out, n)
	}
	return out
}

// Stats returns the counters.
func (f *Folder) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}
