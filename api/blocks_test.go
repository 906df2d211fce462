package api

import (
	"strings"
	"testing"
)

func blockDefinition(html string) map[string]any {
	return map[string]any{"definition": map[string]any{"title": map[string]any{"ja": "フッター", "en": "Footer"}, "variants": map[string]any{"ja": map[string]any{"html": html}}}, "expect": -1}
}

func TestSharedBlocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	template := map[string]any{"definition": map[string]any{"channel": "email", "purpose": "transactional", "variants": map[string]any{
		"ja": map[string]any{"subject": "s", "html": `<body>{% block "footer" %}<script>{% block "footer" %}</script></body>`}}}, "expect": -1}

	a := w.call(put, "/templates/with_block", template).want(422)
	if !strings.Contains(a.text, "という共通パーツはありません") {
		t.Errorf("an unknown block: %s", a.text)
	}
	w.write(put, "/blocks/footer", blockDefinition("<p>一</p>"))
	w.write(put, "/templates/with_block", template)
	w.write(put, "/definitions/block/footer", map[string]any{"body": map[string]any{"variants": map[string]any{"ja": map[string]any{"html": "<p>二</p>"}}}, "expect": -1})
	if p := into[renderedPage](w.call(post, "/templates/with_block/preview", map[string]any{})); !strings.Contains(p.HTML, "二") {
		t.Errorf("the new version does not act: %s", p.HTML)
	}
	w.call(put, "/blocks/footer", blockDefinition("{% if a %}<p>")).want(422)
	w.call(put, "/blocks/footer", blockDefinition("<script>")).want(422)
	a = w.call(put, "/blocks/footer", blockDefinition("<p>{{ brand.name }}</p>")).want(409)
	if !strings.Contains(a.text, "with_block") {
		t.Errorf("what breaks is not named: %s", a.text)
	}
	p := into[blockPage](w.call(get, "/blocks/footer", nil))
	if len(p.UsedIn) != 1 || p.UsedIn[0] != "with_block" || len(p.History) != 2 {
		t.Errorf("page %+v", p)
	}
	w.call(erase, "/blocks/footer", nil).want(409)
	w.call(erase, "/templates/with_block", nil).want(200)
	w.call(erase, "/blocks/footer", nil).want(200)
	w.call(get, "/blocks/footer", nil).want(404)
	w.call(erase, "/blocks/footer", nil).want(404)

	a = w.call(put, "/settings/brand", map[string]any{"body": map[string]any{"colour": "red"}, "expect": 0}).want(422)
	if !strings.Contains(a.text, "#rrggbb") {
		t.Errorf("a wrong colour: %s", a.text)
	}
	w.call(put, "/settings/templates", map[string]any{"body": map[string]any{"missing": "maybe"}, "expect": 0}).want(422)
	w.call(put, "/settings/templates", map[string]any{"body": map[string]any{"languages": []string{"ja"}, "missing": "default"}, "expect": 0}).want(200)
}
