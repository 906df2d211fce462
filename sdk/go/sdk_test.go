package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"enishi/ingest"
	"enishi/internal/stream"
	sdk "enishi/sdk/go"
)

const key = "wk_test"

// enishiServer is a real collector whose log is in memory. fault may break a request: "503", "lost" (taken, and the answer is not
// heard), "late" (429 with Retry-After).
type enishiServer struct {
	*httptest.Server
	mu     sync.Mutex
	seen   map[string]int // by messageId: how often it reached the log
	values []string
}

func newServer(t *testing.T, fault func() string) *enishiServer {
	t.Helper()
	s := &enishiServer{seen: map[string]int{}}
	parser := ingest.NewParser(ingest.ParserConfig{})
	collector, err := ingest.NewCollector(ingest.CollectorConfig{Parser: parser, Keys: func(k string) (string, bool) { return "server", k == key }, Linger: -1,
		Append: func(_ context.Context, recs []stream.Record) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			for i := range recs {
				x, refusal := parser.Parse(&recs[i], time.Now())
				if refusal != nil {
					return refusal
				}
				s.seen[x.Event.Message]++
				s.values = append(s.values, string(recs[i].Value))
			}
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- collector.Run(ctx) }()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch what := fault(); what {
		case "503":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "late":
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		case "lost":
			collector.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		default:
			collector.ServeHTTP(w, r)
		}
	}))
	s.Server.Config.ErrorLog = nil
	t.Cleanup(func() {
		s.Server.Close()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

func well() string { return "" }

func (s *enishiServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

// TestDelivers: everything arrives, in order, from several goroutines, whatever happens to single requests, and repeats have the same
// ids.
func TestDelivers(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	faults := []string{"503", "lost", "", "late", "", "lost"}
	s := newServer(t, func() string {
		if i := int(n.Add(1)) - 1; i < len(faults) {
			return faults[i]
		}
		return ""
	})
	c, err := sdk.New(sdk.Config{URL: s.URL + "/", WriteKey: key, Batch: 10, Linger: time.Millisecond, Retry: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 50 {
				if err := c.Track(t.Context(), sdk.Event{ID: fmt.Sprintf("m-%d-%02d", g, i), UserID: fmt.Sprint("C", g), Name: "Product Viewed", Properties: map[string]any{"product_id": "P1"}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.count() != 200 {
		t.Errorf("%d events arrived, want 200", s.count())
	}
	repeated := 0
	for _, times := range s.seen {
		repeated += times - 1
	}
	if repeated == 0 || int(n.Load()) <= len(faults) {
		t.Errorf("%d repeats in %d requests: were there no faults?", repeated, n.Load())
	}
	order := map[string][]string{}
	for _, v := range s.values {
		_, rest, _ := strings.Cut(v, `"id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		if g := id[:3]; !slices.Contains(order[g], id) {
			order[g] = append(order[g], id)
		}
	}
	for g, ids := range order {
		if !slices.IsSorted(ids) {
			t.Errorf("%s came in another order: %v", g, ids)
		}
	}
	if err := c.Track(t.Context(), sdk.Event{UserID: "C1", Name: "x"}); !errors.Is(err, sdk.ErrClosed) {
		t.Error(err)
	}
	if err := c.Close(t.Context()); !errors.Is(err, sdk.ErrClosed) {
		t.Error(err)
	}
}

// TestCalls: each call means what it says.
func TestCalls(t *testing.T) {
	t.Parallel()
	s := newServer(t, well)
	c, err := sdk.New(sdk.Config{URL: s.URL, WriteKey: key})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond)
	ctx := t.Context()
	for _, err := range []error{
		c.Identify(ctx, sdk.Event{ID: "1", UserID: "C1", AnonymousID: "a1", At: at, Traits: map[string]any{"email": "hana@mail.example"}}),
		c.Track(ctx, sdk.Event{ID: "2", UserID: "C1", Name: "Order Completed", Properties: map[string]any{"order_id": "O1", "total": "4980"}}),
		c.Page(ctx, sdk.Event{ID: "3", AnonymousID: "a1", Properties: map[string]any{"path": "/p"}}),
		c.Group(ctx, sdk.Event{ID: "4", UserID: "C1", GroupID: "G1"}),
		c.Alias(ctx, sdk.Event{ID: "5", UserID: "C1", PreviousID: "a0"}),
		c.Flush(ctx),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	all := strings.Join(s.values, "\n")
	for _, want := range []string{`"type":"person.identified"`, `"email":"hana@mail.example"`, at.Format(time.RFC3339Nano)[:19], `"type":"order.placed"`, `"order_id":"O1"`, `"type":"page.viewed"`, `"group_id":"G1"`, `"anonymous_id":"a0"`} {
		if !strings.Contains(all, want) {
			t.Errorf("no %s in\n%s", want, all)
		}
	}
	if err := c.Close(ctx); err != nil {
		t.Error(err)
	}
}

// TestRejected: what Enishi refuses is told, with its reason, and the rest passes.
func TestRejected(t *testing.T) {
	t.Parallel()
	s := newServer(t, well)
	told := map[string]string{}
	c, err := sdk.New(sdk.Config{URL: s.URL, WriteKey: key, Rejected: func(e sdk.Event, why sdk.Reason) { told[e.ID] = why.Code + " " + why.Field }})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []sdk.Event{{ID: "good", UserID: "C1", Name: "Signed Up"}, {ID: "bad", UserID: "C1", Name: "Order Completed"}} {
		if err := c.Track(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"bad": "missing properties.order_id"}; !maps.Equal(told, want) || s.count() != 1 {
		t.Errorf("told %v, %d arrived", told, s.count())
	}
}

// TestWaits: a full queue makes callers wait, for as long as their context; Close gives up with its context and says so.
func TestWaits(t *testing.T) {
	t.Parallel()
	s := newServer(t, func() string { return "503" })
	c, err := sdk.New(sdk.Config{URL: s.URL, WriteKey: key, Queue: 3, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	taken := 0
	for err == nil {
		if err = c.Track(ctx, sdk.Event{UserID: "C1", Name: "x"}); err == nil {
			taken++
		}
	}
	if !errors.Is(err, context.DeadlineExceeded) || taken < 3 || taken > 5 {
		t.Errorf("%d taken: %v", taken, err)
	}
	if err := c.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := c.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "3 events") {
		t.Error(err)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	for _, cfg := range []sdk.Config{{WriteKey: key}, {URL: "enishi.example", WriteKey: key}, {URL: "https://enishi.example"}} {
		if _, err := sdk.New(cfg); err == nil {
			t.Errorf("%+v passes", cfg)
		}
	}
	c, err := sdk.New(sdk.Config{URL: "http://127.0.0.1:1", WriteKey: key})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []sdk.Event{{Name: "x"}, {UserID: "C1", Properties: map[string]any{"f": func() {}}}, {UserID: "C1", Properties: map[string]any{"x": strings.Repeat("x", 600<<10)}}} {
		if err := c.Track(t.Context(), e); err == nil {
			t.Errorf("%.40v passes", e)
		}
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func Example() {
	client, err := sdk.New(sdk.Config{URL: "https://enishi.example", WriteKey: "wk_..."})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// The id makes it safe to run this twice for one order.
	_ = client.Track(ctx, sdk.Event{UserID: "C-1", Name: "Order Completed", ID: "order-A-100",
		Properties: map[string]any{"order_id": "A-100", "total": "4980", "currency": "JPY"}})
	_ = client.Close(ctx)
}
