package channels_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/email"
	mailsim "enishi/internal/sim/mail"
)

// pipes is a network within a bubble of virtual time: the simulators listen on it.
type pipes struct {
	mu      sync.Mutex
	open    []net.Conn
	waiting chan net.Conn
	closed  chan struct{}
}

func newPipes() *pipes { return &pipes{waiting: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.waiting:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 25} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.waiting <- there:
	case <-p.closed:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = append(p.open, here)
	return here, nil
}

// cut breaks all connections, as the end of a process does.
func (p *pipes) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.open = nil
}

// kill ends a process now, with its connections.
func (w *world) kill(p *process, n *pipes) {
	w.mu.Lock()
	close(w.crash)
	w.mu.Unlock()
	n.cut()
	p.gone()
}

// decideAgain is the fold: what came back is decided anew when its time has come. It tells how each message ended.
func (w *world) decideAgain(limit time.Duration, ms ...*enishi.Message) map[enishi.ID]enishi.Event {
	w.t.Helper()
	ends, open := map[enishi.ID]enishi.Event{}, map[enishi.ID]*enishi.Message{}
	for _, m := range ms {
		open[m.SendID] = m
	}
	for end := time.Now().Add(limit); len(open) > 0; time.Sleep(time.Second) { // virtual
		if time.Now().After(end) {
			w.t.Fatalf("%d messages are open after %s", len(open), limit)
		}
		for id, m := range open {
			if !w.ended(m) {
				continue
			}
			e := w.result(m)
			switch {
			case e.Type != "message.deferred":
				ends[id] = e
				delete(open, id)
			case !time.Now().Before(e.Result.Until):
				again := *m
				again.Round, again.DecidedAt = m.Round+1, time.Now().UTC()
				open[id] = &again
				w.put(&again)
			}
		}
	}
	return ends
}

// relay is a mail server on the bubble's network, and an account on it.
type relay struct {
	*pipes
	*mailsim.Server
	*email.Channel
	stop func()
}

