package api

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"enishi"
	"enishi/analytics"
	"enishi/internal/pipeline"
)

func TestHomeAndStatus(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	a := w.call("GET", "/home", nil)
	checkTexts(t, "home", a.text)
	h := into[homePage](a)
	if h.Totals.People != 3 || h.Totals.Orders != 2 || h.Totals.Revenue != (money{11550 * enishi.Unit, "JPY"}) || len(h.Arriving.PerMinute) != 60 || h.Arriving.LastEventAt.IsZero() || len(h.Checklist) != 7 {
		t.Errorf("got %+v", h)
	}
	var minute, day int64
	for _, n := range h.Arriving.PerMinute {
		minute += n
	}
	for _, x := range h.Arriving.ByType24h {
		day += x.Count
	}
	if minute != 15 || day != 15 {
		t.Errorf("%d by minute, %d by type", minute, day)
	}
	s := into[statusPage](w.call("GET", "/status", nil))
	if s.Profiles != 3 || s.Orders != 3 || s.Events["order.placed"] != 2 || s.Dead != 0 || s.Lag != (lag{}) || s.OldestDue != nil || s.Clock.Virtual || len(s.Partitions) != testPartitions {
		t.Errorf("got %+v", s)
	}
	for _, p := range s.Partitions {
		if p.Next != p.End {
			t.Errorf("got %+v", p)
		}
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	r := into[analytics.Revenue](w.call("GET", "/reports/revenue?by=month", nil))
	if r.Totals.Orders != 2 || r.Totals.Revenue != 11550*enishi.Unit || r.Currency != "JPY" || r.CompleteThrough.IsZero() {
		t.Errorf("got %+v", r)
	}
	empty := w.call("GET", "/reports/revenue?from=2001-01-01T00:00:00Z&to=2001-02-01T00:00:00Z", nil).want(200)
	if !strings.Contains(empty.text, `"series":[]`) {
		t.Errorf("got %s", empty.text)
	}
	for _, path := range []string{"/reports/funnel", "/reports/journeys", "/reports/messages?by=template"} {
		a := w.call("GET", path, nil).want(200)
		checkTexts(t, path, a.text)
		if !strings.Contains(a.text, "complete_through") || strings.Contains(a.text, "null") {
			t.Errorf("%s: %s", path, a.text)
		}
	}
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	alert := enishi.Alert{ID: enishi.NewID("alert", "1"), Kind: "clock", Severity: "warning", Text: "something", At: time.Now().UTC()}
	table := pipeline.AlertTable(alert)
	if err := w.cfg.DB.Insert(t.Context(), table.Name, table.Columns, table.Rows, table.Cols...); err != nil {
		t.Fatal(err)
	}
	h := into[homePage](w.call("GET", "/home", nil))
	if len(h.Alerts) != 1 || !japanese.MatchString(h.Alerts[0].TextJA) {
		t.Fatalf("got %+v", h.Alerts)
	}
	w.call("POST", "/alerts/"+alert.ID.String()+"/close", map[string]any{}).want(200)
	if h := into[homePage](w.call("GET", "/home", nil)); len(h.Alerts) != 0 {
		t.Errorf("got %+v", h.Alerts)
	}
	w.call("POST", "/alerts/"+alert.ID.String()+"/close", nil).want(404)
}

func TestClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	at := time.Date(2017, 1, 5, 0, 0, 0, 0, time.UTC)
	w.call("POST", "/clock", map[string]any{}).want(422)
	w.call("POST", "/clock", map[string]any{"at": at, "live": true}).want(422)
	w.call("POST", "/clock", map[string]any{"live": true}).want(409)
	if id := into[struct{ ID string }](w.call("POST", "/import/begin", map[string]any{"name": "olist", "replay": true})).ID; len(id) != 32 {
		t.Errorf("import %s", id)
	}
	set := w.write("POST", "/clock", map[string]any{"at": at})
	c := into[clockPage](w.call("GET", "/clock?after="+set.Position, nil))
	if !c.Virtual || !c.At.Equal(at) {
		t.Errorf("got %+v", c)
	}
	w.call("POST", "/clock", map[string]any{"at": at.Add(-time.Hour)}).want(409)
	w.call("GET", "/clock?after="+w.write("POST", "/clock", map[string]any{"at": at.Add(time.Hour)}).Position, nil).want(200)
	eventually(t, func() bool { return !into[clockPage](w.call("GET", "/clock", nil)).Busy })
	live := w.write("POST", "/clock", map[string]any{"live": true})
	if c := into[clockPage](w.call("GET", "/clock?after="+live.Position, nil)); c.Virtual || time.Since(c.At) > time.Minute {
		t.Errorf("got %+v", c)
	}
	w.play([]enishi.Event{order("C1", "EN1", time.Now().UTC())})
	w.call("POST", "/clock", map[string]any{"at": at}).want(409)
	w.call("POST", "/import/begin", map[string]any{"name": "olist", "replay": true}).want(409)
	w.call("POST", "/import/begin", map[string]any{"name": "olist"}).want(200)
	w.call("POST", "/import/records", map[string]any{"records": []any{}}).want(409)
	w.call("POST", "/demo/clear", map[string]any{"confirm": true}).want(409)
}

