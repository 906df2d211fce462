//go:build linux && amd64

package embedded

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// openEngine opens a directory for the test; one at a time can be open in a process.
func openEngine(t *testing.T, cfg EngineConfig) *Engine {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	e, err := OpenEngine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// client is clickhouse-go on the engine.
func client(t *testing.T, rt http.RoundTripper, database string) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Protocol: clickhouse.HTTP, Addr: []string{"embedded:0"}, MaxOpenConns: 64, MaxIdleConns: 64,
		Auth:          clickhouse.Auth{Database: database},
		TransportFunc: func(*http.Transport) (http.RoundTripper, error) { return rt, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func exec(t *testing.T, c driver.Conn, sql string, args ...any) {
	t.Helper()
	if err := c.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func scan[T any](t *testing.T, c driver.Conn, sql string, args ...any) (v T) {
	t.Helper()
	if err := c.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// code gives ClickHouse's number of an error, 0 for another one.
func code(err error) int32 {
	var refused *clickhouse.Exception
	if errors.As(err, &refused) {
		return refused.Code
	}
	return 0
}

// eventually polls until ok; it fails the test after a minute: a moment on a machine at rest.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// allBack waits until no statement holds a connection.
func allBack(t *testing.T, e *Engine) {
	t.Helper()
	eventually(t, "connections are given back", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.slots) == 0 && len(e.streams) == 0 && len(e.open) == 0 && len(e.idle) == cap(e.slots)
	})
}

func TestEngine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "縁 & <engine>") // a name that has to be escaped
	start := time.Now()
	e := openEngine(t, EngineConfig{Dir: dir})
	t.Logf("opened in %v", time.Since(start))
	for _, sub := range []struct {
		name string
		run  func(*testing.T, *Engine)
	}{
		{"settings are in force", testInForce},
		{"parameters", testParameters},
		{"types", testTypes},
		{"inserts", testInserts},
		{"errors", testErrors},
		{"databases and settings", testSessions},
		{"cancel", testCancel},
		{"concurrency", testConcurrency},
		{"big results", testBigResults},
		{"detached parts", testDetached},
		{"drop sync", testDropSync},
		{"backup", testBackup},
		{"memory goes back", testTrim},
		{"handler", testHandler},
		{"second opener", testSecondOpener},
	} {
		t.Run(sub.name, func(t *testing.T) {
			sub.run(t, e)
			allBack(t, e)
		})
	}
}

