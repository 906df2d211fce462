package api

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/analytics"
	"enishi/channels"
	"enishi/ingest"
	"enishi/internal/clickhouse"
	"enishi/internal/definitions"
	"enishi/internal/embedded"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
)

var update = flag.Bool("update", false, "rewrite openapi.yaml")

// engine and broker are the one of each of this test binary; a test's workspace has a database and a topic prefix of its own.
var (
	engine     *embedded.Engine
	brokerAddr string
	missing    error // why there is no engine
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	if _, missing = embedded.FindLibrary(""); missing != nil {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "api")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if engine, err = embedded.OpenEngine(embedded.EngineConfig{Dir: dir + "/engine"}); err != nil {
		log.Print(err)
		return 1
	}
	defer engine.Close()
	broker, err := embedded.OpenBroker(embedded.BrokerConfig{Dir: dir + "/broker"})
	if err != nil {
		log.Print(err)
		return 1
	}
	defer broker.Close()
	brokerAddr = broker.Addr()
	code := m.Run()
	if shared.w != nil {
		shared.w.stop()
	}
	return code
}

const testPartitions = 4

var serial atomic.Int32

// world is a workspace on the real engine and broker: everything between the log and the API but the sender.
type world struct {
	t      testing.TB
	api    *API
	server *httptest.Server
	cfg    Config
	token  string // what call sends; empty: nothing
	stop   func()
	log    *logBuffer
}

// logBuffer keeps the log for tests of what it must not hold.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// shared is the workspace with the scenario that reading tests look at.
var shared struct {
	once sync.Once
	w    *world
}

// theWorld is the shared workspace as this test sees it: it starts no second one.
func theWorld(t testing.TB) *world {
	t.Helper()
	needEngine(t)
	shared.once.Do(func() {
		w, err := openWorld(context.Background(), func(*Config) {})
		if err != nil {
			t.Fatal(err)
		}
		w.t = t
		w.play(scenario(time.Now().UTC()))
		shared.w = w
	})
	if shared.w == nil {
		t.Fatal("the shared workspace did not start")
	}
	view := *shared.w
	view.t = t
	return &view
}

// newWorld is an empty workspace of its own.
func newWorld(t testing.TB, change func(*Config)) *world {
	t.Helper()
	needEngine(t)
	w, err := openWorld(context.Background(), change)
	if err != nil {
		t.Fatal(err)
	}
	w.t = t
	t.Cleanup(w.stop)
	return w
}

func needEngine(t testing.TB) {
	t.Helper()
	if missing != nil {
		t.Skip(missing)
	}
}

// databases are empty ones that a test before has used: to make one takes longer than most tests, and each costs the engine some work as long as it is there.
var databases struct {
	mu   sync.Mutex
	free []*clickhouse.DB
}

func takeDatabase(ctx context.Context, name string) (*clickhouse.DB, error) {
	databases.mu.Lock()
	defer databases.mu.Unlock()
	if n := len(databases.free); n > 0 {
		db := databases.free[n-1]
		databases.free = databases.free[:n-1]
		return db, nil
	}
	return clickhouse.Open(ctx, clickhouse.Config{Transport: engine, Database: name})
}

// giveDatabase empties a database for the next test.
func giveDatabase(db *clickhouse.DB) {
	ctx := context.Background()
	var tables []string
	err := db.Conn().QueryRow(ctx, "SELECT groupArray(name) FROM system.tables WHERE database = currentDatabase() AND total_rows > 0 AND name != 'goose_db_version'").Scan(&tables)
	for _, table := range tables {
		if err == nil {
			err = db.Conn().Exec(ctx, "TRUNCATE TABLE `"+table+"` SYNC")
		}
	}
	if err != nil {
		log.Print(err)
		_ = db.Close()
		return
	}
	databases.mu.Lock()
	defer databases.mu.Unlock()
	databases.free = append(databases.free, db)
}

