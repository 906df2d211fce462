package channels_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
	linesim "enishi/internal/sim/line"
)

// messaging is LINE on the bubble's network, and an account on it. It notes the retry keys of calls that send.
type messaging struct {
	*pipes
	sim   *linesim.Server
	api   *line.Channel
	calls *http.Transport
	stop  func()

	mu   sync.Mutex
	keys map[string]int // how often each was used
}

func newMessaging(t *testing.T, token string) *messaging {
	t.Helper()
	x := &messaging{pipes: newPipes(), sim: linesim.New(linesim.Config{ChannelToken: "good", Now: time.Now}), keys: map[string]int{}}
	server := &http.Server{Handler: x.sim}
	done := make(chan error, 1)
	go func() { done <- server.Serve(x.pipes) }()
	x.calls = &http.Transport{DialContext: x.dial}
	x.use(t, token)
	x.stop = sync.OnceFunc(func() {
		x.calls.CloseIdleConnections()
		x.cut()
		if err := errors.Join(server.Close(), <-done); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(x.stop) // when a test gave up
	return x
}

// use takes another token.
func (x *messaging) use(t *testing.T, token string) {
	t.Helper()
	var err error
	if x.api, err = line.New(line.Config{Token: token, BaseURL: "http://line.example", Client: &http.Client{Transport: x}}); err != nil {
		t.Fatal(err)
	}
}

// RoundTrip notes the key.
func (x *messaging) RoundTrip(r *http.Request) (*http.Response, error) {
	x.mu.Lock()
	x.keys[r.Header.Get("X-Line-Retry-Key")]++
	x.mu.Unlock()
	return x.calls.RoundTrip(r)
}

func (x *messaging) route(string, string) (channels.Route, bool) {
	return channels.Route{Channel: x.api, Repeat: line.Repeat, Group: line.MaxGroup, Limit: channels.Limit{Workers: 2}}, true
}

// friends are n messages to friends: the same for all, by one multicast, or pushes.
func (x *messaging) friends(t *testing.T, n int, purpose string) (ms []*enishi.Message) {
	t.Helper()
	for i := range n {
		to := x.sim.UserID(fmt.Sprint("u", i))
		if err := x.sim.Befriend(to, ""); err != nil {
			t.Fatal(err)
		}
		ms = append(ms, message("line:main", purpose, to))
	}
	return ms
}

// lineRow is a fault of LINE and what becomes of a message.
type lineRow struct {
	name             string
	fault            linesim.Fault
	lasts            time.Duration // 0: it strikes Fault.Times times
	end              string        // message.END
	code             string        // of what was sent; empty: any
	latest, earliest time.Duration // when it has ended
	rounds           int           // 0: one
}

const rateText = "The API rate limit has been exceeded. Try again later."

func lineRows() []lineRow {
	after := func(seconds string) http.Header { return http.Header{"Retry-After": {seconds}} }
	const soon = 20 * time.Second
	return []lineRow{
		{name: "429 with Retry-After", fault: linesim.Fault{Status: 429, Message: rateText, Header: after("30")}, end: "sent", code: "200", earliest: 30 * time.Second, latest: 40 * time.Second},
		{name: "429 with a long Retry-After", fault: linesim.Fault{Status: 429, Message: rateText, Header: after("600")}, end: "sent", code: "200", earliest: 10 * time.Minute, latest: 15 * time.Minute, rounds: 2},
		{name: "429 without Retry-After", fault: linesim.Fault{Status: 429, Message: rateText}, end: "sent", code: "200", latest: soon},
		{name: "429 for two minutes", fault: linesim.Fault{Status: 429, Message: rateText}, lasts: 2 * time.Minute, end: "sent", code: "200", earliest: 2 * time.Minute, latest: 6 * time.Minute, rounds: 2},
		{name: "429 of the month", fault: linesim.Fault{Status: 429, Message: "You have reached your monthly limit."}, end: "refused", latest: soon},
		{name: "500 before", fault: linesim.Fault{Status: 500, Times: 2}, end: "sent", code: "200", latest: soon},
		{name: "500 after", fault: linesim.Fault{Status: 500, Times: 2, After: true}, end: "sent", code: "409", latest: soon},
		{name: "500 before for half an hour", fault: linesim.Fault{Status: 500}, lasts: 30 * time.Minute, end: "sent", code: "200", earliest: 30 * time.Minute, latest: 35*time.Minute + soon},
		{name: "503 with Retry-After", fault: linesim.Fault{Status: 503, Header: after("7")}, end: "sent", code: "200", earliest: 7 * time.Second, latest: soon},
		{name: "no answer in time, before", fault: linesim.Fault{Stall: time.Minute}, end: "sent", earliest: 30 * time.Second, latest: time.Minute},
		{name: "no answer in time, after", fault: linesim.Fault{Stall: time.Minute, After: true}, end: "sent", code: "409", earliest: 30 * time.Second, latest: time.Minute},
		{name: "reset before", fault: linesim.Fault{Reset: true}, end: "sent", code: "200", latest: soon},
		{name: "reset after", fault: linesim.Fault{Reset: true, After: true}, end: "sent", code: "409", latest: soon},
		{name: "cut off in the middle of the answer", fault: linesim.Fault{Cut: true, After: true}, end: "sent", code: "200", latest: soon},
		{name: "slow-loris", fault: linesim.Fault{Drip: 10 * time.Second, After: true}, end: "sent", latest: time.Minute},
		{name: "400", fault: linesim.Fault{Status: 400, Times: -1, Message: "The request body has 1 error(s)"}, end: "failed", latest: soon},
	}
}

// TestLINEMisbehaves is P8: whatever LINE does, each message ends once and comes at most once, alone and in a group, and each
// round has one key.
func TestLINEMisbehaves(t *testing.T) {
	t.Parallel()
	for _, x := range lineRows() {
		for _, purpose := range []string{"transactional", "marketing"} {
			bubble(t, x.name+", "+purpose, func(t *testing.T, w *world) { x.run(t, w, purpose) })
		}
	}
}

func (x lineRow) run(t *testing.T, w *world, purpose string) {
	l := newMessaging(t, "good")
	n, endpoint := 1, "push"
	if purpose == "marketing" {
		n, endpoint = 5, "multicast"
	}
	if x.lasts > 0 {
		x.fault.Times, x.fault.Until = -1, time.Now().Add(x.lasts)
	}
	if x.fault.Status != 400 { // a refused group falls apart into pushes
		x.fault.Endpoint = endpoint
	}
	ms := l.friends(t, n, purpose)
	l.sim.Inject(x.fault)
	p := w.start(l.route, nil)
	begun := time.Now()
	w.put(ms...)
	ends := w.decideAgain(2*time.Hour, ms...)
	took := time.Since(begun)
	p.stop()
	time.Sleep(5 * time.Minute) // what LINE may still do
	came := 1
	if x.end != "sent" {
		came = 0
	}
	rounds := 0
	for _, m := range ms {
		e := ends[m.SendID]
		if e.Type != "message."+x.end || l.sim.ReceivedCount(m.To) != came || x.code != "" && e.Result.Code != x.code {
			t.Errorf("%s: %s %q code %q, %d came; want %s, %d", x.name, e.Type, e.Result.Reason, e.Result.Code, l.sim.ReceivedCount(m.To), x.end, came)
		}
		rounds = e.Result.Round
	}
	if rounds != max(x.rounds, 1) {
		t.Errorf("%s: %d rounds, want %d", x.name, rounds, max(x.rounds, 1))
	}
	if took < x.earliest || took > x.latest {
		t.Errorf("%s: took %s, want %s to %s", x.name, took, x.earliest, x.latest)
	}
	l.mu.Lock()
	tries := 0
	for _, k := range l.keys {
		tries += k
	}
	if x.end == "sent" && !x.fault.Cut && x.fault.Drip == 0 && tries < 2 {
		t.Errorf("%s: %d calls: the fault did not strike", x.name, tries)
	}
	// A group that came back for certain is another group in the next try.
	if len(l.keys) != rounds && (n == 1 || x.code == "409") {
		t.Errorf("%s: %d keys in %d rounds: %v", x.name, len(l.keys), rounds, l.keys)
	}
	l.mu.Unlock()
	l.stop()
}

// TestLINERefusesTheAccount: after 401 and 403 the account is at rest within five calls, by whatever way messages leave; when
// somebody has mended it, all leave once.
func TestLINERefusesTheAccount(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403} {
		for _, purpose := range []string{"transactional", "marketing"} {
			bubble(t, fmt.Sprint(status, " ", purpose), func(t *testing.T, w *world) {
				l := newMessaging(t, "good")
				ms := l.friends(t, 40, purpose)
				l.sim.Inject(linesim.Fault{Status: status, Times: -1, Message: "Access to this API is not available for your account"})
				p := w.start(l.route, nil)
				w.put(ms...)
				time.Sleep(20 * time.Minute)
				l.mu.Lock()
				tried := len(l.keys)
				l.mu.Unlock()
				if st := p.Status(); tried < 1 || tried > 5 || len(st) != 1 || st[0].State != "down" {
					t.Errorf("%d calls in 20 minutes, %+v", tried, st)
				}
				l.sim.ClearFaults()
				p.Set(channels.Sending{Again: map[string]int64{"line": 1}})
				ends := w.decideAgain(time.Hour, ms...)
				p.stop()
				for _, m := range ms {
					if e := ends[m.SendID]; e.Type != "message.sent" || l.sim.ReceivedCount(m.To) != 1 {
						t.Errorf("%s %q, %d came", e.Type, e.Result.Reason, l.sim.ReceivedCount(m.To))
					}
				}
				l.stop()
			})
		}
	}
}

// TestKilledWhileLINEAnswers kills the process while it waits for LINE, which has the message or has not yet: it comes once.
func TestKilledWhileLINEAnswers(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for _, noted := range []bool{false, true} {
			for _, purpose := range []string{"transactional", "marketing"} {
				bubble(t, fmt.Sprintf("after=%t noted=%t %s", after, noted, purpose), func(t *testing.T, w *world) {
					if noted {
						w.notes = t.TempDir()
					}
					l := newMessaging(t, "good")
					ms := l.friends(t, 5, purpose)
					l.sim.Inject(linesim.Fault{Stall: 10 * time.Second, Times: 5, After: after})
					p := w.start(l.route, nil)
					w.put(ms...)
					time.Sleep(5 * time.Second)
					w.kill(p, l.pipes)
					l.sim.ClearFaults()
					p = w.start(l.route, nil)
					w.within(time.Hour, "all end", func() bool { return w.ended(ms...) })
					p.stop()
					time.Sleep(time.Minute)
					for _, m := range ms {
						if e := w.result(m); e.Type != "message.sent" || l.sim.ReceivedCount(m.To) != 1 {
							t.Errorf("%s %q, %d came", e.Type, e.Result.Reason, l.sim.ReceivedCount(m.To))
						}
					}
					l.stop()
				})
			}
		}
	}
}
