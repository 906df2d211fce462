package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

// Config says which brokers to talk to and which topics the program lives on.
type Config struct {
	Brokers     []string    // host:port; at least one
	Prefix      string      // of every topic and group name: one per workspace; may be empty
	Topics      []TopicSpec // all topics that the client will be asked for; missing ones are created by Open
	Partitions  int         // N: of a topic whose spec does not say; default 8
	Replication int         // copies of a created topic; default: the broker's own setting

	SessionTimeout time.Duration // after which a silent member of a group loses its partitions; default 6 s

	TLS  *tls.Config    // nil: plain connections
	SASL sasl.Mechanism // nil: no authentication

	// Unreadable is told of a batch that no retry makes readable (see the package's Guarantees); raw is the whole batch.
	// It is passed over afterwards. Default: an error in the log.
	Unreadable func(p Partition, offset int64, raw []byte, err error)

	Log *slog.Logger     // default: discard
	Now func() time.Time // default: time.Now; the time of records that carry none
}

// TopicSpec describes a topic that Open creates when it is missing.
type TopicSpec struct {
	Name       string        // without the prefix
	Partitions int           // 0: Config.Partitions
	Retention  time.Duration // 0: for ever
}

// Client is safe for use by many goroutines.
type Client struct {
	cfg       Config
	kafka     *kafka.Client
	transport *kafka.Transport
	topics    map[string]*topic
	lanes     []lane // every partition of every topic
	leaders   atomic.Pointer[layout]
	buffers   sync.Pool     // *batchWriter
	turn      atomic.Uint64 // for records without a key
	requests  atomic.Int32  // correlation ids of fetches

	ctx    context.Context // ends at Close
	cancel context.CancelFunc
	mu     sync.Mutex
	conns  map[net.Conn]struct{} // open connections: Close closes them, also those that wait for a fetch
}

// topic is one of Config.Topics as the broker knows it.
type topic struct {
	name, wire string
	partitions int
	base       int // of its partitions in Client.lanes
	spec       TopicSpec
}

// lane is one partition with its topic.
type lane struct {
	*topic
	partition int
}

// layout is who led each lane when the brokers were last asked; -1 is nobody.
type layout struct {
	at      time.Time
	leaders []int32
}

const (
	dialTimeout   = 3 * time.Second
	metadataAge   = 3 * time.Second // how long the transport keeps what it knows of the cluster
	layoutAge     = 30 * time.Second
	minBackoff    = 10 * time.Millisecond
	maxBackoff    = time.Second
	defaultParts  = 8
	defaultLease  = 6 * time.Second
	openWarnEvery = 5 * time.Second
)

// Open connects, creates what is missing among Config.Topics and checks the rest. It waits for brokers that do not answer
// yet until ctx ends. A topic with another partition count is a *PartitionCountError.
func Open(ctx context.Context, cfg Config) (*Client, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("stream: no broker address")
	}
	if cfg.Partitions == 0 {
		cfg.Partitions = defaultParts
	}
	if cfg.Replication == 0 {
		cfg.Replication = -1
	}
	if cfg.SessionTimeout == 0 {
		cfg.SessionTimeout = defaultLease
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Client{cfg: cfg, topics: map[string]*topic{}, conns: map[net.Conn]struct{}{}}
	c.cfg.Log = cfg.Log.With("component", "stream")
	if cfg.Unreadable == nil {
		c.cfg.Unreadable = func(p Partition, offset int64, raw []byte, err error) {
			c.cfg.Log.Error("batch is unreadable and was passed over", "partition", p.String(), "offset", offset, "bytes", len(raw), "err", err)
		}
	}
	c.buffers.New = func() any { return new(batchWriter) }
	c.ctx, c.cancel = context.WithCancel(context.Background())
	var wire []string
	for _, spec := range cfg.Topics {
		if spec.Partitions == 0 {
			spec.Partitions = cfg.Partitions
		}
		t := &topic{name: spec.Name, wire: cfg.Prefix + spec.Name, partitions: spec.Partitions, base: len(c.lanes), spec: spec}
		if c.topics[t.name] != nil {
			return nil, fmt.Errorf("stream: topic %s is named twice", t.name)
		}
		c.topics[t.name] = t
		wire = append(wire, t.wire)
		for p := range t.partitions {
			c.lanes = append(c.lanes, lane{t, p})
		}
	}
	c.transport = &kafka.Transport{
		Dial:           c.dial,
		DialTimeout:    dialTimeout,
		MetadataTTL:    metadataAge,
		MetadataTopics: wire,
		ClientID:       "enishi",
		TLS:            cfg.TLS,
		SASL:           cfg.SASL,
		Context:        c.ctx,
	}
	c.kafka = &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: c.transport}
	if err := c.prepare(ctx); err != nil {
		c.Close()
		return nil, fmt.Errorf("open topics: %w", err)
	}
	return c, nil
}

