package clickhouse

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
)

// exercise is what the rest of the code relies on, whatever answers behind cfg. It uses two databases of its own.
func exercise(t *testing.T, cfg Config) {
	name := cfg.Database
	db := openDB(t, cfg)
	cfg.Database = name + "_other"
	other := openDB(t, cfg)
	cfg.Database = name
	for _, sub := range []struct {
		name string
		run  func(*testing.T, *DB)
	}{
		{"settings", exerciseSettings},
		{"columns", exerciseColumns},
		{"state and markers", exerciseState},
		{"refusals", exerciseRefusals},
		{"a changed table", exerciseChangedTable},
	} {
		t.Run(sub.name, func(t *testing.T) { sub.run(t, db) })
	}

	t.Run("databases are apart", func(t *testing.T) {
		id := []string{"0123456789abcdef"}
		if err := other.Insert(t.Context(), "outcomes", []string{"request_id", "ok"}, 1, id, []uint8{1}); err != nil {
			t.Fatal(err)
		}
		count := "SELECT count() FROM outcomes FINAL"
		if mine, theirs := scan[uint64](t, db, count), scan[uint64](t, other, count); mine != 0 || theirs != 1 {
			t.Errorf("%d rows here and %d there, want 0 and 1", mine, theirs)
		}
	})
	t.Run("opened again", func(t *testing.T) {
		again := openDB(t, cfg)
		if diff := cmp.Diff(schema(t, db), schema(t, again)); diff != "" {
			t.Error(diff)
		}
	})
}

func exerciseSettings(t *testing.T, db *DB) {
	f := func(name, want string) {
		t.Helper()
		if got := scan[string](t, db, "SELECT toString(getSetting({name:String}))", clickhouse.Named("name", name)); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	f("async_insert", "false")
	f("insert_deduplicate", "false")
	f("deduplicate_insert", "disable")
	f("max_rows_in_join", "12345") // from Config.Settings
	if got := scan[string](t, db, "SELECT currentDatabase()"); got != db.Database() {
		t.Errorf("in database %s, want %s", got, db.Database())
	}
}

func exerciseColumns(t *testing.T, db *DB) {
	if err := db.Exec(t.Context(), `CREATE TABLE columns (id UInt64, f FixedString(16), at DateTime64(3, 'UTC'), l LowCardinality(String),
		n Int64, m Map(LowCardinality(String), String), mf Map(LowCardinality(String), Float64), a Array(LowCardinality(String)), u8 UInt8,
		s String, d String DEFAULT 'default') ENGINE = ReplacingMergeTree ORDER BY id`); err != nil {
		t.Fatal(err)
	}
	ids := []uint64{1, 2, 10}
	texts := []string{"it's\nhere\x00", "縁", "\\n `x` \"y\""}
	repeating := []string{"a", "", "a"}
	millis := []int64{0, 1_767_225_600_123, 10}
	if err := db.Insert(t.Context(), "columns", []string{"id", "f", "at", "l", "n", "m", "mf", "a", "u8", "s"}, 3,
		ids, []string{"0123456789abcdef", strings.Repeat("\n", 16), strings.Repeat("\x00", 16)}, millis, repeating,
		[]int64{-1, 0, 1 << 62}, []map[string]string{{"email.marketing": "in"}, {}, nil}, []map[string]float64{{"x": 0.5}, nil, nil},
		[][]string{{"a", "b"}, {}, nil}, []uint8{0, 1, 2}, texts); err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		var at time.Time
		var s, d, l string
		var a []string
		row := db.QueryRow(t.Context(), "SELECT at, s, d, l, a FROM columns FINAL WHERE id = {id:UInt64} AND s = {s:String}",
			clickhouse.Named("id", id), clickhouse.Named("s", texts[i]))
		if err := row.Scan(&at, &s, &d, &l, &a); err != nil {
			t.Fatal(err)
		}
		if at.UnixMilli() != millis[i] || s != texts[i] || d != "default" || l != repeating[i] {
			t.Errorf("row %d: %v %q %q %q", i, at, s, d, l)
		}
	}
	got := scan[string](t, db, "SELECT toString((id, f, at, l, n, m, mf, a, u8)) FROM columns WHERE id = 1")
	if want := `(1,'0123456789abcdef','1970-01-01 00:00:00.000','a',-1,{'email.marketing':'in'},{'x':0.5},['a','b'],0)`; got != want {
		t.Errorf("stored %s\nwant   %s", got, want)
	}
	if err := db.Insert(t.Context(), "columns", []string{"id"}, 0, []uint64{}); err != nil {
		t.Errorf("no rows: %v", err)
	}
}

