package ingest

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/internal/stream"
)

// Group is the consumer group of the source topics.
const Group = "ingest"

// Config is what an Ingester needs.
type Config struct {
	Stream *stream.Client // opened with the source topics, catalogue, identities, events and dead
	Hasher *enishi.Hasher // of the workspace's identifier key
	Parser ParserConfig   // Blocked is set by New

	SaveDead func(ctx context.Context, letters []DeadLetter) error // rows of the table dead_letters; may be repeated; nil: none
	Clock    func() (at time.Time, virtual bool)                   // while virtual, events are appended with the time of their source record, live ones with the virtual time; nil: never
	Now      func() time.Time                                      // default: time.Now
	Log      *slog.Logger                                          // default: discard

	append     func(ctx context.Context, recs []stream.Record) error // tests: the log without a broker
	partitions int
}

// Ingester carries records from the source topics to the topic events and folds the identity graph.
type Ingester struct {
	cfg       Config
	graph     *Graph
	parser    *Parser
	catalogue catalogue
	caught    [2]chan struct{} // closed when identities and catalogue were read to their ends once

	mu     sync.Mutex
	passed map[stream.Partition]int64

	commits committer
	counts  struct{ records, events, dead, links, ignored, batches atomic.Int64 }
}

// Stats counts since start.
type Stats struct {
	Records, Events, Dead, Links int64
	Ignored                      int64 // identifiers left out: malformed, reserved, blocked, or kept with another person
	Batches                      int64
	Identifiers                  int // in the graph
}

// New checks cfg and makes an Ingester.
func New(cfg Config) (*Ingester, error) {
	if cfg.Hasher == nil || cfg.Stream == nil && cfg.append == nil {
		return nil, errors.New("ingest: Stream and Hasher are required")
	}
	if cfg.append == nil {
		cfg.append, cfg.partitions = cfg.Stream.Append, cfg.Stream.Partitions(enishi.TopicEvents)
	}
	if cfg.partitions < 1 {
		return nil, errors.New("ingest: the client was opened without the topic events")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Clock == nil {
		cfg.Clock = func() (time.Time, bool) { return time.Time{}, false }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Log = cfg.Log.With("component", "ingest")
	in := &Ingester{cfg: cfg, graph: NewGraph(), passed: map[stream.Partition]int64{}, caught: [2]chan struct{}{make(chan struct{}), make(chan struct{})}}
	in.cfg.Parser.Blocked = in.blocked
	ignored := cfg.Parser.Ignored
	in.cfg.Parser.Ignored = func(k enishi.Kind, r *Refusal) {
		in.counts.ignored.Add(1)
		if ignored != nil {
			ignored(k, r)
		}
	}
	in.parser = NewParser(in.cfg.Parser)
	return in, nil
}

func (in *Ingester) blocked(x enishi.Identifier) bool {
	return in.graph.blocks() && in.graph.Blocked(in.cfg.Hasher.Hash(x))
}

// Graph is the folded topic identities; it is complete while Run runs.
func (in *Ingester) Graph() *Graph { return in.graph }

// Parser is the one that the records go through.
func (in *Ingester) Parser() *Parser { return in.parser }

// Passed gives the next offset of each source partition that this process handled: what is before it stands on events.
func (in *Ingester) Passed() map[stream.Partition]int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return maps.Clone(in.passed)
}

// Stats counts since start.
func (in *Ingester) Stats() Stats {
	ids, _ := in.graph.Size()
	c := &in.counts
	return Stats{c.records.Load(), c.events.Load(), c.dead.Load(), c.links.Load(), c.ignored.Load(), c.batches.Load(), ids}
}

// Run follows identities and catalogue, and ingests until ctx ends.
func (in *Ingester) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return in.cfg.Stream.Follow(ctx, enishi.TopicIdentities, 0, 0, in.foldLinks)
	})
	group.Go(func() error {
		return in.cfg.Stream.Follow(ctx, enishi.TopicCatalogue, 0, 0, in.foldCatalogue)
	})
	group.Go(func() error {
		return in.cfg.Stream.Consume(ctx, stream.Consumer{
			Group: Group, Topics: enishi.SourceTopics(), MaxRecords: maxBatch, Pace: in.pace,
			Gained: func(ctx context.Context, _ *stream.Generation, _ []stream.Partition) (map[stream.Partition]int64, error) {
				return nil, in.catchUp(ctx)
			},
			Batch: func(ctx context.Context, g *stream.Generation, recs []stream.Record) error {
				if err := in.Batch(ctx, recs); err != nil {
					return err
				}
				in.pass(ctx, g)
				return nil
			},
		})
	})
	err := group.Wait()
	in.commits.wait()
	return err
}

