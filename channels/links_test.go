package channels

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// site is the public pages with what they appended.
type site struct {
	*Links
	http.Handler
	r      *Renderer
	events []enishi.Event
	fail   error
	now    time.Time
	m      *enishi.Message
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{r: testRenderer(t, map[string]string{"t": htmlTemplate(t, `<p>{{ customer.name }}<a href="https://shop.example/?a=1&amp;b=2">x</a><a href="{{ links.cart }}">y</a></p>`)}), now: time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)}
	s.m = testMessage("t", "email", `{"customer":{"name":"花子"},"links":{"cart":"https://shop.example/cart"}}`)
	l, err := NewLinks(LinksConfig{Renderer: s.r, Partitions: 4, Now: func() time.Time { return s.now },
		Append: func(_ context.Context, recs []stream.Record) error {
			if s.fail != nil {
				return s.fail
			}
			for _, r := range recs {
				var e enishi.Event
				if err := enishi.DecodeEvent(&e, r.Value); err != nil {
					t.Error(err)
				}
				e.Profile = enishi.ID(r.Key)
				if r.Partition != e.Profile.Partition(4) || !r.Time.Equal(s.now) {
					t.Errorf("record in partition %d at %v", r.Partition, r.Time)
				}
				s.events = append(s.events, e)
			}
			return nil
		},
		Message: func(_ context.Context, id enishi.ID) (*enishi.Message, error) {
			if id != s.m.SendID {
				return nil, &enishi.Error{Code: enishi.NotFound, Msg: "no"}
			}
			return s.m, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	s.Links, s.Handler = l, l.Handler()
	return s
}

func (s *site) do(method, path, body string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func text(r *http.Response) string {
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

// path is a link of a rendered message below the base.
func (s *site) rendered(t *testing.T) *Rendered {
	t.Helper()
	out, err := s.r.Render(context.Background(), s.m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func path(u string) string { return strings.TrimPrefix(u, "https://cdp.hana.example") }

// hrefs are the addresses of a document's links.
func hrefs(doc string) (out []string) {
	_, _ = finish(doc, "", "", func(u string) string { out = append(out, u); return u })
	return out
}

func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	u := path(s.rendered(t).Unsubscribe)
	for _, method := range []string{"GET", "HEAD"} {
		r := s.do(method, u, "")
		if body := text(r); r.StatusCode != 200 || method == "GET" && (!strings.Contains(body, "配信を停止しますか") || !strings.Contains(body, `<form method="post">`)) {
			t.Errorf("%s: %d %s", method, r.StatusCode, body)
		}
		if r.Header.Get("Cache-Control") != "no-store" || !strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("headers %v", r.Header)
		}
	}
	if len(s.events) != 0 {
		t.Fatalf("a GET unsubscribed: %+v", s.events)
	}
	r := s.do("POST", u, "List-Unsubscribe=One-Click", "Content-Type", "application/x-www-form-urlencoded")
	if r.StatusCode != 200 || len(s.events) != 1 || r.Header.Get("Set-Cookie") != "" {
		t.Fatalf("one-click: %d, %d events", r.StatusCode, len(s.events))
	}
	e := s.events[0]
	if e.Type != "message.unsubscribed" || e.Profile != s.m.Profile || e.Subject != s.m.Subject || e.Result.Channel != "email" || e.Result.Purpose != "marketing" ||
		e.Result.SendID != s.m.SendID || e.Result.Journey != "welcome" || e.Result.RunID != s.m.RunID {
		t.Errorf("%+v %+v", e, e.Result)
	}
	if r := s.do("POST", u, ""); r.StatusCode != 200 || !strings.Contains(text(r), "配信を停止しました") {
		t.Errorf("the page's button: %d", r.StatusCode)
	}
	if s.events[1].ID != e.ID {
		t.Error("a second press at once is another event")
	}
	s.now = s.now.Add(24 * time.Hour)
	s.do("POST", u, "")
	if s.events[2].ID == e.ID {
		t.Error("a press a day later is taken for a repeat: it may follow a new sign-up")
	}
	s.m.Language = "en"
	if body := text(s.do("GET", path(s.rendered(t).Unsubscribe), "", "Accept-Language", "ja")); !strings.Contains(body, "配信を停止しますか") {
		t.Error("the variant was Japanese, the page is not") // the template has no English
	}
	if body := text(s.do("GET", "/u/xxx", "", "Accept-Language", "en-US")); !strings.Contains(body, "does not work") {
		t.Errorf("%s", body)
	}
	s.fail = errors.New("the broker is away")
	if r := s.do("POST", u, ""); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("not stored, and answered %d", r.StatusCode)
	}
	s.fail = nil
	if r := s.do("POST", u, strings.Repeat("x", 20<<10)); r.StatusCode != 413 {
		t.Errorf("a large body: %d", r.StatusCode)
	}
}

func TestClick(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	links := hrefs(s.rendered(t).HTML)
	if len(links) != 3 || !strings.Contains(links[2], "/u/") {
		t.Fatalf("links %v", links)
	}
	for i, want := range []string{"https://shop.example/?a=1&b=2", "https://shop.example/cart"} {
		r := s.do("GET", path(links[i]), "")
		if r.StatusCode != 302 || r.Header.Get("Location") != want {
			t.Errorf("%d to %q, want %q", r.StatusCode, r.Header.Get("Location"), want)
		}
		e := s.events[i]
		if e.Type != "message.clicked" || e.Result.URL != want || e.Result.Machine || e.Profile != s.m.Profile || e.Result.Node != "m1" {
			t.Errorf("%+v", e.Result)
		}
	}
	s.fail = errors.New("the broker is away")
	if r := s.do("GET", path(links[0]), ""); r.StatusCode != 302 {
		t.Errorf("the person does not arrive: %d", r.StatusCode)
	}
}

func TestMachines(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	link := path(hrefs(s.rendered(t).HTML)[0])
	f := func(method, agent string, after time.Duration, want bool) {
		t.Helper()
		s.now = s.r.cfg.Now().Add(after)
		n := len(s.events)
		if r := s.do(method, link, "", "User-Agent", agent); r.StatusCode != 302 || len(s.events) != n+1 || s.events[n].Result.Machine != want {
			t.Errorf("%s by %q after %v: machine %t", method, agent, after, s.events[n].Result.Machine)
		}
	}
	safari := "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
	f("GET", safari, time.Hour, false)
	f("GET", safari, 3*time.Second, false)
	f("GET", safari, time.Second, true)
	f("HEAD", safari, time.Hour, true)
	f("GET", "", time.Hour, true)
	f("GET", "Mozilla/5.0 (compatible; Googlebot/2.1)", time.Hour, true)
	f("GET", "facebookexternalhit/1.1;line-poker/1.0", time.Hour, true)
	f("GET", "python-requests/2.31", time.Hour, true)
}

func TestOpen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	doc := s.rendered(t).HTML
	i := strings.Index(doc, "https://cdp.hana.example/o/")
	u := path(doc[i : i+strings.IndexByte(doc[i:], '"')])
	r := s.do("GET", u, "")
	if b := text(r); r.StatusCode != 200 || r.Header.Get("Content-Type") != "image/gif" || !strings.HasPrefix(b, "GIF89a") || len(s.events) != 1 || s.events[0].Type != "message.opened" || s.events[0].Result.Machine {
		t.Errorf("%d %v", r.StatusCode, s.events)
	}
	if s.do("GET", u, "", "User-Agent", "Mozilla/5.0"); !s.events[1].Result.Machine {
		t.Error("Apple's proxy is taken for a person")
	}
	if r := s.do("GET", strings.TrimSuffix(u, ".gif"), ""); r.StatusCode != 404 {
		t.Errorf("without .gif: %d", r.StatusCode)
	}
}

func TestShortLinks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	u := "/c/" + s.r.signer.sign(&token{Kind: tokenLink, Send: s.m.SendID, URL: "cart"})
	if len(u) > 60 {
		t.Errorf("%d characters: %s", len(u), u)
	}
	if r := s.do("GET", u, ""); r.StatusCode != 302 || r.Header.Get("Location") != "https://shop.example/cart" || s.events[0].Result.Journey != "welcome" {
		t.Errorf("%d %s", r.StatusCode, r.Header.Get("Location"))
	}
	for _, x := range []*token{{Kind: tokenLink, Send: s.m.SendID, URL: "nothing"}, {Kind: tokenLink, Send: enishi.NewID("other"), URL: "cart"}} {
		if r := s.do("GET", "/c/"+s.r.signer.sign(x), ""); r.StatusCode != 404 {
			t.Errorf("%+v: %d", x, r.StatusCode)
		}
	}
	s.m.Variables = `{"links":{"cart":"javascript:alert(1)"}}`
	if r := s.do("GET", u, ""); r.StatusCode != 404 {
		t.Errorf("a script as target: %d", r.StatusCode)
	}
}

// TestForgery: a link that we did not sign, or signed for another page, does nothing.
func TestForgery(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	good := s.r.signer.sign(tokenOf(tokenUnsubscribe, s.m, s.now))
	raw, _ := base64.RawURLEncoding.DecodeString(good)
	var forged []string
	for i := range raw {
		b := append([]byte(nil), raw...)
		b[i] ^= 1
		forged = append(forged, base64.RawURLEncoding.EncodeToString(b))
	}
	for n := range len(good) {
		forged = append(forged, good[:n])
	}
	other := newSigner([]byte("another key of another workspace"))
	forged = append(forged, good+"A", other.sign(tokenOf(tokenUnsubscribe, s.m, s.now)), "..", "%00", strings.Repeat("A", 5000))
	for _, kind := range []byte{tokenClick, tokenView, tokenOpen, tokenLink} {
		forged = append(forged, s.r.signer.sign(tokenOf(kind, s.m, s.now)))
	}
	for _, f := range forged {
		if f == "" {
			continue
		}
		if r := s.do("POST", "/u/"+url.PathEscape(f), "List-Unsubscribe=One-Click"); r.StatusCode == 200 {
			t.Errorf("%q unsubscribes", f)
		}
	}
	click := tokenOf(tokenClick, s.m, s.now)
	for _, target := range []string{"https://evil.example/", "//evil.example", "javascript:alert(1)", ""} {
		click.URL = target
		if r := s.do("GET", "/c/"+other.sign(click), ""); r.StatusCode != 404 || r.Header.Get("Location") != "" {
			t.Errorf("open redirect to %q", target)
		}
	}
	for _, target := range []string{"javascript:alert(1)", "/c/x", "ftp://x", "data:text/html,x", ""} { // even signed
		click.URL = target
		if r := s.do("GET", "/c/"+s.r.signer.sign(click), ""); r.StatusCode != 404 {
			t.Errorf("goes to %q", target)
		}
	}
	if r := s.do("GET", "/c/"+good, ""); r.StatusCode != 404 {
		t.Errorf("an unsubscribe token as click: %d", r.StatusCode)
	}
	if len(s.events) != 0 {
		t.Errorf("%d events from forged links", len(s.events))
	}
}

func TestTokenRoundTrip(t *testing.T) {
	t.Parallel()
	sg := newSigner([]byte("0123456789abcdef"))
	m := testMessage("テンプレート", "email", "")
	m.Round = 300
	want := tokenOf(tokenClick, m, time.Unix(1_800_000_000, 0).UTC())
	want.URL = "https://shop.example/?q=日本語&a=b#c"
	got, err := sg.verify(sg.sign(want), tokenClick, tokenLink)
	if err != nil || *got != *want {
		t.Errorf("%+v %v\nwant %+v", got, err, want)
	}
	local := sg.bounce(m.SendID, m.Profile)
	if len(local) > 64 || local != strings.ToLower(local) {
		t.Errorf("%d characters: %s", len(local), local)
	}
	send, profile, err := sg.readBounce(strings.ToUpper(local[:1]) + local[1:])
	if err != nil || send != m.SendID || profile != m.Profile {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{"", "b+", "shop", local[:len(local)-1], local[:10] + "x" + local[11:], newSigner([]byte("fedcba9876543210")).bounce(m.SendID, m.Profile)} {
		if _, _, err := sg.readBounce(bad); err == nil && bad != local {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzToken(f *testing.F) {
	sg := newSigner([]byte("0123456789abcdef"))
	f.Add(sg.sign(&token{Kind: tokenLink, URL: "cart"}))
	f.Add(sg.sign(&token{Kind: tokenClick, URL: "https://x.example"}))
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := sg.verify(s, tokenClick, tokenLink); err == nil && got.URL != "cart" && got.URL != "https://x.example" {
			t.Errorf("%q is taken", s)
		}
	})
}

func TestView(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.do("GET", "/v/"+s.r.signer.sign(tokenOf(tokenView, s.m, s.now)), "")
	body := text(r)
	if r.StatusCode != 200 || !strings.Contains(body, "花子") || strings.Contains(body, "/o/") || strings.Contains(body, "/c/") {
		t.Errorf("%d %s", r.StatusCode, body)
	}
	if csp := r.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "sandbox") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy %q", csp)
	}
	m := *s.m
	m.SendID = enishi.NewID("other")
	if r := s.do("GET", "/v/"+s.r.signer.sign(tokenOf(tokenView, &m, s.now)), ""); r.StatusCode != 404 {
		t.Errorf("a message that is gone: %d", r.StatusCode)
	}
}

// TestViewFromTheMail: the link of a mail that left shows that mail, as its reader got it, after the template has changed.
func TestViewFromTheMail(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.m.DecidedAt = s.now
	s.m.Content = string(htmlTemplate(t, `<p>{{ customer.name }}様</p><a href="{{ links.view }}">ブラウザで見る</a>`))
	out, err := s.r.Render(t.Context(), s.m)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(out.HTML, `href="https://cdp.hana.example/v/`)
	token, _, _ := strings.Cut(rest, `"`)
	if !ok || token == "" {
		t.Fatalf("no link in %s", out.HTML)
	}
	r := s.do("GET", "/v/"+token, "")
	if body := text(r); r.StatusCode != 200 || !strings.Contains(body, "花子様") || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %s", r.StatusCode, body)
	}
	if r := s.do("GET", "/v/"+token[:len(token)-2]+"xx", ""); r.StatusCode != 404 {
		t.Errorf("a forged link: %d", r.StatusCode)
	}
	s.now = s.now.Add(viewFor + time.Hour)
	if r := s.do("GET", "/v/"+token, ""); r.StatusCode != 404 {
		t.Errorf("after %v: %d", viewFor, r.StatusCode)
	}
	if len(s.events) != 0 {
		t.Errorf("a look is no fact: %+v", s.events)
	}
}
