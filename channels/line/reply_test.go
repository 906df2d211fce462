package line

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi"
	linesim "enishi/internal/sim/line"
	"enishi/profiles"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	reply := func(name, match, account string, priority int, words ...string) *Reply {
		body, _ := json.Marshal(map[string]any{"title": map[string]string{"ja": name}, "match": match, "words": words, "account": account, "priority": priority, "text": map[string]string{"ja": name}})
		r, err := ParseReply(name, body)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	replies := []*Reply{reply("hours", matchExact, "", 0, "営業時間", "ｵｰﾌﾟﾝ"), reply("where", matchContains, "", 0, "てんぽ", "アクセス"), reply("sale", matchWord, "", 0, "sale", "half price"),
		reply("vip", matchContains, "vip", 9, "アクセス"), reply("zz", matchContains, "", 0, "アクセス")}
	s, err := ParseReplySettings(nil)
	if err != nil {
		t.Fatal(err)
	}
	f := func(want, text string) {
		t.Helper()
		a, _ := Match("default", text, replies, s, profiles.Fold)
		if got := a.Rule; got != want {
			t.Errorf("%q is answered by %q, want %q", text, got, want)
		}
	}
	f("hours", "営業時間")
	f("hours", "　営業時間？ ")
	f("hours", "おーぷん！")
	f("", "営業時間は")
	f("where", "テンポを教えて")
	f("where", "ｱｸｾｽは？") // of two the first by name
	f("sale", "Is there a ＳＡＬＥ today?")
	f("sale", "HALF  price, please")
	f("", "wholesale")
	f("", "half the price")
	f("", "こんにちは")
	f("", "？！")
	f("stop", "配信停止")
	f("stop", "「配信停止」")
	f("stop", "ＳＴＯＰ!")
	f("", "配信停止の方法は？")
	f("start", "配信再開")
	if a, _ := Match("vip", "アクセス", replies, s, profiles.Fold); a.Rule != "vip" {
		t.Errorf("the account's own: %q", a.Rule)
	}
	replies[0].Off = true
	f("", "営業時間")
}

func TestParseReply(t *testing.T) {
	t.Parallel()
	f := func(field, body string) {
		t.Helper()
		_, err := ParseReply("r", []byte(body))
		e, _ := err.(*enishi.Error)
		if e == nil || e.Field != field || e.Msg == "" || e.MsgJA == "" {
			t.Errorf("%s: %v, want one of %q", body, err, field)
		}
	}
	f("", `{`)
	f("", `{"titel":1}`)
	f("title", `{"match":"exact","words":["a"],"text":{"ja":"a"}}`)
	f("match", `{"title":{"ja":"a"},"match":"like","words":["a"],"text":{"ja":"a"}}`)
	f("words", `{"title":{"ja":"a"},"match":"exact","text":{"ja":"a"}}`)
	f("words[1]", `{"title":{"ja":"a"},"match":"exact","words":["a","!"],"text":{"ja":"a"}}`)
	f("text", `{"title":{"ja":"a"},"match":"exact","words":["a"]}`)
	f("text", `{"title":{"ja":"a"},"match":"exact","words":["a"],"text":{"ja":"a"},"template":"b"}`)
	f("text.ja", `{"title":{"ja":"a"},"match":"exact","words":["a"],"text":{"ja":" "}}`)
	f("text.fr", `{"title":{"ja":"a"},"match":"exact","words":["a"],"text":{"fr":"a"}}`)
	f("account", `{"title":{"ja":"a"},"match":"exact","words":["a"],"text":{"ja":"a"},"account":"@x"}`)
	if _, err := ParseReplySettings([]byte(`{"stop":["!"]}`)); err == nil {
		t.Error("a stop word without letters")
	}
}

// chat is an account whose webhooks are answered.
type chat struct {
	*fixture
	replier *Replier
	hook    *Webhook

	mu     sync.Mutex
	events []enishi.Event
}

