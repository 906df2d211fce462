package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// Run folds until ctx ends, then makes a last checkpoint.
func (r *Runner) Run(ctx context.Context) error {
	if r.Every == 0 {
		r.Every = 20 * time.Millisecond
	}
	ticking := make(chan struct{})
	go func() {
		defer close(ticking)
		r.tick(ctx)
	}()
	err := r.Consume(ctx, stream.Consumer{Group: Group, Topics: []string{enishi.TopicEvents}, Gained: r.gained, Batch: r.batch, Lost: r.lost})
	<-ticking
	// The context has ended, but what is folded is to be kept: the next start is then quick.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	if ferr := r.Folder.Flush(last); err == nil && ferr != nil {
		err = ferr
	}
	return err
}

func (r *Runner) gained(ctx context.Context, g *stream.Generation, parts []stream.Partition) (map[stream.Partition]int64, error) {
	numbers := make([]int, len(parts))
	keep := map[int]bool{}
	for i, p := range parts {
		numbers[i] = p.Partition
		keep[p.Partition] = true
	}
	r.border.Lock()
	defer r.border.Unlock()
	// What another replica owns now must not be ticked by this one.
	var gone []int
	for _, n := range r.Folder.Owned() {
		if !keep[n] {
			gone = append(gone, n)
		}
	}
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
	}
	r.Folder.Checkpoint(context.WithoutCancel(ctx), false)
	return nil
}

func (r *Runner) lost(parts []stream.Partition) {
	r.owned.Store(false)
	r.gen.Store(nil)
}

// tick runs between batches: what the owner owes, and checkpoints of a quiet log.
func (r *Runner) tick(ctx context.Context) {
	ticker := time.NewTicker(r.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if !r.owned.Load() {
			continue
		}
		if err := r.Folder.Tick(ctx); err != nil && !errors.Is(err, context.Canceled) {
			r.Log.Warn("tick", "err", err)
		}
		if r.border.TryLock() {
			r.Folder.Checkpoint(context.WithoutCancel(ctx), false)
			r.border.Unlock()
		}
	}
}
