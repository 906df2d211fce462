package clickhouse

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi/internal/embedded"
)

var update = flag.Bool("update", false, "rewrite schema.sql")

// engine is the one engine of this test binary; tests have a database each.
var engine *embedded.Engine

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "engine")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if engine, err = embedded.OpenEngine(embedded.EngineConfig{Dir: dir}); err != nil {
		log.Print(err)
		return 1
	}
	defer engine.Close()
	return m.Run()
}

// openDB opens the test's database on the engine.
func openDB(t testing.TB, cfg Config) *DB {
	t.Helper()
	db, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func scan[T any](t testing.TB, db *DB, query string, args ...any) (v T) {
	t.Helper()
	if err := db.QueryRow(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// schema is the DDL of all tables, without the name of the database.
func schema(t *testing.T, db *DB) string {
	t.Helper()
	rows, err := db.Query(t.Context(), `SELECT formatQuery(create_table_query) FROM system.tables WHERE database = currentDatabase() ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var b strings.Builder
	b.WriteString("-- The schema after all migrations. Rewritten by: go test ./internal/clickhouse -run Schema -update\n")
	for rows.Next() {
		var ddl string
		if err := rows.Scan(&ddl); err != nil {
			t.Fatal(err)
		}
		b.WriteString("\n" + strings.NewReplacer("`"+db.Database()+"`.", "", db.Database()+".", "").Replace(ddl) + ";\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSchema(t *testing.T) {
	start := time.Now()
	db := openDB(t, Config{Transport: engine, Database: "schema_golden"})
	t.Logf("migrated in %v", time.Since(start))
	got := schema(t, db)
	if *update {
		if err := os.WriteFile("schema.sql", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("schema.sql is not what the migrations make (run with -update after a new migration):\n%s", diff)
	}

	// Each statement can be repeated: an interrupted migration runs again from its beginning.
	if err := db.Exec(t.Context(), "TRUNCATE TABLE goose_db_version"); err != nil {
		t.Fatal(err)
	}
	again := openDB(t, Config{Transport: engine, Database: "schema_golden"})
	if diff := cmp.Diff(got, schema(t, again)); diff != "" {
		t.Errorf("applied twice, the migrations make another schema:\n%s", diff)
	}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	if n := scan[uint64](t, again, "SELECT uniqExact(version_id) FROM goose_db_version WHERE version_id > 0"); n != uint64(len(files)) {
		t.Errorf("%d versions recorded for %d migrations", n, len(files))
	}
}

func TestMigrations(t *testing.T) {
	file := func(statements ...string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("-- +goose Up\n" + strings.Join(statements, ";\n") + ";\n")}
	}
	const first, second = "CREATE TABLE IF NOT EXISTS first (n UInt64) ENGINE = MergeTree ORDER BY n", "ALTER TABLE first ADD COLUMN IF NOT EXISTS s String"
	migrate := func(files fstest.MapFS) (*DB, error) {
		db, err := open(t.Context(), Config{Transport: engine, Database: "migrations_縁"}, files)
		if err == nil {
			t.Cleanup(func() { _ = db.Close() })
		}
		return db, err
	}
	columns := func(db *DB) string {
		t.Helper()
		return scan[string](t, db, "SELECT arrayStringConcat(groupArray(name), ',') FROM (SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'first' ORDER BY position)")
	}
	db, err := migrate(fstest.MapFS{"migrations/0001_a.sql": file(first)})
	if err != nil {
		t.Fatal(err)
	}
	if got := columns(db); got != "n" {
		t.Errorf("columns %s", got)
	}

	// The second statement of the next one fails: nothing is recorded, the next start goes on.
	broken := fstest.MapFS{"migrations/0001_a.sql": file(first), "migrations/0002_b.sql": file(second, "ALTER TABLE nowhere ADD COLUMN x UInt8")}
	if _, err := migrate(broken); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a broken migration: %v", err)
	}
	repaired := fstest.MapFS{"migrations/0001_a.sql": file(first), "migrations/0002_b.sql": file(second, "ALTER TABLE first ADD COLUMN IF NOT EXISTS x UInt8")}
	if db, err = migrate(repaired); err != nil {
		t.Fatal(err)
	}
	if got := columns(db); got != "n,s,x" {
		t.Errorf("columns %s", got)
	}

	// The release before opens what this one has migrated.
	if db, err = migrate(fstest.MapFS{"migrations/0001_a.sql": file(first)}); err != nil {
		t.Fatalf("an older version on a newer schema: %v", err)
	}
	if got := columns(db); got != "n,s,x" {
		t.Errorf("an older version changed the schema: columns %s", got)
	}
}

func TestOpenRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	f := func(cfg Config, temporary bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		db, err := Open(ctx, cfg)
		if err == nil {
			t.Errorf("%+v opened", cfg)
			_ = db.Close()
			return
		}
		if Temporary(err) != temporary {
			t.Errorf("%+v: %v: temporary is %v", cfg, err, !temporary)
		}
	}
	f(Config{URL: "http://" + address, Database: "x"}, true)
	f(Config{Transport: engine}, false)
	f(Config{URL: "::", Database: "x"}, false)
	f(Config{Transport: engine, Database: "x", Settings: map[string]any{"no_such_setting": 1}}, false)
}

// TestMigrationFiles: names are NNNN_name.sql, numbers without gaps, and no way down.
func TestMigrationFiles(t *testing.T) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range files {
		if want := fmt.Sprintf("%04d_", i+1); !strings.HasPrefix(filepath.Base(name), want) {
			t.Errorf("%s: want a name that starts with %s", name, want)
		}
		text, err := fs.ReadFile(migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "+goose Down") {
			t.Errorf("%s has a way down; migrations go forward only", name)
		}
	}
}
