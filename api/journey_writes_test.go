package api

import (
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi"
)

// journeyWrite is a write of journeys, campaigns or simulations. ready makes what one call needs, under a name of its own.
type journeyWrite struct {
	versioned bool // it replaces a version
	fresh     bool // there may be none before
	ready     func(name string) (path string, body map[string]any)
	other     map[string]any // what another request says beside
}

// journeyWrites are all of them, by operation.
func (w *world) journeyWrites(person string, now time.Time) map[string]journeyWrite {
	rest := `{"title": {"ja": "休む", "en": "Rest"}, "purpose": "transactional", "consent": "not_refused", "entry": {"called": true, "reentry": "always"}, "start": "rest",
		"nodes": {"rest": {"type": "wait", "for": "1d", "next": "end"}, "end": {"type": "exit"}}}`
	save := func(name, status string) Written {
		return w.write(put, "/journeys/"+name, map[string]any{"definition": json.RawMessage(rest), "status": status, "expect": 0})
	}
	campaign := func(name string, test bool) map[string]any {
		b := map[string]any{"title": map[string]any{"ja": name, "en": name}, "segment": "tokyo", "channels": []string{"email"}, "templates": map[string]any{"email": "news"}, "at": now.Add(24 * time.Hour)}
		if test {
			b["test"] = map[string]any{"share": 40, "after": "1h", "by": "click", "least": 5, "variants": []any{map[string]any{"subject": "A"}, map[string]any{"subject": "B"}}}
		}
		return map[string]any{"broadcast": b}
	}
	idle := func() {
		eventually(w.t, func() bool {
			for _, s := range into[struct{ Items []simulationPage }](w.call(get, "/journeys/tried/simulations", nil)).Items {
				if s.State == "running" {
					return false
				}
			}
			return true
		})
	}
	trial := map[string]any{"definition": json.RawMessage(tried("1h")), "from": now.Add(-40 * 24 * time.Hour), "to": now}
	because := map[string]any{"reason": "another one"}
	return map[string]journeyWrite{
		"save-journey": {true, true, func(name string) (string, map[string]any) {
			return "/journeys/" + name, map[string]any{"definition": json.RawMessage(rest)}
		}, because},
		"change-journey-status": {true, false, func(name string) (string, map[string]any) {
			save(name, "draft")
			return "/journeys/" + name + "/status", map[string]any{"status": "in_review"}
		}, because},
		"enter-journey": {false, false, func(name string) (string, map[string]any) {
			w.call(get, "/journeys/"+name+"?after="+save(name, "live").Position, nil).want(200)
			return "/journeys/" + name + "/people", map[string]any{"person": person}
		}, map[string]any{"key": "x"}},
		"leave-journey": {false, false, func(name string) (string, map[string]any) {
			w.call(get, "/journeys/"+name+"?after="+save(name, "live").Position, nil).want(200)
			eventually(w.t, func() bool { // the fold goes over to a version on its own
				at := w.write(post, "/journeys/"+name+"/people", map[string]any{"person": person}).Position
				w.call(get, "/people/"+person+"?after="+at, nil).want(200)
				return into[personPage](w.call(get, "/people/"+person, nil)).runs(name) > 0
			})
			return "/journeys/" + name + "/people/" + person, nil
		}, nil},
		"start-simulation": {false, false, func(string) (string, map[string]any) {
			idle()
			return "/journeys/tried/simulations", trial
		}, map[string]any{"sample": 50}},
		"cancel-simulation": {false, false, func(string) (string, map[string]any) {
			idle()
			return "/journeys/tried/simulations/" + into[simulationPage](w.call(post, "/journeys/tried/simulations", trial).want(202)).ID.String(), nil
		}, nil},
		"save-broadcast": {true, true, func(name string) (string, map[string]any) { return "/broadcasts/" + name, campaign(name, false) }, because},
		"send-broadcast": {true, false, func(name string) (string, map[string]any) {
			w.write(put, "/broadcasts/"+name, campaign(name, false))
			return "/broadcasts/" + name + "/send", map[string]any{"expect": into[broadcastPage](w.call(get, "/broadcasts/"+name, nil)).Version}
		}, because},
		"change-broadcast-status": {true, false, func(name string) (string, map[string]any) {
			w.write(put, "/broadcasts/"+name, campaign(name, false))
			return "/broadcasts/" + name + "/status", map[string]any{"status": "in_review"}
		}, because},
		"choose-broadcast-winner": {true, false, func(name string) (string, map[string]any) {
			w.write(put, "/broadcasts/"+name, campaign(name, true))
			w.write(post, "/broadcasts/"+name+"/send", map[string]any{"expect": into[broadcastPage](w.call(get, "/broadcasts/"+name, nil)).Version})
			return "/broadcasts/" + name + "/winner", map[string]any{"variant": "a"}
		}, because},
	}
}

// runs counts the runs of a journey in which the person is.
func (p personPage) runs(journey string) (n int) {
	for _, r := range p.Runs {
		if r.Journey == journey {
			n++
		}
	}
	return n
}

