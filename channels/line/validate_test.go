package line

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"enishi"
	linesim "enishi/internal/sim/line"
)

// TestValidate: what LINE would not take comes back with its place in the messages, as the template has it.
func TestValidate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, linesim.Config{}, nil)
	check := func(want string, messages ...string) {
		t.Helper()
		for _, way := range []string{"push", "multicast"} {
			found, err := f.Validate(t.Context(), way, json.RawMessage("["+strings.Join(messages, ",")+"]"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range found {
				got = append(got, o.Place+" "+o.Words().JA)
			}
			if s := strings.Join(got, " "); s != want {
				t.Errorf("%s %s\n got %s\nwant %s", way, messages, s, want)
			}
		}
	}
	const good = `{"type":"text","text":"a"}`
	no := func(place, why string) string {
		return place + " LINE はこのメッセージを受け付けません: " + why + "。"
	}
	check("", good)
	check(no("messages[0].text", "入力してください"), `{"type":"text","text":""}`)
	check(no("messages[1].template.title", "0〜40 にしてください"), good, `{"type":"template","altText":"a","template":{"type":"buttons","title":"`+strings.Repeat("あ", 41)+`","text":"a","actions":[{"type":"message","label":"a","text":"a"}]}}`)
	check(no("messages[0].template.actions[1].uri", "この種類の URL は使えません"), `{"type":"template","altText":"a","template":{"type":"buttons","text":"a","actions":[{"type":"message","label":"a","text":"a"},{"type":"uri","label":"a","uri":"ftp://shop.example/"}]}}`)
	check(no("messages[0].contents.hero.url", "この種類の URL は使えません"), `{"type":"flex","altText":"a","contents":{"type":"bubble","hero":{"type":"image","url":"http://shop.example/a.jpg"}}}`)
	check(no("messages[0].sender.name", "0〜20 にしてください"), `{"type":"text","text":"a","sender":{"name":"`+strings.Repeat("あ", 21)+`"}}`)
	check(no("messages", "1〜5 にしてください"))

	f.sim.Inject(linesim.Fault{Status: 500})
	if found, err := f.Validate(t.Context(), "push", json.RawMessage("["+good+"]")); err == nil || found != nil {
		t.Errorf("an error of LINE's own: %v %v", found, err)
	}
	f.http.Close()
	if _, err := f.Validate(t.Context(), "push", json.RawMessage("["+good+"]")); enishi.ErrorCode(err) != enishi.Unavailable || strings.Contains(fmt.Sprint(err), "127.0.0.1") {
		t.Errorf("nobody there: %v", err)
	}
}
