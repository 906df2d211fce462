package clickhouse

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config says where the database is.
type Config struct {
	// Transport answers HTTP requests in process (the embedded engine); nil: URL is a server.
	Transport http.RoundTripper
	// URL is a clickhouse-go DSN without a database: http://user:password@host:8123, https://..., or
	// clickhouse://user:password@host:9000 for the native protocol. Several hosts are separated by commas.
	URL string
	// Headers go with every request over HTTP.
	Headers map[string]string
	// Database is created when it is missing.
	Database string
	// Settings go with every statement, beyond what this package sets; on a cluster insert_quorum and
	// select_sequential_consistency.
	Settings map[string]any
	// MaxConns bounds the statements in flight from here; 0 means 32. The embedded engine runs fewer at once and lets
	// the rest wait.
	MaxConns int
	// Log gets migrations and repeated inserts; nil discards them.
	Log *slog.Logger
}

// DB is one workspace's database. Its methods may be called from any goroutine.
type DB struct {
	conn     driver.Conn
	database string
	log      *slog.Logger

	mu    sync.Mutex
	types map[string]map[string]string // table -> column -> type, as last described
}

// Open connects, creates the database if it is missing and applies the migrations. It does not wait for a server that
// is away: see [Temporary]. Several databases can be open on one engine.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	return open(ctx, cfg, migrations)
}

func open(ctx context.Context, cfg Config, sources fs.FS) (*DB, error) {
	if cfg.Database == "" {
		return nil, errors.New("open clickhouse: no database given")
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	log = log.With("component", "clickhouse", "database", cfg.Database)

	opt, err := options(cfg, "default")
	if err != nil {
		return nil, err
	}
	known, err := prepare(ctx, opt, cfg.Database)
	if err != nil {
		return nil, fmt.Errorf("open clickhouse: %w", err)
	}
	if opt, err = options(cfg, cfg.Database); err != nil {
		return nil, err
	}
	maps.Copy(opt.Settings, known)
	if err := migrate(ctx, opt, sources, log); err != nil {
		return nil, fmt.Errorf("open clickhouse: %w", err)
	}
	conn, err := clickhouse.Open(opt)
	if err != nil {
		return nil, fmt.Errorf("open clickhouse: %w", err)
	}
	return &DB{conn: conn, database: cfg.Database, log: log, types: map[string]map[string]string{}}, nil
}

// options makes the driver's options for a database.
func options(cfg Config, database string) (*clickhouse.Options, error) {
	opt := &clickhouse.Options{Protocol: clickhouse.HTTP, Addr: []string{"embedded:0"}}
	if cfg.Transport == nil {
		var err error
		if opt, err = clickhouse.ParseDSN(cfg.URL); err != nil {
			return nil, fmt.Errorf("open clickhouse: the URL: %w", err)
		}
	} else {
		opt.TransportFunc = func(*http.Transport) (http.RoundTripper, error) { return cfg.Transport, nil }
	}
	opt.Auth.Database = database
	opt.HttpHeaders = cfg.Headers
	opt.MaxOpenConns = cfg.MaxConns
	if opt.MaxOpenConns <= 0 {
		opt.MaxOpenConns = 32
	}
	opt.MaxIdleConns = opt.MaxOpenConns
	opt.ConnMaxLifetime = time.Hour
	if opt.Settings == nil {
		opt.Settings = clickhouse.Settings{}
	}
	opt.Settings["async_insert"] = 0
	opt.Settings["insert_deduplicate"] = 0
	opt.Settings["optimize_on_insert"] = 0 // collapsing a block of mostly different keys cost 3 CPU-us a row; FINAL and merges do it
	maps.Copy(opt.Settings, cfg.Settings)
	return opt, nil
}

// prepare creates the database and gives the settings that only some server versions know: deduplicate_insert is on by
// default since 26.2 and an unknown setting to those before.
func prepare(ctx context.Context, opt *clickhouse.Options, database string) (clickhouse.Settings, error) {
	conn, err := clickhouse.Open(opt)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quote(database)); err != nil {
		return nil, fmt.Errorf("create database %s: %w", database, err)
	}
	var known uint64
	err = conn.QueryRow(ctx, "SELECT count() FROM system.settings WHERE name = 'deduplicate_insert'").Scan(&known)
	if err != nil {
		return nil, fmt.Errorf("ask for the settings: %w", err)
	}
	if known == 0 {
		return nil, nil
	}
	return clickhouse.Settings{"deduplicate_insert": "disable"}, nil
}

// migrate applies what is not applied yet.
func migrate(ctx context.Context, opt *clickhouse.Options, sources fs.FS, log *slog.Logger) error {
	files, err := fs.Sub(sources, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	db := clickhouse.OpenDB(opt)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectClickHouse, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	applied, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for _, m := range applied {
		log.Info("migrated", "version", m.Source.Version, "file", m.Source.Path, "took", m.Duration)
	}
	return nil
}

// Conn is the driver's connection pool, for statements that bind their values.
func (db *DB) Conn() driver.Conn { return db.conn }

// Database is the name of the database, for statements that ask system tables about it.
func (db *DB) Database() string { return db.database }

// Exec runs a statement that returns no rows.
func (db *DB) Exec(ctx context.Context, query string, args ...any) error {
	return db.conn.Exec(ctx, query, args...)
}

// Query runs a statement that returns rows; close them.
func (db *DB) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	return db.conn.Query(ctx, query, args...)
}

// QueryRow runs a statement that returns one row; its errors come from Scan.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) driver.Row {
	return db.conn.QueryRow(ctx, query, args...)
}

// Close closes the client, not the engine behind it.
func (db *DB) Close() error { return db.conn.Close() }

func quote(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}
