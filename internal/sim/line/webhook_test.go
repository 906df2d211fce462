package line

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/line/line-bot-sdk-go/v8/linebot/webhook"
)

// must fails the test on the error of a control call.
func must(t *testing.T) func(id string, err error) string {
	return func(id string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
}

// recorder is a webhook receiver that answers with the planned statuses, then 200.
type recorder struct {
	mu     sync.Mutex
	bodies []string
	plan   []int
	news   chan struct{}
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.bodies...)
}

func (r *recorder) take(_ context.Context, body []byte, _ string) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bodies = append(r.bodies, string(body))
	select {
	case r.news <- struct{}{}:
	default:
	}
	if len(r.plan) == 0 {
		return 200, nil
	}
	status := r.plan[0]
	r.plan = r.plan[1:]
	if status == 0 {
		return 0, errors.New("refused")
	}
	return status, nil
}

func (c *channel) record(plan ...int) *recorder {
	r := &recorder{plan: plan, news: make(chan struct{}, 1)}
	c.cfg.Webhook = r.take
	return r
}

// The official SDK takes the webhooks: signature, form, types.
func TestWebhooksWithSDK(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef0123456789abcdef"
	events := make(chan webhook.EventInterface, 10)
	next := func() webhook.EventInterface {
		t.Helper()
		select {
		case e := <-events:
			return e
		case <-time.After(time.Minute):
			t.Fatal("no webhook")
			return nil
		}
	}
	var lastHeader http.Header
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lastHeader = r.Header.Clone()
		cb, err := webhook.ParseRequest(secret, r)
		if err != nil {
			t.Error(err)
			w.WriteHeader(400)
			return
		}
		if !userIDs.MatchString(cb.Destination) {
			t.Errorf("destination %q", cb.Destination)
		}
		for _, e := range cb.Events {
			events <- e
		}
		if len(cb.Events) == 0 {
			events <- nil
		}
	}))
	defer receiver.Close()
	c := newChannel(t, Config{ChannelSecret: secret})
	c.SetWebhookURL(receiver.URL)
	u := c.UserID("hanako")
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := next(); e != nil {
		t.Errorf("ping has %v", e)
	}

	id := must(t)(c.Follow(u, "花子"))
	c.flush()
	follow, ok := next().(webhook.FollowEvent)
	if !ok || follow.WebhookEventId != id || len(id) != 26 || follow.Follow.IsUnblocked || follow.ReplyToken == "" ||
		follow.DeliveryContext.IsRedelivery || follow.Timestamp != c.clock.t.UnixMilli() || follow.Mode != "active" ||
		follow.Source.(webhook.UserSource).UserId != u {
		t.Errorf("follow %+v", follow)
	}
	if lastHeader.Get("X-Line-Signature") == "" {
		t.Errorf("headers %v", lastHeader)
	}
	if id := must(t)(c.Follow(u, "花子")); id != "" {
		t.Error("a friend followed again")
	}
	must(t)(c.Block(u))
	must(t)(c.Unblock(u))
	must(t)(c.Say(u, "こんにちは"))
	must(t)(c.Tap(u, "action=buy"))
	c.flush()
	if e, ok := next().(webhook.UnfollowEvent); !ok || e.Source.(webhook.UserSource).UserId != u {
		t.Errorf("unfollow %+v", e)
	}
	if e, ok := next().(webhook.FollowEvent); !ok || !e.Follow.IsUnblocked {
		t.Errorf("unblock %+v", e)
	}
	if e, ok := next().(webhook.MessageEvent); !ok || e.Message.(webhook.TextMessageContent).Text != "こんにちは" {
		t.Errorf("message %+v", e)
	}
	if e, ok := next().(webhook.PostbackEvent); !ok || e.Postback.Data != "action=buy" {
		t.Errorf("postback %+v", e)
	}
	if n := c.Counts(); n.WebhooksDelivered != 5 || n.WebhooksPending != 0 {
		t.Errorf("counts %+v", n)
	}
}

