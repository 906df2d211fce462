package channels_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
)

func TestOffHoldsEverything(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		prov := &provider{}
		p := w.start(routes(map[string]channels.Route{"email": {Channel: prov}, "line": {Channel: prov, Repeat: line.Repeat}}), func(c *channels.Config) { c.Sending.Off = true })
		old, late := message("email:main", "marketing", "a"), message("line:main", "marketing", "b")
		late.NotAfter = late.DecidedAt.Add(time.Minute)
		w.put(old, late)
		time.Sleep(10 * time.Minute)
		if prov.count() != 0 {
			t.Errorf("%d calls while sending is off", prov.count())
		}
		for _, q := range p.Status() {
			if q.State != "off" {
				t.Errorf("%s is %s", q.Destination, q.State)
			}
		}
		if !w.ended(late) || w.result(late).Result.Reason != "expired" {
			t.Error("what expired while sending was off has not ended")
		}
		if w.row(old).State != "decided" {
			t.Errorf("a held message is %s", w.row(old).State)
		}
		p.Set(channels.Sending{})
		w.eventually("what waited goes back to the fold", func() bool { return w.ended(old) })
		fresh := message("email:main", "marketing", "a")
		w.put(fresh)
		w.eventually("what is new is sent", func() bool { return w.ended(fresh) })
		p.stop()
		if e := w.result(old); e.Type != "message.deferred" {
			t.Errorf("what waited ended as %s", e.Type)
		}
		if e := w.result(fresh); e.Type != "message.sent" {
			t.Errorf("what is new ended as %s", e.Type)
		}
	})
}

// stop holds what goes to the destinations of a match; "" is all.
func stop(p *process, match string) {
	x := channels.Stop{ID: "1", Scope: channels.ScopeDestination, Value: match}
	if match == "" {
		x.Scope = channels.ScopeAll
	}
	p.Set(channels.Sending{Stops: []channels.Stop{x}})
}

func TestPause(t *testing.T) {
	t.Parallel()
	for _, match := range []string{"email:main:gmail", "email:main", "email", ""} {
		bubble(t, "match "+match, func(t *testing.T, w *world) {
			prov := &provider{}
			p := w.start(routes(map[string]channels.Route{"email": {Channel: prov}, "line": {Channel: prov, Repeat: line.Repeat}}), nil)
			stop(p, match)
			a, b := message("email:main:gmail", "marketing", "a"), message("line:main", "marketing", "b")
			w.put(a, b)
			time.Sleep(5 * time.Second)
			if w.ended(a) || w.ended(b) != (match != "") {
				t.Errorf("mail ended %t, LINE ended %t", w.ended(a), w.ended(b))
			}
			held := 0
			for _, q := range p.Status() {
				if q.State == "stopped" {
					held += q.Waiting
				}
			}
			if held != map[bool]int{true: 2, false: 1}[match == ""] {
				t.Errorf("%d are held", held)
			}
			p.Set(channels.Sending{})
			w.eventually("all are sent", func() bool { return w.ended(a, b) })
			p.stop()
			if e := w.result(a); e.Type != "message.sent" { // it waited less than a minute
				t.Errorf("ended as %s", e.Type)
			}
		})
	}
	bubble(t, "a name that only begins alike", func(t *testing.T, w *world) {
		prov := &provider{}
		p := w.start(routes(map[string]channels.Route{"email": {Channel: prov}}), nil)
		stop(p, "email:ma")
		m := message("email:main", "marketing", "a")
		w.put(m)
		w.eventually("it is sent", func() bool { return w.ended(m) })
		p.stop()
	})
}

func TestHeldMessagesWait(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		w.sending.Stops = []channels.Stop{{ID: "1", Scope: channels.ScopePrefecture, Value: "東京都"}}
		prov := &provider{}
		p := w.start(routes(map[string]channels.Route{"email": {Channel: prov}}), nil)
		a, b := message("email:main", "marketing", "a"), message("email:main", "marketing", "b")
		a.Prefecture, b.Prefecture = "東京都", "大阪府"
		w.put(a, b)
		w.eventually("the other is sent", func() bool { return w.ended(b) })
		time.Sleep(30 * time.Second)
		if w.ended(a) {
			t.Error("a held message ended")
		}
		p.Set(channels.Sending{})
		w.eventually("it is sent", func() bool { return w.ended(a) })
		p.stop()
	})
}