func newRelay(t *testing.T, tls string) *relay {
	t.Helper()
	r := &relay{pipes: newPipes(), Server: mailsim.New(mailsim.Config{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Server.Serve(ctx, r.pipes) }()
	var err error
	if r.Channel, err = email.New(email.Config{Addr: "relay.example:25", TLS: tls, From: "shop@hana.example", Dial: r.dial}); err != nil {
		t.Fatal(err)
	}
	r.stop = sync.OnceFunc(func() {
		r.Channel.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop) // when a test gave up
	return r
}

func (r *relay) route(string, string) (channels.Route, bool) {
	return channels.Route{Channel: r.Channel, RepeatTransactional: 24 * time.Hour, Limit: channels.Limit{Workers: 1}}, true
}

// mailRow is a fault of a relay and what becomes of a mail: of an advertisement, and of an order's, where that differs.
type mailRow struct {
	name      string
	fault     mailsim.Fault
	lasts     time.Duration // 0: it strikes once
	end       string        // message.END of an advertisement
	came      int
	order     string // of an order's mail; empty: the same
	orderCame int
	earliest  time.Duration // when it has ended
	latest    time.Duration
}

func mailRows() (rows []mailRow) {
	add := func(name string, f mailsim.Fault, end string, came int, from, to time.Duration) {
		rows = append(rows, mailRow{name: name, fault: f, end: end, came: came, earliest: from, latest: to})
	}
	doubt := func(name string, f mailsim.Fault, came, orderCame int, to time.Duration) {
		rows = append(rows, mailRow{name: name, fault: f, end: "unknown", came: came, order: "sent", orderCame: orderCame, latest: to})
	}
	const soon = 30 * time.Second
	stages := []struct {
		name  string
		stage mailsim.Stage
	}{{"connecting", mailsim.AtConnect}, {"MAIL", mailsim.AtMail}, {"RCPT", mailsim.AtRcpt}, {"DATA", mailsim.AtData}, {"the dot", mailsim.AtDot}}
	for i, x := range stages {
		add("421 at "+x.name, mailsim.Fault{Stage: x.stage, Code: 421, Text: "4.3.2 later"}, "sent", 1, time.Second, soon)
		if i < 4 {
			add("drop at "+x.name, mailsim.Fault{Stage: x.stage, Drop: true}, "sent", 1, time.Second, soon)
		}
		if i < 2 {
			continue
		}
		for _, code := range []int{450, 451} {
			add(fmt.Sprint(code, " at ", x.name), mailsim.Fault{Stage: x.stage, Code: code, Text: "4.2.0 try later"}, "sent", 1, 5*time.Minute, 7*time.Minute)
		}
		add("452 at "+x.name, mailsim.Fault{Stage: x.stage, Code: 452, Text: "4.2.2 over quota"}, "sent", 1, 15*time.Minute, 17*time.Minute)
		for _, code := range []int{550, 552, 554} {
			end := "failed"
			if x.stage == mailsim.AtRcpt && code != 554 {
				end = "bounced"
			}
			add(fmt.Sprint(code, " at ", x.name), mailsim.Fault{Stage: x.stage, Code: code, Text: "no"}, end, 0, 0, soon)
		}
	}
	add("greylisted for five minutes", mailsim.Fault{Stage: mailsim.AtRcpt, Code: 451, Text: "4.7.1 greylisted"}, "sent", 1, 5*time.Minute, 7*time.Minute)
	rows[len(rows)-1].lasts = 5 * time.Minute
	add("250 after two minutes", mailsim.Fault{Stage: mailsim.AtDot, Delay: 2 * time.Minute}, "sent", 1, 2*time.Minute, 2*time.Minute+soon)
	add("slow at every step", mailsim.Fault{Stage: mailsim.AtRcpt, Delay: time.Minute}, "sent", 1, time.Minute, 2*time.Minute)
	doubt("drop after the dot, stored", mailsim.Fault{Stage: mailsim.AtDot, Drop: true, Store: true}, 1, 2, soon)
	doubt("drop after the dot, not stored", mailsim.Fault{Stage: mailsim.AtDot, Drop: true}, 0, 1, soon)
	doubt("no answer to the dot in time", mailsim.Fault{Stage: mailsim.AtDot, Delay: 10 * time.Minute, Drop: true, Store: true}, 1, 2, 4*time.Minute)
	return rows
}

// TestMailMisbehaves is P9: whatever a relay does, each mail ends, and only what was cut off after its dot is in doubt. Then an
// advertisement is not repeated, and an order's mail is, under the same Message-ID.
func TestMailMisbehaves(t *testing.T) {
	t.Parallel()
	for _, x := range mailRows() {
		for _, purpose := range []string{"marketing", "transactional"} {
			bubble(t, x.name+", "+purpose, func(t *testing.T, w *world) { x.run(t, w, purpose) })
		}
	}
}

func (x mailRow) run(t *testing.T, w *world, purpose string) {
	end, came := x.end, x.came
	if purpose == "transactional" && x.order != "" {
		end, came = x.order, x.orderCame
	}
	r := newRelay(t, "none")
	if x.lasts > 0 {
		x.fault.Times, x.fault.Until = -1, time.Now().Add(x.lasts)
	}
	r.Inject(x.fault)
	p := w.start(r.route, nil)
	m := message("email:main:other", purpose, "hanako@mail.example")
	begun := time.Now()
	w.put(m)
	e := w.decideAgain(time.Hour, m)[m.SendID]
	took := time.Since(begun)
	p.stop()
	time.Sleep(15 * time.Minute) // what a server that is slow may still store
	mails := r.Mails()
	r.stop()
	if e.Type != "message."+end || len(mails) != came {
		t.Errorf("%s: ended as %s %q, %d came; want %s, %d", x.name, e.Type, e.Result.Reason, len(mails), end, came)
	}
	if took < x.earliest || took > x.latest {
		t.Errorf("%s: took %s, want %s to %s", x.name, took, x.earliest, x.latest)
	}
	for _, mail := range mails {
		if id := "Message-ID: <" + m.SendID.String() + "@hana.example>"; !strings.Contains(string(mail.Raw), id+"\r\n") {
			t.Errorf("%s: a mail without %s", x.name, id)
		}
	}
}

// TestMailAfterAnother: what a relay does to one mail is not another's: a connection that breaks where a mail before it was reset,
// or after one was taken, costs nobody a mail and gives nobody two.
func TestMailAfterAnother(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name   string
		faults []mailsim.Fault
	}{
		{"reset breaks", []mailsim.Fault{{Stage: mailsim.AtRcpt, To: "a@mail.example", Code: 450, Text: "4.2.0 later"}, {Stage: mailsim.AtReset, Drop: true}}},
		{"reset is refused", []mailsim.Fault{{Stage: mailsim.AtRcpt, To: "a@mail.example", Code: 450, Text: "4.2.0 later"}, {Stage: mailsim.AtReset, Code: 502, Text: "5.5.1 no"}}},
		{"250, then it breaks", []mailsim.Fault{{Stage: mailsim.AtMail, Delay: time.Second}, {Stage: mailsim.AtMail, Drop: true}}},
		{"250, then 421", []mailsim.Fault{{Stage: mailsim.AtMail, Delay: time.Second}, {Stage: mailsim.AtMail, Code: 421, Text: "4.3.2 bye"}}},
	} {
		bubble(t, x.name, func(t *testing.T, w *world) {
			r := newRelay(t, "none")
			for _, f := range x.faults {
				r.Inject(f)
			}
			p := w.start(r.route, nil)
			a, b := message("email:main:other", "marketing", "a@mail.example"), message("email:main:other", "marketing", "b@mail.example")
			w.put(a, b)
			ends := w.decideAgain(time.Hour, a, b)
			p.stop()
			got := map[string]int{}
			for _, mail := range r.Mails() {
				got[mail.To[0]]++
			}
			r.stop()
			if len(got) != 2 || got[a.To] != 1 || got[b.To] != 1 || ends[a.SendID].Type != "message.sent" || ends[b.SendID].Type != "message.sent" {
				t.Errorf("%v, %s %s", got, ends[a.SendID].Type, ends[b.SendID].Type)
			}
		})
	}
}

// TestNoSTARTTLS: no mail leaves in the open where encryption is asked for; somebody is told, and the mails wait for that.
func TestNoSTARTTLS(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		r := newRelay(t, "starttls")
		var alerts []enishi.Alert
		p := w.start(r.route, func(c *channels.Config) { c.Alert = func(a enishi.Alert) { alerts = append(alerts, a) } })
		m := message("email:main:other", "transactional", "hanako@mail.example")
		w.put(m)
		w.within(5*time.Minute, "it is parked", func() bool { return w.row(m).State == "parked" })
		st := p.Status()
		p.stop()
		n := r.Count()
		r.stop()
		if n != 0 || len(alerts) != 1 || len(st) != 1 || st[0].State != "down" || !strings.Contains(st[0].Reason, "STARTTLS") {
			t.Errorf("%d mails, %d alerts, %+v", n, len(alerts), st)
		}
	})
}