func TestAccountLink(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{})
	hooks := c.record()
	u := c.friend("hanako")
	var token struct{ LinkToken string }
	if err := json.Unmarshal([]byte(c.call("POST", "user/"+u+"/linkToken", "").raw), &token); err != nil {
		t.Fatal(err)
	}
	if _, linked := c.LinkAccount(token.LinkToken, "nonce-of-the-shop"); !linked {
		t.Error("a fresh token does not link")
	}
	if _, linked := c.LinkAccount(token.LinkToken, "nonce-of-the-shop"); linked {
		t.Error("a token linked twice")
	}
	c.flush()
	all := hooks.all()
	if !strings.Contains(all[1], `"link":{"result":"ok","nonce":"nonce-of-the-shop"}`) || !strings.Contains(all[1], u) || !strings.Contains(all[1], "replyToken") {
		t.Errorf("ok: %s", all[1])
	}
	if !strings.Contains(all[2], `"result":"failed"`) || strings.Contains(all[2], "source") || strings.Contains(all[2], "replyToken") {
		t.Errorf("failed: %s", all[2])
	}
}

// A failed webhook comes again with the same id until it is taken, others pass
// it, and after the last wait it is given up.
func TestRedelivery(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{Redeliver: []time.Duration{time.Hour, time.Hour}})
	hooks := c.record(500, 200, 0, 200, 302)
	u := c.UserID("hanako")
	lost := must(t)(c.Follow(u, ""))
	other := must(t)(c.Say(u, "a"))
	if err := c.Flush(t.Context()); err == nil {
		t.Fatal("a refused webhook is forgotten")
	}
	third := must(t)(c.Say(u, "b"))
	if err := c.Flush(t.Context()); err == nil {
		t.Fatal("a refused webhook is forgotten")
	}
	var got []string
	for _, body := range hooks.all() {
		var w struct {
			Events []struct {
				WebhookEventID  string
				DeliveryContext struct{ IsRedelivery bool }
				ReplyToken      string
			}
		}
		if err := json.Unmarshal([]byte(body), &w); err != nil {
			t.Fatal(err)
		}
		name := map[string]string{lost: "follow", other: "a", third: "b"}[w.Events[0].WebhookEventID]
		if w.Events[0].DeliveryContext.IsRedelivery {
			name += " again"
		}
		got = append(got, name)
	}
	if s := strings.Join(got, ", "); s != "follow, a, follow again, b" {
		t.Errorf("webhooks: %s", s)
	}
	if c.Flush(t.Context()) != nil {
		t.Error("the third failure should be the last")
	}
	n := c.Counts()
	if n.WebhooksDelivered != 2 || n.WebhooksFailed != 1 || n.WebhooksPending != 0 {
		t.Errorf("counts %+v", n)
	}
}

// Run delivers by itself, waits before it tries again, and ends with its context.
func TestRun(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{Redeliver: []time.Duration{time.Millisecond}})
	hooks := c.record(503)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	must(t)(c.Follow(c.UserID("hanako"), ""))
	for deadline := time.After(time.Minute); len(hooks.all()) < 2; {
		select {
		case <-hooks.news:
		case <-deadline:
			t.Fatalf("%d webhooks", len(hooks.all()))
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if all := hooks.all(); !strings.Contains(all[1], `"isRedelivery":true`) {
		t.Errorf("second webhook %s", all[1])
	}
}

// Without a target nothing piles up, and a stalled receiver is left after the
// documented time.
func TestWebhookTargets(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{})
	c.friend("hanako")
	if n := c.Counts().WebhooksPending; n != 0 {
		t.Errorf("%d webhooks without a target", n)
	}
	limits := Documented()
	limits.WebhookAnswer = 20 * time.Millisecond
	release := make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body) // else the server does not notice that the caller left
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer receiver.Close()
	defer close(release)
	slow := newChannel(t, Config{Limits: limits, WebhookURL: receiver.URL})
	slow.friend("hanako")
	if err := slow.Flush(t.Context()); err == nil {
		t.Error("a webhook without an answer counts as delivered")
	}
}
