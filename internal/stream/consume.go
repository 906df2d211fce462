package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// Consumer is a member of a group: what it reads and what it does with it. Its funcs are never called at the same time,
// except that Lost may follow a Batch whose context ended.
//
// The life of ownership is Gained, any number of Batch, Lost, and again. A rebalance takes everything away and gives it
// out anew (partitions stay where they were if they can), so Lost names all partitions, also those that come back: a
// caller that keeps memory of them checks in Gained whether it is still good.
type Consumer struct {
	Group  string // without the prefix
	Topics []string

	Linger     time.Duration        // a batch closes after this long without a new record; default 5 ms
	MaxWait    time.Duration        // or this long after its first one; default 200 ms
	MaxRecords int                  // or with so many; default 50,000
	Pace       func() time.Duration // instead of Linger, asked for every batch; may be nil

	// Gained is called before anything is fetched: load the state of the partitions here. from names the offset to start at
	// where that is known better than the group's commit (absent: the commit, else the first). May be nil. An error is
	// retried, after Lost.
	Gained func(ctx context.Context, g *Generation, parts []Partition) (from map[Partition]int64, err error)

	// Batch takes records of all owned partitions, each partition's in order; the next batch is fetched meanwhile, but not
	// handed over before this returns. It may be empty, when offsets passed that hold nothing (Generation.Position). ctx
	// ends with the generation. Key and Value share memory with what was fetched: clone what is kept for long. After an
	// error follow Lost, a pause, Gained, and the same records again from where Gained or the commit says.
	Batch func(ctx context.Context, g *Generation, recs []Record) error

	// Lost is called once after each Gained, when its partitions are not to be worked on any more. May be nil.
	Lost func(parts []Partition)
}

// DefaultLinger is the default of Consumer.Linger.
const DefaultLinger = 5 * time.Millisecond

const (
	defaultMaxWait    = 200 * time.Millisecond
	defaultMaxRecords = 50_000

	joinBackoff      = 250 * time.Millisecond
	coordinatorWait  = 5 * time.Second
	maxRebalanceWait = 30 * time.Second
)

// Consume reads as a member of the group until ctx ends (nil), a func fails with Fatal (its error), or a log turns out to
// be another one (ErrReplaced). Whatever happens to the brokers, it goes on.
func (c *Client) Consume(ctx context.Context, k Consumer) error {
	if err := c.checkConsumer(&k); err != nil {
		return err
	}
	ctx, release := c.bind(ctx)
	defer release()
	sticky := &stickyBalancer{prefix: c.cfg.Prefix}
	group, err := kafka.NewConsumerGroup(c.groupConfig(&k, sticky))
	if err != nil {
		return fmt.Errorf("consume: %w", err)
	}
	defer group.Close()
	for {
		gen, err := group.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return c.overall(ctx)
		case err != nil: // kafka-go waits before it tries again
			c.cfg.Log.Debug("joining the group is being retried", "group", k.Group, "err", err)
			continue
		}
		done := make(chan error, 1)
		gen.Start(func(ended context.Context) { done <- c.generation(ctx, ended, gen, &k, sticky) })
		if err := <-done; err != nil {
			return fmt.Errorf("consume group %s: %w", k.Group, err)
		}
	}
}

// overall is what a call returns when its context ended: nil, unless the client was closed under it.
func (c *Client) overall(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), ErrClosed) {
		return ErrClosed
	}
	return nil
}

func (c *Client) checkConsumer(k *Consumer) error {
	if k.Group == "" || len(k.Topics) == 0 || k.Batch == nil {
		return errors.New("consume: a group, topics and Batch are needed")
	}
	for _, name := range k.Topics {
		if _, err := c.topic(name); err != nil {
			return fmt.Errorf("consume: %w", err)
		}
	}
	if k.Linger == 0 {
		k.Linger = DefaultLinger
	}
	if k.MaxWait == 0 {
		k.MaxWait = defaultMaxWait
	}
	if k.MaxRecords == 0 {
		k.MaxRecords = defaultMaxRecords
	}
	return nil
}

