package channels

import (
	"strconv"
	"testing"
	"time"
)

// TestWhoClicked: a person, a scanner by name or haste, and a prefetch are told apart in the event.
func TestWhoClicked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	at := s.now.Add(-time.Minute)
	click := func(url string, header ...string) string {
		t.Helper()
		s.events = nil
		x := tokenOf(tokenClick, s.m, at)
		x.URL = url
		if r := s.do("GET", "/c/"+s.r.signer.sign(x), "", header...); r.StatusCode != 302 || len(s.events) != 1 {
			t.Fatalf("click: %d, %d events", r.StatusCode, len(s.events))
		}
		if r := s.events[0].Result; r.Machine != (r.Reason != "") {
			t.Errorf("%+v", r)
		}
		return s.events[0].Result.Reason
	}
	is := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	is("a person", click("https://shop.example/1"), "")
	is("Barracuda", click("https://shop.example/1", "User-Agent", "BarracudaLinkProtect"), byScanner)
	is("the same link again", click("https://shop.example/1"), "")
	is("a second link", click("https://shop.example/2"), "")
	is("a third at once", click("https://shop.example/3"), byScanner)
	s.now = s.now.Add(tooSoon)
	is("later", click("https://shop.example/4"), "")
	at = s.now.Add(-time.Second)
	is("right after the send", click("https://shop.example/5"), byScanner)

	at = s.now.Add(-time.Minute)
	for agent, want := range map[string]string{"Mozilla/5.0": byPrefetch, "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)": "",
		"YahooMailProxy; https://help.yahoo.com": "", "": byScanner, "Mozilla/5.0 (iPhone) AppleWebKit": ""} {
		s.events = nil
		s.do("GET", "/o/"+s.r.signer.sign(tokenOf(tokenOpen, s.m, at))+".gif", "", "User-Agent", agent)
		is(strconv.Quote(agent), s.events[0].Result.Reason, want)
	}
}