// prepare makes the topics be there, as long as it takes.
func (c *Client) prepare(ctx context.Context) error {
	var wait backoff
	var warned time.Time
	for {
		err := c.prepareOnce(ctx)
		var count *PartitionCountError
		if err == nil || errors.As(err, &count) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w (last: %w)", ctx.Err(), err)
		}
		if time.Since(warned) > openWarnEvery {
			warned = time.Now()
			c.cfg.Log.Warn("waiting for the brokers", "brokers", c.cfg.Brokers, "err", err)
		}
		if wait.sleep(ctx) != nil {
			return fmt.Errorf("%w (last: %w)", ctx.Err(), err)
		}
	}
}

func (c *Client) prepareOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	have, err := c.partitionCounts(ctx)
	if err != nil {
		return err
	}
	var missing []kafka.TopicConfig
	for _, t := range c.topics {
		if have[t.wire] > 0 {
			continue
		}
		retention := int64(-1)
		if t.spec.Retention > 0 {
			retention = t.spec.Retention.Milliseconds()
		}
		missing = append(missing, kafka.TopicConfig{
			Topic: t.wire, NumPartitions: t.partitions, ReplicationFactor: c.cfg.Replication,
			ConfigEntries: []kafka.ConfigEntry{{ConfigName: "retention.ms", ConfigValue: strconv.FormatInt(retention, 10)}},
		})
	}
	if len(missing) > 0 {
		res, err := c.kafka.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: missing})
		if err != nil {
			return err
		}
		for name, err := range res.Errors {
			if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
				return fmt.Errorf("create %s: %w", name, err)
			}
		}
		if have, err = c.partitionCounts(ctx); err != nil {
			return err
		}
	}
	for _, t := range c.topics {
		switch n := have[t.wire]; n {
		case t.partitions:
		case 0:
			return fmt.Errorf("topic %s is not there yet", t.wire)
		default:
			return &PartitionCountError{Topic: t.wire, Have: n, Want: t.partitions}
		}
	}
	_, err = c.refreshLayout(ctx)
	return err
}

func (c *Client) metadata(ctx context.Context) (*kafka.MetadataResponse, error) {
	wire := make([]string, 0, len(c.topics))
	for _, t := range c.topics {
		wire = append(wire, t.wire)
	}
	return c.kafka.Metadata(ctx, &kafka.MetadataRequest{Topics: wire})
}

func (c *Client) partitionCounts(ctx context.Context) (map[string]int, error) {
	meta, err := c.metadata(ctx)
	if err != nil {
		return nil, err
	}
	have := map[string]int{}
	for _, t := range meta.Topics {
		switch {
		case t.Error == nil:
			have[t.Name] = len(t.Partitions)
		case !errors.Is(t.Error, kafka.UnknownTopicOrPartition):
			return nil, fmt.Errorf("topic %s: %w", t.Name, t.Error)
		}
	}
	return have, nil
}

// layout gives the leaders of all lanes, as known.
func (c *Client) layout(ctx context.Context) (*layout, error) {
	if l := c.leaders.Load(); l != nil && time.Since(l.at) < layoutAge {
		return l, nil
	}
	return c.refreshLayout(ctx)
}

// forgetLayout makes the next call of layout ask again.
func (c *Client) forgetLayout() { c.leaders.Store(nil) }

func (c *Client) refreshLayout(ctx context.Context) (*layout, error) {
	meta, err := c.metadata(ctx)
	if err != nil {
		return nil, fmt.Errorf("read metadata: %w", err)
	}
	l := &layout{at: time.Now(), leaders: make([]int32, len(c.lanes))}
	for i := range l.leaders {
		l.leaders[i] = -1
	}
	byWire := map[string]*topic{}
	for _, t := range c.topics {
		byWire[t.wire] = t
	}
	for _, mt := range meta.Topics {
		t := byWire[mt.Name]
		for _, p := range mt.Partitions {
			// An unknown leader comes as a zero Broker, without a host.
			if t != nil && p.ID < t.partitions && p.Error == nil && p.Leader.Host != "" {
				l.leaders[t.base+p.ID] = int32(p.Leader.ID)
			}
		}
	}
	c.leaders.Store(l)
	return l, nil
}

