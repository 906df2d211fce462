//go:build linux && amd64

package embedded

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// endless is a statement that runs until it is killed.
const endless = "SELECT count() FROM numbers(1e15) WHERE NOT ignore(sipHash64(number))"

// running counts the statements in the engine with the text in them, this one apart.
func running(t *testing.T, e *Engine, text string) uint64 {
	t.Helper()
	return scan[uint64](t, client(t, e, ""), "SELECT count() FROM system.processes WHERE position(query, {text:String}) > 0 AND position(query, 'system.processes') = 0",
		clickhouse.Named("text", text))
}

func testCancel(t *testing.T, e *Engine) {
	c := client(t, e, "")
	exec(t, c, "CREATE TABLE cancelled (n UInt64) ENGINE = MergeTree ORDER BY n")
	for _, sql := range []string{
		endless,
		"INSERT INTO cancelled SELECT number FROM numbers(1e15)",
		"SELECT sleepEachRow(1) FROM numbers(1000) SETTINGS max_block_size = 1",
	} {
		var returned, ended time.Duration
		for range 5 { // a busy machine is late now and then; what is not stopped is late each time
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- c.Exec(ctx, sql) }()
			eventually(t, "the statement runs", func() bool { return running(t, e, sql) == 1 })
			start := time.Now()
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", sql, err)
			}
			returned = time.Since(start)
			eventually(t, "the engine stops it", func() bool { return running(t, e, sql) == 0 })
			allBack(t, e)
			if ended = time.Since(start); returned <= 100*time.Millisecond && ended <= 1500*time.Millisecond {
				break
			}
		}
		if returned > 100*time.Millisecond || ended > 1500*time.Millisecond {
			t.Errorf("%s: returned %v and ended %v after the cancel, want at once and within about 1 s", sql, returned, ended)
		}
	}

	// More statements than connections: those that wait for one are given up too.
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	for range 3 * cap(e.slots) {
		go func() { done <- c.Exec(ctx, endless) }()
	}
	eventually(t, "all connections are busy", func() bool { return len(e.slots) == cap(e.slots) })
	cancel()
	for range 3 * cap(e.slots) {
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

func testBigResults(t *testing.T, e *Engine) {
	c := client(t, e, "")
	const rows = 3_000_000 // about 45 MB, more than is collected before the connection is kept
	big := "SELECT number, toString(number) FROM numbers(3000000)"

	result, err := c.Query(t.Context(), big)
	if err != nil {
		t.Fatal(err)
	}
	var n, sum uint64
	for result.Next() {
		var number uint64
		var text string
		if err := result.Scan(&number, &text); err != nil {
			t.Fatal(err)
		}
		n, sum = n+1, sum+number
	}
	if err := result.Err(); err != nil || n != rows || sum != rows*(rows-1)/2 {
		t.Errorf("%d rows, sum %d: %v", n, sum, err)
	}
	allBack(t, e)

	// Results that nobody reads on do not keep further statements from running.
	ctx, cancel := context.WithCancel(t.Context())
	for range cap(e.slots) + 2 {
		if _, err := c.Query(ctx, big); err != nil {
			t.Fatal(err)
		}
	}
	if held := len(e.streams); held != cap(e.streams) {
		t.Errorf("%d results hold a connection, want %d", held, cap(e.streams))
	}
	if one := scan[uint8](t, c, "SELECT 1"); one != 1 {
		t.Error(one)
	}
	cancel() // gives them up without a Close
	allBack(t, e)

	result, err = c.Query(t.Context(), "SELECT number, toString(number), throwIf(number = 2500000) FROM numbers(3000000)")
	if err != nil {
		t.Fatal(err)
	}
	for n = 0; result.Next(); n++ {
	}
	if err := result.Err(); code(err) != 395 || n < 1_000_000 {
		t.Errorf("an error after %d rows: %v", n, err)
	}
	allBack(t, e)

	// A body that is closed early ends its statement.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://engine/", strings.NewReader("SELECT number FROM numbers(1e15)"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := e.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.ContentLength != -1 {
		t.Errorf("the length of an endless result is %d", resp.ContentLength)
	}
	_ = resp.Body.Close()
	if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d bytes after Close: %v", n, err)
	}
	allBack(t, e)
	if n := running(t, e, "1e15"); n != 0 {
		t.Errorf("%d statements still run", n)
	}
}

func testDetached(t *testing.T, e *Engine) {
	c := client(t, e, "")
	before, err := e.Detached(t.Context())
	if err != nil || before != 0 {
		t.Fatalf("%d detached parts in a good directory: %v", before, err)
	}
	exec(t, c, "CREATE TABLE detached (n UInt64) ENGINE = MergeTree ORDER BY n")
	exec(t, c, "INSERT INTO detached VALUES (1)")
	exec(t, c, "ALTER TABLE detached DETACH PARTITION ALL")
	if n, err := e.Detached(t.Context()); err != nil || n != 1 {
		t.Errorf("%d detached parts, want 1: %v", n, err)
	}
	exec(t, c, "DROP TABLE detached SYNC")
}

func testDropSync(t *testing.T, e *Engine) {
	c := client(t, e, "")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	exec(t, c, "CREATE TABLE dropped (n UInt64) ENGINE = MergeTree ORDER BY n")
	exec(t, c, "INSERT INTO dropped SELECT number FROM numbers(1000)")
	if err := c.Exec(ctx, "DROP TABLE dropped SYNC"); err != nil {
		t.Errorf("DROP TABLE ... SYNC in the first session of a directory: %v", err)
	}
}

