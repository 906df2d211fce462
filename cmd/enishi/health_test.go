package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"enishi"
	"enishi/internal/embedded"
)

// fakeServers are what a health stands on in its tests.
type fakeServers struct {
	t      *testing.T
	h      *health
	mu     sync.Mutex
	away   map[string]bool
	stored map[string]enishi.Alert
}

// newFakeServers makes a log and tables that answer; an earlier process was killed while its tables were away.
func newFakeServers(t *testing.T) *fakeServers {
	s := &fakeServers{t: t, away: map[string]bool{}, stored: map[string]enishi.Alert{}}
	answer := func(kind string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.away[kind] {
			return errors.New("away")
		}
		return nil
	}
	probe := func(kind string) func(context.Context) error {
		return func(context.Context) error { return answer(kind) }
	}
	s.h = &health{now: time.Now, log: slog.New(slog.DiscardHandler), troubles: map[string]enishi.Alert{}, unstored: map[string]enishi.Alert{},
		checks: []healthCheck{{kind: "log_away", limit: time.Second, text: "the log", textJA: "ログ", needed: true, probe: probe("log_away")},
			{kind: "tables_away", limit: time.Second, text: "the tables", probe: probe("tables_away")}},
		store: func(_ context.Context, a enishi.Alert) error {
			if err := answer("tables_away"); err != nil {
				return err
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.stored[a.Kind] = a
			return nil
		}}
	s.h.open = func(_ context.Context, id enishi.ID) (enishi.Alert, bool, error) {
		return enishi.Alert{ID: id, Kind: "tables_away", At: time.Now()}, id == s.h.id("tables_away"), nil
	}
	return s
}

func (s *fakeServers) set(kind string, away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away[kind] = away
}

// expect says what is refused and told five seconds later.
func (s *fakeServers) expect(refusing string, troubles ...string) {
	s.t.Helper()
	time.Sleep(5 * time.Second) // of the bubble's clock
	synctest.Wait()
	if got := s.h.Refusing().Text; got != refusing {
		s.t.Errorf("refusing because of %q, want %q", got, refusing)
	}
	var kinds []string
	for _, a := range s.h.Troubles() {
		kinds = append(kinds, a.Kind)
	}
	if strings.Join(kinds, " ") != strings.Join(troubles, " ") {
		s.t.Errorf("troubles %v, want %v", kinds, troubles)
	}
}

// open says which alerts are stored and not closed.
func (s *fakeServers) open(want ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var got []string
	for kind, a := range s.stored {
		if a.ClosedAt.IsZero() {
			got = append(got, kind)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		s.t.Errorf("stored as open %v, want %v", got, want)
	}
}

// TestHealthTellsTroubleAndItsEnd takes the log and the tables away and gives them back.
func TestHealthTellsTroubleAndItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServers(t)
		ctx, cancel := context.WithCancel(t.Context())
		go s.h.Run(ctx)
		s.expect("")
		s.open()
		if a, ok := s.stored["tables_away"]; !ok || a.ClosedAt.IsZero() {
			t.Errorf("what was left open was stored as %+v", a)
		}
		s.set("log_away", true)
		s.expect("the log", "log_away")
		s.open("log_away")
		s.set("tables_away", true)
		s.expect("the log", "log_away", "tables_away")
		s.open("log_away") // the tables cannot take it
		s.set("log_away", false)
		s.expect("", "tables_away")
		s.set("tables_away", false)
		s.expect("")
		s.open()
		cancel()
		synctest.Wait()
	})
}

// TestTokenGoesToThisMachineOnly shows the engine's token to nobody else.
func TestTokenGoesToThisMachineOnly(t *testing.T) {
	f := func(address string, want bool) {
		t.Helper()
		if got := tokenFor(address, "secret")[embedded.TokenHeader] == "secret"; got != want {
			t.Errorf("%s: shown %v, want %v", address, got, want)
		}
	}
	f("http://127.0.0.1:8123", true)
	f("http://localhost:8123", true)
	f("http://shop:pass@127.0.0.1:8123", false)
	f("http://10.0.0.7:8123", false)
	f("http://clickhouse.example:8123", false)
	f("https://127.0.0.1:8443", false)
	f("", false)
	if tokenFor("http://127.0.0.1:8123", "") != nil {
		t.Error("an empty token is shown")
	}
}
