package channels

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// Config is what a Sender needs. The funcs are all its I/O.
type Config struct {
	Partitions int                                                             // of the topic events
	Consume    func(ctx context.Context, f Feed) error                         // Consume(client)
	Append     func(ctx context.Context, recs []stream.Record) error           // stream.Client.Append
	Ledger     Ledger                                                          // NewLedger
	Render     func(ctx context.Context, m *enishi.Message) (*Rendered, error) // Renderer.Render; an error fails the message
	Route      func(channel, account string) (Route, bool)                     // how an account sends; may change while running

	Now   func() time.Time // the sender's clock: waits, retries; time.Now
	Clock func() time.Time // the shop's clock: NotAfter, the time of results; Now
	// Virtual says that the shop's clock is virtual: it runs ahead of what is being sent, so sending takes no time.
	Virtual func() bool
	Alert   func(enishi.Alert)
	Sending Sending // what may leave at first, until Set
	InHand  *InHand // tells after a crash what was really at a provider; nil: then everything about to be is in doubt
	// Delivery is how fast and how much is sent at first, until SetDelivery.
	Delivery Delivery
	Zone     func() *time.Location // whose days and months budgets follow; UTC

	MaxWait  time.Duration // what has waited longer goes back to the fold; 60 s
	MaxQueue int           // messages of a destination in memory; more wait in the ledger; 20,000
	Timeout  time.Duration // of one provider call; 3 min (RFC 5321 wants 10 min after the final dot; relays answer at once)
	Drain    time.Duration // how long running calls may take to end when a partition is lost or the process stops; 20 s
	// BreakerFailures in a row stop a destination for BreakerOpen; then one message tries. 5 and 5 s.
	BreakerFailures int
	BreakerOpen     time.Duration
	Log             *slog.Logger
}

func (c *Config) complete() error {
	l := &c.Ledger
	if c.Partitions < 1 || c.Consume == nil || c.Append == nil || c.Render == nil || c.Route == nil ||
		l.Insert == nil || l.Unfinished == nil || l.Waiting == nil || l.Find == nil || l.Recent == nil || l.Used == nil || l.Parked == nil {
		return errors.New("channels: Partitions, Consume, Append, Ledger, Render and Route are required")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Clock == nil {
		c.Clock = c.Now
	}
	if c.Virtual == nil {
		c.Virtual = func() bool { return false }
	}
	if c.Zone == nil {
		c.Zone = func() *time.Location { return time.UTC }
	}
	if c.Alert == nil {
		c.Alert = func(enishi.Alert) {}
	}
	for _, d := range [...]struct {
		field *time.Duration
		value time.Duration
	}{{&c.MaxWait, time.Minute}, {&c.Timeout, 3 * time.Minute}, {&c.Drain, 20 * time.Second}, {&c.BreakerOpen, 5 * time.Second}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if c.MaxQueue == 0 {
		c.MaxQueue = 20_000
	}
	if c.BreakerFailures == 0 {
		c.BreakerFailures = 5
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// clock is the shop's clock as it is for a message.
func (c *Config) clock(m *enishi.Message) time.Time {
	if c.Virtual() {
		return m.DecidedAt
	}
	return c.Clock()
}

// expired tells whether a message comes too late.
func (c *Config) expired(m *enishi.Message) bool {
	return !m.NotAfter.IsZero() && c.clock(m).After(m.NotAfter)
}

// Sender hands decided messages to providers. Run does the work; the other methods may be called at any time.
type Sender struct {
	cfg      Config
	log      *slog.Logger
	flow     *flow
	sending  atomic.Pointer[Sending]
	delivery atomic.Pointer[Delivery]
	mu       sync.Mutex
	shards   map[int]*shard
}

// New checks cfg. It starts nothing.
func New(cfg Config) (*Sender, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	s := &Sender{cfg: cfg, log: cfg.Log.With("component", "channels"), shards: map[int]*shard{}}
	s.sending.Store(&cfg.Sending)
	s.delivery.Store(&cfg.Delivery)
	s.flow = newFlow(s)
	return s, nil
}

// Run consumes and sends until ctx ends; then calls under way may end and what they gave is stored and reported, for at
// most Config.Drain. It returns nil, or why storing became impossible.
func (s *Sender) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The writer outlives ctx: what calls under way give must still be stored.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { s.flow.write(work, cancel) })
	wg.Go(func() { s.flow.report(work) })
	err := s.cfg.Consume(ctx, Feed{Gained: s.gain, Batch: s.take, Lost: s.lose, Pace: s.pace})
	stop()
	wg.Wait()
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		err = cause
	}
	return err
}

// pace gathers more on a virtual clock, where many messages are decided in a second and nobody waits for one.
func (s *Sender) pace() time.Duration {
	if s.cfg.Virtual() {
		return virtualLinger / 2
	}
	return stream.DefaultLinger
}

func (s *Sender) owned() []*shard {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*shard, 0, len(s.shards))
	for _, sh := range s.shards {
		out = append(out, sh)
	}
	return out
}

// QueueStatus is how a destination stands on this replica.
type QueueStatus struct {
	Partition   int
	Destination string
	State       string // running, off, stopped, down, quota, budget, open (the breaker)
	Reason      string // of down and quota
	Waiting     int    // in memory, not at the provider
	InHand      int    // at the provider, or about to be
	Spilled     bool   // more may wait in the ledger
	Oldest      time.Time
	PerSecond   float64 // sent, as lately measured; 0: not known
	Limit       float64 // most a second; 0: none
	Connections int     // most at the same time
	Today       int     // sent by the workspace's day; 0 where nothing limits it
	PerDay      int     // most, of budget and warm-up the lesser; 0: no limit
	PerMonth    int
	WarmUpDay   int // from 1; 0: no warm-up, or it is over
}

// Status lists the destinations of the partitions that this replica owns.
func (s *Sender) Status() []QueueStatus {
	var out []QueueStatus
	for _, sh := range s.owned() {
		sh.mu.Lock()
		for _, q := range sh.queues {
			out = append(out, q.status())
		}
		sh.mu.Unlock()
	}
	return out
}