func (c *Client) groupConfig(k *Consumer, balancer kafka.GroupBalancer) kafka.ConsumerGroupConfig {
	wire := make([]string, len(k.Topics))
	for i, name := range k.Topics {
		wire[i] = c.cfg.Prefix + name
	}
	session := c.cfg.SessionTimeout
	debug := func(format string, args ...any) {
		c.cfg.Log.Debug("consumer group", "group", k.Group, "what", fmt.Sprintf(format, args...))
	}
	return kafka.ConsumerGroupConfig{
		ID:                c.cfg.Prefix + k.Group,
		Brokers:           c.cfg.Brokers,
		Dialer:            &kafka.Dialer{ClientID: "enishi", Timeout: dialTimeout, DialFunc: c.dial, TLS: c.cfg.TLS, SASLMechanism: c.cfg.SASL},
		Topics:            wire,
		GroupBalancers:    []kafka.GroupBalancer{balancer},
		HeartbeatInterval: session / 3,
		SessionTimeout:    session,
		RebalanceTimeout:  min(10*session, maxRebalanceWait),
		JoinGroupBackoff:  joinBackoff,
		Timeout:           coordinatorWait,
		StartOffset:       kafka.FirstOffset,
		ErrorLogger:       kafka.LoggerFunc(debug),
	}
}

// generation works through one generation; it returns an error only for what ends Consume.
func (c *Client) generation(ctx, ended context.Context, gen *kafka.Generation, k *Consumer, sticky *stickyBalancer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(ErrNotOwner)
	stop := context.AfterFunc(ended, func() { cancel(ErrNotOwner) })
	defer stop()
	g := newGeneration(ctx, c, gen, k)
	if err := g.beat(ctx); err != nil {
		return nil // the next generation is already on its way, or the broker is away
	}
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		g.heartbeats(ctx)
		cancel(ErrNotOwner)
	}()
	defer func() { cancel(ErrNotOwner); <-beating }()
	sticky.own(g.owned)
	c.cfg.Log.Debug("generation begins", "group", k.Group, "generation", gen.ID, "partitions", len(g.owned))
	if len(g.owned) == 0 {
		<-ctx.Done()
		return nil
	}
	var wait backoff
	for {
		moved, err := c.own(ctx, g, k)
		if isFatal(err) || errors.Is(err, ErrReplaced) {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		if moved {
			wait.reset()
		}
		c.cfg.Log.Error("batch failed and will be read again", "group", k.Group, "err", err)
		if wait.sleep(ctx) != nil {
			return nil
		}
	}
}

// own goes from Gained to Lost once. moved says that at least one batch was handled.
func (c *Client) own(ctx context.Context, g *Generation, k *Consumer) (moved bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if k.Lost != nil {
		defer func() { k.Lost(g.Owned()) }()
	}
	var from map[Partition]int64
	if k.Gained != nil {
		if from, err = k.Gained(ctx, g, g.Owned()); err != nil {
			return false, fmt.Errorf("gained: %w", err)
		}
	}
	cursors := make([]*cursor, len(g.owned))
	g.mu.Lock()
	clear(g.position)
	for i, p := range g.owned {
		start, ok := from[p]
		if !ok {
			start = g.committed[p]
		}
		if cursors[i], err = c.cursor(p, start); err != nil {
			break
		}
	}
	g.mu.Unlock()
	if err != nil {
		return false, err
	}
	pile := newGather(k)
	reading := make(chan error, 1)
	go func() {
		defer cancel()
		reading <- c.tail(ctx, cursors, func(ctx context.Context, cur *cursor, recs []Record, next, _ int64) error {
			if next == cur.offset {
				return nil
			}
			return pile.put(ctx, chunk{part: cur.part, recs: recs, next: next, bytes: bytesOf(recs)})
		})
	}()
	moved, err = handle(ctx, g, k, pile)
	cancel()
	if rerr := <-reading; errors.Is(rerr, ErrReplaced) {
		err = rerr
	}
	return moved, err
}

// handle gives the batches to the caller, one after the other, until ctx ends or one fails.
func handle(ctx context.Context, g *Generation, k *Consumer, pile *gather) (moved bool, err error) {
	for {
		recs, next, err := pile.take(ctx)
		if err != nil {
			return moved, err
		}
		g.mu.Lock()
		for p, offset := range next {
			g.position[p] = offset
		}
		g.mu.Unlock()
		if err := k.Batch(ctx, g, recs); err != nil {
			return moved, fmt.Errorf("batch of %d records: %w", len(recs), err)
		}
		moved = true
	}
}

func bytesOf(recs []Record) (n int) {
	for i := range recs {
		n += len(recs[i].Key) + len(recs[i].Value)
	}
	return n
}
