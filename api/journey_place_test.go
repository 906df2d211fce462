package api

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"enishi"
)

// checkPlace: where people stand in the journey that [thanks] defines, how they came there, and why somebody is not in it.
func (w *world) checkPlace(path string) {
	w.t.Helper()
	sato, suzuki, tanaka := w.id(enishi.Customer, "C10001"), w.id(enishi.Customer, "C10002"), w.id(enishi.Customer, "C10003")
	a := w.call("GET", path+"/people/"+sato, nil)
	checkTexts(w.t, "place", a.text)
	p := into[placePage](a)
	if len(p.Runs) != 1 || p.Runs[0].Node != "rest" || p.Runs[0].WaitUntil.IsZero() || p.Runs[0].Version == 0 || len(p.Decisions) != 2 || p.Name == "" {
		w.t.Fatalf("sato: %s", a.text)
	}
	trail := ""
	for _, x := range p.Runs[0].Trail {
		trail += x.Node + " "
	}
	if trail != "say rest " || !strings.HasPrefix(p.Sentence.JA, "「1 日待つ」にいます（") || !strings.HasPrefix(p.Sentence.EN, "Is at “Wait 1 day” since ") {
		w.t.Errorf("trail %s, %+v", trail, p.Sentence)
	}
	if d := into[placePage](w.call("GET", path+"/people/"+suzuki, nil)).Decisions; len(d) != 2 || d[0].Sent || d[1].Sent {
		w.t.Errorf("suzuki's decisions: %+v", d)
	}
	a = w.call("GET", path+"/people/"+tanaka, nil)
	if p := into[placePage](a); len(p.Runs) != 0 || !strings.Contains(p.Sentence.JA, "が最後にあったのは公開の前（") || !strings.HasPrefix(p.Sentence.EN, "Did not enter: ") {
		w.t.Errorf("tanaka: %s", a.text)
	}
	checkTexts(w.t, "not entered", a.text)
	moves := into[movesPage](w.call("GET", path+"/moves", nil))
	if moves.Version == 0 || moves.Since.IsZero() || !slices.Equal(moves.Items, []moveRow{{"", "say", 2}, {"say", "rest", 2}}) {
		w.t.Errorf("moves %+v", moves)
	}
	w.call("GET", "/journeys/none/moves", nil).want(404)
	w.call("GET", path+"/people/"+strings.Repeat("0", 32), nil).want(404)
	w.call("GET", "/journeys/none/people/"+sato, nil).want(404)
}

// TestSameWays: moves are counted from the oldest of the acting versions on that have the ways of the one that acts.
func TestSameWays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	const path = "/journeys/thanks"
	put := func(definition, status string) int64 {
		t.Helper()
		return w.write("PUT", path, map[string]any{"definition": json.RawMessage(definition), "status": status, "expect": -1}).Version
	}
	longer := strings.Replace(thanks, `"for": "1d"`, `"for": "2d"`, 1)
	other := strings.NewReplacer(`"start": "say"`, `"start": "rest"`, `"next": "rest"`, `"next": "done"`, `"next": "done"`, `"next": "say"`).Replace(thanks)
	for _, step := range []struct {
		definition, status string
		first              int // of the versions below, from 1; 0: none
	}{
		{thanks, "draft", 0}, {other, "live", 2}, {thanks, "live", 3}, {other, "draft", 3}, {longer, "live", 3}, {longer, "paused", 3}, {other, "live", 7},
	} {
		put(step.definition, step.status)
		first, order, err := w.api.sameWays("thanks")
		all := w.api.cfg.Definitions.History("journey", "thanks")
		var want int64
		if step.first > 0 {
			want = all[step.first-1].Version
		}
		if err != nil || first.Version != want {
			t.Errorf("after %d versions it is %d, not %d (%v)", len(all), first.Version, want, err)
		}
		if x := strings.Join(order, " "); want > 0 && x != "say rest done" && x != "rest say done" {
			t.Errorf("in the order %s", x)
		}
	}
}

// checkPreview: what a draft would do with people, without doing it.
func (w *world) checkPreview(path string) {
	w.t.Helper()
	sato, suzuki := w.id(enishi.Customer, "C10001"), w.id(enishi.Customer, "C10002")
	ask := func(person, definition string) journeyPreview {
		w.t.Helper()
		body := map[string]any{"person": person}
		if definition != "" {
			body["definition"] = json.RawMessage(definition)
		}
		a := w.call("POST", path+"/preview", body)
		checkTexts(w.t, "preview", a.text)
		return into[journeyPreview](a)
	}
	before := len(into[placePage](w.call("GET", path+"/people/"+sato, nil)).Decisions)
	x := ask(sato, "")
	if x.Enters || !strings.Contains(x.Sentence.JA, "このジャーニーの途中") || len(x.Messages) != 1 || x.Messages[0].Channel != "email" || x.Messages[0].Template != "thanks_mail" {
		w.t.Errorf("sato: %+v", x)
	}
	if x := ask(suzuki, ""); x.Messages[0].Channel != "" || len(x.Messages[0].Decisions) != 2 || !strings.Contains(x.Messages[0].Decisions[1].Sentence.JA, "メールの配信を停止しているため届きません") {
		w.t.Errorf("suzuki: %+v", x.Messages)
	}
	draft := strings.NewReplacer(`"start": "say"`, `"start": "big"`, `"nodes": {`, `"nodes": {"big": {"type": "branch", "branches": [{"if": "event.order.total >= 5000", "next": "say"}, {"if": "orders_count > 0", "next": "rest"}], "else": "done"},`,
		`"reentry": "never"`, `"reentry": "always"`).Replace(thanks)
	if x := ask(sato, draft); !x.Enters || len(x.Ways) != 1 || x.Ways[0] != (previewWay{Node: "big", Field: "branches[1].next"}) || !strings.Contains(x.Sentence.JA, "もう一度あると始まります") {
		w.t.Errorf("sato by the draft: %+v", x)
	}
	w.call("POST", path+"/preview", map[string]any{"person": sato, "definition": json.RawMessage(`{"title":{"ja":"a","en":"a"}}`)}).want(422)
	if after := len(into[placePage](w.call("GET", path+"/people/"+sato, nil)).Decisions); after != before {
		w.t.Errorf("%d decisions after the preview, %d before", after, before)
	}
}
