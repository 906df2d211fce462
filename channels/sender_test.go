package channels_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
	linesim "enishi/internal/sim/line"
)

// provider is a fake channel: answer says what it says to a message, after took.
type provider struct {
	mu     sync.Mutex
	calls  []call
	took   time.Duration
	answer func(m *channels.Rendered, n int) error // n: tries of this round so far, from 1
	tries  map[string]int
}

type call struct {
	send    enishi.ID
	round   int
	to      string
	purpose string
	at      time.Time
	ok      bool
}

func (p *provider) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	if p.took > 0 {
		select {
		case <-time.After(p.took):
		case <-ctx.Done():
			return channels.Receipt{}, channels.Unknown(ctx.Err())
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tries == nil {
		p.tries = map[string]int{}
	}
	k := rowKey(m.SendID, m.Round)
	p.tries[k]++
	var err error
	if p.answer != nil {
		err = p.answer(m, p.tries[k])
	}
	p.calls = append(p.calls, call{m.SendID, m.Round, m.To, m.Purpose, time.Now(), err == nil})
	return channels.Receipt{Code: "200"}, err
}

func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.calls)
}

func (p *provider) list() []call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]call(nil), p.calls...)
}

// routes gives each channel its provider.
func routes(by map[string]channels.Route) func(string, string) (channels.Route, bool) {
	return func(channel, account string) (channels.Route, bool) {
		if r, ok := by[channel+":"+account]; ok {
			return r, true
		}
		r, ok := by[channel]
		return r, ok
	}
}

// bubble runs f in virtual time.
func bubble(t *testing.T, name string, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(t, newWorld(t)) })
	})
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	boom := errors.New("550 5.1.1 no such user")
	for _, x := range []struct {
		name, channel, purpose string
		answer                 func(m *channels.Rendered, n int) error
		notAfter               time.Duration
		typ, reason            string
		calls                  int
		until                  time.Duration // of deferred, at least
	}{
		{name: "taken", typ: "message.sent", calls: 1},
		{name: "never", answer: func(*channels.Rendered, int) error {
			return channels.Permanent(boom).With("550 5.1.1", "policy")
		}, typ: "message.failed", reason: "policy: 550 5.1.1 no such user", calls: 1},
		{name: "no such address", answer: func(*channels.Rendered, int) error {
			return channels.Permanent(boom).With("550 5.1.1", "hard")
		}, typ: "message.bounced", reason: "hard", calls: 1},
		{name: "quota", answer: func(*channels.Rendered, int) error {
			return channels.Refused("quota", errors.New("You have reached your monthly limit."))
		}, typ: "message.refused", reason: "quota", calls: 1},
		{name: "busy, then taken", answer: func(_ *channels.Rendered, n int) error {
			if n < 3 {
				return channels.Busy(boom, 0)
			}
			return nil
		}, typ: "message.sent", calls: 3},
		{name: "busy for ever", answer: func(*channels.Rendered, int) error { return channels.Busy(boom, 0) },
			typ: "message.deferred", reason: "busy: 550 5.1.1 no such user", calls: 5, until: time.Minute},
		{name: "greylisted", answer: func(*channels.Rendered, int) error {
			return channels.RetryAfter(errors.New("450 later"), 5*time.Minute).With("450", "greylisted")
		}, typ: "message.deferred", reason: "greylisted: 450 later", calls: 1, until: 5 * time.Minute},
		{name: "marketing mail in doubt", answer: func(*channels.Rendered, int) error { return channels.Unknown(errors.New("after the dot")) },
			typ: "message.unknown", reason: "after the dot", calls: 1},
		{name: "transactional mail in doubt", purpose: "transactional", answer: func(_ *channels.Rendered, n int) error {
			if n == 1 {
				return channels.Unknown(errors.New("after the dot"))
			}
			return nil
		}, typ: "message.sent", calls: 2},
		{name: "LINE in doubt", channel: "line", answer: func(_ *channels.Rendered, n int) error {
			if n < 4 {
				return channels.Unknown(errors.New("500"))
			}
			return nil
		}, typ: "message.sent", calls: 4},
		{name: "LINE in doubt for a day", channel: "line", answer: func(*channels.Rendered, int) error { return channels.Unknown(errors.New("500")) },
			typ: "message.unknown", reason: "not answered", calls: -1},
		{name: "LINE in doubt when its time is over", channel: "line", notAfter: 30 * time.Minute,
			answer: func(*channels.Rendered, int) error { return channels.Unknown(errors.New("500")) },
			typ:    "message.unknown", reason: "expired", calls: -1},
		{name: "too late", notAfter: -time.Second, typ: "message.refused", reason: "expired"},
		{name: "an error of no kind is doubt", answer: func(*channels.Rendered, int) error { return boom }, typ: "message.unknown",
			reason: "550 5.1.1 no such user", calls: 1},
	} {
		bubble(t, x.name, func(t *testing.T, w *world) {
			if x.channel == "" {
				x.channel = "email"
			}
			if x.purpose == "" {
				x.purpose = "marketing"
			}
			prov := &provider{answer: x.answer}
			p := w.start(routes(map[string]channels.Route{"email": {Channel: prov, RepeatTransactional: time.Hour}, "line": {Channel: prov, Repeat: line.Repeat}}), nil)
			m := message(x.channel+":main", x.purpose, "hanako")
			if x.notAfter != 0 {
				m.NotAfter = m.DecidedAt.Add(x.notAfter)
			}
			start := time.Now()
			w.put(m)
			w.within(25*time.Hour, "it ends", func() bool { return w.ended(m) })
			p.stop()
			e := w.result(m)
			if e.Type != x.typ || e.Result.Reason != x.reason {
				t.Errorf("ended as %s %q, want %s %q", e.Type, e.Result.Reason, x.typ, x.reason)
			}
			if x.calls >= 0 && prov.count() != x.calls {
				t.Errorf("%d calls, want %d", prov.count(), x.calls)
			}
			if x.until > 0 && e.Result.Until.Before(start.Add(x.until)) {
				t.Errorf("until %v, want at least %v", e.Result.Until.Sub(start), x.until)
			}
			if e.Result.Journey != "welcome" || e.Result.Node != "mail" || e.Result.RunID != m.RunID || e.Result.Channel != x.channel || e.Result.Purpose != x.purpose {
				t.Errorf("result %+v", e.Result)
			}
			if x.name == "LINE in doubt for a day" {
				last := prov.list()[prov.count()-1]
				if d := last.at.Sub(start); d > 23*time.Hour || d < 22*time.Hour {
					t.Errorf("last try after %v, want up to 23 h", d)
				}
			}
		})
	}
}

