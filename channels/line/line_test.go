package line

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	linesim "enishi/internal/sim/line"
)

// fixture is an account on a simulated channel, over real HTTP.
type fixture struct {
	*Channel
	sim  *linesim.Server
	http *httptest.Server
	to   string
}

func newFixture(t *testing.T, cfg linesim.Config, change func(*Config)) *fixture {
	t.Helper()
	f := &fixture{sim: linesim.New(cfg)}
	f.http = httptest.NewServer(f.sim)
	t.Cleanup(f.http.Close)
	own := Config{Token: "token", BaseURL: f.http.URL, Timeout: 5 * time.Second}
	if change != nil {
		change(&own)
	}
	var err error
	if f.Channel, err = New(own); err != nil {
		t.Fatal(err)
	}
	f.to = f.sim.UserID("hanako")
	if _, err := f.sim.Follow(f.to, "花子"); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) message(n int, text string) *channels.Rendered {
	b, _ := json.Marshal([]any{map[string]any{"type": "text", "text": text}})
	send := enishi.NewID("send", fmt.Sprint(n))
	return &channels.Rendered{SendID: send, Round: 1, Key: enishi.NewID("retry", send.String(), "1"), To: f.to, Messages: b}
}

func verdict(err error) string {
	var e *channels.SendError
	switch {
	case err == nil:
		return "sent"
	case !errors.As(err, &e):
		return "no kind"
	}
	return strings.TrimSpace(e.Verdict() + " " + e.Reason)
}

func TestPush(t *testing.T) {
	t.Parallel()
	f := newFixture(t, linesim.Config{ChannelToken: "token"}, nil)
	m := f.message(1, "こんにちは <&> \u2028")
	r, err := f.Send(context.Background(), m)
	if err != nil || r.Code != "200" || r.ProviderID == "" {
		t.Fatalf("%+v %v", r, err)
	}
	got := f.sim.Received(f.to)
	if len(got) != 1 || got[0].RetryKey != m.Key.UUID() || got[0].Unit != "" {
		t.Fatalf("%+v", got)
	}
	var texts []struct{ Type, Text string }
	if err := json.Unmarshal(got[0].Messages, &texts); err != nil || texts[0].Text != "こんにちは <&> \u2028" {
		t.Errorf("%s", got[0].Messages)
	}
	again, err := f.Send(context.Background(), m) // the same key
	if err != nil || again.Code != "409" || again.ProviderID != r.ProviderID || f.sim.ReceivedCount(f.to) != 1 {
		t.Errorf("repeat: %+v %v, %d received", again, err, f.sim.ReceivedCount(f.to))
	}
	m = f.message(2, "x")
	m.Unit = "welcome_2026_11"
	if _, err := f.Send(context.Background(), m); err != nil || f.sim.Received(f.to)[1].Unit != "welcome_2026_11" {
		t.Errorf("unit: %v", err)
	}
}

