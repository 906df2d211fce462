package api

import (
	"encoding/json"
	"strings"
	"testing"

	"enishi/ingest/mapping"
)

// TestDeleteMapping: whoever deletes a mapping has seen which sources and pulls read by it.
func TestDeleteMapping(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) {
		c.Connections = []Connection{{Name: "crm", Kind: "webhook", Mapping: "crm"}, {Name: "other", Kind: "webhook", Mapping: "other"}}
	})
	body := map[string]any{"title": map[string]string{"ja": "顧客", "en": "Customers"}, "format": "json", "rules": []any{map[string]any{"event": "person.identified", "fields": map[string]string{"person.email": "body.email"}}}}
	w.write("PUT", "/definitions/mapping/crm", map[string]any{"body": body, "expect": 0})
	pull := `{"title": {"ja": "夜間", "en": "Nightly"}, "place": "store", "pattern": "in/*.json", "mapping": "crm", "every": 60}`
	w.write("PUT", "/file-pulls/nightly", map[string]any{"body": json.RawMessage(pull), "expect": 0})
	var uses []mappingUse
	for _, f := range into[list[importFormat]](w.call("GET", "/import-formats", nil)).Items {
		if f.Name == "crm" && !f.Preset {
			uses = f.Uses
		} else if len(f.Uses) > 0 {
			t.Errorf("%s: %+v", f.Name, f.Uses)
		}
	}
	if len(uses) != 2 || uses[0].Kind != "source" || uses[0].Name != "crm" || uses[1].Kind != "pull" || uses[1].Title.JA != "夜間" {
		t.Fatalf("%+v", uses)
	}
	w.call("DELETE", "/mappings/none", nil).want(404)
	for _, shown := range []string{"", "?used_by=crm"} {
		if got := w.call("DELETE", "/mappings/crm"+shown, nil); got.status != 409 || !strings.Contains(got.text, "Nightly") || !strings.Contains(got.text, "used_by=") {
			t.Errorf("%q: %d %s", shown, got.status, got.text)
		}
	}
	w.call("DELETE", "/mappings/crm?used_by=crm,nightly", nil).want(200)
	if _, still := w.cfg.Definitions.Current(mapping.Kind, "crm"); still {
		w.call("DELETE", "/mappings/crm?used_by=crm,nightly", nil).want(404)
	}
}
