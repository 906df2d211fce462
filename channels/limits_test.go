package channels_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
)

func TestParseDelivery(t *testing.T) {
	t.Parallel()
	for body, field := range map[string]string{
		`{"limit":[]}`: "body.body",
		`{"limits":[{"destination":"email:main:docmo","per_second":1}]}`:                                "body.limits[0].destination",
		`{"limits":[{"destination":"line:main:gmail","per_second":1}]}`:                                 "body.limits[0].destination",
		`{"limits":[{"destination":"post","per_second":1}]}`:                                            "body.limits[0].destination",
		`{"limits":[{"destination":"email","per_second":-1}]}`:                                          "body.limits[0]",
		`{"limits":[{"destination":"email","connections":501}]}`:                                        "body.limits[0]",
		`{"warm_up":[{"account":"email:*","begin":"2026-04-01"}]}`:                                      "body.warm_up[0].account",
		`{"warm_up":[{"account":"email:main","begin":"1 April"}]}`:                                      "body.warm_up[0].begin",
		`{"warm_up":[{"account":"email:main","begin":"2026-04-01","days":[0]}]}`:                        "body.warm_up[0].days",
		`{"warm_up":[{"account":"email:main","begin":"2026-04-01","groups":{"kddi":[1]}}]}`:             "body.warm_up[0].groups",
		`{"shares":{"gmail":70,"au":40}}`:                                                               "body.shares",
		`{"keep_days":7}`:                                                                               "body.keep_days",
		`{"limits":[` + strings.TrimSuffix(strings.Repeat(`{"destination":"email"},`, 201), ",") + `]}`: "body.limits",
	} {
		_, err := channels.ParseDelivery([]byte(body))
		var e *enishi.Error
		if !errors.As(err, &e) || e.Field != field || !strings.Contains(e.MsgJA, "。") {
			t.Errorf("%.80s: %v", body, err)
		}
	}
	d, err := channels.ParseDelivery([]byte(`{"limits":[{"destination":"email:*:docomo","per_second":5,"connections":2}],"warm_up":[{"account":"email:main","begin":"2026-04-01","groups":{"au":[10,20]}}],"keep_days":400}`))
	if err != nil || d.Limits[0].PerSecond != 5 || d.Keep() != 400*24*time.Hour {
		t.Errorf("%+v %v", d, err)
	}
	if keep := (&channels.Delivery{}).Keep(); keep != 396*24*time.Hour {
		t.Errorf("kept for %v unless said", keep)
	}
}

// TestLimitRules: the narrowest rule says each number by itself, and an account's budget is never more than itself.
func TestLimitRules(t *testing.T) {
	t.Parallel()
	d := channels.Delivery{Limits: []channels.LimitRule{
		{Destination: "email", PerSecond: 100, Connections: 9},
		{Destination: "email:*:docomo", PerSecond: 5},
		{Destination: "email:news:docomo", Connections: 1},
		{Destination: "email:news", PerDay: 1000, PerMonth: 9999},
		{Destination: "email:news:au", PerDay: 7},
		{Destination: "line:*", PerDay: 30},
	}}
	for destination, want := range map[string]channels.Limit{
		"email:main:gmail":  {PerSecond: 100, Workers: 9},
		"email:main:docomo": {PerSecond: 5, Workers: 9},
		"email:news:docomo": {PerSecond: 5, Workers: 1, PerDay: 100, PerMonth: 999},
		"email:news:au":     {PerSecond: 100, Workers: 9, PerDay: 7, PerMonth: 599},
		"line:main":         {PerSecond: 3, Workers: 4, PerDay: 30},
	} {
		if got := channels.LimitOf(&d, destination, channels.Limit{PerSecond: 3, Workers: 4}); got != want {
			t.Errorf("%s: %+v, want %+v", destination, got, want)
		}
	}
	sum := 0
	for _, group := range enishi.MailGroups() {
		sum += channels.LimitOf(&d, "email:all:"+group, channels.Limit{}).PerDay
	}
	if sum != 0 {
		t.Errorf("%d of a budget that another account has", sum)
	}
	d.Limits = []channels.LimitRule{{Destination: "email:all", PerDay: 12345}}
	for _, group := range enishi.MailGroups() {
		sum += channels.LimitOf(&d, "email:all:"+group, channels.Limit{}).PerDay
	}
	if sum > 12345 || sum < 12335 {
		t.Errorf("the groups have %d of 12345 together", sum)
	}
}