func newChat(t *testing.T, clock func() time.Time) *chat {
	t.Helper()
	c := &chat{}
	c.fixture = newFixture(t, linesim.Config{ChannelSecret: "secret", Webhook: func(_ context.Context, body []byte, signature string) (int, error) {
		return c.post(string(body), signature), nil
	}}, nil)
	all, err := NewAccounts(AccountsConfig{Secrets: map[string]Secret{DefaultAccount: {Token: "token", Channel: "secret", Endpoint: c.http.URL}}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseReply("hours", []byte(`{"title":{"ja":"営業時間"},"match":"exact","words":["営業時間"],"text":{"ja":"10時からです"}}`))
	if err != nil {
		t.Fatal(err)
	}
	settings, err := ParseReplySettings(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.replier, err = NewReplier(ReplierConfig{Accounts: all, Fold: profiles.Fold, Now: clock, Replies: func() ([]*Reply, ReplySettings) { return []*Reply{r}, settings },
		Messages: func(_ context.Context, a Answer, _, user string) (json.RawMessage, error) {
			return json.Marshal([]any{map[string]string{"type": "text", "text": a.Text["ja"]}})
		}})
	if err != nil {
		t.Fatal(err)
	}
	c.hook, err = NewWebhook(WebhookConfig{Accounts: all.Webhook, Replier: c.replier, Ingest: func(_ context.Context, events []enishi.Event) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.events = append(c.events, events...)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.replier.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return c
}

func (c *chat) post(body, signature string) int {
	mux := http.NewServeMux()
	mux.Handle("/line/webhook/{account}", c.hook)
	r := httptest.NewRequest("POST", "/line/webhook/default", strings.NewReader(body))
	r.Header["X-Line-Signature"] = []string{signature}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w.Code
}

// say makes the friend write, and returns the event of it.
func (c *chat) say(t *testing.T, text string) enishi.Event {
	t.Helper()
	if _, err := c.sim.Say(c.to, text); err != nil {
		t.Fatal(err)
	}
	if err := c.sim.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.events[len(c.events)-1]
}

func (c *chat) calls(what string) int { return c.sim.Counts().Calls[what] }

// TestReplies: a word is answered once by its token, what somebody wrote is a fact with the reply's name, and stopping is
// recorded with the words and confirmed.
func TestReplies(t *testing.T) {
	t.Parallel()
	c := newChat(t, nil)
	c.http.Config.Handler = loadedOver(t, c.sim)
	e := c.say(t, "営業時間")
	if e.Type != "line.message_received" || e.Properties["reply"].Text != "hours" || e.Properties["text"].Text != "営業時間" || len(e.Consent) != 0 {
		t.Errorf("%+v", e)
	}
	until(t, func() bool { return c.sim.ReceivedCount(c.to) == 1 })
	if got := c.sim.Received(c.to)[0]; got.Endpoint != "reply" || !strings.Contains(string(got.Messages), "10時からです") {
		t.Errorf("%+v", got)
	}
	e = c.say(t, "配信停止")
	if len(e.Consent) != 1 || e.Consent[0] != (enishi.ConsentChange{Channel: "line", Purpose: "marketing", State: "out", Method: "line_message", Text: "配信停止"}) {
		t.Errorf("%+v", e.Consent)
	}
	until(t, func() bool { return c.sim.ReceivedCount(c.to) == 2 })
	if got := c.sim.Received(c.to)[1]; !strings.Contains(string(got.Messages), "停止しました") {
		t.Errorf("%s", got.Messages)
	}
	if e := c.say(t, "ありがとう"); e.Properties["reply"].Text != "" || len(e.Consent) != 0 {
		t.Errorf("what nobody answers: %+v", e)
	}
	// An error of LINE's own is tried again with the same token.
	c.sim.Inject(linesim.Fault{Endpoint: "reply", Status: 500})
	c.say(t, "営業時間")
	until(t, func() bool { return c.sim.ReceivedCount(c.to) == 3 })
	if c.calls("reply 500") != 1 || c.calls("reply 200") != 3 {
		t.Errorf("%v", c.sim.Counts().Calls)
	}
}

// loadedOver holds the calls to LINE's files where they are at hand.
func loadedOver(t *testing.T, sim http.Handler) http.Handler {
	if lineFiles() == "" {
		return sim
	}
	return loadOpenAPI(t).over(t, sim)
}

// TestNoReply: another tool's chats are left alone, but who stops there has stopped; after a minute there is no answer.
func TestNoReply(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var mu sync.Mutex
	c := newChat(t, func() time.Time { mu.Lock(); defer mu.Unlock(); return now })
	standby := fmt.Sprintf(`{"events":[{"type":"message","mode":"standby","webhookEventId":"01S","timestamp":1700000000000,"replyToken":"t","source":{"type":"user","userId":%q},"message":{"type":"text","id":"1","text":"stop"}}]}`, c.to)
	if code := c.post(standby, sign("secret", standby)); code != 200 || len(c.events) != 1 || len(c.events[0].Consent) != 1 {
		t.Errorf("standby: %d %+v", code, c.events)
	}
	c.replier.answer(replyJob{account: "default", token: "never made", answer: Answer{Rule: "hours", Text: map[string]string{"ja": "a"}}})
	until(t, func() bool { return c.calls("reply 400") == 1 }) // a token that is no good is not tried again
	late := replyJob{account: "default", token: "t", answer: Answer{Rule: "hours", Text: map[string]string{"ja": "a"}}, until: now.Add(-time.Second)}
	if err := c.replier.send(t.Context(), late); err == nil || c.calls("reply 400") != 1 {
		t.Errorf("a late reply: %v", err)
	}
	if n := c.sim.ReceivedCount(c.to); n != 0 {
		t.Errorf("%d answers", n)
	}
}

func until(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal("it does not come about")
		}
		timer := time.NewTimer(5 * time.Millisecond)
		<-timer.C
	}
}
