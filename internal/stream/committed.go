package stream

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// Committed gives the offset that a group committed for each partition of a topic: what is before it is done. 0 where it
// committed nothing.
func (c *Client) Committed(ctx context.Context, group, name string) ([]int64, error) {
	t, err := c.topic(name)
	if err != nil {
		return nil, err
	}
	numbers := make([]int, t.partitions)
	for i := range numbers {
		numbers[i] = i
	}
	answer, err := c.kafka.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: c.cfg.Prefix + group, Topics: map[string][]int{t.wire: numbers}})
	if err == nil {
		err = answer.Error
	}
	if err != nil {
		return nil, fmt.Errorf("read the commits of group %s: %w", group, err)
	}
	out := make([]int64, t.partitions)
	for _, p := range answer.Topics[t.wire] {
		if p.Error != nil {
			return nil, fmt.Errorf("read the commits of group %s: %w", group, p.Error)
		}
		if p.Partition >= 0 && p.Partition < len(out) {
			out[p.Partition] = max(p.CommittedOffset, 0)
		}
	}
	return out, nil
}
