package main

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	linesim "enishi/internal/sim/line"
	mailsim "enishi/internal/sim/mail"
)

// checkMail compares the mails that came in with whom each was for: one each, and none to the others.
func checkMail(mails []mailsim.Mail, want map[string]bool) (complaints []string) {
	got := map[string]int{}
	for _, m := range mails {
		for _, to := range m.To {
			got[to]++
		}
	}
	for to, n := range got {
		if !want[to] {
			complaints = append(complaints, fmt.Sprintf("%s got a mail and should have none", to))
		} else if n > 1 {
			complaints = append(complaints, fmt.Sprintf("%s got %d mails", to, n))
		}
	}
	for to := range want {
		if got[to] == 0 {
			complaints = append(complaints, to+" got no mail")
		}
	}
	return complaints
}

// TestMailCheckerNotices feeds it what a broken program would leave.
func TestMailCheckerNotices(t *testing.T) {
	want := map[string]bool{"a": true, "b": true}
	f := func(complaint string, to ...string) {
		t.Helper()
		var mails []mailsim.Mail
		for _, a := range to {
			mails = append(mails, mailsim.Mail{To: []string{a}})
		}
		got := strings.Join(checkMail(mails, want), "\n")
		if got != complaint {
			t.Errorf("mails to %v: %q, want %q", to, got, complaint)
		}
	}
	f("", "a", "b")
	f("b got no mail", "a")
	f("a got 2 mails", "a", "b", "a")
	f("c got a mail and should have none", "a", "b", "c")
}

// Who is refused for ever, and whose mail is cut off after its last byte.
const never, doubtful = 7, 11

func address(p int) string { return fmt.Sprintf("u%05d@load.example", p) }

// refuse plans the faults of both providers.
func (x *shop) refuse(inbox *mailsim.Server) {
	stall := time.Second
	if full() {
		stall = 35 * time.Second // longer than a call to LINE may take
	}
	// One person each: failures in a row would open the breaker again and again.
	for i, f := range []linesim.Fault{
		{Times: -1, Status: 400, Message: "The property, to, is invalid"},
		{Status: 500, Times: 2}, {Status: 429, Header: http.Header{"Retry-After": {"1"}}}, {Reset: true},
		{After: true, Status: 500, Times: 2}, {After: true, Reset: true}, {After: true, Cut: true}, {After: true, Stall: stall},
	} {
		f.Endpoint, f.To = "push", lineUser(never+5*i)
		x.line.Inject(f)
	}
	for _, f := range []mailsim.Fault{
		{Stage: mailsim.AtRcpt, To: address(never), Times: -1, Code: 550, Text: "5.1.1 no such user"},
		{Stage: mailsim.AtDot, To: address(doubtful), Drop: true, Store: true},
		{Stage: mailsim.AtConnect, Code: 421, Text: "4.3.2 come back later"}, {Stage: mailsim.AtMail, Code: 451, Text: "4.3.0 busy"},
		{Stage: mailsim.AtData, To: address(20), Drop: true}, {Stage: mailsim.AtRcpt, To: address(30), Drop: true},
	} {
		inbox.Inject(f)
	}
}

