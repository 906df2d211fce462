package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

type world struct {
	t     *testing.T
	s     *Server
	url   string
	now   time.Time
	posts []post1
}

type post1 struct {
	address string
	header  http.Header
	body    string
}

func newWorld(t *testing.T, l Limits) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)}
	w.s = New(Config{Limits: l, Now: func() time.Time { return w.now }, AggregatorURL: "https://shop.example/sms/jp", AggregatorKey: "k", ReplyURL: "https://shop.example/sms/tw/reply",
		Post: func(_ context.Context, address string, header http.Header, body []byte) (int, error) {
			w.posts = append(w.posts, post1{address, header, string(body)})
			return 200, nil
		}})
	server := httptest.NewServer(w.s)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// twilio posts a form and gives status and error code.
func (w *world) twilio(change func(*http.Request), form map[string]string) (int, int) {
	w.t.Helper()
	values := url.Values{"To": {"+819012345678"}, "From": {"+815012345678"}, "Body": {"やあ"}}
	for k, v := range form {
		if values.Set(k, v); v == "" {
			values.Del(k)
		}
	}
	sid, token := Credentials()
	req, _ := http.NewRequest(http.MethodPost, w.url+"/2010-04-01/Accounts/"+sid+"/Messages.json", strings.NewReader(values.Encode()))
	req.SetBasicAuth(sid, token)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if change != nil {
		change(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var a struct{ Code int }
	_ = json.NewDecoder(res.Body).Decode(&a)
	return res.StatusCode, a.Code
}

func TestTwilioLimits(t *testing.T) {
	w := newWorld(t, Limits{})
	f := func(what string, status, code int, form map[string]string) {
		t.Helper()
		if got, n := w.twilio(nil, form); got != status || n != code {
			t.Errorf("%s: %d %d, want %d %d", what, got, n, status, code)
		}
	}
	f("good", 201, 0, nil)
	f("no number", 400, 21604, map[string]string{"To": ""})
	f("national form", 400, 21211, map[string]string{"To": "09012345678"})
	f("no sender", 400, 21603, map[string]string{"From": ""})
	f("a service", 201, 0, map[string]string{"From": "", "MessagingServiceSid": "MG" + strings.Repeat("0", 32)})
	f("letters", 201, 0, map[string]string{"From": "ENISHI SHOP"})
	f("12 letters", 400, 21212, map[string]string{"From": "ENISHI SHOPS"})
	f("nothing said", 400, 21602, map[string]string{"Body": ""})
	f("1,600", 201, 0, map[string]string{"Body": strings.Repeat("あ", 1600)})
	f("1,601", 400, 21617, map[string]string{"Body": strings.Repeat("あ", 1601)})
	f("callback", 400, 21609, map[string]string{"StatusCallback": "nowhere"})
	for state, code := range map[string]int{Landline: 21614, Stopped: 21610, Region: 21408} {
		w.s.Set("+819012345678", state)
		f(state, 400, code, nil)
	}
	if got, n := w.twilio(func(r *http.Request) { r.SetBasicAuth("AC", "x") }, nil); got != 401 || n != 20003 {
		t.Errorf("wrong token: %d %d", got, n)
	}
}

func TestTwilioRate(t *testing.T) {
	l := Documented()
	l.PerSecond = 2
	w := newWorld(t, l)
	f := func(status int) {
		t.Helper()
		if got, _ := w.twilio(nil, nil); got != status {
			t.Errorf("%d, want %d", got, status)
		}
	}
	f(201)
	f(201)
	f(429)
	w.now = w.now.Add(time.Second)
	f(201)
}

// TestReceipts: they come when they are due, once, signed, with what became of the number.
func TestReceipts(t *testing.T) {
	for state, want := range map[string]string{On: "delivered", Off: "30003", Dead: "30005", Filtered: "30007"} {
		w := newWorld(t, Limits{})
		w.s.Set("+819012345678", state)
		if got, _ := w.twilio(nil, map[string]string{"StatusCallback": "https://shop.example/sms/tw/status?m=abc"}); got != 201 {
			t.Fatal(got)
		}
		if n := w.s.Deliver(t.Context()); n != 0 {
			t.Errorf("%d receipts before they are due", n)
		}
		w.now = w.now.Add(2 * time.Second)
		if n := w.s.Deliver(t.Context()); n != 1 || len(w.posts) != 1 {
			t.Fatalf("%d receipts", n)
		}
		p := w.posts[0]
		if !strings.Contains(p.body, want) || p.address != "https://shop.example/sms/tw/status?m=abc" || p.header.Get("X-Twilio-Signature") == "" {
			t.Errorf("%s: %+v", state, p)
		}
		if n := w.s.Deliver(t.Context()); n != 0 {
			t.Error("a receipt came twice")
		}
	}
}

// TestNumericCarrier: a carrier that takes no letters as sender drops such messages after Twilio took them.
func TestNumericCarrier(t *testing.T) {
	w := newWorld(t, Limits{})
	w.s.Set("+819012345678", Alphanumber)
	back := map[string]string{"StatusCallback": "https://shop.example/s", "From": "ENISHI"}
	w.twilio(nil, back)
	back["From"] = "+815012345678"
	w.twilio(nil, back)
	w.now = w.now.Add(time.Minute)
	w.s.Deliver(t.Context())
	if len(w.posts) != 2 || !strings.Contains(w.posts[0].body, "30007") || !strings.Contains(w.posts[1].body, "delivered") {
		t.Errorf("%+v", w.posts)
	}
}

func TestStopAndStart(t *testing.T) {
	w := newWorld(t, Limits{})
	f := func(text string, status int) {
		t.Helper()
		w.s.Reply(t.Context(), "twilio", "+819012345678", text)
		if got, _ := w.twilio(nil, nil); got != status {
			t.Errorf("after %q: %d, want %d", text, got, status)
		}
	}
	f("stop", 400)
	f("やあ", 400)
	f("START", 201)
}

// aggregator posts JSON and gives status and code.
func (w *world) aggregator(token string, m map[string]any) (int, string) {
	w.t.Helper()
	full := map[string]any{"to": "09012345678", "body": "やあ", "tags": []string{"ref"}}
	for k, v := range m {
		full[k] = v
	}
	raw, _ := json.Marshal(full)
	req, _ := http.NewRequest(http.MethodPost, w.url+"/messages", bytes.NewReader(raw))
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var a struct{ Error struct{ Code string } }
	_ = json.NewDecoder(res.Body).Decode(&a)
	return res.StatusCode, a.Error.Code
}

func TestAggregatorLimits(t *testing.T) {
	w := newWorld(t, Limits{})
	_, token := Credentials()
	f := func(status int, code string, m map[string]any) {
		t.Helper()
		if got, name := w.aggregator(token, m); got != status || name != code {
			t.Errorf("%v: %d %s, want %d %s", m, got, name, status, code)
		}
	}
	f(200, "", nil)
	f(200, "", map[string]any{"to": "06012345678"})
	f(400, "invalid_number", map[string]any{"to": "+819012345678"})
	f(400, "invalid_number", map[string]any{"to": "0312345678"})
	f(400, "invalid_number", map[string]any{"to": "08001234567"})
	f(400, "empty_body", map[string]any{"body": ""})
	f(200, "", map[string]any{"body": strings.Repeat("あ", 660)})
	f(400, "body_too_long", map[string]any{"body": strings.Repeat("あ", 661)})
	f(400, "too_many_tags", map[string]any{"tags": make([]string, 11)})
	w.s.Set("+819012345678", Stopped)
	f(400, "opted_out", nil)
	if got, code := w.aggregator("wrong", nil); got != 401 || code != "unauthorized" {
		t.Errorf("%d %s", got, code)
	}
	w.now = w.now.Add(time.Minute)
	w.s.Set("+819012345678", Dead)
	if n := w.s.Deliver(t.Context()); n != 3 || !strings.Contains(w.posts[0].body, `"sent_result":"unused"`) || w.posts[0].address != "https://shop.example/sms/jp/status?key=k" {
		t.Errorf("%d receipts, %+v", n, w.posts)
	}
	l := Documented()
	l.PerSecond = 1
	w = newWorld(t, l)
	f(200, "", nil)
	f(429, "too_many_requests", nil)
}