func TestDemoAndImport(t *testing.T) {
	t.Parallel()
	var cleared atomic.Int32
	var imported ImportRequest
	w := newWorld(t, func(c *Config) {
		c.Demo = true
		c.ClearDemo = func(context.Context) error { cleared.Add(1); return nil }
		c.Import = func(_ context.Context, x ImportRequest) (ImportAnswer, error) {
			imported = x
			return ImportAnswer{Appended: len(x.Records)}, nil
		}
	})
	w.call("POST", "/demo/clear", map[string]any{"confirm": false}).want(422)
	w.call("POST", "/demo/clear", map[string]any{"confirm": true}).want(200)
	if cleared.Load() != 1 {
		t.Errorf("cleared %d times", cleared.Load())
	}
	if h := into[homePage](w.call("GET", "/home", nil)); h.Checklist[0].Href != "/demo/shop" {
		t.Errorf("got %+v", h.Checklist[0])
	}
	w.key(keyAdmin, "admin")
	w.call("GET", "/session", nil).want(200) // the demo stays open on the machine itself
	w.call("POST", "/import/records", map[string]any{"records": []any{map[string]string{"topic": "events", "value": "{}"}}}).want(422)
	got := into[ImportAnswer](w.call("POST", "/import/records", map[string]any{"records": []any{map[string]string{"topic": "orders", "key": "k", "value": "{}"}}}))
	if got.Appended != 1 || imported.Records[0].Key != "k" {
		t.Errorf("got %+v, %+v", got, imported)
	}
}

