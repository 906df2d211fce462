package channels_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
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
	"enishi/channels/webhook"
)

const hookKey = "0123456789abcdef0123456789abcdef"

// system is one that journeys call: it checks the signature and remembers what came, by webhook-id.
type system struct {
	*httptest.Server
	mu     sync.Mutex
	bodies map[string][]string                                      // of all calls, by webhook-id
	fault  func(w http.ResponseWriter, r *http.Request, n int) bool // n: calls with this id so far, from 1; it answered by itself
}

func newSystem(t *testing.T) *system {
	s := &system{bodies: map[string][]string{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		id := r.Header.Get("webhook-id")
		mac := hmac.New(sha256.New, []byte(hookKey))
		fmt.Fprintf(mac, "%s.%s.%s", id, r.Header.Get("webhook-timestamp"), body)
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("webhook-signature") != want {
			t.Errorf("the signature is %q, want %q", r.Header.Get("webhook-signature"), want)
		}
		s.mu.Lock()
		s.bodies[id] = append(s.bodies[id], string(body))
		n, fault := len(s.bodies[id]), s.fault
		s.mu.Unlock()
		if fault == nil || !fault(w, r, n) {
			io.WriteString(w, `{"score":80}`)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// set changes what the system does from now on; nil: it is well.
func (s *system) set(fault func(w http.ResponseWriter, r *http.Request, n int) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// came are the bodies that came of a call.
func (s *system) came(m *enishi.Message) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bodies[webhook.ID(m.SendID)]
}

// ids is how many calls the system was asked for, however often.
func (s *system) ids() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.bodies)
}

// hooks is the way of calls to systems.
func hooks(t *testing.T, systems ...*system) func(string, string) (channels.Route, bool) {
	cfg := webhook.Config{Keys: []string{"whsec_" + base64.StdEncoding.EncodeToString([]byte(hookKey))}, Timeout: 500 * time.Millisecond}
	for _, s := range systems {
		cfg.Inside = append(cfg.Inside, s.Listener.Addr().String())
	}
	c, err := webhook.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return routes(map[string]channels.Route{"webhook": {Channel: c, Repeat: webhook.Repeat, Limit: channels.Limit{Workers: 4}}})
}

// call makes a call of a system, whose queue is that of host.
func (s *system) call(host, person string) *enishi.Message {
	m := message("webhook:"+host, "marketing", person)
	content, _ := json.Marshal(channels.Request{URL: s.URL + "/rank", Body: `{"name": {{ customer.salutation }}}`})
	m.Template, m.Node, m.To, m.Content = "", "rank", s.URL+"/rank", string(content)
	return m
}

// newHookWorld is a world that renders as the product does.
func newHookWorld(t *testing.T) *world {
	w := newWorld(t)
	r := renderer(t)
	w.render = func(m *enishi.Message) (*channels.Rendered, error) { return r.Render(context.Background(), m) }
	return w
}

// check compares how a call ended.
func (w *world) check(m *enishi.Message, typ, code, reason string) {
	w.t.Helper()
	e := w.result(m)
	if e.Type != typ || e.Result.Code != code || !strings.HasPrefix(e.Result.Reason, reason) || (reason == "") != (e.Result.Reason == "") {
		w.t.Errorf("it ended as %s %q %q, want %s %q %q", e.Type, e.Result.Code, e.Result.Reason, typ, code, reason)
	}
	if answer := e.Result.ProviderID; (answer == `{"score":80}`) != (typ == "webhook.answered") {
		w.t.Errorf("%s has the answer %q", e.Type, answer)
	}
	if e.Result.Node != m.Node || e.Result.RunID != m.RunID {
		w.t.Errorf("it ended for run %s at %q", e.Result.RunID, e.Result.Node)
	}
}

// TestWebhookAnswers: what the system says is how the call ends. A system in trouble is asked again within the round, with the
// same webhook-id and the same body.
func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	w, s := newHookWorld(t), newSystem(t)
	s.set(func(w http.ResponseWriter, r *http.Request, n int) bool {
		switch path := r.URL.Path; {
		case path == "/trouble" && n == 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case path == "/no":
			http.Error(w, "no such customer", http.StatusUnprocessableEntity)
		case path == "/moved":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusTemporaryRedirect)
		default:
			return false
		}
		return true
	})
	at := func(path string) *enishi.Message {
		m := s.call("crm"+path, "hanako"+path) // a queue for each: a system in trouble holds its own
		m.Content = strings.Replace(m.Content, "/rank", path, 1)
		return m
	}
	taken, trouble, no, moved := at("/ok"), at("/trouble"), at("/no"), at("/moved")
	p := w.start(hooks(t, s), nil)
	w.put(taken, trouble, no, moved)
	w.put(taken) // the fold was replayed
	w.eventually("every call ends", func() bool { return w.ended(taken, trouble, no, moved) })
	p.stop()
	w.check(taken, "webhook.answered", "200", "")
	w.check(trouble, "webhook.answered", "200", "")
	w.check(no, "webhook.failed", "422", "content: it answered 422")
	w.check(moved, "webhook.failed", "307", "address: it answered 307")
	for m, want := range map[*enishi.Message]int{taken: 1, trouble: 2, no: 1, moved: 1} {
		got := s.came(m)
		if len(got) != want {
			t.Errorf("%d calls to %s, want %d", len(got), m.Destination, want)
		}
		for _, body := range got {
			if body != `{"name": "佐藤 花子 様"}` {
				t.Errorf("%s was told %s", m.Destination, body)
			}
		}
	}
}

