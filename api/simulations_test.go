package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"enishi"
)

// pastShop is a past of n people, loaded at once: each signed up 30 days ago, every second one agreed to mail, every third one
// bought 4 days later.
func pastShop(n int, now time.Time) []enishi.Event {
	var out []enishi.Event
	at := now.Add(-30 * 24 * time.Hour).Truncate(24 * time.Hour).Add(3 * time.Hour) // noon in Tokyo
	for i := range n {
		id := fmt.Sprintf("P%03d", i)
		e := enishi.Event{Type: "user.signed_up", At: at.Add(time.Duration(i) * time.Minute), Channel: "web", Person: &enishi.Person{CustomerID: id, Email: strings.ToLower(id) + "@mail.example",
			Traits: map[string]enishi.Value{"family_name": enishi.TextValue("山田"), "given_name": enishi.TextValue(id)}}}
		if i%2 == 0 {
			e.Consent = []enishi.ConsentChange{{Channel: "email", State: "in", Method: "form:signup"}}
		}
		out = append(out, e)
		if i%3 == 0 {
			out = append(out, enishi.Event{Type: "order.placed", At: e.At.Add(4 * 24 * time.Hour), Channel: "web", Person: &enishi.Person{CustomerID: id},
				Order: &enishi.Order{OrderID: "O-" + id, Currency: "JPY", Subtotal: 5000 * enishi.Unit, Total: 5000 * enishi.Unit}})
		}
	}
	return out
}

// tried is a journey in two versions: the second waits longer.
func tried(wait string) string {
	return `{"title": {"ja": "お礼", "en": "Thanks"}, "purpose": "marketing", "consent": "opt_in", "cap": {"default": "2/7d"},
  "entry": {"event": "user.signed_up", "reentry": "never"}, "goal": {"event": "order.placed", "key": "any"}, "start": "w",
  "nodes": {"w": {"type": "wait", "for": "` + wait + `", "next": "m"},
    "m": {"type": "message", "channels": ["email"], "templates": {"email": "welcome_mail"}, "next": "w2"},
    "w2": {"type": "wait", "for": "20d", "next": "x"}, "x": {"type": "exit"}}}`
}

func (w *world) simulate(journey string, body map[string]any) simulationPage {
	w.t.Helper()
	s := into[simulationPage](w.call("POST", "/journeys/"+journey+"/simulations", body).want(202))
	eventually(w.t, func() bool {
		s = into[simulationPage](w.call("GET", "/journeys/"+journey+"/simulations/"+s.ID.String(), nil))
		return s.State != "running"
	})
	return s
}

