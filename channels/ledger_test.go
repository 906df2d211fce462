package channels

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/internal/embedded"
)

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
	dir, err := os.MkdirTemp("", "channels")
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

func ledgerRow(n int, state string, change func(*Row)) Row {
	at := time.Date(2026, 11, 21, 0, 0, n, 0, time.UTC)
	r := Row{Partition: 3, SendID: enishi.NewID("send", fmt.Sprint(n)), Round: 1, State: state, Destination: "email:main:gmail", Channel: "email", Purpose: "marketing", Variant: "b",
		Journey: "welcome", Template: "hello", Prefecture: "東京都", Profile: enishi.NewID("p", fmt.Sprint(n)), DecidedAt: at, UpdatedAt: at.Add(time.Second), Message: fmt.Sprint("message ", n)}
	if change != nil {
		change(&r)
	}
	return r
}

// TestLedgerOnEngine: what the sender relies on, on the real table, in whatever order rows arrive.
func TestLedgerOnEngine(t *testing.T) {
	t.Parallel()
	db := openDB(t, "ledger")
	l := NewLedger(db)
	ctx := t.Context()
	insert := func(rows ...Row) {
		t.Helper()
		if err := l.Insert(ctx, rows); err != nil {
			t.Fatal(err)
		}
	}
	attempt := func(n int) func(*Row) { return func(r *Row) { r.Attempt = n } }
	reported := func(r *Row) { r.Attempt, r.Reported = 1, true }
	decided := ledgerRow(1, "decided", nil)
	intent := ledgerRow(2, "intent", func(r *Row) { r.Attempt, r.NextTryAt = 1, r.UpdatedAt.Add(23*time.Hour) })
	back := ledgerRow(3, "decided", attempt(1))
	owed := ledgerRow(4, "sent", func(r *Row) { r.Attempt, r.Code, r.Reason, r.ProviderID = 1, "250", "理由", "id@x" })
	done := ledgerRow(5, "sent", reported)
	insert(intent, decided, owed)
	insert(ledgerRow(2, "decided", nil), ledgerRow(3, "decided", nil), ledgerRow(3, "intent", attempt(1)), ledgerRow(4, "intent", attempt(1)), done) // late, and out of order
	insert(back, ledgerRow(5, "sent", attempt(1)), ledgerRow(5, "intent", attempt(1)), ledgerRow(5, "deferred", attempt(1)))
	insert(decided, decided) // repeats
	other := ledgerRow(6, "decided", func(r *Row) { r.Partition = 4 })
	insert(other)

	rows, err := l.Unfinished(ctx, 3, 100)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Row{decided, intent, back, owed}, rows); d != "" {
		t.Errorf("unfinished: %s", d)
	}
	if rows, err = l.Unfinished(ctx, 3, 1); err != nil || len(rows) != 3 || rows[0].SendID != decided.SendID {
		t.Errorf("one decided of each destination: %v %v", rows, err)
	}
	if rows, err = l.Waiting(ctx, 3, "email:main:gmail", nil, 10); err != nil || cmp.Diff([]Row{decided, back}, rows) != "" {
		t.Errorf("waiting: %v %v", rows, err)
	}
	if rows, err = l.Waiting(ctx, 3, "line:main", nil, 10); err != nil || len(rows) != 0 {
		t.Errorf("waiting elsewhere: %v %v", rows, err)
	}
	for _, x := range []Stop{{Scope: ScopeJourney, Value: "welcome"}, {Scope: ScopePrefecture, Value: "東京都"}} {
		if rows, err = l.Waiting(ctx, 3, "email:main:gmail", []Stop{x, {Scope: ScopeJourney, Value: "other"}}, 10); err != nil || len(rows) != 0 {
			t.Errorf("waiting but what is held by %s: %v %v", x.Scope, rows, err)
		}
	}
	if rows, err = l.Find(ctx, 3, []enishi.ID{done.SendID, other.SendID, enishi.NewID("nobody")}); err != nil || cmp.Diff([]Row{done}, rows) != "" {
		t.Errorf("find: %v %v", rows, err)
	}
	if rows, err = l.Find(ctx, 3, nil); err != nil || rows != nil {
		t.Errorf("find nothing: %v %v", rows, err)
	}
	rounds, since, err := l.Recent(ctx, 3)
	if err != nil || len(rounds) != 5 || !since.Equal(done.DecidedAt.Add(-time.Hour)) || rounds[0].SendID != done.SendID {
		t.Errorf("recent: %v since %v %v", rounds, since, err)
	}
	insert(ledgerRow(7, "decided", func(r *Row) { r.DecidedAt = r.DecidedAt.Add(2 * time.Hour) }))
	if rounds, _, err = l.Recent(ctx, 3); err != nil || len(rounds) != 1 {
		t.Errorf("recent after a while: %v %v", rounds, err)
	}
	if rounds, since, err = l.Recent(ctx, 9); err != nil || rounds != nil || !since.IsZero() {
		t.Errorf("recent of nothing: %v %v %v", rounds, since, err)
	}
	if rows, err = l.Unfinished(ctx, 9, 10); err != nil || rows != nil {
		t.Errorf("unfinished of nothing: %v %v", rows, err)
	}
}