// TestSpill: more than fits into memory waits in the ledger, and all of it leaves, once and in order of its decision.
func TestSpill(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		prov := &provider{took: 10 * time.Millisecond}
		p := w.start(routes(map[string]channels.Route{"line": {Channel: prov, Repeat: line.Repeat}}), func(c *channels.Config) { c.MaxQueue, c.MaxWait = 20, time.Hour })
		var all []*enishi.Message
		for i := range 500 {
			m := message("line:main", "marketing", fmt.Sprint(i))
			m.DecidedAt = m.DecidedAt.Add(time.Duration(i) * time.Millisecond)
			all = append(all, m)
		}
		stop(p, "")
		w.put(all[:200]...)
		synctest.Wait()
		if st := p.Status(); st[0].Waiting > 20 || !st[0].Spilled {
			t.Errorf("%+v", st[0])
		}
		drop := *all[150] // waits in the ledger only
		drop.Cancel, drop.Reason = true, "hold:complaint"
		w.put(&drop)
		p.Set(channels.Sending{})
		for i := 200; i < 500; i += 10 { // goes on coming meanwhile
			w.put(all[i : i+10]...)
			time.Sleep(7 * time.Millisecond)
		}
		w.eventually("all end", func() bool { return w.ended(all...) })
		p.stop()
		if prov.count() != 499 {
			t.Errorf("%d calls for 499 messages", prov.count())
		}
		if e := w.result(all[150]); e.Type != "message.dropped" || e.Result.Reason != "hold:complaint" {
			t.Errorf("the cancelled one ended as %s %s", e.Type, e.Result.Reason)
		}
	})
}

func TestQuotaRefusesWhatWaits(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		var full atomic.Bool
		full.Store(true)
		prov := &provider{answer: func(*channels.Rendered, int) error {
			if full.Load() {
				return channels.Refused("quota", errors.New("You have reached your monthly limit."))
			}
			return nil
		}}
		p := w.start(routes(map[string]channels.Route{"line": {Channel: prov, Repeat: line.Repeat}}), nil)
		var all []*enishi.Message
		for i := range 30 {
			all = append(all, message("line:main", "marketing", fmt.Sprint(i)))
		}
		w.put(all...)
		w.within(5*time.Second, "all are refused at once", func() bool { return w.ended(all...) })
		if n := prov.count(); n > 5 {
			t.Errorf("%d calls without quota", n)
		}
		for _, m := range all {
			if e := w.result(m); e.Type != "message.refused" || e.Result.Reason != "quota" {
				t.Fatalf("ended as %s %s", e.Type, e.Result.Reason)
			}
		}
		full.Store(false)
		time.Sleep(11 * time.Minute)
		m := message("line:main", "marketing", "later")
		w.put(m)
		w.eventually("it is tried again after a while", func() bool { return w.ended(m) })
		p.stop()
		if e := w.result(m); e.Type != "message.sent" {
			t.Errorf("ended as %s", e.Type)
		}
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	order := func(m *enishi.Message) *enishi.Message {
		c := *m
		c.Cancel, c.Reason = true, "consent:out"
		return &c
	}
	bubble(t, "has left", func(t *testing.T, w *world) {
		prov := &provider{}
		p := w.start(routes(map[string]channels.Route{"email": {Channel: prov}}), nil)
		m := message("email:main", "marketing", "a")
		w.put(m)
		w.eventually("it is sent", func() bool { return w.ended(m) })
		w.put(order(m))
		time.Sleep(time.Second)
		p.stop()
		if !w.ended(m) || w.result(m).Type != "message.sent" {
			t.Error("a cancel changed what had left")
		}
	})
	bubble(t, "is at the provider and refused for now", func(t *testing.T, w *world) {
		prov := &provider{took: time.Second, answer: func(*channels.Rendered, int) error { return channels.Busy(errors.New("later"), 0) }}
		p := w.start(routes(map[string]channels.Route{"email": {Channel: prov}}), nil)
		m := message("email:main", "marketing", "a")
		w.put(m)
		time.Sleep(100 * time.Millisecond)
		w.put(order(m))
		w.eventually("it ends", func() bool { return w.ended(m) })
		p.stop()
		if e := w.result(m); e.Type != "message.dropped" || prov.count() != 1 {
			t.Errorf("ended as %s after %d calls", e.Type, prov.count())
		}
	})
	bubble(t, "is in doubt", func(t *testing.T, w *world) {
		prov := &provider{answer: func(*channels.Rendered, int) error { return channels.Unknown(errors.New("500")) }}
		p := w.start(routes(map[string]channels.Route{"line": {Channel: prov, Repeat: line.Repeat}}), nil)
		m := message("line:main", "marketing", "a")
		w.put(m)
		time.Sleep(500 * time.Millisecond)
		w.put(order(m))
		w.eventually("it ends", func() bool { return w.ended(m) })
		p.stop()
		if e := w.result(m); e.Type != "message.unknown" || prov.count() != 1 {
			t.Errorf("ended as %s after %d calls", e.Type, prov.count())
		}
	})
}

