package main

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	linesim "enishi/internal/sim/line"
)

// TestKillLosesNothing sends 50,000 events by the collector while the process is killed: what was acknowledged is there once,
// what was not acknowledged and sent again is there once, and LINE, which lives outside, got no message twice.
func TestKillLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("kills real processes")
	}
	t.Parallel()
	kills, people := 3, 2500
	if os.Getenv("ENISHI_FULL") != "" {
		kills = 10
	}
	sim := linesim.New(linesim.Config{ChannelSecret: "secret", ChannelToken: "token", Keep: 100_000})
	for p := range people {
		if err := sim.Befriend(fmt.Sprintf("U%032x", p), "友だち"); err != nil {
			t.Fatal(err)
		}
	}
	provider := httptest.NewServer(sim)
	defer provider.Close()
	dir, engine := t.TempDir(), freePort(t)
	s := start(t, []string{"ENISHI_LINE__ENDPOINT=" + provider.URL, "ENISHI_LINE__TOKEN=token", "ENISHI_LINE__SECRET=secret"}, "--data", dir, "--clickhouse-listen", engine)
	key := s.enishi("key", "create", "--write", "load")
	publishWelcome(t, s)

	events := loadEvents(people)
	var acked atomic.Int64
	sent := make(chan error, 1)
	go func() {
		const size = 100
		for i := 0; i < len(events); i += size {
			for {
				// A batch whose acknowledgement was lost is sent again: the ids make the repeat harmless.
				n, err := s.post(key, events[i:min(i+size, len(events))])
				if err == nil {
					acked.Add(int64(n))
					break
				}
				if strings.Contains(err.Error(), "rejected") {
					sent <- err
					return
				}
				time.Sleep(20 * time.Millisecond) // the server is being started again
			}
		}
		sent <- nil
	}()
	random := rand.New(rand.NewPCG(1, uint64(kills)))
	for i := range kills {
		target := int64(len(events)) * int64(i+1) / int64(kills+1)
		eventually(t, 3*time.Minute, "the load goes on", func() error {
			select {
			case err := <-sent:
				sent <- err
				return nil
			default:
			}
			if n := acked.Load(); n < target {
				return fmt.Errorf("%d of %d", n, target)
			}
			return nil
		})
		time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond) // anywhere in the work
		s.kill()
		s.launch()
		s.waitReady()
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if n := acked.Load(); n != int64(len(events)) {
		t.Fatalf("%d acknowledged, %d sent", n, len(events))
	}
	x := s.settled(3 * time.Minute)

	every := acknowledged{}
	every.add(events)
	complain(t, "events", every.check(tablesOf(t, engine, filepath.Join(dir, "keys")).outsideEvents()))

	// The independent count: by the loop that made the events.
	if x.Profiles != int64(people) {
		t.Errorf("%d profiles, want %d", x.Profiles, people)
	}
	if want := int64(people); x.Orders != want {
		t.Errorf("%d orders, want %d", x.Orders, want)
	}
	counts := map[string]int64{}
	for _, e := range events {
		counts[e["~type"].(string)]++
	}
	for typ, want := range counts {
		if x.Events[typ] != want {
			t.Errorf("%d events %s, want %d", x.Events[typ], typ, want)
		}
	}
	if x.Dead != 0 {
		t.Errorf("%d dead letters", x.Dead)
	}
	if len(sim.Sent()) == 0 {
		t.Error("LINE got nothing: the journey did not run")
	}
	received := map[string]int{}
	for _, m := range sim.Sent() {
		if m.Delivered {
			received[m.To]++
		}
	}
	for to, n := range received {
		if n > 1 {
			t.Errorf("LINE user %s got %d messages, want 1", to, n)
		}
	}
	t.Logf("%d events, %d kills, %d people got a LINE message", len(events), kills, len(received))
}