func testBackup(t *testing.T, e *Engine) {
	c := client(t, e, "")
	exec(t, c, "CREATE DATABASE saved")
	exec(t, c, "CREATE TABLE saved.t (n UInt64) ENGINE = MergeTree ORDER BY n")
	exec(t, c, "INSERT INTO saved.t SELECT number FROM numbers(1000)")
	exec(t, c, "BACKUP DATABASE saved TO File('first/')")
	exec(t, c, "DROP DATABASE saved SYNC")
	exec(t, c, "RESTORE DATABASE saved FROM File('first/')")
	if n := scan[uint64](t, c, "SELECT count() FROM saved.t"); n != 1000 {
		t.Errorf("%d rows after the restore, want 1000", n)
	}
	if err := c.Exec(t.Context(), "BACKUP DATABASE saved TO File('/elsewhere/')"); err == nil {
		t.Error("a backup went outside its folder")
	}
	exec(t, c, "DROP DATABASE saved SYNC")
}

func testTrim(t *testing.T, e *Engine) {
	c := client(t, e, "")
	last := func(at time.Time) {
		e.trim.mu.Lock()
		defer e.trim.mu.Unlock()
		e.trim.last, e.trim.floor = at, 0
	}
	var held int64
	// The allocator may give memory back by itself before it is measured: then the statement is run again.
	eventually(t, "memory is given back", func() bool {
		last(time.Now().Add(time.Hour)) // not before it was measured
		exec(t, c, "SELECT count() FROM (SELECT number FROM numbers(8000000) GROUP BY number)")
		held = resident()
		last(time.Time{})
		exec(t, c, "SELECT 1")
		for begin := time.Now(); time.Since(begin) < time.Second; {
			if resident() < held-(100<<20) {
				return true
			}
		}
		return false
	})
	t.Logf("%d MB, then %d MB", held>>20, resident()>>20)
}

func testHandler(t *testing.T, e *Engine) {
	const token = "a token"
	server := httptest.NewServer(e.Handler(token))
	defer server.Close()

	refused := func(want int, h http.Handler, method, remote string, header http.Header) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader("SELECT 'secret'"))
		r.RemoteAddr, r.Header = remote, header
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s from %s with %v: status %d %q, want %d", method, remote, header, w.Code, w.Body, want)
		}
	}
	good := http.Header{"X-Clickhouse-Key": {token}}
	refused(401, e.Handler(token), "POST", "127.0.0.1:5", http.Header{})
	refused(401, e.Handler(token), "POST", "127.0.0.1:5", http.Header{"X-Clickhouse-Key": {"a tokem"}})
	refused(401, e.Handler(token), "POST", "[::1]:5", http.Header{"Authorization": {"Bearer "}})
	refused(401, e.Handler(""), "POST", "127.0.0.1:5", http.Header{"X-Clickhouse-Key": {""}})
	refused(403, e.Handler(token), "POST", "192.0.2.1:5", good)
	refused(403, e.Handler(token), "POST", "@", good)
	refused(405, e.Handler(token), "GET", "127.0.0.1:5", good)
	for _, header := range []http.Header{good, {"Authorization": {"Bearer " + token}}} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader("SELECT 'secret'"))
		r.RemoteAddr, r.Header = "127.0.0.1:5", header
		w := httptest.NewRecorder()
		e.Handler(token).ServeHTTP(w, r)
		if w.Code != 200 || w.Body.String() != "secret\n" {
			t.Errorf("with %v: status %d %q", header, w.Code, w.Body)
		}
	}

	// A second process's client, through a real connection.
	remote, err := clickhouse.Open(&clickhouse.Options{Protocol: clickhouse.HTTP, Addr: []string{server.Listener.Addr().String()},
		Auth: clickhouse.Auth{Database: "default", Username: "replica", Password: token}, MaxOpenConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	exec(t, remote, "CREATE TABLE remote (id UInt64, s String) ENGINE = ReplacingMergeTree ORDER BY id")
	batch, err := remote.PrepareBatch(t.Context(), "INSERT INTO remote")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5000 {
		if err := batch.Append(uint64(i), "縁\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	if n := scan[uint64](t, remote, "SELECT count() FROM remote WHERE s = {s:String}", clickhouse.Named("s", "縁\n")); n != 5000 {
		t.Errorf("%d rows, want 5000", n)
	}
	if err := remote.Exec(t.Context(), "SELECT * FROM nowhere"); code(err) != 60 {
		t.Errorf("an error over HTTP: %v", err)
	}
	result, err := remote.Query(t.Context(), "SELECT number, toString(number), throwIf(number = 2500000) FROM numbers(3000000)")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for result.Next() {
		n++
	}
	if err := result.Err(); code(err) != 395 || n < 1_000_000 {
		t.Errorf("an error after %d rows over HTTP: %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- remote.Exec(ctx, endless) }()
	eventually(t, "the statement runs", func() bool { return running(t, e, endless) == 1 })
	cancel()
	<-done
	eventually(t, "a caller that goes stops its statement", func() bool { return running(t, e, endless) == 0 })
}