// TestRepeats: the fold's replay puts the same round again; a new round after a refusal is another thing.
func TestRepeats(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		prov := &provider{}
		route := routes(map[string]channels.Route{"email": {Channel: prov}})
		p := w.start(route, nil)
		m := message("email:main", "marketing", "a")
		old := message("email:main", "marketing", "b")
		old.DecidedAt = old.DecidedAt.Add(-48 * time.Hour)
		w.put(m, m, old)
		w.eventually("they are sent", func() bool { return w.ended(m, old) })
		w.put(m, old)
		time.Sleep(time.Second)
		p.stop()
		p = w.start(route, nil) // remembers nothing by itself
		w.put(m, old)
		time.Sleep(time.Second)
		if prov.count() != 2 {
			t.Errorf("%d calls for 2 messages", prov.count())
		}
		again := *m
		again.Round = 2
		w.put(&again)
		w.eventually("the new round is sent", func() bool { return w.ended(&again) })
		p.stop()
	})
}

// TestZombie is P10: who may have lost the partition calls no provider and defers nothing.
func TestZombie(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		prov := &provider{}
		var owner atomic.Bool
		p := w.start(routes(map[string]channels.Route{"email": {Channel: prov}}), func(c *channels.Config) {
			c.Consume = w.consume(w.process(), owner.Load)
		})
		m, late := message("email:main", "marketing", "a"), message("email:main", "marketing", "b")
		late.NotAfter = late.DecidedAt
		w.put(m, late)
		time.Sleep(5 * time.Minute)
		if prov.count() != 0 || w.ended(m) || w.ended(late) {
			t.Errorf("%d calls; ended %t, %t", prov.count(), w.ended(m), w.ended(late))
		}
		p.stop()
		if s := w.row(m).State; s != "decided" {
			t.Errorf("left as %s", s)
		}
	})
}

// TestStopGivesBack: a stop in good order leaves nothing in doubt, and a call under way may end.
func TestStopGivesBack(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		prov := &provider{took: time.Second}
		route := routes(map[string]channels.Route{"email": {Channel: prov, Limit: channels.Limit{Workers: 2}}})
		p := w.start(route, nil)
		var all []*enishi.Message
		for i := range 40 {
			all = append(all, message("email:main", "marketing", fmt.Sprint(i)))
		}
		w.put(all...)
		time.Sleep(2500 * time.Millisecond)
		p.stop()
		called := prov.count()
		for _, m := range all {
			if s := w.row(m); s.State == "intent" {
				t.Errorf("a message is left in doubt")
			}
		}
		time.Sleep(10 * time.Second)
		if prov.count() != called {
			t.Error("a call came after the stop")
		}
		p = w.start(route, nil)
		w.within(2*time.Minute, "all end", func() bool { return w.ended(all...) })
		p.stop()
		if prov.count() != 40 {
			t.Errorf("%d calls for 40 messages", prov.count())
		}
	})
}

