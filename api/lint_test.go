package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"enishi/journeys"
)

func marketingMail(body string) map[string]any {
	return map[string]any{"channel": "email", "purpose": "marketing", "variants": map[string]any{
		"ja": map[string]any{"subject": "冬のお手入れ", "preheader": "乾燥の季節に合わせた順番をご紹介します", "html": "<body>\n" + body + "</body>"}}}
}

// TestLintBeforeSending: an error stops a journey until it is mended or somebody takes the responsibility for it by name.
func TestLintBeforeSending(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	long := strings.Repeat("うるおいを補う順番を少し変えるだけで、使い心地が変わります。", 4)
	page := into[lintPage](w.call(post, "/templates/lint", map[string]any{"definition": marketingMail("<p>" + long + "</p>")}))
	if page.Open != 0 || len(page.Items) != 0 { // the footer with the duties is added by the sender
		t.Errorf("a good mail: %+v", page)
	}
	unset := marketingMail("<p>" + long + `</p><a href="{{ links.shop }}">見る</a>{% if links.review %}<a href="{{ links.review }}">書く</a>{% endif %}`)
	page = into[lintPage](w.call(post, "/templates/lint", map[string]any{"definition": unset}))
	if page.Open != 1 || page.Items[0].Code != "link.unset" || page.Items[0].Excerpt != "links.shop" {
		t.Errorf("a link that nobody has set: %+v", page)
	}
	claim := marketingMail("<p>" + long + "</p><p>シミが消える</p>")
	page = into[lintPage](w.call(post, "/templates/lint", map[string]any{"definition": claim}))
	if page.Open != 1 || page.Items[0].Code != "words.yakkiho" || page.Items[0].Line != 2 || page.Items[0].Part != "variants.ja.html" {
		t.Fatalf("a claim: %+v", page)
	}
	w.write(put, "/templates/claim", map[string]any{"definition": claim, "expect": -1})
	if p := into[templatePage](w.call(get, "/templates/claim", nil)); p.Lint.Open != 1 {
		t.Errorf("the saved version does not show it: %+v", p.Lint)
	}
	journey := map[string]any{"title": map[string]any{"ja": "j", "en": "j"}, "purpose": "marketing", "consent": "opt_in", "entry": map[string]any{"event": "user.signed_up", "reentry": "never"}, "start": "m",
		"nodes": map[string]any{"m": map[string]any{"type": "message", "template": "claim", "next": "x"}, "x": map[string]any{"type": "exit"}}}
	w.call(put, "/journeys/j", map[string]any{"definition": journey, "status": "draft", "expect": -1}).want(200)
	a := w.call(post, "/journeys/j/status", map[string]any{"status": "live"}).want(409)
	for _, want := range []string{"シミが消える", "templates.claim.variants.ja.html", "うるおいを与える"} {
		if !strings.Contains(a.text, want) {
			t.Errorf("the refusal lacks %s: %s", want, a.text)
		}
	}
	w.call(put, "/definitions/journey/j", map[string]any{"body": journey, "expect": -1}).want(409) // without a state it would be live

	claim["overrides"] = []any{map[string]any{"code": "words.yakkiho", "excerpt": "シミが消える", "reason": ""}}
	w.call(put, "/templates/claim", map[string]any{"definition": claim, "expect": -1}).want(422)
	claim["overrides"] = []any{map[string]any{"code": "words.yakkiho", "excerpt": "シミが消える", "reason": "医薬部外品の承認あり", "by": "somebody else"}}
	w.write(put, "/templates/claim", map[string]any{"definition": claim, "expect": -1})
	p := into[templatePage](w.call(get, "/templates/claim", nil))
	if o := p.Lint.Items[0].Override; p.Lint.Open != 0 || o == nil || o.By == "" || o.By == "somebody else" || o.At.IsZero() || o.Reason != "医薬部外品の承認あり" {
		t.Errorf("the override: %+v", p.Lint)
	}
	w.call(post, "/journeys/j/status", map[string]any{"status": "live"}).want(200)

	// The lists are the shop's to change.
	w.call(put, "/definitions/words/ours", map[string]any{"body": map[string]any{"use": "claim", "words": []any{map[string]any{"pattern": "("}}}, "expect": 0}).want(422)
	w.write(put, "/definitions/words/ours", map[string]any{"body": map[string]any{"title": map[string]any{"ja": "社内", "en": "ours"}, "use": "claim", "severity": "warning", "words": []any{map[string]any{"word": "順番"}}}, "expect": 0})
	if p = into[templatePage](w.call(get, "/templates/claim", nil)); !strings.Contains(mustJSON(p.Lint), "words.ours") {
		t.Errorf("our own list: %+v", p.Lint)
	}
	words := func(name string) *wordsRow {
		for _, x := range into[list[wordsRow]](w.call(get, "/templates/words", nil)).Items {
			if x.Name == name {
				return &x
			}
		}
		return nil
	}
	ours := words("ours")
	if ours == nil || ours.Version == 0 || ours.Shipped || !slices.Equal(ours.UsedIn, []string{"claim"}) {
		t.Fatalf("our list: %+v", ours)
	}
	if l := words("yakkiho"); l == nil || l.Version != 0 || !l.Shipped || !slices.Contains(l.UsedIn, "claim") {
		t.Errorf("a list of the product: %+v", l)
	}
	if l := words("keihyoho"); l == nil || len(l.UsedIn) != 0 {
		t.Errorf("nobody claims to be the first: %+v", l)
	}
	token, _ := w.key("admin", "editor")
	w.as(token).call(put, "/definitions/words/ours", map[string]any{"body": map[string]any{"use": "claim", "words": []any{map[string]any{"word": "a"}}}, "expect": -1}).want(403)
	w.as(token).call(erase, "/templates/words/ours", nil).want(403)

	// What was saved can be read, one version after the other, and put back; a list of the product's name gives way to it again.
	chief, _ := w.key("admin", "approver")
	w = w.as(chief)
	first := ours.Version
	w.write(put, "/definitions/words/ours", map[string]any{"body": map[string]any{"use": "claim", "words": []any{map[string]any{"word": "列"}}}, "expect": first})
	path := fmt.Sprintf("/definitions/words/ours?version=%d", first)
	if v := into[definitionVersion](w.call(get, path, nil)); v.Version != first || v.Actor == "" || !strings.Contains(string(v.Body), "順番") {
		t.Errorf("the first version: %+v", v)
	}
	w.call(get, "/definitions/words/yakkiho?version=1", nil).want(404)
	w.call(get, "/definitions/key/x?version=1", nil).want(422) // secrets of sorts: only an admin sees even their history
	w.call(erase, "/templates/words/yakkiho", nil).want(409)
	w.call(erase, "/templates/words/nothing", nil).want(404)
	w.write(put, "/definitions/words/yakkiho", map[string]any{"body": map[string]any{"use": "claim", "words": []any{map[string]any{"word": "列"}}}, "expect": 0})
	if l := words("yakkiho"); l.Version == 0 || !l.Shipped || len(l.Words) != 1 {
		t.Errorf("ours in its place: %+v", l)
	}
	for _, name := range []string{"ours", "yakkiho"} {
		w.call(erase, "/templates/words/"+name, nil).want(200)
	}
	if l := words("yakkiho"); l == nil || l.Version != 0 || len(l.Words) < 2 || words("ours") != nil {
		t.Errorf("after the deletion: %+v", l)
	}
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// TestGalleryIsClean: what comes with the product passes the check of a shop whose brand kit is filled in.
func TestGalleryIsClean(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	for _, g := range journeys.Gallery() {
		if g.Kind != "template" {
			continue
		}
		found, err := w.api.lint(g.Name, g.Body)
		if err != nil {
			t.Errorf("%s: %v", g.Name, err)
		}
		for _, f := range found {
			t.Errorf("%s: %s %s %s %q %s", g.Name, f.Severity, f.Code, f.Part, f.Excerpt, f.Text.EN)
		}
	}
}
