package channels_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
)

func journeyStop(drop bool) channels.Sending {
	return channels.Sending{Stops: []channels.Stop{{ID: "7", Scope: channels.ScopeJourney, Value: "sale", Drop: drop}}}
}

// many makes n messages of a journey, decided one after the other.
func many(n int, journey string) (all []*enishi.Message) {
	for i := range n {
		m := message("line:main", "marketing", fmt.Sprint(journey, i))
		m.Journey, m.DecidedAt = journey, m.DecidedAt.Add(time.Duration(i)*time.Millisecond)
		all = append(all, m)
	}
	return all
}

// TestStoppedJourneyTakesNoPlace: far more than fits into memory is held, and what others send leaves at once; lifted, all
// of it leaves, once.
func TestStoppedJourneyTakesNoPlace(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		prov := &provider{took: time.Millisecond}
		p := w.start(routes(map[string]channels.Route{"line": {Channel: prov, Repeat: line.Repeat}}), func(c *channels.Config) { c.MaxQueue, c.MaxWait = 20, time.Hour })
		held, free := many(200, "sale"), many(60, "welcome")
		w.put(held[:15]...)
		w.eventually("the first are sent", func() bool { return w.ended(held[:15]...) })
		held = held[15:]
		p.Set(journeyStop(false))
		for i := range free {
			w.put(held[3*i : 3*i+3]...)
			w.put(free[i])
		}
		w.put(held[180:]...)
		w.within(10*time.Second, "the others are sent", func() bool { return w.ended(free...) })
		gone := *held[7] // waits in the ledger only
		gone.Cancel, gone.Reason = true, "consent:out"
		w.put(&gone)
		w.eventually("it is dropped", func() bool { return w.ended(held[7]) })
		time.Sleep(10 * time.Minute)
		if n := prov.count(); n != 15+len(free) {
			t.Errorf("%d calls while the journey is stopped, want %d", n, 15+len(free))
		}
		p.Set(channels.Sending{})
		w.eventually("all end", func() bool { return w.ended(held...) })
		p.stop()
		if n := prov.count(); n != 15+len(free)+len(held)-1 {
			t.Errorf("%d calls, want %d", n, 15+len(free)+len(held)-1)
		}
		if e := w.result(held[7]); e.Type != "message.dropped" || e.Result.Reason != "consent:out" {
			t.Errorf("the cancelled one ended as %s %s", e.Type, e.Result.Reason)
		}
	})
}

// TestStopDrops: what a stop drops ends as dropped, in memory, in the ledger alone and what still comes; others go on.
func TestStopDrops(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{channels.ScopeAll, channels.ScopeChannel, channels.ScopeJourney} {
		bubble(t, scope, func(t *testing.T, w *world) {
			prov := &provider{took: time.Millisecond}
			p := w.start(routes(map[string]channels.Route{"line": {Channel: prov, Repeat: line.Repeat}}), func(c *channels.Config) { c.MaxQueue = 20 })
			x := channels.Stop{ID: "7", Scope: scope, Value: map[string]string{"channel": "line", "journey": "sale"}[scope]}
			p.Set(channels.Sending{Stops: []channels.Stop{x}})
			held := many(100, "sale")
			w.put(held...)
			time.Sleep(20 * time.Second)
			if n := prov.count(); n != 0 || w.ended(held[0]) {
				t.Errorf("%d calls while stopped", n)
			}
			x.Drop = true
			p.Set(channels.Sending{Stops: []channels.Stop{x}})
			w.eventually("all are dropped", func() bool { return w.ended(held...) })
			late := many(3, "sale")
			w.put(late...)
			w.eventually("what still comes, too", func() bool { return w.ended(late...) })
			p.Set(channels.Sending{})
			fresh := many(3, "sale")
			w.put(fresh...)
			w.eventually("what comes after it is sent", func() bool { return w.ended(fresh...) })
			p.stop()
			for _, m := range append(held, late...) {
				if e := w.result(m); e.Type != "message.dropped" || e.Result.Reason != "stopped:7" {
					t.Fatalf("ended as %s %s", e.Type, e.Result.Reason)
				}
			}
			if prov.count() != len(fresh) {
				t.Errorf("%d calls, want %d", prov.count(), len(fresh))
			}
		})
	}
}

// TestStopIsTheLastWord: a message that was chosen before the stop and whose turn comes after it does not leave.
func TestStopIsTheLastWord(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		rendering, goOn := make(chan struct{}), make(chan struct{})
		w.render = func(m *enishi.Message) (*channels.Rendered, error) {
			close(rendering)
			<-goOn
			return rendered(m), nil
		}
		prov := &provider{}
		p := w.start(routes(map[string]channels.Route{"line": {Channel: prov, Repeat: line.Repeat}}), nil)
		m := many(1, "sale")[0]
		w.put(m)
		<-rendering
		p.Set(journeyStop(false))
		close(goOn)
		synctest.Wait()
		time.Sleep(5 * time.Second)
		if prov.count() != 0 || w.row(m).State != "decided" {
			t.Errorf("%d calls; the message is %s", prov.count(), w.row(m).State)
		}
		p.stop()
	})
}

func TestParseSending(t *testing.T) {
	t.Parallel()
	many := strings.TrimSuffix(strings.Repeat(`{"id":"x","scope":"all"},`, channels.MaxStops+1), ",")
	for body, field := range map[string]string{
		`{"off":1}`: "body.body",
		`{"stops":[{"id":"a","scope":"planet","value":"x"}]}`:                              "body.scope",
		`{"stops":[{"id":"a","scope":"journey"}]}`:                                         "body.value",
		`{"stops":[{"id":"a","scope":"all","value":"x"}]}`:                                 "body.value",
		`{"stops":[{"scope":"all"}]}`:                                                      "body.stops",
		`{"stops":[{"id":"a","scope":"all"},{"id":"a","scope":"channel","value":"line"}]}`: "body.stops",
		`{"stops":[` + many + `]}`:                                                         "body.stops",
	} {
		_, err := channels.ParseSending([]byte(body))
		var e *enishi.Error
		if !errors.As(err, &e) || e.Field != field || !strings.Contains(e.MsgJA, "。") {
			t.Errorf("%.80s: %v", body, err)
		}
	}
	s, err := channels.ParseSending([]byte(`{"off":true,"stops":[{"id":"a","scope":"prefecture","value":"東京都"}]}`))
	if err != nil || !s.Off || !s.Stops[0].Covers("email:main", "welcome", "東京都") || !s.Stops[0].Covers("email:main", "welcome", "東京") || s.Stops[0].Covers("email:main", "welcome", "") || s.Stops[0].Covers("email:main", "welcome", "大阪府") {
		t.Errorf("%+v %v", s, err)
	}
	for value, want := range map[[2]string]bool{{"channel", "line"}: true, {"destination", "line:main"}: true, {"destination", "line:other"}: false, {"channel", "line_notice"}: true, {"channel", "email"}: false} {
		x := channels.Stop{Scope: value[0], Value: value[1]}
		if x.Covers("line_notice:main", "", "") != want {
			t.Errorf("a stop of %v covers a notice: %v", value, !want)
		}
	}
	if x := (channels.Stop{Scope: "channel", Value: "line_notice"}); x.Covers("line:main", "", "") {
		t.Error("a stop of notices stops LINE")
	}
}
