package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// Group is the consumer group of the fold.
const Group = "pipeline"

// Runner drives a Folder on the log: it consumes the topic events, ticks and makes checkpoints.
type Runner struct {
	Folder  *Folder
	Consume func(ctx context.Context, c stream.Consumer) error
	Every   time.Duration // of Tick; 20 ms
	Log     *slog.Logger

	border sync.Mutex // held while a batch is folded
	gen    atomic.Pointer[stream.Generation]
	owned  atomic.Bool
	folded chan struct{}                      // a batch was folded on a virtual clock: what it made due is not to wait for the next tick
	again  atomic.Pointer[context.CancelFunc] // ends the membership, to begin anew
}

// Ready reports whether the runner has been given its partitions.
func (r *Runner) Ready() bool { return r.owned.Load() }

// Commit is Kafka's commit of the current generation; it is for lag and retention only.
func (r *Runner) Commit(ctx context.Context, next map[int]int64) error {
	g := r.gen.Load()
	if g == nil {
		return nil
	}
	owned := map[int]bool{}
	for _, p := range g.Owned() {
		owned[p.Partition] = true
	}
	offsets := map[stream.Partition]int64{}
	for n, offset := range next {
		if owned[n] {
			offsets[stream.Partition{Topic: enishi.TopicEvents, Partition: n}] = offset
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	return g.Commit(ctx, offsets)
}

// lastCheckpoint is how long a stop or a rebalance waits for what is folded to be stored. What is not is folded again.
const lastCheckpoint = 10 * time.Second

// Run folds until ctx ends, then makes a last checkpoint.
func (r *Runner) Run(ctx context.Context) error {
	if r.Every == 0 {
		r.Every = 20 * time.Millisecond
	}
	r.folded = make(chan struct{}, 1)
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	ticking := make(chan struct{})
	go func() {
		defer close(ticking)
		r.tick(ctx)
	}()
	defer func() { <-ticking }()
	for {
		once, again := context.WithCancel(ctx)
		r.again.Store(&again)
		err := r.Consume(once, stream.Consumer{Group: Group, Topics: []string{enishi.TopicEvents}, Gained: r.gained, Batch: r.batch, Lost: r.lost, Pace: r.pace})
		stopped := once.Err() == nil // not by us
		again()
		if err != nil || stopped || ctx.Err() != nil {
			return err
		}
	}
}

func (r *Runner) gained(ctx context.Context, g *stream.Generation, parts []stream.Partition) (map[stream.Partition]int64, error) {
	numbers := make([]int, len(parts))
	for i, p := range parts {
		numbers[i] = p.Partition
	}
	r.border.Lock()
	defer r.border.Unlock()
	if err := r.Folder.Err(); err != nil {
		r.Log.Warn("a checkpoint failed; its records are folded again", "err", err)
	}
	// What another replica owns now must not be ticked by this one.
	gone := slices.DeleteFunc(r.Folder.Owned(), func(n int) bool { return slices.Contains(numbers, n) })
	r.Folder.Lose(gone, true)
	from, err := r.Folder.Gain(ctx, numbers)
	if err != nil {
		return nil, err
	}
	r.gen.Store(g)
	r.owned.Store(true)
	out := map[stream.Partition]int64{}
	for n, offset := range from {
		out[stream.Partition{Topic: enishi.TopicEvents, Partition: n}] = offset
	}
	return out, nil
}

func (r *Runner) batch(ctx context.Context, g *stream.Generation, recs []stream.Record) error {
	r.border.Lock()
	defer r.border.Unlock()
	if err := r.Folder.Err(); err != nil {
		return err
	}
	if len(recs) > 0 {
		if err := r.Folder.Fold(ctx, recs); err != nil {
			return fmt.Errorf("fold: %w", err)
		}
		if r.virtual() {
			select {
			case r.folded <- struct{}{}:
			default:
			}
		}
	}
	return r.Folder.Border(ctx)
}

// pace does not wait for more on a virtual clock: what plays on it waits for each batch.
func (r *Runner) pace() time.Duration {
	if r.virtual() {
		return 0
	}
	return stream.DefaultLinger
}

func (r *Runner) virtual() bool {
	_, virtual := r.Folder.Clock().Virtual()
	return virtual
}

// lost stores what is folded, so that the next owner has little to fold again; this one rejoins the group only after it.
func (r *Runner) lost([]stream.Partition) {
	r.owned.Store(false)
	r.border.Lock()
	defer r.border.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), lastCheckpoint)
	defer cancel()
	if err := r.Folder.Flush(ctx); err != nil {
		r.Log.Warn("last checkpoint", "err", err)
	}
	r.gen.Store(nil)
}

// tick runs between batches: what the owner owes, and checkpoints of a quiet log.
func (r *Runner) tick(ctx context.Context) {
	ticker := time.NewTicker(r.Every)
	defer ticker.Stop()
	var warned, begun time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-r.folded:
		}
		if !r.owned.Load() {
			continue
		}
		if err := r.Folder.Tick(ctx); err != nil && ctx.Err() == nil && time.Since(warned) > warnEvery {
			warned = time.Now()
			r.Log.Warn("timers and control records wait", "err", err)
		}
		if r.border.TryLock() {
			r.Folder.Checkpoint(context.WithoutCancel(ctx), false)
			r.border.Unlock()
		}
		if r.Folder.failed() && time.Since(begun) > warnEvery {
			// A batch would find out, but on a quiet log none comes.
			begun = time.Now()
			(*r.again.Load())()
		}
	}
}

// warnEvery bounds how often a failing tick says so.
const warnEvery = 5 * time.Second
