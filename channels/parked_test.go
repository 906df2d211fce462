package channels_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
)

// TestParked: what waits for an account that is refused is parked, in the ledger alone and for as long as it takes; it comes
// back by a resume, a lifted stop or a restart, and then the fold decides anew. Cancelled or dropped by hand it ends so.
func TestParked(t *testing.T) {
	t.Parallel()
	refused := func(*channels.Rendered, int) error {
		return channels.Down(errors.New("401 Authentication failed")).With("401", "account")
	}
	setUp := func(t *testing.T, w *world) (*provider, *process, []*enishi.Message) {
		prov := &provider{answer: refused}
		p := w.start(routes(map[string]channels.Route{"line": {Channel: prov, Repeat: line.Repeat}}), func(c *channels.Config) { c.MaxQueue = 20 })
		var all []*enishi.Message
		for i := range 50 { // more than fits into memory
			all = append(all, message("line:main", "marketing", fmt.Sprint(i)))
		}
		w.put(all...)
		w.within(10*time.Minute, "all are parked", func() bool { return w.parked(all) == len(all) })
		time.Sleep(24 * time.Hour)
		if n := prov.count(); n > 5 || w.parked(all) != len(all) {
			t.Errorf("%d calls of an account that is refused, %d are parked", n, w.parked(all))
		}
		if row := w.row(all[0]); row.Reason != "account: 401 Authentication failed" {
			t.Errorf("parked for %q", row.Reason)
		}
		prov.mu.Lock()
		prov.answer = nil
		prov.mu.Unlock()
		return prov, p, all
	}
	expect := func(t *testing.T, w *world, all []*enishi.Message, typ, reason string) {
		t.Helper()
		w.eventually("all end", func() bool { return w.ended(all...) })
		for _, m := range all {
			if e := w.result(m); e.Type != typ || e.Result.Reason != reason {
				t.Fatalf("ended as %s %q, want %s %q", e.Type, e.Result.Reason, typ, reason)
			}
		}
	}
	bubble(t, "resume", func(t *testing.T, w *world) {
		_, p, all := setUp(t, w)
		gone := *all[3]
		gone.Cancel, gone.Reason = true, "consent:out"
		w.put(&gone)
		expect(t, w, all[3:4], "message.dropped", "consent:out")
		p.Set(channels.Sending{Again: map[string]int64{"line:main": 1}})
		expect(t, w, append(all[:3:3], all[4:]...), "message.deferred", "account: 401 Authentication failed")
		if e := w.result(all[0]); e.Result.Until.After(time.Now()) {
			t.Errorf("decided again at %v, want now", e.Result.Until)
		}
		again := *all[0]
		again.Round = 2
		w.put(&again)
		w.eventually("decided anew it is sent", func() bool { return w.ended(&again) })
		p.stop()
	})
	bubble(t, "restart", func(t *testing.T, w *world) {
		prov, p, all := setUp(t, w)
		p.stop()
		p = w.start(routes(map[string]channels.Route{"line": {Channel: prov, Repeat: line.Repeat}}), nil)
		expect(t, w, all, "message.deferred", "account: 401 Authentication failed")
		p.stop()
	})
	bubble(t, "dropped by hand", func(t *testing.T, w *world) {
		_, p, all := setUp(t, w)
		p.Set(channels.Sending{Discard: map[string]time.Time{"line": time.Now()}})
		expect(t, w, all, "message.dropped", "discarded")
		p.Set(channels.Sending{Discard: map[string]time.Time{"line": time.Now()}, Again: map[string]int64{"line:main": 1}})
		late := message("line:main", "marketing", "late")
		w.put(late)
		w.eventually("what comes after it is sent", func() bool { return w.ended(late) })
		p.stop()
	})
	bubble(t, "dropped by hand while nobody owned it", func(t *testing.T, w *world) {
		prov, p, all := setUp(t, w)
		p.stop()
		w.sending.Discard = map[string]time.Time{"line:main": time.Now()}
		p = w.start(routes(map[string]channels.Route{"line": {Channel: prov, Repeat: line.Repeat}}), nil)
		expect(t, w, all, "message.dropped", "discarded")
		p.stop()
	})
	bubble(t, "a stop that drops", func(t *testing.T, w *world) {
		_, p, all := setUp(t, w)
		p.Set(channels.Sending{Stops: []channels.Stop{{ID: "7", Scope: channels.ScopeChannel, Value: "line", Drop: true}}})
		expect(t, w, all, "message.dropped", "discarded")
		p.stop()
	})
}

// parked counts those that are.
func (w *world) parked(all []*enishi.Message) (n int) {
	for _, m := range all {
		if w.row(m).State == "parked" {
			n++
		}
	}
	return n
}

// TestParkedTemplate: a message whose template is missing waits for somebody, and holds up nobody.
func TestParkedTemplate(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		missing := true
		w.render = func(m *enishi.Message) (*channels.Rendered, error) {
			if m.To == "a" && missing {
				return nil, channels.Parked(errors.New("there is no version 7 of template hello")).With("", "template")
			}
			return rendered(m), nil
		}
		prov := &provider{}
		p := w.start(routes(map[string]channels.Route{"email": {Channel: prov}}), nil)
		a, b := message("email:main", "marketing", "a"), message("email:main", "marketing", "b")
		w.put(a, b)
		w.eventually("the other is sent", func() bool { return w.ended(b) })
		w.eventually("it is parked", func() bool { return w.row(a).State == "parked" })
		time.Sleep(time.Hour)
		if row := w.row(a); row.State != "parked" || row.Reason != "template: there is no version 7 of template hello" || prov.count() != 1 {
			t.Errorf("%s %q, %d calls", row.State, row.Reason, prov.count())
		}
		missing = false
		p.Set(channels.Sending{Again: map[string]int64{"email:main": 1}})
		w.eventually("it goes back", func() bool { return w.ended(a) })
		if e := w.result(a); e.Type != "message.deferred" {
			t.Errorf("ended as %s", e.Type)
		}
		p.stop()
	})
}