func testInForce(t *testing.T, e *Engine) {
	c := client(t, e, "")
	f := func(table, column string, want []setting) {
		t.Helper()
		for _, s := range want {
			got := scan[string](t, c, "SELECT "+column+" FROM system."+table+" WHERE name = {name:String}", clickhouse.Named("name", s.name))
			if got != s.value {
				t.Errorf("%s in %s is %q, want %q", s.name, table, got, s.value)
			}
		}
	}
	f("merge_tree_settings", "value", durability)
	f("merge_tree_settings", "value", merges)
	f("server_settings", "value", server)
	f("settings", "value", profile)
	f("server_settings", "value", []setting{{"max_server_memory_usage", fmt.Sprint(defaultMemory())}})
	if zone := scan[string](t, c, "SELECT timezone()"); zone != "UTC" {
		t.Errorf("the zone is %s", zone)
	}
	if got := scan[string](t, c, "SELECT version()"); got != serverVersion {
		t.Errorf("version() is %s, the handshake says %s", got, serverVersion)
	}
	for _, name := range []string{".", "metadata", backupDir, configFile, usersFile, "status"} {
		info, err := os.Stat(filepath.Join(e.args[1][len("--path="):], name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

func testParameters(t *testing.T, e *Engine) {
	c := client(t, e, "")
	f := func(s string) {
		t.Helper()
		if got := scan[string](t, c, "SELECT {s:String} AS s", clickhouse.Named("s", s)); got != s {
			t.Errorf("%q came back as %q", s, got)
		}
		if n := scan[uint64](t, c, "SELECT length({s:String})", clickhouse.Named("s", s)); n != uint64(len(s)) {
			t.Errorf("%q has length %d in the engine, %d here", s, n, len(s))
		}
	}
	f("")
	f("plain")
	f("it's \"quoted\" `so` \\ and \\' and \\n")
	f("two\nlines\r\n\tand a tab")
	f("縁、ご縁がありますように 🌸")
	f("NUL\x00in the middle\x00")
	f("'; DROP TABLE t; --")
	f("{s:String} /* */ -- # ?")
	f("\xff\xfe not UTF-8 \x80")
	f("NULL")
	f(`\N`)
	f(strings.Repeat("長い", 50_000))

	var a uint64
	var b string
	var list []string
	row := c.QueryRow(t.Context(), "SELECT {a:UInt64}, {b:String}, {list:Array(String)} -- {a:UInt64}",
		clickhouse.Named("b", "b"), clickhouse.Named("a", uint64(1<<63)), clickhouse.Named("list", []string{"x'y", "縁\n"}))
	if err := row.Scan(&a, &b, &list); err != nil {
		t.Fatal(err)
	}
	if a != 1<<63 || b != "b" || len(list) != 2 || list[0] != "x'y" || list[1] != "縁\n" {
		t.Errorf("got %d %q %q", a, b, list)
	}
	if err := c.QueryRow(t.Context(), "SELECT {missing:String}").Err(); code(err) != 456 {
		t.Errorf("a parameter that is not bound: %v", err)
	}
	// What one statement binds is gone for the next on the same connection.
	if err := c.QueryRow(t.Context(), "SELECT {a:UInt64}, {x:UInt64}", clickhouse.Named("x", 1)).Err(); code(err) != 456 {
		t.Errorf("a parameter of an earlier statement: %v", err)
	}
}

func testTypes(t *testing.T, e *Engine) {
	c := client(t, e, "")
	exec(t, c, `CREATE TABLE types (id UInt64, f FixedString(16), at DateTime64(3, 'UTC'), l LowCardinality(String),
		n Nullable(Int64), m Map(LowCardinality(String), String), a Array(LowCardinality(String)), d Decimal(18, 4), u UUID,
		t Tuple(a Int8, b String), b Bool, e Enum8('x' = 1, 'y' = 2)) ENGINE = MergeTree ORDER BY id`)
	batch, err := c.PrepareBatch(t.Context(), "INSERT INTO types")
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1_767_225_600_123).UTC()
	for i := range 3 {
		n := int64(-i)
		if err := batch.Append(uint64(i), fmt.Sprintf("%016d", i), at, "低", &n, map[string]string{"k\n": "v"}, []string{"a", "b"},
			"12.3400", "00112233-4455-6677-8899-aabbccddeeff", []any{int8(1), "x"}, true, "y"); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	got := scan[string](t, c, `SELECT toString(tuple(id, f, at, l, n, m, a, d, u, t, b, e)) FROM types WHERE id = 2`)
	want := `(2,'0000000000000002','2026-01-01 00:00:00.123','低',-2,{'k\n':'v'},['a','b'],12.34,'00112233-4455-6677-8899-aabbccddeeff',(1,'x'),true,'y')`
	if got != want {
		t.Errorf("stored\n%s want\n%s", got, want)
	}
	var (
		back time.Time
		low  string
		n    *int64
		m    map[string]string
		a    []string
		b    bool
	)
	if err := c.QueryRow(t.Context(), "SELECT at, l, n, m, a, b FROM types WHERE id = 1").Scan(&back, &low, &n, &m, &a, &b); err != nil {
		t.Fatal(err)
	}
	if !back.Equal(at) || low != "低" || n == nil || *n != -1 || m["k\n"] != "v" || len(a) != 2 || !b {
		t.Errorf("read %v %q %v %v %v %v", back, low, n, m, a, b)
	}
}

func testInserts(t *testing.T, e *Engine) {
	c := client(t, e, "")
	exec(t, c, "CREATE TABLE inserts (id UInt64, s String) ENGINE = ReplacingMergeTree ORDER BY id")
	insert := func(from, n int, s string) error {
		batch, err := c.PrepareBatch(t.Context(), "INSERT INTO inserts (id, s)")
		if err != nil {
			return err
		}
		for i := range n {
			if err := batch.Append(uint64(from+i), s); err != nil {
				return err
			}
		}
		return batch.Send()
	}
	count := func() uint64 { return scan[uint64](t, c, "SELECT count() FROM inserts FINAL") }

	// 10 newline bytes in every place: ids, lengths, text.
	for i, s := range []string{"\n", "a\nb", "\n\n\n\n\n\n\n\n\n\n", "縁\x00\n'\\"} {
		if err := insert(10+i*2570, 2570, s); err != nil {
			t.Fatal(err)
		}
		if got := scan[string](t, c, "SELECT s FROM inserts WHERE id = {id:UInt64}", clickhouse.Named("id", 10+i*2570)); got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	}
	if n := count(); n != 4*2570 {
		t.Errorf("%d rows, want %d", n, 4*2570)
	}
	if err := insert(10, 2570, "again"); err != nil { // a repeat collapses, and is not swallowed before it is stored
		t.Fatal(err)
	}
	if n := count(); n != 4*2570 {
		t.Errorf("%d rows after a repeat, want %d", n, 4*2570)
	}
	if got := scan[string](t, c, "SELECT s FROM inserts FINAL WHERE id = 10"); got != "again" {
		t.Errorf("the repeat was dropped: %q", got)
	}

	exec(t, c, "TRUNCATE TABLE inserts")
	if err := insert(0, 200_000, strings.Repeat("x\n", 100)); err != nil { // 40 MB
		t.Fatal(err)
	}
	if n := count(); n != 200_000 {
		t.Errorf("%d rows of the big insert, want 200000", n)
	}
	if parts := scan[uint64](t, c, "SELECT count() FROM system.parts WHERE table = 'inserts' AND active AND database = 'default'"); parts != 1 {
		t.Errorf("the big insert made %d parts, want 1", parts)
	}

	exec(t, c, "INSERT INTO inserts (id, s) VALUES (1000001, 'inline\nlines ;'),\n(1000002, '縁')")
	if got := scan[string](t, c, "SELECT s FROM inserts WHERE id = 1000001"); got != "inline\nlines ;" {
		t.Errorf("inline values came back as %q", got)
	}
	batch, err := c.PrepareBatch(t.Context(), "INSERT INTO inserts (id, s) SETTINGS max_insert_block_size = 1000, async_insert = 0")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(batch.Append(uint64(1_000_003), "with settings"), batch.Send()); err != nil {
		t.Fatal(err)
	}
	if got := scan[string](t, c, "SELECT s FROM inserts WHERE id = 1000003"); got != "with settings" {
		t.Errorf("an insert with settings stored %q", got)
	}

	resp, err := (&http.Client{Transport: e}).Post("http://engine/?query=INSERT+INTO+inserts+FORMAT+JSONEachRow", "",
		strings.NewReader(`{"id":1000004,"s":"json\n"}`+"\n"+`{"id":1000005,"s":"二"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if n := scan[uint64](t, c, "SELECT count() FROM inserts WHERE id IN (1000004, 1000005)"); resp.StatusCode != 200 || n != 2 {
		t.Errorf("status %d, %d of 2 JSON rows", resp.StatusCode, n)
	}
}

func testErrors(t *testing.T, e *Engine) {
	c := client(t, e, "")
	exec(t, c, "CREATE TABLE errors (id UInt64) ENGINE = MergeTree ORDER BY id")
	f := func(want int32, sql string) {
		t.Helper()
		if err := c.Exec(t.Context(), sql); code(err) != want {
			t.Errorf("%s: code %d, want %d (%v)", sql, code(err), want, err)
		}
	}
	f(60, "SELECT * FROM nowhere")
	f(62, "SELEKT 1")
	f(62, "")
	f(47, "SELECT nothing FROM errors")
	f(395, "SELECT throwIf(1)")
	f(60, "INSERT INTO nowhere SELECT 1")
	f(57, "CREATE TABLE errors (id UInt8) ENGINE = Memory")
	f(241, "SELECT number, count() FROM numbers(1e7) GROUP BY number SETTINGS max_memory_usage = 10000000, max_bytes_ratio_before_external_group_by = 0")
	f(159, "SELECT count() FROM numbers(1e12) SETTINGS max_execution_time = 0.2")
	f(497, "CREATE USER u")

	batch, err := c.PrepareBatch(t.Context(), "INSERT INTO errors (id)")
	if err != nil {
		t.Fatal(err)
	}
	exec(t, c, "DROP TABLE errors")
	if err := errors.Join(batch.Append(uint64(1)), batch.Send()); code(err) != 60 {
		t.Errorf("an insert into a dropped table: %v", err)
	}
	refused := func(url string, header http.Header) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://engine/"+url, strings.NewReader("SELECT 1"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		resp, err := e.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s %v: status %d, want 400", url, header, resp.StatusCode)
		}
	}
	refused("?compress=1", http.Header{})
	refused("?session_id=x", http.Header{})
	refused("?a%20b=1", http.Header{})
	refused("", http.Header{"Content-Encoding": {"gzip"}})
	refused("", http.Header{"Content-Type": {"multipart/form-data; boundary=x"}})
}

func testSessions(t *testing.T, e *Engine) {
	plain := client(t, e, "")
	exec(t, plain, "CREATE DATABASE one")
	exec(t, plain, "CREATE DATABASE `two\\`'縁`")
	one, two := client(t, e, "one"), client(t, e, "two`'縁")
	with := func(settings clickhouse.Settings) context.Context {
		return clickhouse.Context(t.Context(), clickhouse.WithSettings(settings))
	}
	// On all connections at once, so that each has to change and none with the wanted state is at hand.
	everywhere := func(f func()) {
		var wg sync.WaitGroup
		for range cap(e.slots) {
			wg.Go(f)
		}
		wg.Wait()
	}
	state := func(c driver.Conn, ctx context.Context, wantDatabase string, wantBlock uint64) {
		var database string
		var block uint64
		row := c.QueryRow(ctx, "SELECT currentDatabase(), toUInt64(getSetting('max_block_size')) FROM (SELECT sleep(0.03))")
		if err := row.Scan(&database, &block); err != nil {
			t.Error(err)
		}
		if database != wantDatabase || block != wantBlock {
			t.Errorf("in %s with max_block_size %d, want %s, %d", database, block, wantDatabase, wantBlock)
		}
	}
	usual := scan[uint64](t, plain, "SELECT toUInt64(getSetting('max_block_size'))")
	everywhere(func() { state(one, with(clickhouse.Settings{"max_block_size": 1234}), "one", 1234) })
	everywhere(func() { state(one, with(clickhouse.Settings{"max_block_size": 777, "max_threads": 1}), "one", 777) })
	everywhere(func() { state(two, t.Context(), "two`'縁", usual) })
	everywhere(func() { state(plain, t.Context(), "default", usual) })
	if err := one.Exec(with(clickhouse.Settings{"no_such_setting": 1}), "SELECT 1"); code(err) != 115 {
		t.Errorf("an unknown setting: %v", err)
	}
	if err := client(t, e, "nowhere").Exec(t.Context(), "SELECT 1"); code(err) != 81 {
		t.Errorf("an unknown database: %v", err)
	}
	// What sticks to a connection of the library is gone with its statement.
	for range 2 * cap(e.slots) {
		exec(t, one, "SET max_block_size = 4321")
		exec(t, one, "/* c */ -- d\n use `two\\`'縁`")
		exec(t, one, "CREATE TEMPORARY TABLE t (id UInt8)")
		exec(t, one, "SELECT 1 SETTINGS max_block_size = 4321")
	}
	everywhere(func() { state(one, with(clickhouse.Settings{"readonly": 1}), "one", usual) }) // cannot be told back
	everywhere(func() { state(plain, with(clickhouse.Settings{"max_block_size": 99}), "default", 99) })
	everywhere(func() { state(one, t.Context(), "one", usual) })
	for range cap(e.slots) {
		if err := one.Exec(t.Context(), "SELECT * FROM t"); code(err) != 60 {
			t.Fatalf("a temporary table stayed: %v", err)
		}
	}
	exec(t, plain, "DROP DATABASE one SYNC") // while connections stand in it
	if err := one.Exec(t.Context(), "CREATE TABLE t (id UInt8) ENGINE = Memory"); code(err) != 81 {
		t.Errorf("a statement in a dropped database: %v", err)
	}
}

func testConcurrency(t *testing.T, e *Engine) {
	a, b := client(t, e, "default"), client(t, e, "system")
	exec(t, a, "CREATE TABLE concurrent (worker UInt32, n UInt32) ENGINE = MergeTree ORDER BY (worker, n)")
	const workers, rounds = 32, 12
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := range rounds {
				c, want := a, "default"
				if (w+n)%2 == 0 {
					c, want = b, "system"
				}
				var db, text string
				tricky := fmt.Sprintf("%d\n%d'", w, n)
				if err := c.QueryRow(t.Context(), "SELECT currentDatabase(), {s:String}", clickhouse.Named("s", tricky)).Scan(&db, &text); err != nil {
					t.Error(err)
				}
				if db != want || text != tricky {
					t.Errorf("got %q %q, want %q %q", db, text, want, tricky)
				}
				if rand.IntN(4) == 0 { // a statement that is given up in between
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(3000))*time.Microsecond)
					_ = c.Exec(ctx, "SELECT count() FROM numbers(1e12)")
					cancel()
				}
				if n%4 == 0 {
					if err := a.Exec(t.Context(), fmt.Sprintf("INSERT INTO concurrent VALUES (%d, %d)", w, n)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := scan[uint64](t, a, "SELECT count() FROM concurrent"); n != workers*rounds/4 {
		t.Errorf("%d rows, want %d", n, workers*rounds/4)
	}
}

func testSecondOpener(t *testing.T, e *Engine) {
	dir := e.args[1][len("--path="):]
	if _, err := OpenEngine(EngineConfig{Dir: dir}); enishi.ErrorCode(err) != enishi.Conflict {
		t.Errorf("the same directory twice in a process: %v", err)
	}
	out, err := child(t, "open", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.HasPrefix(string(out), "conflict: ") || !strings.Contains(string(out), dir+" is in use by another process") {
		t.Errorf("a second process said: %s", out)
	}
	if _, err := OpenEngine(EngineConfig{Dir: t.TempDir()}); enishi.ErrorCode(err) != enishi.Unavailable {
		t.Errorf("another directory in the same process: %v", err)
	}
}
