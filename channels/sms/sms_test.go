package sms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi"
	"enishi/channels"
	sim "enishi/internal/sim/sms"
)

// TestTwilioSignature is the example that Twilio's own libraries are tested with.
func TestTwilioSignature(t *testing.T) {
	form := url.Values{"CallSid": {"CA1234567890ABCDE"}, "Digits": {"1234"}, "From": {"+14158675309"}, "To": {"+18005551212"}, "Caller": {"+14158675309"}}
	if got := TwilioSignature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form); got != "RSOYDt4T1cUTdK1PDd93/VVr8B8=" {
		t.Error(got)
	}
}

func TestMobile(t *testing.T) {
	for number, want := range map[string]bool{"+819012345678": true, "+818012345678": true, "+817012345678": true, "+816012345678": true, "+815012345678": false, "+818001234567": false, "+81312345678": false,
		"+81120123456": false, "09012345678": false, "": false, "+14155550123": true, "+81901234567": false, "+8190123456789": false, "+81９012345678": false} {
		if Mobile(number) != want {
			t.Errorf("%s: %t", number, !want)
		}
	}
}

// rig is the two shapes before a simulator.
type rig struct {
	t        *testing.T
	sim      *sim.Server
	now      time.Time
	tw, jp   *Channel
	webhook  *Webhook
	events   []enishi.Event
	outcomes map[string][]Outcome
	stopped  int
	broken   bool // the log is away
}

const (
	twBack = "https://shop.example/sms/tw"
	jpBack = "https://shop.example/sms/jp"
	jpKey  = "0123456789abcdef"
)

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC), outcomes: map[string][]Outcome{}}
	clock := func() time.Time { return r.now }
	r.sim = sim.New(sim.Config{Now: clock, AggregatorURL: jpBack, AggregatorKey: jpKey, ReplyURL: twBack + "/reply", Post: func(_ context.Context, address string, header http.Header, body []byte) (int, error) {
		return r.hand(address, header, string(body)), nil
	}})
	server := httptest.NewServer(r.sim)
	t.Cleanup(server.Close)
	sid, token := sim.Credentials()
	var err error
	stopped := func(context.Context, *channels.Rendered) error { r.stopped++; return nil }
	if r.tw, err = New(Config{Provider: Twilio, BaseURL: server.URL, User: sid, Token: token, From: "+815012345678", Callback: twBack, Now: clock, Stopped: stopped}); err != nil {
		t.Fatal(err)
	}
	if r.jp, err = New(Config{Provider: Aggregator, BaseURL: server.URL, Token: token, Callback: jpBack, Key: jpKey, Plain: true, Now: clock, Fields: Fields{Service: "service_id=12"}, Stopped: stopped}); err != nil {
		t.Fatal(err)
	}
	r.webhook, err = NewWebhook(WebhookConfig{Now: clock,
		Accounts: func(name string) (*Channel, bool) {
			c, ok := map[string]*Channel{"tw": r.tw, "jp": r.jp}[name]
			return c, ok
		},
		Ingest: func(_ context.Context, e []enishi.Event) error {
			if r.broken {
				return errors.New("away")
			}
			r.events = append(r.events, e...)
			return nil
		},
		Report: func(_ context.Context, reference string, o Outcome) (bool, error) {
			if r.broken {
				return false, errors.New("away")
			}
			r.outcomes[reference] = append(r.outcomes[reference], o)
			return strings.HasPrefix(reference, "b+"), nil
		},
		Said: func(text string) string { return map[string]string{"停止": "out", "再開": "in"}[text] }})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// hand posts to the webhook as a provider does.