// TestFaults is P8: every way in which LINE can misbehave, what it means, and that a repeat under the same key brings the
// message once.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name  string
		fault linesim.Fault
		want  string
		after time.Duration
	}{
		{"500 before", linesim.Fault{Status: 500}, "unknown", 0},
		{"500 after", linesim.Fault{Status: 500, After: true}, "unknown", 0},
		{"503 with Retry-After", linesim.Fault{Status: 503, Header: http.Header{"Retry-After": {"7"}}}, "unknown", 7 * time.Second},
		{"no answer in time, before", linesim.Fault{Stall: 3 * time.Second}, "unknown", 0},
		{"no answer in time, after", linesim.Fault{Stall: 3 * time.Second, After: true}, "unknown", 0},
		{"reset before", linesim.Fault{Reset: true}, "unknown", 0},
		{"reset after", linesim.Fault{Reset: true, After: true}, "unknown", 0},
		{"200 cut off in the middle", linesim.Fault{Cut: true, After: true}, "sent", 0},
		{"slow-loris", linesim.Fault{Drip: 300 * time.Millisecond, After: true}, "sent", 0},
		{"429 rate with Retry-After", linesim.Fault{Status: 429, Message: "The API rate limit has been exceeded. Try again later.", Header: http.Header{"Retry-After": {"3"}}}, "busy", 3 * time.Second},
		{"429 rate", linesim.Fault{Status: 429, Message: "The API rate limit has been exceeded. Try again later."}, "busy", time.Second},
		{"429 monthly limit", linesim.Fault{Status: 429, Message: "You have reached your monthly limit."}, "refused quota", 0},
		{"400", linesim.Fault{Status: 400, Message: "The request body has 1 error(s)"}, "permanent content", 0},
		{"401", linesim.Fault{Status: 401, Message: "Authentication failed"}, "down account", 0},
		{"403", linesim.Fault{Status: 403, Message: "Access to this API is not available for your account"}, "down account", 0},
		{"404", linesim.Fault{Status: 404}, "down account", 0},
		{"302", linesim.Fault{Status: 302, Header: http.Header{"Location": {"http://127.0.0.1:1/"}}}, "down account", 0},
		{"410", linesim.Fault{Status: 410}, "permanent content", 0},
		{"413", linesim.Fault{Status: 413}, "permanent content", 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, linesim.Config{}, func(c *Config) { c.Timeout = 1500 * time.Millisecond })
			x.fault.Endpoint = "push"
			f.sim.Inject(x.fault)
			m := f.message(1, "x")
			_, err := f.Send(context.Background(), m)
			if verdict(err) != x.want {
				t.Errorf("%s: %v, want %s", verdict(err), err, x.want)
			}
			var e *channels.SendError
			if errors.As(err, &e) && e.After != x.after {
				t.Errorf("after %v, want %v", e.After, x.after)
			}
			if err != nil && (strings.Contains(err.Error(), f.to) || strings.Contains(err.Error(), "token ")) {
				t.Errorf("too much in the error: %v", err)
			}
			if _, err := f.Send(context.Background(), m); err != nil {
				t.Errorf("the repeat: %v", err)
			}
			if n := f.sim.ReceivedCount(f.to); n != 1 {
				t.Errorf("%d received", n)
			}
		})
	}
}