// TestKilledInTheDialogue kills the process while the relay lets it wait at each step: only at the dot is a mail in doubt.
func TestKilledInTheDialogue(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name  string
		stage mailsim.Stage
		dot   bool
	}{{"connecting", mailsim.AtConnect, false}, {"MAIL", mailsim.AtMail, false}, {"RCPT", mailsim.AtRcpt, false}, {"DATA", mailsim.AtData, false}, {"the dot", mailsim.AtDot, true}} {
		for _, purpose := range []string{"marketing", "transactional"} {
			bubble(t, x.name+", "+purpose, func(t *testing.T, w *world) {
				w.notes = t.TempDir()
				r := newRelay(t, "none")
				r.Inject(mailsim.Fault{Stage: x.stage, Delay: 10 * time.Second})
				p := w.start(r.route, nil)
				m := message("email:main:other", purpose, "hanako@mail.example")
				w.put(m)
				time.Sleep(5 * time.Second)
				w.kill(p, r.pipes)
				p = w.start(r.route, nil)
				w.within(time.Hour, "it ends", func() bool { return w.ended(m) })
				p.stop()
				time.Sleep(time.Minute)
				e, n := w.result(m), r.Count()
				r.stop()
				want, most := "message.sent", uint64(1)
				switch {
				case x.dot && purpose == "marketing":
					want = "message.unknown"
				case x.dot:
					most = 2
				}
				if e.Type != want || n > most || n < 1 {
					t.Errorf("killed at %s: %s %q, %d came", x.name, e.Type, e.Result.Reason, n)
				}
			})
		}
	}
}
