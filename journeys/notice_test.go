package journeys

import (
	"errors"
	"strings"
	"testing"

	"enishi"
	"enishi/segments"
)

// TestNoticeFailure: a notice is for what a customer ordered, and what comes after it comes a day later.
func TestNoticeFailure(t *testing.T) {
	body := string(readDefinition(t, "shipped"))
	f := func(old, with, field, en, ja string) {
		t.Helper()
		if !strings.Contains(body, old) {
			t.Fatalf("the definition has no %s", old)
		}
		_, err := Compile("j", 1, []byte(strings.Replace(body, old, with, 1)), segments.Library{})
		var ps Problems
		if !errors.As(err, &ps) {
			t.Fatalf("%s: no problem found: %v", with, err)
		}
		for _, p := range ps {
			if p.Field == field && strings.Contains(p.Msg, en) && strings.Contains(p.MsgJA, ja) && p.Line > 0 {
				return
			}
		}
		t.Errorf("%s: %v", with, ps)
	}
	channel := "nodes.say.channels[1]"
	f(`"transactional", "consent": "not_refused"`, `"marketing", "consent": "opt_in"`, channel, "must be transactional", "transactional（お知らせ）")
	f(`"order.placed", "key": "order_id"`, `"cart.updated"`, channel, "must begin by an event of order, shipment, return", "order、shipment、return")
	f(`"event": "order.placed", "key": "order_id"`, `"segment": "vip"`, channel, "must begin by an event", "イベントで始まる")
	f(`"next": "done"},`, `"send_by": "24h", "next": "done"},`, "nodes.say.send_by", "24 hours later", "24 時間より長く")
	f(`"exit_on"`, `"accounts": {"line_notice": "shop2"}, "exit_on"`, "accounts.line_notice", "accounts are written", "accounts は")
	for _, good := range []string{`"send_by": "25h", "next": "done"},`, `"next": "done"},`} {
		if _, err := Compile("j", 1, []byte(strings.Replace(body, `"next": "done"},`, good, 1)), segments.Library{}); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	last := strings.NewReplacer(`"line_notice", "email"]`, `"line_notice"]`, `, "email": "shipped_mail"`, ``, `"next": "done"},`, `"send_by": "1h", "next": "done"},`).Replace(body)
	if _, err := Compile("j", 1, []byte(last), segments.Library{}); err != nil {
		t.Errorf("a notice that stands last needs no long send_by: %v", err)
	}
	mail := func(string) (string, bool) { return "email", true }
	if err := Check("last", []byte(last), segments.Library{}, References{Template: mail}); err == nil || !strings.Contains(err.Error(), "is for email, not for") {
		t.Errorf("a mail as a notice: %v", err)
	}
	line := func(string) (string, bool) { return "line", true }
	if err := Check("last", []byte(last), segments.Library{}, References{Template: line}); err != nil {
		t.Errorf("a notice takes a template of LINE: %v", err)
	}
	if enishi.ParentChannel("email") != "email" {
		t.Error("mail has a parent")
	}
}
