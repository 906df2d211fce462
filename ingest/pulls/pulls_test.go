package pulls

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/imports"
	"enishi/ingest/mapping"
	"enishi/internal/definitions"
	"enishi/internal/place"
	"enishi/internal/place/placetest"
	"enishi/internal/stream"
)

var tokyo = time.FixedZone("JST", 9*60*60)

// memory is a Store.
type memory struct {
	mu    sync.Mutex
	files map[key]File
	looks map[string]Look
}

func (m *memory) Files(_ context.Context, pull string, names []string) ([]File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []File
	for _, f := range m.files {
		for _, name := range names {
			if f.Name == name {
				out = append(out, f)
			}
		}
	}
	return out, nil
}

func (m *memory) Known(_ context.Context, pull, hash, how string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.files {
		if f.Hash == hash && f.How == how && f.State == Taken {
			return true, nil
		}
	}
	return false, nil
}

func (m *memory) Keep(_ context.Context, f *File) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[keyOf(f.Name, f.Size, f.At)] = *f
	return nil
}

func (m *memory) Look(_ context.Context, pull string) (Look, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, ok := m.looks[pull]
	return l, ok, nil
}

func (m *memory) KeepLook(_ context.Context, l *Look) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looks[l.Pull] = *l
	return nil
}

// house is a shop with one place, whose log is a slice and whose clock is a number.
type house struct {
	t       *testing.T
	at      *place.Place
	dir     string
	store   *memory
	log     *definitions.Log
	version int64
	now     time.Time
	total   string // column of the mapping

	*Keeper
	stop   func()
	mu     sync.Mutex
	rows   map[string]int // mark of an event -> how often it was appended
	alerts map[enishi.ID]string
	fails  func(ctx context.Context, n int) error
}

func newHouse(t *testing.T, at *place.Place) *house {
	h := &house{t: t, at: at, dir: t.TempDir(), store: &memory{files: map[key]File{}, looks: map[string]Look{}}, log: definitions.NewLog(), now: time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC), total: "合計", rows: map[string]int{}, alerts: map[enishi.ID]string{}}
	h.start()
	return h
}

// start is a process that begins, with what the one before left in its folder.
func (h *house) start() {
	h.t.Helper()
	im, err := imports.New(imports.Config{Dir: h.dir, Parser: ingest.NewParser(ingest.ParserConfig{}), Zone: func() *time.Location { return tokyo }, Now: func() time.Time { return h.now }, Log: slog.New(slog.DiscardHandler),
		Mapping: func(name string) (mapping.Mapping, bool) {
			return mapping.Mapping{Format: mapping.CSV, Rules: []mapping.Rule{{Event: "order.placed", Fields: map[string]string{
				"occurred_at": `row["日付"]`, "person.email": `row["メール"]`, "order.order_id": `row["注文番号"]`, "order.total": `row["` + h.total + `"]`}}}}, name == "orders"
		},
		Append: func(ctx context.Context, recs []stream.Record) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.fails != nil {
				if err := h.fails(ctx, len(h.rows)); err != nil {
					return err
				}
			}
			for _, r := range recs {
				var e struct {
					Import struct {
						File string
						Row  int
					}
				}
				if err := json.Unmarshal(r.Value, &e); err != nil {
					return err
				}
				h.rows[fmt.Sprint(e.Import)]++
			}
			return nil
		}})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(h.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = im.Run(ctx) }()
	h.stop = func() { stop(); <-done }
	h.t.Cleanup(h.stop)
	h.Keeper = New(Config{Places: map[string]*place.Place{"house": h.at}, Imports: im, Definitions: h.log, Store: h.store, Mine: func() bool { return true }, Zone: func() *time.Location { return tokyo },
		Tell: func(_ context.Context, a enishi.Alert) error { h.alerts[a.ID] = a.TextJA; return nil }, Over: func(_ context.Context, id enishi.ID) error { delete(h.alerts, id); return nil },
		Now: func() time.Time { return h.now }, Log: slog.New(slog.DiscardHandler)})
}

func (h *house) save(kind string, body any) {
	h.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	if p, ok := body.(FilePull); ok {
		if _, err := Parse(text); err != nil {
			h.t.Fatalf("%+v: %v", p, err)
		}
	}
	d, err := json.Marshal(enishi.Definition{Kind: kind, Name: "daily", Expect: -1, Body: text, At: h.now, RequestID: enishi.NewID("r", fmt.Sprint(h.version))})
	if err != nil {
		h.t.Fatal(err)
	}
	h.log.Fold(h.version, d)
	h.version++
}