// TestLive: what is appended is told at once, with the name, to those who asked for its type.
func TestLive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(scenario(time.Now().UTC())[:1])
	listen := func(query string) (*bufio.Scanner, *http.Response) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+prefix+"/live?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip")
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Content-Encoding") != "" {
			t.Fatalf("%d %v", res.StatusCode, res.Header)
		}
		s := bufio.NewScanner(res.Body)
		for s.Scan() {
			if s.Text() == "event: ready" {
				return s, res
			}
		}
		t.Fatal("it never begins")
		return nil, nil
	}
	next := func(s *bufio.Scanner) liveEvent {
		t.Helper()
		for s.Scan() {
			if data, ok := strings.CutPrefix(s.Text(), "data: {\"id\""); ok {
				var e liveEvent
				if err := json.Unmarshal([]byte(`{"id"`+data), &e); err != nil {
					t.Error(err)
				}
				return e
			}
		}
		t.Error("it ends")
		return liveEvent{}
	}
	all, _ := listen("")
	orders, res := listen("types=order.placed,order.paid")
	// The follower begins with the first who watches: what is appended before it stands at the end is not its to tell.
	told := make(chan liveEvent, 1)
	go func() { told <- next(all) }()
	var e liveEvent
	for heard := false; !heard; {
		w.play([]enishi.Event{{Type: "page.viewed", Person: &enishi.Person{AnonymousID: "b-9"}, Context: &enishi.Context{Title: "お知らせ"}, At: time.Now().UTC()}})
		select {
		case e = <-told:
			heard = true
		case <-time.After(liveEvery):
		}
	}
	if e.Type != "page.viewed" || e.Summary.JA != "お知らせ" || e.Label.JA != "ページ閲覧" || e.Name != "" || e.AppendedAt.IsZero() {
		t.Errorf("got %+v", e)
	}
	w.play([]enishi.Event{order("C10001", "EN7", time.Now().UTC())})
	if e := next(orders); e.OrderID != "EN7" || e.Name != "佐藤 花子" || e.Amount != "1000" || e.Profile.String() != w.id(enishi.Customer, "C10001") {
		t.Errorf("got %+v", e)
	}
	res.Body.Close()
	eventually(t, func() bool {
		w.api.hub.mu.Lock()
		defer w.api.hub.mu.Unlock()
		return len(w.api.hub.watchers) == 1
	})
}