func openWorld(ctx context.Context, change func(*Config)) (*world, error) {
	ctx, cancel := context.WithCancel(ctx)
	name := fmt.Sprintf("api_%d_%d", os.Getpid(), serial.Add(1))
	w := &world{log: &logBuffer{}}
	logger := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	db, err := takeDatabase(ctx, name)
	if err != nil {
		cancel()
		return nil, err
	}
	specs := []stream.TopicSpec{}
	for _, topic := range []string{enishi.TopicCatalogue, enishi.TopicIdentities, enishi.TopicDefinitions, enishi.TopicDead} {
		specs = append(specs, stream.TopicSpec{Name: topic, Partitions: 1})
	}
	for _, topic := range append(enishi.SourceTopics(), enishi.TopicEvents, enishi.TopicMessages) {
		specs = append(specs, stream.TopicSpec{Name: topic})
	}
	client, err := stream.Open(ctx, stream.Config{Brokers: []string{brokerAddr}, Prefix: name + ".", Topics: specs, Partitions: testPartitions, SessionTimeout: 1500 * time.Millisecond, Log: logger})
	if err != nil {
		cancel()
		return nil, err
	}
	if err := w.build(ctx, db, client, logger, change); err != nil {
		cancel()
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	runner := &pipeline.Runner{Folder: w.cfg.Folder, Consume: client.Consume, Log: logger}
	for _, run := range []func(context.Context) error{w.cfg.Ingester.Run, runner.Run, w.api.Run,
		func(ctx context.Context) error { return w.cfg.Definitions.Follow(ctx, client) }} {
		g.Go(func() error { return run(ctx) })
	}
	w.server = httptest.NewServer(w.api.Mux(Parts{}))
	w.stop = func() {
		w.server.CloseClientConnections()
		w.server.Close()
		cancel()
		if err := g.Wait(); err != nil && ctx.Err() == nil {
			log.Print(err)
		}
		client.Close()
		giveDatabase(db)
	}
	deadline, done := context.WithTimeout(ctx, patience)
	defer done()
	return w, poll(deadline, func() (bool, error) { return runner.Ready(), nil })
}

func (w *world) build(ctx context.Context, db *clickhouse.DB, client *stream.Client, logger *slog.Logger, change func(*Config)) error {
	cfg := Config{DB: db, Stream: client, Definitions: definitions.NewLog(), Hasher: enishi.NewHasher([]byte("identifiers of the tests, 32 byte")), Reports: &analytics.Reports{Conn: db.Conn()},
		Version: "test", Key: []byte("sessions of the tests, 32 bytes.."), LINEProvider: "main", Loopback: true, Log: logger, Now: time.Now}
	store := &pipeline.Store{DB: db, Now: time.Now}
	var err error
	cfg.Folder, err = pipeline.New(pipeline.Config{Partitions: testPartitions, Definitions: cfg.Definitions, Append: client.Append, Load: store.Load, Save: store.Save, Now: time.Now, Log: logger,
		Checkpoint: 20 * time.Millisecond, Merges: func(from int64) ([]pipeline.Move, int64) {
			moves, next := cfg.Ingester.Graph().Merges(from)
			out := make([]pipeline.Move, len(moves))
			for i := range moves {
				out[i] = pipeline.Move(moves[i])
			}
			return out, next
		}})
	if err != nil {
		return err
	}
	dead := DeadTable{db}
	cfg.Ingester, err = ingest.New(ingest.Config{Stream: client, Hasher: cfg.Hasher, Parser: ingest.ParserConfig{LineProvider: "main"}, SaveDead: dead.Save, Clock: cfg.Folder.Clock().Virtual, Log: logger})
	if err != nil {
		return err
	}
	cfg.Dead, err = ingest.NewDeadLetters(ingest.DeadConfig{Append: client.Append, Load: dead.Load, Save: dead.Save, Parser: cfg.Ingester.Parser()})
	if err != nil {
		return err
	}
	cfg.Renderer, err = channels.NewRenderer(channels.RendererConfig{Definitions: cfg.Definitions, BaseURL: "http://cdp.example", Key: cfg.Key, Brand: map[string]any{"name": "縁コスメ", "address": "東京都", "contact": "help@shop.example"}})
	if err != nil {
		return err
	}
	change(&cfg)
	w.cfg = cfg
	if w.api, err = New(cfg); err == nil {
		w.api.waitLimit = patience
	}
	return err
}

// reply is what the server said.
type reply struct {
	t      testing.TB
	status int
	header http.Header
	text   string
}

// call sends a request; body may be nil, a text or anything that JSON takes.
func (w *world) call(method, path string, body any, headers ...string) reply {
	w.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		r = bytes.NewReader(text)
	}
	if !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "//") {
		path = "/api/v1" + path
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.server.URL+strings.TrimPrefix(path, "/"+"/"), r)
	if err != nil {
		w.t.Fatal(err)
	}
	if strings.HasPrefix(path, "//") {
		req.URL.Path = path[1:]
	}
	if r != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if w.token != "" {
		req.Header.Set("Authorization", "Bearer "+w.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply{w.t, res.StatusCode, res.Header, string(text)}
}

// want fails the test unless the status is this one.
func (a reply) want(status int) reply {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.text)
	}
	return a
}

