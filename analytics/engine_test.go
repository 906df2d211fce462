package analytics

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/internal/embedded"
)

var update = flag.Bool("update", false, "rewrite testdata")

// engine is the one engine of this test binary, a database per test; nil with the reason when its library is not there.
var (
	engine   *embedded.Engine
	noEngine error
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "analytics")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if _, noEngine = embedded.FindLibrary(""); noEngine == nil {
		if engine, noEngine = embedded.OpenEngine(embedded.EngineConfig{Dir: dir}); noEngine == nil {
			defer engine.Close()
		}
	}
	return m.Run()
}

func openDB(t testing.TB, name string) *clickhouse.DB {
	t.Helper()
	var missing *enishi.Error
	if errors.As(noEngine, &missing) {
		t.Skip("no engine: ", noEngine)
	}
	if noEngine != nil {
		t.Fatal(noEngine)
	}
	db, err := clickhouse.Open(t.Context(), clickhouse.Config{Transport: engine, Database: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
