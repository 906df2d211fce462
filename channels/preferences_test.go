package channels

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"enishi"
)

// preferenceSite has two topics and the address of somebody's preferences.
func preferenceSite(t *testing.T) (s *site, path string) {
	t.Helper()
	s = newSite(t)
	body, err := json.Marshal(enishi.Definition{Kind: "setting", Name: "topics", Expect: -1, RequestID: enishi.NewID("request", "topics"), Body: json.RawMessage(`{"topics":[{"id":"news","title":{"ja":"新商品","en":"New products"}},{"id":"sale","title":{"ja":"セール","en":"Sales"}}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	s.r.cfg.Definitions.Fold(100, body)
	return s, "/p/" + s.r.signer.sign(tokenOf(tokenUnsubscribe, s.m, s.now))
}

// TestPreferences: looking changes nothing; what is chosen becomes permissions with their evidence, a trait and a hold, all of
// the person whose mail it was.
func TestPreferences(t *testing.T) {
	t.Parallel()
	s, path := preferenceSite(t)
	s.Links.cfg.Chosen = func(_ context.Context, p enishi.ID) (Chosen, error) {
		if p != s.m.Profile {
			t.Errorf("asked about %s", p)
		}
		return Chosen{map[string]string{"email.marketing": "in", "email.marketing:sale": "out", "sms.marketing": "in", "push.marketing": "out"}, "weekly"}, nil
	}
	for lang, words := range map[string][]string{"ja": {"配信設定", "新商品", "セール", "30 日間"}, "en": {"Your preferences", "New products", "Sales", "Pause for 30 days"}} {
		s.m.Language = lang
		page := text(s.do("GET", "/p/"+s.r.signer.sign(tokenOf(tokenUnsubscribe, s.m, s.now)), ""))
		for _, w := range append(words, `lang="`+lang+`"`, `name="topic" value="news" checked`, `name="topic" value="sale">`, `value="weekly" checked`, `name="sms" value="1">`, `name="push" value="1" checked`) {
			if !strings.Contains(page, w) {
				t.Errorf("%s: no %q in\n%s", lang, w, page)
			}
		}
	}
	if len(s.events) != 0 {
		t.Fatalf("looking told %+v", s.events)
	}
	form := url.Values{"shown": {"news", "sale"}, "topic": {"sale"}, "frequency": {"monthly"}, "pause": {"1"}, "postal": {"1"}, "sms": {"1"}}
	post := func(form url.Values) string {
		t.Helper()
		s.events = nil
		return text(s.do("POST", path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded"))
	}
	if page := post(form); !strings.Contains(page, "設定を保存しました") {
		t.Errorf("answer %s", page)
	}
	got := map[string]enishi.Event{}
	for _, e := range s.events {
		if e.Profile != s.m.Profile || e.Subject != s.m.Subject || e.Context.UserAgent == "" {
			t.Errorf("%s of %s", e.Type, e.Profile)
		}
		got[e.Type] = e
	}
	want := map[string]string{"email marketing:news": "out", "email marketing:sale": "in", "postal marketing": "out", "sms marketing": "out"}
	for _, c := range got["consent.changed"].Consent {
		if want[c.Channel+" "+c.Purpose] != c.State || c.Method != "preferences" || !strings.Contains(c.Text, "[form:") || c.IP != "192.0.2.1" {
			t.Errorf("permission %+v", c)
		}
		delete(want, c.Channel+" "+c.Purpose)
	}
	if len(want) > 0 || got["person.identified"].Person.Traits[enishi.FrequencyTrait].Text != "monthly" {
		t.Errorf("not told: %v, %+v", want, got["person.identified"])
	}
	if h := got["hold.placed"].Hold; h == nil || !h.Until.Equal(s.now.Add(30*24*time.Hour)) {
		t.Errorf("hold %+v", h)
	}
	first := got["consent.changed"].ID
	if post(form); s.events[0].ID != first {
		t.Error("the same form within a minute is another wish")
	}

	post(url.Values{"line": {"1"}})
	if c := s.events[0].Consent; len(s.events) != 1 || len(c) != 2 || c[0].Channel+c[0].State != "linein" || c[1].Channel+c[1].State != "emailout" {
		t.Errorf("to LINE: %+v", s.events)
	}
	post(url.Values{"all": {"1"}, "shown": {"news"}, "topic": {"news"}, "line": {"1"}})
	for _, c := range s.events[0].Consent {
		if c.State != "out" || c.Purpose != marketing {
			t.Errorf("all: %+v", c)
		}
	}
	if len(s.events[0].Consent) != len(stoppable) {
		t.Errorf("all: %+v", s.events[0].Consent)
	}
}

func TestPreferencesRefuse(t *testing.T) {
	t.Parallel()
	s, path := preferenceSite(t)
	for _, method := range []string{"GET", "POST"} {
		if r := s.do(method, "/p/"+s.r.signer.sign(tokenOf(tokenOpen, s.m, s.now)), "all=1"); r.StatusCode != 404 {
			t.Errorf("%s with a token of another kind: %d", method, r.StatusCode)
		}
	}
	if r := s.do("POST", path, "all="+strings.Repeat("1", 20<<10), "Content-Type", "application/x-www-form-urlencoded"); r.StatusCode != 413 {
		t.Errorf("a long form: %d", r.StatusCode)
	}
	s.fail = errors.New("the log is away")
	if r := s.do("POST", path, "all=1", "Content-Type", "application/x-www-form-urlencoded"); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("not stored: %d", r.StatusCode)
	}
	for _, body := range []string{`[]`, `{"topics":[{"id":"News","title":{"ja":"a","en":"b"}}]}`, `{"topics":[{"id":"news","title":{"ja":"a"}}]}`,
		`{"topics":[{"id":"a","title":{"ja":"a","en":"b"}},{"id":"a","title":{"ja":"a","en":"b"}}]}`} {
		if _, err := ParseTopics([]byte(body)); enishi.ErrorCode(err) != enishi.Invalid {
			t.Errorf("%s: %v", body, err)
		}
	}
}
