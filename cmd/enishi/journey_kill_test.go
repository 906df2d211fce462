package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	linesim "enishi/internal/sim/line"
)

// TestJourneyKilledAtEachStage takes people through a cart journey with a holdout, a wait, a message, a wait for a purchase and
// an edit that moves those under way, and kills the process right after each stage: nobody is asked twice or left out, whoever
// is held out gets nothing, whoever bought ends, and who moved is told what the new version says.
func TestJourneyKilledAtEachStage(t *testing.T) {
	if os.Getenv("ENISHI_FULL") == "" {
		t.Skip("kills the process seven times: make test-full")
	}
	const people = 60
	sim := linesim.New(linesim.Config{ChannelSecret: "secret", ChannelToken: "token", Keep: 10_000})
	for p := range people {
		if err := sim.Befriend(lineUser(p), "友だち"); err != nil {
			t.Fatal(err)
		}
	}
	provider := httptest.NewServer(sim)
	defer provider.Close()
	dir, engine := t.TempDir(), freePort(t)
	s := start(t, []string{"ENISHI_LINE__ENDPOINT=" + provider.URL, "ENISHI_LINE__TOKEN=token", "ENISHI_LINE__SECRET=secret"}, "--data", dir, "--clickhouse-listen", engine)
	kills := 0
	kill := func() {
		t.Helper()
		s.kill()
		s.launch()
		s.waitReady()
		kills++
	}
	key := s.enishi("key", "create", "--write", "shop")
	s.allHours()
	for _, name := range []string{"remind", "again", "last"} {
		s.put("template", name, map[string]any{"name": name, "channel": "line", "purpose": "marketing", "title": title(name),
			"variants": map[string]any{"ja": map[string]any{"messages": []map[string]any{{"type": "text", "text": "to " + name}}}}})
	}
	journey := func(timeout, then string, more map[string]any) map[string]any {
		j := map[string]any{"title": title("cart"), "purpose": "marketing", "consent": "opt_in", "state": "live", "cap": map[string]string{"default": "none"},
			"entry": map[string]any{"event": "cart.updated", "key": "cart_id", "reentry": "never"}, "start": "aside",
			"nodes": map[string]any{
				"aside":  map[string]any{"type": "holdout", "percent": 20, "next": "still"},
				"still":  map[string]any{"type": "wait", "for": "8s", "next": "remind"},
				"remind": map[string]any{"type": "message", "template": "remind", "next": "bought"},
				"bought": map[string]any{"type": "wait", "until_event": map[string]any{"event": "order.placed", "key": "any"}, "timeout": timeout, "next": "end", "on_timeout": then},
				then:     map[string]any{"type": "message", "template": then, "next": "end"},
				"end":    map[string]any{"type": "exit"}}}
		for name, v := range more {
			j[name] = v
		}
		return j
	}
	s.put("journey", "cart", journey("10m", "again", nil))
	kill() // published

	post := func(events []map[string]any) {
		t.Helper()
		if n, err := s.post(key, events); err != nil || n != len(events) {
			t.Fatal(n, err)
		}
	}
	now := time.Now().UTC()
	post(meeting(people, now))
	kill() // known
	s.settled(time.Minute)
	of := func(p int, typ string, e map[string]any) map[string]any {
		e["type"], e["id"], e["occurred_at"], e["person"] = typ, fmt.Sprint(typ, p), time.Now().UTC().Format(time.RFC3339Nano), map[string]any{"customer_id": fmt.Sprintf("u%05d", p)}
		return e
	}
	var carts, orders []map[string]any
	for p := range people {
		carts = append(carts, of(p, "cart.updated", map[string]any{"web": map[string]any{"cart_id": fmt.Sprint("k", p), "lines": []any{map[string]any{"product_id": "p1", "quantity": 1}}}}))
		if p%2 == 0 {
			orders = append(orders, of(p, "order.placed", map[string]any{"order": map[string]any{"order_id": fmt.Sprint("o", p), "total": "1000", "currency": "JPY"}}))
		}
	}
	post(carts)
	kill() // entered
	x := tablesOf(t, engine, filepath.Join(dir, "keys"))
	count := func(query string) string { return strings.Join(x.rows(query), " ") }
	kill() // waiting
	eventually(t, time.Minute, "somebody is reminded", func() error {
		if len(sim.Sent()) == 0 {
			return fmt.Errorf("%s decided", count("SELECT count() FROM decisions FINAL"))
		}
		return nil
	})
	kill() // reminders are leaving
	eventually(t, 2*time.Minute, "everybody is decided", func() error {
		if n := count("SELECT uniqExact(subject) FROM decisions FINAL WHERE node = 'remind'"); n != fmt.Sprint(people) {
			return fmt.Errorf("%s of %d", n, people)
		}
		return nil
	})
	post(orders)
	kill() // bought
	s.settled(time.Minute)
	s.put("journey", "cart", journey("5s", "last", map[string]any{"in_flight": map[string]any{"then": "move"}}))
	kill() // edited
	eventually(t, 2*time.Minute, "all runs have ended", func() error {
		if n := count("SELECT countIf(end = ''), count() FROM runs FINAL WHERE journey = 'cart'"); n != fmt.Sprintf("0\t%d", people) {
			return fmt.Errorf("standing and all: %s", n)
		}
		return nil
	})
	eventually(t, time.Minute, "the sender has done its work", func() error {
		if n := count("SELECT count() FROM deliveries FINAL WHERE state NOT IN ('sent', 'dropped', 'failed')"); n != "0" {
			return fmt.Errorf("%s are under way", n)
		}
		return nil
	})
	s.settled(time.Minute)
	checkCarts(t, sim, x, people)
	t.Logf("%d kills", kills)
}

