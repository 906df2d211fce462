package channels

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// TestNoticed: what a device tells of a notification becomes facts about the message, each once.
func TestNoticed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := testRenderer(t, map[string]string{"p": contentTemplate("push", `{"title":"発送","url":"https://shop.example/o?id={{ order.id }}"}`), "s": contentTemplate("sms", `{"text":"{{ links.cart }}"}`)})
	got, err := r.Render(t.Context(), testMessage("p", "push", `{"order":{"id":"7"}}`))
	if err != nil {
		t.Fatal(err)
	}
	var content PushContent
	if err := json.Unmarshal(got.Content, &content); err != nil || !strings.Contains(content.URL, "/c/") {
		t.Errorf("the address is not tracked: %s", got.Content)
	}
	code, ok := r.ownPath(got.Report, "n")
	if !ok {
		t.Fatalf("report %q", got.Report)
	}
	f := func(path string, status int) {
		t.Helper()
		if res := s.do(http.MethodPost, path, ""); res.StatusCode != status || status == 204 && res.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	f("/n/"+code+"?e=shown", 204)
	f("/n/"+code+"?e=shown", 204)
	f("/n/"+code+"?e=clicked", 204)
	f("/n/"+code+"?e=closed", 204)
	if len(s.events) != 4 || s.events[0].ID != s.events[1].ID {
		t.Fatalf("%d events", len(s.events))
	}
	for i, want := range []string{"message.delivered", "message.delivered", "message.clicked", "message.opened"} {
		if e := s.events[i]; e.Type != want || e.Result.Channel != "push" || e.Result.SendID != got.SendID {
			t.Errorf("%s: %+v", want, e)
		}
	}
	f("/n/"+code+"?e=other", 404)
	f("/n/"+code[:len(code)-2]+"AA?e=shown", 404)
	f("/u/"+code, 404) // a token of one kind is none of another
	if res := s.do(http.MethodOptions, "/n/"+code, ""); res.StatusCode != 204 {
		t.Error(res.Status)
	}
	s.fail = errors.New("away")
	f("/n/"+code+"?e=shown", 503)

	text, err := r.Render(t.Context(), testMessage("s", "sms", `{"links":{"cart":"https://shop.example/a/very/long/address"}}`))
	if err != nil || !strings.Contains(string(text.Content), "/c/") || text.Bounce == "" {
		t.Errorf("%s %q %v", text.Content, text.Bounce, err)
	}
}
