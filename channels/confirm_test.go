package channels

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestConfirm: a look at the page changes nothing; the button gives one permission with its evidence, for seven days, and not
// again after the person stopped.
func TestConfirm(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	link := func(kind byte) string { return "/k/" + s.r.signer.sign(tokenOf(kind, s.m, s.now)) }
	for lang, words := range map[string]string{"ja": "申し込みを確定する", "en": "Confirm"} {
		s.m.Language = lang
		if page := text(s.do("GET", link(tokenConfirm), "")); !strings.Contains(page, words) || !strings.Contains(page, `lang="`+lang+`"`) {
			t.Errorf("%s: %s", lang, page)
		}
	}
	s.do("HEAD", link(tokenConfirm), "")
	if len(s.events) != 0 {
		t.Fatalf("looking told %+v", s.events)
	}
	s.m.Language = "ja"
	for range 2 {
		if page := text(s.do("POST", link(tokenConfirm), "", "User-Agent", "Mozilla/5.0 (phone)")); !strings.Contains(page, "お申し込みを承りました") {
			t.Errorf("answer %s", page)
		}
	}
	if len(s.events) != 2 || s.events[0].ID != s.events[1].ID {
		t.Fatalf("a second press is another fact: %+v", s.events)
	}
	e := s.events[0]
	if e.Type != "consent.changed" || e.Profile != s.m.Profile || e.Subject != s.m.Subject || !e.At.Equal(s.now) || e.Context.UserAgent != "Mozilla/5.0 (phone)" || len(e.Consent) != 1 {
		t.Fatalf("told %+v", e)
	}
	if c := e.Consent[0]; c.Channel != "email" || c.Purpose != marketing || c.State != "in" || c.Method != MethodConfirmed || c.IP != "192.0.2.1" || !strings.Contains(c.Text, "広告・宣伝を含みます") || !strings.Contains(c.Text, "[form:") {
		t.Errorf("permission %+v", c)
	}

	s.events = nil
	for _, kind := range []byte{tokenUnsubscribe, tokenView} {
		if r := s.do("POST", link(kind), ""); r.StatusCode != 404 {
			t.Errorf("a token of kind %c: %d", kind, r.StatusCode)
		}
	}
	late := link(tokenConfirm)
	s.now = s.now.Add(confirmFor)
	if r := s.do("GET", late, ""); r.StatusCode != 200 {
		t.Errorf("on the seventh day: %d", r.StatusCode)
	}
	s.now = s.now.Add(time.Second)
	for _, method := range []string{"GET", "POST"} {
		if r := s.do(method, late, ""); r.StatusCode != 404 {
			t.Errorf("%s after seven days: %d", method, r.StatusCode)
		}
	}
	s.m.Purpose = TestPurpose
	if r := s.do("POST", link(tokenConfirm), ""); r.StatusCode != 200 || len(s.events) != 0 {
		t.Errorf("a tester's press: %d, %+v", r.StatusCode, s.events)
	}
	s.m.Purpose = transactional
	s.fail = errors.New("the log is away")
	if r := s.do("POST", link(tokenConfirm), ""); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("not stored: %d", r.StatusCode)
	}
}
