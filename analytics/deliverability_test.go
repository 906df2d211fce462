package analytics

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi"
	"enishi/internal/clickhouse"
)

// madeRound is a row of the ledger, madeFact what was heard of a mail later.
type madeRound struct {
	send, destination, purpose, state, reason string
	round                                     int
	decided                                   time.Time
}

type madeFact struct {
	send, typ, reason string
	at                time.Time
}

func insertMails(t *testing.T, db *clickhouse.DB, rounds []madeRound, facts []madeFact) {
	t.Helper()
	var send, id []enishi.ID
	var round []uint32
	var version []uint64
	var state, destination, channel, purpose, reason []string
	var decided []time.Time
	for _, r := range rounds {
		send, round, version = append(send, enishi.NewID("send", r.send)), append(round, uint32(r.round)), append(version, 1)
		state, destination, purpose, reason, decided = append(state, r.state), append(destination, r.destination), append(purpose, r.purpose), append(reason, r.reason), append(decided, r.decided)
		channel = append(channel, strings.SplitN(r.destination, ":", 2)[0])
	}
	insert(t, db, []batch{{"deliveries", []string{"send_id", "round", "version", "state", "destination", "channel", "purpose", "reason", "decided_at"}, len(send),
		[]any{send, round, version, state, destination, channel, purpose, reason, decided}}})
	send, version, reason = nil, nil, nil
	var typ []string
	var at []time.Time
	for i, f := range facts {
		send, id = append(send, enishi.NewID("send", f.send)), append(id, enishi.NewID("fact", fmt.Sprint(i)))
		typ, reason, at, version = append(typ, f.typ), append(reason, f.reason), append(at, f.at), append(version, uint64(i)+1)
	}
	for range 2 { // rows that are there twice change nothing
		insert(t, db, []batch{{"events", []string{"event_id", "send_id", "type", "reason", "at", "version"}, len(send), []any{id, send, typ, reason, at, version}}})
	}
}