func (h *house) put(name, text string) {
	h.t.Helper()
	if err := h.at.Write(h.t.Context(), name, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) names(pattern string) string {
	h.t.Helper()
	list, err := h.at.List(h.t.Context(), pattern)
	if err != nil {
		h.t.Fatal(err)
	}
	out := []string{}
	for _, f := range list {
		out = append(out, f.Name)
	}
	return strings.Join(out, " ")
}

// look lets time pass and looks.
func (h *house) look(after time.Duration) Look {
	h.t.Helper()
	h.now = h.now.Add(after)
	if err := h.Due(h.t.Context(), "daily"); err != nil {
		h.t.Fatal(err)
	}
	return h.store.looks["daily"]
}

// counted is how many rows count: a mark that is there twice counts once.
func (h *house) counted() (once, all int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.rows {
		all += n
	}
	return len(h.rows), all
}

func orders(from, to int, bad ...int) string {
	var b strings.Builder
	b.WriteString("注文番号,日付,メール,合計\n")
	for i := from; i < to; i++ {
		total := "1200"
		for _, x := range bad {
			if x == i {
				total = "千二百円"
			}
		}
		fmt.Fprintf(&b, "A%d,2026/11/20,p%d@x.test,%s\n", i, i, total)
	}
	return b.String()
}

func each(t *testing.T, f func(t *testing.T, at *place.Place)) {
	server := placetest.Key(t)
	for kind, cfg := range map[string]place.Config{
		"dir":  {Dir: t.TempDir()},
		"sftp": {SFTP: &place.SFTP{Addr: placetest.SFTP(t, server), User: "house", Password: "secret", HostKey: string(ssh.MarshalAuthorizedKey(server.PublicKey())), Folder: t.TempDir()}},
		"s3":   {S3: &place.S3{Bucket: "shop", Endpoint: placetest.S3(t, "shop"), AccessKey: "a", SecretKey: "b", Prefix: "enishi/"}},
	} {
		at, err := place.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(kind, func(t *testing.T) { f(t, at) })
	}
}

// TestPull: a file is taken when it stands still, once, its bad rows are written back, and it is moved away; one that comes again with
// the same content is known, one of another content is not.
func TestPull(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at *place.Place) {
		h := newHouse(t, at)
		h.put("in/orders-1.csv", orders(0, 50, 7))
		h.put("in/else.txt", "x")
		h.save(Kind, FilePull{Place: "house", Pattern: "in/orders-*.csv", Mapping: "orders", Every: 30, After: Move})
		if l := h.look(0); l.Found != 1 || l.Waiting != 1 || l.Taken != 0 {
			t.Fatalf("the first look: %+v", l)
		}
		if l := h.look(time.Minute); l.Taken != 1 || l.Waiting != 0 {
			t.Fatalf("a minute later: %+v", l)
		}
		if once, all := h.counted(); once != 49 || all != 49 {
			t.Errorf("%d rows, %d appended", once, all)
		}
		if got := h.names("in/*"); !strings.Contains(got, "in/orders-1.csv.rejects.csv") || strings.Contains(got, "in/orders-1.csv ") || strings.HasSuffix(got, "in/orders-1.csv") {
			t.Errorf("left there: %s", got)
		}
		if got := h.names("in/done/*"); !strings.HasSuffix(got, "-orders-1.csv") {
			t.Errorf("done: %s", got)
		}
		r, err := at.Read(t.Context(), "in/orders-1.csv.rejects.csv")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || strings.Count(string(text), "\n") != 2 || !strings.Contains(string(text), "千二百円") {
			t.Errorf("the rows to mend: %q %v", text, err)
		}
		for _, f := range h.store.files {
			if f.Events != 49 || f.Rejected != 1 || len(f.Problems) != 1 || !f.Put {
				t.Errorf("kept: %+v", f)
			}
		}
		h.put("in/orders-2.csv", orders(0, 50, 7))
		h.look(30 * time.Minute)
		h.look(time.Minute)
		if once, all := h.counted(); once != 49 || all != 49 {
			t.Errorf("the same content: %d rows, %d appended", once, all)
		}
		h.put("in/orders-3.csv", orders(50, 60))
		h.look(30 * time.Minute)
		h.look(time.Minute)
		if once, _ := h.counted(); once != 59 {
			t.Errorf("another file: %d rows", once)
		}
		if len(h.Imports().List()) != 0 {
			t.Errorf("imports stayed: %+v", h.Imports().List())
		}
	})
}