// TestWebhookPutOff: a call that waited too long goes back to the fold; its next round is the same call for the system.
func TestWebhookPutOff(t *testing.T) {
	t.Parallel()
	w, s := newHookWorld(t), newSystem(t)
	s.set(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	p := w.start(hooks(t, s), func(c *channels.Config) { c.MaxWait = time.Second })
	m := s.call("crm", "hanako")
	w.put(m)
	w.eventually("it is put off", func() bool { return w.ended(m) })
	w.check(m, "webhook.deferred", "", "busy: it answered 503")
	if until := w.result(m).Result.Until; until.Before(m.DecidedAt.Add(time.Minute)) {
		t.Errorf("it is decided again at %s", until)
	}
	s.set(nil)
	next := *m
	next.Round, next.DecidedAt = 2, time.Now().UTC()
	w.put(&next)
	w.eventually("the next round ends", func() bool { return w.ended(&next) })
	p.stop()
	w.check(&next, "webhook.answered", "200", "")
	if n := len(s.came(m)); s.ids() != 1 || n < 2 {
		t.Errorf("%d calls of %d ids", n, s.ids())
	}
}

// TestWebhookCrash: the process dies when the system has taken the call and before anybody was told. The next one calls again,
// with the same webhook-id, by which the system knows that it has done it; the result is told once, with and without a note of what
// is in hand.
func TestWebhookCrash(t *testing.T) {
	t.Parallel()
	for _, noted := range []bool{false, true} {
		t.Run(fmt.Sprintf("noted=%t", noted), func(t *testing.T) {
			t.Parallel()
			w, s := newHookWorld(t), newSystem(t)
			if noted {
				w.notes = t.TempDir()
			}
			s.set(func(_ http.ResponseWriter, _ *http.Request, n int) bool {
				if n == 1 {
					w.die()
				}
				return false
			})
			m := s.call("crm", "hanako")
			p := w.start(hooks(t, s), nil)
			w.put(m)
			w.eventually("the process dies", func() bool {
				select {
				case <-p.dead:
					return true
				default:
					return false
				}
			})
			p.gone()
			w.mu.Lock()
			told := len(w.results(m))
			w.mu.Unlock()
			if told != 0 || len(s.came(m)) != 1 {
				t.Fatalf("%d results, %d calls before the crash", told, len(s.came(m)))
			}
			p = w.start(hooks(t, s), nil)
			w.eventually("it ends", func() bool { return w.ended(m) })
			p.stop()
			w.check(m, "webhook.answered", "200", "")
			if got := s.came(m); s.ids() != 1 || len(got) != 2 || got[0] != got[1] {
				t.Errorf("the system was told %q as %d calls", got, s.ids())
			}
		})
	}
}

// TestWebhookStop: an emergency stop holds calls: all of them, those of the channel, or those of a host.
func TestWebhookStop(t *testing.T) {
	t.Parallel()
	for _, match := range []string{"webhook:crm", "webhook", ""} {
		t.Run("match "+match, func(t *testing.T) {
			t.Parallel()
			w, s := newHookWorld(t), newSystem(t)
			p := w.start(hooks(t, s), nil)
			stop(p, match)
			held, other := s.call("crm", "hanako"), s.call("erp", "hanako")
			w.put(held, other)
			want := 2
			if match == "webhook:crm" {
				want = 1
				w.eventually("the other leaves", func() bool { return w.ended(other) })
			}
			w.eventually("calls are held", func() bool {
				n := 0
				for _, q := range p.Status() {
					if q.State == "stopped" {
						n += q.Waiting
					}
				}
				return n == want
			})
			if len(s.came(held)) != 0 || s.ids() != 2-want {
				t.Errorf("%d calls left in spite of the stop", s.ids())
			}
			p.Set(channels.Sending{})
			w.eventually("all leave", func() bool { return w.ended(held, other) })
			p.stop()
			w.check(held, "webhook.answered", "200", "")
			w.check(other, "webhook.answered", "200", "")
		})
	}
}

// TestWebhookDeadHost: a system that answers nobody delays no other; when it is back all calls of it are made.
func TestWebhookDeadHost(t *testing.T) {
	t.Parallel()
	w, dead, well := newHookWorld(t), newSystem(t), newSystem(t)
	dead.set(func(_ http.ResponseWriter, r *http.Request, _ int) bool { <-r.Context().Done(); return true })
	p := w.start(hooks(t, dead, well), nil)
	var waiting, quick []*enishi.Message
	for i := range 20 {
		waiting, quick = append(waiting, dead.call("crm", fmt.Sprint(i))), append(quick, well.call("erp", fmt.Sprint(i)))
	}
	w.put(waiting...)
	w.eventually("the dead system is asked", func() bool { return dead.ids() > 0 })
	w.put(quick...)
	w.eventually("calls of the other end", func() bool { return w.ended(quick...) })
	for _, m := range quick {
		w.check(m, "webhook.answered", "200", "")
	}
	w.mu.Lock()
	for _, m := range waiting {
		if es := w.results(m); len(es) != 0 {
			t.Errorf("a call of the dead system ended as %s", es[0].Type)
		}
	}
	w.mu.Unlock()
	dead.set(nil)
	w.within(time.Minute, "calls of the system that is back end", func() bool { return w.ended(waiting...) })
	p.stop()
	for _, m := range waiting {
		w.check(m, "webhook.answered", "200", "")
	}
}