// into decodes the answer.
func into[T any](a reply) (v T) {
	a.t.Helper()
	if a.status >= 300 {
		a.t.Fatalf("status %d: %s", a.status, a.text)
	}
	if err := json.Unmarshal([]byte(a.text), &v); err != nil {
		a.t.Fatalf("%v: %s", err, a.text)
	}
	return v
}

// write calls a write and returns its position.
func (w *world) write(method, path string, body any) Written {
	w.t.Helper()
	return into[Written](w.call(method, path, body))
}

// play appends events to their source topics and waits until they are in the tables.
func (w *world) play(events []enishi.Event) {
	w.t.Helper()
	var recs []stream.Record
	for i := range events {
		info, ok := enishi.LookupType(events[i].Type)
		if !ok {
			w.t.Fatalf("no type %s", events[i].Type)
		}
		value, err := json.Marshal(&events[i])
		if err != nil {
			w.t.Fatal(err)
		}
		key := ""
		if p := events[i].Person; p != nil {
			key = p.CustomerID + p.AnonymousID + p.Email
		}
		recs = append(recs, stream.Record{Topic: info.Topic, Partition: -1, Key: []byte(key), Value: value})
	}
	if err := w.cfg.Stream.Append(context.Background(), recs); err != nil {
		w.t.Fatal(err)
	}
	if err := w.api.wait(context.Background(), positionOf(recs).String()); err != nil {
		w.t.Fatal(err)
	}
}

// serve serves an API as its workspace would.
func serve(t testing.TB, a *API) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(a.Mux(Parts{}))
	t.Cleanup(s.Close)
	return s
}

// patience is how long is waited for what takes a machine at rest a moment: one that does much else may need it.
const patience = time.Minute

// eventually polls until ok; it fails the test after [patience].
func eventually(t testing.TB, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := poll(ctx, func() (bool, error) { return ok(), nil }); err != nil {
		t.Fatalf("not within %s", patience)
	}
}

// put appends an event straight to a profile, as our own parts do.
func (w *world) put(e enishi.Event) {
	w.t.Helper()
	recs := []stream.Record{pipeline.EventRecord(&e, testPartitions, time.Now().UTC())}
	if err := w.cfg.Stream.Append(context.Background(), recs); err != nil {
		w.t.Fatal(err)
	}
	if err := w.api.wait(context.Background(), positionOf(recs).String()); err != nil {
		w.t.Fatal(err)
	}
}

// id is the profile of an identifier.
func (w *world) id(kind enishi.Kind, value string) string {
	w.t.Helper()
	x := enishi.Identifier{Kind: kind, Value: value}
	if kind == enishi.LINEUser {
		x.Scope = "main"
	}
	return w.cfg.Ingester.Graph().Resolve(w.cfg.Hasher.Hash(x)).String()
}

