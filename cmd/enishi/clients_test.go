package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// breaking passes requests on to the server and breaks some: of each four the first is answered 503 without the server, the third
// reaches the server and its answer is lost.
type breaking struct {
	base string

	mu       sync.Mutex
	requests int
	refused  int
	lost     int
}

func (b *breaking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	n := b.requests
	b.requests++
	switch n % 4 {
	case 0:
		b.refused++
	case 2:
		b.lost++
	}
	b.mu.Unlock()
	if n%4 == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, b.base+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	out.Header = r.Header.Clone()
	answer, err := http.DefaultClient.Do(out)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	if n%4 == 2 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body) // the client may have gone
}

// TestClientsOfOthers: Segment's and RudderStack's own clients deliver through requests that are refused and answers that are lost, and
// every event counts once.
func TestClientsOfOthers(t *testing.T) {
	t.Parallel()
	modules := filepath.Join("..", "..", "sdk", "js", "node_modules", "@segment", "analytics-node")
	if _, err := os.Stat(modules); err != nil {
		t.Skip("the clients are not installed: make sdk")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no Node.js")
	}
	s := start(t, nil, "--data", t.TempDir())
	key := s.enishi("key", "create", "--write")
	const events = 100
	for _, name := range []string{"segment", "rudderstack"} {
		b := &breaking{base: s.base}
		front := httptest.NewServer(b)
		run := exec.CommandContext(t.Context(), node, "test/clients.mjs", name, front.URL, key, strconv.Itoa(events))
		run.Dir = filepath.Join("..", "..", "sdk", "js")
		begun := time.Now()
		if text, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		front.Close()
		if b.refused == 0 || b.lost == 0 {
			t.Errorf("%s: %d refused, %d lost: nothing was repeated", name, b.refused, b.lost)
		}
		t.Logf("%s: %d requests, %d refused, %d with the answer lost, %s", name, b.requests, b.refused, b.lost, time.Since(begun).Round(time.Millisecond))
	}
	eventually(t, 30*time.Second, "everything is counted", func() error {
		x := s.settled(30 * time.Second)
		for _, name := range []string{"segment", "rudderstack"} {
			if n := x.Events["custom.seen_by_"+name]; n != events {
				return fmt.Errorf("%d events of %s, want %d: %v", n, name, events, x.Events)
			}
		}
		if x.Events["person.identified"] != 2 || x.Profiles != 20 || x.Dead != 0 {
			return fmt.Errorf("%+v", x)
		}
		var page struct{ Items []struct{ ID string } }
		if err := s.call("GET", "/people?q="+strings.ReplaceAll("segment@mail.example", "@", "%40"), nil, &page); err != nil || len(page.Items) != 1 {
			return fmt.Errorf("%d people, %w", len(page.Items), err)
		}
		return nil
	})
}