// TestDoubtIsNeverDeferred: a message that may have arrived must not be decided anew, however long it waits.
func TestDoubtIsNeverDeferred(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		sim := linesim.New(linesim.Config{Now: time.Now})
		api, _ := line.New(line.Config{Token: "t", Client: &http.Client{Transport: handlerTransport{h: sim}}})
		hanako := sim.UserID("hanako")
		_, _ = sim.Follow(hanako, "")
		sim.Inject(linesim.Fault{Endpoint: "push", After: true, Status: 500})
		sim.Inject(linesim.Fault{Endpoint: "push", Status: 429, Message: "The API rate limit has been exceeded.", Until: time.Now().Add(5 * time.Minute), Times: -1})
		p := w.start(routes(map[string]channels.Route{"line": {Channel: api, Repeat: line.Repeat}}), nil)
		m := message("line:main", "marketing", hanako)
		w.put(m)
		w.within(time.Hour, "it ends", func() bool { return w.ended(m) })
		p.stop()
		if e := w.result(m); e.Type != "message.sent" || e.Result.Code != "409" || sim.ReceivedCount(hanako) != 1 {
			t.Errorf("%s code %s, %d received", e.Type, e.Result.Code, sim.ReceivedCount(hanako))
		}
	})
}

// TestStuckRecipientHoldsOnlyItself is P5: 5 % of the people cannot be reached for ten minutes; order holds for each
// person, and the others are as quick as without them.
func TestStuckRecipientHoldsOnlyItself(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, w *world, stuck bool) time.Duration {
		begin := time.Now()
		prov := &provider{took: 10 * time.Millisecond, answer: func(m *channels.Rendered, tries int) error {
			var n int
			_, _ = fmt.Sscanf(m.To, "p%d", &n)
			if stuck && n%20 == 0 && time.Since(begin) < 10*time.Minute {
				return channels.RetryAfter(errors.New("stuck"), 2*time.Second)
			}
			if stuck && n%20 == 1 && m.Template == "first" && tries < 3 { // the first one must not be overtaken by those behind it
				return channels.RetryAfter(errors.New("not yet"), 2*time.Second)
			}
			return nil
		}}
		p := w.start(routes(map[string]channels.Route{"line": {Channel: prov, Repeat: line.Repeat, Limit: channels.Limit{Workers: 8}}}), nil)
		var all []*enishi.Message
		arrived := map[enishi.ID]time.Time{}
		for i := range 600 { // three to each person
			m := message("line:main", "marketing", fmt.Sprintf("p%d", i%200))
			if i < 200 {
				m.Template = "first"
			}
			all = append(all, m)
			arrived[m.SendID] = time.Now()
			w.put(m)
			time.Sleep(5 * time.Millisecond)
		}
		w.within(time.Hour, "all end", func() bool { return w.ended(all...) })
		p.stop()
		order := map[string]int{}
		var waits []time.Duration
		index := map[enishi.ID]int{}
		for i, m := range all {
			index[m.SendID] = i
		}
		for _, c := range prov.list() {
			if !c.ok {
				continue
			}
			if last, ok := order[c.to]; ok && index[c.send] < last {
				t.Errorf("%s got message %d after %d", c.to, index[c.send], last)
			}
			order[c.to] = index[c.send]
			var n int
			_, _ = fmt.Sscanf(c.to, "p%d", &n)
			if n%20 > 1 && index[c.send] >= 20 { // after the cautious start
				waits = append(waits, c.at.Sub(arrived[c.send]))
			}
		}
		if len(waits) != 522 || len(order) != 190 && stuck {
			t.Errorf("%d messages to the others, want 522; %d people got some", len(waits), len(order))
		}
		sort.Slice(waits, func(i, j int) bool { return waits[i] < waits[j] })
		return waits[len(waits)*99/100]
	}
	var clean, stuck time.Duration
	bubble(t, "clean", func(t *testing.T, w *world) { clean = run(t, w, false) })
	bubble(t, "stuck", func(t *testing.T, w *world) { stuck = run(t, w, true) })
	t.Logf("p99 of the others: %v clean, %v beside stuck ones", clean, stuck)
	if stuck >= 2*clean {
		t.Errorf("p99 of the others %v, %v without stuck ones", stuck, clean)
	}
}

