package social

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// fixture is an app with a page and an Instagram account, at a clock that stands still.
type fixture struct {
	*Server
	t     *testing.T
	now   time.Time
	hooks []string
	fail  int // webhooks that the receiver does not take
}

const (
	page, gram = "1001", "2001"
	person     = "77"
)

func newFixture(t *testing.T, change func(*Config)) *fixture {
	f := &fixture{t: t, now: time.Date(2026, 11, 20, 1, 0, 0, 0, time.UTC)}
	cfg := Config{AppSecret: "secret", Now: func() time.Time { return f.now }, Utility: []string{"shipped"}, Redeliver: []time.Duration{0, 0},
		Accounts: []Account{{ID: page, Platform: Messenger, Token: "page token"}, {ID: gram, Platform: Instagram, Token: "ig token"}},
		Webhook: func(_ context.Context, body []byte, signature string) (int, error) {
			if signature != Signature("secret", body) {
				t.Error("signature of another body")
			}
			f.hooks = append(f.hooks, string(body))
			if f.fail > 0 {
				f.fail--
				return http.StatusServiceUnavailable, nil
			}
			return http.StatusOK, nil
		}}
	if change != nil {
		change(&cfg)
	}
	f.Server = New(cfg)
	return f
}

// post makes a call and gives status, error code and subcode.
func (f *fixture) post(account, token, body string) string {
	f.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v23.0/"+account+"/messages?appsecret_proof="+strings.TrimPrefix(Signature("secret", []byte(token)), "sha256="), strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	var out struct {
		Error     *graphError
		MessageID string `json:"message_id"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		f.t.Fatal(err)
	}
	if out.Error == nil {
		if w.Code != http.StatusOK {
			f.t.Fatal(w.Code)
		}
		return "taken"
	}
	if out.Error.Type == "" || out.Error.Trace == "" || out.Error.Message == "" {
		f.t.Errorf("a poor error: %s", w.Body)
	}
	return fmt.Sprintf("%d/%d", out.Error.Code, out.Error.Subcode)
}

func (f *fixture) do(account string, a Act) string {
	f.t.Helper()
	out, err := f.Do(account, person, a)
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

func text(s string) string {
	return fmt.Sprintf(`{"recipient":{"id":%q},"messaging_type":"UPDATE","message":{"text":%q}}`, person, s)
}

func reply(m string) string {
	return fmt.Sprintf(`{"recipient":{"id":%q},"messaging_type":"RESPONSE","message":%s}`, person, m)
}

// TestLimits: one line for each documented limit of a message: at it, and one above.
func TestLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) {
		c.Limits = Documented()
		c.Limits.TextPerSecond, c.Limits.MediaPerSecond = 10000, 10000
	})
	f.do(page, Act{Text: "hello"})
	f.do(gram, Act{Text: "hello"})
	replies := func(n int) string {
		return `{"text":"?","quick_replies":[` + strings.TrimSuffix(strings.Repeat(`{"content_type":"text","title":"はい","payload":"y"},`, n), ",") + `]}`
	}
	tapped := func(title, payload int) string {
		return fmt.Sprintf(`{"text":"?","quick_replies":[{"content_type":"text","title":"%s","payload":"%s"}]}`, strings.Repeat("あ", title), strings.Repeat("p", payload))
	}
	button := `{"type":"postback","title":"ok","payload":"p"}`
	buttons := func(text string, list ...string) string {
		return fmt.Sprintf(`{"attachment":{"type":"template","payload":{"template_type":"button","text":"%s","buttons":[%s]}}}`, text, strings.Join(list, ","))
	}
	elements := func(n int, title string) string {
		return `{"attachment":{"type":"template","payload":{"template_type":"generic","elements":[` + strings.TrimSuffix(strings.Repeat(`{"title":"`+title+`"},`, n), ",") + `]}}}`
	}
	for _, c := range []struct{ account, name, fits, not string }{
		{page, "text 2,000 characters", `{"text":"` + strings.Repeat("あ", 2000) + `"}`, `{"text":"` + strings.Repeat("あ", 2001) + `"}`},
		{gram, "text 1,000 bytes", `{"text":"` + strings.Repeat("あ", 333) + `a"}`, `{"text":"` + strings.Repeat("あ", 333) + `aa"}`},
		{page, "13 quick replies", replies(13), replies(14)},
		{page, "quick reply title 20", tapped(20, 1), tapped(21, 1)},
		{page, "quick reply payload 1,000", tapped(1, 1000), tapped(1, 1001)},
		{page, "metadata 1,000", `{"text":"a","metadata":"` + strings.Repeat("m", 1000) + `"}`, `{"text":"a","metadata":"` + strings.Repeat("m", 1001) + `"}`},
		{page, "3 buttons", buttons("?", button, button, button), buttons("?", button, button, button, button)},
		{page, "a button at least", buttons("?", button), buttons("?")},
		{page, "button text 640", buttons(strings.Repeat("あ", 640), button), buttons(strings.Repeat("あ", 641), button)},
		{page, "button title 20", buttons("?", strings.Replace(button, "ok", strings.Repeat("あ", 20), 1)), buttons("?", strings.Replace(button, "ok", strings.Repeat("あ", 21), 1))},
		{page, "10 elements", elements(10, "a"), elements(11, "a")},
		{page, "element title 80", elements(1, strings.Repeat("あ", 80)), elements(1, strings.Repeat("あ", 81))},
		{page, "text or attachment", `{"text":"a"}`, `{}`},
		{page, "an address that can be fetched", `{"attachment":{"type":"image","payload":{"url":"https://shop.example/a.png"}}}`, `{"attachment":{"type":"image","payload":{"url":"a.png"}}}`},
	} {
		token := map[string]string{page: "page token", gram: "ig token"}[c.account]
		if got := f.post(c.account, token, reply(c.fits)); got != "taken" {
			t.Errorf("%s: %s", c.name, got)
		}
		if got := f.post(c.account, token, reply(c.not)); !strings.HasPrefix(got, "100/") {
			t.Errorf("%s, one more: %s", c.name, got)
		}
	}
}

// TestWindow: what opens it, what does not, and to the second when it closes.
// TestProof: calls with the token of a page have to prove that the secret of its app is known; those by Instagram's own login need not.
func TestProof(t *testing.T) {
	f := newFixture(t, nil)
	for _, who := range []string{page, gram} {
		f.do(who, Act{Text: "こんにちは"})
	}
	call := func(account, token, query string) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/v23.0/"+account+"/messages"+query, strings.NewReader(text("a")))
		r.Header.Set("Authorization", "Bearer "+token)
		f.ServeHTTP(w, r)
		return w.Code
	}
	proof := func(secret, token string) string {
		return "?appsecret_proof=" + strings.TrimPrefix(Signature(secret, []byte(token)), "sha256=")
	}
	for _, c := range []struct {
		account, token, query string
		want                  int
	}{{page, "page token", "", 400}, {page, "page token", proof("other", "page token"), 400}, {page, "page token", proof("secret", "ig token"), 400}, {page, "page token", proof("secret", "page token"), 200},
		{gram, "ig token", "", 200}, {gram, "ig token", proof("other", "ig token"), 400}} {
		if got := call(c.account, c.token, c.query); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		account string
		act     Act
		opens   time.Duration
	}{
		{"message", page, Act{Text: "a"}, 24 * time.Hour},
		{"quick reply", page, Act{Text: "はい", Quick: "yes"}, 24 * time.Hour},
		{"postback", page, Act{Postback: "start", Title: "Get started"}, 24 * time.Hour},
		{"reaction", page, Act{React: "m", Emoji: "❤"}, 24 * time.Hour},
		{"m.me link", page, Act{Ref: "r"}, 24 * time.Hour},
		{"ad", page, Act{Ad: "ad1", Ref: "r"}, 7 * 24 * time.Hour},
		{"story mention", gram, Act{Mention: "https://cdn.example/s.jpg"}, 24 * time.Hour},
		{"story reply", gram, Act{Text: "素敵", Story: "s1"}, 24 * time.Hour},
		{"read", page, Act{Seen: "m"}, 0},
		{"reaction taken back", page, Act{React: "m", Unreact: true}, 0},
		{"opt-in", page, Act{OptIn: "sale"}, 0},
		{"comment", gram, Act{Comment: "いくら?", Post: "p"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.do(c.account, c.act)
			token := map[string]string{page: "page token", gram: "ig token"}[c.account]
			outside := map[string]string{page: "10/2018278", gram: "10/2534022"}[c.account]
			if c.opens == 0 {
				if got := f.post(c.account, token, text("a")); got != outside {
					t.Errorf("no window: %s", got)
				}
				return
			}
			begin := f.now
			f.now = begin.Add(c.opens - time.Second)
			if got := f.post(c.account, token, text("a")); got != "taken" {
				t.Errorf("a second before: %s", got)
			}
			f.now = begin.Add(c.opens)
			if got := f.post(c.account, token, text("a")); got != outside {
				t.Errorf("at the end: %s", got)
			}
		})
	}
}

// TestOutside: what may be sent outside the window: tags of their platform while they are valid, utility templates, opt-in
// tokens; HUMAN_AGENT for seven days.
func TestOutside(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.cfg.Tags[3].Until = f.now.Add(48 * time.Hour) // ACCOUNT_UPDATE
	f.do(page, Act{Text: "a"})
	f.do(gram, Act{Text: "a"})
	token := f.do(page, Act{OptIn: "sale", Expires: 30 * 24 * time.Hour})
	tag := func(name string) string {
		return fmt.Sprintf(`{"recipient":{"id":%q},"messaging_type":"MESSAGE_TAG","tag":%q,"message":{"text":"a"}}`, person, name)
	}
	utility := func(name, typ string) string {
		return fmt.Sprintf(`{"recipient":{"id":%q},"messaging_type":%q,"message":{"template":{"name":%q,"language":{"code":"ja"}}}}`, person, typ, name)
	}
	byToken := fmt.Sprintf(`{"recipient":{"notification_messages_token":%q},"message":{"text":"sale"}}`, token)
	begin := f.now
	for _, c := range []struct {
		after         time.Duration
		account, body string
		want          string
	}{
		{25 * time.Hour, page, text("a"), "10/2018278"},
		{25 * time.Hour, page, tag("POST_PURCHASE_UPDATE"), "taken"},
		{25 * time.Hour, gram, tag("POST_PURCHASE_UPDATE"), "100/2018199"},
		{25 * time.Hour, page, tag("NONE"), "100/2018199"},
		{47 * time.Hour, page, tag("ACCOUNT_UPDATE"), "taken"},
		{48 * time.Hour, page, tag("ACCOUNT_UPDATE"), "100/2018199"},
		{48 * time.Hour, gram, tag("HUMAN_AGENT"), "taken"},
		{7*24*time.Hour - time.Second, page, tag("HUMAN_AGENT"), "taken"},
		{7 * 24 * time.Hour, page, tag("HUMAN_AGENT"), "10/2018278"},
		{8 * 24 * time.Hour, page, utility("shipped", "UTILITY"), "taken"},
		{8 * 24 * time.Hour, page, utility("shipped", "UPDATE"), "100/0"},
		{8 * 24 * time.Hour, page, utility("unapproved", "UTILITY"), "100/0"},
		{8 * 24 * time.Hour, page, byToken, "taken"},
		{9*24*time.Hour - time.Second, page, byToken, "613/2018322"},
		{9 * 24 * time.Hour, page, byToken, "taken"},
		{30 * 24 * time.Hour, page, byToken, "10/2018321"},
	} {
		f.now = begin.Add(c.after)
		if got := f.post(c.account, map[string]string{page: "page token", gram: "ig token"}[c.account], c.body); got != c.want {
			t.Errorf("after %s %s: %s, want %s", c.after, c.body, got, c.want)
		}
	}
	f.now = begin.Add(20 * 24 * time.Hour)
	f.do(page, Act{StopOf: "sale"})
	if got := f.post(page, "page token", byToken); got != "10/2018320" {
		t.Errorf("stopped: %s", got)
	}
	f.do(page, Act{StopOf: "sale", Resume: true})
	if got := f.post(page, "page token", byToken); got != "taken" {
		t.Errorf("resumed: %s", got)
	}
}

// TestRates: 300 texts and 10 media in any second, of one account.
func TestRates(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.do(page, Act{Text: "a"})
	f.do(gram, Act{Text: "a"})
	video := reply(`{"attachment":{"type":"video","payload":{"url":"https://shop.example/a.mp4"}}}`)
	for range 300 {
		if got := f.post(page, "page token", text("a")); got != "taken" {
			t.Fatal(got)
		}
	}
	if got := f.post(page, "page token", text("a")); got != "613/0" {
		t.Errorf("the 301st: %s", got)
	}
	if got := f.post(gram, "ig token", text("a")); got != "taken" {
		t.Errorf("another account: %s", got)
	}
	for range 10 {
		if got := f.post(page, "page token", video); got != "taken" {
			t.Fatal(got)
		}
	}
	if got := f.post(page, "page token", video); got != "613/0" {
		t.Errorf("the 11th video: %s", got)
	}
	f.now = f.now.Add(time.Second)
	if got := f.post(page, "page token", video); got != "taken" {
		t.Errorf("a second later: %s", got)
	}
}

// TestWho: wrong and revoked tokens, ids of nobody and of another page, people who block, comments.
func TestWho(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.do(page, Act{Text: "a"})
	want := func(what, want, got string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	want("wrong token", "190/460", f.post(page, "other", text("a")))
	want("no token", "190/0", f.post(page, "", text("a")))
	want("no such page", "100/33", f.post("9", "page token", text("a")))
	want("known to another page", "100/2018001", f.post(gram, "ig token", text("a")))
	want("me", "taken", f.post("me", "page token", text("a")))
	f.Revoke(page, true)
	want("revoked", "190/460", f.post(page, "page token", text("a")))
	f.Revoke(page, false)
	if err := f.Block(page, person, true); err != nil {
		t.Fatal(err)
	}
	want("blocked", "551/1545041", f.post(page, "page token", text("a")))
	id := f.do(gram, Act{Comment: "いくら?", Post: "p"})
	private := `{"recipient":{"comment_id":"` + id + `"},"message":{"text":"980 円です"}}`
	want("private reply", "taken", f.post(gram, "ig token", private))
	want("a second one", "10900/0", f.post(gram, "ig token", private))
	f.Inject(Fault{Status: 400, Code: 4, Message: "Application request limit reached"})
	want("fault", "4/0", f.post(page, "page token", text("a")))
	f.Inject(Fault{Status: 500, After: true})
	before := len(f.Sent())
	if r := f.post(gram, "ig token", text("a")); r != "10/2534022" {
		t.Error(r)
	}
	f.do(gram, Act{Text: "a"})
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/v23.0/"+gram+"/messages?access_token=ig+token", bytes.NewReader([]byte(text("b"))))
	f.ServeHTTP(w, r)
	if w.Code != 500 || len(f.Sent()) != before+1 {
		t.Errorf("taken, and the answer lost: %d, %d sent", w.Code, len(f.Sent())-before)
	}
}

// TestWebhooks: an event is delivered until it is taken, in order; a send tells its echo and delivery.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.fail = 1
	f.do(page, Act{Text: "一"})
	f.do(page, Act{Text: "二"})
	if err := f.Flush(t.Context()); err == nil {
		t.Error("the refused one does not wait")
	}
	if err := f.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if len(f.hooks) != 3 || !strings.Contains(f.hooks[1], "二") || f.hooks[0] != f.hooks[2] {
		t.Errorf("%q", f.hooks)
	}
	f.hooks = nil
	f.post(page, "page token", text("a"))
	f.fail = 3
	f.do(page, Act{Text: "三"})
	for range 3 {
		_ = f.Flush(t.Context())
	}
	if err := f.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	all := strings.Join(f.hooks, "\n")
	for _, part := range []string{`"is_echo":true`, `"delivery":{"mids":["m_1001`, `"object":"page"`} {
		if !strings.Contains(all, part) {
			t.Errorf("no %s in %s", part, all)
		}
	}
	if taken, failed := f.Webhooks(); taken+failed != 5 {
		t.Errorf("%d taken, %d given up", taken, failed)
	}
}
