package exports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/internal/place"
)

type world struct {
	t      *testing.T
	cfg    Config
	mu     sync.Mutex
	now    time.Time
	alerts []enishi.Alert
}

var tokyo = time.FixedZone("Asia/Tokyo", 9*3600)

func newWorld(t *testing.T, db *clickhouse.DB) *world {
	out := t.TempDir()
	p, err := place.Open(place.Config{Dir: out})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, now: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)}
	w.cfg = Config{Dir: t.TempDir(), DB: db, Places: map[string]*place.Place{"lake": p}, Through: func(context.Context) (time.Time, error) { return w.clock(), nil }, Zone: func() *time.Location { return tokyo }, Now: w.clock, Log: slog.New(slog.DiscardHandler),
		Alert: func(a enishi.Alert) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.alerts = append(w.alerts, a)
		}}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(time.Millisecond)
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// begin runs a runner until the test ends, or stop is called.
func (w *world) begin() (x *Runner, stop func()) {
	w.t.Helper()
	x, err := New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = x.Run(ctx) }()
	stop = func() { cancel(); <-done }
	w.t.Cleanup(stop)
	return x, stop
}

func (w *world) ends(x *Runner, id enishi.ID) Run {
	w.t.Helper()
	for range 2400 { // two minutes; a machine at rest takes seconds
		r, err := x.Get(w.t.Context(), id)
		if err != nil {
			w.t.Fatal(err)
		}
		if r.ended() {
			return r
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.t.Fatal("it does not end")
	return Run{}
}

func under(t *testing.T, dir string) string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func decide(t *testing.T, db *clickhouse.DB, from, n int, at string) {
	exec(t, db, fmt.Sprintf("INSERT INTO decisions (subject, send_id, round, profile_id, at, version) SELECT toFixedString(unhex(lpad(hex(number), 32, '0')), 16), toFixedString(unhex(lpad(hex(number), 32, '0')), 16), 0, toFixedString(unhex(lpad(hex(number), 32, '0')), 16), toDateTime64('%s', 3, 'UTC') + number, 1 FROM numbers(%d, %d)", at, from, n))
}

// TestRuns: whole files with a manifest, here and at a place; by day; only what is new; kept, fetched and deleted by their time.
func TestRuns(t *testing.T) {
	t.Parallel()
	db := openDB(t, "runs")
	decide(t, db, 0, 100, "2026-11-18 14:59:00") // 23:59 in Tokyo: a day ends after 60 of them
	exec(t, db, "INSERT INTO people (profile_id, version, is_deleted, email, family_name, first_seen_at) VALUES (unhex(repeat('ab', 16)), 1, 0, 'hana@example.jp', '花', now64(3))")
	w := newWorld(t, db)
	x, _ := w.begin()
	begin := func(r Run) Run {
		t.Helper()
		got, err := x.Start(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return w.ends(x, got.ID)
	}
	r := begin(Run{ID: enishi.NewID("1"), Actor: "a", Spec: Spec{Tables: []string{"people", "decisions"}, Day: true, File: File{Format: NDJSON}}})
	if r.State != Done || strings.Join(r.names(), " ") != "people-"+w.clock().In(tokyo).Format("2006")+"" && !strings.Contains(strings.Join(r.names(), " "), "decisions-2026-11-18.ndjson decisions-2026-11-19.ndjson") {
		t.Fatalf("%+v", r)
	}
	if d := r.Tables[1]; d.Rows != 100 || d.Expected != 100 || d.Files[0].Rows != 60 || d.Files[1].Rows != 40 || r.Tables[0].Rows != 1 {
		t.Errorf("%+v", d)
	}
	f, err := x.Open(t.Context(), r.ID, r.Tables[0].Files[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(f)
	f.Close()
	if strings.Contains(string(text), "hana") || strings.Contains(string(text), "花") || !strings.Contains(string(text), strings.Repeat("ab", 16)) {
		t.Errorf("without contacts: %s", text)
	}
	if _, err := x.Open(t.Context(), r.ID, "../replica"); err == nil {
		t.Error("a file outside was opened")
	}

	lake := Spec{Tables: []string{"decisions", "people"}, Place: "lake", New: true, Contacts: true, File: File{Format: CSV, Compression: Gzip}}
	r = begin(Run{ID: enishi.NewID("2"), Name: "nightly", Actor: "a", Spec: lake, KeepDays: 3})
	if r.State != Done || r.Tables[0].Rows != 100 || r.Tables[1].Rows != 1 {
		t.Fatalf("%+v", r)
	}
	var m manifest
	read, err := w.cfg.Places["lake"].Read(t.Context(), r.Folder+"/"+manifestName)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(read).Decode(&m); err != nil || len(m.Tables) != 2 || m.Tables[0].Files[0].SHA256 == "" {
		t.Errorf("%v %+v", err, m)
	}
	read.Close()
	w.pass(time.Hour)
	decide(t, db, 200, 5, "2026-11-20 00:30:00")
	if r = begin(Run{ID: enishi.NewID("3"), Name: "nightly", Actor: "a", Spec: lake, KeepDays: 3}); r.Tables[0].Rows != 5 || r.Tables[1].Rows != 1 {
		t.Errorf("new since the last run: %+v", r.Tables)
	}
	w.pass(4 * 24 * time.Hour)
	begin(Run{ID: enishi.NewID("4"), Actor: "a", Spec: Spec{Tables: []string{"people"}, File: File{Format: Parquet}}})
	var old Run
	var list []place.File
	for range 2400 {
		if old, err = x.Get(t.Context(), r.ID); err != nil {
			break
		}
		if list, err = w.cfg.Places["lake"].List(t.Context(), r.Folder+"/*"); err != nil || old.Gone && len(list) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !old.Gone || len(list) > 0 {
		t.Errorf("files are kept after their time: %v %v", list, err)
	}
	if list, err := x.List(t.Context(), "nightly", 10); err != nil || len(list) != 2 {
		t.Errorf("%d runs of the plan, %v", len(list), err)
	}
}

// TestRunsEnd: a run that is cancelled or fails leaves nothing; one whose process ended is written whole by the next.
func TestRunsEnd(t *testing.T) {
	t.Parallel()
	db := openDB(t, "runs_end")
	exec(t, db, `INSERT INTO visits (profile_id, at, event_id, version, type, path) SELECT toFixedString(unhex(substring(hex(sipHash128(number)), 1, 32)), 16), toDateTime64('2025-01-01 00:00:00', 3, 'UTC') + number,
		toFixedString(unhex(substring(hex(sipHash128(number)), 1, 32)), 16), 1, 'page.viewed', repeat('長', 50) FROM numbers(200000)`)
	w := newWorld(t, db)
	x, stop := w.begin()
	spec := Spec{Tables: []string{"visits"}, Place: "lake", File: File{Format: NDJSON, SplitMB: 5}}
	out := filepath.Dir(w.cfg.Dir)
	start := func(id string) Run {
		t.Helper()
		r, err := x.Start(t.Context(), Run{ID: enishi.NewID(id), Actor: "a", Spec: spec})
		if err != nil {
			t.Fatal(err)
		}
		for range 24_000 {
			if got, _ := x.Get(t.Context(), r.ID); len(got.Tables) > 0 && got.Tables[0].Rows > 0 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		return r
	}
	// Who looks late finds it written: then it is tried again.
	forget := func(r Run) {
		list, err := w.cfg.Places["lake"].List(t.Context(), r.Folder+"/*")
		for _, f := range list {
			err = errors.Join(err, w.cfg.Places["lake"].Remove(t.Context(), f.Name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var r Run
	for try := range 5 {
		r = start(fmt.Sprint("cancel", try))
		if _, err := x.Cancel(t.Context(), r.ID, "b"); err != nil {
			t.Logf("cancel: %v", err)
		}
		if r = w.ends(x, r.ID); r.State != Done {
			break
		}
		forget(r)
	}
	if r.State != Cancelled {
		t.Errorf("%+v", r)
	}
	if left := under(t, w.cfg.Dir); left != "replica" {
		t.Errorf("a cancelled run left %s", left)
	}
	for try := range 5 {
		r = start(fmt.Sprint("killed", try))
		stop()
		got, err := x.Get(t.Context(), r.ID)
		if err != nil || got.State != Done {
			break
		}
		forget(got)
		x, stop = w.begin()
	}
	if left := under(t, out); strings.Contains(left, manifestName) {
		t.Errorf("a run that was cut has a manifest: %s", left)
	}
	x, _ = w.begin()
	if r = w.ends(x, r.ID); r.State != Done || r.Tries != 2 || r.Tables[0].Rows != 200_000 || len(r.names()) < 3 {
		t.Errorf("after the next start: %+v", r)
	}
	total := int64(0)
	list, err := w.cfg.Places["lake"].List(t.Context(), r.Folder+"/*")
	for _, f := range r.Tables[0].Files {
		total += f.Rows
	}
	if err != nil || len(list) != len(r.names())+1 || total != 200_000 {
		t.Errorf("%d files of %d, %d rows: %v", len(list), len(r.names()), total, err)
	}
	delete(w.cfg.Places, "lake") // the place is gone
	r2 := Run{ID: enishi.NewID("gone"), Name: "nightly", Actor: "a", DueAt: w.clock(), Spec: Spec{Tables: []string{"people"}, Place: "lake", File: File{Format: CSV}}, State: Waiting, Replica: x.replica, CreatedAt: w.clock(), Tables: []TableRun{{Name: "people", Files: []FileInfo{}}}}
	x.work(t.Context(), &r2)
	if r2.State != Failed || r2.FailureJA == "" || len(w.alerts) != 1 || w.alerts[0].Kind != "export_failed" {
		t.Errorf("%+v %+v", r2, w.alerts)
	}
}

// TestDue: a plan runs at its moments by the shop's clock, once each; what was missed is made up for once.
func TestDue(t *testing.T) {
	t.Parallel()
	db := openDB(t, "due")
	w := newWorld(t, db)
	x, _ := w.begin()
	p := &Plan{Spec: Spec{Tables: []string{"people"}, File: File{Format: CSV}}, Schedule: &Schedule{Every: "day", At: "10:30"}} // 01:30 UTC
	look := func() int {
		t.Helper()
		for range 2 {
			if err := x.Due(t.Context(), "nightly", p, time.Date(2026, 11, 19, 23, 0, 0, 0, time.UTC), Run{Actor: "a"}); err != nil {
				t.Fatal(err)
			}
		}
		list, err := x.List(t.Context(), "nightly", 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			w.ends(x, r.ID)
		}
		return len(list)
	}
	if n := look(); n != 0 {
		t.Errorf("%d runs before it was due: what was due before it was saved is not begun", n)
	}
	w.pass(2 * time.Hour)
	if n := look(); n != 1 {
		t.Errorf("%d runs at its moment", n)
	}
	w.pass(72 * time.Hour)
	if n := look(); n != 2 {
		t.Errorf("%d runs after three days without the server", n)
	}
	p.Paused = true
	w.pass(24 * time.Hour)
	if n := look(); n != 2 {
		t.Errorf("%d runs of a plan that is paused", n)
	}
	s := Schedule{Every: "hour", At: "15"}
	at := time.Date(2026, 11, 20, 0, 10, 0, 0, tokyo)
	if last, next := s.Last(at, tokyo), s.Next(at, tokyo); !last.Equal(time.Date(2026, 11, 19, 23, 15, 0, 0, tokyo)) || !next.Equal(time.Date(2026, 11, 20, 0, 15, 0, 0, tokyo)) {
		t.Errorf("%s %s", last, next)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := Spec{Tables: []string{"orders"}, File: File{Format: CSV}}
	if err := good.Check("body.", nil); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for field, change := range map[string]func(*Spec){
		"body.tables":      func(s *Spec) { s.Tables = nil },
		"body.tables[0]":   func(s *Spec) { s.Tables = []string{"profiles"} },
		"body.tables[1]":   func(s *Spec) { s.Tables = []string{"orders", "orders"} },
		"body.format":      func(s *Spec) { s.Format = "xlsx" },
		"body.compression": func(s *Spec) { s.Compression = "zip" },
		"body.bom":         func(s *Spec) { s.BOM, s.Format = true, Parquet },
		"body.split_mb":    func(s *Spec) { s.SplitMB = -1 },
		"body.until":       func(s *Spec) { s.Since, s.Until = at, at },
		"body.new":         func(s *Spec) { s.New, s.Since = true, at },
		"body.place":       func(s *Spec) { s.Place = "lake" },
		"body.folder":      func(s *Spec) { s.Folder = "../x" },
	} {
		s := good
		change(&s)
		err := s.Check("body.", []string{"other"})
		e, ok := err.(*enishi.Error)
		if !ok || e.Field != field || e.MsgJA == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
	s := good
	s.Tables, s.Since = []string{"consents"}, at
	if s.Check("", nil) == nil {
		t.Error("a table without a time takes since")
	}
}
