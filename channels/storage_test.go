package channels_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
)

// TestLedgerFails: without the ledger nothing is sent and the Sender says why.
func TestLedgerFails(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		prov := &provider{}
		p := w.start(routes(map[string]channels.Route{"email": {Channel: prov}}), nil)
		w.mu.Lock()
		w.insertErr = errors.New("no such table")
		w.mu.Unlock()
		w.put(message("email:main", "marketing", "a"))
		err := <-p.done
		if err == nil || !strings.Contains(err.Error(), "no such table") || prov.count() != 0 {
			t.Errorf("%v, %d calls", err, prov.count())
		}
	})
}

// TestLedgerAway is P11: while the ledger takes nothing, nothing is sent; afterwards everything is, once.
func TestLedgerAway(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		prov := &provider{}
		var away atomic.Bool
		p := w.start(routes(map[string]channels.Route{"line": {Channel: prov, Repeat: line.Repeat}}), func(c *channels.Config) {
			insert := c.Ledger.Insert
			c.Ledger.Insert = func(ctx context.Context, rows []channels.Row) error {
				for away.Load() { // as clickhouse.DB does: tried until it is taken
					select {
					case <-time.After(time.Second):
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				return insert(ctx, rows)
			}
		})
		var all []*enishi.Message
		for i := range 50 {
			all = append(all, message("line:main", "marketing", fmt.Sprint(i)))
		}
		w.put(all[:10]...)
		w.eventually("the first ones are sent", func() bool { return w.ended(all[:10]...) })
		away.Store(true)
		w.put(all[10:]...)
		time.Sleep(10 * time.Minute)
		if n := prov.count(); n != 10 {
			t.Errorf("%d calls without a ledger", n-10)
		}
		away.Store(false)
		w.within(5*time.Minute, "all end", func() bool { return w.ended(all...) })
		p.stop()
		for _, m := range all {
			if e := w.result(m); e.Type != "message.sent" && e.Type != "message.deferred" {
				t.Errorf("ended as %s", e.Type)
			}
		}
		if n := prov.count(); n > 50 {
			t.Errorf("%d calls for 50 messages", n)
		}
	})
}

// TestTornInsert: the partition is lost while a batch is being stored. It was stored, nothing of it was tried: the next
// owner sends it, and does not take it for a message in doubt.
func TestTornInsert(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T, w *world) {
		prov := &provider{}
		route := routes(map[string]channels.Route{"email": {Channel: prov}})
		torn := false
		p := w.start(route, func(c *channels.Config) {
			insert := c.Ledger.Insert
			c.Ledger.Insert = func(ctx context.Context, rows []channels.Row) error {
				if err := insert(ctx, rows); err != nil || torn {
					return err
				}
				torn = true
				return context.Canceled
			}
		})
		m := message("email:main", "marketing", "a")
		w.put(m)
		if err := <-p.done; !errors.Is(err, context.Canceled) {
			t.Fatalf("Run: %v", err)
		}
		p = w.start(route, nil)
		w.eventually("it ends", func() bool { return w.ended(m) })
		p.stop()
		if e := w.result(m); e.Type != "message.sent" || prov.count() != 1 {
			t.Errorf("ended as %s after %d calls", e.Type, prov.count())
		}
	})
}