// exerciseState writes what the checkpoint writes: the newest version of a row wins whatever the order, a repeat is
// one row, a deleted row is gone.
func exerciseState(t *testing.T, db *DB) {
	id := func(b byte) string { return strings.Repeat(string(b), 16) }
	insert := func(version uint64, state string, deleted uint8, ids ...string) {
		t.Helper()
		n := len(ids)
		partitions, versions, states, del := make([]uint16, n), make([]uint64, n), make([]string, n), make([]uint8, n)
		for i := range n {
			versions[i], states[i], del[i] = version, state, deleted
		}
		if err := db.Insert(t.Context(), "profiles", []string{"partition", "profile_id", "version", "state", "is_deleted"}, n,
			partitions, ids, versions, states, del); err != nil {
			t.Fatal(err)
		}
	}
	insert(5, "new\n", 0, id('a'), id('b'), id('\n'))
	insert(4, "old", 0, id('a'))
	insert(5, "new\n", 0, id('a'), id('b'), id('\n'))
	insert(6, "", 1, id('b'))
	rows, err := db.Query(t.Context(), "SELECT profile_id, state FROM profiles FINAL WHERE profile_id IN ({ids:Array(FixedString(16))}) ORDER BY profile_id",
		clickhouse.Named("ids", []string{id('a'), id('b'), id('\n')}))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := map[string]string{}
	for rows.Next() {
		var profile, state string
		if err := rows.Scan(&profile, &state); err != nil {
			t.Fatal(err)
		}
		got[profile] = state
	}
	if diff := cmp.Diff(map[string]string{id('a'): "new\n", id('\n'): "new\n"}, got); rows.Err() != nil || diff != "" {
		t.Errorf("%v %s", rows.Err(), diff)
	}

	var g errgroup.Group // several partitions checkpoint at the same time
	for p := range uint16(8) {
		g.Go(func() error {
			return db.Insert(t.Context(), "partitions", []string{"partition", "seq", "next_offset"}, 1, []uint16{p}, []uint64{1}, []int64{int64(p) * 100})
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if sum := scan[int64](t, db, "SELECT sum(next_offset) FROM partitions FINAL"); sum != 2800 {
		t.Errorf("the markers add up to %d, want 2800", sum)
	}
}

func exerciseRefusals(t *testing.T, db *DB) {
	f := func(want string, code int32, table string, columns []string, n int, cols ...any) {
		t.Helper()
		start := time.Now()
		err := db.Insert(t.Context(), table, columns, n, cols...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		var refused *clickhouse.Exception
		if errors.As(err, &refused); code != 0 && (refused == nil || refused.Code != code) {
			t.Errorf("got %v, want code %d", err, code)
		}
		if took := time.Since(start); took > 20*time.Second { // what is repeated is repeated for longer
			t.Errorf("%s: repeated for %v", want, took)
		}
	}
	f("no table nowhere", 0, "nowhere", []string{"id"}, 1, []uint64{1})
	f("no column nothing", 0, "profiles", []string{"nothing"}, 1, []uint64{1})
	f("column partition has 2 rows of 1", 0, "profiles", []string{"partition"}, 1, []uint16{1, 2})
	f("2 column names for 1 columns", 0, "profiles", []string{"partition", "version"}, 1, []uint16{1})
	f("is a int, not a slice", 0, "profiles", []string{"partition"}, 1, 1)
	f("column partition", 0, "profiles", []string{"partition"}, 1, []string{"x"})
	if err := db.Exec(t.Context(), "SELECT * FROM nowhere"); Temporary(err) {
		t.Errorf("%v counts as temporary", err)
	}
	if err := db.Exec(t.Context(), "CREATE TABLE checked (n UInt8, CONSTRAINT small CHECK n < 5) ENGINE = MergeTree ORDER BY n"); err != nil {
		t.Fatal(err)
	}
	f("Constraint", 469, "checked", []string{"n"}, 2, []uint8{1, 9})
	if n := scan[uint64](t, db, "SELECT count() FROM checked"); n != 0 {
		t.Errorf("a refused insert left %d rows", n)
	}
}

func exerciseChangedTable(t *testing.T, db *DB) {
	run := func(statement string) {
		t.Helper()
		if err := db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	run("CREATE TABLE changed (n UInt8) ENGINE = MergeTree ORDER BY tuple()")
	insert := func(columns []string, cols ...any) error {
		return db.Insert(t.Context(), "changed", columns, 1, cols...)
	}
	if err := insert([]string{"n"}, []uint8{1}); err != nil {
		t.Fatal(err)
	}
	run("ALTER TABLE changed ADD COLUMN s String")
	if err := insert([]string{"n", "s"}, []uint8{3}, []string{"y"}); err != nil {
		t.Fatal(err)
	}
	if s := scan[string](t, db, "SELECT s FROM changed WHERE n = 3"); s != "y" {
		t.Errorf("stored %q", s)
	}
	run("DROP TABLE changed SYNC")
	if err := insert([]string{"n"}, []uint8{4}); err == nil || Temporary(err) {
		t.Errorf("an insert into a dropped table: %v", err)
	}
	run("CREATE TABLE changed (n UInt8, s UInt64) ENGINE = MergeTree ORDER BY tuple()")
	if err := insert([]string{"n", "s"}, []uint8{5}, []uint64{6}); err != nil {
		t.Errorf("an insert into a table of another shape: %v", err)
	}
}

var exerciseExtra = map[string]any{"max_rows_in_join": 12345}

func TestExerciseInProcess(t *testing.T) {
	exercise(t, Config{Transport: engine, Database: "exercise", Settings: exerciseExtra})
}

// TestExerciseHTTP is a second replica's way to the same engine.
func TestExerciseHTTP(t *testing.T) {
	server := httptest.NewServer(engine.Handler("token"))
	defer server.Close()
	url := "http://replica:token@" + server.Listener.Addr().String()
	exercise(t, Config{URL: url, Database: "exercise_http", Settings: exerciseExtra})

	if _, err := Open(t.Context(), Config{URL: "http://" + server.Listener.Addr().String(), Database: "exercise_http"}); err == nil || Temporary(err) {
		t.Errorf("without the token: %v", err)
	}
}

// faults lets the first few inserts end in an answer of its own; the engine does not see those.
type faults struct {
	next   http.RoundTripper
	answer func(n int) (*http.Response, error) // nil, nil: let it through
	n      int
}

func (f *faults) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(req.URL.Query().Get("query"), "INSERT") {
		return f.next.RoundTrip(req)
	}
	f.n++
	if resp, err := f.answer(f.n); resp != nil || err != nil {
		_ = req.Body.Close()
		return resp, err
	}
	return f.next.RoundTrip(req)
}

// refusal is an answer as the engine gives it.
func refusal(status int, text string) *http.Response {
	w := httptest.NewRecorder()
	w.WriteHeader(status)
	_, _ = w.WriteString(text)
	return w.Result()
}

func TestInsertRepeats(t *testing.T) {
	f := &faults{next: engine}
	db := openDB(t, Config{Transport: f, Database: "repeats"})
	ok := func(n int, answers ...func() (*http.Response, error)) {
		t.Helper()
		f.n, f.answer = 0, func(n int) (*http.Response, error) {
			if n <= len(answers) {
				return answers[n-1]()
			}
			return nil, nil
		}
		err := db.Insert(t.Context(), "outcomes", []string{"request_id"}, 1, []string{"0123456789abcdef"})
		if err != nil || f.n != n {
			t.Errorf("%d tries, want %d: %v", f.n, n, err)
		}
	}
	code := func(text string) func() (*http.Response, error) {
		return func() (*http.Response, error) { return refusal(500, text), nil }
	}
	ok(1)
	ok(2, code("Code: 241. DB::Exception: memory. (MEMORY_LIMIT_EXCEEDED)"))
	ok(3, code("Code: 243. DB::Exception: disk. (NOT_ENOUGH_SPACE)"), code("Code: 252. DB::Exception: parts. (TOO_MANY_PARTS)"))
	ok(3, code("Code: 210. DB::Exception: net. (NETWORK_ERROR)"), code("Code: 242. DB::Exception: keeper. (TABLE_IS_READ_ONLY)"))
	ok(2, func() (*http.Response, error) { return refusal(503, "proxy"), nil })
	ok(2, func() (*http.Response, error) { return nil, &net.OpError{Op: "dial", Err: context.DeadlineExceeded} })
	if n := scan[uint64](t, db, "SELECT count() FROM outcomes FINAL"); n != 1 {
		t.Errorf("%d rows after repeats, want 1", n)
	}

	// What is not temporary is not repeated.
	f.n, f.answer = 0, func(int) (*http.Response, error) {
		return refusal(500, "Code: 53. DB::Exception: type. (TYPE_MISMATCH)"), nil
	}
	err := db.Insert(t.Context(), "outcomes", []string{"request_id"}, 1, []string{"0123456789abcdef"})
	if err == nil || f.n != 1 {
		t.Errorf("%d tries, want 1: %v", f.n, err)
	}

	// The context ends it; the error tells both.
	f.n, f.answer = 0, func(int) (*http.Response, error) {
		return refusal(500, "Code: 243. DB::Exception: disk. (NOT_ENOUGH_SPACE)"), nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err = db.Insert(ctx, "outcomes", []string{"request_id"}, 1, []string{"0123456789abcdef"})
	var refused *clickhouse.Exception
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &refused) || refused.Code != 243 || f.n < 2 {
		t.Errorf("after %d tries: %v", f.n, err)
	}
}

// TestInsertOutage: the server goes and comes back under a living client.
func TestInsertOutage(t *testing.T) {
	server := httptest.NewServer(engine.Handler("token"))
	address := server.Listener.Addr().String()
	db := openDB(t, Config{URL: "http://replica:token@" + address, Database: "outage"})
	insert := func() error {
		return db.Insert(t.Context(), "outcomes", []string{"request_id"}, 1, []string{"0123456789abcdef"})
	}
	if err := insert(); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if err := db.Exec(t.Context(), "SELECT 1"); err == nil || !Temporary(err) {
		t.Fatalf("without a server: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- insert() }()
	select {
	case err := <-done:
		t.Fatalf("an insert without a server ended: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	back := &http.Server{Handler: engine.Handler("token")}
	defer back.Close()
	go func() { _ = back.Serve(listener) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("the insert does not find the server again")
	}
}

func BenchmarkSelect1(b *testing.B) {
	db := openDB(b, Config{Transport: engine, Database: "bench"})
	for b.Loop() {
		scan[uint8](b, db, "SELECT 1")
	}
}

func BenchmarkInsert(b *testing.B) {
	db := openDB(b, Config{Transport: engine, Database: "bench"})
	for _, bench := range []struct {
		name string
		rows int
	}{{"1k", 1000}, {"20k", 20_000}} {
		b.Run(bench.name, func(b *testing.B) {
			n := bench.rows
			partition, id, version, state := make([]uint16, n), make([]string, n), make([]uint64, n), make([]string, n)
			for i := range n {
				id[i], version[i], state[i] = string(append(make([]byte, 12), byte(i), byte(i>>8), byte(i>>16), 0)), uint64(i), strings.Repeat("x", 600)
			}
			for b.Loop() {
				if err := db.Insert(b.Context(), "profiles", []string{"partition", "profile_id", "version", "state"}, n, partition, id, version, state); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
