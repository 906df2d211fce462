package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
)

// Generation is the time between two rebalances of a group: what this member owns does not change within it. After its end
// everything that it is asked answers no.
type Generation struct {
	client  *Client
	gen     *kafka.Generation
	ctx     context.Context // ends with it
	session time.Duration
	owned   []Partition
	seen    atomic.Int64 // when the last heartbeat that was answered well set out, as time since start

	start time.Time // carries the monotonic clock

	mu        sync.Mutex
	committed map[Partition]int64 // next offset; absent: none
	position  map[Partition]int64
}

func newGeneration(ctx context.Context, c *Client, gen *kafka.Generation, k *Consumer) *Generation {
	g := &Generation{
		client: c, gen: gen, ctx: ctx, session: c.cfg.SessionTimeout, start: time.Now(),
		committed: map[Partition]int64{}, position: map[Partition]int64{},
	}
	g.seen.Store(-int64(g.session))
	for _, name := range k.Topics {
		for _, a := range gen.Assignments[c.cfg.Prefix+name] {
			p := Partition{name, a.ID}
			g.owned = append(g.owned, p)
			if a.Offset >= 0 {
				g.committed[p] = a.Offset
			}
		}
	}
	slices.SortFunc(g.owned, func(a, b Partition) int {
		return slices.Index(k.Topics, a.Topic)*1e6 + a.Partition - slices.Index(k.Topics, b.Topic)*1e6 - b.Partition
	})
	return g
}

// Owned returns the partitions of this member, by topic as in Consumer.Topics, then by number.
func (g *Generation) Owned() []Partition { return slices.Clone(g.owned) }

// Valid tells whether nobody else can own the partitions now: the generation is not over and a heartbeat was answered
// less than two thirds of the session timeout ago, by the monotonic clock. Ask before each act that must not be done by
// two (a send): a member that was stopped for a while finds out here before it finds out from the broker.
func (g *Generation) Valid() bool {
	return g.ctx.Err() == nil && time.Since(g.start)-time.Duration(g.seen.Load()) < g.session*2/3
}

// Position returns the offset after the last batch that was handed over (also while Batch handles it), fillers and other
// left-out offsets counted: what to store as progress, and to commit. It is false for a partition of which nothing was
// read in this generation.
func (g *Generation) Position(p Partition) (next int64, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	next, ok = g.position[p]
	return next, ok
}

// Commit tells the broker how far the group is: the next offset of each partition. It serves lag and retention, and the
// start of an owner whose Gained names no offset. It fails with ErrNotOwner when the partition is not owned any more,
// which the broker decides; no retries.
func (g *Generation) Commit(ctx context.Context, next map[Partition]int64) error {
	if len(next) == 0 {
		return nil
	}
	offsets := map[string]map[int]int64{}
	for p, offset := range next {
		if !slices.Contains(g.owned, p) {
			return fmt.Errorf("commit %s: %w", p, ErrNotOwner)
		}
		wire := g.client.cfg.Prefix + p.Topic
		if offsets[wire] == nil {
			offsets[wire] = map[int]int64{}
		}
		offsets[wire][p.Partition] = offset
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err := g.gen.CommitOffsets(offsets)
	switch {
	case err == nil:
		g.mu.Lock()
		maps.Copy(g.committed, next)
		g.mu.Unlock()
		return nil
	case isStranger(err), g.ctx.Err() != nil: // after its end the connection is closed
		return fmt.Errorf("commit for group %s: %w (%w)", g.gen.GroupID, ErrNotOwner, err)
	}
	return fmt.Errorf("commit for group %s: %w", g.gen.GroupID, err)
}

// isStranger says that the coordinator does not know this member in this generation.
func isStranger(err error) bool {
	return errors.Is(err, kafka.IllegalGeneration) || errors.Is(err, kafka.UnknownMemberId) || errors.Is(err, kafka.RebalanceInProgress)
}

// beat sends one heartbeat; the lease counts from before it was sent.
func (g *Generation) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, g.session/2)
	defer cancel()
	sent := time.Since(g.start)
	res, err := g.client.kafka.Heartbeat(ctx, &kafka.HeartbeatRequest{
		GroupID: g.gen.GroupID, GenerationID: g.gen.ID, MemberID: g.gen.MemberID,
	})
	if err == nil {
		err = res.Error
	}
	if err == nil {
		g.seen.Store(int64(sent))
	}
	return err
}

// heartbeats keeps the lease and returns when the coordinator has another mind. kafka-go sends heartbeats of its own but
// does not tell when one was answered; these also notice a rebalance sooner. What is lost on the way is tried again: its
// own loop ends the generation when the connection is gone.
func (g *Generation) heartbeats(ctx context.Context) {
	tick := time.NewTicker(g.session / 12)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := g.beat(ctx); err != nil && isStranger(err) {
				return
			}
		}
	}
}
