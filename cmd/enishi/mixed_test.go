package main

import (
	"fmt"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi"
	linesim "enishi/internal/sim/line"
	mailsim "enishi/internal/sim/mail"
	"enishi/internal/stream"
)

// mixedSend is a shop with decided messages to be sent, one a person, four kinds by turns: LINE to many at once, advertising mail,
// LINE to one, an order's mail. It counts what LINE and the mail servers get.
type mixedSend struct {
	*server
	tables         tables
	total          int
	dir            string
	broker, engine string
	line           *linesim.Server

	mu   sync.Mutex
	got  map[string]int // by address
	n    int
	last time.Time // when something was handed over
}

const (
	mixedKinds = 4
	groupKind  = 0 // of i % mixedKinds
	advertKind = 1
	pushKind   = 2
	orderKind  = 3

	mixedWorkers = 4 // smtp.workers
)

// openMixed starts a process, without messages.
func openMixed(t *testing.T, total int) *mixedSend {
	t.Helper()
	needEngine(t)
	x := &mixedSend{total: total, dir: t.TempDir(), broker: freePort(t), engine: freePort(t), got: map[string]int{}}
	x.line = linesim.New(linesim.Config{ChannelSecret: "secret", ChannelToken: "token", OnSent: func(m linesim.Sent) { x.arrived(m.To) }})
	env, _ := x.providers(t)
	x.server = start(t, env, "--data", x.dir, "--clickhouse-listen", x.engine, "--kafka-listen", x.broker)
	x.tables = tablesOf(t, x.engine, filepath.Join(x.dir, "keys"))
	text := func(s string) map[string]any {
		return map[string]any{"ja": map[string]any{"messages": []map[string]any{{"type": "text", "text": s}}}}
	}
	mail := func(body string) map[string]any {
		return map[string]any{"ja": map[string]any{"subject": "お知らせ", "html": "<html><body><p>お知らせ</p>" + body + "</body></html>", "text": "お知らせ\n{{ brand.name }}\n{{ links.unsubscribe }}\n"}}
	}
	x.put("setting", "brand", map[string]any{"name": "店", "address": "東京都千代田区丸の内1-1-1", "contact": "03-0000-0000"})
	for name, d := range map[string]struct {
		channel, purpose string
		variants         map[string]any
	}{
		"group":  {"line", "marketing", text("ようこそ")},
		"push":   {"line", "transactional", text("発送しました")},
		"advert": {"email", "marketing", mail(`<p>{{ brand.name }} {{ brand.address }} {{ brand.contact }}</p><a href="{{ links.unsubscribe }}">配信を停止する</a>`)},
		"order":  {"email", "transactional", mail(`<p>{{ brand.name }}</p>`)},
	} {
		x.put("template", name, map[string]any{"name": name, "channel": d.channel, "purpose": d.purpose, "title": title(name), "variants": d.variants})
	}
	return x
}

