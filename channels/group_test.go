package channels_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
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

// groups is a provider of groups: answer says what it says to its n-th call, from 1.
type groups struct {
	provider
	mu     sync.Mutex
	keys   []enishi.ID
	people [][]string
	answer func(n int) error
}

func (g *groups) SendGroup(_ context.Context, m *channels.Rendered, to []channels.Recipient) (channels.Receipt, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var people []string
	for _, x := range to {
		people = append(people, x.To)
	}
	g.keys, g.people = append(g.keys, m.Key), append(g.people, people)
	if g.answer != nil {
		if err := g.answer(len(g.keys)); err != nil {
			return channels.Receipt{}, err
		}
	}
	return channels.Receipt{Code: "200", ProviderID: "r1"}, nil
}

func (g *groups) tried() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.keys)
}

func (g *groups) route(string, string) (channels.Route, bool) {
	return channels.Route{Channel: g, Repeat: line.Repeat, Group: line.MaxGroup, Limit: channels.Limit{Workers: 4}}, true
}

// crowd is n messages of the same content to n people.
func crowd(n int) []*enishi.Message {
	ms := make([]*enishi.Message, n)
	for i := range ms {
		ms[i] = message("line:main", "marketing", fmt.Sprint("person", i))
	}
	return ms
}

// TestSameContentIsOneCall: fifty people who get the same are one multicast; who gets something of his own, a second message
// or an order's notice gets a push.
func TestSameContentIsOneCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		sim := linesim.New(linesim.Config{Now: time.Now})
		api, err := line.New(line.Config{Token: "token", Client: &http.Client{Transport: handlerTransport{h: sim}}})
		if err != nil {
			t.Fatal(err)
		}
		ms := crowd(52)
		for _, m := range ms {
			m.To = sim.UserID(m.To)
			if err := sim.Befriend(m.To, ""); err != nil {
				t.Fatal(err)
			}
		}
		ms[51].Purpose = "transactional"
		w.render = func(m *enishi.Message) (*channels.Rendered, error) {
			r := rendered(m)
			if m.To == ms[50].To {
				r.Messages = []byte(`[{"type":"text","text":"花子様だけ"}]`)
			}
			return r, nil
		}
		p := w.start(func(string, string) (channels.Route, bool) {
			return channels.Route{Channel: api, Repeat: line.Repeat, Group: line.MaxGroup, Limit: channels.Limit{Workers: 4}}, true
		}, nil)
		w.put(ms...)
		w.eventually("all are sent", func() bool { return w.ended(ms...) })
		p.stop()
		calls := sim.Counts().Calls
		if calls["multicast 200"] != 1 || calls["push 200"] != 2 {
			t.Errorf("%v", calls)
		}
		group := w.row(ms[0]).Group
		for i, m := range ms {
			r := w.row(m)
			if sim.ReceivedCount(m.To) != 1 || r.State != "sent" || (r.Group == group) != (i < 50) {
				t.Errorf("person %d: %d received, %+v", i, sim.ReceivedCount(m.To), r)
			}
		}
		if group.IsZero() || !w.row(ms[50]).Group.IsZero() {
			t.Error("the group does not stand in the ledger")
		}
	})
}

// TestGroupIsTriedUnchanged: while it is not known whether a group was taken, each try has the same key and people, also
// when one of them is cancelled meanwhile and when the process ends between two tries.
func TestGroupIsTriedUnchanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		g := &groups{answer: func(n int) error {
			if n < 5 {
				return channels.Unknown(errors.New("cut off"))
			}
			return nil
		}}
		ms := crowd(20)
		p := w.start(g.route, nil)
		w.put(ms...)
		w.eventually("two tries", func() bool { return g.tried() == 2 })
		cancel := *ms[7]
		cancel.Cancel, cancel.Reason = true, "opted_out"
		w.put(&cancel)
		w.eventually("three tries", func() bool { return g.tried() == 3 })
		p.stop()
		p = w.start(g.route, nil)
		w.within(10*time.Minute, "all are sent", func() bool { return w.ended(ms...) })
		p.stop()
		for i := range g.keys {
			if g.keys[i] != g.keys[0] || len(g.people[i]) != 20 {
				t.Errorf("try %d: key %s of %s, %d people", i, g.keys[i], g.keys[0], len(g.people[i]))
			}
			a, b := slices.Sorted(slices.Values(g.people[i])), slices.Sorted(slices.Values(g.people[0]))
			if !slices.Equal(a, b) {
				t.Errorf("try %d is for others", i)
			}
		}
		if len(g.keys) != 5 || g.count() != 0 {
			t.Errorf("%d tries, %d pushes", len(g.keys), g.count())
		}
	})
}

// TestOptOutBeforeTheFirstTry: who is cancelled after the group was written and before it was tried is not in it.
func TestOptOutBeforeTheFirstTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		g := &groups{}
		ms := crowd(20)
		var once sync.Once
		w.render = func(m *enishi.Message) (*channels.Rendered, error) {
			if w.row(m).State == "intent" { // the group stands in the ledger
				once.Do(func() {
					cancel := *ms[7]
					cancel.Cancel, cancel.Reason = true, "opted_out"
					w.put(&cancel)
					w.eventually("the cancel is taken", func() bool {
						w.mu.Lock()
						defer w.mu.Unlock()
						return w.committed == 21
					})
				})
			}
			return rendered(m), nil
		}
		p := w.start(g.route, nil)
		w.put(ms...)
		w.eventually("all have ended", func() bool { return w.ended(ms...) })
		p.stop()
		if len(g.people) != 1 || len(g.people[0]) != 19 || slices.Contains(g.people[0], ms[7].To) {
			t.Errorf("%d groups %v", len(g.people), g.people)
		}
		if r := w.row(ms[7]); r.State != "dropped" || r.Reason != "opted_out" {
			t.Errorf("%+v", r)
		}
	})
}

