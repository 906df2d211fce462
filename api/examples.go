package api

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
)

// examples are bodies of the writes that other systems make, by operation. The tests send them as they stand.
func examples() map[string]string {
	return map[string]string{
		"save-journey": `{"expect": 0, "reason": "first draft", "definition": {
			"title": {"ja": "お声がけ", "en": "A word from us"}, "purpose": "transactional", "consent": "not_refused",
			"entry": {"called": true, "reentry": "after_exit"}, "start": "rest",
			"nodes": {"rest": {"type": "wait", "for": "1d", "next": "end"}, "end": {"type": "exit"}}}}`,
		"change-journey-status": `{"status": "live", "reason": "approved by the shop"}`,
		"enter-journey":         `{"person": "0190a3c4d5e6f708192a3b4c5d6e7f80"}`,
		"save-segment":          `{"expect": 0, "title": {"ja": "優良顧客", "en": "Good customers"}, "expression": "orders_count >= 3"}`,
	}
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
		h.Responses["409"] = &huma.Response{Description: "Somebody else saved a newer version, or the Idempotency-Key was used with another content", Content: h.Responses["default"].Content}
	}
	for _, id := range []string{"save-journey", "save-segment", "save-template"} {
		op := a.ops[id]
		h := operationOf(a.huma.OpenAPI().Paths[op.path], op.method)
		h.Responses["412"] = &huma.Response{Description: "The version is not the one of If-Match", Content: h.Responses["default"].Content}
	}
	return nil
}