// providers opens LINE, the same one for all, and a mail server for a process, whose mails are counted apart too.
func (x *mixedSend) providers(t *testing.T) (env []string, mails *mailsim.Server) {
	t.Helper()
	api := httptest.NewServer(x.line)
	t.Cleanup(api.Close)
	mails = mailsim.New(mailsim.Config{OnMail: func(m mailsim.Mail) { x.arrived(m.To...) }})
	go func() {
		if err := mails.Run(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	<-mails.Ready()
	return []string{"ENISHI_LINE__ENDPOINT=" + api.URL, "ENISHI_LINE__TOKEN=token", "ENISHI_LINE__SECRET=secret", "ENISHI_SMTP__ADDR=" + mails.Addr(), "ENISHI_SMTP__TLS=none",
		fmt.Sprint("ENISHI_SMTP__WORKERS=", mixedWorkers)}, mails
}

// mixedConnections is how many connections a process has to its mail server at most.
func mixedConnections() int { return mixedWorkers * len(enishi.MailGroups()) }

func (x *mixedSend) arrived(to ...string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, a := range to {
		x.got[a]++
	}
	x.n, x.last = x.n+len(to), time.Now()
}

// mixedTo is the address of the i-th message.
func mixedTo(i int) string {
	if i%2 == 0 {
		return lineUser(i)
	}
	return address(i)
}

func mixedID(i int) enishi.ID { return enishi.NewID("mixed", fmt.Sprint(i)) }

// decide puts the messages on the log.
func (x *mixedSend) decide() {
	x.t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	recs := make([]stream.Record, x.total)
	for i := range recs {
		m := enishi.Message{SendID: mixedID(i), Round: 1, Profile: enishi.NewID("mixed_profile", fmt.Sprint(i)), Subject: enishi.NewID("mixed_subject", fmt.Sprint(i)),
			Destination: "line:default", Channel: "line", Account: "default", Journey: "hello", Node: "hello", To: mixedTo(i), Language: "ja", Variables: "{}", DecidedAt: now}
		switch i % mixedKinds {
		case groupKind:
			m.Purpose, m.Template = "marketing", "group"
		case advertKind:
			m.Purpose, m.Template = "marketing", "advert"
		case pushKind:
			m.Purpose, m.Template = "transactional", "push"
		case orderKind:
			m.Purpose, m.Template = "transactional", "order"
		}
		if i%2 == 1 {
			m.Destination, m.Channel = "email:default:other", "email"
		} else if err := x.line.Befriend(m.To, "友だち"); err != nil {
			x.t.Fatal(err)
		}
		recs[i] = stream.Record{Topic: enishi.TopicMessages, Partition: -1, Key: m.Profile[:], Value: enishi.EncodeMessage(nil, &m)}
	}
	client, err := stream.Open(x.t.Context(), stream.Config{Brokers: []string{x.broker}, Topics: topics()})
	if err != nil {
		x.t.Fatal(err)
	}
	defer client.Close()
	if err := client.Append(x.t.Context(), recs); err != nil {
		x.t.Fatal(err)
	}
}

// seen is how many messages the providers took.
func (x *mixedSend) seen() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.n
}

// reaches waits until the providers took so many.
func (x *mixedSend) reaches(n int) {
	x.t.Helper()
	eventually(x.t, 2*time.Minute, "the send goes on", func() error {
		if have := x.seen(); have < n {
			return fmt.Errorf("%d of %d", have, n)
		}
		return nil
	})
}

// ended is how many messages have ended by the ledger.
func (x *mixedSend) ended() (n int) {
	x.t.Helper()
	st, err := x.status()
	if err != nil {
		x.t.Fatal(err)
	}
	for _, states := range st.Sends {
		for state, k := range states {
			if state != "decided" && state != "intent" {
				n += int(k)
			}
		}
	}
	return n
}

// finishes waits until all have ended.
func (x *mixedSend) finishes(limit time.Duration) {
	x.t.Helper()
	eventually(x.t, limit, "all have ended", func() error {
		if n := x.ended(); n != x.total {
			return fmt.Errorf("%d of %d", n, x.total)
		}
		return nil
	})
}

// addsUp waits until what is held and what has ended are all there is, and as many have ended as the providers took.
func (x *mixedSend) addsUp(when string) {
	x.t.Helper()
	eventually(x.t, 30*time.Second, when+": the ledger has everything", func() error {
		var st struct {
			Open     heldMessages
			Incoming int64
		}
		if err := x.call("GET", "/sending", nil, &st); err != nil {
			return err
		}
		took := x.seen()
		if n := x.ended(); st.Incoming != 0 || st.Open.InHand != 0 || int(st.Open.Waiting)+n != x.total || n != took {
			return fmt.Errorf("%d wait, %d in hand, %d not read, %d ended, %d seen, %d in all", st.Open.Waiting, st.Open.InHand, st.Incoming, n, took, x.total)
		}
		return nil
	})
}

// check compares the ledger with what the providers got; doubt is how many mails may be in doubt. It tells how many of each kind
// ended in each way.
func (x *mixedSend) check(doubt int) {
	x.t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	complaints, summary := checkMixed(x.total, x.tables.rows("SELECT lower(hex(send_id)), toString(state) FROM deliveries FINAL"), x.got, doubt)
	complain(x.t, "mixed send", complaints)
	x.t.Log(summary)
}

// checkMixed compares rows "send id, state" with how many each address got: each LINE message is there once where the ledger
// says sent and never twice; an advertising mail once where it says sent, and once or never where it says unknown; an order's mail
// once, or again where a try was in doubt; and no more than doubt mails are in doubt.
func checkMixed(total int, rows []string, got map[string]int, doubt int) (complaints []string, summary string) {
	say := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	states := map[string]string{}
	for _, row := range rows {
		id, state, _ := strings.Cut(row, "\t")
		if states[id] != "" {
			say("%s stands twice in the ledger", id)
		}
		states[id] = state
	}
	if len(states) != total {
		say("%d messages are in the ledger, want %d", len(states), total)
	}
	kinds, counts, doubtful, addressed := [...]string{"group", "advert", "push", "order"}, map[string]int{}, 0, 0
	for i := range total {
		kind, state, n := i%mixedKinds, states[mixedID(i).String()], got[mixedTo(i)]
		addressed += n
		counts[kinds[kind]+" "+state]++
		switch {
		case state == "deferred" && n == 0: // back to the fold, which knows no such journey here
		case state == "unknown" && kind == advertKind && n <= 1:
			doubtful++
		case state == "sent" && n == 2 && kind == orderKind:
			doubtful++
			counts["order twice"]++
		case state != "sent" || n != 1:
			say("%s (%s) is %q and got %d", mixedTo(i), kinds[kind], state, n)
		}
	}
	for _, n := range got {
		addressed -= n
	}
	if addressed != 0 {
		say("%d messages went to others", -addressed)
	}
	if doubtful > doubt {
		say("%d mails are in doubt, at most %d connections were open", doubtful, doubt)
	}
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		summary += fmt.Sprintf("%s: %d, ", k, counts[k])
	}
	return complaints, strings.TrimSuffix(summary, ", ")
}

