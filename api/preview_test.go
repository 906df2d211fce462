package api

import (
	"slices"
	"strings"
	"testing"
	"time"

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
	if p = into[renderedPage](w.call(post, "/templates/t/preview", ask)); !slices.Equal(p.Sampled, []string{"order"}) {
		t.Errorf("made up %v", p.Sampled)
	}
}

// TestPreviewGoesThroughPeople: next goes round all of a segment once, previous goes back the same way, random gives
// somebody else of it.
func TestPreviewGoesThroughPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(shoppers(6, time.Now().UTC()))
	w.segment("some", `traits.gender == "x"`)
	definition := map[string]any{"channel": "email", "purpose": "transactional", "variants": map[string]any{"ja": map[string]any{"subject": "A", "text": "a"}}}
	step := func(segment, from, how string) string {
		t.Helper()
		return into[renderedPage](w.call(post, "/templates/t/preview", map[string]any{"definition": definition, "profile": from, "segment": segment, "pick": how})).Profile
	}
	all := []string{step("", "", "next")}
	for range 6 {
		all = append(all, step("", all[len(all)-1], "next"))
	}
	if all[6] != all[0] || len(slices.Compact(slices.Sorted(slices.Values(all)))) != 6 {
		t.Errorf("next went %v", all)
	}
	if back := step("", all[0], "previous"); back != all[5] {
		t.Errorf("back from the first is %s, not the last %s", back, all[5])
	}
	a, b := w.id(enishi.Customer, "B000"), w.id(enishi.Customer, "B003")
	if step("some", a, "next") != b || step("some", b, "next") != a || step("some", a, "previous") != b || step("some", a, "random") != b {
		t.Error("a segment of two does not take turns")
	}
	w.call(post, "/templates/t/preview", map[string]any{"definition": definition, "segment": "nobody", "pick": "next"}).want(404)
}