// TestDeliverability: what the report counts of made mails is what a loop over them counts, by group and by day of the shop.
func TestDeliverability(t *testing.T) {
	t.Parallel()
	db := openDB(t, "deliverability")
	rnd := rand.New(rand.NewPCG(11, 3))
	span := Range{time.Date(2026, 3, 1, 0, 0, 0, 0, tokyo), time.Date(2026, 3, 11, 0, 0, 0, 0, tokyo)}
	groups, accounts := enishi.MailGroups(), []string{"shop", "news"}
	var rounds []madeRound
	var facts []madeFact
	want := map[string]*DeliverabilityGroup{"": {}}
	ends := []struct {
		state, reason string
		count         func(c *MailCounts)
	}{
		{"sent", "", func(c *MailCounts) { c.Accepted++ }}, {"sent", "", func(c *MailCounts) { c.Accepted++ }}, {"sent", "", func(c *MailCounts) { c.Accepted++ }},
		{"failed", "hard: 550 5.1.1 no such user", func(c *MailCounts) { c.Hard++ }}, {"failed", "policy: 550 5.7.1 no", func(c *MailCounts) { c.Block++ }},
		{"failed", "gave up: greylisted: 450 later", func(c *MailCounts) { c.Soft++ }}, {"unknown", "the connection broke", func(c *MailCounts) { c.Unknown++ }},
		{"failed", "address: this is no mail address", nil}, {"refused", "expired", nil}, {"dropped", "hold", nil}, {"decided", "", nil}, {"intent", "", nil},
	}
	for i := range 600 {
		name, group, account := fmt.Sprint(i), groups[rnd.IntN(len(groups))], accounts[rnd.IntN(2)]
		at := span.From.AddDate(0, 0, -2).Add(time.Duration(rnd.Int64N(int64(14 * 24 * time.Hour)))).Truncate(time.Millisecond)
		if rnd.IntN(8) == 0 { // at a border of a day
			at = at.Truncate(24 * time.Hour).Add(-9 * time.Hour).Add(time.Duration(rnd.IntN(2)-1) * time.Millisecond)
		}
		purpose := []string{"marketing", "marketing", "transactional", "test"}[rnd.IntN(4)]
		r := madeRound{send: name, destination: "email:" + account + ":" + group, purpose: purpose, round: 1, decided: at}
		var c MailCounts
		if rnd.IntN(4) == 0 {
			r.state, r.reason = "deferred", []string{"greylisted: 450 4.2.0 come again", "421 too many", "waited", "account: 535 no"}[rnd.IntN(4)]
			if r.reason[0] == 'g' || r.reason[0] == '4' {
				c.Deferred = 1
			}
			rounds = append(rounds, r)
			r.round, r.decided = 2, at.Add(time.Duration(rnd.IntN(3600))*time.Second)
		}
		end := ends[rnd.IntN(len(ends))]
		r.state, r.reason = end.state, end.reason
		rounds = append(rounds, r)
		day := r.decided
		if end.count != nil {
			end.count(&c)
		} else if end.state == "decided" || end.state == "intent" {
			day = at // the round that ended
		}
		heard := func(typ, reason string) {
			facts = append(facts, madeFact{name, "message." + typ, reason, day.Add(time.Duration(1+rnd.IntN(100)) * time.Hour)})
		}
		if c.Accepted == 1 {
			if rnd.IntN(3) == 0 {
				heard("opened", "")
				heard("opened", "")
				c.Opened = 1
			}
			if rnd.IntN(3) == 0 {
				heard("opened", "prefetch")
				c.OpenedMachine = 1
			}
			if rnd.IntN(6) == 0 {
				heard("clicked", "")
				c.Clicked = 1
			}
			if rnd.IntN(6) == 0 {
				heard("clicked", "scanner")
			}
			if rnd.IntN(9) == 0 {
				heard("complained", "abuse")
				c.Complained = 1
			}
			if rnd.IntN(9) == 0 {
				heard("unsubscribed", "")
				c.Unsubscribed = 1
			}
			switch rnd.IntN(9) { // it came back later; the worst that was told counts
			case 0:
				heard("bounced", "soft")
				heard("bounced", "hard")
				c.Hard = 1
			case 1:
				heard("bounced", "soft")
				c.Soft = 1
			case 2:
				heard("bounced", "block")
				c.Block = 1
			}
		}
		if c == (MailCounts{}) || purpose == "test" || account != "shop" || day.Before(span.From) || !day.Before(span.To) {
			continue
		}
		c.Tried = 1
		if want[group] == nil {
			want[group] = &DeliverabilityGroup{}
		}
		y, m, d := day.In(tokyo).Date()
		for _, g := range []*DeliverabilityGroup{want[group], want[""]} {
			g.add(c)
			at, k := time.Date(y, m, d, 0, 0, 0, 0, tokyo), 0
			for k < len(g.Days) && g.Days[k].At.Before(at) {
				k++
			}
			if k == len(g.Days) || !g.Days[k].At.Equal(at) {
				g.Days = append(g.Days[:k], append([]DeliverabilityDate{{At: at}}, g.Days[k:]...)...)
			}
			g.Days[k].add(c)
		}
	}
	rounds = append(rounds, madeRound{"line", "line:main", "marketing", "sent", "", 1, span.From.Add(time.Hour)})
	insertMails(t, db, rounds, facts)
	got, err := (&Reports{Conn: db.Conn()}).Deliverability(t.Context(), span, "shop")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Groups) != len(groups) || want[""].Tried < 100 {
		t.Fatalf("%d groups of %d mails", len(got.Groups), want[""].Tried)
	}
	for _, g := range append(got.Groups, got.Total) {
		w := want[g.Name]
		if diff := cmp.Diff(w.MailCounts, g.MailCounts); diff != "" {
			t.Errorf("group %q (-want +got):\n%s", g.Name, diff)
		}
		if diff := cmp.Diff(w.Days, g.Days); diff != "" {
			t.Errorf("days of group %q (-want +got):\n%s", g.Name, diff)
		}
	}
	for i, g := range got.Groups {
		if g.Name != groups[i] {
			t.Errorf("group %d is %s, want %s", i, g.Name, groups[i])
		}
	}
}

// TestDeliverabilityMarks: a threshold is crossed at its value, and not by a few mails.
func TestDeliverabilityMarks(t *testing.T) {
	t.Parallel()
	f := func(c MailCounts, want ...string) {
		t.Helper()
		g := DeliverabilityGroup{MailCounts: c}
		g.complete()
		if diff := cmp.Diff(append([]string{}, want...), g.Marks); diff != "" {
			t.Errorf("%+v is marked (-want +got):\n%s", c, diff)
		}
	}
	f(MailCounts{})
	f(MailCounts{Tried: 99, Accepted: 99, Hard: 50, Complained: 50})
	f(MailCounts{Tried: 1000, Accepted: 1000, Hard: 9, Complained: 0})
	f(MailCounts{Tried: 1000, Accepted: 1000, Hard: 10}, MarkHard)
	f(MailCounts{Tried: 10_000, Accepted: 10_000, Complained: 9})
	f(MailCounts{Tried: 10_000, Accepted: 10_000, Complained: 10}, MarkComplaintsAim)
	f(MailCounts{Tried: 10_000, Accepted: 10_000, Complained: 30, Hard: 100}, MarkComplaintsLimit, MarkHard)
	f(MailCounts{Tried: 200, Hard: 2}, MarkHard) // nothing was accepted
}
