package line

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/line/line-bot-sdk-go/v8/linebot/messaging_api"
)

// serve opens the channel on loopback and returns the official client for it.
// Each caller gets his own: the SDK's WithContext changes the client it is
// called on.
func (c *channel) serve() *messaging_api.MessagingApiAPI {
	c.t.Helper()
	srv := httptest.NewServer(c)
	c.t.Cleanup(srv.Close)
	client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
	c.t.Cleanup(client.CloseIdleConnections)
	api, err := messaging_api.NewMessagingApiAPI("token", messaging_api.WithEndpoint(srv.URL), messaging_api.WithHTTPClient(client))
	if err != nil {
		c.t.Fatal(err)
	}
	return api
}

func textTo(u, text string) *messaging_api.PushMessageRequest {
	return &messaging_api.PushMessageRequest{To: u, Messages: []messaging_api.MessageInterface{messaging_api.TextMessage{Text: text}}}
}

func TestSDK(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{ChannelToken: "token", MonthlyQuota: 1000})
	api := c.serve()
	u, v := c.friend("hanako"), c.friend("jiro")

	res, sent, err := api.PushMessageWithHttpInfo(textTo(u, "<こんにちは & ようこそ>"), key1)
	if err != nil || len(sent.SentMessages) != 1 || sent.SentMessages[0].QuoteToken == "" {
		t.Fatalf("push: %v %+v", err, sent)
	}
	first := res.Header.Get("X-Line-Request-Id")
	if got := c.Received(u); len(got) != 1 || got[0].RequestID != first || got[0].RetryKey != key1 || got[0].IDs[0] != sent.SentMessages[0].Id {
		t.Errorf("received %+v", got)
	}
	res, _, err = api.PushMessageWithHttpInfo(textTo(u, "<こんにちは & ようこそ>"), key1)
	if err == nil || res.StatusCode != 409 || res.Header.Get("X-Line-Accepted-Request-Id") != first {
		t.Fatalf("repeat: %v", err)
	}
	body, readErr := io.ReadAll(res.Body)
	if readErr != nil || !strings.Contains(string(body), sent.SentMessages[0].Id) {
		t.Errorf("repeat: %s %v", body, readErr)
	}
	// The SDK turns an empty key into an empty header.
	if res, _, _ := api.PushMessageWithHttpInfo(textTo(u, "a"), ""); res.StatusCode != 400 {
		t.Errorf("empty key: %d", res.StatusCode)
	}

	if _, err := api.Multicast(&messaging_api.MulticastRequest{To: []string{u, v}, Messages: []messaging_api.MessageInterface{messaging_api.TextMessage{Text: "a"}}}, key2); err != nil {
		t.Errorf("multicast: %v", err)
	}
	bubble := messaging_api.FlexBubble{
		Hero: &messaging_api.FlexImage{Url: "https://shop.example/a.jpg", Size: "full", AspectRatio: "20:13", AspectMode: messaging_api.FlexImageASPECT_MODE_COVER},
		Body: &messaging_api.FlexBox{Layout: messaging_api.FlexBoxLAYOUT_VERTICAL, Contents: []messaging_api.FlexComponentInterface{
			&messaging_api.FlexText{Text: "化粧水", Weight: messaging_api.FlexTextWEIGHT_BOLD, Wrap: true},
			&messaging_api.FlexBox{Layout: messaging_api.FlexBoxLAYOUT_BASELINE, Contents: []messaging_api.FlexComponentInterface{
				&messaging_api.FlexIcon{Url: "https://shop.example/i.png"}, &messaging_api.FlexText{Text: "4.0"}}},
			&messaging_api.FlexSeparator{},
		}},
		Footer: &messaging_api.FlexBox{Layout: messaging_api.FlexBoxLAYOUT_HORIZONTAL, Contents: []messaging_api.FlexComponentInterface{
			&messaging_api.FlexButton{Action: &messaging_api.UriAction{Label: "買う", Uri: "https://shop.example/"}},
		}},
	}
	check := func(messages ...messaging_api.MessageInterface) error {
		_, err := api.ValidatePush(&messaging_api.ValidateMessageRequest{Messages: messages})
		return err
	}
	if err := check(
		messaging_api.FlexMessage{AltText: "a", Contents: &bubble},
		messaging_api.FlexMessage{AltText: "a", Contents: &messaging_api.FlexCarousel{Contents: []messaging_api.FlexBubble{bubble, bubble}}},
		messaging_api.StickerMessage{PackageId: "446", StickerId: "1988"},
		messaging_api.ImageMessage{OriginalContentUrl: "https://shop.example/a.jpg", PreviewImageUrl: "https://shop.example/a.jpg"},
		messaging_api.TemplateMessage{AltText: "a", Template: &messaging_api.ButtonsTemplate{Text: "a", Actions: []messaging_api.ActionInterface{
			&messaging_api.PostbackAction{Label: "買う", Data: "buy"}}}},
	); err != nil {
		t.Errorf("validate: %v", err)
	}
	if err := check(messaging_api.TextMessage{}); err == nil || !strings.Contains(err.Error(), `"property":"messages[0].text"`) {
		t.Errorf("empty text: %v", err)
	}

	if p, err := api.GetProfile(u); err != nil || p.DisplayName != "hanako" {
		t.Errorf("profile %v %v", p, err)
	}
	if f, err := api.GetFollowers("", 100); err != nil || len(f.UserIds) != 2 {
		t.Errorf("followers %v %v", f, err)
	}
	if q, err := api.GetMessageQuota(); err != nil || q.Value != 1000 || q.Type != messaging_api.QuotaType_LIMITED {
		t.Errorf("quota %v %v", q, err)
	}
	if q, err := api.GetMessageQuotaConsumption(); err != nil || q.TotalUsage != 3 {
		t.Errorf("consumption %v %v", q, err)
	}
	if b, err := api.GetBotInfo(); err != nil || b.UserId != c.botID {
		t.Errorf("bot %v %v", b, err)
	}
	if l, err := api.IssueLinkToken(u); err != nil || l.LinkToken == "" {
		t.Errorf("link token %v %v", l, err)
	}
}

