package api

import (
	"strings"
	"testing"
	"time"

	"enishi"
)

// mails puts mails into the ledger that were taken, and of the first so many what was heard of them.
func (w *world) mails(group string, n, complained, dead int) {
	w.t.Helper()
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Millisecond)
	ids, reasons, states := make([]enishi.ID, n), make([]string, n), make([]string, n)
	for i := range n {
		ids[i], states[i] = enishi.NewID("mail", group, time.Duration(i).String()), "sent"
		if i >= n-dead {
			states[i], reasons[i] = "failed", "hard: 550 5.1.1 no such user"
		}
	}
	insert(w, "deliveries", []string{"send_id", "round", "version", "state", "destination", "channel", "purpose", "reason", "decided_at"}, n, ids, repeat(n, uint32(1)), repeat(n, uint64(1)), states,
		repeat(n, "email:default:"+group), repeat(n, "email"), repeat(n, "marketing"), reasons, repeat(n, at))
	insert(w, "events", []string{"event_id", "send_id", "type", "at", "version"}, complained, ids[:complained], ids[:complained], repeat(complained, "message.complained"), repeat(complained, at), repeat(complained, uint64(1)))
}

// TestDeliverability: the counts with what they mean, and an alert a week for each threshold that a group has crossed.
func TestDeliverability(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	empty := w.call("GET", "/deliverability", nil).want(200)
	if !strings.Contains(empty.text, `"groups":[]`) || !strings.Contains(empty.text, `"hard_share":null`) || !strings.Contains(empty.text, `"senders":["default"]`) {
		t.Errorf("nothing was sent: %s", empty.text)
	}
	w.mails("yahoo_jp", 1000, 3, 0)
	w.mails("docomo", 500, 0, 5)
	w.mails("other", 50, 40, 0)
	type answer struct {
		Total  deliverabilityRow
		Groups []deliverabilityRow
	}
	got := into[answer](w.call("GET", "/deliverability", nil))
	if got.Total.Tried != 1550 || got.Total.Accepted != 1545 || got.Total.Complained != 43 || len(got.Groups) != 3 || len(got.Total.Days) != 1 {
		t.Fatalf("got %+v", got)
	}
	f := func(i int, name, label, mark, severity string) {
		t.Helper()
		g := got.Groups[i]
		if g.Name != name || g.Label.JA != label || len(g.Marks) != 1 || g.Marks[0].Code != mark || g.Marks[0].Severity != severity || g.Marks[0].Text.EN == "" {
			t.Errorf("group %d is %+v", i, g)
		}
	}
	f(0, "docomo", "NTT ドコモ", "hard_bounces", "warning")
	f(1, "yahoo_jp", "Yahoo! メール", "complaints_limit", "error")
	if g := got.Groups[2]; !g.Few || len(g.Marks) != 0 {
		t.Errorf("of few mails: %+v", g)
	}
	if none := into[answer](w.call("GET", "/deliverability?sender=other", nil)); none.Total.Tried != 0 {
		t.Errorf("another sender's: %+v", none)
	}
	w.call("GET", "/deliverability?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", nil).want(422)

	for range 2 {
		if err := w.api.checkDeliverability(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	alerts := into[list[alertRow]](w.call("GET", "/alerts", nil)).Items
	if len(alerts) != 2 {
		t.Fatalf("%d alerts: %+v", len(alerts), alerts)
	}
	said := alerts[0].TextJA + alerts[1].TextJA
	for _, part := range []string{"NTT ドコモ宛てのメール: 直近 7 日間の 500 通のうち、存在しない宛先が 5 件（1.00 %）", "Yahoo! メール宛てのメール: 直近 7 日間の 1000 通のうち、迷惑メール報告が 3 件（0.30 %）"} {
		if !strings.Contains(said, part) {
			t.Errorf("no %q in %q", part, said)
		}
	}
	for _, x := range alerts {
		if x.Href != "/deliverability" {
			t.Errorf("%s leads to %q", x.Kind, x.Href)
		}
		w.call("POST", "/alerts/"+x.ID.String()+"/close", map[string]any{}).want(200)
	}
	if err := w.api.checkDeliverability(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := into[list[alertRow]](w.call("GET", "/alerts", nil)).Items; len(left) != 0 {
		t.Errorf("what was closed is told again in the same week: %+v", left)
	}
}