// A draft on the past: numbers, the people behind them, one person's way, beside the live version, twice the same.
func TestSimulations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC()
	w.play(pastShop(60, now))
	w.write("PUT", "/settings/costs", map[string]any{"body": map[string]any{"prices": map[string]any{"email": "0.5"}}, "expect": 0})
	w.write("PUT", "/journeys/tried", map[string]any{"definition": json.RawMessage(tried("5d")), "status": "live", "expect": 0})
	ask := func() map[string]any {
		return map[string]any{"definition": json.RawMessage(tried("1h")), "from": now.Add(-40 * 24 * time.Hour), "to": now, "compare": true}
	}
	s := w.simulate("tried", ask())
	if s.State != "done" || s.Result == nil || s.Live == nil || s.Progress.People != 60 || s.Progress.Of != 60 {
		t.Fatalf("got %+v", s)
	}
	r := s.Result
	if r.Entered.Count != 60 || r.Sent.Count != 30 || len(r.Channels) != 1 || *r.Channels[0].Cost != 15*enishi.Unit || *r.Cost != 15*enishi.Unit {
		t.Errorf("got %+v", r)
	}
	// Ten of those who agreed bought: observed. All who bought reached the goal, whether or not they were sent something.
	if r.Observed.Orders.Count != 10 || len(r.Observed.Revenue) != 1 || r.Observed.Revenue[0] != (enishi.Money{Amount: 50_000 * enishi.Unit, Currency: "JPY"}) || len(r.Ends) != 3 {
		t.Errorf("observed %+v, ends %+v", r.Observed, r.Ends)
	}
	if len(r.NotSent) != 1 || r.NotSent[0].Reason != "consent" || r.NotSent[0].Count != 30 || s.Words["not_sent:consent"].JA != "同意なし" {
		t.Errorf("not sent %+v %+v", r.NotSent, s.Words)
	}
	if r.Month.Entered != 45 || r.Nodes[0].ID != "w" || r.Nodes[0].Came.Count != 60 || r.Nodes[1].Sent.Count != 30 {
		t.Errorf("month %+v, nodes %+v", r.Month, r.Nodes)
	}
	// The live version waits until those who bought are gone.
	if s.Live.Sent.Count != 20 || len(s.Differences) == 0 || s.Differences[1].Of != "sent" || s.Differences[1].OnlyHere.People != 10 || s.Differences[1].OnlyLive.People != 0 {
		t.Errorf("live %+v, differences %+v", s.Live.Sent, s.Differences)
	}
	path := "/journeys/tried/simulations/" + s.ID.String()
	var all []enishi.ID
	cursor := ""
	for {
		page := into[simulationPeople](w.call("GET", path+"/people?of=sent&limit=7&cursor="+cursor, nil))
		for _, x := range page.Items {
			all = append(all, x.Profile)
			if x.Name == "" {
				t.Errorf("no name: %+v", x)
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(all) != 30 {
		t.Errorf("%d people behind 30", len(all))
	}
	only := into[simulationPeople](w.call("GET", path+"/people?of="+s.Differences[1].OnlyHere.Of, nil))
	if len(only.Items) != 10 || only.All != 10 {
		t.Fatalf("got %+v", only)
	}
	trace := into[simulationTrace](w.call("GET", path+"/people/"+only.Items[0].Profile.String(), nil))
	var kinds []string
	for _, x := range trace.Steps {
		kinds = append(kinds, x.Kind+" "+x.Node)
	}
	if got := strings.Join(kinds, ","); got != "entered ,came w,waits w,came m,decision m,came w2,waits w2,ended w2" {
		t.Errorf("steps %s", got)
	}
	d := trace.Steps[4]
	if !d.Decision.Sent || len(d.Decision.Checks) < 8 || !d.At.Equal(trace.Steps[0].At.Add(time.Hour)) || len(trace.Orders) != 1 || trace.Orders[0].Revenue != 5000*enishi.Unit {
		t.Errorf("decision %+v, orders %+v", d, trace.Orders)
	}
	checkTexts(t, "simulation", w.call("GET", path, nil).text)
	checkTexts(t, "trace", w.call("GET", path+"/people/"+only.Items[0].Profile.String(), nil).text)

	again := w.simulate("tried", ask())
	if x, y := fmt.Sprintf("%+v", asJSON(t, s.Result)), fmt.Sprintf("%+v", asJSON(t, again.Result)); x != y {
		t.Errorf("another result:\n%s\n%s", x, y)
	}
	// Nothing of it is in the tables.
	if p := into[standingPage](w.call("GET", "/journeys/tried/people", nil)); len(p.Items) != 0 {
		t.Errorf("people stand in it: %+v", p.Items)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What is refused, whom it may be about, and the end of one.
func TestSimulationBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC()
	w.play(pastShop(40, now))
	ask := func(change map[string]any) map[string]any {
		body := map[string]any{"definition": json.RawMessage(tried("1h")), "from": now.Add(-40 * 24 * time.Hour), "to": now}
		for k, v := range change {
			if body[k] = v; v == nil {
				delete(body, k)
			}
		}
		return body
	}
	const path = "/journeys/tried/simulations"
	for name, c := range map[string]struct {
		change map[string]any
		words  string
	}{
		"no time":         {map[string]any{"from": now}, "過去の日時"},
		"ten years":       {map[string]any{"from": now.AddDate(-10, 0, 0)}, "3 年"},
		"no live version": {map[string]any{"compare": true}, "公開中の版がありません"},
		"both":            {map[string]any{"version": 3}, "どちらか一方"},
		"a cycle":         {map[string]any{"definition": json.RawMessage(strings.Replace(tried("1h"), `"next": "w2"`, `"next": "m"`, 1))}, "w2"},
		"called only":     {map[string]any{"definition": json.RawMessage(strings.Replace(tried("1h"), `"event": "user.signed_up"`, `"called": true`, 1))}, "試せません"},
		"expression":      {map[string]any{"expression": "orders_cont > 1"}, "orders_cont"},
	} {
		if a := w.call("POST", path, ask(c.change)); a.status != 422 || !strings.Contains(a.text, c.words) {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	w.call("POST", path, ask(map[string]any{"definition": nil})).want(404)
	w.call("GET", path+"/"+enishi.NewID("x").String(), nil).want(404)

	buyers := w.simulate("tried", ask(map[string]any{"expression": "orders_count >= 1"}))
	if buyers.Result == nil || buyers.Result.People != 14 || buyers.Result.Entered.Count != 14 || buyers.Whom.Expression == "" {
		t.Errorf("buyers: %+v", buyers)
	}
	part := w.simulate("tried", ask(map[string]any{"sample": 50}))
	if n := part.Result.People; n < 8 || n > 32 || part.Result.Entered.Count != n || part.Result.Month.Entered != int64(float64(n)*2*30/40+0.5) {
		t.Errorf("a half: %+v", part.Result)
	}
	// As live work had it: what was loaded late started nothing.
	if s := w.simulate("tried", ask(map[string]any{"as_received": true})); s.Result.Entered.Count != 0 || s.Result.People != 40 {
		t.Errorf("as received: %+v", s.Result)
	}
	// Ended in the time: those who signed up are still waiting.
	early := w.simulate("tried", ask(map[string]any{"to": now.Add(-28 * 24 * time.Hour)}))
	if early.Result.Running.Count != 40 || early.Result.Sent.Count != 20 || early.Result.Observed.Orders.Count != 7 {
		t.Errorf("early: %+v", early.Result)
	}
	list := into[struct{ Items []simulationPage }](w.call("GET", path, nil))
	if len(list.Items) != 4 || list.Items[0].ID != early.ID {
		t.Errorf("kept %+v", list.Items)
	}
	w.call("DELETE", path+"/"+early.ID.String(), nil).want(204)
	w.call("GET", path+"/"+early.ID.String(), nil).want(404)
}
