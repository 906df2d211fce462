package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"enishi"
	"enishi/internal/stream"
)

const testKey = "wk_test"

// newTestCollector runs a collector over a log in memory.
func newTestCollector(t testing.TB, m *memory, change func(*CollectorConfig)) *Collector {
	t.Helper()
	cfg := CollectorConfig{
		Append: m.append, Parser: NewParser(ParserConfig{}), Now: func() time.Time { return noon }, Linger: -1,
		Keys: func(key string) (string, bool) { return "shop", key == testKey },
	}
	if change != nil {
		change(&cfg)
	}
	c, err := NewCollector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c
}

func packed(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, s)
	z.Close()
	return b.String()
}

// scenario is one request and what must come of it.
type scenario struct {
	name    string
	method  string // POST
	path    string
	body    string
	header  map[string]string // "Authorization": "" takes the key away
	status  int
	want    []string // in the answer
	not     []string // not in the answer
	headers map[string]string
	records int // appended
}

func (s *scenario) run(t *testing.T, c *Collector, m *memory) {
	t.Helper()
	before := 0
	for _, recs := range m.topics {
		before += len(recs)
	}
	method := s.method
	if method == "" {
		method = http.MethodPost
	}
	r := httptest.NewRequest(method, s.path, strings.NewReader(s.body))
	r.SetBasicAuth(testKey, "")
	r.Header.Set("Content-Type", "application/json")
	for k, v := range s.header {
		if r.Header.Del(k); v != "" {
			r.Header.Set(k, v)
		}
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	after := 0
	for _, recs := range m.topics {
		after += len(recs)
	}
	answer := w.Body.String()
	if w.Code != s.status || after-before != s.records {
		t.Errorf("%s: status %d, want %d; %d records, want %d: %s", s.name, w.Code, s.status, after-before, s.records, answer)
	}
	for _, text := range s.want {
		if !strings.Contains(answer, text) {
			t.Errorf("%s: the answer lacks %q: %s", s.name, text, answer)
		}
	}
	for _, text := range s.not {
		if strings.Contains(answer, text) {
			t.Errorf("%s: the answer has %q: %s", s.name, text, answer)
		}
	}
	for k, v := range s.headers {
		if got := w.Header().Get(k); got != v {
			t.Errorf("%s: %s is %q, want %q", s.name, k, got, v)
		}
	}
	if method == http.MethodPost && !json.Valid(w.Body.Bytes()) {
		t.Errorf("%s: the answer is no JSON: %s", s.name, answer)
	}
}

func TestCollector(t *testing.T) {
	t.Parallel()
	m := newMemory()
	c := newTestCollector(t, m, nil)
	const good = `{"userId":"c1","event":"Signed Up"}`
	many := `{"batch":[{"type":"page","userId":"c1"},` + `{"type":"track","event":"Order Completed","userId":"c1","messageId":"m2","properties":{"order_id":"null"}},` +
		`{"type":"order.paid","order":{"order_id":"O1"},"person":{"customer_id":"c1"}},7,{"type":"identify"}]}`
	large := `{"userId":"c1","event":"x","properties":{"x":"` + strings.Repeat("x", MaxEventBytes) + `"}}`
	for _, s := range []scenario{
		{name: "track", path: "/v1/track", body: good, status: 202, want: []string{`"accepted":1`, `"position":"web/`}, not: []string{"rejected"}, records: 1},
		{name: "short", path: "/v1/t", body: good, status: 202, records: 1},
		{name: "identify", path: "/v1/i", body: `{"userId":"c1","traits":{"email":"a@x.jp"}}`, status: 202, records: 1},
		{name: "page", path: "/v1/p", body: `{"anonymousId":"a1"}`, status: 202, records: 1},
		{name: "screen", path: "/v1/screen", body: `{"anonymousId":"a1","name":"x"}`, status: 202, records: 1},
		{name: "group", path: "/v1/group", body: `{"userId":"c1","groupId":"g"}`, status: 202, records: 1},
		{name: "alias", path: "/v1/alias", body: `{"userId":"c1","previousId":"a1"}`, status: 202, records: 1},
		{name: "a batch with bad ones", path: "/v1/batch", body: many, status: 202, records: 2,
			want: []string{`"accepted":2`, `"orders/`, `,web/`, `"index":1,"message_id":"m2","code":"reserved","field":"properties.order_id"`, `"index":3,"code":"type"`, `"index":4,"code":"missing","field":"userId"`, `"reason_ja":"`}},
		{name: "a batch of bad ones", path: "/v1/b", body: `{"batch":[{"type":"track","userId":"c1"},null]}`, status: 400, want: []string{`"accepted":0`, `"index":0`, `"index":1`}},
		{name: "our own form with a member of Segment's", path: "/v1/batch", body: `{"batch":[{"type":"custom.asked","person":{"customer_id":"c1"},"timestamp":"2020-01-01T00:00:00Z"},{"type":"custom.asked","person":{"customer_id":"c1"},"messageId":"m"},{"type":"custom.asked","occurred_at":"2026-11-20T11:00:00Z","timestamp":"x","person":{"customer_id":"c1"},"colour":"red"}]}`, status: 202, records: 1,
			want: []string{`"index":0,"code":"value","field":"timestamp"`, `use occurred_at`, `"field":"messageId"`}},
		{name: "an empty batch", path: "/v1/b", body: `{"batch":[]}`, status: 202, want: []string{`"accepted":0`}},
		{name: "gzip", path: "/v1/track", body: packed(good), header: map[string]string{"Content-Encoding": "gzip"}, status: 202, records: 1},
		{name: "a beacon", path: "/v1/track", body: `{"userId":"c1","event":"x","writeKey":"` + testKey + `"}`, header: map[string]string{"Content-Type": "text/plain;charset=UTF-8", "Authorization": ""}, status: 202, records: 1},
		{name: "a beacon of many", path: "/v1/batch", body: `{"writeKey":"` + testKey + `","batch":[{"type":"page","userId":"c1"}]}`, header: map[string]string{"Content-Type": "text/plain", "Authorization": ""}, status: 202, records: 1},
		{name: "a bearer", path: "/v1/track", body: good, header: map[string]string{"Authorization": "Bearer " + testKey}, status: 202, records: 1},

		{name: "no key", path: "/v1/track", body: good, header: map[string]string{"Authorization": ""}, status: 401, not: []string{testKey}, headers: map[string]string{"WWW-Authenticate": `Basic realm="write key"`}},
		{name: "a wrong key", path: "/v1/track", body: good, header: map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("other:"))}, status: 401, not: []string{"other"}},
		{name: "basic that is none", path: "/v1/track", body: good, header: map[string]string{"Authorization": "Basic %%%"}, status: 401},
		{name: "a wrong key in the body", path: "/v1/track", body: `{"writeKey":"x","userId":"c1","event":"x"}`, header: map[string]string{"Authorization": ""}, status: 401},
		{name: "no such address", path: "/v1/nothing", body: good, status: 404},
		{name: "get", method: http.MethodGet, path: "/v1/track", status: 405, headers: map[string]string{"Allow": "POST, OPTIONS"}},
		{name: "a form", path: "/v1/track", body: "a=b", header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, status: 400, want: []string{"no valid JSON"}},
		{name: "JSON that is said to be a form", path: "/v1/track", body: good, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, status: 202, records: 1},
		{name: "parts", path: "/v1/track", body: good, header: map[string]string{"Content-Type": "multipart/form-data; boundary=x"}, status: 415},
		{name: "brotli", path: "/v1/track", body: good, header: map[string]string{"Content-Encoding": "br"}, status: 415},

		{name: "nothing", path: "/v1/track", body: "", status: 400, want: []string{"no valid JSON"}},
		{name: "half", path: "/v1/track", body: `{"userId":`, status: 400, want: []string{"no valid JSON"}},
		{name: "a list", path: "/v1/track", body: `[]`, status: 400},
		{name: "NaN", path: "/v1/track", body: `{"userId":"c1","event":"x","properties":{"a":NaN}}`, status: 400},
		{name: "deep", path: "/v1/track", body: `{"userId":"c1","event":"x","properties":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5001), status: 400},
		{name: "invalid UTF-8", path: "/v1/track", body: "{\"userId\":\"\xff\"}", status: 400, want: []string{"UTF-8"}},
		{name: "a batch that is none", path: "/v1/batch", body: `{"batch":{}}`, status: 400, want: []string{"batch"}},
		{name: "a batch without", path: "/v1/batch", body: good, status: 400, want: []string{"batch"}},
		{name: "half a batch", path: "/v1/batch", body: `{"batch":[{"type":"page","userId":"c1"},`, status: 400},
		{name: "gzip that is none", path: "/v1/track", body: good, header: map[string]string{"Content-Encoding": "gzip"}, status: 400},
		{name: "half a gzip", path: "/v1/track", body: packed(good)[:30], header: map[string]string{"Content-Encoding": "gzip"}, status: 400},
		{name: "a large event", path: "/v1/track", body: large, status: 400, want: []string{`"code":"too_large"`}},
		{name: "a large event in a batch", path: "/v1/batch", body: `{"batch":[` + large + `,{"type":"page","userId":"c1"}]}`, status: 202, want: []string{`"index":0,"code":"too_large"`}, records: 1},
		{name: "a large body", path: "/v1/track", body: strings.Repeat(" ", 1<<20) + good, status: 413},
		{name: "a large batch", path: "/v1/batch", body: strings.Repeat(" ", 10<<20) + good, status: 413},
		{name: "too many", path: "/v1/batch", body: `{"batch":[` + strings.Repeat("1,", maxBatchSize) + `1]}`, status: 413},
		{name: "a bomb", path: "/v1/batch", body: packed(strings.Repeat(" ", 9<<20)), header: map[string]string{"Content-Encoding": "gzip"}, status: 413},
		{name: "a large bomb", path: "/v1/batch", body: packed(strings.Repeat("0123456789", 11<<20/10)), header: map[string]string{"Content-Encoding": "gzip"}, status: 413},
		{name: "an endless number", path: "/v1/track", body: `{"userId":"c1","event":"Order Completed","properties":{"order_id":"1","total":` + strings.Repeat("9", 400) + `}}`, status: 400},

		{name: "preflight", method: http.MethodOptions, path: "/v1/track", header: map[string]string{"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}, status: 204,
			headers: map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Authorization, Content-Type, Content-Encoding"}},
		{name: "from a browser", path: "/v1/track", body: good, header: map[string]string{"Origin": "https://shop.example"}, status: 202, headers: map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}, records: 1},
	} {
		s.run(t, c, m)
	}
}

// TestCollectorKeepsOthers: what an event in our own form has beside its members becomes a property, unless that is there.
func TestCollectorKeepsOthers(t *testing.T) {
	t.Parallel()
	m := newMemory()
	s := scenario{name: "others", path: "/v1/batch", body: `{"batch":[{"type":"custom.asked","person":{"customer_id":"c1"},"colour":"red","size":3,"properties":{"size":2},"nothing":null}]}`, status: 202, records: 1}
	s.run(t, newTestCollector(t, m, nil), m)
	for _, recs := range m.topics {
		for _, r := range recs {
			if !strings.Contains(string(r.Value), `"properties":{"colour":"red","size":2}`) {
				t.Errorf("%s", r.Value)
			}
		}
	}
}

func TestCollectorOrigins(t *testing.T) {
	t.Parallel()
	m := newMemory()
	c := newTestCollector(t, m, func(cfg *CollectorConfig) { cfg.Origins = []string{"https://shop.example"} })
	for _, s := range []scenario{
		{name: "ours", method: http.MethodOptions, path: "/v1/track", header: map[string]string{"Origin": "https://shop.example"}, status: 204, headers: map[string]string{"Access-Control-Allow-Origin": "https://shop.example", "Vary": "Origin"}},
		{name: "another", method: http.MethodOptions, path: "/v1/track", header: map[string]string{"Origin": "https://evil.example"}, status: 204, headers: map[string]string{"Access-Control-Allow-Origin": "", "Access-Control-Allow-Methods": ""}},
	} {
		s.run(t, c, m)
	}
}

func TestCollectorRate(t *testing.T) {
	t.Parallel()
	m := newMemory()
	now := noon
	c := newTestCollector(t, m, func(cfg *CollectorConfig) { cfg.Rate = 2; cfg.Now = func() time.Time { return now } })
	one := scenario{name: "within", path: "/v1/p", body: `{"userId":"c1"}`, status: 202, records: 1}
	over := scenario{name: "over", path: "/v1/p", body: `{"userId":"c1"}`, status: 429, headers: map[string]string{"Retry-After": "1"}}
	one.run(t, c, m)
	one.run(t, c, m)
	over.run(t, c, m)
	now = now.Add(time.Second)
	one.run(t, c, m)
}

// 202 is not said before the log has the events, and 503 when it does not answer; what was answered so is not written later.
func TestCollectorWaitsForTheLog(t *testing.T) {
	t.Parallel()
	m := newMemory()
	entered, release := make(chan struct{}), make(chan struct{})
	var fail atomic.Bool
	c := newTestCollector(t, m, func(cfg *CollectorConfig) {
		cfg.Append = func(ctx context.Context, recs []stream.Record) error {
			if fail.Load() {
				return errors.New("away")
			}
			entered <- struct{}{}
			<-release
			return m.append(ctx, recs)
		}
	})
	post := func(ctx context.Context) chan int {
		status := make(chan int, 1)
		go func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/p", strings.NewReader(`{"userId":"c1"}`))
			r.SetBasicAuth(testKey, "")
			w := httptest.NewRecorder()
			c.ServeHTTP(w, r)
			status <- w.Code
		}()
		return status
	}
	first := post(t.Context())
	<-entered
	select {
	case code := <-first:
		t.Fatalf("answered %d before the log had it", code)
	default:
	}
	// A second one gives up while the first is still being written.
	ctx, cancel := context.WithCancel(t.Context())
	second := post(ctx)
	cancel()
	if code := <-second; code != 503 {
		t.Errorf("the one that gave up: %d", code)
	}
	release <- struct{}{}
	if code := <-first; code != 202 {
		t.Errorf("first: %d", code)
	}
	if n := len(m.topics[enishi.TopicWeb]); n != 1 {
		t.Errorf("%d records", n)
	}
	fail.Store(true)
	if code := <-post(t.Context()); code != 503 {
		t.Errorf("log away: %d", code)
	}
	away := scenario{name: "retry", path: "/v1/p", body: `{"userId":"c1"}`, status: 503, headers: map[string]string{"Retry-After": "5"}, not: []string{"away"}}
	away.run(t, c, m)
}

func TestCollectorTimeout(t *testing.T) {
	t.Parallel()
	m := newMemory()
	c := newTestCollector(t, m, func(cfg *CollectorConfig) {
		cfg.Timeout = time.Millisecond
		cfg.Append = func(ctx context.Context, _ []stream.Record) error { <-ctx.Done(); return ctx.Err() }
	})
	s := scenario{name: "timeout", path: "/v1/p", body: `{"userId":"c1"}`, status: 503}
	s.run(t, c, m)
}

// Concurrent requests share appends, and each is told its own position.
func TestCollectorGroupsRequests(t *testing.T) {
	t.Parallel()
	m := newMemory()
	var appends atomic.Int32
	c := newTestCollector(t, m, func(cfg *CollectorConfig) {
		cfg.Linger = 2 * time.Millisecond
		cfg.Append = func(ctx context.Context, recs []stream.Record) error { appends.Add(1); return m.append(ctx, recs) }
	})
	var wg sync.WaitGroup
	const n = 500
	for i := range n {
		wg.Go(func() {
			r := httptest.NewRequest(http.MethodPost, "/v1/p", strings.NewReader(fmt.Sprintf(`{"userId":"c%d","messageId":"m%d"}`, i, i)))
			r.SetBasicAuth(testKey, "")
			w := httptest.NewRecorder()
			c.ServeHTTP(w, r)
			var a Answer
			if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 202 {
				t.Errorf("%d %s %v", w.Code, w.Body, err)
				return
			}
			p, err := ParsePosition(a.Position)
			if err != nil || len(p) != 1 {
				t.Errorf("position %q: %v", a.Position, err)
				return
			}
			for at, next := range p {
				m.mu.Lock()
				defer m.mu.Unlock()
				for _, rec := range m.topics[at.Topic] {
					if rec.Partition == at.Partition && rec.Offset == next-1 && strings.Contains(string(rec.Value), fmt.Sprintf(`"m%d"`, i)) {
						return
					}
				}
				t.Errorf("request %d: its event does not stand before %s", i, a.Position)
			}
		})
	}
	wg.Wait()
	if got := appends.Load(); got >= n/2 {
		t.Errorf("%d appends for %d requests", got, n)
	}
}

func TestPosition(t *testing.T) {
	t.Parallel()
	p := Position{{Topic: "web", Partition: 0}: 4, {Topic: "orders", Partition: 3}: 17, {Topic: "orders", Partition: 10}: 1}
	const want = "orders/3@17,orders/10@1,web/0@4"
	if p.String() != want {
		t.Errorf("%s, want %s", p, want)
	}
	back, err := ParsePosition(want)
	if err != nil || back.String() != want {
		t.Errorf("read back %v, %v", back, err)
	}
	for _, bad := range []string{"", "web", "web/0", "web@1", "web/x@1", "web/0@x", "web/-1@1", "web/0@-1", "events/0@1", "web/0@1,"} {
		if p, err := ParsePosition(bad); err == nil {
			t.Errorf("%q was read as %v", bad, p)
		}
	}
}

// A request's body is used again for the next one: nothing that is kept shares memory with it.
func TestCollectorKeepsNothingOfTheBody(t *testing.T) {
	t.Parallel()
	var kept []stream.Record
	c := newTestCollector(t, newMemory(), func(cfg *CollectorConfig) {
		cfg.Rate = 1000
		cfg.Append = func(_ context.Context, recs []stream.Record) error { kept = append(kept, recs...); return nil }
	})
	bodies := []string{
		`{"writeKey":"wk_test","batch":[{"type":"track","event":"Video Played","userId":"user-1","messageId":"message-1","context":{"page":{"url":"https://shop.example/"},"traits":{"email":"a@example.jp"}},"properties":{"some name":"some text","n":[1,"two"]}},
			{"type":"identify","userId":"user-2","traits":{"nickname":"はな","address":{"city":"渋谷区"},"consent":{"email":true}}},
			{"type":"track","event":"Order Completed","userId":"user-3","properties":{"order_id":"order-1","total":"12.50","products":[{"product_id":"product-1","name":"石けん"}]}},
			{"type":"order.paid","id":"native-1","order":{"order_id":"order-2"},"person":{"customer_id":"user-4"}}]}`,
	}
	want := []string{"message-1", "some name", "some text", "a@example.jp", "https://shop.example/", "user-2", "nickname", "はな", "渋谷区", "order-1", "石けん", "native-1", "order-2"}
	for _, text := range bodies {
		body := []byte(text)
		w := httptest.NewRecorder()
		c.take(w, httptest.NewRequest(http.MethodPost, "/v1/batch", nil), "batch", body)
		if w.Code != 202 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		for i := range body {
			body[i] = '#'
		}
	}
	var all strings.Builder
	for _, r := range kept {
		if !json.Valid(r.Value) {
			t.Errorf("%s", r.Value)
		}
		all.Write(r.Value)
		all.Write(r.Key)
	}
	for _, s := range want {
		if !strings.Contains(all.String(), s) {
			t.Errorf("%q was lost: %s", s, all.String())
		}
	}
	if strings.Contains(all.String(), "##") || c.limits["wk_test"] == nil {
		t.Errorf("memory of the body was kept: %v %s", c.limits, all.String())
	}
}
