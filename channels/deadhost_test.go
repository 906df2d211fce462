package channels_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
)

// TestDeadHostForSixHours: one receiving system answers nobody for six hours while messages go to five others. Their waits are
// those of a run without it, as its calls, its rows and what the fold decides anew of it cost the others nothing; when it is back,
// all of its messages leave, once.
func TestDeadHostForSixHours(t *testing.T) {
	t.Parallel()
	var clean, beside time.Duration
	bubble(t, "clean", func(t *testing.T, w *world) { clean = sixHours(t, w, false) })
	bubble(t, "dead", func(t *testing.T, w *world) { beside = sixHours(t, w, true) })
	t.Logf("p99 of the others: %s clean, %s beside a dead host", clean, beside)
	if beside >= 2*clean || clean == 0 {
		t.Errorf("p99 of the others is %s beside a dead host, %s without", beside, clean)
	}
}

// host takes a tenth of a second, or answers nobody until the end of its outage.
type host struct {
	mailbox
	dead time.Time
}

func (h *host) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	if time.Now().Before(h.dead) {
		select {
		case <-time.After(30 * time.Second):
		case <-ctx.Done():
		}
		return channels.Receipt{}, channels.Busy(errors.New("nobody answers"), 0)
	}
	time.Sleep(100 * time.Millisecond) // virtual
	return h.mailbox.Send(ctx, m)
}

func sixHours(t *testing.T, w *world, outage bool) (p99 time.Duration) {
	const others, every, length = 5, 30 * time.Second, 6 * time.Hour
	hosts := make([]*host, others+1)
	for i := range hosts {
		hosts[i] = &host{mailbox: mailbox{got: map[enishi.ID]int{}}}
	}
	if outage {
		hosts[0].dead = time.Now().Add(length)
	}
	p := w.start(func(_, account string) (channels.Route, bool) {
		var n int
		_, err := fmt.Sscanf(account, "h%d", &n)
		return channels.Route{Channel: hosts[n], Limit: channels.Limit{Workers: 4}}, err == nil
	}, func(c *channels.Config) {
		insert := c.Ledger.Insert
		c.Ledger.Insert = func(ctx context.Context, rows []channels.Row) error { // what is written costs everybody time
			time.Sleep(10*time.Millisecond + time.Duration(len(rows))*100*time.Microsecond)
			return insert(ctx, rows)
		}
	})
	type sent struct {
		m  *enishi.Message
		at time.Time
	}
	var quick []sent
	var waits []time.Duration
	lost := map[enishi.ID]*enishi.Message{}
	look := func() {
		quick = slices.DeleteFunc(quick, func(x sent) bool {
			if !w.ended(x.m) {
				return false
			}
			if e := w.result(x.m); e.Type != "message.sent" {
				t.Fatalf("a message to another host ended as %s %s", e.Type, e.Result.Reason)
			}
			waits = append(waits, time.Since(x.at))
			return true
		})
	}
	again := func() { // the fold
		for id, m := range lost {
			if !w.ended(m) {
				continue
			}
			switch e := w.result(m); {
			case e.Type == "message.sent":
				delete(lost, id)
			case e.Type != "message.deferred":
				t.Fatalf("a message to the dead host ended as %s %s", e.Type, e.Result.Reason)
			case !time.Now().Before(e.Result.Until):
				next := *m
				next.Round, next.DecidedAt = m.Round+1, time.Now().UTC()
				lost[id] = &next
				w.put(&next)
			}
		}
	}
	var dead []*enishi.Message
	n := 0
	for end := time.Now().Add(length); time.Now().Before(end); again() {
		m := message("email:h0", "marketing", fmt.Sprint("d", n))
		dead, lost[m.SendID] = append(dead, m), m
		batch := []*enishi.Message{m}
		for i := 1; i <= others; i++ {
			m := message(fmt.Sprint("email:h", i), "marketing", fmt.Sprint("q", n, "-", i))
			quick, batch = append(quick, sent{m, time.Now()}), append(batch, m)
		}
		n++
		w.put(batch...)
		for begun := time.Now(); time.Since(begun) < every; {
			if look(); len(quick) == 0 {
				time.Sleep(every - time.Since(begun))
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	w.within(time.Hour, "the dead host's leave", func() bool { look(); again(); return len(lost)+len(quick) == 0 })
	p.stop()
	for _, m := range dead {
		if hosts[0].count(m) != 1 {
			t.Fatalf("%d came of a message to the host that was dead", hosts[0].count(m))
		}
	}
	if len(waits) != others*n {
		t.Fatalf("%d messages to the others, want %d", len(waits), others*n)
	}
	slices.Sort(waits)
	return waits[len(waits)*99/100]
}
