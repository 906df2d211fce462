package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/internal/embedded"
	"enishi/internal/stream"
)

// servers are the two servers the process talks to: embedded in it, or elsewhere.
type servers struct {
	cfg    *Config
	log    *slog.Logger
	lock   *os.File
	broker *embedded.Broker // nil: elsewhere
	engine *embedded.Engine // nil: elsewhere
	listen net.Listener     // of the engine, for a second replica

	alert     func(kind, text string)
	brokers   []string
	transport http.RoundTripper
	headers   map[string]string // of requests to a ClickHouse elsewhere
}

// openServers locks the data folder and starts what is embedded. alert is told of what a person should know.
func openServers(cfg *Config, keys *Keys, log *slog.Logger, alert func(kind, text string)) (*servers, error) {
	s := &servers{cfg: cfg, log: log, alert: alert, brokers: cfg.Kafka, headers: tokenFor(cfg.ClickHouse, keys.Engine)}
	if len(cfg.Kafka) > 0 && cfg.ClickHouse != "" {
		return s, nil
	}
	dir, err := filepath.Abs(cfg.Data)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if s.lock, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	if err := unix.Flock(int(s.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, fmt.Errorf("the data folder %s is in use by another process", dir)
	}
	if len(cfg.Kafka) == 0 {
		listen := cfg.KafkaListen
		if listen == "" {
			listen = "127.0.0.1:0"
		}
		s.broker, err = embedded.OpenBroker(embedded.BrokerConfig{Dir: filepath.Join(dir, "broker"), Listen: listen, Trim: trimRule, Alert: alert, Log: log})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start embedded broker: %w", err), s.Close())
		}
		s.brokers = []string{s.broker.Addr()}
	}
	if cfg.ClickHouse == "" {
		s.engine, err = embedded.OpenEngine(embedded.EngineConfig{Dir: filepath.Join(dir, "engine"), Library: cfg.Library, MaxMemory: int64(cfg.EngineMB) << 20, Log: log})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start embedded engine: %w", err), s.Close())
		}
		s.transport = s.engine
		if cfg.ClickHouseListen != "" {
			if s.listen, err = net.Listen("tcp", cfg.ClickHouseListen); err != nil {
				return nil, errors.Join(fmt.Errorf("listen for the engine: %w", err), s.Close())
			}
		}
	}
	return s, nil
}

// local tells whether a server is embedded: then the data folder is written to.
func (s *servers) local() bool { return s.broker != nil || s.engine != nil }

// trimRule is what the embedded broker may let go, by design: sources after 72 h, what is folded after 7 days, the two
// ordered topics and the catalogue never.
func trimRule(topic string, _ int) embedded.TrimRule {
	name := topic[strings.LastIndexByte(topic, '.')+1:]
	switch name {
	case enishi.TopicOrders, enishi.TopicShipments, enishi.TopicWeb, enishi.TopicStore:
		return embedded.TrimRule{MaxAge: 72 * time.Hour}
	case enishi.TopicEvents, enishi.TopicMessages, enishi.TopicDead, enishi.TopicChanges:
		return embedded.TrimRule{MaxAge: 7 * 24 * time.Hour}
	}
	return embedded.TrimRule{}
}

// topics are the topics of a workspace.
func topics() []stream.TopicSpec {
	day := 24 * time.Hour
	specs := []stream.TopicSpec{{Name: enishi.TopicCatalogue, Partitions: 1}, {Name: enishi.TopicIdentities, Partitions: 1}, {Name: enishi.TopicDefinitions, Partitions: 1},
		{Name: enishi.TopicDead, Partitions: 1, Retention: 7 * day}, {Name: enishi.TopicEvents, Retention: 7 * day}, {Name: enishi.TopicMessages, Retention: 7 * day}, {Name: enishi.TopicChanges, Retention: 7 * day}}
	for _, name := range enishi.SourceTopics() {
		specs = append(specs, stream.TopicSpec{Name: name, Retention: 3 * day})
	}
	return specs
}

