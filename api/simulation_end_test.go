package api

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"
)

// endless is a journey that goes round with a wait until somebody has bought a hundred times: on a past of a month it takes long to try.
func endless(wait string) json.RawMessage {
	return json.RawMessage(`{"title": {"ja": "ぐるぐる", "en": "Round and round"}, "purpose": "transactional", "consent": "not_refused",
  "entry": {"event": "user.signed_up", "reentry": "never"}, "start": "w",
  "nodes": {"w": {"type": "wait", "for": "` + wait + `", "next": "b"}, "b": {"type": "branch", "branches": [{"if": "orders_count > 99", "next": "x"}], "else": "w"}, "x": {"type": "exit"}}}`)
}

// TestSimulationEnds: one that is cancelled in the middle of its work ends soon and leaves nothing, so that the next one runs; of two that
// are started at once one is taken; one that would never come to rest is bounded; the end of the process ends it.
func TestSimulationEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC()
	w.play(pastShop(200, now))
	ask := func(definition json.RawMessage) map[string]any {
		return map[string]any{"definition": definition, "from": now.Add(-40 * 24 * time.Hour), "to": now}
	}
	const path = "/journeys/tried/simulations"
	see := func(w *world, id string) simulationPage {
		return into[simulationPage](w.call(get, path+"/"+id, nil))
	}
	working := func(w *world) string { // it is in the middle of its work
		t.Helper()
		id := into[simulationPage](w.call(post, path, ask(endless("2m"))).want(202)).ID.String()
		eventually(t, func() bool { return see(w, id).Progress.Of == 200 })
		if s := see(w, id); s.State != "running" {
			t.Fatalf("it is over before anybody can end it: %+v", s)
		}
		return id
	}

	id := working(w)
	w.call("DELETE", path+"/"+id, nil).want(204)
	if s := see(w, id); s.State != "cancelled" || s.EndedAt.IsZero() || s.Result != nil || s.Progress.Left != 0 {
		t.Errorf("cancelled: %+v", s)
	}
	began := time.Now()
	if s := w.simulate("tried", ask(json.RawMessage(tried("1h")))); s.State != "done" || s.Result.Entered.Count != 200 {
		t.Errorf("the one after it: %+v", s)
	}
	t.Logf("the next one was done after %s", time.Since(began).Round(time.Millisecond))
	if s := see(w, id); s.State != "cancelled" || s.Result != nil {
		t.Errorf("later: %+v", s)
	}
	if a := w.call(get, path+"/"+id+"/people?of=sent", nil).want(409); !strings.Contains(a.text, "結果がまだありません") {
		t.Errorf("people: %s", a.text)
	}
	if p := w.call(get, "/journeys", nil).want(200); strings.Contains(p.text, `"tried"`) {
		t.Errorf("it left something: %s", p.text)
	}
	w.call("DELETE", path+"/"+id, nil).want(204) // it is forgotten
	w.call(get, path+"/"+id, nil).want(404)

	// Two at once.
	var group sync.WaitGroup
	answers := make([]reply, 2)
	for i := range answers {
		group.Go(func() { answers[i] = w.call(post, path, ask(endless("2m"))) })
	}
	group.Wait()
	if answers[0].status > answers[1].status {
		answers[0], answers[1] = answers[1], answers[0]
	}
	if answers[0].status != 202 || answers[1].status != 409 || !strings.Contains(answers[1].text, "終わるまで待つか、中止して") {
		t.Fatalf("two at once: %d %s, %d %s", answers[0].status, answers[0].text, answers[1].status, answers[1].text)
	}
	w.call("DELETE", path+"/"+into[simulationPage](answers[0]).ID.String(), nil).want(204)

	// Every second for a month: each run is ended by its bound.
	if s := w.simulate("tried", ask(endless("1s"))); s.State != "done" || len(s.Result.Ends) != 2 || s.Result.Ends[1].Of != "end:error:too_many_steps" || s.Result.Ends[1].People != 200 {
		t.Errorf("every second: %+v", s.Result.Ends)
	}

	// The process ends in the middle, and another one begins.
	own, err := New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	other := *w
	other.api, other.server = own, serve(t, own)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- own.Run(ctx) }()
	id = working(&other)
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ends with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a simulation keeps the process from ending")
	}
	if s := see(&other, id); s.State != "cancelled" {
		t.Errorf("when the process ended: %+v", s)
	}
	if a := w.call(get, path+"/"+id, nil).want(404); !strings.Contains(a.text, "もう一度試してください") {
		t.Errorf("after a restart: %s", a.text)
	}
	if s := w.simulate("tried", ask(json.RawMessage(tried("1h")))); s.State != "done" {
		t.Errorf("after a restart: %+v", s)
	}
}
