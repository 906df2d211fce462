package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
)

var testKey = "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

// receiver is a system that is called: it checks the signature, does each id once, and has the faults that it is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	fault  func(w http.ResponseWriter, r *http.Request) bool // it answered by itself
	done   map[string]string
	calls  int
	header http.Header
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{done: map[string]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		mac := hmac.New(sha256.New, []byte("0123456789abcdef0123456789abcdef"))
		fmt.Fprintf(mac, "%s.%s.%s", q.Header.Get("webhook-id"), q.Header.Get("webhook-timestamp"), body)
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); !strings.Contains(" "+q.Header.Get("webhook-signature")+" ", " "+want+" ") {
			t.Errorf("the signature %q is not %q", q.Header.Get("webhook-signature"), want)
		}
		r.mu.Lock()
		r.calls++
		r.header = q.Header.Clone()
		r.done[q.Header.Get("webhook-id")] = string(body)
		fault := r.fault
		r.mu.Unlock()
		if fault != nil && fault(w, q) {
			return
		}
		io.WriteString(w, `{"ok":true}`)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) config() Config {
	return Config{Keys: []string{testKey}, Inside: []string{r.Listener.Addr().String()}, Timeout: 300 * time.Millisecond,
		Secrets: map[string]Secret{"crm": {Value: "s3cret", Host: "127.0.0.1"}, "other": {Value: "x", Host: "other.example"}}}
}

func mustNew(t *testing.T, cfg Config) *Channel {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rendered(url string) *channels.Rendered {
	return &channels.Rendered{SendID: enishi.NewID("a"), Round: 1, Request: &channels.Request{URL: url, Body: `{"a":1}`, Headers: map[string]string{"Authorization": "Bearer ${crm}", "X-Shop": "1"}}}
}

func TestSend(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	c := mustNew(t, r.config())
	m := rendered(r.URL + "/x")
	got, err := c.Send(t.Context(), m)
	if err != nil || got.Code != "200" || got.ProviderID != `{"ok":true}` {
		t.Fatalf("%+v %v", got, err)
	}
	if r.header.Get("Authorization") != "Bearer s3cret" || r.header.Get("X-Shop") != "1" || r.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers: %v", r.header)
	}
	m.Round = 2 // a later round is the same call
	if _, err := c.Send(t.Context(), m); err != nil || len(r.done) != 1 || r.calls != 2 {
		t.Errorf("%d calls of %d ids: %v", r.calls, len(r.done), err)
	}
}

func TestRotatedKeys(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	cfg := r.config()
	cfg.Keys = []string{"whsec_" + base64.StdEncoding.EncodeToString([]byte("another key of thirty-two bytes!")), testKey}
	if _, err := mustNew(t, cfg).Send(t.Context(), rendered(r.URL)); err != nil {
		t.Fatal(err)
	}
}