// TestRate: no more than the limit leaves in any second.
func TestRate(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		prov := &provider{}
		p := w.start(routes(map[string]channels.Route{"line": {Channel: prov, Repeat: line.Repeat, Limit: channels.Limit{PerSecond: 20, Workers: 8}}}), func(c *channels.Config) { c.MaxWait = time.Hour })
		var all []*enishi.Message
		for i := range 200 {
			all = append(all, message("line:main", "marketing", fmt.Sprint(i)))
		}
		start := time.Now()
		w.put(all...)
		w.eventually("all are sent", func() bool { return w.ended(all...) })
		p.stop()
		calls := prov.list()
		for i := range calls {
			n := 0
			for _, c := range calls[i:] {
				if c.at.Sub(calls[i].at) < time.Second {
					n++
				}
			}
			if n > 23 { // 20 and the burst
				t.Fatalf("%d calls in a second", n)
			}
		}
		if d := time.Since(start); d < 9*time.Second || d > 15*time.Second {
			t.Errorf("200 messages at 20 a second took %v", d)
		}
	})
}

// TestUrgentFirst: what the person waits for overtakes advertisements.
func TestUrgentFirst(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		prov := &provider{took: 10 * time.Millisecond}
		p := w.start(routes(map[string]channels.Route{"email": {Channel: prov, Limit: channels.Limit{Workers: 1}}}), nil)
		var all []*enishi.Message
		for i := range 100 {
			all = append(all, message("email:main", "marketing", fmt.Sprint(i)))
		}
		w.put(all...)
		time.Sleep(100 * time.Millisecond)
		receipt := message("email:main", "transactional", "x")
		w.put(receipt)
		w.eventually("all are sent", func() bool { return w.ended(append(all, receipt)...) })
		p.stop()
		for i, c := range prov.list() {
			if c.send == receipt.SendID && i > 20 {
				t.Errorf("the receipt left as number %d", i)
			}
		}
	})
}

func TestUnknownAccount(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		prov := &provider{}
		by := map[string]channels.Route{}
		p := w.start(routes(by), nil)
		m := message("email:nobody", "marketing", "a")
		w.put(m)
		w.within(2*time.Minute, "it is parked", func() bool { return w.row(m).State == "parked" })
		by["email"] = channels.Route{Channel: prov}
		p.Set(channels.Sending{Again: map[string]int64{"email:nobody": 1}})
		w.eventually("it goes back", func() bool { return w.ended(m) })
		if e := w.result(m); e.Type != "message.deferred" || e.Result.Reason != "account: no such account" {
			t.Errorf("ended as %s %s", e.Type, e.Result.Reason)
		}
		m = message("email:nobody", "marketing", "a")
		w.put(m)
		w.eventually("it is sent once the account is there", func() bool { return w.ended(m) })
		p.stop()
	})
}

func TestRenderErrorFailsVisibly(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		w.render = func(m *enishi.Message) (*channels.Rendered, error) {
			if m.To == "a" {
				return nil, errors.New("variants.ja.html: line 3: the variable has no value in {{ order.total }}")
			}
			return rendered(m), nil
		}
		prov := &provider{}
		p := w.start(routes(map[string]channels.Route{"email": {Channel: prov}}), nil)
		a, b := message("email:main", "marketing", "a"), message("email:main", "marketing", "b")
		w.put(a, b)
		w.eventually("both end", func() bool { return w.ended(a, b) })
		p.stop()
		if e := w.result(a); e.Type != "message.failed" || !strings.Contains(e.Result.Reason, "order.total") || prov.count() != 1 {
			t.Errorf("ended as %s %q, %d calls", e.Type, e.Result.Reason, prov.count())
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	if _, err := channels.New(channels.Config{}); err == nil {
		t.Error("an empty Config is taken")
	}
}
