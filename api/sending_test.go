package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
)

// ledgerRows are n messages that wait.
func ledgerRows(n int, destination, journey, prefecture, state string) (rows []channels.Row) {
	for i := range n {
		channel, _, _ := strings.Cut(destination, ":")
		rows = append(rows, channels.Row{SendID: enishi.NewID("sending", destination, journey, prefecture, state, fmt.Sprint(i)), Round: 1, State: state, Destination: destination,
			Channel: channel, Purpose: "marketing", Journey: journey, Prefecture: prefecture, DecidedAt: time.Now().UTC(), UpdatedAt: time.Now().UTC(), Message: "x"})
	}
	return rows
}

// TestSending: what is stopped is counted exactly, a stop is anybody's who may write, and lifting it an approver's.
func TestSending(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) {
		c.Queues = func() []channels.QueueStatus {
			return []channels.QueueStatus{{Destination: "email:main:gmail", State: "running", PerSecond: 3}, {Destination: "email:main:gmail", State: "down", Reason: "535"}}
		}
	})
	var rows []channels.Row
	for _, x := range [][]channels.Row{ledgerRows(3, "email:main:gmail", "welcome", "東京都", "decided"), ledgerRows(2, "email:main:gmail", "sale", "大阪府", "intent"),
		ledgerRows(4, "line:main", "sale", "東京都", "decided"), ledgerRows(5, "line:main", "sale", "東京都", "sent")} {
		rows = append(rows, x...)
	}
	for i := range rows[len(rows)-2:] {
		rows[len(rows)-1-i].Reported = true
	}
	if err := channels.NewLedger(w.cfg.DB).Insert(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	sending := func() sendingPage {
		t.Helper()
		a := w.call("GET", "/sending", nil).want(200)
		checkTexts(t, "sending", a.text)
		return into[sendingPage](a)
	}
	if p := sending(); p.State != "on" || p.Open != (HeldCount{7, 2}) || len(p.Stops) != 0 || len(p.Destinations) != 2 || p.Destinations[0].State != "down" ||
		p.Destinations[0].Problem != "535" || p.Destinations[0].Waiting != 3 || p.Destinations[0].Oldest.IsZero() || p.Destinations[1].State != "elsewhere" {
		t.Errorf("got %+v", p)
	}
	w.call("PUT", "/settings/delivery", map[string]any{"expect": 0, "body": map[string]any{"limits": []any{map[string]any{"destination": "mail"}}}}).want(422)
	w.call("PUT", "/settings/delivery", map[string]any{"expect": 0, "body": map[string]any{"limits": []any{map[string]any{"destination": "line:main", "per_day": 100, "per_month": 900}},
		"warm_up": []any{map[string]any{"account": "email:main", "begin": time.Now().AddDate(0, 0, -2).Format(time.DateOnly), "days": []int{5, 5, 7, 7}}}}}).want(200)
	if p := sending(); p.Destinations[0].PerDay != 7 || p.Destinations[0].WarmUpDay < 3 || p.Destinations[1].PerDay != 100 || p.Destinations[1].PerMonth != 900 || p.Destinations[1].Today != 2 || p.Destinations[1].PerSecond != 2.0/60 {
		t.Errorf("got %+v", p.Destinations)
	}
	parked := ledgerRows(6, "email:old:au", "welcome", "東京都", "parked")
	if err := channels.NewLedger(w.cfg.DB).Insert(t.Context(), parked); err != nil {
		t.Fatal(err)
	}
	if p := sending(); p.Destinations[1].Destination != "email:old:au" || p.Destinations[1].Parked != 6 || p.Destinations[1].Waiting != 0 || !p.Destinations[1].Oldest.IsZero() {
		t.Errorf("got %+v", p.Destinations)
	}
	if a := into[list[deliveryListRow]](w.call("GET", "/deliveries?state=parked", nil).want(200)); len(a.Items) != 6 || a.Items[0].StateLabel.EN != "parked" {
		t.Errorf("got %+v", a.Items)
	}
	w.call("POST", "/sending/cancel", map[string]any{"destination": "email:old", "reason": "旧アカウント"}).want(200)
	if s := savedSending(w); s.Discard["email:old"].IsZero() {
		t.Errorf("nothing is dropped: %+v", s)
	}
	w.call("POST", "/sending/cancel", map[string]any{"destination": "email:old", "stop": "x"}).want(422)
	editorToken, _ := w.key("admin", "editor")
	approverToken, _ := w.key("admin", "approver")
	viewerToken, _ := w.key("admin", "viewer")
	e, boss := w.as(editorToken), w.as(approverToken)
	view := w.as(viewerToken)
	w = boss
	stop := func(scope, value string) (id string, held HeldCount) {
		t.Helper()
		a := e.call("POST", "/sending/stop", map[string]any{"scope": scope, "value": value, "reason": "誤配信"}).want(200)
		out := into[steered](a)
		return out.Stop, out.Held
	}
	ids := map[string]string{}
	for _, x := range []struct {
		scope, value string
		held         HeldCount
	}{{"all", "", HeldCount{7, 2}}, {"channel", "line", HeldCount{4, 0}}, {"destination", "email:main", HeldCount{3, 2}}, {"prefecture", "東京都", HeldCount{7, 0}}} {
		id, held := stop(x.scope, x.value)
		if held != x.held || id == "" {
			t.Errorf("stop of %s %s holds %+v, want %+v", x.scope, x.value, held, x.held)
		}
		if again, _ := stop(x.scope, x.value); again != id {
			t.Errorf("stopped twice: %s, %s", id, again)
		}
		ids[x.scope] = id
	}
	e.call("POST", "/sending/stop", map[string]any{"scope": "journey", "value": "no_such"}).want(422)
	e.call("POST", "/sending/stop", map[string]any{"scope": "channel", "value": "lime"}).want(422)
	if err := (&API{}).checkStop(t.Context(), &channels.Stop{Scope: channels.ScopeChannel, Value: channels.WebhookChannel}); err != nil {
		t.Errorf("calls of other systems cannot be stopped: %v", err)
	}
	for value, means := range map[string]string{"東京": "「東京都」のことですか", "東京都渋谷区": "「東京都」のことですか", "京都": "「京都府」のことですか", "Tokyo": "「東京都」のように", "府": "のように"} {
		if a := e.call("POST", "/sending/stop", map[string]any{"scope": "prefecture", "value": value}).want(422); !strings.Contains(a.text, means) {
			t.Errorf("%s: %s", value, a.text)
		}
	}
	for _, value := range []string{"email:mian", "line:main:gmail", "email:main:gmai"} {
		if a := e.call("POST", "/sending/stop", map[string]any{"scope": "destination", "value": value}).want(422); !strings.Contains(a.text, "email:main:gmail") || !strings.Contains(a.text, "その宛先はありません") {
			t.Errorf("%s: %s", value, a.text)
		}
	}
	view.call("POST", "/sending/stop", map[string]any{"scope": "all"}).want(403)
	e.call("POST", "/sending/resume", map[string]any{"stop": ids["all"]}).want(403)
	e.call("POST", "/sending/cancel", map[string]any{"stop": ids["all"]}).want(403)
	boss.call("POST", "/sending/resume", map[string]any{}).want(422)
	boss.call("POST", "/sending/resume", map[string]any{"stop": "nothing"}).want(404)
	if p := sending(); len(p.Stops) != 4 || p.Stops[0].By == "" || p.Stops[0].Reason != "誤配信" || p.Stops[3].Title.JA != "東京都" {
		t.Errorf("got %+v", p.Stops)
	}
	boss.call("POST", "/sending/cancel", map[string]any{"stop": ids["channel"]}).want(200)
	dropped := ledgerRows(4, "line:main", "sale", "東京都", "decided")
	for i := range dropped {
		dropped[i].State, dropped[i].Reason, dropped[i].Reported = "dropped", "stopped:"+ids["channel"], true
	}
	if err := channels.NewLedger(w.cfg.DB).Insert(t.Context(), dropped); err != nil { // as the sender does
		t.Fatal(err)
	}
	boss.call("POST", "/sending/resume", map[string]any{"stop": ids["all"]}).want(200)
	p := sending()
	if len(p.Stops) != 3 || !p.Stops[0].Cancelled || p.Stops[0].Dropped != 4 || p.Stops[0].Waiting != 0 || p.Open != (HeldCount{3, 2}) {
		t.Errorf("after the cancel %+v", p)
	}
	boss.call("POST", "/sending/resume", map[string]any{"destination": "email:main:gmail"}).want(200)
	if s := w.api.sending(); s.Again["email:main:gmail"] != 1 {
		t.Errorf("got %+v", s)
	}
	e.call("POST", "/sending/off", nil).want(200)
	e.call("POST", "/sending/on", nil).want(403)
	if p := sending(); p.State != "off" || p.Destinations[0].State != "off" || into[sessionPage](w.call("GET", "/session", nil)).Sending != "off" {
		t.Errorf("off reads %+v", p)
	}
	boss.call("POST", "/sending/on", nil).want(200)
	if p := sending(); p.State != "on" || len(p.Stops) != 3 {
		t.Errorf("on reads %+v", p)
	}
	boss.call("PUT", "/settings/sending", map[string]any{"body": map[string]any{"stops": []any{map[string]any{"id": "a", "scope": "moon"}}}, "expect": p.Version + 2}).want(422)
}

// savedSending is the setting as it is saved.
func savedSending(w *world) (s channels.Sending) {
	d, _ := w.cfg.Definitions.Current("setting", channels.SendingName)
	s, _ = channels.ParseSending(d.Body)
	return s
}