func TestRefusalsNameTheField(t *testing.T) {
	t.Parallel()
	f := newFixture(t, linesim.Config{MonthlyQuota: 1}, nil)
	_, err := f.Send(context.Background(), f.message(1, strings.Repeat("x", 5001)))
	if verdict(err) != "permanent content" || !strings.Contains(err.Error(), "messages[0].text") {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{``, `{}`, `[{}]`, `[1]`, `[{"type":""}]`} {
		m := f.message(2, "")
		m.Messages = json.RawMessage(bad)
		if _, err := f.Send(context.Background(), m); verdict(err) != "permanent content" {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := f.Send(context.Background(), f.message(3, "x")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Send(context.Background(), f.message(4, "x")); verdict(err) != "refused quota" {
		t.Errorf("over the month's quota: %v", err)
	}
	f.http.Close()
	f.client.CloseIdleConnections()
	if _, err := f.Send(context.Background(), f.message(5, "x")); verdict(err) != "busy" { // nobody listens: nothing was said
		t.Errorf("nobody listens: %s %v", verdict(err), err)
	}
	for _, bad := range []Config{{}, {Token: "x", BaseURL: "nowhere"}} {
		if _, err := New(bad); enishi.ErrorCode(err) != enishi.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestMulticast: one call for many, taken once under its key.
func TestMulticast(t *testing.T) {
	t.Parallel()
	f := newFixture(t, linesim.Config{}, nil)
	other := f.sim.UserID("taro")
	if err := f.sim.Befriend(other, ""); err != nil {
		t.Fatal(err)
	}
	m := f.message(1, "x")
	m.Unit = "sale_a_2026_11"
	to := []channels.Recipient{{To: f.to}, {To: other}, {To: f.sim.UserID("nobody")}}
	f.sim.Inject(linesim.Fault{Endpoint: "multicast", After: true, Status: 500})
	if _, err := f.SendGroup(context.Background(), m, to); verdict(err) != "unknown" {
		t.Errorf("%v", err)
	}
	r, err := f.SendGroup(context.Background(), m, to)
	if err != nil || r.Code != "409" || r.ProviderID == "" {
		t.Errorf("%+v %v", r, err)
	}
	for _, id := range []string{f.to, other} {
		if got := f.sim.Received(id); len(got) != 1 || got[0].Endpoint != "multicast" || got[0].Unit != m.Unit || got[0].RetryKey != m.Key.UUID() {
			t.Errorf("%+v", got)
		}
	}
	if _, err := f.SendGroup(context.Background(), f.message(2, strings.Repeat("x", 5001)), to); verdict(err) != "permanent content" {
		t.Errorf("%v", err)
	}
	m = f.message(3, "x")
	m.Messages = json.RawMessage(`{}`)
	if _, err := f.SendGroup(context.Background(), m, to); verdict(err) != "permanent content" {
		t.Errorf("%v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, linesim.Config{}, nil)
	var wg sync.WaitGroup
	for n := range 200 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if _, err := f.Send(ctx, f.message(n, "x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.sim.ReceivedCount(f.to); n != 200 {
		t.Errorf("%d received", n)
	}
}

// hook is a webhook with what it ingested.
type hook struct {
	http.Handler
	mu     sync.Mutex
	events []enishi.Event
	fail   error
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{}
	w, err := NewWebhook(WebhookConfig{
		Accounts: func(name string) (Account, bool) {
			return Account{Secret: "secret", Provider: "prov"}, name == "main"
		},
		Ingest: func(_ context.Context, events []enishi.Event) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.fail == nil {
				h.events = append(h.events, events...)
			}
			return h.fail
		},
		Linked: func(_ context.Context, _ string, _ enishi.ID, nonce string, _ time.Time) (string, bool, error) {
			return "C-1", nonce == "0123456789abcdef", nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/line/webhook/{account}", w)
	h.Handler = mux
	return h
}

func (h *hook) post(path, body, signature string) int {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header["X-Line-Signature"] = []string{signature}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// TestWebhooksOfTheSimulator: what really happens on a channel becomes events, once each however often LINE delivers it.
func TestWebhooksOfTheSimulator(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	sim := linesim.New(linesim.Config{ChannelSecret: "secret", Webhook: func(_ context.Context, body []byte, signature string) (int, error) {
		h.mu.Lock()
		h.fail = nil
		h.mu.Unlock()
		first := h.post("/line/webhook/main", string(body), signature)
		if again := h.post("/line/webhook/main", string(body), signature); again != first {
			t.Errorf("the redelivery: %d", again)
		}
		return first, nil
	}})
	to := sim.UserID("hanako")
	do := func(id string, err error) {
		t.Helper()
		if err != nil || id == "" {
			t.Fatal(err)
		}
	}
	do(sim.Follow(to, "花子"))
	do(sim.Say(to, "入荷はいつですか"))
	do(sim.Tap(to, "size=M"))
	do(sim.Block(to))
	do(sim.Unblock(to))
	if err := sim.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := sim.Ping(context.Background()); err != nil {
		t.Errorf("the check of the address: %v", err)
	}
	want := []string{"line.followed", "line.message_received", "line.message_received", "line.unfollowed", "line.followed"}
	seen := map[enishi.ID]bool{}
	var got []enishi.Event
	for _, e := range h.events {
		if !seen[e.ID] {
			seen[e.ID] = true
			got = append(got, e)
		}
	}
	if len(h.events) != 2*len(want) || len(got) != len(want) {
		t.Fatalf("%d events, %d different, want %d twice", len(h.events), len(got), len(want))
	}
	for i, e := range got {
		if e.Type != want[i] || e.Person.LineUserID != to || e.Person.LineProvider != "prov" || e.Message == "" || enishi.EventID(e.Message) != e.ID || time.Since(e.At) > time.Minute ||
			e.Person.Email+e.Person.CustomerID != "" || e.Properties["account"].Text != "main" {
			t.Errorf("event %d: %+v", i, e)
		}
		if _, ok := enishi.LookupType(e.Type); !ok {
			t.Errorf("there is no type %s", e.Type)
		}
	}
	if got[1].Properties["text"].Text != "入荷はいつですか" || got[2].Properties["postback"].Text != "size=M" || got[4].Properties["unblocked"].Any() != true || got[0].Properties["unblocked"].Any() != false {
		t.Errorf("properties %v %v", got[1].Properties, got[4].Properties)
	}
}

func TestWebhookIsChecked(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	body := `{"destination":"U1","events":[{"type":"follow","webhookEventId":"01H","timestamp":1700000000000,"source":{"type":"user","userId":"Uabc"},"futureField":{"a":1}},
		{"type":"brandNew","webhookEventId":"01J","source":{"type":"user","userId":"Uabc"}},{"type":"botSuspended","webhookEventId":"01M","timestamp":1700000000000},{"type":"follow","webhookEventId":7},
		{"type":"message","webhookEventId":"01K","source":{"type":"group","groupId":"C1","userId":"Uabc"},"message":{"type":"text","text":"x"}},{"type":"follow","source":{"type":"user","userId":"Uabc"}}]}`
	f := func(name, path, body, signature string, want, events int) {
		t.Helper()
		h.events = nil
		if got := h.post(path, body, signature); got != want || len(h.events) != events {
			t.Errorf("%s: %d with %d events, want %d with %d", name, got, len(h.events), want, events)
		}
	}
	f("good", "/line/webhook/main", body, sign("secret", body), 200, 2)
	f("wrong secret", "/line/webhook/main", body, sign("other", body), 401, 0)
	f("no signature", "/line/webhook/main", body, "", 401, 0)
	f("not base64", "/line/webhook/main", body, "???", 401, 0)
	f("changed body", "/line/webhook/main", body+" ", sign("secret", body), 401, 0)
	f("unknown account", "/line/webhook/other", body, sign("secret", body), 404, 0)
	f("no JSON", "/line/webhook/main", "{", sign("secret", "{"), 400, 0)
	f("no events", "/line/webhook/main", `{"events":[]}`, sign("secret", `{"events":[]}`), 200, 0)
	large := `{"x":"` + strings.Repeat("x", 2<<20) + `"}`
	f("too large", "/line/webhook/main", large, sign("secret", large), 413, 0)
	h.fail = errors.New("the broker is away")
	f("not stored", "/line/webhook/main", body, sign("secret", body), 503, 0)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/line/webhook/main", &bytes.Buffer{}))
	if w.Code != 405 {
		t.Errorf("GET: %d", w.Code)
	}
}

func TestAccountLink(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	post := func(result, nonce string) []enishi.Event {
		h.events = nil
		body := fmt.Sprintf(`{"events":[{"type":"accountLink","webhookEventId":"01L","timestamp":1700000000000,"source":{"type":"user","userId":"Uabc"},"link":{"result":%q,"nonce":%q}}]}`, result, nonce)
		if code := h.post("/line/webhook/main", body, sign("secret", body)); code != 200 {
			t.Errorf("%d", code)
		}
		return h.events
	}
	got := post("ok", "0123456789abcdef")
	if len(got) != 1 || got[0].Type != "line.account_linked" || got[0].Person.CustomerID != "C-1" || got[0].Person.LineUserID != "Uabc" {
		t.Errorf("%+v", got)
	}
	if got := post("failed", "0123456789abcdef"); len(got) != 0 {
		t.Error("a failed link is taken")
	}
	if got := post("ok", "somebody else's"); len(got) != 0 {
		t.Error("an unknown nonce is taken")
	}
}

// TestWebhookTypes: what LINE tells beside friends and messages, what it adds later, and what another tool answers.
func TestWebhookTypes(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	f := func(fields, typ string, properties ...string) {
		t.Helper()
		h.events = nil
		body := `{"events":[{"webhookEventId":"01Q","timestamp":1700000000000,"source":{"type":"user","userId":"Uabc"},"deliveryContext":{"isRedelivery":true},` + fields + `}]}`
		if code := h.post("/line/webhook/main", body, sign("secret", body)); code != 200 || len(h.events) != 1 {
			t.Fatalf("%s: %d, %d events", fields, code, len(h.events))
		}
		e := h.events[0]
		if _, known := enishi.LookupType(e.Type); e.Type != typ || !known || len(e.Properties) != 1+len(properties)/2 {
			t.Errorf("%s: %s %v", fields, e.Type, e.Properties)
		}
		for i := 0; i < len(properties); i += 2 {
			if got := e.Properties[properties[i]].Text; got != properties[i+1] {
				t.Errorf("%s: %s is %q", fields, properties[i], got)
			}
		}
	}
	f(`"type":"unsend","unsend":{"messageId":"325708"}`, "line.message_unsent", "message_id", "325708")
	f(`"type":"beacon","beacon":{"hwid":"d41d8cd98f","type":"enter"}`, "line.beacon", "hwid", "d41d8cd98f", "action", "enter")
	f(`"type":"membership","membership":{"type":"joined","membershipId":3189}`, "line.membership_changed", "action", "joined", "membership", "3189")
	f(`"type":"videoPlayComplete","videoPlayComplete":{"trackingId":"track-1"}`, "line.video_completed", "tracking", "track-1")
	f(`"type":"brandNew","brandNew":{"a":1}`, "line.event_received", "type", "brandNew", "raw",
		`{"brandNew":{"a":1},"deliveryContext":{"isRedelivery":true},"source":{"type":"user","userId":"Uabc"},"timestamp":1700000000000,"type":"brandNew","webhookEventId":"01Q"}`)
	f(`"type":"message","mode":"standby","message":{"type":"sticker","id":"1"}`, "line.message_received", "message_type", "sticker", "message_id", "1", "mode", "standby")
}

// TestNoticeDelivered: LINE names the tag of a notice and nobody; what is not stored is told again.
func TestNoticeDelivered(t *testing.T) {
	t.Parallel()
	send, profile := enishi.NewID("s"), enishi.NewID("p")
	var got []enishi.ID
	var fail error
	w, err := NewWebhook(WebhookConfig{Accounts: func(string) (Account, bool) { return Account{Secret: "secret"}, true },
		Ingest: func(context.Context, []enishi.Event) error { return errors.New("nothing is to be taken") },
		Delivered: func(_ context.Context, s, p enishi.ID) error {
			got = append(got, s, p)
			return fail
		}})
	if err != nil {
		t.Fatal(err)
	}
	h := &hook{Handler: http.NewServeMux()}
	h.Handler.(*http.ServeMux).Handle("/line/webhook/{account}", w)
	post := func(tag string) int {
		got = nil
		body := `{"events":[{"type":"delivery","webhookEventId":"01Q","timestamp":1700000000000,"mode":"active","deliveryContext":{"isRedelivery":false},"delivery":{"data":"` + tag + `"}}]}`
		return h.post("/line/webhook/main", body, sign("secret", body))
	}
	if code := post(NoticeTag(send, profile)); code != 200 || !slices.Equal(got, []enishi.ID{send, profile}) {
		t.Errorf("%d %v", code, got)
	}
	if code := post(PhoneHash("+818000001234")); code != 200 || len(got) != 0 { // its data when no tag was sent
		t.Errorf("another's: %d %v", code, got)
	}
	fail = errors.New("not stored")
	if code := post(NoticeTag(send, profile)); code != 503 {
		t.Errorf("not stored: %d", code)
	}
}
