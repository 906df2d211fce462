package channels

import (
	"errors"
	"strings"
	"testing"

	"enishi"
)

func contentTemplate(channel, content string) string {
	return `{"channel":"` + channel + `","purpose":"transactional","variants":{"ja":{"content":` + content + `}}}`
}

// TestContent: the texts of a content are filled in wherever they stand, and a value cannot break out of its text.
func TestContent(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, map[string]string{
		"object": contentTemplate("push", `{"title":"{{ customer.name }}様","body":"{{ order.id }}","data":{"o":"{{ order.id }}"},"ttl_seconds":60}`),
		"text":   contentTemplate("social", `"{\"messages\":[{% for l in order.lines %}{\"text\":{{ l }}}{% unless forloop.last %},{% endunless %}{% endfor %}]}"`),
		"sms":    contentTemplate("sms", `{"text":"{{ order.id }}"}`),
	})
	f := func(template, channel, variables, want string) {
		t.Helper()
		m := testMessage(template, channel, variables)
		got, err := r.Render(t.Context(), m)
		if err != nil {
			t.Errorf("%s: %v", template, err)
		} else if string(got.Content) != want {
			t.Errorf("%s: %s; want %s", template, got.Content, want)
		}
	}
	f("object", "push", `{"customer":{"name":"\"佐藤\""},"order":{"id":"7"}}`, `{"body":"7","data":{"o":"7"},"title":"\"佐藤\"様","ttl_seconds":60}`)
	f("text", "social", `{"order":{"lines":["a\"}","b"]}}`, `{"messages":[{"text":"a\"}"},{"text":"b"}]}`)
	f("sms", "sms", `{"order":{"id":"A-1"}}`, `{"text":"A-1"}`)
	if _, err := r.Render(t.Context(), testMessage("sms", "sms", `{"order":{"id":" "}}`)); err == nil {
		t.Error("an SMS without a text was made")
	}
	test := testMessage("object", "push", `{"customer":{"name":"x"},"order":{"id":"7"}}`)
	test.Purpose = TestPurpose
	if got, err := r.Render(t.Context(), test); err != nil || !strings.Contains(string(got.Content), `"title":"[TEST] x様"`) {
		t.Errorf("a test is not marked: %v, %v", got, err)
	}
}

// TestContentRefused: what is wrong is named at its place.
func TestContentRefused(t *testing.T) {
	t.Parallel()
	f := func(body, field string) {
		t.Helper()
		err := CheckTemplate("x", []byte(body), nil)
		var e *enishi.Error
		if !errors.As(err, &e) || e.Field != field || e.MsgJA == "" {
			t.Errorf("%s: %v; want it at %s", body, err, field)
		}
	}
	f(contentTemplate("sms", `{"text":" "}`), "variants.ja.content.text")
	f(contentTemplate("sms", `{"txt":"a"}`), "variants.ja.content")
	f(contentTemplate("sms", `[]`), "variants.ja.content")
	f(contentTemplate("push", `{"body":"a"}`), "variants.ja.content.title")
	f(contentTemplate("push", `{"title":"a","body":"b","urgency":"now"}`), "variants.ja.content.urgency")
	f(contentTemplate("push", `{"title":"a","body":"b","ttl_seconds":9999999}`), "variants.ja.content.ttl_seconds")
	f(contentTemplate("push", `{"title":5}`), "variants.ja.content.title")
	f(contentTemplate("social", `{"messages":[]}`), "variants.ja.content.messages")
	f(contentTemplate("email", `{"text":"a"}`), "variants.ja.content")
	f(contentTemplate("fax", `{"text":"a"}`), "channel")
	f(`{"channel":"sms","purpose":"transactional","variants":{"ja":{"text":"a","content":{"text":"a"}}}}`, "variants.ja")
	f(contentTemplate("sms", `{"text":"{% if %}"}`), "variants.ja.content.text")
}