// TestAnswers: what each answer means for the call.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		fault   func(w http.ResponseWriter, r *http.Request) bool
		verdict string
		after   time.Duration
		code    string
	}{
		"500":      {status(500, ""), "busy", 0, "500"},
		"503":      {status(503, "7"), "busy", 7 * time.Second, "503"},
		"429":      {status(429, "120"), "busy", 2 * time.Minute, "429"},
		"429 long": {status(429, "999999"), "busy", time.Hour, "429"},
		"408":      {status(408, ""), "busy", 0, "408"},
		"400":      {status(400, ""), "permanent", 0, "400"},
		"404":      {status(404, ""), "permanent", 0, "404"},
		"410":      {status(410, ""), "permanent", 0, "410"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://127.0.0.1:1/", 307)
			return true
		}, "permanent", 0, "307"},
		"timeout":   {func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }, "busy", 0, ""},
		"broke off": {func(w http.ResponseWriter, _ *http.Request) bool { panic(http.ErrAbortHandler) }, "busy", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			r.fault = x.fault
			_, err := mustNew(t, r.config()).Send(t.Context(), rendered(r.URL))
			var e *channels.SendError
			if !errors.As(err, &e) || e.Verdict() != x.verdict || e.After != x.after || e.Code != x.code {
				t.Errorf("%v: %+v", err, e)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

func status(code int, retry string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		if retry != "" {
			w.Header().Set("Retry-After", retry)
		}
		w.WriteHeader(code)
		return true
	}
}

// TestAnswerKept: JSON up to a bound; anything else is taken and not kept.
func TestAnswerKept(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct{ body, kept string }{
		"json": {`{"score":80}`, `{"score":80}`}, "text": {"ok", ""}, "none": {"", ""},
		"huge": {`"` + strings.Repeat("x", 20<<20) + `"`, ""}, "at the bound": {`"` + strings.Repeat("x", MaxAnswer-2) + `"`, `"` + strings.Repeat("x", MaxAnswer-2) + `"`},
	} {
		r := newReceiver(t)
		r.fault = func(w http.ResponseWriter, _ *http.Request) bool { io.WriteString(w, x.body); return true }
		got, err := mustNew(t, r.config()).Send(t.Context(), rendered(r.URL))
		if err != nil || got.ProviderID != x.kept {
			t.Errorf("%s: %d bytes kept, %v", name, len(got.ProviderID), err)
		}
		if strings.HasPrefix(got.Note, "answer: ") != (name == "huge") {
			t.Errorf("%s: note %q", name, got.Note)
		}
	}
}

// TestForbidden: nothing within the own network is called, by whatever name; not even when the name resolves to it at the moment
// of dialling.
func TestForbidden(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	cfg := r.config()
	cfg.Inside = nil
	c := mustNew(t, cfg)
	for _, url := range []string{"http://169.254.169.254/latest/meta-data", "http://127.0.0.1/", "http://[::1]/", "http://localhost/", "http://10.0.0.1/", "http://db/", "http://db.internal/",
		"http://LOCALHOST./", "http://2130706433/", "ftp://shop.example/", "http://user:pw@shop.example/", "http://shop.example:8080/", "", r.URL} {
		if err := c.Check(&channels.Request{URL: url}); err == nil {
			t.Errorf("%s was not refused", url)
		}
		m := rendered(url)
		m.Request.Headers = nil
		var e *channels.SendError
		if _, err := c.Send(t.Context(), m); !errors.As(err, &e) || e.Verdict() != "permanent" || e.Reason != "address" {
			t.Errorf("%s: %v", url, err)
		}
	}
	// A name of the public internet in form, which resolves to this machine.
	for _, name := range []string{"localhost.localdomain", "ip6-localhost.localdomain"} {
		_, err := c.public.Get("http://" + name + "/")
		if err == nil {
			t.Errorf("%s was called", name)
		}
	}
	if _, err := c.public.Get("http://localhost/"); err == nil || !strings.Contains(err.Error(), "public internet") {
		t.Errorf("a name that resolves to this machine: %v", err)
	}
	if r.calls != 0 {
		t.Errorf("%d calls", r.calls)
	}
}

// TestAddresses: each rule of an address refuses what it is there for, by its own words; what the configuration names within the
// own network is that host and port alone.
func TestAddresses(t *testing.T) {
	t.Parallel()
	cfg := newReceiver(t).config()
	cfg.Inside = []string{"crm.inside.example:8080"}
	c := mustNew(t, cfg)
	f := func(url, want string) {
		t.Helper()
		err := c.Check(&channels.Request{URL: url})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
	f("https://crm.shop.example/x", "")
	f("https://crm.shop.example:443/x", "")
	f("https://93.184.216.34/x", "a number")
	f("https://[2606:2800:21f::1]/x", "a number")
	f("https://localhost./x", "not on the public internet")
	f("https://nas.local./x", "not on the public internet")
	f("http://crm.shop.example/x", "not encrypted")
	f("https://crm.shop.example:8443/x", "a port other")
	f("http://crm.inside.example:8080/x", "")
	f("http://crm.inside.example:8081/x", "not encrypted")
	f("https://crm.inside.example:8081/x", "a port other")
}

func TestCheckFailure(t *testing.T) {
	t.Parallel()
	c := mustNew(t, newReceiver(t).config())
	f := func(field string, r channels.Request) {
		t.Helper()
		if r.URL == "" {
			r.URL = "https://crm.shop.example/x"
		}
		var e *enishi.Error
		if err := c.Check(&r); !errors.As(err, &e) || e.Field != field || e.MsgJA == "" {
			t.Errorf("%+v: %v", r, err)
		}
	}
	h := func(name, value string) channels.Request {
		return channels.Request{Headers: map[string]string{name: value}}
	}
	f("method", channels.Request{Method: "GET"})
	f("headers.Authorization", h("Authorization", "Bearer literal"))
	f("headers.X-Api-Key", h("X-Api-Key", "literal"))
	f("headers.X-A", h("X-A", "${nobody}"))
	f("headers.X-A", h("X-A", "${crm}")) // of another host
	f("headers.X-A", h("X-A", "a\r\nb"))
	f("headers.Host", h("Host", "x"))
	f("headers.webhook-id", h("webhook-id", "x"))
	f("body", channels.Request{Body: `{"a": {{ customer.name }}`})
	f("body", channels.Request{Body: `{{ customer.name`})
	for _, body := range []string{"", `{"a": {{ customer.full_name }}, "b": "{{ order.order_id }}", "c": {{ cart.items }}}`, `{% if customer.points > 1 %}{"a":1}{% else %}{}{% endif %}`} {
		if err := c.Check(&channels.Request{URL: "https://crm.shop.example/x", Body: body}); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestConfigFailure(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{{}, {Keys: []string{"whsec_short"}}, {Keys: []string{"!"}}, {Keys: []string{testKey}, Secrets: map[string]Secret{"a": {Value: "x"}}}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}

// TestBegin: nothing leaves when the note of what is in hand cannot be written.
func TestBegin(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	m := rendered(r.URL)
	m.Begin = func() error { return context.Canceled }
	var e *channels.SendError
	if _, err := mustNew(t, r.config()).Send(t.Context(), m); !errors.As(err, &e) || e.Verdict() != "busy" || r.calls != 0 {
		t.Errorf("%v, %d calls", err, r.calls)
	}
}
