package channels

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestOfADraft: a message brings an unsaved template along, in the purpose of which it is made, and whatever a tester
// presses in it is no fact.
func TestOfADraft(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.m.Purpose, s.m.Template, s.m.Variant = TestPurpose, "unsaved", "b"
	s.m.Content = `{"channel":"email","purpose":"marketing","variants":{"ja":{"subject":["一","二 {{ customer.nickname }}"],"html":"<p>草稿<a href=\"https://shop.example/\">x</a><a href=\"{{ links.unsubscribe }}\">y</a></p>","text":"{{ links.unsubscribe }}"}}}`
	m, err := s.r.Render(t.Context(), s.m)
	if err != nil {
		t.Fatal(err)
	}
	if m.Subject != "[TEST] 二" || m.Purpose != marketing || m.Unsubscribe == "" || m.Variant != "b" {
		t.Errorf("%+v", m)
	}
	path := func(kind string) string {
		return strings.TrimPrefix(regexp.MustCompile(`https://cdp.hana.example/`+kind+`/[^"\s]+`).FindString(m.HTML), "https://cdp.hana.example")
	}
	for _, x := range [...]struct {
		method, path, body string
		status             int
	}{
		{"GET", path("c"), "", http.StatusFound}, {"GET", path("o"), "", http.StatusOK},
		{"POST", path("u"), "List-Unsubscribe=One-Click", http.StatusOK}, {"POST", strings.Replace(path("u"), "/u/", "/p/", 1), "all=1", http.StatusOK},
	} {
		if r := s.do(x.method, x.path, x.body, "Content-Type", "application/x-www-form-urlencoded"); r.StatusCode != x.status {
			t.Errorf("%s %s: %d", x.method, x.path, r.StatusCode)
		}
	}
	if len(s.events) != 0 {
		t.Errorf("%d facts: %+v", len(s.events), s.events)
	}
	view, _, _ := strings.Cut((&filling{Renderer: s.r}).url("v", tokenOf(tokenView, s.m, s.now)), "\n")
	if r := s.do("GET", strings.TrimPrefix(view, "https://cdp.hana.example"), ""); !strings.Contains(text(r), "草稿") {
		t.Errorf("in the browser: %d", r.StatusCode)
	}
}

// TestMarkTest marks LINE messages so that the marked ones are still what LINE takes.
func TestMarkTest(t *testing.T) {
	t.Parallel()
	f := func(messages, want string) {
		t.Helper()
		var list []any
		if err := json.Unmarshal([]byte(messages), &list); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(markTest(list))
		if err != nil || string(got) != want {
			t.Errorf("%s %v\nwant %s", got, err, want)
		}
	}
	f(`[{"type":"text","text":"a"}]`, `[{"text":"[TEST]","type":"text"},{"text":"a","type":"text"}]`)
	four := strings.Repeat(`{"type":"image"},`, 4)
	f(`[`+four+`{"type":"text","text":"a"}]`, `[`+four+`{"text":"[TEST] a","type":"text"}]`)
	f(`[`+four+`{"type":"flex","altText":"a"}]`, `[`+four+`{"altText":"[TEST] a","type":"flex"}]`)
	f(`[`+four+`{"emojis":[{}],"type":"text","text":"$"}]`, `[`+four+`{"emojis":[{}],"text":"$","type":"text"}]`)
	f(`[`+four+`{"type":"image"}]`, `[`+four+`{"type":"image"}]`)
}