// maxBatch keeps what is decoded at a time, and the pause of the collector of garbage, small.
const maxBatch = 10_000

// catchUp waits until identities and catalogue were read to their ends: a graph that is behind would ask for links again.
func (in *Ingester) catchUp(ctx context.Context) error {
	for _, c := range in.caught {
		select {
		case <-c:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (in *Ingester) foldLinks(_ context.Context, recs []stream.Record, end int64) error {
	for i := range recs {
		var l enishi.Link
		if err := enishi.DecodeLink(&l, recs[i].Value); err != nil {
			in.cfg.Log.Error("unreadable link", "offset", recs[i].Offset, "err", err)
			l = enishi.Link{}
		}
		in.graph.Fold(recs[i].Offset, &l)
	}
	in.graph.Announce()
	closeOnce(in.caught[0], len(recs) == 0)
	return nil
}

func (in *Ingester) foldCatalogue(_ context.Context, recs []stream.Record, end int64) error {
	for i := range recs {
		in.catalogue.fold(&recs[i])
	}
	closeOnce(in.caught[1], len(recs) == 0)
	return nil
}

// closeOnce closes c when done; only one goroutine calls it for a channel.
func closeOnce(c chan struct{}, done bool) {
	select {
	case <-c:
	default:
		if done {
			close(c)
		}
	}
}

// pace does not wait for more on a virtual clock: what plays on it waits for each batch.
func (in *Ingester) pace() time.Duration {
	if _, virtual := in.cfg.Clock(); virtual {
		return 0
	}
	return stream.DefaultLinger
}

// pass notes what the generation handled and commits it, not more often than commitEvery.
func (in *Ingester) pass(ctx context.Context, g *stream.Generation) {
	next := map[stream.Partition]int64{}
	for _, p := range g.Owned() {
		if offset, ok := g.Position(p); ok {
			next[p] = offset
		}
	}
	in.mu.Lock()
	maps.Copy(in.passed, next)
	in.mu.Unlock()
	in.commits.add(ctx, next, func(ctx context.Context, next map[stream.Partition]int64) {
		if err := g.Commit(ctx, next); err != nil && ctx.Err() == nil {
			in.cfg.Log.Debug("commit", "err", err)
		}
	})
}

const commitEvery = 100 * time.Millisecond

// committer commits in the background: the newest positions only, one commit at a time. What a crash leaves uncommitted is
// read again and dropped by its ids.
type committer struct {
	mu      sync.Mutex
	next    map[stream.Partition]int64
	running bool
	wg      sync.WaitGroup
}

func (c *committer) add(ctx context.Context, next map[stream.Partition]int64, commit func(context.Context, map[stream.Partition]int64)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = next
	if c.running {
		return
	}
	c.running = true
	c.wg.Go(func() {
		timer := time.NewTimer(0)
		defer timer.Stop()
		for {
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			c.mu.Lock()
			next := c.next
			c.next = nil
			c.running = next != nil && ctx.Err() == nil
			running := c.running
			c.mu.Unlock()
			if !running {
				return
			}
			commit(ctx, next)
			timer.Reset(commitEvery)
		}
	})
}

func (c *committer) wait() { c.wg.Wait() }