// key makes a token of a role, or a write key.
func (w *world) key(kind, role string) (token, id string) {
	w.t.Helper()
	token, d, err := NewKey("test "+kind+role, kind, role, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	d.Actor, d.Role, d.RequestID = "test", "admin", enishi.NewID("test", token)
	if _, err := w.cfg.Definitions.Save(context.Background(), w.cfg.Stream, d); err != nil {
		w.t.Fatal(err)
	}
	return token, d.Name
}

// as is the same world seen by another caller.
func (w *world) as(token string) *world {
	v := *w
	v.token = token
	return &v
}

// scenario is what happened: Sato Hanako buys on the web and in a store, Suzuki has said no to mail, a browser is nobody yet.
func scenario(now time.Time) []enishi.Event {
	t := enishi.TextValue
	at := func(hours float64) time.Time {
		return now.Add(-time.Duration(hours * float64(time.Hour))).Truncate(time.Millisecond)
	}
	yen := func(n int) enishi.Amount { return enishi.Amount(n) * enishi.Unit }
	sato := func() *enishi.Person { return &enishi.Person{CustomerID: "C10001"} }
	line := []enishi.Line{{ProductID: "KM-101", Name: "うるおい化粧水", Category: "化粧水", Quantity: 2, Price: yen(3300)}, {ProductID: "KM-301", Name: "やわらぎ乳液", Category: "乳液", Quantity: 1, Price: yen(3630)}}
	address := &enishi.Address{Name: "佐藤 花子", Prefecture: "東京都"}
	return []enishi.Event{
		{Type: "user.signed_up", At: at(20), Channel: "web", Person: &enishi.Person{CustomerID: "C10001", Email: "Hanako.Sato@mail.example", Phone: "090-1234-5678", AnonymousID: "b-1", POSCard: "2900040000001",
			Traits: map[string]enishi.Value{"family_name": t("佐藤"), "given_name": t("花子"), "family_name_kana": t("サトウ"), "given_name_kana": t("ハナコ"), "prefecture": t("東京都"),
				"postal_code": t("104-0061"), "gender": t("female"), "language": t("ja"), "main_store_id": t("ginza")}},
			Consent: []enishi.ConsentChange{{Channel: "email", Purpose: "marketing", State: "in", Method: "form:signup"}}},
		{Type: "product.viewed", At: at(19), Channel: "web", Person: &enishi.Person{AnonymousID: "b-1"}, Web: &enishi.Web{Product: &enishi.Product{ProductID: "KM-101", Name: "うるおい化粧水", Category: "化粧水", Price: yen(3300)}}},
		{Type: "search.performed", At: at(18.9), Channel: "web", Person: &enishi.Person{AnonymousID: "b-1"}, Web: &enishi.Web{Query: "化粧水", Results: 12}},
		{Type: "cart.updated", At: at(18.8), Channel: "web", Person: &enishi.Person{AnonymousID: "b-1"}, Web: &enishi.Web{CartID: "cart-1", Value: yen(10230), Lines: line}},
		{Type: "order.placed", At: at(18), Channel: "web", Person: sato(), Order: &enishi.Order{OrderID: "EN1000001", Currency: "JPY", Lines: line, Subtotal: yen(10230), Total: yen(10230), PaymentMethod: "card", ShipTo: address, CartID: "cart-1"}},
		{Type: "order.paid", At: at(17.9), Person: sato(), Order: &enishi.Order{OrderID: "EN1000001"}},
		{Type: "shipment.shipped", At: at(10), Person: sato(), Shipment: &enishi.Shipment{ShipmentID: "EN1000001-1", OrderID: "EN1000001", Number: 1, Of: 2, Carrier: "yamato", Tracking: "4053-0000-1111", EstimatedAt: now.Add(24 * time.Hour)}},
		{Type: "store.purchased", At: at(5), Channel: "store", Person: &enishi.Person{POSCard: "2900040000001"}, Store: &enishi.StoreVisit{StoreID: "ginza", Register: "1", Receipt: "7", BusinessDate: "2026-11-21"},
			Order: &enishi.Order{OrderID: "ginza:1:2026-11-21:7", Currency: "JPY", StoreID: "ginza", Lines: []enishi.Line{{ProductID: "KM-601", Name: "リップバーム ゆず", Quantity: 1, Price: yen(1320)}}, Subtotal: yen(1320), Total: yen(1320)}},
		{Type: "review.written", At: at(4), Person: sato(), Review: &enishi.Review{ReviewID: "R1", OrderID: "EN1000001", ProductID: "KM-101", Rating: 5, Title: "とても良い"}},
		{Type: "contact.opened", At: at(3), Person: sato(), Contact: &enishi.Contact{ContactID: "Q1", Channel: "phone", Topic: "お届け日", OrderID: "EN1000001"}},
		{Type: "points.earned", At: at(2.5), Person: sato(), Points: &enishi.Points{Amount: 120, Reason: "お買い上げ"}},

		{Type: "user.signed_up", At: at(20), Channel: "web", Person: &enishi.Person{CustomerID: "C10002", Email: "suzuki@mail.example",
			Traits: map[string]enishi.Value{"family_name": t("鈴木"), "given_name": t("一郎"), "family_name_kana": t("スズキ"), "given_name_kana": t("イチロウ"), "prefecture": t("大阪府")}},
			Consent: []enishi.ConsentChange{{Channel: "email", Purpose: "marketing", State: "out", Method: "form:signup"}}},
		{Type: "order.placed", At: at(6), Channel: "web", Person: &enishi.Person{CustomerID: "C10002"}, Order: &enishi.Order{OrderID: "EN1000002", Currency: "JPY", Lines: line[:1], Subtotal: yen(6600), Total: yen(6600), PaymentMethod: "konbini"}},
		{Type: "order.cancelled", At: at(5.5), Person: &enishi.Person{CustomerID: "C10002"}, Order: &enishi.Order{OrderID: "EN1000002", Reason: "customer"}},

		{Type: "page.viewed", At: at(1), Channel: "web", Person: &enishi.Person{AnonymousID: "b-stranger"}, Context: &enishi.Context{Path: "/", Title: "トップページ"}},
	}
}