// TestFaults runs each fault over a real connection. "Lost" says what a sender
// must find out by the retry key: whether the message had gone out.
func TestFaults(t *testing.T) {
	t.Parallel()
	status := func(want int) func(*http.Response, error) string {
		return func(res *http.Response, err error) string {
			if res == nil || res.StatusCode != want {
				return "want an answer"
			}
			return ""
		}
	}
	for name, f := range map[string]struct {
		fault Fault
		want  func(res *http.Response, err error) string
	}{
		"500":       {Fault{Status: 500}, status(500)},
		"500 after": {Fault{Status: 500, After: true}, status(500)},
		"429 with wait": {Fault{Status: 429, Header: http.Header{"Retry-After": {"7"}}}, func(res *http.Response, err error) string {
			if res.Header.Get("Retry-After") != "7" {
				return "no Retry-After"
			}
			return status(429)(res, err)
		}},
		"reset": {Fault{Reset: true}, func(_ *http.Response, err error) string {
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
				return "want a reset"
			}
			return ""
		}},
		"reset after": {Fault{Reset: true, After: true}, func(_ *http.Response, err error) string {
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
				return "want a reset"
			}
			return ""
		}},
		"cut after": {Fault{Cut: true, After: true}, func(res *http.Response, err error) string {
			if res == nil || res.StatusCode != 200 || !errors.Is(err, io.ErrUnexpectedEOF) {
				return "want half a body"
			}
			return ""
		}},
		"cut": {Fault{Cut: true}, status(500)},
		"drip": {Fault{Drip: time.Microsecond, After: true}, func(res *http.Response, err error) string {
			if err != nil {
				return "want an answer in the end"
			}
			return ""
		}},
		"stall": {Fault{Stall: time.Millisecond}, func(res *http.Response, err error) string {
			if err != nil {
				return "want an answer in the end"
			}
			return ""
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newChannel(t, Config{})
			api := c.serve()
			u := c.friend("hanako")
			f.fault.Endpoint = "push"
			c.Inject(f.fault)
			res, _, err := api.PushMessageWithHttpInfo(textTo(u, "a"), key1)
			if complaint := f.want(res, err); complaint != "" {
				t.Errorf("%s: %v %v", complaint, res, err)
			}
			accepted := f.fault.After || !f.fault.breaks()
			if got := c.ReceivedCount(u) == 1; got != accepted {
				t.Errorf("delivered %t, want %t", got, accepted)
			}
			res, _, _ = api.PushMessageWithHttpInfo(textTo(u, "a"), key1)
			want := map[bool]int{true: 409, false: 200}[accepted]
			if res == nil || res.StatusCode != want || c.ReceivedCount(u) != 1 {
				t.Errorf("repeat: %v, %d delivered; want %d", res, c.ReceivedCount(u), want)
			}
		})
	}
}

// stalled says that the planned fault has struck.
func (c *channel) stalled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.faults) == 0
}

