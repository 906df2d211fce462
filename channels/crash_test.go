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
	if err := begun(m); err != nil {
		return channels.Receipt{}, err
	}
	var sendErr error
	died := c.w.io(c.process(), func() { r, sendErr = c.next.Send(ctx, m) })
	if died != nil {
		return channels.Receipt{}, channels.Unknown(died)
	}
	return r, sendErr
}

// begun says that the provider may take it from now on: an act of its own.
func begun(m *channels.Rendered) error {
	if m.Begin == nil {
		return nil
	}
	begin := m.Begin
	m.Begin = nil
	if err := begin(); err != nil {
		return channels.Busy(err, 0)
	}
	return nil
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
// that takes over may be killed likewise. Nothing is lost, nothing that can be recognised arrives twice, each message ends in
// one result. With the note of what is in hand, a crash leaves one mail at most in doubt: there is one connection.
func TestCrashAnywhere(t *testing.T) {
	t.Parallel()
	for _, x := range []crash{{}, {after: true}, {noted: true}, {noted: true, after: true}} {
		points := 0
		synctest.Test(t, func(t *testing.T) { points = x.run(t) }) // tells how many acts there are
		for x.at = 1; x.at <= points; x.at++ {
			for x.times = 1; x.times <= 3; x.times++ {
				synctest.Test(t, func(t *testing.T) { x.run(t) })
				if t.Failed() {
					t.Fatalf("%+v of %d acts", x, points)
				}
			}
		}
		if points < 10 {
			t.Fatalf("only %d acts were tried", points)
		}
		t.Logf("%d crash points, noted=%t, after=%t", points, x.noted, x.after)
	}
}

// crash kills the process at an act, a number of times.
type crash struct {
	at, times int
	after     bool // the act takes effect
	noted     bool // the process keeps a note of what is in hand
}

func (x crash) run(t *testing.T) (calls int) {
	at, times := x.at, x.times
	w := newWorld(t)
	if x.noted {
		w.notes = t.TempDir()
	}
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
	w.crashAt, w.after = at, x.after
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
	doubts := 0
	for _, m := range []*enishi.Message{advert, second} {
		switch e := w.result(m); e.Type {
		case "message.sent":
			if box.count(m) != 1 {
				t.Errorf("%d marketing mails are told as sent", box.count(m))
			}
		case "message.unknown":
			doubts++
			if box.count(m) > 1 || crashes == 0 {
				t.Errorf("%d marketing mails are told as unknown", box.count(m))
			}
		default:
			t.Errorf("marketing mail ended as %s", e.Type)
		}
	}
	if x.noted && doubts > crashes {
		t.Errorf("%d mails are in doubt after %d crashes", doubts, crashes)
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
