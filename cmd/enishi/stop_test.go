package main

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi"
	linesim "enishi/internal/sim/line"
	mailsim "enishi/internal/sim/mail"
	"enishi/internal/stream"
)

// mixed makes n messages, LINE and mail by turns, one a person; LINE's people are friends.
func mixed(t *testing.T, n int, sim *linesim.Server) (recs []stream.Record) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i := range n {
		m := enishi.Message{SendID: enishi.NewID("stop_test", fmt.Sprint(i)), Round: 1, Profile: enishi.NewID("stop_test_profile", fmt.Sprint(i)), Subject: enishi.NewID("stop_test_subject", fmt.Sprint(i)),
			Destination: "line:main", Channel: "line", Account: "main", Purpose: "marketing", Journey: "hello", Node: "hello", Template: "hello", To: lineUser(i), Language: "ja", Variables: "{}", DecidedAt: now}
		if i%2 == 1 {
			m.Destination, m.Channel, m.Template, m.To = "email:main:other", "email", "letter", address(i)
		} else if err := sim.Befriend(m.To, "友だち"); err != nil {
			t.Fatal(err)
		}
		recs = append(recs, stream.Record{Topic: enishi.TopicMessages, Partition: -1, Key: m.Profile[:], Value: enishi.EncodeMessage(nil, &m)})
	}
	return recs
}