func (r *rig) hand(address string, header http.Header, body string) int {
	u, err := url.Parse(address)
	if err != nil {
		r.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/sms/{account}/{what}", r.webhook)
	req := httptest.NewRequest(http.MethodPost, u.RequestURI(), strings.NewReader(body))
	for k, v := range header {
		req.Header[k] = v
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, req)
	return w.Code
}

func message(to, text string) *channels.Rendered {
	content, _ := json.Marshal(channels.SMSContent{Text: text})
	return &channels.Rendered{SendID: enishi.NewID("sms", to, text), To: to, Content: content, Bounce: "b+" + strings.TrimPrefix(to, "+")}
}

func verdict(err error) string {
	var e *channels.SendError
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	return strings.TrimSpace(e.Verdict() + " " + e.Reason)
}

const phone = "+819012345678"

func (r *rig) both(want, to, text string) {
	r.t.Helper()
	for name, c := range map[string]*Channel{"twilio": r.tw, "aggregator": r.jp} {
		_, err := c.Send(context.Background(), message(to, text))
		if got := verdict(err); err == nil && want != "" || err != nil && got != want {
			r.t.Errorf("%s: %v (%s), want %q", name, err, got, want)
		}
	}
}

func TestBothShapesSend(t *testing.T) {
	r := newRig(t)
	text := "【縁】ご注文の品を発送しました。\nﾄﾞﾗﾏ😀 " + strings.Repeat("あ", 60)
	for _, c := range []*Channel{r.tw, r.jp} {
		got, err := c.Send(context.Background(), message(phone, text))
		if err != nil || got.ProviderID == "" || got.Note != "parts: 2" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	sent := r.sim.Sent()
	if len(sent) != 2 || sent[0].Text != text || sent[0].To != phone || sent[0].Reference != twBack+"/status?m=b%2B819012345678" {
		t.Errorf("%+v", sent)
	}
	// Carriers that show no emoji and no half-width kana.
	if want := "【縁】ご注文の品を発送しました。\nドラマ " + strings.Repeat("あ", 60); sent[1].Text != want || sent[1].Reference != "b+819012345678" {
		t.Errorf("%+v", sent[1])
	}
}

func TestWhoGetsNoSMS(t *testing.T) {
	r := newRig(t)
	r.both("permanent hard", "+81312345678", "あ")
	r.both("permanent hard", "09012345678", "あ")
	r.both("permanent content", phone, " ")
	r.both("permanent content", phone, strings.Repeat("あ", 1601))
	if n := len(r.sim.Counts()); n != 0 {
		t.Errorf("a provider was asked: %v", r.sim.Counts())
	}
	r.sim.Set(phone, sim.Stopped)
	r.both("refused suppressed", phone, "あ")
	if r.stopped != 2 {
		t.Errorf("STOP was noted %d times", r.stopped)
	}
	r.sim.Set(phone, sim.Landline)
	if _, err := r.tw.Send(context.Background(), message(phone, "あ")); verdict(err) != "permanent hard" {
		t.Error(err)
	}
	r.sim.Set(phone, sim.Region)
	if _, err := r.tw.Send(context.Background(), message(phone, "あ")); verdict(err) != "permanent policy" {
		t.Error(err)
	}
	if _, err := r.jp.Send(context.Background(), message(phone, strings.Repeat("a", 661))); verdict(err) != "permanent content" {
		t.Error(err)
	}
}

func TestAnswers(t *testing.T) {
	r := newRig(t)
	f := func(want string, status int, body string, header map[string]string) {
		t.Helper()
		for _, c := range []*Channel{r.tw, r.jp} {
			r.sim.Inject(sim.Fault{Status: status, Body: body, Header: header})
			_, err := c.Send(context.Background(), message(phone, "あ"))
			if verdict(err) != want {
				t.Errorf("%s %d: %v, want %s", c.cfg.Provider, status, err, want)
			}
		}
	}
	f("unknown", 0, "", nil) // no answer: nobody knows
	f("unknown", 500, "", nil)
	f("unknown", 504, "", nil)
	f("busy", 503, "", nil)
	f("busy", 429, "", map[string]string{"Retry-After": "3"})
	f("down account", 401, "", nil)
	f("down account", 402, "", nil)
	f("permanent content", 400, "<html>", nil)
	r.sim.Inject(sim.Fault{Status: 400, Body: `{"code":20429,"message":"Too Many Requests"}`})
	if _, err := r.tw.Send(context.Background(), message(phone, "あ")); verdict(err) != "busy" {
		t.Error(err)
	}
	r.sim.Inject(sim.Fault{Status: 400, Body: `{"error":{"code":"invalid_number"}}`})
	if _, err := r.jp.Send(context.Background(), message(phone, "あ")); verdict(err) != "permanent hard" {
		t.Error(err)
	}
	m := message(phone, "あ")
	m.Begin = func() error { return errors.New("the process ends") }
	n := len(r.sim.Sent())
	if _, err := r.tw.Send(context.Background(), m); verdict(err) != "busy" || len(r.sim.Sent()) != n {
		t.Error(err)
	}
}

// TestReceipts: what became of a number is told of the message that it was.
func TestReceipts(t *testing.T) {
	for state, want := range map[string][2]Outcome{
		sim.On:       {{"message.delivered", "", "delivered"}, {"message.delivered", "", "received"}},
		sim.Off:      {{"message.failed", "unreachable", "30003"}, {"message.failed", "unreachable", "unconnected"}},
		sim.Dead:     {{"message.bounced", "hard", "30005"}, {"message.bounced", "hard", "unused"}},
		sim.Filtered: {{"message.failed", "policy", "30007"}, {"message.failed", "unknown", "error"}},
	} {
		r := newRig(t)
		r.both("", phone, "あ")
		r.sim.Set(phone, state)
		r.now = r.now.Add(time.Minute)
		if r.sim.Deliver(t.Context()) != 2 {
			t.Error("no receipts")
		}
		got := r.outcomes["b+819012345678"]
		if len(got) == 2 && got[0].Code != want[0].Code {
			got[0], got[1] = got[1], got[0]
		}
		if diff := cmp.Diff(want[:], got); diff != "" {
			t.Errorf("%s: %s", state, diff)
		}
	}
}

func TestReplies(t *testing.T) {
	r := newRig(t)
	f := func(shape, text, state string) {
		t.Helper()
		r.events = nil
		if got := r.sim.Reply(t.Context(), shape, phone, text); got != 200 || len(r.events) != 1 {
			t.Fatalf("%d, %d events", got, len(r.events))
		}
		e := r.events[0]
		if e.Type != "sms.received" || e.Person.Phone != phone || e.Properties["text"].Text != text {
			t.Errorf("%+v", e)
		}
		var want []enishi.ConsentChange
		if state != "" {
			want = []enishi.ConsentChange{{Channel: "sms", Purpose: "marketing", State: state, Method: "sms_reply", Text: text}}
		}
		if diff := cmp.Diff(want, e.Consent); diff != "" {
			t.Errorf("%s %q: %s", shape, text, diff)
		}
	}
	for _, shape := range []string{"twilio", "aggregator"} {
		f(shape, "停止", "out")
		f(shape, "再開", "in")
		f(shape, "停止の方法は？", "")
	}
	f("twilio", "STOP", "out") // taken as such by Twilio
	r.broken = true
	if got := r.sim.Reply(t.Context(), "twilio", phone, "停止"); got != 503 {
		t.Errorf("what is not safe was taken: %d", got)
	}
}

func TestForgedCalls(t *testing.T) {
	r := newRig(t)
	f := func(want int, address, body string, header http.Header) {
		t.Helper()
		if got := r.hand(address, header, body); got != want {
			t.Errorf("%s: %d, want %d", address, got, want)
		}
	}
	form := url.Values{"MessageSid": {"SM1"}, "From": {phone}, "Body": {"停止"}}
	_, token := sim.Credentials()
	good := http.Header{"X-Twilio-Signature": {TwilioSignature(token, twBack+"/reply", form)}}
	f(200, twBack+"/reply", form.Encode(), good)
	f(403, twBack+"/reply", form.Encode(), nil)
	f(403, twBack+"/status", form.Encode(), good) // signed for another address
	f(403, twBack+"/reply", form.Encode()+"&Body2=x", good)
	f(404, "https://shop.example/sms/none/reply", "", nil)
	f(404, twBack+"/other", "", nil)
	f(401, jpBack+"/status", "{}", nil)
	f(401, jpBack+"/status?key=wrong", "{}", nil)
	f(400, jpBack+"/status?key="+jpKey, "x", nil)
	f(200, jpBack+"/status?key="+jpKey, `{"tags":["b+1"],"sent_result":"none"}`, nil)
	if len(r.events) != 1 || len(r.outcomes) != 0 {
		t.Errorf("%d events, %v", len(r.events), r.outcomes)
	}
}

func TestParseFields(t *testing.T) {
	got, err := ParseFields([]string{"to=mobilenumber", "service=status=1|mode=long", "dead=10|11"})
	if err != nil || got.To != "mobilenumber" || got.Service != "status=1|mode=long" || !has(got.Dead, "11") {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"to", "number=x", "to="} {
		if _, err := ParseFields([]string{bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestConfig(t *testing.T) {
	sid, token := sim.Credentials()
	good := Config{Provider: Twilio, User: sid, Token: token, From: "ENISHI"}
	f := func(want string, change func(*Config)) {
		t.Helper()
		c := good
		change(&c)
		if _, err := New(c); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f("", func(*Config) {})
	f("twilio or aggregator", func(c *Config) { c.Provider = "" })
	f("account SID", func(c *Config) { c.User = "me" })
	f("token is missing", func(c *Config) { c.Token = "" })
	f("up to 11 letters", func(c *Config) { c.From = "a very long sender" })
	f("address of the API", func(c *Config) { c.BaseURL = "api.sms.example" })
	f("16 characters", func(c *Config) {
		c.Provider, c.BaseURL, c.Callback, c.Key = Aggregator, "https://api.sms.example", jpBack, "short"
	})
}

// TestOwnFields: another service's names.
func TestOwnFields(t *testing.T) {
	var got map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&got)
		got["path"] = r.URL.Path
		_, _ = w.Write([]byte(`{"responseCode":0,"messageId":77}`))
	}))
	defer server.Close()
	c, err := New(Config{Provider: Aggregator, BaseURL: server.URL, Token: "t", From: "0312345678",
		Fields: Fields{Path: "/api/send", To: "mobilenumber", Text: "smstext", From: "sender", Reference: "smsid", ID: "messageId", Service: "status=1 | mode=long"}})
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := c.Send(t.Context(), message(phone, "あ"))
	if err != nil || receipt.ProviderID != "77" {
		t.Errorf("%+v, %v", receipt, err)
	}
	want := map[string]any{"path": "/api/send", "mobilenumber": "09012345678", "smstext": "あ", "sender": "0312345678", "smsid": "b+819012345678", "status": 1.0, "mode": "long"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
