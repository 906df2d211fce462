package channels

import (
	"context"
	"errors"
	"fmt"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// Group is the consumer group of the topic messages.
const Group = "channels"

// Feed is how the topic messages comes to a Sender. The life of a partition is Gained, any number of Batch, Lost.
type Feed struct {
	// Gained takes partitions over. valid tells whether nobody else can own them now.
	Gained func(ctx context.Context, partitions []int, valid func() bool) error
	// Batch takes records of owned partitions, each partition's in order. After nil their offsets may be committed.
	Batch func(ctx context.Context, recs []stream.Record) error
	// Pace is how long to wait for more messages before a batch closes.
	Pace func() time.Duration
	// Lost returns when nothing more is sent out of the partitions.
	Lost func(partitions []int)
}

// Consume reads the topic messages as a member of the group.
func Consume(client *stream.Client) func(ctx context.Context, f Feed) error {
	return func(ctx context.Context, f Feed) error {
		return client.Consume(ctx, stream.Consumer{
			Group: Group, Topics: []string{enishi.TopicMessages}, MaxRecords: 5_000, Pace: f.Pace,
			Gained: func(ctx context.Context, g *stream.Generation, parts []stream.Partition) (map[stream.Partition]int64, error) {
				return nil, f.Gained(ctx, numbers(parts), g.Valid)
			},
			Batch: func(ctx context.Context, g *stream.Generation, recs []stream.Record) error {
				if err := f.Batch(ctx, recs); err != nil {
					return err
				}
				return commit(ctx, g)
			},
			Lost: func(parts []stream.Partition) { f.Lost(numbers(parts)) },
		})
	}
}

// commit tells the broker how far the ledger is. It is for lag, retention and the next start: one that fails is left to
// the next batch, unless the partition is lost.
func commit(ctx context.Context, g *stream.Generation) error {
	next := map[stream.Partition]int64{}
	for _, p := range g.Owned() {
		if offset, ok := g.Position(p); ok {
			next[p] = offset
		}
	}
	if err := g.Commit(ctx, next); errors.Is(err, stream.ErrNotOwner) {
		return fmt.Errorf("commit messages: %w", err)
	}
	return nil
}

func numbers(parts []stream.Partition) []int {
	out := make([]int, len(parts))
	for i, p := range parts {
		out[i] = p.Partition
	}
	return out
}
