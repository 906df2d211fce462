package segments

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/expr-lang/expr/vm"
	"pgregory.net/rapid"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/internal/embedded"
	"enishi/profiles"
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
	dir, err := os.MkdirTemp("", "segments")
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

// matrix asks for the answers of many segments for everybody in one query.
func matrix(segs []*Segment, at time.Time) (string, []any) {
	q := newQuery(at)
	answers := make([]string, len(segs))
	for i, s := range segs {
		answers[i] = q.condition(s.root)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "SELECT p.profile_id, CAST([%s], 'Array(UInt8)')\n", strings.Join(answers, ", "))
	q.from(&b, nil)
	return b.String(), q.args
}

// 500 made expressions (20,000 in make test-full) over a made population, and the same for other instants of the clock: SQL on
// the real engine and the oracle give the people that Match gives. The golden cases come first. What was compared is counted:
// a case of the language that no expression met fails the test.
func TestSQLEqualsMatch(t *testing.T) {
	t.Parallel()
	seen := compareCases(t)
	db := openDB(t, "differential")
	all, people := drawPopulation(300)
	insertPeople(t, db, all)
	pairs, varied, batches := 0, 0, 5
	if os.Getenv("ENISHI_FULL") != "" {
		batches = 200
	}
	var each []*Segment
	for _, e := range aboutEach(all, made) {
		if library.Check(e) == nil { // an amount may be beyond what can be written
			each = append(each, compiled(t, e))
		}
	}
	compareAll(t, db, each, people, made)
	seen.add(compareOracle(t, each, all, made))
	for batch := range batches {
		var segs []*Segment
		for seed := range 100 {
			segs = append(segs, compiled(t, rapid.Custom(drawExpression).Example(batch*100+seed)))
		}
		each, alone := 1, 20 // how many people the oracle is asked about, and segments that are a query of their own
		if batch >= 5 {
			each, alone = 5, 4
		}
		at := made.Add(time.Duration(batch%5-2) * 12 * time.Hour)
		counts := compareAll(t, db, segs, people, at)
		for _, in := range counts {
			if pairs++; in > 0 && in < len(all) {
				varied++
			}
		}
		var asked []*profiles.View
		for k := batch % each; k < len(all); k += each {
			asked = append(asked, all[k])
		}
		seen.add(compareOracle(t, segs, asked, at))
		compareSets(t, db, segs[:alone], all, at)
		compareCounts(t, db, segs, all, at)
	}
	t.Logf("%d pairs, %d with people in and out", pairs, varied)
	if pairs < 500 || varied < pairs/3 {
		t.Errorf("%d pairs, only %d of them tell people apart", pairs, varied)
	}
	table, holes := seen.table()
	t.Logf("evaluations that were compared, by case:\n%s", table)
	if len(holes) > 0 {
		t.Errorf("nothing was compared for: %s\nwiden what is made, or add a case (docs/testing.md)", strings.Join(holes, ", "))
	}
}

// compareAll asks for all segments in one query and says how many each has.
func compareAll(t *testing.T, db *clickhouse.DB, segs []*Segment, people map[string]*profiles.View, at time.Time) []int {
	t.Helper()
	query, args := matrix(segs, at)
	got := readMatrix(t, db, query, args)
	if len(got) != len(people) {
		t.Fatalf("%d people of %d", len(got), len(people))
	}
	in := make([]int, len(segs))
	for k, s := range segs {
		for key, answers := range got {
			want := s.Match(people[key], at)
			in[k] += int(answers[k])
			if (answers[k] == 1) != want {
				one, args := s.SQL(at)
				t.Fatalf("%s\n  Match %v, SQL %v for %s\n%s\n%v\n%s", s.Body.Expression, want, !want, people[key].ID, one, args, shrinkSQL(t, db, s, people[key], at))
			}
		}
	}
	return in
}

// compareOracle asks the oracle, which counts what it evaluates.
func compareOracle(t *testing.T, segs []*Segment, people []*profiles.View, at time.Time) covered {
	t.Helper()
	programs := make([]*vm.Program, len(segs))
	for k, s := range segs {
		programs[k] = must(oracle(s.Body.Expression))(t)
	}
	seen := make(covered, len(subjects()))
	var machine vm.VM
	for _, v := range people {
		env := environment(v, at)
		for k, s := range segs {
			want, err := machine.Run(programs[k], env)
			if got := s.Match(v, at); err != nil || want != got {
				t.Fatalf("%s\n  Match %v, VM %v for %s, %v\n%s", s.Body.Expression, got, want, v.ID, err, shrinkVM(t, s, v, at))
			}
		}
		seen.add(env["watch"].(*watch).seen)
	}
	return seen
}