// deliver makes n messages of a destination and waits for their end.
func (w *world) deliver(destination, purpose string, n int, change func(*enishi.Message)) (all []*enishi.Message) {
	w.t.Helper()
	for range n {
		m := message(destination, purpose, fmt.Sprint("person", msgCount.Load()))
		if change != nil {
			change(m)
		}
		all = append(all, m)
	}
	w.put(all...)
	w.eventually("all end", func() bool { return w.ended(all...) })
	return all
}

// outcomes counts the ends by type and reason.
func (w *world) outcomes(all []*enishi.Message) map[string]int {
	out := map[string]int{}
	for _, m := range all {
		e := w.result(m)
		out[strings.TrimSpace(e.Type+" "+e.Result.Reason)]++
	}
	return out
}

// TestWarmUp: on the n-th day of a new sender domain as much goes to a receiving system as the ramp says; the rest is decided
// again on the next day, or refused when that is too late for it. What a customer waits for is not held back.
func TestWarmUp(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) { // begins at midnight UTC
		tokyo := time.FixedZone("JST", 9*3600)
		prov := &provider{took: time.Millisecond}
		route := routes(map[string]channels.Route{"email": {Channel: prov, RepeatTransactional: time.Hour}})
		day := time.Now().In(tokyo)
		ramp := channels.Delivery{WarmUp: []channels.WarmUp{{Account: "email:main", Begin: day.Format(time.DateOnly), Days: []int{5, 8}, Groups: map[string][]int{"docomo": {2, 3}}}}}
		zone := func(c *channels.Config) { c.Delivery, c.Zone = ramp, func() *time.Location { return tokyo } }
		p := w.start(route, zone)
		expect := func(what string, all []*enishi.Message, sent int, rest string) {
			t.Helper()
			got := w.outcomes(all)
			if got["message.sent"] != sent || got[rest] != len(all)-sent {
				t.Errorf("%s: %v, want %d sent, the others %q", what, got, sent, rest)
			}
		}
		all := w.deliver("email:main:gmail", "marketing", 20, nil)
		expect("first day", all, 5, "message.deferred warm_up")
		midnight := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, tokyo)
		for _, m := range all {
			if e := w.result(m); e.Type == "message.deferred" && (e.Result.Until.Before(midnight) || e.Result.Until.After(midnight.Add(time.Minute))) {
				t.Fatalf("decided again at %v, want %v", e.Result.Until, midnight)
			}
		}
		expect("docomo, first day", w.deliver("email:main:docomo", "marketing", 4, nil), 2, "message.deferred warm_up")
		expect("receipts", w.deliver("email:main:gmail", "transactional", 3, nil), 3, "")
		expect("another account", w.deliver("email:other:gmail", "marketing", 9, nil), 9, "")
		expect("too late tomorrow", w.deliver("email:main:gmail", "marketing", 3, func(m *enishi.Message) { m.NotAfter = m.DecidedAt.Add(time.Hour) }), 0, "message.refused quota")
		for _, q := range p.Status() {
			if q.Destination == "email:main:gmail" && (q.State != "budget" || q.Today != 8 || q.PerDay != 5 || q.WarmUpDay != 1) {
				t.Errorf("status %+v", q)
			}
		}
		p.stop()
		p = w.start(route, zone) // another owner counts what the one before it sent
		expect("after a restart", w.deliver("email:main:gmail", "marketing", 4, nil), 0, "message.deferred warm_up")
		time.Sleep(time.Until(midnight) + time.Second)
		expect("second day", w.deliver("email:main:gmail", "marketing", 20, nil), 8, "message.deferred warm_up")
		time.Sleep(24 * time.Hour)
		expect("after the ramp", w.deliver("email:main:gmail", "marketing", 20, nil), 20, "")
		p.stop()
	})
}

