package api

import (
	"slices"
	"strings"
	"testing"

	"enishi"
)

// TestPreviewAsAPerson: what the person has is filled in, what is made up or missing is named.
func TestPreviewAsAPerson(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	definition := map[string]any{"channel": "email", "purpose": "transactional", "variants": map[string]any{"ja": map[string]any{
		"subject": []string{"A {{ customer.full_name }}", "B {{ customer.full_name }}"}, "preheader": "p", "html": "<p>{{ order.order_id }} {{ customer.nickname }}</p>"}}}
	ask := map[string]any{"definition": definition, "profile": w.id(enishi.Customer, "C10001"), "choice": 1}
	p := into[renderedPage](w.call(post, "/templates/t/preview", ask))
	if p.Subject != "B 佐藤 花子" || p.Variant != "b" || p.Alternatives != 2 || p.Preheader != "p" || !strings.Contains(p.HTML, "ginza:1:2026-11-21:7") {
		t.Errorf("%+v", p)
	}
	if !slices.Equal(p.Missing, []string{"customer.nickname"}) || slices.Contains(p.Sampled, "order") {
		t.Errorf("missing %v, made up %v", p.Missing, p.Sampled)
	}
	ask["profile"] = ""
	if p = into[renderedPage](w.call(post, "/templates/t/preview", ask)); !slices.Equal(p.Sampled, []string{"cart", "order", "shipment"}) {
		t.Errorf("made up %v", p.Sampled)
	}
}