func (c *Client) topic(name string) (*topic, error) {
	if t := c.topics[name]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("topic %q is not among the topics the client was opened with", name)
}

// Partitions returns how many partitions a topic has; 0 for a topic that the client was not opened with.
func (c *Client) Partitions(name string) int {
	if t := c.topics[name]; t != nil {
		return t.partitions
	}
	return 0
}

// Ends returns the end of each partition of a topic: the offset that the next record will get. An open transaction ends
// the log where it began. It retries until ctx ends.
func (c *Client) Ends(ctx context.Context, name string) ([]int64, error) {
	return c.offsets(ctx, name, kafka.LastOffset)
}

// Firsts returns the first offset that each partition of a topic still has.
func (c *Client) Firsts(ctx context.Context, name string) ([]int64, error) {
	return c.offsets(ctx, name, kafka.FirstOffset)
}

func (c *Client) offsets(ctx context.Context, name string, which int64) ([]int64, error) {
	t, err := c.topic(name)
	if err != nil {
		return nil, err
	}
	ctx, release := c.bind(ctx)
	defer release()
	var wait backoff
	for {
		offsets, err := c.offsetsOnce(ctx, t, which)
		if err == nil {
			return offsets, nil
		}
		if stop := wait.sleep(ctx); stop != nil {
			return nil, fmt.Errorf("read offsets of %s: %w (last: %w)", name, stop, err)
		}
	}
}

func (c *Client) offsetsOnce(ctx context.Context, t *topic, which int64) ([]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	asked := make([]kafka.OffsetRequest, t.partitions)
	for p := range asked {
		asked[p] = kafka.OffsetRequest{Partition: p, Timestamp: which}
	}
	res, err := c.kafka.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{t.wire: asked}, IsolationLevel: kafka.ReadCommitted,
	})
	if err != nil {
		return nil, err
	}
	out := make([]int64, t.partitions)
	got := 0
	for _, p := range res.Topics[t.wire] {
		if p.Error != nil {
			return nil, fmt.Errorf("partition %d: %w", p.Partition, p.Error)
		}
		if out[p.Partition] = p.LastOffset; which == kafka.FirstOffset {
			out[p.Partition] = p.FirstOffset
		}
		got++
	}
	if got != t.partitions {
		return nil, fmt.Errorf("%d of %d partitions answered", got, t.partitions)
	}
	return out, nil
}

// Close closes all connections. Calls under way return ErrClosed.
func (c *Client) Close() {
	c.cancel()
	c.transport.CloseIdleConnections()
	c.mu.Lock()
	open := slices.Collect(maps.Keys(c.conns))
	c.mu.Unlock()
	for _, conn := range open {
		conn.Close()
	}
}

// dial opens a connection that Close will close.
func (c *Client) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		conn.Close()
		return nil, ErrClosed
	}
	t := &trackedConn{conn, c}
	c.conns[t] = struct{}{}
	return t, nil
}

// trackedConn is a connection that its client knows of until it is closed.
type trackedConn struct {
	net.Conn
	client *Client
}

// Close closes the connection.
func (t *trackedConn) Close() error {
	t.client.mu.Lock()
	delete(t.client.conns, t)
	t.client.mu.Unlock()
	return t.Conn.Close()
}

// bind gives a context that ends with the call's or with the client; the func releases it.
func (c *Client) bind(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.ctx, func() { cancel(ErrClosed) })
	return ctx, func() { stop(); cancel(nil) }
}

// backoff is a delay that doubles up to a second, with jitter; reset it after a success.
type backoff struct{ next time.Duration }

func (b *backoff) reset() { b.next = 0 }

// sleep waits and returns nil, or returns early why ctx ended.
func (b *backoff) sleep(ctx context.Context) error {
	b.next = min(max(2*b.next, minBackoff), maxBackoff)
	timer := time.NewTimer(b.next/2 + rand.N(b.next))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