// checkCarts: one decision a person and node; LINE has each message that was decided, once.
func checkCarts(t *testing.T, sim *linesim.Server, x tables, people int) {
	t.Helper()
	if twice := x.rows("SELECT hex(subject), node, count() FROM decisions FINAL WHERE journey = 'cart' GROUP BY subject, node HAVING count() > 1"); len(twice) > 0 {
		t.Errorf("decided twice: %v", twice)
	}
	sum := map[string]int{}
	for _, r := range x.rows("SELECT node, sent, reason, count() FROM decisions FINAL WHERE journey = 'cart' GROUP BY ALL") {
		var n int
		f := strings.Split(r, "\t")
		if _, err := fmt.Sscan(f[3], &n); err != nil {
			t.Fatal(r)
		}
		sum[f[0]+" "+f[1]+" "+f[2]] += n
	}
	reminded, held := sum["remind 1 sent"], sum["remind 0 holdout"]
	if reminded+held != people || held == 0 || reminded == 0 {
		t.Errorf("%d reminded, %d held out, of %d: %v", reminded, held, people, sum)
	}
	if last := sum["last 1 sent"] + sum["last 0 holdout"]; last != people/2 || sum["again 1 sent"]+sum["again 0 holdout"] != 0 {
		t.Errorf("%d of %d who bought nothing were decided by the new version: %v", last, people/2, sum)
	}
	got := map[string][]string{}
	for _, m := range sim.Sent() {
		if m.Delivered {
			text, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"remind", "again", "last"} {
				if strings.Contains(string(text), "to "+name) {
					got[m.To] = append(got[m.To], name)
				}
			}
		}
	}
	all := 0
	for p := range people {
		names := got[lineUser(p)]
		all += len(names)
		want := [][]string{nil, {"remind"}}
		if p%2 == 1 {
			want = [][]string{nil, {"remind", "last"}}
		}
		if !slices.ContainsFunc(want, func(w []string) bool { return slices.Equal(w, names) }) {
			t.Errorf("person %d got %v", p, names)
		}
	}
	if all != sum["remind 1 sent"]+sum["last 1 sent"] {
		t.Errorf("LINE has %d messages, %d were decided", all, sum["remind 1 sent"]+sum["last 1 sent"])
	}
}
