package exports

import (
	"flag"
	"log"
	"os"
	"testing"

	"enishi/internal/clickhouse"
	"enishi/internal/embedded"
)

var (
	update = flag.Bool("update", false, "rewrite the tables of docs/exports.md")
	engine *embedded.Engine // of this test binary; tests have a database each
	engDir string
)

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
	engDir = dir
	return m.Run()
}

func openDB(t *testing.T, name string) *clickhouse.DB {
	t.Helper()
	db, err := clickhouse.Open(t.Context(), clickhouse.Config{Transport: engine, Database: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func scan[T any](t *testing.T, db *clickhouse.DB, query string, args ...any) (v T) {
	t.Helper()
	if err := db.QueryRow(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func exec(t *testing.T, db *clickhouse.DB, query string) {
	t.Helper()
	if err := db.Exec(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}