// loadEvents makes 20 events a person. "~type" is what the event counts as.
func loadEvents(people int) []map[string]any {
	var out []map[string]any
	now := time.Now().UTC()
	for p := range people {
		user := fmt.Sprintf("u%05d", p)
		add := func(n int, typ string, e map[string]any) {
			e["messageId"], e["userId"], e["timestamp"], e["~type"] = fmt.Sprintf("m-%s-%d", user, n), user, now.Format(time.RFC3339Nano), typ
			out = append(out, e)
		}
		add(0, "person.identified", map[string]any{"type": "identify", "traits": map[string]any{"email": user + "@load.example", "line_user_id": fmt.Sprintf("U%032x", p),
			"consent": map[string]any{"line": "in", "email": "in"}}})
		add(20, "line.followed", map[string]any{"type": "line.followed", "id": "m-" + user + "-20", "occurred_at": now.Format(time.RFC3339Nano),
			"person": map[string]any{"line_user_id": fmt.Sprintf("U%032x", p)}})
		add(1, "user.signed_up", map[string]any{"type": "track", "event": "Signed Up"})
		for k := range 16 {
			add(2+k, "product.viewed", map[string]any{"type": "track", "event": "Product Viewed", "properties": map[string]any{"product_id": fmt.Sprint("p", k), "price": "100"}})
		}
		add(19, "order.placed", map[string]any{"type": "track", "event": "Order Completed", "properties": map[string]any{"order_id": "o-" + user, "total": "1000", "currency": "JPY",
			"products": []map[string]any{{"product_id": "p1", "price": "1000", "quantity": 1}}}})
	}
	return out
}

// publishWelcome makes the gallery's welcome journey live, by LINE alone.
func publishWelcome(t *testing.T, s *server) {
	t.Helper()
	s.allHours()
	for _, d := range []map[string]any{
		{"kind": "template", "name": "hello", "body": map[string]any{"name": "hello", "channel": "line", "purpose": "marketing", "title": map[string]string{"ja": "ようこそ", "en": "Welcome"},
			"variants": map[string]any{"ja": map[string]any{"messages": []map[string]any{{"type": "text", "text": "ようこそ"}}}}}},
		{"kind": "journey", "name": "hello", "body": map[string]any{"title": map[string]string{"ja": "ようこそ", "en": "Welcome"}, "purpose": "marketing", "consent": "opt_in", "state": "live",
			"cap": map[string]string{"default": "none"}, "entry": map[string]any{"events": []string{"user.signed_up"}, "reentry": "never"}, "start": "hello",
			"nodes": map[string]any{"hello": map[string]any{"type": "message", "template": "hello", "next": "end"}, "end": map[string]any{"type": "exit"}}}},
	} {
		s.put(d["kind"].(string), d["name"].(string), d["body"])
	}
}

// TestKcat sends an order by Debian's kcat; its profile appears.
func TestKcat(t *testing.T) {
	t.Parallel()
	kcat, err := exec.LookPath("kcat")
	if err != nil {
		t.Skip("kcat is not installed")
	}
	broker := freePort(t)
	s := start(t, nil, "--data", t.TempDir(), "--kafka-listen", broker)
	produce := exec.Command(kcat, "-P", "-b", broker, "-t", "orders")
	produce.Stdin = strings.NewReader(`{"type":"order.placed","person":{"email":"Hana.Enno@mail.example","customer_id":"C1"},"order":{"order_id":"K1","total":"3300","lines":[{"product_id":"KM-101"}]}}` + "\n")
	if out, err := produce.CombinedOutput(); err != nil {
		t.Fatalf("kcat: %v: %s", err, out)
	}
	begun := time.Now()
	eventually(t, 10*time.Second, "the profile appears", func() error {
		var found struct{ Total int }
		if err := s.call("GET", "/people?q=hana.enno@mail.example", nil, &found); err != nil {
			return err
		}
		if found.Total != 1 {
			return fmt.Errorf("%d people", found.Total)
		}
		return nil
	})
	t.Logf("the profile took %s", time.Since(begun)) // on a machine that does nothing else less than 2 s
}

// TestWorkspacesDoNotSeeEachOther sends to one of two workspaces of a process.
func TestWorkspacesDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	s := start(t, []string{"ENISHI_WORKSPACES=second"}, "--data", t.TempDir())
	key := s.enishi("key", "create", "--write", "first")
	if _, err := s.post(key, loadEvents(3)); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the first has its people", func() error {
		x, err := s.status()
		if err == nil && x.Profiles != 3 {
			err = fmt.Errorf("%d profiles", x.Profiles)
		}
		return err
	})
	second := &server{t: t, base: s.base + "/w/second"}
	if _, err := second.post(key, loadEvents(1)); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("the second takes the first's key: %v", err)
	}
	x, err := second.status()
	if err != nil {
		t.Fatal(err)
	}
	if x.Profiles != 0 || len(x.Events) != 0 {
		t.Errorf("the second sees %+v", x)
	}
}