// Imports is for tests.
func (k *Keeper) Imports() *imports.Importer { return k.cfg.Imports }

// TestGrowing: a file that is still written is left, also when it grows while it is read; with an ending it is taken when the file with
// that ending is there, and both go.
func TestGrowing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at *place.Place) {
		h := newHouse(t, at)
		h.save(Kind, FilePull{Place: "house", Pattern: "*.csv", Mapping: "orders", Every: 30})
		for i := 1; i < 4; i++ {
			h.put("a.csv", orders(0, i*10))
			if l := h.look(time.Minute); l.Waiting != 1 || l.Taken != 0 {
				t.Fatalf("it grows: %+v", l)
			}
		}
		if l := h.look(time.Minute); l.Taken != 1 {
			t.Fatalf("it stands: %+v", l)
		}
		if l := h.look(30 * time.Minute); l.Taken != 0 || l.Found != 1 {
			t.Errorf("it is known: %+v", l)
		}
		if once, all := h.counted(); once != 30 || all != 30 {
			t.Errorf("%d rows, %d appended", once, all)
		}
		h.save(Kind, FilePull{Place: "house", Pattern: "in/*.csv", Mapping: "orders", Every: 30, Ready: ".done", After: Delete})
		h.put("in/b.csv", orders(100, 110))
		if l := h.look(time.Minute); l.Waiting != 1 || l.Taken != 0 {
			t.Fatalf("without the ending: %+v", l)
		}
		h.put("in/b.done", "ok")
		if l := h.look(time.Minute); l.Taken != 1 {
			t.Fatalf("with it: %+v", l)
		}
		if got := h.names("in/*"); got != "" {
			t.Errorf("left there: %s", got)
		}
	})
}

// TestKilled: the process ends in the middle of a file, and another begins where it stood. Each row counts once, and none is missing.
func TestKilled(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at *place.Place) {
		h := newHouse(t, at)
		h.save(Kind, FilePull{Place: "house", Pattern: "*.csv", Mapping: "orders", At: "06:00", Ready: ".ok", After: Move})
		h.put("a.csv", orders(0, 5000))
		h.put("a.csv.ok", "ok")
		ctx, kill := context.WithCancel(t.Context())
		h.fails = func(ctx context.Context, n int) error {
			if n >= 2000 {
				kill()
				go h.stop()
				<-ctx.Done() // the importer hears of it
				return errors.New("the process ends")
			}
			return nil
		}
		if err := h.Due(ctx, "daily"); err == nil {
			t.Fatal("it went on")
		}
		h.stop()
		if got := h.names("*.csv"); got != "a.csv" || len(h.store.files) != 0 {
			t.Fatalf("half a file was taken: %s %v", got, h.store.files)
		}
		h.fails = nil
		h.start()
		if l := h.look(time.Second); l.Taken != 1 || l.Problem != "" {
			t.Fatalf("%+v", l)
		}
		if once, _ := h.counted(); once != 5000 {
			t.Errorf("%d rows of 5000", once)
		}
		if got := h.names("*"); got != "" {
			t.Errorf("left there: %s", got)
		}
		if l := h.look(time.Hour); l.At.Equal(h.now) {
			t.Errorf("looked an hour later: %+v", l)
		}
		if l := h.look(24 * time.Hour); !l.At.Equal(h.now) || l.Next.In(tokyo).Format("15:04") != "06:00" {
			t.Errorf("did not look the next day: %+v", l)
		}
	})
}

