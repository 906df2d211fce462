package channels

import (
	"context"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"enishi"
	"enishi/internal/stream"
)

func TestTagged(t *testing.T) {
	t.Parallel()
	const tags = "utm_source=enishi&utm_medium=email"
	f := func(address, want string) {
		t.Helper()
		got := tagged(address, tags)
		if got != want {
			t.Errorf("%s becomes %s, want %s", address, got, want)
		}
		if again := tagged(got, tags); again != got {
			t.Errorf("%s twice is %s", address, again)
		}
	}
	f("https://shop.example", "https://shop.example?utm_source=enishi&utm_medium=email")
	f("https://shop.example/a?id=1&q=%E8%8A%B1+x", "https://shop.example/a?id=1&q=%E8%8A%B1+x&utm_source=enishi&utm_medium=email")
	f("https://shop.example/a?", "https://shop.example/a?utm_source=enishi&utm_medium=email")
	f("https://shop.example/a?id=1&", "https://shop.example/a?id=1&utm_source=enishi&utm_medium=email")
	f("https://shop.example/a#b?c", "https://shop.example/a?utm_source=enishi&utm_medium=email#b?c")
	f("https://shop.example/a?x=1#b", "https://shop.example/a?x=1&utm_source=enishi&utm_medium=email#b")
	f("https://shop.example/a?utm_source=own", "https://shop.example/a?utm_source=own&utm_medium=email")
	f("https://shop.example/a?utm%5Fsource=own&utm_medium=", "https://shop.example/a?utm%5Fsource=own&utm_medium=")
	for _, other := range []string{"mailto:a@b.example", "tel:0312345678", "#top", "", "/a"} {
		f(other, other)
	}
	if got := tagged("https://shop.example", ""); got != "https://shop.example" {
		t.Errorf("without parameters: %s", got)
	}
}

// TestTagsOfMessages: the links of a mail and of a LINE message lead where they did, with the parameters; ours stay as they are.
func TestTagsOfMessages(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, map[string]string{
		"mail": strings.Replace(htmlTemplate(t, `<a href="https://shop.example/x?id=1&amp;b=2#top">a</a><a href="{{ links.shop }}">b</a><a href="{{ links.unsubscribe }}">c</a><a href="mailto:a@b.example">d</a>`), `"name":"t",`, "", 1),
		"line": `{"channel":"line","purpose":"marketing","variants":{"ja":{"messages":[{"type":"text","text":"{{ links.shop }}"}]}}}`,
	})
	m := testMessage("mail", "email", `{"links":{"shop":"https://shop.example/?a=1"}}`)
	m.Tags, m.Headline = "utm_source=enishi", "{{ links.shop }} の件"
	out, err := r.Render(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if out.Subject != "https://shop.example/?a=1&utm_source=enishi の件" {
		t.Errorf("subject %q", out.Subject)
	}
	if strings.Contains(out.Unsubscribe, "utm_") || !strings.Contains(out.HTML, out.Unsubscribe) || !strings.Contains(out.HTML, "mailto:a@b.example\"") {
		t.Errorf("ours are changed: %s", out.HTML)
	}
	for _, want := range []string{"https://shop.example/x?id=1&b=2&utm_source=enishi#top", "https://shop.example/?a=1&utm_source=enishi"} {
		if !leadsTo(t, r, m, out.HTML, want) {
			t.Errorf("no link leads to %s", want)
		}
	}
	shown, err := r.Preview([]byte(strings.Replace(htmlTemplate(t, `<a href="https://shop.example/x">a</a>`), `"name":"t",`, "", 1)), m, 0, false)
	if err != nil || !strings.Contains(shown.HTML, `href="https://shop.example/x?utm_source=enishi"`) {
		t.Errorf("the preview shows %v: %v", shown, err)
	}
	l := testMessage("line", "line", `{"links":{"shop":"https://shop.example/?a=1"}}`)
	l.Tags = m.Tags
	said, err := r.Render(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	if !leadsTo(t, r, l, string(said.Messages), "https://shop.example/?a=1&utm_source=enishi") {
		t.Errorf("LINE: %s", said.Messages)
	}
}

// leadsTo follows the tracked links of a text.
func leadsTo(t *testing.T, r *Renderer, m *enishi.Message, text, want string) bool {
	t.Helper()
	l, err := NewLinks(LinksConfig{Renderer: r, Partitions: 1, Append: func(context.Context, []stream.Record) error { return nil },
		Message: func(context.Context, enishi.ID) (*enishi.Message, error) { return m, nil }})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range regexp.MustCompile(`https://cdp.hana.example(/c/[\w.~-]+)`).FindAllStringSubmatch(text, -1) {
		rec := httptest.NewRecorder()
		l.Handler().ServeHTTP(rec, httptest.NewRequest("GET", path[1], nil))
		if rec.Header().Get("Location") == want {
			return true
		}
	}
	return false
}