// TestDeadDestinationSlowsNoOther: one relay answers nobody; the others do not notice, and the breaker spares it calls.
func TestDeadDestinationSlowsNoOther(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		good := &provider{took: 20 * time.Millisecond}
		dead := &provider{took: 30 * time.Second, answer: func(*channels.Rendered, int) error { return channels.Busy(errors.New("timeout"), 0) }}
		p := w.start(routes(map[string]channels.Route{"email:good": {Channel: good}, "email:dead": {Channel: dead}}), func(c *channels.Config) { c.BreakerOpen = 30 * time.Second })
		var quick, lost []*enishi.Message
		worst := time.Duration(0)
		for i := range 300 {
			g, d := message("email:good", "marketing", fmt.Sprint("g", i)), message("email:dead", "marketing", fmt.Sprint("d", i))
			quick, lost = append(quick, g), append(lost, d)
			at := time.Now()
			w.put(g, d)
			w.eventually("the good one is sent", func() bool { return w.ended(g) })
			worst = max(worst, time.Since(at))
		}
		if worst > 500*time.Millisecond {
			t.Errorf("a message to the good destination took %v", worst)
		}
		w.within(10*time.Minute, "the dead one's go back", func() bool { return w.ended(lost...) })
		p.stop()
		for _, m := range lost {
			if e := w.result(m); e.Type != "message.deferred" {
				t.Fatalf("ended as %s", e.Type)
			}
		}
		if n := dead.count(); n > 20 {
			t.Errorf("%d calls to a dead destination", n)
		}
		if !w.ended(quick...) {
			t.Error("not all good ones ended")
		}
	})
}

