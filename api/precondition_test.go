package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

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
