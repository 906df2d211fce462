package channels_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
	linesim "enishi/internal/sim/line"
)

// slow is a mailbox that takes a while after it was told to begin.
type slow struct {
	w *world
	mailbox
}

func (s *slow) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	process := s.w.process()
	if err := begun(m); err != nil {
		return channels.Receipt{}, err
	}
	time.Sleep(10 * time.Millisecond) // virtual
	var r channels.Receipt
	var err error
	if died := s.w.io(process, func() { r, err = s.mailbox.Send(ctx, m) }); died != nil {
		return channels.Receipt{}, channels.Unknown(died)
	}
	return r, err
}

// TestDoubtIsWhatWasInHand kills a process anywhere among advertisements, of which hundreds are about to be handed over.
// When its successor finds its note, no more mails are in doubt than there were connections; another replica, which has not
// got the note, must take all of them as in doubt. No mail comes twice, and LINE's come once in either case.
func TestDoubtIsWhatWasInHand(t *testing.T) {
	t.Parallel()
	const mails, connections = 400, 4
	most := map[bool]int{}
	for at := 3; at < 700; at += 29 {
		for _, elsewhere := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				n := doubts(t, mails, connections, at, elsewhere)
				most[elsewhere] = max(most[elsewhere], n)
				if n > connections && !elsewhere {
					t.Errorf("%d mails are in doubt after a crash at act %d, %d connections were open", n, at, connections)
				}
			})
		}
	}
	if most[false] == 0 || most[true] <= 10*connections {
		t.Errorf("the crashes did not strike: %v in doubt at most", most)
	}
	t.Logf("at most in doubt with the note: %d, without: %d", most[false], most[true])
}

func doubts(t *testing.T, mails, connections, at int, elsewhere bool) (n int) {
	w := newWorld(t)
	w.notes, w.after = t.TempDir(), at%2 == 0
	box := &slow{w: w, mailbox: mailbox{got: map[enishi.ID]int{}}}
	sim := linesim.New(linesim.Config{Now: time.Now})
	api, err := line.New(line.Config{Token: "token", Client: &http.Client{Transport: handlerTransport{h: sim}}})
	if err != nil {
		t.Fatal(err)
	}
	route := func(channel, _ string) (channels.Route, bool) {
		if channel == "line" {
			return channels.Route{Channel: countedGroups{counted{w, w.process, api}, api}, Repeat: line.Repeat, Group: 20, Limit: channels.Limit{Workers: 2}}, true
		}
		return channels.Route{Channel: box, Limit: channels.Limit{Workers: connections}}, true
	}
	all := make([]*enishi.Message, 0, 2*mails)
	for i := range mails {
		to := sim.UserID(fmt.Sprint(i))
		if err := sim.Befriend(to, ""); err != nil {
			t.Fatal(err)
		}
		all = append(all, message("email:main:other", "marketing", fmt.Sprintf("p%d@mail.example", i)), message("line:main", "marketing", to))
		if i%4 == 0 {
			all[len(all)-1].Purpose = "transactional" // a push
		}
	}
	w.crashAt = at
	w.put(all...)
	p := w.start(route, nil)
	w.within(time.Hour, "the crash or the end", func() bool {
		select {
		case <-p.dead:
			return true
		default:
			return w.ended(all...)
		}
	})
	if elsewhere {
		w.notes = t.TempDir()
	}
	w.crashAfter(0, false)
	p.gone()
	p = w.start(route, nil)
	w.within(time.Hour, "every message ends", func() bool { return w.ended(all...) })
	p.stop()
	if n := p.note.Open(); n > 0 {
		t.Errorf("%d calls are noted after all has ended", n)
	}
	for _, m := range all {
		got, state := sim.ReceivedCount(m.To), w.row(m).State
		if m.Channel == "email" {
			got = box.count(m)
		}
		switch {
		case state == "unknown" && m.Channel == "email" && got <= 1:
			n++
		case state != "sent" || got != 1:
			t.Errorf("crash at act %d: a message of %s ended as %s, %d came", at, m.Channel, state, got)
		}
	}
	return n
}

// TestDoubtOutlivesCrashes: what may have been taken stays in doubt when the process ends anywhere in the tries after it: a
// cancel then ends it as unknown and not as dropped.
func TestDoubtOutlivesCrashes(t *testing.T) {
	t.Parallel()
	dropped, unknown := 0, 0
	for at := 1; at <= 24; at++ {
		for _, after := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.notes, w.after, w.crashAt = t.TempDir(), after, at
				box := &doubtful{mailbox{got: map[enishi.ID]int{}}}
				route := func(string, string) (channels.Route, bool) {
					return channels.Route{Channel: counted{w, w.process, box}, RepeatTransactional: 24 * time.Hour, Limit: channels.Limit{Workers: 1}}, true
				}
				m := message("email:main:other", "transactional", "a@mail.example")
				w.put(m)
				p := w.start(route, nil)
				<-p.dead
				p.gone()
				cancel := *m
				cancel.Cancel, cancel.Reason = true, "consent:out"
				w.put(&cancel)
				w.crashAfter(0, false)
				p = w.start(route, nil)
				w.within(time.Hour, "it ends", func() bool { return w.ended(m) })
				p.stop()
				switch state := w.row(m).State; {
				case state == "dropped" && box.count(m) == 0:
					dropped++
				case state == "unknown":
					unknown++
				default:
					t.Errorf("crash at act %d (after=%t): %s, %d came", at, after, state, box.count(m))
				}
			})
		}
	}
	if dropped == 0 || unknown == 0 {
		t.Errorf("%d were dropped, %d in doubt", dropped, unknown)
	}
}

// doubtful takes what it is given and does not say so.
type doubtful struct{ mailbox }

func (d *doubtful) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	_, _ = d.mailbox.Send(ctx, m)
	return channels.Receipt{}, channels.Unknown(errors.New("cut off"))
}
