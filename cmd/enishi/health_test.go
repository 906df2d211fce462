package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"enishi"
	"enishi/internal/embedded"
)

// TestHealthTellsTroubleAndItsEnd takes the log and the tables away and gives them back.
func TestHealthTellsTroubleAndItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		away := map[string]bool{}
		stored := map[string]enishi.Alert{}
		set := func(kind string, gone bool) {
			mu.Lock()
			defer mu.Unlock()
			away[kind] = gone
		}
		probe := func(kind string) func(context.Context) error {
			return func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				if away[kind] {
					return errors.New("away")
				}
				return nil
			}
		}
		h := &health{now: time.Now, log: slog.New(slog.DiscardHandler), troubles: map[string]enishi.Alert{}, unstored: map[string]enishi.Alert{},
			checks: []healthCheck{{kind: "log_away", limit: time.Second, text: "the log", textJA: "ログ", needed: true, probe: probe("log_away")}, {kind: "tables_away", limit: time.Second, text: "the tables", probe: probe("tables_away")}},
			store: func(_ context.Context, a enishi.Alert) error {
				mu.Lock()
				defer mu.Unlock()
				if away["tables_away"] {
					return errors.New("away")
				}
				stored[a.Kind] = a
				return nil
			}}
		// An earlier process of this replica was killed while its tables were away.
		h.open = func(_ context.Context, id enishi.ID) (enishi.Alert, bool, error) {
			return enishi.Alert{ID: id, Kind: "tables_away", At: time.Now()}, id == h.id("tables_away"), nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		go h.Run(ctx)
		f := func(refusing string, troubles ...string) {
			t.Helper()
			time.Sleep(5 * time.Second) // of the bubble's clock
			synctest.Wait()
			if got := h.Refusing().Text; got != refusing {
				t.Errorf("refusing because of %q, want %q", got, refusing)
			}
			var kinds []string
			for _, a := range h.Troubles() {
				kinds = append(kinds, a.Kind)
			}
			if strings.Join(kinds, " ") != strings.Join(troubles, " ") {
				t.Errorf("troubles %v, want %v", kinds, troubles)
			}
		}
		open := func(want ...string) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			got := map[string]bool{}
			for kind, a := range stored {
				if a.ClosedAt.IsZero() {
					got[kind] = true
				}
			}
			wanted := map[string]bool{}
			for _, kind := range want {
				wanted[kind] = true
			}
			if !maps.Equal(got, wanted) {
				t.Errorf("stored as open %v, want %v", got, wanted)
			}
		}
		f("")
		open()
		if a, ok := stored["tables_away"]; !ok || a.ClosedAt.IsZero() {
			t.Errorf("what was left open was stored as %+v", a)
		}
		set("log_away", true)
		f("the log", "log_away")
		open("log_away")
		set("tables_away", true)
		f("the log", "log_away", "tables_away")
		open("log_away") // the tables cannot take it
		set("log_away", false)
		f("", "tables_away")
		set("tables_away", false)
		f("")
		open()
		if len(stored) != 2 {
			t.Errorf("stored %v", stored)
		}
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