// TestLineOutage is the half hour of P8: LINE answers 500, sometimes after it has taken the message. All arrive once, and
// soon after the end.
func TestLineOutage(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		sim := linesim.New(linesim.Config{Now: time.Now, Keep: 100_000})
		api, _ := line.New(line.Config{Token: "t", Client: &http.Client{Transport: handlerTransport{h: sim}}})
		end := time.Now().Add(30 * time.Minute)
		sim.Inject(linesim.Fault{Endpoint: "push", After: true, Status: 500, Times: 3})
		sim.Inject(linesim.Fault{Endpoint: "push", Status: 500, Times: -1, Until: end})
		p := w.start(routes(map[string]channels.Route{"line": {Channel: api, Repeat: line.Repeat, Limit: channels.Limit{Workers: 8}}}), func(c *channels.Config) { c.BreakerOpen = 5 * time.Second })
		// The fold decides again what comes back to it.
		open := map[enishi.ID]*enishi.Message{}
		var all []*enishi.Message
		for i := range 200 {
			id := sim.UserID(fmt.Sprint("u", i))
			_, _ = sim.Follow(id, "")
			m := message("line:main", "marketing", id)
			open[m.SendID] = m
			all = append(all, m)
		}
		w.put(all...)
		var drained time.Duration
		for len(open) > 0 {
			if time.Since(end) > 30*time.Minute {
				t.Fatalf("%d messages are open", len(open))
			}
			time.Sleep(time.Second)
			for _, m := range open {
				if !w.ended(m) {
					continue
				}
				e := w.result(m)
				switch {
				case e.Type == "message.sent":
					delete(open, m.SendID)
					drained = time.Since(end)
				case e.Type != "message.deferred":
					t.Fatalf("ended as %s %s", e.Type, e.Result.Reason)
				case !time.Now().Before(e.Result.Until):
					again := *m
					again.Round++
					again.DecidedAt = time.Now().UTC()
					open[m.SendID] = &again
					w.put(&again)
				}
			}
		}
		p.stop()
		for _, m := range all {
			if n := sim.ReceivedCount(m.To); n != 1 {
				t.Errorf("%s received %d", m.To, n)
			}
		}
		t.Logf("drained %v after the end; %d calls in the outage", drained, sim.Counts().Calls["push 500"])
		if n := sim.Counts().Calls["push 500"]; n > 1000 {
			t.Errorf("%d calls in half an hour", n)
		}
	})
}

// TestBadTokenStopsTheAccount: after 401 nothing more is tried, until somebody acts.
func TestBadTokenStopsTheAccount(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		sim := linesim.New(linesim.Config{Now: time.Now, ChannelToken: "good"})
		var token atomic.Value
		token.Store("bad")
		route := func(string, string) (channels.Route, bool) {
			api, _ := line.New(line.Config{Token: token.Load().(string), Client: &http.Client{Transport: handlerTransport{h: sim, took: 100 * time.Millisecond}}})
			return channels.Route{Channel: api, Repeat: line.Repeat, Limit: channels.Limit{Workers: 16}}, true
		}
		var alerts atomic.Int32
		p := w.start(route, func(c *channels.Config) { c.Alert = func(enishi.Alert) { alerts.Add(1) } })
		var all []*enishi.Message
		for i := range 50 {
			id := sim.UserID(fmt.Sprint(i))
			_, _ = sim.Follow(id, "")
			all = append(all, message("line:main", "marketing", id))
		}
		w.put(all...)
		time.Sleep(30 * time.Second)
		if n := sim.Counts().Calls["push 401"]; n < 1 || n > 5 {
			t.Errorf("%d calls with a bad token, want 1 to 5", n)
		}
		w.mu.Lock()
		if w.inserts > 20 {
			t.Errorf("%d inserts while nothing can be sent", w.inserts)
		}
		w.mu.Unlock()
		if st := p.Status(); len(st) != 1 || st[0].State != "down" || st[0].Reason == "" || alerts.Load() != 1 {
			t.Errorf("status %+v, %d alerts", st, alerts.Load())
		}
		token.Store("good")
		p.Set(channels.Sending{Again: map[string]int64{"line": 1}})
		w.eventually("all are sent", func() bool { return w.ended(all...) })
		p.stop()
		for _, m := range all {
			if e := w.result(m); e.Type != "message.sent" || sim.ReceivedCount(m.To) != 1 {
				t.Fatalf("%s, %d received", e.Type, sim.ReceivedCount(m.To))
			}
		}
	})
}
