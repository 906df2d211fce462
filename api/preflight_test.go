package api

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"enishi/channels/line"
	linesim "enishi/internal/sim/line"
)

// withLINE gives a workspace an account on a simulated LINE.
func withLINE(t *testing.T, sim *linesim.Server) (*httptest.Server, func(*Config)) {
	t.Helper()
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	accounts, err := line.NewAccounts(line.AccountsConfig{Secrets: map[string]line.Secret{line.DefaultAccount: {Token: "token", Channel: "secret", Endpoint: server.URL, Simulated: true}}})
	if err != nil {
		t.Fatal(err)
	}
	return server, func(c *Config) { c.LINE = accounts }
}

// buttons is a LINE template whose heading our own check does not measure.
func buttons(title string) map[string]any {
	return map[string]any{"channel": "line", "purpose": "marketing", "variants": map[string]any{"ja": map[string]any{"messages": []any{
		map[string]any{"type": "template", "altText": "春", "template": map[string]any{"type": "buttons", "title": title, "text": "新作です",
			"actions": []any{map[string]any{"type": "uri", "label": "見る", "uri": "https://shop.example/"}}}}}}}}
}

// TestPreflight: what LINE would not take stands against sending, with its place; somebody may take the responsibility; when
// LINE cannot be asked the sheet says so and nothing is stopped.
func TestPreflight(t *testing.T) {
	t.Parallel()
	sim := linesim.New(linesim.Config{})
	server, with := withLINE(t, sim)
	w := newWorld(t, with)
	w.play(shoppers(3, time.Now().UTC()))
	w.segment("tokyo", `traits.prefecture == "東京都"`)
	long := strings.Repeat("あ", 41)
	w.write(put, "/templates/spring", map[string]any{"definition": buttons(long), "expect": -1})
	b := map[string]any{"title": map[string]any{"ja": "春", "en": "Spring"}, "segment": "tokyo", "channels": []string{"line"}, "templates": map[string]any{"line": "spring"}}
	w.write(put, "/broadcasts/spring", map[string]any{"broadcast": b, "expect": 0})
	sheet := func() sheetPage { return into[sheetPage](w.call(get, "/broadcasts/spring/sheet", nil)) }

	s := sheet()
	if len(s.Stops) != 1 || s.Stops[0].Location != "templates.spring.variants.ja.messages[0].template.title" ||
		!strings.Contains(s.Stops[0].MessageJA, "0〜40") || !strings.Contains(s.Stops[0].Message, "between 0 and 40") || s.Lint["spring"].Open != 1 {
		t.Fatalf("%+v", s)
	}
	w.call(post, "/broadcasts/spring/send", map[string]any{"expect": s.Version}).want(409)
	w.play(scenario(time.Now().UTC()))
	set := w.write(put, "/settings/testers", map[string]any{"expect": -1, "body": map[string]any{"lists": map[string]any{"default": []string{"C10002"}}}})
	w.call(get, "/settings/testers?after="+set.Position, nil).want(200)
	if got := w.call(post, "/templates/spring/test", map[string]any{}).want(422); !strings.Contains(got.text, "messages[0].template.title") {
		t.Errorf("test: %s", got.text)
	}

	taken := buttons(long)
	taken["overrides"] = []any{map[string]any{"code": "line.refused", "reason": "LINE の仕様変更を確認済み"}}
	w.write(put, "/templates/spring", map[string]any{"definition": taken, "expect": -1})
	if s := sheet(); len(s.Stops) != 0 {
		t.Errorf("overridden: %+v", s.Stops)
	}
	w.write(put, "/templates/spring", map[string]any{"definition": buttons("春の新作"), "expect": -1})
	if s := sheet(); len(s.Stops) != 0 || len(s.Lint["spring"].Items) != 0 {
		t.Errorf("mended: %+v", s)
	}
	if p := into[testPage](w.call(post, "/templates/spring/test", map[string]any{})); !p.Unchecked.isZero() {
		t.Errorf("test: %+v", p)
	}

	server.Close()
	s = sheet()
	if len(s.Stops) != 0 || len(s.Lint["spring"].Items) != 1 || s.Lint["spring"].Items[0].Code != "line.unchecked" {
		t.Errorf("LINE is away: %+v", s)
	}
	if p := into[testPage](w.call(post, "/templates/spring/test", map[string]any{})); p.Unchecked.JA == "" || p.Unchecked.EN == "" {
		t.Errorf("test while LINE is away: %+v", p)
	}
	w.call(post, "/broadcasts/spring/send", map[string]any{"expect": s.Version}).want(200)
}