// TestRefused: a file whose columns are missing is refused as a whole, somebody is told once, and it is read again when the mapping
// says something else.
func TestRefused(t *testing.T) {
	t.Parallel()
	at, err := place.Open(place.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, at)
	h.total = "金額"
	h.put("a.csv", orders(0, 5))
	h.put("a.csv.done", "")
	h.put("empty.csv", "")
	h.put("empty.csv.done", "")
	h.save(Kind, FilePull{Title: mapping.Title{JA: "受注"}, Place: "house", Pattern: "*.csv", Mapping: "orders", Every: 5, Ready: ".done", After: Move})
	if l := h.look(0); l.Refused != 1 || l.Taken != 1 || len(h.alerts) != 1 {
		t.Fatalf("%+v %v", l, h.alerts)
	}
	for _, text := range h.alerts {
		if !strings.Contains(text, "「受注」") || !strings.Contains(text, "1 件") {
			t.Error(text)
		}
	}
	if l := h.look(5 * time.Minute); l.Refused != 1 || h.names("*.csv") != "a.csv" {
		t.Errorf("%+v %s", l, h.names("*.csv"))
	}
	h.total = "合計"
	if l := h.look(5 * time.Minute); l.Refused != 0 || l.Taken != 1 || len(h.alerts) != 0 {
		t.Errorf("mended: %+v %v", l, h.alerts)
	}
	h.save(Kind, FilePull{Place: "away", Pattern: "*.csv", Mapping: "orders", Every: 60})
	if l := h.look(time.Second); l.ProblemJA == "" || len(h.alerts) != 1 || l.Next.Sub(h.now) > again {
		t.Errorf("%+v %v", l, h.alerts)
	}
}

// TestLate: when no file came until the time that is said, somebody is told once a day, and it ends when one comes. A look that somebody
// asks for is made also while the pull is paused.
func TestLate(t *testing.T) {
	t.Parallel()
	at, err := place.Open(place.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, at) // 10:00 in Japan
	p := FilePull{Place: "house", Pattern: "*.csv", Mapping: "orders", Every: 60, Ready: ".done", By: "06:00"}
	h.save(Kind, p)
	if h.look(0); len(h.alerts) != 0 {
		t.Fatalf("told of a day before it was there: %v", h.alerts)
	}
	if h.look(19 * time.Hour); len(h.alerts) != 0 {
		t.Fatalf("told too early: %v", h.alerts)
	}
	if h.look(time.Hour + time.Minute); len(h.alerts) != 1 {
		t.Fatal("told nobody")
	}
	for _, text := range h.alerts {
		if !strings.Contains(text, "毎日 06:00 まで") {
			t.Error(text)
		}
	}
	clear(h.alerts) // somebody closed it
	if h.look(time.Hour); len(h.alerts) != 0 {
		t.Error("told twice a day")
	}
	if h.look(24 * time.Hour); len(h.alerts) != 1 {
		t.Error("not told the next day")
	}
	p.Paused = true
	h.save(Kind, p)
	h.put("a.csv", orders(0, 5))
	h.put("a.csv.done", "")
	if h.look(2 * time.Hour); len(h.store.files) != 0 {
		t.Error("taken though it is paused")
	}
	h.save(RunKind, Run{ID: "now"})
	if l := h.look(time.Second); l.Taken != 1 || l.Run != "now" || len(h.alerts) != 0 {
		t.Errorf("%+v %v", l, h.alerts)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for body, field := range map[string]string{
		`{"pattern":"*.csv","every":5}`:                                       "place",
		`{"place":"a","every":5}`:                                             "pattern",
		`{"place":"a","pattern":"*/x.csv","every":5}`:                         "pattern",
		`{"place":"a","pattern":"*.csv"}`:                                     "every",
		`{"place":"a","pattern":"*.csv","every":5,"at":"06:00"}`:              "every",
		`{"place":"a","pattern":"*.csv","every":1}`:                           "every",
		`{"place":"a","pattern":"*.csv","at":"6 am"}`:                         "at",
		`{"place":"a","pattern":"*.csv","at":"06:00","by":"x"}`:               "by",
		`{"place":"a","pattern":"*.csv","at":"06:00","after":"burn"}`:         "after",
		`{"place":"a","pattern":"*.csv","at":"06:00","ready":"done"}`:         "ready",
		`{"place":"a","pattern":"*.csv","at":"06:00","x":1}`:                  "body",
		`{"place":"a","pattern":"*","at":"06:00","preset":"a","mapping":"b"}`: "mapping",
	} {
		_, err := Parse([]byte(body))
		var known *enishi.Error
		if !errors.As(err, &known) || known.Field != field || known.MsgJA == "" {
			t.Errorf("%s: %v", body, err)
		}
	}
}
