package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"enishi/api"
	"enishi/channels/line"
	linesim "enishi/internal/sim/line"
)

// TestNoticesFallBack walks notification messages through the whole program on the virtual clock: by phone, with LINE's word
// that one was delivered, and with a mail a day later where that word did not come.
func TestNoticesFallBack(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real process")
	}
	t.Parallel()
	x := openShop(t, t.TempDir(), 0)
	x.line.SetWebhookURL(x.base + "/line/webhook/default")
	for name, channel := range map[string]string{"shipped_line": "line", "shipped_mail": "email"} {
		variant := map[string]any{"messages": []map[string]any{{"type": "text", "text": "ご注文 {{ order.number }} を承りました。"}}}
		if channel == "email" {
			variant = map[string]any{"subject": "ご注文ありがとうございます", "html": "<!doctype html><html lang=\"ja\"><head><title>ご注文ありがとうございます</title></head><body><p>ご注文を承りました。</p></body></html>", "text": "ご注文を承りました。\n"}
		}
		x.put("template", name, map[string]any{"name": name, "channel": channel, "purpose": "transactional", "missing": "blank", "title": title(name), "variants": map[string]any{"ja": variant}})
	}
	journey := map[string]any{"title": title("shipped"), "purpose": "transactional", "consent": "not_refused", "state": "live", "entry": map[string]any{"event": "order.placed", "key": "order_id", "reentry": "always"}, "start": "say",
		"nodes": map[string]any{"say": map[string]any{"type": "message", "channels": []string{"line_notice", "email"}, "templates": map[string]any{"line_notice": "shipped_line", "email": "shipped_mail"}, "next": "end"}, "end": map[string]any{"type": "exit"}}}
	save := func() error {
		return (&client{Addr: x.base}).put(t.Context(), &definitionFile{Kind: "journey", Name: "shipped", Body: journey})
	}
	if err := save(); err == nil || !strings.Contains(err.Error(), "LINE has not approved the template shipped_line") {
		t.Fatalf("a notice that LINE has not approved goes live: %v", err)
	}
	x.put("setting", "line", map[string]any{"accounts": []any{map[string]any{"name": "default", "title": title("main"), "notices": []string{"shipped_line"}}}})
	if err := save(); err != nil {
		t.Fatal(err)
	}

	begin := time.Date(2025, 3, 3, 1, 0, 0, 0, time.UTC)
	phones := map[string]string{"seen": "090-1111-0001", "silent": "090-1111-0002", "nobody": "090-1111-0003", "late": "090-1111-0004", "lost": "090-1111-0005"}
	hash := func(who string) string { return line.PhoneHash("+81" + strings.ReplaceAll(phones[who], "-", "")[1:]) }
	x.line.Register(lineUser(1), hash("seen"))
	for i, who := range []string{"silent", "late"} { // they have not confirmed their numbers at LINE
		x.line.RegisterUnverified(lineUser(2+i), hash(who))
	}
	x.line.Register(lineUser(4), hash("lost"))
	x.settled(30 * time.Second)
	if err := x.call("POST", "/import/begin", map[string]any{"name": "test", "replay": true}, nil); err != nil {
		t.Fatal(err)
	}
	play := func(clock time.Time, recs ...api.ImportRecord) {
		t.Helper()
		for _, part := range [][]api.ImportRecord{append([]api.ImportRecord{}, recs...), {}} {
			if err := x.call("POST", "/import/records", api.ImportRequest{Records: part, Clock: clock}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	order := func(who string) []api.ImportRecord {
		h := &history{t: t}
		h.add(begin, "orders", "order.placed", who, map[string]any{"person": map[string]any{"customer_id": who, "email": who + "@customer.example", "phone": phones[who]},
			"order": map[string]any{"order_id": "O-" + who, "total": "5000", "lines": []any{map[string]any{"product_id": "P1", "price": "5000"}}}})
		return h.recs
	}
	var recs []api.ImportRecord
	for _, who := range []string{"seen", "silent", "nobody", "late"} {
		recs = append(recs, order(who)...)
	}
	is := func(who, notice, mail string) {
		t.Helper()
		var page struct {
			Items []struct{ Channel, State, Reason, Journey, Profile string }
		}
		eventually(t, 30*time.Second, who, func() error {
			var found struct{ Items []struct{ ID string } }
			if err := x.call("GET", "/people?q="+who, nil, &found); err != nil || len(found.Items) != 1 {
				return fmt.Errorf("%d people %w", len(found.Items), err)
			}
			if err := x.call("GET", "/deliveries?limit=100&journey=shipped", nil, &page); err != nil {
				return err
			}
			got := map[string]string{}
			for _, d := range page.Items {
				if d.Profile == found.Items[0].ID {
					got[d.Channel] += strings.TrimSpace(d.State + " " + d.Reason)
				}
			}
			if !strings.HasPrefix(got["line_notice"], notice) || got["email"] != mail {
				return fmt.Errorf("%v", got)
			}
			return nil
		})
	}
	play(begin, recs...)
	is("nobody", "refused unreachable", "sent") // the last of them: the fault is not theirs
	for _, who := range []string{"seen", "silent", "late"} {
		is(who, "sent", "")
	}
	x.line.Inject(linesim.Fault{Endpoint: "pnp", Status: 500, Times: 1}) // LINE does not say whether it took this one
	play(begin, order("lost")...)

	is("seen", "sent", "")
	is("silent", "sent", "")
	is("late", "sent", "")
	is("lost", "unknown", "")
	is("nobody", "refused unreachable", "sent") // at once
	if err := x.line.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	delivered := func(who string) error {
		return x.hasEvent(who, "message.delivered")
	}
	eventually(t, 30*time.Second, "the delivery is known", func() error { return delivered("seen") })

	play(begin.Add(23 * time.Hour))
	is("silent", "sent", "")
	play(begin.Add(25 * time.Hour))
	is("silent", "sent", "sent")
	is("late", "sent", "sent")
	is("lost", "unknown", "sent")
	is("seen", "sent", "")
	// LINE's word comes too late: it is kept, and nothing is sent or taken back by it.
	x.line.Verify(hash("late"))
	if err := x.line.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the late delivery is known", func() error { return delivered("late") })
	play(begin.Add(72 * time.Hour))
	for who, notice := range map[string]string{"silent": "sent", "late": "sent", "lost": "unknown", "nobody": "refused unreachable"} {
		is(who, notice, "sent") // once
	}
	if got := x.line.Counts(); got.Calls["pnp 200"] != 3 || got.Calls["pnp 422"] != 1 || got.Calls["pnp 500"] != 1 {
		t.Errorf("LINE was called %v", got.Calls)
	}
}

// hasEvent tells whether a person's timeline has an event of a type.
func (x *shop) hasEvent(who, typ string) error {
	var found struct{ Items []struct{ ID string } }
	if err := x.call("GET", "/people?q="+who, nil, &found); err != nil || len(found.Items) != 1 {
		return fmt.Errorf("%d people %w", len(found.Items), err)
	}
	var page struct{ Items []struct{ Type string } }
	if err := x.call("GET", "/people/"+found.Items[0].ID+"/timeline?limit=100", nil, &page); err != nil {
		return err
	}
	for _, e := range page.Items {
		if e.Type == typ {
			return nil
		}
	}
	return fmt.Errorf("no %s among %d events", typ, len(page.Items))
}
