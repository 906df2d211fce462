package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// BrokerConfig says where the embedded broker keeps its log.
type BrokerConfig struct {
	Dir    string // made when missing, with everything in it for its owner only
	Listen string // host:port, loopback only; default "127.0.0.1:0"

	// Trim says what may go from a partition (topic as on the broker, with the workspace's prefix). It is asked once a
	// minute. nil: everything is kept.
	Trim func(topic string, partition int) TrimRule

	// Alert is told what a person should know, at the latest before OpenBroker returns. Kinds: log_damaged (bytes of the
	// log were lost; the damaged files were copied aside), log_padded (the log ended before what had been acknowledged;
	// filler records stand for it), topic_lost (a topic had to be made anew), commits_damaged (offsets of groups were
	// lost), disk (the broker's marks cannot be written). nil: the log has them all the same.
	Alert func(kind, text string)

	Log *slog.Logger     // default: discard
	Now func() time.Time // default: time.Now
}

// TrimRule says what may be trimmed of a partition. The zero rule keeps everything; the last batch is always kept. With
// both fields set, the lower offset counts.
type TrimRule struct {
	// MaxAge lets records go when every group of the topic has committed past them and they are old enough: none stays
	// longer than MaxAge on disk (but for what groups hold back), none goes before 23/24 of it.
	MaxAge time.Duration
	// Upto lets the records before this offset go: what a stored snapshot covers.
	Upto int64
}

// Broker is a Kafka broker in this process: kfake with a directory and an fsync per batch, and rules around it for what
// kfake does not do (it was written for tests):
//
//   - one process per directory (kfake would let two write it), loopback only, files for the owner only;
//   - before opening, every segment is checked: kfake cuts a segment at the first bad byte, here only the batch that
//     holds it is lost, and the damaged file is copied aside;
//   - offsets never go back: the end of each partition is noted every second, and a log that ends before its note or
//     before a group's commit is padded with filler records;
//   - after a crash kfake would read the whole log into memory: it is given the partition snapshots that it writes itself
//     only on a clean stop;
//   - kfake's retention, which may empty a partition and so restart its offsets at 0, is off: a client's retention
//     settings are dropped, and what may go is trimmed here, never the last batch.
//
// kfake's own faults that remain: it ignores an error of fsync, and one goroutine does all its work.
type Broker struct {
	cfg     BrokerConfig
	lock    *os.File
	cluster *kfake.Cluster
	addr    string
	opened  time.Time

	client    *kafka.Client // of itself: groups, ticks, segment rolls
	transport *kafka.Transport

	mu     sync.Mutex // marks, and one trim pass at a time
	marks  brokerMarks
	closed bool
}

const (
	brokerMarkEvery  = time.Second
	brokerTrimEvery  = time.Minute
	brokerSegment    = 16 << 20
	brokerMinSession = time.Second // least session timeout that a group member may ask for
)

// OpenBroker opens the directory, mends what a crash or a bad disk left, and serves. It sets the process's umask to 077,
// because kfake would make its files readable by everyone.
func OpenBroker(cfg BrokerConfig) (*Broker, error) {
	if cfg.Dir == "" {
		return nil, errors.New("open broker: no directory")
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Log = cfg.Log.With("component", "broker")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	b := &Broker{cfg: cfg, opened: cfg.Now()}
	if err := b.open(); err != nil {
		b.release()
		return nil, fmt.Errorf("open broker in %s: %w", cfg.Dir, err)
	}
	return b, nil
}

func (b *Broker) open() error {
	syscall.Umask(0o077)
	if err := os.MkdirAll(b.cfg.Dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(b.cfg.Dir, 0o700); err != nil {
		return err
	}
	lock, err := lockFile(filepath.Join(b.cfg.Dir, "lock"))
	if err != nil {
		return err
	}
	b.lock = lock
	want, err := b.mend()
	if err != nil {
		return err
	}
	if err := b.serve(); err != nil {
		return err
	}
	for topic, ends := range want {
		for p, end := range ends {
			info := b.cluster.PartitionInfo(topic, int32(p))
			if info == nil || info.HighWatermark < end {
				return fmt.Errorf("%s/%d should end at %d and does not: %+v", topic, p, end, info)
			}
		}
	}
	return b.writeMarks()
}

// lockFile takes the directory for this process; the lock goes with the process however it ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.New("another process has it open")
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// serve starts kfake on the mended directory.
func (b *Broker) serve() error {
	ln, err := loopback(b.cfg.Listen)
	if err != nil {
		return err
	}
	b.addr = ln.Addr().String()
	b.cluster, err = kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.ClusterID("enishi"),
		kfake.DataDir(b.cfg.Dir),
		kfake.SyncWrites(),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return ln, nil }),
		kfake.WithLogger(kfakeLog{b.cfg.Log}),
		kfake.GroupMinSessionTimeout(brokerMinSession),
		kfake.BrokerConfigs(map[string]string{
			"log.segment.bytes":         fmt.Sprint(brokerSegment),
			"log.cleaner.backoff.ms":    fmt.Sprint((100 * 365 * 24 * time.Hour).Milliseconds()), // never
			"offsets.retention.minutes": fmt.Sprint(int((100 * 365 * 24 * time.Hour).Minutes())), // commits are kept
		}),
	)
	if err != nil {
		ln.Close()
		return err
	}
	b.cluster.ControlKey(int16(kmsg.CreateTopics), b.withoutRetention)
	b.cluster.ControlKey(int16(kmsg.AlterConfigs), b.withoutRetention)
	b.cluster.ControlKey(int16(kmsg.IncrementalAlterConfigs), b.withoutRetention)
	b.transport = &kafka.Transport{ClientID: "enishi-broker", DialTimeout: 3 * time.Second}
	b.client = &kafka.Client{Addr: kafka.TCP(b.addr), Transport: b.transport}
	return nil
}