func TestSlowWatcher(t *testing.T) {
	t.Parallel()
	w := &watcher{steps: make(chan step, 1)}
	rows := []liveEvent{{Type: "a"}, {Type: "b"}}
	w.offer(rows, 0)
	w.offer(rows, 0)
	w.offer(rows, 3)
	if s := <-w.steps; len(s.events) != 2 || s.missed != 0 {
		t.Errorf("got %+v", s)
	}
	w.offer(rows, 1)
	if s := <-w.steps; len(s.events) != 2 || s.missed != 8 {
		t.Errorf("got %+v", s)
	}
	w = &watcher{steps: make(chan step, 1), types: map[string]bool{"a": true}, q: "佐藤"}
	w.offer([]liveEvent{{Type: "a", Name: "佐藤 花子"}, {Type: "a", Name: "鈴木"}, {Type: "b", Name: "佐藤"}}, 0)
	if s := <-w.steps; len(s.events) != 1 {
		t.Errorf("got %+v", s)
	}
	var b bytes.Buffer
	rec := httptest.NewRecorder()
	if err := writeStep(rec, &step{events: []liveEvent{{Type: "a"}}, missed: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(&b, rec.Body); err != nil || !strings.HasPrefix(b.String(), "event: missed\ndata: {\"count\":2}\n\nevent: record\ndata: {") || !strings.HasSuffix(b.String(), "}\n\n") {
		t.Errorf("got %q, %v", b.String(), err)
	}
}

// fetch is a request as a browser sends it, redirects and compression left as they are.
func fetch(t *testing.T, method, url string, headers ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

func TestMux(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	named := func(name string) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(rw, name+" "+r.PathValue("account"))
		})
	}
	ready := false
	files := fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>console</title>" + strings.Repeat(" ", 2000))}, "assets/app-1.js": {Data: []byte("let x")}, "icon.svg": {Data: []byte("<svg/>")}}
	s := httptest.NewServer(w.api.Mux(Parts{Collector: named("collector"), LINE: named("line"), Links: named("links"), Metrics: named("metrics"), Console: files, Ready: func() (bool, string) { return ready, map[bool]string{true: "ready", false: "starting"}[ready] }}))
	defer s.Close()
	get := func(method, path string, headers ...string) (int, http.Header, string) {
		t.Helper()
		return fetch(t, method, s.URL+path, headers...)
	}
	f := func(method, path string, status int, text string) http.Header {
		t.Helper()
		code, h, body := get(method, path, "Accept-Encoding", "identity")
		if code != status || !strings.Contains(body, text) {
			t.Errorf("%s %s: %d %.100s", method, path, code, body)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" && status == 200 && !strings.HasSuffix(path, "z") {
			t.Errorf("%s: no security headers: %v", path, h)
		}
		return h
	}
	f("POST", "/v1/track", 200, "collector")
	f("POST", "/line/webhook/main", 200, "line main")
	f("GET", "/c/abc", 200, "links")
	f("POST", "/u/abc", 200, "links")
	f("GET", "/v/abc", 200, "links")
	f("GET", "/metrics", 200, "metrics")
	f("GET", "/demo/shop", 404, "")
	f("GET", "/healthz", 200, "ok")
	f("GET", "/readyz", 503, "starting")
	ready = true
	f("GET", "/readyz", 200, "ready")
	f("GET", "/api/v1/session", 200, "local")
	f("GET", "/api/v1/nothing", 404, "request_id")
	for _, page := range []string{"/", "/people", "/people/342047ebd18442c5e50ce61155f68fc9", "/journeys/welcome", "/index.html", "/segments/new?from=vip"} {
		h := f("GET", page, 200, "<title>console</title>")
		csp := h.Get("Content-Security-Policy")
		if h.Get("Cache-Control") != "no-cache" || !strings.Contains(csp, "script-src 'self';") || strings.Contains(strings.Split(csp, "style-src")[0], "unsafe") || h.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %v", page, h)
		}
	}
	if h := f("GET", "/assets/app-1.js", 200, "let x"); !strings.Contains(h.Get("Cache-Control"), "immutable") || !strings.Contains(h.Get("Content-Type"), "javascript") {
		t.Errorf("asset %v", h)
	}
	if h := f("GET", "/icon.svg", 200, "svg"); strings.Contains(h.Get("Cache-Control"), "immutable") {
		t.Errorf("icon %v", h)
	}
	f("GET", "/assets/gone-2.js", 404, "")
	f("GET", "/missing.png", 404, "")
	f("POST", "/people", 405, "")
	_, h, body := get("GET", "/", "Accept-Encoding", "gzip")
	if h.Get("Content-Encoding") != "gzip" {
		t.Errorf("not compressed: %v", h)
	}
	z, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || !strings.Contains(string(b), "console") {
		t.Errorf("got %s, %v", b, err)
	}
	bare := httptest.NewServer(w.api.Mux(Parts{Console: fstest.MapFS{"README.txt": {Data: []byte("x")}}}))
	defer bare.Close()
	res, err := http.Get(bare.URL + "/people")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(b), "make web") {
		t.Errorf("without a console: %s, %v", b, err)
	}
}

// TestWorkspacesAreApart: two in one process see nothing of each other.
func TestWorkspacesAreApart(t *testing.T) {
	t.Parallel()
	one, two := theWorld(t), newWorld(t, func(c *Config) { c.Workspace = "two" })
	for _, path := range []string{"/people", "/events", "/segments", "/journeys", "/dead", "/outbox"} {
		if got := into[list[map[string]any]](two.call("GET", path, nil)); len(got.Items) != 0 {
			t.Errorf("%s has %d of somebody else", path, len(got.Items))
		}
	}
	two.call("GET", "/people/"+one.id(enishi.Customer, "C10001"), nil).want(404)
	if s := into[statusPage](two.call("GET", "/status", nil)); s.Profiles != 0 {
		t.Errorf("got %+v", s)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{}); err == nil {
		t.Error("an empty configuration is taken")
	}
	w := theWorld(t)
	f := func(want string, change func(*Config)) {
		t.Helper()
		cfg := w.cfg
		change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f("Key", func(c *Config) { c.Key = c.Key[:8] })
	f("Base", func(c *Config) { c.Base = "w/shop" })
	f("ClearDemo", func(c *Config) { c.Demo = true })
	f("Dead", func(c *Config) { c.Dead = nil })
}