func TestDeliveries(t *testing.T) {
	t.Parallel()
	db := openDB(t, "deliveries")
	l, d, ctx := NewLedger(db), NewDeliveries(db), t.Context()
	if b, err := d.Backlog(ctx); err != nil || b != (Backlog{}) {
		t.Errorf("backlog of nothing: %+v %v", b, err)
	}
	var rows []Row
	m := &enishi.Message{SendID: enishi.NewID("send", "0"), Round: 1, To: "a@b.example", Variables: "{}"}
	for n := range 30 {
		state := []string{"sent", "failed", "decided"}[n%3]
		rows = append(rows, ledgerRow(n, state, func(r *Row) {
			r.Reason = map[string]string{"failed": "hard: no such user"}[state]
			if n%2 == 1 {
				r.Channel, r.Destination = "line", "line:main"
			}
			r.Message = string(enishi.EncodeMessage(nil, m))
		}))
	}
	if err := l.Insert(ctx, rows); err != nil {
		t.Fatal(err)
	}
	var got []Row
	f := Filter{Channel: "email", Limit: 4}
	for {
		page, err := d.List(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		f.Before = page[len(page)-1].Cursor()
	}
	if len(got) != 15 || got[0].SendID != rows[28].SendID || got[14].SendID != rows[0].SendID || got[0].Message != "" {
		t.Errorf("%d pages' rows", len(got))
	}
	for _, x := range []struct {
		f    Filter
		want int
	}{{Filter{}, 30}, {Filter{State: "failed"}, 10}, {Filter{State: "failed", Channel: "line"}, 5}, {Filter{Journey: "other"}, 0}, {Filter{Template: "hello", Purpose: "marketing"}, 30},
		{Filter{Profile: rows[3].Profile}, 1}, {Filter{SendID: rows[4].SendID}, 1}, {Filter{Since: rows[20].UpdatedAt}, 10}, {Filter{Destination: "line:main"}, 15},
		{Filter{Journey: "' OR 1=1 --"}, 0}} {
		if page, err := d.List(ctx, x.f); err != nil || len(page) != x.want {
			t.Errorf("%+v: %d rows %v, want %d", x.f, len(page), err, x.want)
		}
	}
	counts, err := d.Counts(ctx, Filter{})
	want := []Count{{"email", "marketing", "decided", "", 5}, {"email", "marketing", "failed", "hard: no such user", 5}, {"email", "marketing", "sent", "", 5},
		{"line", "marketing", "decided", "", 5}, {"line", "marketing", "failed", "hard: no such user", 5}, {"line", "marketing", "sent", "", 5}}
	if err != nil || cmp.Diff(want, counts) != "" {
		t.Errorf("counts %v: %s", err, cmp.Diff(want, counts))
	}
	b, err := d.Backlog(ctx)
	if err != nil || b.Open != 10 || b.InHand != 0 || !b.Oldest.Equal(rows[2].DecidedAt) {
		t.Errorf("backlog %+v %v", b, err)
	}
	if m, err := d.Message(ctx, rows[0].SendID); err != nil || m.To != "a@b.example" {
		t.Errorf("message %v %v", m, err)
	}
	if _, err := d.Message(ctx, enishi.NewID("nobody")); enishi.ErrorCode(err) != enishi.NotFound {
		t.Errorf("a message that is not there: %v", err)
	}
}

// TestVersions: the order of the states of a round.
func TestVersions(t *testing.T) {
	t.Parallel()
	v := func(state string, attempt int, reported bool) uint64 {
		r := Row{State: state, Attempt: attempt, Reported: reported}
		return r.version()
	}
	order := []uint64{v("decided", 0, false), v("intent", 1, false), v("decided", 1, false), v("intent", 2, false), v("decided", 2, false), v("intent", 300, false),
		v("deferred", 1, false), v("deferred", 1, true), v("failed", 1, false), v("failed", 1, true), v("unknown", 1, false), v("unknown", 1, true), v("sent", 1, false), v("sent", 1, true)}
	for i := 1; i < len(order); i++ {
		if order[i] <= order[i-1] {
			t.Errorf("state %d is not above the one before", i)
		}
	}
}

func TestKnown(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := func(n int) *enishi.Message {
		return &enishi.Message{SendID: enishi.NewID("send", fmt.Sprint(n)), Round: 1, DecidedAt: at.Add(time.Duration(n) * time.Second)}
	}
	k := newKnown([]Round{{m(5).SendID, 1, m(5).DecidedAt}}, at.Add(4*time.Second))
	k.most = 10
	check := func(n int, taken, ask bool) {
		t.Helper()
		if gotTaken, gotAsk := k.has(m(n)); gotTaken != taken || gotAsk != ask {
			t.Errorf("message %d: taken %t ask %t, want %t %t", n, gotTaken, gotAsk, taken, ask)
		}
	}
	check(5, true, false)
	check(4, false, true) // perhaps: older than what is remembered
	check(6, false, false)
	for n := 6; n < 40; n++ {
		k.add(m(n))
		check(n, true, false)
	}
	if len(k.now)+len(k.past) > 20 {
		t.Errorf("%d are remembered", len(k.now)+len(k.past))
	}
	for n := 5; n < 40; n++ { // never "no" for one that was taken
		if taken, ask := k.has(m(n)); !taken && !ask {
			t.Errorf("message %d is forgotten", n)
		}
	}
	check(40, false, false)
	second := m(39)
	second.Round = 2
	if taken, _ := k.has(second); taken {
		t.Error("another round is taken for the same")
	}
}