// TestEmergencyStop stops everything in the middle of a mixed send, kills the process, and lets it go on: nothing is handed
// over later than 2 s after the answer, what is held and what has ended add up to the total, the stop survives the kill, no LINE
// message and no mail comes twice, and the ledger says what the providers saw. With ENISHI_FULL it is 50,000 messages
// and ten kills while they leave.
func TestEmergencyStop(t *testing.T) {
	if testing.Short() {
		t.Skip("kills real processes")
	}
	total, kills := 6_000, 1
	if full() {
		total, kills = 50_000, 10
	}
	var mu sync.Mutex
	var last time.Time // when LINE was last handed something
	sim := linesim.New(linesim.Config{ChannelSecret: "secret", ChannelToken: "token", Keep: total, OnSent: func(linesim.Sent) { mu.Lock(); last = time.Now(); mu.Unlock() }})
	provider := httptest.NewServer(sim)
	defer provider.Close()
	inbox := mailsim.New(mailsim.Config{Keep: total})
	go func() { _ = inbox.Run(t.Context()) }()
	<-inbox.Ready()
	dir, engine, broker := t.TempDir(), freePort(t), freePort(t)
	s := start(t, []string{"ENISHI_LINE__ENDPOINT=" + provider.URL, "ENISHI_LINE__TOKEN=token", "ENISHI_LINE__SECRET=secret", "ENISHI_SMTP__ADDR=" + inbox.Addr(), "ENISHI_SMTP__TLS=none"},
		"--data", dir, "--clickhouse-listen", engine, "--kafka-listen", broker)
	s.put("setting", "brand", map[string]any{"name": "店", "address": "東京都千代田区丸の内1-1-1", "contact": "03-0000-0000"})
	s.put("template", "hello", map[string]any{"name": "hello", "channel": "line", "purpose": "marketing", "title": title("ようこそ"),
		"variants": map[string]any{"ja": map[string]any{"messages": []map[string]any{{"type": "text", "text": "ようこそ"}}}}})
	s.put("template", "letter", map[string]any{"name": "letter", "channel": "email", "purpose": "marketing", "title": title("お知らせ"), "variants": map[string]any{"ja": map[string]any{"subject": "お知らせ",
		"html": `<html><body><p>お知らせ</p><p>{{ brand.name }} {{ brand.address }} {{ brand.contact }}</p><a href="{{ links.unsubscribe }}">配信を停止する</a></body></html>`,
		"text": "お知らせ\n{{ brand.name }} {{ brand.address }} {{ brand.contact }}\n配信を停止する {{ links.unsubscribe }}\n"}}})
	client, err := stream.Open(t.Context(), stream.Config{Brokers: []string{broker}, Topics: topics()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Append(t.Context(), mixed(t, total, sim)); err != nil {
		t.Fatal(err)
	}
	seen := func() int { return len(sim.Sent()) + int(inbox.Count()) }
	reach := func(n int) {
		eventually(t, 2*time.Minute, "the send goes on", func() error {
			if seen() < n {
				return fmt.Errorf("%d of %d", seen(), n)
			}
			return nil
		})
	}
	reach(total / 6)
	answer := s.enishi("sending", "stop", "--reason", "誤配信")
	stopped := time.Now()
	id := strings.TrimSuffix(strings.Fields(answer)[1], ":")
	time.Sleep(2 * time.Second)
	then := seen()
	if then >= total {
		t.Fatalf("all %d had left before the stop", total)
	}
	held := func() (waiting, inHand, incoming int64) {
		var x struct {
			Open     heldMessages
			Incoming int64
		}
		if err := s.call("GET", "/sending", nil, &x); err != nil {
			t.Fatal(err)
		}
		return x.Open.Waiting, x.Open.InHand, x.Incoming
	}
	ended := func() (n int64) {
		x, err := s.status()
		if err != nil {
			t.Fatal(err)
		}
		for _, states := range x.Sends {
			for state, k := range states {
				if state != "decided" && state != "intent" {
					n += k
				}
			}
		}
		return n
	}
	addUp := func(when string) {
		t.Helper()
		eventually(t, 30*time.Second, when+": the ledger has everything", func() error {
			waiting, inHand, incoming := held()
			if n := ended(); incoming != 0 || inHand != 0 || waiting+n != int64(total) || int(n) != then {
				return fmt.Errorf("%d wait, %d in hand, %d not read, %d ended, %d seen, %d in all", waiting, inHand, incoming, n, then, total)
			}
			return nil
		})
	}
	addUp("stopped")
	s.kill()
	s.launch()
	s.waitReady()
	addUp("after a kill")
	if n := seen(); n != then {
		t.Errorf("%d more were handed over while everything is stopped", n-then)
	}
	mu.Lock()
	if last.After(stopped.Add(2 * time.Second)) {
		t.Errorf("LINE got a message %s after the stop", last.Sub(stopped))
	}
	mu.Unlock()
	s.enishi("sending", "resume", id)
	for i := range kills {
		reach(then + (total-then)*(i+1)/(kills+2))
		s.kill()
		s.launch()
		s.waitReady()
	}
	eventually(t, 3*time.Minute, "all have ended", func() error {
		if n := ended(); n != int64(total) {
			return fmt.Errorf("%d of %d", n, total)
		}
		return nil
	})
	checkMixed(t, tablesOf(t, engine, dir+"/keys"), sim, inbox, kills)
}

// checkMixed compares the ledger with what the providers saw: LINE has each message at most once and the ledger knows of it; a
// mail is there once where the ledger says sent, and once or never where it says unknown, of which there are few.
func checkMixed(t *testing.T, x tables, sim *linesim.Server, inbox *mailsim.Server, kills int) {
	t.Helper()
	got := map[string]int{}
	for _, m := range sim.Sent() {
		got[m.To]++
	}
	for _, m := range inbox.Mails() {
		got[m.To[0]]++
	}
	state := map[string]string{}
	for _, row := range x.rows("SELECT hex(send_id), toString(state) FROM deliveries FINAL") {
		id, s, _ := strings.Cut(row, "\t")
		state[id] = s
	}
	counts := map[string]int{}
	for i := range len(state) {
		to := lineUser(i)
		if i%2 == 1 {
			to = address(i)
		}
		s := state[strings.ToUpper(enishi.NewID("stop_test", fmt.Sprint(i)).String())]
		counts[s]++
		switch n := got[to]; {
		case n > 1:
			t.Errorf("%s got %d", to, n)
		case s == "sent" && n != 1, s == "deferred" && n != 0, s != "sent" && s != "deferred" && s != "unknown", s == "unknown" && i%2 == 0:
			t.Errorf("%s is %q and got %d", to, s, n)
		}
	}
	if counts["unknown"] > 500*8*kills {
		t.Errorf("%d mails are in doubt", counts["unknown"])
	}
	t.Logf("%v after %d kills", counts, kills)
}
