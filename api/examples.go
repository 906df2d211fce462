package api

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
)

// examples are bodies of what other systems ask for, by operation. The tests send them as they stand.
func examples() map[string]string {
	return map[string]string{
		"save-journey": `{"expect": 0, "reason": "first draft", "definition": {
			"title": {"ja": "お声がけ", "en": "A word from us"}, "purpose": "transactional", "consent": "not_refused",
			"entry": {"called": true, "reentry": "after_exit"}, "start": "rest",
			"nodes": {"rest": {"type": "wait", "for": "1d", "next": "end"}, "end": {"type": "exit"}}}}`,
		"change-journey-status":   `{"status": "live", "reason": "approved by the shop"}`,
		"enter-journey":           `{"person": "0190a3c4d5e6f708192a3b4c5d6e7f80"}`,
		"preview-journey":         `{"person": "0190a3c4d5e6f708192a3b4c5d6e7f80"}`,
		"expect-journey":          `{"definition": {"entry": {"event": "order.placed", "where": "event.order.total >= 5000", "reentry": "never"}}}`,
		"start-simulation":        `{"from": "2026-08-01T00:00:00Z", "to": "2026-11-01T00:00:00Z", "sample": 10}`,
		"save-broadcast":          `{"reason": "first draft", "broadcast": {"title": {"ja": "冬のご案内", "en": "Winter news"}, "segment": "good", "channels": ["email"], "templates": {"email": "news"}, "send_by": "12h"}}`,
		"send-broadcast":          `{"reason": "approved by the shop"}`,
		"change-broadcast-status": `{"status": "in_review", "reason": "please look at it"}`,
		"choose-broadcast-winner": `{"variant": "b", "reason": "more clicks"}`,
		"save-segment":            `{"expect": 0, "title": {"ja": "優良顧客", "en": "Good customers"}, "expression": "orders_count >= 3"}`,
	}
}

// answers are what writes answer, by operation; the tests hold them against the types.
func answers() map[string]string {
	const written = `{"position": "definitions/0@7", "version": 8, "request_id": "5d0c1f6ab2e94c7f8a3b1d2e4f607182"}`
	out := map[string]string{
		"enter-journey":  `{"position": "events/3@1042", "request_id": "5d0c1f6ab2e94c7f8a3b1d2e4f607182"}`,
		"leave-journey":  `{"position": "events/3@1043", "request_id": "5d0c1f6ab2e94c7f8a3b1d2e4f607183"}`,
		"expect-journey": `{"per_month": 240, "days": 90, "exact": true, "sentence": {"ja": "月に約 240 人（直近 90 日から）", "en": "about 240 people a month (from the last 90 days)"}}`,
		"start-simulation": `{"id": "9c4e1f6ab2e94c7f8a3b1d2e4f607182", "journey": "welcome", "version": 8, "state": "running", "from": "2026-08-01T00:00:00Z", "to": "2026-11-01T00:00:00Z", "whom": {}, "sample": 10,
			"as_received": false, "actor": "sato", "started_at": "2026-11-22T01:00:00Z", "progress": {"people": 0, "of": 0, "events": 0, "per_second": 0}, "differences": [], "words": {}, "notes": []}`,
	}
	for _, id := range []string{"save-journey", "change-journey-status", "save-broadcast", "send-broadcast", "change-broadcast-status", "choose-broadcast-winner", "save-segment"} {
		out[id] = written
	}
	return out
}

// addExamples puts them into the specification.
func (a *API) addExamples() error {
	for id, text := range examples() {
		op := a.ops[id]
		h := operationOf(a.huma.OpenAPI().Paths[op.path], op.method)
		var body any
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			return err
		}
		h.RequestBody.Content["application/json"].Example = body
		for _, p := range h.Parameters {
			if p.Name == "Idempotency-Key" {
				p.Example = id + "-2026-11-22-1"
			}
		}
		if op.kind != writes {
			continue
		}
		h.Responses["409"] = &huma.Response{Description: "Somebody else saved a newer version, or the Idempotency-Key was used with another content", Content: h.Responses["default"].Content}
	}
	for id, text := range answers() {
		op := a.ops[id]
		h := operationOf(a.huma.OpenAPI().Paths[op.path], op.method)
		var body any
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			return err
		}
		for status, r := range h.Responses {
			if status[0] == '2' {
				r.Content["application/json"].Example = body
			}
		}
	}
	for _, id := range []string{"save-journey", "change-journey-status", "save-broadcast", "send-broadcast", "change-broadcast-status", "choose-broadcast-winner", "save-segment", "save-template"} {
		op := a.ops[id]
		h := operationOf(a.huma.OpenAPI().Paths[op.path], op.method)
		h.Responses["412"] = &huma.Response{Description: "The version is not the one of If-Match", Content: h.Responses["default"].Content}
	}
	return nil
}