// TestMixedCheckerNotices feeds it what a broken program would leave.
func TestMixedCheckerNotices(t *testing.T) {
	f := func(want string, change func(states []string, got map[string]int)) {
		t.Helper()
		states, got := make([]string, 8), map[string]int{}
		for i := range states {
			states[i], got[mixedTo(i)] = "sent", 1
		}
		change(states, got)
		var rows []string
		for i, s := range states {
			if s != "" {
				rows = append(rows, mixedID(i).String()+"\t"+s)
			}
		}
		complaints, _ := checkMixed(8, rows, got, 1)
		if all := strings.Join(complaints, "\n"); (want == "") != (all == "") || !strings.Contains(all, want) {
			t.Errorf("complaints %q, want %q", all, want)
		}
	}
	f("", func([]string, map[string]int) {})
	f("", func(s []string, got map[string]int) { s[1], s[2] = "unknown", "deferred"; got[mixedTo(2)] = 0 })
	f("", func(s []string, got map[string]int) { got[mixedTo(3)] = 2 })
	f("(group) is \"sent\" and got 2", func(s []string, got map[string]int) { got[mixedTo(0)] = 2 })
	f("(push) is \"sent\" and got 0", func(s []string, got map[string]int) { got[mixedTo(2)] = 0 })
	f("(advert) is \"unknown\" and got 2", func(s []string, got map[string]int) { s[1] = "unknown"; got[mixedTo(1)] = 2 })
	f("(push) is \"unknown\" and got 1", func(s []string, got map[string]int) { s[2] = "unknown" })
	f("(order) is \"sent\" and got 3", func(s []string, got map[string]int) { got[mixedTo(3)] = 3 })
	f("(group) is \"intent\" and got 1", func(s []string, got map[string]int) { s[4] = "intent" })
	f("(advert) is \"deferred\" and got 1", func(s []string, got map[string]int) { s[5] = "deferred" })
	f("2 mails are in doubt", func(s []string, got map[string]int) { s[1] = "unknown"; got[mixedTo(3)] = 2 })
	f("7 messages are in the ledger", func(s []string, got map[string]int) { s[1] = "" })
	f("1 messages went to others", func(s []string, got map[string]int) { got["x"] = 1 })
}

// TestMixedSendKilled kills the process in the middle of 50,000 messages: no LINE message comes twice, also not to a group, no
// more mails are in doubt than connections were open, and the ledger says what the providers got.
func TestMixedSendKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("kills real processes")
	}
	t.Parallel()
	kills := 1
	if full() {
		kills = 10
	}
	x := openMixed(t, 50_000)
	begun := time.Now()
	x.decide()
	for i := range kills {
		x.reaches(x.total * (i + 1) / (kills + 1))
		x.kill()
		x.launch()
		x.waitReady()
	}
	x.finishes(5 * time.Minute)
	t.Logf("%d messages and %d kills in %s", x.total, kills, time.Since(begun).Round(time.Second))
	x.check(kills * mixedConnections())
}