// open connects a workspace's clients; name "" is the first workspace.
func (s *servers) open(ctx context.Context, name string, unreadable func(stream.Partition, int64, []byte, error)) (*stream.Client, *clickhouse.DB, error) {
	prefix, database := "", "enishi"
	for _, part := range []string{s.cfg.Prefix, name} {
		if part != "" {
			prefix, database = prefix+part+".", database+"_"+part
		}
	}
	client, err := stream.Open(ctx, stream.Config{Brokers: s.brokers, Prefix: prefix, Topics: topics(), Partitions: s.cfg.Partitions, SessionTimeout: s.cfg.Session,
		Unreadable: unreadable, Log: s.log})
	if err != nil {
		return nil, nil, fmt.Errorf("open log: %w", err)
	}
	db, err := s.openTables(ctx, database)
	if err != nil {
		client.Close()
		return nil, nil, fmt.Errorf("open tables: %w", err)
	}
	return client, db, nil
}

// openTables waits for a ClickHouse that does not answer yet, as the log's client does for its brokers.
func (s *servers) openTables(ctx context.Context, database string) (*clickhouse.DB, error) {
	var warned time.Time
	for {
		db, err := clickhouse.Open(ctx, clickhouse.Config{Transport: s.transport, URL: s.cfg.ClickHouse, Headers: s.headers, Database: database, Log: s.log})
		if err == nil || ctx.Err() != nil || !clickhouse.Temporary(err) {
			return db, err
		}
		if time.Since(warned) > openWarnEvery {
			warned = time.Now()
			s.log.Warn("waiting for ClickHouse", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(openAgain):
		}
	}
}

const (
	openAgain     = 250 * time.Millisecond
	openWarnEvery = 5 * time.Second
)

// tokenFor shows the token of the keys file to an address on this machine that names no user: it may be the engine of the
// replica that the file came from, which refuses everybody else. Another server does not look at it.
func tokenFor(address, token string) map[string]string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.User != nil || token == "" || !loopback(u.Host) {
		return nil
	}
	return map[string]string{embedded.TokenHeader: token}
}

// detachedEvery is how often the embedded engine is asked for parts that it has set aside.
const detachedEvery = time.Minute

// watchParts raises an alert when the engine has set more parts aside than it was last told.
func (s *servers) watchParts(ctx context.Context) {
	ticker := time.NewTicker(detachedEvery)
	defer ticker.Stop()
	for told := 0; ; {
		n, err := s.engine.Detached(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			s.log.Warn("count detached parts", "err", err)
		case err == nil && n > told:
			s.log.Error("the engine has set parts aside", "parts", n)
			s.alert("parts_detached", fmt.Sprintf("the engine has set %d broken parts aside: what they hold is not seen any more", n))
		}
		if err == nil {
			told = n
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Run keeps the embedded broker's books and serves the engine's address until ctx ends.
func (s *servers) Run(ctx context.Context, keys *Keys) error {
	if s.listen != nil {
		server := &http.Server{Handler: s.engine.Handler(keys.Engine), ReadHeaderTimeout: 10 * time.Second}
		go func() {
			if err := server.Serve(s.listen); err != nil && !errors.Is(err, http.ErrServerClosed) {
				s.log.Error("engine address", "err", err)
			}
		}()
		defer server.Close()
	}
	if s.engine != nil {
		watching := make(chan struct{})
		go func() {
			defer close(watching)
			s.watchParts(ctx)
		}()
		defer func() { <-watching }()
	}
	if s.broker == nil {
		<-ctx.Done()
		return nil
	}
	return s.broker.Run(ctx)
}

// Close stops what is embedded, the engine last.
func (s *servers) Close() error {
	var errs []error
	if s.broker != nil {
		errs = append(errs, s.broker.Close())
	}
	if s.engine != nil {
		errs = append(errs, s.engine.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