// TestJourneyWrites: every write of journeys, campaigns and simulations is done once for its Idempotency-Key, also when it is sent several
// times at once, and refuses the key for anything else; what replaces a version takes If-Match as RFC 9110 has it.
func TestJourneyWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC()
	w.play(append(pastShop(40, now), shoppers(6, now)...))
	w.segment("tokyo", `traits.prefecture == "東京都"`)
	w.write(put, "/templates/news", map[string]any{"definition": marketingMail("<p>" + strings.Repeat("うるおいを補う順番を少し変えるだけで、使い心地が変わります。", 4) + "</p>"), "expect": -1})
	all := w.journeyWrites(w.id(enishi.Customer, "P001"), now)
	for _, op := range operations() {
		if op.tag != "Journeys" && op.tag != "Broadcasts" || op.kind != writes {
			continue
		}
		x, ok := all[op.id]
		if !ok {
			t.Errorf("%s is a write that is not tried here", op.id)
			continue
		}
		delete(all, op.id)
		w.checkOnce(&op, &x)
		if x.versioned {
			w.checkVersioned(&op, &x)
		}
	}
	for id := range all {
		t.Errorf("%s is no write", id)
	}
}

// checkOnce sends a write again, another one under its key, and several at once.
func (w *world) checkOnce(op *operation, x *journeyWrite) {
	w.t.Helper()
	name := strings.ReplaceAll(op.id, "-", "_") + "_"
	path, body := x.ready(name + "1")
	send := func(path string, body map[string]any, key string) reply {
		if body == nil {
			return w.call(op.method, path, nil, "Idempotency-Key", key)
		}
		return w.call(op.method, path, body, "Idempotency-Key", key)
	}
	first := send(path, body, op.id)
	if first.status >= 300 {
		w.t.Errorf("%s: %d %s", op.id, first.status, first.text)
		return
	}
	n := w.versions(name + "1")
	if again := send(path, body, op.id); again.status != first.status || again.text != first.text || w.versions(name+"1") != n {
		w.t.Errorf("%s again: %d %s, first %d %s", op.id, again.status, again.text, first.status, first.text)
	}
	changed, other := maps.Clone(body), path
	if x.other == nil {
		other += "?reason=another"
		if op.id == "cancel-simulation" {
			other = "/journeys/another/simulations/x"
		}
	}
	maps.Copy(changed, x.other)
	if a := send(other, changed, op.id); a.status != 409 || !strings.Contains(a.text, "Idempotency-Key") || !strings.Contains(a.text, "別の内容") {
		w.t.Errorf("%s with another content: %d %s", op.id, a.status, a.text)
	}
	path, body = x.ready(name + "2")
	n = w.versions(name + "2")
	var group sync.WaitGroup
	answers := make([]reply, 4)
	for i := range answers {
		group.Go(func() { answers[i] = send(path, body, op.id+" at once") })
	}
	group.Wait()
	for _, a := range answers {
		if a.status != first.status || a.text != answers[0].text {
			w.t.Errorf("%s at once: %d %s, and %d %s", op.id, a.status, a.text, answers[0].status, answers[0].text)
		}
	}
	if made := w.versions(name+"2") - n; made > 1 || made != 1 && x.versioned {
		w.t.Errorf("%s at once made %d versions", op.id, made)
	}
}

func (w *world) versions(name string) int { return len(w.cfg.Definitions.History("journey", name)) }

// checkVersioned sends a write with each form of If-Match.
func (w *world) checkVersioned(op *operation, x *journeyWrite) {
	w.t.Helper()
	name := strings.ReplaceAll(op.id, "-", "_") + "_if"
	path, body := x.ready(name)
	if x.fresh {
		w.call(op.method, path, body, "If-Match", "*").want(412) // there is none yet
		w.call(op.method, path, body, "If-Match", `"1"`).want(412)
		w.call(op.method, path, body).want(200)
	}
	delete(body, "expect") // what is said by the header need not be said again
	read, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	tag := w.call(get, "/"+read+"/"+name, nil).want(200).header.Get("ETag")
	if d, ok := w.cfg.Definitions.Current("journey", name); !ok || tag != etag(d.Version) {
		w.t.Errorf("%s: the read says %q of version %d", op.id, tag, d.Version)
	}
	n := w.versions(name)
	for match, status := range map[string]int{strings.Trim(tag, `"`): 422, "W/" + tag: 412, `"1"`: 412, `"1", "2"`: 412, `"x"`: 412} {
		a := w.call(op.method, path, body, "If-Match", match)
		var p problem
		if err := json.Unmarshal([]byte(a.text), &p); err != nil || a.status != status || p.Status != status || !strings.Contains(p.DetailJA, "If-Match") && !strings.Contains(p.DetailJA, "ETag") {
			w.t.Errorf("%s with If-Match %s: %d %s", op.id, match, a.status, a.text)
		}
	}
	if w.versions(name) != n {
		w.t.Errorf("%s: a refused write left a version", op.id)
	}
	w.call(op.method, path, body, "If-Match", `"1", `+tag).want(200)
	a := w.call(op.method, path, body, "If-Match", tag)
	if a.status != 412 {
		w.t.Errorf("%s with the tag before: %d %s", op.id, a.status, a.text)
	}
	if x.fresh { // what changes a state cannot do so twice
		w.call(op.method, path, body, "If-Match", "*").want(200)
		return
	}
	path, body = x.ready(name + "2")
	delete(body, "expect")
	w.call(op.method, path, body, "If-Match", "*").want(200)
	if missing := strings.Replace(path, name+"2", "nothing", 1); w.call(op.method, missing, body, "If-Match", "*").status != 412 {
		w.t.Errorf("%s of nothing is not 412", op.id)
	}
}