// A sender that gives up while the server stalls learns nothing; whether the
// message went out is a matter of After.
func TestFaultTimeout(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		c := newChannel(t, Config{})
		srv := httptest.NewServer(c)
		u := c.friend("hanako")
		c.Inject(Fault{Stall: time.Hour, After: after})
		api, err := messaging_api.NewMessagingApiAPI("token", messaging_api.WithEndpoint(srv.URL))
		if err != nil {
			t.Fatal(err)
		}
		ctx, giveUp := context.WithTimeout(t.Context(), time.Minute)
		ended := make(chan error)
		go func() {
			_, _, err := api.WithContext(ctx).PushMessageWithHttpInfo(textTo(u, "a"), key1)
			ended <- err
		}()
		for tick := time.NewTicker(time.Millisecond); ctx.Err() == nil && !c.stalled(); {
			<-tick.C
		}
		giveUp()
		if err := <-ended; err == nil {
			t.Error("no timeout")
		}
		srv.Close() // waits for the call to end
		if got := c.ReceivedCount(u) == 1; got != after {
			t.Errorf("after %t: delivered %t", after, got)
		}
		if n := c.Counts().Calls["push 0"]; n != 1 {
			t.Errorf("%d calls without an answer", n)
		}
	}
}

func TestFaultMatching(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{})
	u, v := c.friend("hanako"), c.friend("jiro")
	c.Inject(Fault{Endpoint: "push", To: v, Times: 2, Status: 500})
	c.Inject(Fault{Endpoint: "quota", Times: -1, Until: c.clock.t.Add(time.Minute), Status: 503, Message: "maintenance"})
	got := []int{c.push(u, hello).status, c.push(v, hello).status, c.push(u, hello).status, c.push(v, hello).status, c.push(v, hello).status}
	if want := []int{200, 500, 200, 500, 200}; [5]int(got) != [5]int(want) {
		t.Errorf("statuses %v, want %v", got, want)
	}
	for range 3 {
		c.call("GET", "message/quota", "").want(t, 503, "maintenance")
	}
	c.clock.add(time.Minute)
	if r := c.call("GET", "message/quota", ""); r.status != 200 {
		t.Errorf("after the outage: %d", r.status)
	}
	// A fault after acceptance waits for a call that is accepted.
	c.Inject(Fault{After: true, Status: 500})
	if r := c.push(u, "[]"); r.status != 400 {
		t.Errorf("bad call: %d", r.status)
	}
	if r := c.push(u, hello); r.status != 500 || c.ReceivedCount(u) != 3 {
		t.Errorf("good call: %d, %d delivered", r.status, c.ReceivedCount(u))
	}
	if r := c.push(u, hello); r.status != 200 {
		t.Errorf("fault struck twice: %d", r.status)
	}
	c.Inject(Fault{Times: -1, Status: 500})
	c.ClearFaults()
	if r := c.push(u, hello); r.status != 200 {
		t.Errorf("cleared: %d", r.status)
	}
	if len(c.faults) != 0 {
		t.Errorf("%d faults left", len(c.faults))
	}
}

// Many senders at once: each key is accepted exactly once.
func TestConcurrentKeys(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{Keep: 10_000})
	c.cfg.Now = time.Now
	u := c.friend("hanako")
	const senders, keys = 8, 50
	done := make(chan map[int]int)
	for range senders {
		go func() {
			statuses := map[int]int{}
			for i := range keys {
				key := key1[:34] + string("0123456789"[i/10]) + string("0123456789"[i%10])
				statuses[c.push(u, hello, "X-Line-Retry-Key: "+key).status]++
			}
			done <- statuses
		}()
	}
	total := map[int]int{}
	for range senders {
		for status, n := range <-done {
			total[status] += n
		}
	}
	if total[200] != keys || total[409] != keys*(senders-1) || c.ReceivedCount(u) != keys {
		t.Errorf("statuses %v, %d delivered", total, c.ReceivedCount(u))
	}
}

func BenchmarkPush(b *testing.B) {
	limits := Documented()
	limits.PushPerSecond = 1000
	s := New(Config{Limits: limits})
	var at time.Time
	s.cfg.Now = func() time.Time { at = at.Add(time.Millisecond); return at }
	u := s.UserID("hanako")
	if _, err := s.Follow(u, ""); err != nil {
		b.Fatal(err)
	}
	body := `{"to":"` + u + `","messages":` + hello + `}`
	for b.Loop() {
		r := httptest.NewRequest("POST", "/v2/bot/message/push", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer token")
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Line-Retry-Key", s.requestID())
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}
