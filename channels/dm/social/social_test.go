package social

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	socialsim "enishi/internal/sim/social"
)

// fixture is two accounts on a simulated app, over real HTTP.
type fixture struct {
	*Accounts
	t   *testing.T
	sim *socialsim.Server
	now time.Time
}

const (
	page, gram = "1001", "2001"
	person     = "77"
)

func newFixture(t *testing.T, change func(*AccountsConfig)) *fixture {
	t.Helper()
	f := &fixture{t: t, now: time.Now().UTC()}
	f.sim = socialsim.New(socialsim.Config{AppSecret: "app", Utility: []string{"shipped"}, Now: func() time.Time { return f.now },
		Accounts: []socialsim.Account{{ID: page, Platform: Messenger, Token: "t1"}, {ID: "1002", Entry: gram, Platform: Instagram, Token: "t2"}}})
	server := httptest.NewServer(f.sim)
	t.Cleanup(server.Close)
	cfg := AccountsConfig{Timeout: 5 * time.Second, Now: func() time.Time { return f.now }, Secrets: map[string]Secret{
		"default": {Platform: Messenger, Page: page, Token: "t1", AppSecret: "app", VerifyToken: "v", Endpoint: server.URL},
		"gram":    {Platform: Instagram, Page: "1002", Entry: gram, Token: "t2", AppSecret: "app", VerifyToken: "v", Endpoint: server.URL}}}
	if change != nil {
		change(&cfg)
	}
	var err error
	if f.Accounts, err = NewAccounts(cfg); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{page, gram} {
		if err := f.sim.Meet(id, person, f.now); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// send gives the verdict and the reason; "sent" with what the receipt notes.
func (f *fixture) send(account, to, purpose, content string) string {
	f.t.Helper()
	a, ok := f.Get(account)
	if !ok {
		f.t.Fatal("no account " + account)
	}
	begun := 0
	r, err := a.Send(f.t.Context(), &channels.Rendered{SendID: enishi.NewID("s"), To: to, Purpose: purpose, Content: json.RawMessage(content), Begin: func() error { begun++; return nil }})
	var e *channels.SendError
	switch {
	case err == nil:
		if begun != 1 {
			f.t.Errorf("begun %d times", begun)
		}
		return strings.TrimSpace("sent " + r.Note)
	case !errors.As(err, &e):
		f.t.Fatalf("an error without a verdict: %v", err)
	}
	return strings.TrimSpace(e.Verdict() + " " + e.Reason)
}

func text(s string) string { return fmt.Sprintf(`{"messages":[{"text":%q}]}`, s) }

// TestSend: the shape of what leaves: parts in order, quick replies under the last, typing before the first.
func TestSend(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	long := strings.Repeat("新作のご案内です。", 300) // 2,700 characters
	got := f.send("", person, "marketing", fmt.Sprintf(`{"typing":true,"messages":[{"text":%q,"quick_replies":[{"title":"見る"},{"title":"停止","payload":"stop"}]},{"attachment":{"type":"image","payload":{"url":"https://shop.example/a.jpg"}}}]}`, long))
	sent := f.sim.Received(person)
	if got != "sent" || len(sent) != 3 {
		t.Fatalf("%s, %d messages", got, len(sent))
	}
	var first, second struct {
		Text    string
		Replies []map[string]string `json:"quick_replies"`
	}
	if json.Unmarshal(sent[0].Message, &first) != nil || json.Unmarshal(sent[1].Message, &second) != nil {
		t.Fatal("no messages")
	}
	if first.Text+second.Text != long || len([]rune(first.Text)) > 2000 || !strings.HasSuffix(first.Text, "。") || first.Replies != nil {
		t.Errorf("%d and %d characters, %v", len([]rune(first.Text)), len([]rune(second.Text)), first.Replies)
	}
	if len(second.Replies) != 2 || second.Replies[0]["payload"] != "見る" || second.Replies[1]["payload"] != "stop" || !strings.Contains(string(sent[2].Message), "a.jpg") {
		t.Errorf("%v %s", second.Replies, sent[2].Message)
	}
	if c := f.sim.Calls(); c["messages 200"] != 4 || sent[0].Type != "UPDATE" {
		t.Errorf("%v %s", c, sent[0].Type)
	}
	// Instagram counts bytes.
	if got := f.send("gram", person, "marketing", text(strings.Repeat("あ", 400))); got != "sent" {
		t.Error(got)
	}
	if n := len(f.sim.Received(person)); n != 5 {
		t.Errorf("%d messages on Instagram, want 2", n-3)
	}
}

// TestOutside: what leaves outside the window, and what does not.
func TestOutside(t *testing.T) {
	t.Parallel()
	until := time.Now().Add(3 * 24 * time.Hour)
	f := newFixture(t, func(c *AccountsConfig) {
		c.Tags = func() []Tag {
			return append(DefaultTags()[1:], Tag{"CONFIRMED_EVENT_UPDATE", []string{Messenger}, until})
		}
	})
	token, err := f.sim.Do(page, person, socialsim.Act{OptIn: "sale", Expires: 10 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	f.now = f.now.Add(2 * 24 * time.Hour)
	tag := func(name string) string { return `{"messages":[{"text":"発送しました"}],"tag":"` + name + `"}` }
	const utility = `{"messages":[{"text":"発送しました"}],"utility":{"name":"shipped","language":"ja"}}`
	for _, c := range []struct{ account, to, purpose, content, want string }{
		{"", person, "marketing", text("a"), "refused window"},
		{"gram", person, "marketing", text("a"), "refused window"},
		{"", "outside:" + person, "transactional", text("a"), "refused window"},
		{"", "outside:" + person, "transactional", tag("POST_PURCHASE_UPDATE"), "sent"},
		{"", "outside:" + person, "marketing", tag("POST_PURCHASE_UPDATE"), "permanent policy"},
		{"gram", "outside:" + person, "transactional", tag("POST_PURCHASE_UPDATE"), "permanent content"},
		{"", "outside:" + person, "transactional", tag("NO_SUCH_TAG"), "permanent content"},
		{"", "outside:" + person, "transactional", tag("HUMAN_AGENT"), "permanent content"},
		{"", "outside:" + person, "transactional", tag("CONFIRMED_EVENT_UPDATE"), "sent"},
		{"", "outside:" + person, "transactional", utility, "sent"},
		{"gram", "outside:" + person, "transactional", utility, "refused window"},
		{"", "token:" + token, "marketing", text("sale"), "sent"},
		{"", "token:" + token, "marketing", text("again"), "refused window"}, // too soon
		{"", "token:" + token, "marketing", `{"messages":[{"text":"a"},{"text":"b"}]}`, "permanent content"},
		{"", "token:none", "marketing", text("sale"), "refused unreachable"},
	} {
		if got := f.send(c.account, c.to, c.purpose, c.content); got != c.want {
			t.Errorf("%s %s %s: %s, want %s", c.account, c.to, c.content, got, c.want)
		}
	}
	f.now = until
	if got := f.send("", "outside:"+person, "transactional", tag("CONFIRMED_EVENT_UPDATE")); got != "permanent content" {
		t.Errorf("a tag that has ended: %s", got)
	}
	f.now = f.now.Add(10 * 24 * time.Hour)
	if got := f.send("", "token:"+token, "marketing", text("sale")); got != "refused window" {
		t.Errorf("a token that has expired: %s", got)
	}
}

// TestAnswers: what each answer means.
func TestAnswers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, c := range []struct {
		fault socialsim.Fault
		want  string
	}{
		{socialsim.Fault{Status: 400, Code: 190, Subcode: 463}, "down account"},
		{socialsim.Fault{Status: 401, Code: 190}, "down account"},
		{socialsim.Fault{Status: 403, Code: 200}, "down account"},
		{socialsim.Fault{Status: 403, Code: 10}, "down account"},
		{socialsim.Fault{Status: 400, Code: 10, Subcode: 2018278}, "refused window"},
		{socialsim.Fault{Status: 400, Code: 10, Subcode: 2534022}, "refused window"},
		{socialsim.Fault{Status: 400, Code: 551, Subcode: 1545041}, "refused unreachable"},
		{socialsim.Fault{Status: 403, Code: 200, Subcode: 2018108}, "refused unreachable"},
		{socialsim.Fault{Status: 400, Code: 100, Subcode: 2018001}, "refused unreachable"},
		{socialsim.Fault{Status: 400, Code: 613}, "busy"},
		{socialsim.Fault{Status: 400, Code: 4}, "busy"},
		{socialsim.Fault{Status: 403, Code: 32}, "busy"},
		{socialsim.Fault{Status: 429}, "busy"},
		{socialsim.Fault{Status: 400, Code: 1200}, "retry"},
		{socialsim.Fault{Status: 400, Code: 100, Subcode: 2018047}, "permanent content"},
		{socialsim.Fault{Status: 400, Code: 100, Message: "Invalid appsecret_proof provided in the API argument"}, "down account"},
		{socialsim.Fault{Status: 500, Code: 2}, "unknown"},
		{socialsim.Fault{Status: 502}, "unknown"},
		{socialsim.Fault{Reset: true}, "unknown"},
		{socialsim.Fault{Reset: true, After: true}, "unknown"},
		{socialsim.Fault{Status: 404}, "down account"},
		{socialsim.Fault{Status: 302}, "down account"},
	} {
		f.sim.Inject(c.fault)
		if got := f.send("", person, "marketing", text("a")); got != c.want {
			t.Errorf("%+v: %s, want %s", c.fault, got, c.want)
		}
	}
	f.sim.Revoke(page, true)
	if got := f.send("", person, "marketing", text("a")); got != "down account" {
		t.Errorf("revoked: %s", got)
	}
	a, _ := f.Get("")
	if _, err := a.State(t.Context()); err == nil {
		t.Error("the state of an account whose token was revoked")
	}
	f.sim.Revoke(page, false)
	if name, err := a.State(t.Context()); err != nil || name != "Enishi" {
		t.Error(name, err)
	}
	if err := f.sim.Block(page, person, true); err != nil {
		t.Fatal(err)
	}
	if got := f.send("", person, "marketing", text("a")); got != "refused unreachable" {
		t.Errorf("blocked: %s", got)
	}
	// Each line of the table that is shown stands for something that was tried above.
	if n := len(Answers()); n < 10 {
		t.Errorf("%d answers", n)
	}
}

// TestPartly: of several messages none leaves twice: what stops one in the middle is tried again there, and then ends as sent
// with a note.
func TestPartly(t *testing.T) {
	t.Parallel()
	const three = `{"messages":[{"text":"一"},{"text":"二"},{"text":"三"}]}`
	texts := func(f *fixture) (out []string) {
		for _, x := range f.sim.Received(person) {
			var m struct{ Text string }
			_ = json.Unmarshal(x.Message, &m)
			out = append(out, m.Text)
		}
		return out
	}
	for _, c := range []struct {
		name  string
		fault socialsim.Fault
		want  string
		texts []string
	}{
		{"the first is refused", socialsim.Fault{Status: 400, Code: 613}, "busy", nil},
		{"the second once, for the moment", socialsim.Fault{Skip: 1, Status: 400, Code: 1200}, "sent", []string{"一", "二", "三"}},
		{"the second always", socialsim.Fault{Skip: 1, Times: -1, Status: 400, Code: 1200, Message: "later"}, "sent parts: 1 of 3, then (#1200) later", []string{"一"}},
		{"the third is not heard of", socialsim.Fault{Skip: 2, After: true, Reset: true}, "sent parts: 2 of 3, then no answer from the API: ", []string{"一", "二", "三"}},
		{"the second for good", socialsim.Fault{Skip: 1, Status: 400, Code: 100, Message: "no"}, "sent parts: 1 of 3, then (#100) no", []string{"一"}},
	} {
		f := newFixture(t, nil)
		f.sim.Inject(c.fault)
		if got := f.send("", person, "marketing", three); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if got := texts(f); !slices.Equal(got, c.texts) {
			t.Errorf("%s: %v, want %v", c.name, got, c.texts)
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	one := func(rune) int { return 1 }
	for _, c := range []struct {
		text string
		most int
		want []string
	}{
		{"abc", 3, []string{"abc"}},
		{"abcd", 3, []string{"abc", "d"}},
		{"一。二三。四五", 6, []string{"一。二三。", "四五"}},
		{"一二三\n四五六。七", 6, []string{"一二三", "四五六。七"}},
		{"aaa bbb ccc", 8, []string{"aaa bbb", "ccc"}},
		{strings.Repeat("あ", 10), 4, []string{"ああああ", "ああああ", "ああ"}},
	} {
		if got := split(c.text, c.most, one); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}