// TestRefusedGroup: one whom LINE refuses does not keep the others from getting it.
func TestRefusedGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		sim := linesim.New(linesim.Config{Now: time.Now})
		api, err := line.New(line.Config{Token: "token", Client: &http.Client{Transport: handlerTransport{h: sim}}})
		if err != nil {
			t.Fatal(err)
		}
		ms := crowd(10)
		for i, m := range ms {
			m.To = sim.UserID(m.To)
			if err = sim.Befriend(m.To, ""); i == 3 {
				err = sim.Foreign(m.To)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		p := w.start(func(string, string) (channels.Route, bool) {
			return channels.Route{Channel: api, Repeat: line.Repeat, Group: line.MaxGroup, Limit: channels.Limit{Workers: 2}}, true
		}, nil)
		w.put(ms...)
		w.eventually("all have ended", func() bool { return w.ended(ms...) })
		p.stop()
		for i, m := range ms {
			want, n := "sent", 1
			if i == 3 {
				want, n = "failed", 0
			}
			if r := w.row(m); r.State != want || sim.ReceivedCount(m.To) != n {
				t.Errorf("person %d: %s, %d received", i, r.State, sim.ReceivedCount(m.To))
			}
		}
	})
}

// TestGroupCrash kills the process at each of its acts, before and after it takes effect: everybody gets it once.
func TestGroupCrash(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for at := 1; at <= 14; at++ {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				sim := linesim.New(linesim.Config{Now: time.Now})
				api, err := line.New(line.Config{Token: "token", Client: &http.Client{Transport: handlerTransport{h: sim}}})
				if err != nil {
					t.Fatal(err)
				}
				ms := crowd(6)
				for _, m := range ms {
					m.To = sim.UserID(m.To)
					if err := sim.Befriend(m.To, ""); err != nil {
						t.Fatal(err)
					}
				}
				route := func(string, string) (channels.Route, bool) {
					return channels.Route{Channel: countedGroups{counted{w, w.process, api}, api}, Repeat: line.Repeat, Group: 500, Limit: channels.Limit{Workers: 1}}, true
				}
				w.after = after
				w.put(ms...)
				w.crashAfter(at, true)
				p := w.start(route, nil)
				crashed := false
				w.within(10*time.Minute, "the crash or the end", func() bool {
					select {
					case <-p.dead:
						crashed = true
						return true
					default:
						return w.ended(ms...)
					}
				})
				if w.crashAfter(0, false); crashed {
					p.gone()
					p = w.start(route, nil)
					w.within(10*time.Minute, "all are sent", func() bool { return w.ended(ms...) })
				}
				p.stop()
				for i, m := range ms {
					if n := sim.ReceivedCount(m.To); n != 1 || w.row(m).State != "sent" {
						t.Errorf("crash at act %d (after=%t): person %d got %d, %s", at, after, i, n, w.row(m).State)
					}
				}
			})
		}
	}
}

// countedGroups is counted for groups.
type countedGroups struct {
	counted
	next channels.Grouper
}

func (c countedGroups) SendGroup(ctx context.Context, m *channels.Rendered, to []channels.Recipient) (r channels.Receipt, err error) {
	if err := begun(m); err != nil {
		return channels.Receipt{}, err
	}
	var sendErr error
	if died := c.w.io(c.process(), func() { r, sendErr = c.next.SendGroup(ctx, m, to) }); died != nil {
		return channels.Receipt{}, channels.Unknown(died)
	}
	return r, sendErr
}

// TestGroupOverBudget: a budget that is not enough for a group is given out one by one, and says no to the others alone. A
// group that may have been taken is not refused for certain.
func TestGroupOverBudget(t *testing.T) {
	t.Parallel()
	over := func() error {
		e := channels.Refused("quota", errors.New("12 are left"))
		e.After = time.Hour
		return e
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		g := &groups{answer: func(int) error { return over() }}
		left := atomic.Int32{}
		left.Store(12)
		g.provider.answer = func(*channels.Rendered, int) error {
			if left.Add(-1) < 0 {
				return over()
			}
			return nil
		}
		ms := crowd(20)
		p := w.start(g.route, nil)
		w.put(ms...)
		w.within(10*time.Second, "all have ended", func() bool { return w.ended(ms...) })
		p.stop()
		sum := map[string]int{}
		for _, m := range ms {
			sum[w.row(m).State+" "+w.row(m).Reason]++
		}
		if sum["sent "] != 12 || sum["refused quota"] != 8 {
			t.Errorf("%v", sum)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		g := &groups{answer: func(n int) error {
			if n == 1 {
				return channels.Unknown(errors.New("cut off"))
			}
			return over()
		}}
		ms := crowd(20)
		p := w.start(g.route, nil)
		w.put(ms...)
		w.within(time.Minute, "all have ended", func() bool { return w.ended(ms...) })
		p.stop()
		for _, m := range ms {
			if r := w.row(m); r.State != "unknown" {
				t.Fatalf("%s %s", r.State, r.Reason)
			}
		}
	})
}