// loopback listens on an address that only this machine can reach.
func loopback(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listen on %q: the embedded broker serves loopback addresses only", addr)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	if a, ok := ln.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		ln.Close()
		return nil, fmt.Errorf("listen on %q: it is not a loopback address", addr)
	}
	return ln, nil
}

// withoutRetention drops from a request the settings that would make kfake delete records by itself, and every setting
// of the broker.
func (b *Broker) withoutRetention(req kmsg.Request) (kmsg.Response, error, bool) {
	switch r := req.(type) {
	case *kmsg.CreateTopicsRequest:
		for i := range r.Topics {
			r.Topics[i].Configs = without(r.Topics[i].Configs, func(c kmsg.CreateTopicsRequestTopicConfig) bool { return deletes(c.Name) })
		}
	case *kmsg.AlterConfigsRequest:
		for i := range r.Resources {
			all := r.Resources[i].ResourceType != kmsg.ConfigResourceTypeTopic
			r.Resources[i].Configs = without(r.Resources[i].Configs, func(c kmsg.AlterConfigsRequestResourceConfig) bool { return all || deletes(c.Name) })
		}
	case *kmsg.IncrementalAlterConfigsRequest:
		for i := range r.Resources {
			all := r.Resources[i].ResourceType != kmsg.ConfigResourceTypeTopic
			r.Resources[i].Configs = without(r.Resources[i].Configs, func(c kmsg.IncrementalAlterConfigsRequestResourceConfig) bool { return all || deletes(c.Name) })
		}
	}
	return nil, nil, false
}

func without[T any](configs []T, drop func(T) bool) []T {
	var kept []T
	for _, c := range configs {
		if !drop(c) {
			kept = append(kept, c)
		}
	}
	return kept
}

// deletes names the topic settings by which kfake deletes records.
func deletes(name string) bool {
	return name == "retention.ms" || name == "retention.bytes" || name == "cleanup.policy"
}

// Addr is host:port of the broker.
func (b *Broker) Addr() string { return b.addr }

// Run notes the ends of the log every second and trims every minute, until ctx ends.
func (b *Broker) Run(ctx context.Context) error {
	mark := time.NewTicker(brokerMarkEvery)
	defer mark.Stop()
	trim := time.NewTicker(brokerTrimEvery)
	defer trim.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-mark.C:
			err := b.Mark()
			if err != nil && !failing {
				b.alert("disk", fmt.Sprintf("the broker's marks cannot be written: %v", err))
			}
			failing = err != nil
		case <-trim.C:
			if err := b.TrimAll(ctx); err != nil && ctx.Err() == nil {
				b.cfg.Log.Warn("trimming failed and will be tried again", "err", err)
			}
		}
	}
}

// Close writes everything down and stops. What clients have under way fails and may be retried against the next Broker.
func (b *Broker) Close() error {
	err := b.Mark()
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	b.mu.Unlock()
	b.release()
	if err != nil {
		return fmt.Errorf("close broker: %w", err)
	}
	return nil
}

func (b *Broker) release() {
	if b.transport != nil {
		b.transport.CloseIdleConnections()
	}
	if b.cluster != nil {
		b.cluster.Close()
	}
	if b.lock != nil {
		b.lock.Close()
	}
}

func (b *Broker) alert(kind, text string) {
	b.cfg.Log.Error("alert", "kind", kind, "text", text)
	if b.cfg.Alert != nil {
		b.cfg.Alert(kind, text)
	}
}

// kfakeLog passes kfake's warnings on.
type kfakeLog struct{ log *slog.Logger }

// Logf is called for everything; most of it is for kfake's developers.
func (l kfakeLog) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		l.log.Error("kfake", "what", fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		l.log.Warn("kfake", "what", fmt.Sprintf(format, args...))
	}
}
