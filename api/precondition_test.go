package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"enishi"
)

// TestIfMatch: what is read tells its version, and a save with it replaces that version alone: of journeys, segments and templates.
func TestIfMatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	for path, body := range map[string]map[string]any{
		"/journeys/word": {"definition": into[map[string]json.RawMessage](reply{t: t, status: 200, text: examples()["save-journey"]})["definition"]},
		"/segments/good": {"title": map[string]string{"ja": "優良顧客"}, "expression": "orders_count > 2"},
		"/templates/hi":  {"definition": marketingMail("<p>こんにちは</p>")},
	} {
		w.call(put, path, body, "If-Match", `"1"`).want(412) // there is none yet
		w.call(put, path, body).want(200)                    // neither: a new one
		w.call(put, path, body).want(409)
		tag := w.call(get, path, nil).want(200).header.Get("ETag")
		if version := into[struct{ Version int64 }](w.call(get, path, nil)).Version; tag != etag(version) || version == 0 {
			t.Fatalf("%s: ETag %s of version %d", path, tag, version)
		}
		w.call(put, path, body, "If-Match", strings.Trim(tag, `"`)).want(422)
		w.call(put, path, body, "If-Match", "W/"+tag).want(412)
		w.call(put, path, body, "If-Match", `"999999"`).want(412)
		saved := into[Written](w.call(put, path, body, "If-Match", `"999999", `+tag))
		if next := w.call(get, path, nil).header.Get("ETag"); next != etag(saved.Version) || next == tag {
			t.Errorf("%s: %s after %s, saved %d", path, next, tag, saved.Version)
		}
		late := w.call(put, path, body, "If-Match", tag, "Idempotency-Key", "late "+path).want(412)
		if p := into[problem](reply{t: t, status: 200, text: late.text}); p.Status != 412 || !strings.Contains(p.Detail, "If-Match") || !japanese.MatchString(p.DetailJA) {
			t.Errorf("%s: %s", path, late.text)
		}
		w.call(put, path, body, "If-Match", etag(saved.Version), "Idempotency-Key", "late "+path).want(409) // another content
		w.call(put, path, body, "If-Match", tag, "Idempotency-Key", "late "+path).want(412)
		body["expect"] = saved.Version - 1 // both are said: both must hold
		w.call(put, path, body, "If-Match", etag(saved.Version)).want(409)
		body["expect"] = saved.Version
		w.call(put, path, body).want(200) // expect as before
		delete(body, "expect")
		w.call(put, path, body, "If-Match", "*").want(200)
	}
}

// TestExamples: what the specification shows works as it stands, and a repeat with its Idempotency-Key does nothing more.
func TestExamples(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(scenario(time.Now().UTC()))
	person := w.id(enishi.Customer, "C10001")
	for _, id := range []string{"save-segment", "save-journey", "change-journey-status", "enter-journey"} {
		op := w.api.ops[id]
		h := operationOf(w.api.huma.OpenAPI().Paths[op.path], op.method)
		key := ""
		for _, p := range h.Parameters {
			if p.Name == "Idempotency-Key" {
				key, _ = p.Example.(string)
			}
		}
		shown, err := json.Marshal(h.RequestBody.Content["application/json"].Example)
		if err != nil || key == "" {
			t.Fatalf("%s: key %q, %v", id, key, err)
		}
		body := strings.Replace(string(shown), "0190a3c4d5e6f708192a3b4c5d6e7f80", person, 1)
		path := strings.Replace(op.path, "{name}", "concierge", 1)
		first := w.call(op.method, path, body, "Idempotency-Key", key).want(200)
		if again := w.call(op.method, path, body, "Idempotency-Key", key).want(200); again.text != first.text {
			t.Errorf("%s: first %s, again %s", id, first.text, again.text)
		}
	}
	if n := len(w.cfg.Definitions.History("journey", "concierge")); n != 2 {
		t.Errorf("%d versions", n)
	}
}

// TestExamplesFit: each write and question of journeys and campaigns that has a body shows one, each write an answer; what is shown is what
// the specification asks for and promises.
func TestExamplesFit(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	spec := w.api.huma.OpenAPI()
	fits := func(id string, s *huma.Schema, mode huma.ValidateMode, shown any) {
		t.Helper()
		text, err := json.Marshal(shown)
		var v any
		if err == nil {
			err = json.Unmarshal(text, &v)
		}
		if err != nil {
			t.Fatal(err)
		}
		res := &huma.ValidateResult{}
		if huma.Validate(spec.Components.Schemas, s, huma.NewPathBuffer([]byte{}, 0), mode, v, res); len(res.Errors) > 0 {
			t.Errorf("%s: what is shown does not fit: %v", id, res.Errors)
		}
	}
	for _, op := range operations() {
		if op.tag != "Journeys" && op.tag != "Broadcasts" || op.kind != writes && op.kind != asks {
			continue
		}
		h := operationOf(spec.Paths[op.path], op.method)
		if h.RequestBody != nil {
			c := h.RequestBody.Content["application/json"]
			if c.Example == nil {
				t.Errorf("%s shows no body", op.id)
				continue
			}
			fits(op.id, c.Schema, huma.ModeWriteToServer, c.Example)
		}
		for status, r := range h.Responses {
			c := r.Content["application/json"]
			switch {
			case status[0] != '2' || c == nil:
			case c.Example != nil:
				fits(op.id, c.Schema, huma.ModeReadFromServer, c.Example)
			case op.kind == writes:
				t.Errorf("%s shows no answer", op.id)
			}
		}
	}
}

// TestMoreExamples sends what is shown of previews, expectations, simulations and campaigns.
func TestMoreExamples(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC()
	w.play(append(scenario(now), shoppers(6, now)...))
	w.segment("good", `traits.prefecture == "東京都"`)
	w.write(put, "/templates/news", map[string]any{"definition": marketingMail("<p>" + strings.Repeat("うるおいを補う順番を少し変えるだけで、使い心地が変わります。", 4) + "</p>"), "expect": -1})
	w.write(put, "/journeys/welcome", map[string]any{"definition": json.RawMessage(tried("1h")), "expect": 0})
	send := func(id, name string, headers ...string) {
		t.Helper()
		op := w.api.ops[id]
		body := strings.Replace(examples()[id], "0190a3c4d5e6f708192a3b4c5d6e7f80", w.id(enishi.Customer, "C10001"), 1)
		if a := w.call(op.method, strings.Replace(op.path, "{name}", name, 1), body, headers...); a.status >= 300 {
			t.Errorf("%s: %d %s", id, a.status, a.text)
		}
	}
	send("preview-journey", "welcome")
	send("expect-journey", "welcome")
	send("start-simulation", "welcome")
	send("save-broadcast", "winter")
	send("change-broadcast-status", "winter")
	send("send-broadcast", "winter", "If-Match", w.call(get, "/broadcasts/winter", nil).want(200).header.Get("ETag"))
	w.write(put, "/broadcasts/ab", map[string]any{"broadcast": map[string]any{"title": map[string]any{"ja": "案", "en": "Test"}, "segment": "good", "channels": []string{"email"}, "templates": map[string]any{"email": "news"}, "at": now.Add(24 * time.Hour),
		"test": map[string]any{"share": 40, "after": "1h", "by": "click", "least": 5, "variants": []any{map[string]any{"subject": "A"}, map[string]any{"subject": "B"}}}}})
	w.call(post, "/broadcasts/ab/send", map[string]any{}, "If-Match", "*").want(200)
	send("choose-broadcast-winner", "ab")
}
