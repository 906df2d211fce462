package channels

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"enishi"
)

// TestAlike: a message for everybody in the same words has the brand's values and the shop's own links, untracked; whatever
// depends on the person is refused by its name, wherever it stands.
func TestAlike(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, nil)
	links := map[string]string{"sale": "https://shop.example/sale", "order": "https://shop.example/o/{order_id}"}
	make := func(messages any) (string, error) {
		t.Helper()
		body, err := json.Marshal(map[string]any{"channel": "line", "purpose": "marketing", "variants": map[string]any{"ja": map[string]any{"messages": messages}}})
		if err != nil {
			t.Fatal(err)
		}
		out, err := r.Alike("t", body, "ja", links)
		return string(out), err
	}
	text := func(s string) []any { return []any{map[string]any{"type": "text", "text": s}} }
	for in, want := range map[string]string{
		"春 {{ links.sale }} {{ language }}": "春 https://shop.example/sale ja",
		`{% assign n = "x" %}{% for i in (1..2) limit: 2 %}{{ n | upcase }}{{ forloop.index }}{% endfor %}`: "X1X2",
		`{% if language == "ja" and true %}は{% endif %}`:                                                    "は",
		`{% raw %}{{ customer.full_name }}{% endraw %}`:                                                     "{{ customer.full_name }}",
	} {
		if got, err := make(text(in)); err != nil || !strings.Contains(got, `"text":"`+want+`"`) {
			t.Errorf("%s: %s %v", in, got, err)
		}
	}
	if got, err := make(`[{"type":"text","text":"{{ brand.name }}"},{"type":"flex","altText":"a","contents":{"uri":"{{ links.sale }}"}}]`); err != nil || strings.Contains(got, "/c/") || !strings.Contains(got, `"uri":"https://shop.example/sale"`) {
		t.Errorf("%s %v", got, err)
	}
	for in, want := range map[string]string{
		"{{ customer.full_name }} 様":                                     "customer.full_name",
		`{{ "a" | append: customer.given_name }}`:                        "customer.given_name",
		`{% if customer.points > 100 %}得{% endif %}`:                     "customer.points",
		`{% unless cart %}{% endunless %}`:                               "cart",
		`{% assign n = order.order_id | default: "x" %}{{ n }}`:          "order.order_id",
		`{% for l in order.lines %}{{ l.name }}{% endfor %}`:             "order.lines",
		`{{ brand[customer.points] }}`:                                   "customer.points",
		`{{ links["unsubscribe"] }}`:                                     "links",
		"{{ links.unsubscribe }}":                                        "links.unsubscribe",
		"{{ links.order }} {{ coupon.code }}":                            "coupon.code, links.order",
		`{% case customer.member_rank %}{% when "gold" %}金{% endcase %}`: "customer.member_rank",
	} {
		_, err := make(text(in))
		var e *enishi.Error
		if !errors.As(err, &e) || e.Field != "body.template" || !strings.HasSuffix(e.Msg, ": "+want) || !strings.HasSuffix(e.MsgJA, "使えません: "+want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
	for _, body := range [...]string{`{"channel":"line","purpose":"transactional","variants":{"ja":{"messages":[{"type":"text","text":"a"}]}}}`,
		`{"channel":"email","purpose":"marketing","variants":{"ja":{"subject":"a","text":"b"}}}`} {
		if _, err := r.Alike("t", []byte(body), "ja", links); err == nil || !strings.Contains(err.Error(), "for advertising") {
			t.Errorf("%s: %v", body, err)
		}
	}
	if _, err := make(text("{{ brand.nothing }}")); enishi.ErrorCode(err) != enishi.Invalid || !strings.Contains(err.Error(), "cannot be made") {
		t.Errorf("a value that the brand has not: %v", err)
	}
}

// TestWhole: what goes to many by one call is held by every stop that may be meant for one of them, and dropped by one that drops.
func TestWhole(t *testing.T) {
	t.Parallel()
	f := func(s Sending, why, id string) {
		t.Helper()
		got, stop := s.Whole("line:default")
		if got != why || (stop == nil) != (id == "") || stop != nil && stop.ID != id {
			t.Errorf("%+v: %q %+v", s, got, stop)
		}
	}
	at := func(scope, value string, drop bool) Stop {
		return Stop{ID: scope, Scope: scope, Value: value, Drop: drop, Since: time.Now()}
	}
	f(Sending{}, "", "")
	f(Sending{Off: true}, "off", "")
	f(Sending{Stops: []Stop{at(ScopeAll, "", false)}}, "stopped", ScopeAll)
	f(Sending{Stops: []Stop{at(ScopeChannel, "line", false)}}, "stopped", ScopeChannel)
	f(Sending{Stops: []Stop{at(ScopeDestination, "line:default", false)}}, "stopped", ScopeDestination)
	f(Sending{Stops: []Stop{at(ScopePrefecture, "東京都", false)}}, "stopped", ScopePrefecture)
	f(Sending{Stops: []Stop{at(ScopeAll, "", false), at(ScopeChannel, "line", true)}}, "stopped", ScopeChannel)
	f(Sending{Stops: []Stop{at(ScopeChannel, "email", false), at(ScopeDestination, "line:shop2", false), at(ScopeJourney, "spring", false)}}, "", "")
}