func readMatrix(t *testing.T, db *clickhouse.DB, query string, args []any) map[string][]uint8 {
	t.Helper()
	rows, err := db.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	got := map[string][]uint8{}
	for rows.Next() {
		var id string
		var answers []uint8
		if err := rows.Scan(&id, &answers); err != nil {
			t.Fatal(err)
		}
		if got[id] != nil {
			t.Fatalf("%x twice", id)
		}
		got[id] = answers
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return got
}

// compareSets runs the query of each segment by itself: its joins and its WHERE differ from those of many.
func compareSets(t *testing.T, db *clickhouse.DB, segs []*Segment, people []*profiles.View, at time.Time) {
	t.Helper()
	for _, s := range segs {
		query, args := s.SQL(at)
		rows, err := db.Query(t.Context(), query, args...)
		if err != nil {
			t.Fatalf("%s\n%s\n%v", s.Body.Expression, query, err)
		}
		got := map[string]bool{}
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			if got[id] {
				t.Fatalf("%s: %x twice", s.Body.Expression, id)
			}
			got[id] = true
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		for _, v := range people {
			if want := s.Match(v, at); got[text16(v.ID)] != want {
				t.Fatalf("%s\n  Match %v, SQL %v for %s\n%s\n%v", s.Body.Expression, want, !want, v.ID, query, args)
			}
		}
	}
}

func compareCounts(t *testing.T, db *clickhouse.DB, segs []*Segment, people []*profiles.View, at time.Time) {
	t.Helper()
	query, args := SQLMany(segs, at)
	var base uint64
	var counts []uint64
	if err := db.QueryRow(t.Context(), query, args...).Scan(&base, &counts); err != nil {
		t.Fatal(err)
	}
	if base != uint64(len(people)) || len(counts) != len(segs) {
		t.Fatalf("base %d of %d people, %d counts of %d", base, len(people), len(counts), len(segs))
	}
	for k, s := range segs {
		want := uint64(0)
		for _, v := range people {
			want += uint64(bit(s.Match(v, at)))
		}
		if counts[k] != want {
			t.Errorf("%s: counted %d, Match %d", s.Body.Expression, counts[k], want)
		}
	}
	compareOverlap(t, db, segs[:min(len(segs), MaxOverlap)], people, at)
}

func compareOverlap(t *testing.T, db *clickhouse.DB, segs []*Segment, people []*profiles.View, at time.Time) {
	t.Helper()
	want, got := map[uint64]uint64{}, map[uint64]uint64{}
	for _, v := range people {
		mask := uint64(0)
		for i, s := range segs {
			mask |= uint64(bit(s.Match(v, at))) << i
		}
		want[mask]++
	}
	query, args := SQLOverlap(segs, at)
	rows, err := db.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var mask, n uint64
		if err := rows.Scan(&mask, &n); err != nil {
			t.Fatal(err)
		}
		got[mask] = n
	}
	if err := rows.Err(); err != nil || !maps.Equal(got, want) {
		t.Errorf("the overlap is %v, Match says %v, %v", got, want, err)
	}
}

// Golden files of the SQL of what people write.
func TestSQLGolden(t *testing.T) {
	t.Parallel()
	expressions, err := os.ReadFile(filepath.Join("testdata", "golden.expressions"))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	var segs []*Segment
	lines := strings.Split(strings.TrimSpace(string(expressions)), "\n")
	write := func(query string, args []any) {
		fmt.Fprintf(&got, "%s\n", query)
		for _, a := range args {
			p := a.(driver.NamedValue)
			fmt.Fprintf(&got, "-- %s = %q\n", p.Name, p.Value)
		}
		got.WriteString("\n")
	}
	for _, e := range lines {
		s := compiled(t, e)
		segs = append(segs, s)
		fmt.Fprintf(&got, "---- %s\n", e)
		query, args := s.SQL(made)
		write(query, args)
	}
	got.WriteString("---- many: the first five in one pass\n")
	query, args := SQLMany(segs[:5], made)
	write(query, args)
	path := filepath.Join("testdata", "golden.sql")
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got.String() {
		t.Errorf("the SQL differs from %s: look at it with -update and git diff", path)
	}
	db := openDB(t, "golden")
	compareSets(t, db, segs, nil, made) // the engine takes every one
}

// A number of an expression comes to the server as the same double.
func TestSQLDoubles(t *testing.T) {
	t.Parallel()
	db := openDB(t, "doubles")
	for _, x := range []float64{123456789, 0.1, 123456.789, 4999.5, -12.5, 99999999999999.5, 0.000000001, 1.0 / 3} {
		q := newQuery(made)
		text := q.double(x)
		var bits uint64
		if err := db.QueryRow(t.Context(), "SELECT reinterpretAsUInt64("+text+")", q.args...).Scan(&bits); err != nil {
			t.Fatal(err)
		}
		if bits != math.Float64bits(x) {
			t.Errorf("%v became %v", x, math.Float64frombits(bits))
		}
	}
}
