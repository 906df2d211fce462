package journeys

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/segments"
)

func TestWebhookFailure(t *testing.T) {
	f := func(node, want string) {
		t.Helper()
		body := `{"title":{"ja":"あ","en":"a"},"purpose":"transactional","consent":"not_refused","entry":{"event":"custom.x","reentry":"never"},"start":"a",
			"nodes":{"a":{"type":"webhook",` + node + `,"next":"b"},"b":{"type":"exit"}}}`
		err := Check("hook", []byte(body), segments.Library{}, References{Webhook: func(h *Webhook) error {
			if strings.Contains(h.URL, "169.254") {
				return enishi.FieldError("url", "is not allowed", "使えません")
			}
			return nil
		}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "nodes.a") {
			t.Errorf("%s: %v, want %q", node, err, want)
		}
		var ps Problems
		if errors.As(err, &ps) && ps[0].MsgJA == "" {
			t.Errorf("%s: not in Japanese", node)
		}
	}
	f(`"webhook":{"url":"http://169.254.169.254/x"}`, "url is not allowed")
	f(`"title":{"ja":"あ","en":"a"}`, "the address is missing")
	f(`"webhook":{"url":"crm.shop.example"}`, "write an address")
	f(`"webhook":{"url":"https://[::1]/"}`, "write an address")
	f(`"webhook":{"url":"https://a.example/"},"on_failure":"b"`, "needs timeout")
	f(`"webhook":{"url":"https://a.example/"},"timeout":"1h","send_by":"2h"`, "longer than timeout")
	f(`"webhook":{"url":"https://a.example/"},"timeout":"soon"`, "no duration")
	f(`"webhook":{"url":"https://a.example/"},"template":"x_mail"`, "has no template")
	f(`"webhook":{"url":"https://a.example/","body":"`+strings.Repeat("x", maxHookBody+1)+`"}`, "larger than 16 KB")
}

// TestWebhookNames: a node may not be called as what conditions know already, and conditions may only ask for calls that are there.
func TestWebhookNames(t *testing.T) {
	f := func(id, when, want string) {
		t.Helper()
		body := `{"title":{"ja":"あ","en":"a"},"purpose":"transactional","consent":"not_refused","entry":{"event":"custom.x","reentry":"never"},"start":"` + id + `",
			"nodes":{"` + id + `":{"type":"webhook","webhook":{"url":"https://a.example/"},"next":"if"},"if":{"type":"branch","branches":[{"if":"` + when + `","next":"b"}],"else":"b"},"b":{"type":"exit"}}}`
		_, err := Compile("j", 1, []byte(body), segments.Library{})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s, %s: %v, want %q", id, when, err, want)
		}
	}
	f("crm", "run.crm.status == 200 && run.crm.answered && run.crm.body.a.b.c == 'x' && run.crm.body.list[0].n > 1", "")
	f("order", "run.order.known", "another meaning")
	f("cart", "run.cart.items > 1", "another meaning")
	f("crm", "run.other.status == 200", "there is no run.other.status")
	f("crm", "run.other.body.x == 200", "there is no run.other.body.x")
	f("crm", "run.crm.stattus == 200", "there is no run.crm.stattus")
}

// TestCallSays: a call carries its definition and who it is about; a message carries the answers, and nothing of the person that
// its templates do not show.
func TestCallSays(t *testing.T) {
	w := newWorld(t)
	w.now = time.Date(2026, 6, 1, 1, 0, 0, 0, time.UTC)
	w.publish("crm")
	w.person("p", &enishi.Person{CustomerID: "c1", Email: "p@a.test", Phone: "+819012345678"})
	w.event("p", &enishi.Event{Type: "consent.changed", Consent: []enishi.ConsentChange{{Channel: "email", State: "in"}}, Person: &enishi.Person{Traits: map[string]enishi.Value{"size": enishi.TextValue("M")}}})
	w.event("p", &enishi.Event{Type: "custom.crm"})
	m := w.sent("p", "")[0]
	if m.Channel != webhookChannel || m.Destination != "webhook:crm.shop.example" || m.To != "https://crm.shop.example/rank" || m.NotAfter.Sub(m.DecidedAt).String() != "10m0s" {
		t.Fatalf("%+v", m)
	}
	var vars struct{ Person map[string]any }
	var call Webhook
	if err := errors.Join(json.Unmarshal([]byte(m.Variables), &vars), json.Unmarshal([]byte(m.Content), &call)); err != nil {
		t.Fatal(err)
	}
	if vars.Person["customer_id"] != "c1" || vars.Person["email"] != "p@a.test" || vars.Person["traits"].(map[string]any)["size"] != "M" {
		t.Errorf("person: %v", vars.Person)
	}
	if call.Headers["Authorization"] != "Bearer ${crm}" {
		t.Errorf("headers: %v", call.Headers)
	}
	report(w, "p", "sent")
	for _, d := range w.out.Decisions {
		t.Log(d.Template, d.Reason, d.Checks)
	}
	say := w.sent("p", "gold_mail")
	if len(say) != 1 || !strings.Contains(say[0].Variables, `"run":{"rank":{"status":200,"body":{"customer":{"score":60}}}}`) || strings.Contains(say[0].Variables, "+819012345678") {
		t.Errorf("%+v", say)
	}
}

// TestAnswersAreBounded: a run keeps its newest answers.
func TestAnswersAreBounded(t *testing.T) {
	k := &kept{}
	for _, id := range []string{"a", "b", "c"} {
		k.Calls = append(k.Calls, called{Node: id, State: callAnswered, Status: 200, Body: `"` + strings.Repeat("x", 15<<10) + `"`})
	}
	k.boundAnswers()
	if k.call("a").Body != "" || k.call("a").Status != 200 || k.call("b").Body == "" || k.call("c").Body == "" {
		t.Error("the oldest answer should have left")
	}
}

// TestCallHeldOut: who is in the holdout of the shop is not called for and goes the same way.
func TestCallHeldOut(t *testing.T) {
	w := newWorld(t)
	w.now = time.Date(2026, 6, 1, 1, 0, 0, 0, time.UTC)
	w.settings, _ = ParseSettings([]byte(`{"holdout": 50}`))
	w.publish("crm")
	calls, held := 0, 0
	for i := range 20 {
		name := "p" + itoa(i)
		w.person(name, &enishi.Person{CustomerID: name})
		w.event(name, &enishi.Event{Type: "custom.crm"})
		n := len(w.sent(name, ""))
		calls += n
		if r := w.runs(name, "crm")[0]; n == 0 && r.Node == "pause" {
			held++
		}
	}
	if calls < 4 || held < 4 || calls+held != 20 {
		t.Errorf("%d called, %d held out", calls, held)
	}
}
