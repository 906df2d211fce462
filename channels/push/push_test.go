package push

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"enishi"
	"enishi/channels"
	sim "enishi/internal/sim/push"
)

// TestRFC8291 is the example of appendix A of RFC 8291.
func TestRFC8291(t *testing.T) {
	s := &Subscription{Endpoint: "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV"}
	s.Keys.Auth = "BTBZMqHH6r4Tts7J_aSIgg"
	s.Keys.P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	salt, _ := decode64("DGv6ra1nlYgDCS1FRnbzlw")
	private, _ := decode64("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
	got, err := encrypt(bytes.NewReader(append(salt, private...)), s, []byte("When I grow up, I want to be a watermelon"))
	if err != nil {
		t.Fatal(err)
	}
	want := "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
	if text := base64.RawURLEncoding.EncodeToString(got); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

// rig is a channel before a simulator.
type rig struct {
	t    *testing.T
	sim  *sim.Server
	url  string
	host string
	now  time.Time
	ch   *Channel
	mu   sync.Mutex
	gone []string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)}
	clock := func() time.Time { r.mu.Lock(); defer r.mu.Unlock(); return r.now }
	r.sim = sim.New(sim.Config{Now: clock})
	server := httptest.NewServer(r.sim)
	t.Cleanup(server.Close)
	r.url = server.URL
	u, _ := url.Parse(server.URL)
	r.host = u.Host
	v, err := NewVAPID(DeriveVAPID([]byte("test")), "mailto:push@shop.example")
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewFCM(r.sim.Account(r.url), r.url)
	if err != nil {
		t.Fatal(err)
	}
	r.ch, err = New(Config{VAPID: v, FCM: f, Inside: []string{r.host}, Now: clock, Gone: func(_ context.Context, _ *channels.Rendered, token string) error {
		r.gone = append(r.gone, token)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) pass(d time.Duration) { r.mu.Lock(); r.now = r.now.Add(d); r.mu.Unlock() }

// browser subscribes one and gives its endpoint and token.
func (r *rig) browser() (endpoint, token string) {
	b := r.sim.Subscribe(r.url, r.ch.PublicKey())
	s := Subscription{Endpoint: b.Endpoint}
	s.Keys.Auth, s.Keys.P256DH = b.Auth, b.P256DH
	return b.Endpoint, s.Token()
}

func message(to string, content any) *channels.Rendered {
	text, err := json.Marshal(content)
	if err != nil {
		panic(err)
	}
	return &channels.Rendered{SendID: enishi.NewID("push test", to), Key: enishi.NewID("key", to), To: to, Content: text, Report: "https://shop.example/n/token"}
}

var hello = channels.PushContent{Title: "発送しました", Body: "ご注文の品を発送しました。", URL: "https://shop.example/c/t", Data: map[string]string{"order": "A1"}}

// verdict is how an error reads: "" sent, else verdict and reason.
func verdict(err error) string {
	var e *channels.SendError
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	return strings.TrimSpace(e.Verdict() + " " + e.Reason)
}

func (r *rig) send(want, to string, content any) channels.Receipt {
	r.t.Helper()
	receipt, err := r.ch.Send(context.Background(), message(to, content))
	if got := verdict(err); err == nil && want != "" || err != nil && got != want {
		r.t.Errorf("send: %v (%s), want %q", err, got, want)
	}
	return receipt
}

func TestBrowserAndAppGetIt(t *testing.T) {
	r := newRig(t)
	endpoint, token := r.browser()
	app := r.sim.Register("")
	if got := r.send("", token+"\nfcm:"+app, hello); got.Note != "devices: 2 of 2" || got.Code != "201" || got.ProviderID == "" {
		t.Errorf("receipt %+v", got)
	}
	shown := r.sim.Shown()
	if len(shown) != 2 {
		t.Fatalf("%d devices showed it", len(shown))
	}
	web := webPayload{}
	if err := json.Unmarshal(shown[0].Payload, &web); err != nil || !strings.HasSuffix(endpoint, shown[0].Device) {
		t.Fatalf("%s: %v", shown[0].Payload, err)
	}
	if web.Title != hello.Title || web.Body != hello.Body || web.URL != hello.URL || web.Data["order"] != "A1" || web.Report == "" || web.Tag != shown[0].Topic || web.Tag == "" {
		t.Errorf("the browser got %+v under the topic %s", web, shown[0].Topic)
	}
	var at struct {
		Notification struct{ Title, Body string }
		Data         map[string]string
		Android      struct {
			Priority, TTL string
			Collapse      string `json:"collapse_key"`
		}
	}
	if err := json.Unmarshal(shown[1].Payload, &at); err != nil {
		t.Fatal(err)
	}
	if at.Notification.Title != hello.Title || at.Data["url"] != hello.URL || at.Data["order"] != "A1" || at.Android.Priority != "NORMAL" || at.Android.TTL != "86400s" || at.Android.Collapse != web.Tag {
		t.Errorf("the app got %+v", at)
	}
}

func TestGoneDevices(t *testing.T) {
	r := newRig(t)
	e1, t1 := r.browser()
	_, t2 := r.browser()
	app := r.sim.Register("")
	r.sim.Turn(e1, "gone")
	r.sim.Turn(app, "gone")
	if got := r.send("", t1+"\n"+t2+"\n"+app, hello); got.Note != "devices: 1 of 3" {
		t.Errorf("receipt %+v", got)
	}
	if len(r.gone) != 2 || r.gone[0] != t1 || r.gone[1] != app {
		t.Errorf("told gone: %q", r.gone)
	}
	r.send("permanent hard", t1, hello)
	r.send("permanent hard", "fcm:"+app, hello)
	r.send("permanent hard", t1+"\n"+app, hello)
	r.send("permanent hard", "fcm:"+r.sim.Register("another-project"), hello)
	r.send("permanent hard", "fcm:short", hello)
	r.send("permanent hard", "web:{}", hello)
	r.send("permanent hard", "nonsense with spaces", hello)
	r.send("permanent address", "", hello)
}

// TestMixedTroubles: of several devices none took it; what may end well decides.
func TestMixedTroubles(t *testing.T) {
	r := newRig(t)
	e1, t1 := r.browser()
	_, t2 := r.browser()
	r.sim.Turn(e1, "gone")
	r.sim.Inject(sim.Fault{Kind: "web", Status: 503, Header: map[string]string{"Retry-After": "7"}})
	_, err := r.ch.Send(context.Background(), message(t2+"\n"+t1, hello))
	var e *channels.SendError
	if !errors.As(err, &e) || e.Verdict() != "retry" || e.After != 7*time.Second {
		t.Errorf("%v", err)
	}
	r.sim.Inject(sim.Fault{Kind: "web"}) // no answer at all
	r.send("unknown", t2+"\n"+t1, hello)
}

func TestAnswersOfPushServices(t *testing.T) {
	r := newRig(t)
	_, token := r.browser()
	f := func(status int, body, want string) {
		t.Helper()
		r.sim.Inject(sim.Fault{Kind: "web", Status: status, Body: body})
		r.send(want, token, hello)
	}
	f(400, "", "permanent content")
	f(401, "", "down account")
	f(403, `{"reason":"BadJwtToken"}`, "down account")
	f(403, `{"reason":"VapidPkHashMismatch"}`, "permanent account")
	f(404, "", "permanent hard")
	f(410, "", "permanent hard")
	f(413, "", "permanent content")
	f(429, "", "retry")
	f(500, "", "retry")
	f(503, "", "retry")
	// A subscription for another key.
	b := r.sim.Subscribe(r.url, "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
	s := Subscription{Endpoint: b.Endpoint}
	s.Keys.Auth, s.Keys.P256DH = b.Auth, b.P256DH
	r.send("permanent account", s.Token(), hello)
}

func TestAnswersOfFCM(t *testing.T) {
	r := newRig(t)
	token := "fcm:" + r.sim.Register("")
	f := func(status int, name, code, want string) {
		t.Helper()
		body := fmt.Sprintf(`{"error":{"code":%d,"message":"it is so","status":%q,"details":[{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":%q}]}}`, status, name, code)
		r.sim.Inject(sim.Fault{Kind: "fcm", Status: status, Body: body})
		r.send(want, token, hello)
	}
	f(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "permanent content")
	f(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "permanent hard")
	f(403, "PERMISSION_DENIED", "", "down account")
	f(404, "NOT_FOUND", "UNREGISTERED", "permanent hard")
	f(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", "parked account")
	f(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "busy")
	f(500, "INTERNAL", "INTERNAL", "unknown")
	f(503, "UNAVAILABLE", "UNAVAILABLE", "busy")
}

// TestAccessToken: one is used until it ends or is taken back, and the message is not lost by that.
func TestAccessToken(t *testing.T) {
	r := newRig(t)
	token := "fcm:" + r.sim.Register("")
	oauth := func(want int) {
		t.Helper()
		if got := r.sim.Counts()["oauth 200"]; got != want {
			t.Errorf("%d access tokens were given, want %d", got, want)
		}
	}
	r.send("", token, hello)
	r.send("", token, hello)
	oauth(1)
	r.pass(2 * time.Hour)
	r.send("", token, hello)
	oauth(2)
	r.sim.Revoke(false)
	r.send("", token, hello)
	oauth(3)
	r.sim.Revoke(true)
	r.send("down account", token, hello)
	r.sim.Inject(sim.Fault{Kind: "oauth", Status: 503})
	r.send("busy", token, hello)
}

// TestVAPIDTokenIsKept: one a push service, and a new one before it ends.
func TestVAPIDTokenIsKept(t *testing.T) {
	r := newRig(t)
	_, token := r.browser()
	u, _ := url.Parse(r.url)
	first, err := r.ch.cfg.VAPID.authorization(rand.Reader, u, r.now)
	if err != nil {
		t.Fatal(err)
	}
	for range 30 { // 30 hours
		r.send("", token, hello)
		r.pass(time.Hour)
	}
	last, _ := r.ch.cfg.VAPID.authorization(rand.Reader, u, r.now)
	if first == last {
		t.Error("the token outlived its end")
	}
}

func TestPayloadThatIsTooLong(t *testing.T) {
	r := newRig(t)
	_, token := r.browser()
	x := hello
	fits := 0
	for n := 3000; n < 4200; n++ { // the longest that fits goes through the service too
		x.Body = strings.Repeat("a", n)
		if _, err := prepare(message(token, x)); err == nil {
			fits = n
		}
	}
	x.Body = strings.Repeat("a", fits)
	r.send("", token, x)
	x.Body = strings.Repeat("a", fits+1)
	r.send("permanent content", token, x)
	x.Body, x.Title = "", " "
	r.send("permanent content", token, x)
	x = hello
	x.Data = map[string]string{"google.x": "1"}
	r.send("permanent content", "fcm:"+r.sim.Register(""), x)
}

// TestRepeatReplaces: a device that was off shows a repeated message once.
func TestRepeatReplaces(t *testing.T) {
	r := newRig(t)
	endpoint, token := r.browser()
	r.sim.Turn(endpoint, "off")
	r.send("", token, hello)
	r.send("", token, hello)
	r.sim.Turn(endpoint, "on")
	if n := len(r.sim.Shown()); n != 1 {
		t.Errorf("the device showed %d", n)
	}
	zero := 0
	now := hello
	now.TTL = &zero
	r.sim.Turn(endpoint, "off")
	r.send("", token, now)
	r.sim.Turn(endpoint, "on")
	if n := len(r.sim.Shown()); n != 1 {
		t.Errorf("a message for now or never was shown later: %d", n)
	}
}

// TestForeignAddress: what a browser told is not believed.
func TestForeignAddress(t *testing.T) {
	r := newRig(t)
	_, token := r.browser()
	for _, endpoint := range []string{"http://push.example/x", "https://127.0.0.1/x", "https://localhost:8443/x", "https://10.0.0.1/x"} {
		s, _, err := parse(token)
		if err != nil {
			t.Fatal(err)
		}
		s.Endpoint = endpoint
		r.send("permanent hard", s.Token(), hello)
	}
}

func TestBeginStopsIt(t *testing.T) {
	r := newRig(t)
	_, token := r.browser()
	m := message(token, hello)
	m.Begin = func() error { return errors.New("the process ends") }
	if _, err := r.ch.Send(context.Background(), m); verdict(err) != "busy" || len(r.sim.Shown()) != 0 {
		t.Errorf("%v, %d shown", err, len(r.sim.Shown()))
	}
}

func TestSubscriptionCheck(t *testing.T) {
	r := newRig(t)
	_, token := r.browser()
	f := func(want string, change func(*Subscription)) {
		t.Helper()
		s, _, err := parse(token)
		if err != nil {
			t.Fatal(err)
		}
		change(s)
		if err := s.Check(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f("", func(*Subscription) {})
	f("", func(s *Subscription) { s.Keys.Auth += "==" })
	f("endpoint", func(s *Subscription) { s.Endpoint = "javascript:alert(1)" })
	f("endpoint", func(s *Subscription) { s.Endpoint = "" })
	f("16 bytes", func(s *Subscription) { s.Keys.Auth = "AAAA" })
	f("P-256", func(s *Subscription) {
		s.Keys.P256DH = base64.RawURLEncoding.EncodeToString(append([]byte{4}, make([]byte, 64)...))
	})
	f("p256dh", func(s *Subscription) { s.Keys.P256DH = "%%%" })
}

func TestBadKeys(t *testing.T) {
	if _, err := NewVAPID("AAAA", "mailto:a@b.example"); err == nil || !strings.Contains(err.Error(), "32 bytes") {
		t.Error(err)
	}
	if _, err := NewVAPID(DeriveVAPID(nil), "a@b.example"); err == nil || !strings.Contains(err.Error(), "mailto:") {
		t.Error(err)
	}
	for _, bad := range []string{"", "{}", `{"type":"service_account","project_id":"p","client_email":"e","token_uri":"t","private_key":"x"}`} {
		if _, err := NewFCM([]byte(bad), ""); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestAnyPayloadArrives: whatever fits is what the browser reads.
func TestAnyPayloadArrives(t *testing.T) {
	r := newRig(t)
	_, token := r.browser()
	rapid.Check(t, func(rt *rapid.T) {
		x := channels.PushContent{Title: rapid.StringMatching(`[^\x00]{1,40}`).Draw(rt, "title"), Body: rapid.StringN(0, 800, 3000).Draw(rt, "body")}
		m := message(token, x)
		if _, err := prepare(m); err != nil {
			rt.Skip()
		}
		r.pass(time.Minute)
		if _, err := r.ch.Send(context.Background(), m); err != nil {
			rt.Fatal(err)
		}
		all := r.sim.Shown()
		var got webPayload
		if err := json.Unmarshal(all[len(all)-1].Payload, &got); err != nil {
			rt.Fatal(err)
		}
		var sent channels.PushContent
		_ = json.Unmarshal(m.Content, &sent)
		if got.Title != sent.Title || got.Body != sent.Body {
			rt.Fatalf("got %+v", got)
		}
	})
}
