package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/internal/embedded"
	"enishi/internal/stream"
)

// indexEntry is the bytes that the embedded broker's index has for each batch; it syncs once for a batch.
const indexEntry = 15

// engineMemory is the program's default for the engine.
const engineMemory = 4 << 30

// world is the embedded broker and engine of a run; A and B have workspaces of their own on them.
type world struct {
	dir    string
	log    *slog.Logger
	broker *embedded.Broker
	engine *embedded.Engine
	db     *clickhouse.DB // for what the engine says about itself
}

// openWorld starts both servers.
func openWorld(ctx context.Context, dir string) (w *world, err error) {
	w = &world{dir: dir, log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	if w.broker, err = embedded.OpenBroker(embedded.BrokerConfig{Dir: filepath.Join(dir, "broker"), Log: w.log}); err != nil {
		return nil, err
	}
	if w.engine, err = embedded.OpenEngine(embedded.EngineConfig{Dir: filepath.Join(dir, "engine"), MaxMemory: engineMemory, Log: w.log}); err != nil {
		return nil, err
	}
	w.db, err = clickhouse.Open(ctx, clickhouse.Config{Transport: w.engine, Database: "bench", Log: w.log})
	return w, err
}

// Close stops the servers.
func (w *world) Close() error {
	var errs []error
	if w.db != nil {
		errs = append(errs, w.db.Close())
	}
	if w.broker != nil {
		errs = append(errs, w.broker.Close())
	}
	if w.engine != nil {
		errs = append(errs, w.engine.Close())
	}
	return errors.Join(errs...)
}

// topics are those of a workspace.
func topics() []stream.TopicSpec {
	specs := []stream.TopicSpec{{Name: enishi.TopicCatalogue, Partitions: 1}, {Name: enishi.TopicIdentities, Partitions: 1}, {Name: enishi.TopicDefinitions, Partitions: 1},
		{Name: enishi.TopicDead, Partitions: 1}, {Name: enishi.TopicEvents}, {Name: enishi.TopicMessages}}
	for _, name := range enishi.SourceTopics() {
		specs = append(specs, stream.TopicSpec{Name: name})
	}
	return specs
}

// open makes a workspace: a client of the log and one of the tables.
func (w *world) open(ctx context.Context, name string) (*stream.Client, *clickhouse.DB, error) {
	client, err := stream.Open(ctx, stream.Config{Brokers: []string{w.broker.Addr()}, Prefix: name + ".", Topics: topics(), Log: w.log})
	if err != nil {
		return nil, nil, err
	}
	db, err := clickhouse.Open(ctx, clickhouse.Config{Transport: w.engine, Database: "bench_" + name, Log: w.log})
	if err != nil {
		client.Close()
		return nil, nil, err
	}
	return client, db, nil
}

// logSize is how many batches (each synced once) and bytes the log of a workspace has.
func (w *world) logSize(name string) (batches, bytes int64, err error) {
	err = filepath.WalkDir(filepath.Join(w.dir, "broker"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(filepath.Base(filepath.Dir(path)), name+".") {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch filepath.Ext(path) {
		case ".idx":
			batches += info.Size() / indexEntry
		case ".dat":
			bytes += info.Size()
		}
		return nil
	})
	return batches, bytes, err
}

// engineSyncs is how often the engine synced a file or a folder.
func (w *world) engineSyncs(ctx context.Context) (int64, error) {
	var n uint64
	err := w.db.QueryRow(ctx, "SELECT sum(value) FROM system.events WHERE event IN ('FileSync', 'DirectorySync')").Scan(&n)
	return int64(n), err
}

// engineWork is how many statements, inserts and merges the engine has done.
func (w *world) engineWork(ctx context.Context) (statements, inserts, merges int64, err error) {
	var a, b, c uint64
	err = w.db.QueryRow(ctx, "SELECT sumIf(value, event = 'Query'), sumIf(value, event = 'InsertQuery'), sumIf(value, event = 'Merge') FROM system.events").Scan(&a, &b, &c)
	return int64(a), int64(b), int64(c), err
}

// settle waits for the merges that a slice's rows set off: they are its cost.
func (w *world) settle(ctx context.Context) error {
	const longest = 20 * time.Second
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for quiet, begun := 0, time.Now(); quiet < 3 && time.Since(begun) < longest; {
		var n uint64
		if err := w.db.QueryRow(ctx, "SELECT count() FROM system.merges").Scan(&n); err != nil {
			return fmt.Errorf("ask for merges: %w", err)
		}
		if quiet++; n > 0 {
			quiet = 0
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}

// counted runs the work of a slice on a workspace and notes what it wrote.
func (w *world) counted(ctx context.Context, name string, work func() (slice, error)) (slice, error) {
	batches, bytes, err := w.logSize(name)
	if err != nil {
		return slice{}, err
	}
	syncs, err := w.engineSyncs(ctx)
	if err != nil {
		return slice{}, err
	}
	s, err := work()
	if err != nil {
		return s, err
	}
	if err := w.settle(ctx); err != nil {
		return s, err
	}
	batches2, bytes2, err := w.logSize(name)
	if err != nil {
		return s, err
	}
	syncs2, err := w.engineSyncs(ctx)
	s.syncs, s.logged = batches2-batches+syncs2-syncs, bytes2-bytes
	return s, err
}

// countedLog runs the work of a slice that touches the log only.
func (w *world) countedLog(name string, work func() (slice, error)) (slice, error) {
	batches, bytes, err := w.logSize(name)
	if err != nil {
		return slice{}, err
	}
	s, err := work()
	if err != nil {
		return s, err
	}
	batches2, bytes2, err := w.logSize(name)
	s.syncs, s.logged = batches2-batches, bytes2-bytes
	return s, err
}

// eventually polls until ok, or says what did not come.
func eventually(ctx context.Context, what string, longest time.Duration, ok func() (bool, error)) error {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.Now().Add(longest)
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %s", what, longest)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
