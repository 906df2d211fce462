package channels_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
	linesim "enishi/internal/sim/line"
)

// handlerTransport answers requests by a handler in the same process: no network, so virtual time works.
type handlerTransport struct {
	h    http.Handler
	took time.Duration
}

func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if t.took > 0 {
		time.Sleep(t.took) // virtual
	}
	w := httptest.NewRecorder()
	t.h.ServeHTTP(w, r)
	return w.Result(), nil
}

// counted is a channel whose calls are acts of a process: a crash may come before or after what they do.
type counted struct {
	w       *world
	process func() <-chan struct{}
	next    channels.Channel
}

func (c counted) Send(ctx context.Context, m *channels.Rendered) (r channels.Receipt, err error) {
	var sendErr error
	died := c.w.io(c.process(), func() { r, sendErr = c.next.Send(ctx, m) })
	if died != nil {
		return channels.Receipt{}, channels.Unknown(died)
	}
	return r, sendErr
}

// mailbox is a provider without a memory: what it is given twice it delivers twice.
type mailbox struct {
	mu  sync.Mutex
	got map[enishi.ID]int
}

func (b *mailbox) count(m *enishi.Message) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got[m.SendID]
}

func (b *mailbox) Send(_ context.Context, m *channels.Rendered) (channels.Receipt, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got[m.SendID]++
	return channels.Receipt{ProviderID: m.SendID.String(), Code: "250"}, nil
}

// TestCrashAnywhere kills the process at its n-th act, for every n, before and after the act takes effect; the process
// that takes over may be killed likewise. Nothing is lost, nothing that can be recognised arrives twice, each message ends in one result.
func TestCrashAnywhere(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		points := 0
		synctest.Test(t, func(t *testing.T) { points = crashRun(t, 0, 0, after) }) // tells how many acts there are
		for at := 1; at <= points; at++ {
			for times := 1; times <= 3; times++ {
				synctest.Test(t, func(t *testing.T) { crashRun(t, at, times, after) })
				if t.Failed() {
					t.Fatalf("%d crashes at act %d of %d, after=%t", times, at, points, after)
				}
			}
		}
		if points < 10 {
			t.Fatalf("only %d acts were tried", points)
		}
		t.Logf("%d crash points, after=%t", points, after)
	}
}

func crashRun(t *testing.T, at, times int, after bool) (calls int) {
	w := newWorld(t)
	sim := linesim.New(linesim.Config{Now: time.Now})
	api, err := line.New(line.Config{Token: "token", Client: &http.Client{Transport: handlerTransport{h: sim}}})
	if err != nil {
		t.Fatal(err)
	}
	box := &mailbox{got: map[enishi.ID]int{}}
	process := w.process
	route := func(channel, _ string) (channels.Route, bool) {
		if channel == "line" {
			return channels.Route{Channel: counted{w, process, api}, Repeat: line.Repeat, Limit: channels.Limit{Workers: 1}}, true
		}
		return channels.Route{Channel: counted{w, process, box}, RepeatTransactional: 24 * time.Hour, Limit: channels.Limit{Workers: 1}}, true
	}
	hanako := sim.UserID("hanako")
	if _, err := sim.Follow(hanako, "花子"); err != nil {
		t.Fatal(err)
	}
	push := message("line:main", "marketing", hanako)
	advert := message("email:main:gmail", "marketing", "a@gmail.com")
	receipt := message("email:main:gmail", "transactional", "a@gmail.com")
	second := message("email:main:gmail", "marketing", "a@gmail.com") // lines up behind the first: its intent is written later
	gone := message("email:main:gmail", "marketing", "b@gmail.com")
	all := []*enishi.Message{push, advert, receipt, second, gone}

	gone.Journey = "stopped" // waits until it is cancelled
	w.sending.Stops = []channels.Stop{{ID: "1", Scope: channels.ScopeJourney, Value: gone.Journey}}
	cancel := *gone
	cancel.Cancel, cancel.Reason = true, "consent:out"
	w.crashAt, w.after = at, after
	w.put(all...)
	w.put(advert) // the fold was replayed
	p := w.start(route, nil)
	synctest.Wait()
	w.put(&cancel)
	crashes := 0
	for end := time.Now().Add(time.Minute); crashes < times && !w.ended(all...) && time.Now().Before(end); {
		select {
		case <-p.dead:
			crashes++
			p.gone()
			w.crashAfter(at, crashes < times)
			p = w.start(route, nil)
		case <-time.After(10 * time.Millisecond):
		}
	}
	w.eventually("every message ends", func() bool { return w.ended(all...) })
	p.stop()

	if n := sim.ReceivedCount(hanako); n != 1 {
		t.Errorf("%d LINE messages, want 1", n)
	}
	if e := w.result(push); e.Type != "message.sent" {
		t.Errorf("LINE ended as %s", e.Type)
	}
	for _, m := range []*enishi.Message{advert, second} {
		switch e := w.result(m); e.Type {
		case "message.sent":
			if box.count(m) != 1 {
				t.Errorf("%d marketing mails are told as sent", box.count(m))
			}
		case "message.unknown":
			if box.count(m) > 1 || crashes == 0 {
				t.Errorf("%d marketing mails are told as unknown", box.count(m))
			}
		default:
			t.Errorf("marketing mail ended as %s", e.Type)
		}
	}
	if n := box.count(receipt); w.result(receipt).Type != "message.sent" || n < 1 || n > 1+crashes || n > 1 && crashes == 0 {
		t.Errorf("%d receipts, %s", n, w.result(receipt).Type)
	}
	if e := w.result(gone); e.Type != "message.dropped" || e.Result.Reason != "consent:out" || box.count(gone) != 0 {
		t.Errorf("the cancelled mail ended as %s %q, %d arrived", e.Type, e.Result.Reason, box.count(gone))
	}
	if times > 0 && crashes == 0 && at <= w.acts()-5 {
		t.Errorf("no crash at act %d of %d", at, w.acts())
	}
	return w.acts()
}
