package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// cursor is where a reader stands in one partition.
type cursor struct {
	lane
	part   Partition
	offset int64 // to fetch next
	beyond int   // how often the broker said that the log ends before it
}

// giveFunc takes what was read from a partition: next is the offset after it (also when all of it was left out), end where
// the log ended at that moment. It is called after every fetch, also with nothing new.
type giveFunc func(ctx context.Context, cur *cursor, recs []Record, next, end int64) error

// giveError is an error of a giveFunc: it ends the reading, all others are retried.
type giveError struct{ error }

func (e giveError) Unwrap() error { return e.error }

const (
	beyondTries  = 3
	tailWarnEach = 5 * time.Second
	regroupEvery = time.Second // when a partition has no leader
)

func (c *Client) cursor(p Partition, from int64) (*cursor, error) {
	t, err := c.topic(p.Topic)
	if err != nil {
		return nil, err
	}
	if p.Partition < 0 || p.Partition >= t.partitions {
		return nil, fmt.Errorf("topic %s has no partition %d", p.Topic, p.Partition)
	}
	// A start below the first offset is answered as out of range and moved there, so zero stands for "the first".
	return &cursor{lane: c.lanes[t.base+p.Partition], part: p, offset: max(from, 0)}, nil
}

// tail reads the cursors' partitions for ever, those of different leaders at the same time, and survives whatever happens
// to the brokers. It returns when ctx ends (its cause), when give fails (its error), or ErrReplaced.
func (c *Client) tail(ctx context.Context, cursors []*cursor, give giveFunc) error {
	ctx, release := c.bind(ctx)
	defer release()
	var wait backoff
	var warned time.Time
	for {
		moved, err := c.tailLeaders(ctx, cursors, give)
		var given giveError
		switch {
		case errors.As(err, &given):
			return given.error
		case errors.Is(err, ErrReplaced):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		if moved {
			wait.reset()
		}
		if err != nil && time.Since(warned) > tailWarnEach {
			warned = time.Now()
			c.cfg.Log.Warn("fetch is being retried", "err", err)
		}
		c.forgetLayout()
		if stop := wait.sleep(ctx); stop != nil {
			return stop
		}
	}
}

// tailLeaders reads until something changes or fails. moved says that something was read before.
func (c *Client) tailLeaders(ctx context.Context, cursors []*cursor, give giveFunc) (moved bool, err error) {
	where, err := c.layout(ctx)
	if err != nil {
		return false, err
	}
	byLeader := map[int32][]*cursor{}
	for _, cur := range cursors {
		leader := where.leaders[cur.base+cur.partition]
		byLeader[leader] = append(byLeader[leader], cur)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if lost := byLeader[-1]; len(lost) > 0 {
		delete(byLeader, -1)
		err = fmt.Errorf("%s has no leader", lost[0].part)
		timer := time.AfterFunc(regroupEvery, cancel)
		defer timer.Stop()
		if len(byLeader) == 0 {
			return false, err
		}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for leader, group := range byLeader {
		wg.Go(func() {
			defer cancel()
			some, ferr := c.tailLeader(ctx, leader, group, give)
			mu.Lock()
			defer mu.Unlock()
			moved = moved || some
			var given giveError
			if err == nil || errors.As(ferr, &given) || errors.Is(ferr, ErrReplaced) {
				err = ferr
			}
		})
	}
	wg.Wait()
	return moved, err
}

// tailLeader reads the partitions of one leader, all with one request, in an order that turns so that each comes first
// once when the answer's size limit cuts off the last. While an answer is taken in the next one is already on its way.
func (c *Client) tailLeader(ctx context.Context, leader int32, group []*cursor, give giveFunc) (moved bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	answers := make(chan answer, 1)
	asking := false
	defer func() {
		cancel()
		if asking {
			<-answers
		}
	}()
	ask := func(turn int, next map[*cursor]int64) {
		asking = true
		parts := fetchParts(group, turn, next)
		go func() {
			res, err := c.fetch(ctx, leader, parts)
			answers <- answer{res, err}
		}()
	}
	ask(0, nil)
	for turn := 1; ; turn++ {
		got := <-answers
		if asking = false; got.err != nil {
			return moved, got.err
		}
		next, clean := map[*cursor]int64{}, true
		for i := range got.parts {
			f := &got.parts[i]
			if cur := findCursor(group, f); cur != nil {
				f.records, next[cur] = glance(f.set, cur.offset)
			}
			clean = clean && f.code == 0
		}
		if clean {
			ask(turn, next)
		}
		for i := range got.parts {
			cur := findCursor(group, &got.parts[i])
			if cur == nil {
				continue
			}
			some, perr := c.takeIn(ctx, cur, &got.parts[i], give)
			moved = moved || some
			var given giveError
			if errors.As(perr, &given) {
				return moved, perr
			}
			if perr != nil {
				err = perr
			}
		}
		if err != nil {
			return moved, err
		}
		if !clean {
			ask(turn, nil)
		}
	}
}

// answer is what came of a fetch.
type answer struct {
	parts []fetched
	err   error
}

// fetchParts asks for each cursor from where it stands, or will stand when next is taken in.
func fetchParts(group []*cursor, turn int, next map[*cursor]int64) []fetchPart {
	perPart := int32(min(max(fetchMaxBytes/len(group), fetchMinPart), fetchMaxPart))
	parts := make([]fetchPart, len(group))
	for i := range group {
		cur := group[(turn+i)%len(group)]
		parts[i] = fetchPart{lane: cur.lane, offset: cur.offset, maxBytes: perPart}
		if offset, ok := next[cur]; ok {
			parts[i].offset = offset
		}
	}
	return parts
}

func findCursor(group []*cursor, f *fetched) *cursor {
	for _, cur := range group {
		if cur.partition == int(f.partition) && cur.wire == f.topic {
			return cur
		}
	}
	return nil
}

// takeIn decodes the answer for one partition and gives it on.
func (c *Client) takeIn(ctx context.Context, cur *cursor, f *fetched, give giveFunc) (moved bool, err error) {
	switch {
	case kafka.Error(f.code) == kafka.OffsetOutOfRange:
		return false, c.reseat(ctx, cur)
	case f.code != 0:
		return false, fmt.Errorf("fetch %s at %d: %w", cur.part, cur.offset, kafka.Error(f.code))
	}
	cur.beyond = 0
	recs, next, err := decodeBatches(make([]Record, 0, min(max(f.records, 0), len(f.set)/minRecord)), cur.part, f.set, cur.offset, f.aborted, c.cfg.Unreadable)
	moved = next > cur.offset
	if gerr := give(ctx, cur, recs, next, f.end); gerr != nil {
		return moved, giveError{gerr}
	}
	cur.offset = next
	if err == nil && !moved && len(f.set) > 0 {
		err = errors.New("the answer holds nothing new")
	}
	if err != nil {
		return moved, fmt.Errorf("fetch %s at %d: %w", cur.part, cur.offset, err)
	}
	return moved, nil
}

// reseat moves a cursor from before the first offset to it. Beyond the end there is nothing to move to.
func (c *Client) reseat(ctx context.Context, cur *cursor) error {
	firsts, err := c.offsetsOnce(ctx, cur.topic, kafka.FirstOffset)
	if err != nil {
		return err
	}
	if first := firsts[cur.partition]; cur.offset < first {
		if cur.offset > 0 {
			c.cfg.Log.Error("records were trimmed before they were read", "partition", cur.part.String(), "from", cur.offset, "first", first)
		}
		cur.offset = first
		return nil
	}
	ends, err := c.offsetsOnce(ctx, cur.topic, kafka.LastOffset)
	if err != nil {
		return err
	}
	end := ends[cur.partition]
	if cur.beyond++; cur.offset > end && cur.beyond >= beyondTries {
		return fmt.Errorf("read %s from %d, the end is %d: %w", cur.part, cur.offset, end, ErrReplaced)
	}
	return fmt.Errorf("fetch %s at %d, the end is %d: %w", cur.part, cur.offset, end, kafka.OffsetOutOfRange)
}

// Follow reads one partition without a group, from offset from on (from below the first offset: from the first), and calls
// fn with what it reads. end is the partition's end at the time of the fetch. fn is also called without records: once when
// the end is reached for the first time, so that the caller knows that it is caught up, and whenever offsets passed that
// hold nothing for it. Key and Value share memory with their batch: clone what is kept for long.
//
// Follow survives broker restarts. It returns nil when ctx ends, fn's error when fn fails, and ErrReplaced.
func (c *Client) Follow(ctx context.Context, topic string, partition int, from int64, fn func(ctx context.Context, recs []Record, end int64) error) error {
	cur, err := c.cursor(Partition{topic, partition}, from)
	if err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	caught := false
	err = c.tail(ctx, []*cursor{cur}, func(ctx context.Context, cur *cursor, recs []Record, next, end int64) error {
		if len(recs) > 0 {
			if err := fn(ctx, recs, end); err != nil {
				return err
			}
		}
		if next >= end && !caught || len(recs) == 0 && next > cur.offset {
			caught = caught || next >= end
			return fn(ctx, nil, end)
		}
		return nil
	})
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("follow %s/%d: %w", topic, partition, err)
}