// TestProvidersRefuse lets LINE and the mail server be away, refuse for a while, take a message and not say so, and refuse one
// person for ever. Each message comes once, and the ledger says how each ended.
func TestProvidersRefuse(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes")
	}
	t.Parallel() // it waits more than it works
	needEngine(t)
	people := 60
	if full() {
		people = 1000
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	inbox := mailsim.New(mailsim.Config{Keep: 10_000})
	go func() {
		if err := inbox.Serve(t.Context(), listener); err != nil {
			t.Error(err)
		}
	}()
	toMail := newProxy(t, freePort(t), listener.Addr().String())
	x := openShop(t, t.TempDir(), people, "ENISHI_SMTP__ADDR="+toMail.listen, "ENISHI_SMTP__TLS=none", "ENISHI_SMTP__FROM=Shop <shop@load.example>")
	x.allHours()
	x.put("setting", "brand", map[string]any{"name": "店", "address": "東京都千代田区丸の内1-1-1", "contact": "03-0000-0000"})
	x.put("template", "paper", map[string]any{"name": "paper", "channel": "email", "purpose": "marketing", "title": title("paper"), "variants": map[string]any{
		"ja": map[string]any{"subject": "ご注文", "html": "<!doctype html><html lang=\"ja\"><head><title>ご注文</title></head><body><p>ありがとうございます</p><p>{{ brand.name }} {{ brand.address }} {{ brand.contact }}</p><a href=\"{{ links.unsubscribe }}\">配信を停止する</a></body></html>",
			"text": "ありがとうございます\n{{ brand.name }} {{ brand.address }} {{ brand.contact }}\n配信停止: {{ links.unsubscribe }}\n"}}})
	// With a link of each person's own, so that each gets a push.
	x.put("template", "hello", map[string]any{"name": "hello", "channel": "line", "purpose": "marketing", "title": title("hello"), "variants": map[string]any{"ja": map[string]any{"messages": []map[string]any{
		{"type": "text", "text": "to hello", "quickReply": map[string]any{"items": []map[string]any{{"type": "action", "action": map[string]any{"type": "uri", "label": "設定", "uri": "{{ links.preferences }}"}}}}}}}}})
	x.putJourney("paper", map[string]any{"events": []string{"user.signed_up"}, "reentry": "never"})
	l := &load{key: x.write, to: []*server{x.server}, sent: acknowledged{}}
	if err := l.send(meeting(people, time.Now().UTC())); err != nil {
		t.Fatal(err)
	}
	x.quiet(time.Minute, x.tables)

	x.refuse(inbox)
	x.toLINE.cut()
	toMail.cut()
	if err := l.send(signUps(0, people)); err != nil {
		t.Fatal(err)
	}
	// Five tries open the breaker of a destination; then one in five seconds finds out whether it is back: 6 to 12 soon, more where deciding takes longer.
	away := time.Now()
	eventually(t, 30*time.Second, "everything is decided and a few are tried", func() error {
		most := 10 + int(time.Since(away)/(5*time.Second))
		for _, channel := range []string{"line", "email"} {
			got := x.tables.rows(fmt.Sprintf("SELECT count(), countIf(attempt > 0) BETWEEN 6 AND %d, countIf(state IN ('sent', 'failed', 'unknown')) FROM deliveries FINAL WHERE channel = '%s'", most, channel))
			if got[0] != fmt.Sprintf("%d\t1\t0", people) {
				return fmt.Errorf("%s: decided, few are tried (%d at most), ended: %q", channel, most, got[0])
			}
		}
		return nil
	})
	if full() { // what waits a minute goes back to the fold and is decided again
		eventually(t, 3*time.Minute, "messages are put off", func() error {
			if got := x.tables.rows("SELECT countIf(state = 'deferred') > 100 FROM deliveries FINAL"); got[0] != "1" {
				return fmt.Errorf("put off: %q", got[0])
			}
			return nil
		})
	}
	x.toLINE.mend()
	toMail.mend()
	eventually(t, 8*time.Minute, "each message has ended", func() error {
		if got := x.tables.rows("SELECT countIf(state IN ('sent', 'failed', 'unknown')) FROM deliveries FINAL"); got[0] != fmt.Sprint(2*people) {
			return fmt.Errorf("%s of %d", got[0], 2*people)
		}
		return nil
	})
	x.quiet(3*time.Minute, x.tables)

	complain(t, "events", l.sent.check(x.tables.outsideEvents()))
	decided := slices.DeleteFunc(x.tables.decidedLINE(), func(row string) bool { return strings.HasPrefix(row, lineUser(never)+"\t") })
	complain(t, "LINE", checkLINE(x.line.Sent(), decided))
	want := map[string]bool{}
	for p := range people {
		want[address(p)] = p != never
	}
	maps.DeleteFunc(want, func(_ string, wanted bool) bool { return !wanted })
	complain(t, "mail", checkMail(inbox.Mails(), want))
	complain(t, "ledger", differ(holding{"ends": x.tables.rows("SELECT channel, state, count() FROM deliveries FINAL WHERE state != 'deferred' GROUP BY channel, state")},
		holding{"ends": {fmt.Sprintf("line\tsent\t%d", people-1), "line\tfailed\t1", fmt.Sprintf("email\tsent\t%d", people-2), "email\tfailed\t1", "email\tunknown\t1"}}))
	complain(t, "profiles", differ(holding{"ends": x.tables.rows("SELECT channel, sent_at > toDateTime64(0, 3, 'UTC'), `end`, count() FROM sends FINAL GROUP BY ALL")},
		holding{"ends": {fmt.Sprintf("line\t1\t\t%d", people-1), "line\t0\tfailed\t1", fmt.Sprintf("email\t1\t\t%d", people-2), "email\t0\tbounced\t1", "email\t0\tunknown\t1"}}))
	calls := x.line.Counts().Calls
	if calls["push 500"] == 0 || calls["push 429"] == 0 || calls["push 0"] == 0 || calls["push 409"] == 0 {
		t.Errorf("the faults did not strike: %v", calls)
	}
}