// TestBudgets: a day's and a month's budget hold whatever goes, also over a change of the owner, and end with the month.
func TestBudgets(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		prov := &provider{took: time.Millisecond}
		route := routes(map[string]channels.Route{"line": {Channel: prov, Repeat: time.Hour}})
		set := channels.Delivery{Limits: []channels.LimitRule{{Destination: "line:main", PerDay: 6, PerMonth: 10}}}
		begin := func() *process { return w.start(route, func(c *channels.Config) { c.Delivery = set }) }
		time.Sleep(time.Until(time.Date(2000, 1, 15, 12, 0, 0, 0, time.UTC)))
		p := begin()
		if got := w.outcomes(w.deliver("line:main", "transactional", 9, nil)); got["message.sent"] != 6 || got["message.deferred budget"] != 3 {
			t.Errorf("first day: %v", got)
		}
		p.stop()
		time.Sleep(24 * time.Hour)
		p = begin()
		all := w.deliver("line:main", "marketing", 9, nil)
		if got := w.outcomes(all); got["message.sent"] != 4 || got["message.deferred budget"] != 5 {
			t.Errorf("second day: %v", got)
		}
		for _, m := range all {
			if e := w.result(m); e.Type == "message.deferred" && e.Result.Until.Before(time.Date(2000, 2, 1, 0, 0, 0, 0, time.UTC)) {
				t.Fatalf("decided again at %v, in the same month", e.Result.Until)
			}
		}
		p.SetDelivery(channels.Delivery{})
		if got := w.outcomes(w.deliver("line:main", "marketing", 9, nil)); got["message.sent"] != 9 {
			t.Errorf("without a budget: %v", got)
		}
		p.SetDelivery(set)
		time.Sleep(time.Until(time.Date(2000, 2, 1, 0, 0, 1, 0, time.UTC)))
		if got := w.outcomes(w.deliver("line:main", "marketing", 9, nil)); got["message.sent"] != 6 {
			t.Errorf("next month: %v", got)
		}
		p.stop()
	})
}

// TestPresetsOfGroups: each receiving system has its rate and its connections, the setting stands over the presets at once,
// and the others are as quick as without them.
func TestPresetsOfGroups(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		var mu sync.Mutex
		now, most := map[string]int{}, map[string]int{}
		w.render = func(m *enishi.Message) (*channels.Rendered, error) {
			r := rendered(m)
			r.To = m.Destination
			mu.Lock()
			defer mu.Unlock()
			now[r.To]++
			most[r.To] = max(most[r.To], now[r.To])
			return r, nil
		}
		prov := &provider{took: 100 * time.Millisecond, answer: func(m *channels.Rendered, _ int) error {
			mu.Lock()
			defer mu.Unlock()
			now[m.To]--
			return nil
		}}
		p := w.start(routes(map[string]channels.Route{"email": {Channel: prov, Limit: channels.Limit{Workers: 8},
			Groups: map[string]channels.Limit{"docomo": {PerSecond: 10, Workers: 2}, "au": {Workers: 50}}}}), nil)
		took := func(destination string) time.Duration {
			t.Helper()
			start := time.Now()
			w.deliver(destination, "marketing", 100, nil)
			return time.Since(start)
		}
		if d := took("email:main:docomo"); d < 9*time.Second || d > 12*time.Second {
			t.Errorf("100 to docomo at 10 a second took %v", d)
		}
		if d := took("email:main:au"); d > 3*time.Second {
			t.Errorf("100 over 8 connections at 0.1 s took %v", d)
		}
		if most["email:main:docomo"] > 2 || most["email:main:au"] > 8 || most["email:main:au"] < 4 {
			t.Errorf("at the same time: %v", most)
		}
		p.SetDelivery(channels.Delivery{Limits: []channels.LimitRule{{Destination: "email:*:docomo", PerSecond: 1000, Connections: 20}, {Destination: "email:main:au", Connections: 1}}})
		if d := took("email:main:docomo"); d > 3*time.Second {
			t.Errorf("with 20 connections 100 took %v", d)
		}
		if d := took("email:main:au"); d < 9*time.Second {
			t.Errorf("over one connection 100 took %v", d)
		}
		p.stop()
	})
}
