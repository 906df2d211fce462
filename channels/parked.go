package channels

import (
	"fmt"
	"time"

	"enishi"
)

// What cannot leave until somebody acts is parked: its account is refused or not configured, or its template is missing. It
// leaves memory, stands in the ledger as parked and takes nobody's place. When the account may be tried again (a resume, a
// lifted stop, a new owner of the partition) it ends as deferred, so that consent, quiet hours and freshness are decided
// anew; or it is dropped by hand.

// reasonDiscarded is that of what was parked and dropped by hand.
const reasonDiscarded = "discarded"

// shelf is what a queue knows of its parked messages. The shard's mutex guards it.
type shelf struct {
	some    bool      // the ledger may hold parked messages
	retry   bool      // they are to go back to the fold
	discard time.Time // those that were parked until then are dropped
	all     bool      // none stays
}

// shelve parks a message for certain not taken. The caller takes it out of its lane. mu is held.
func (q *queue) shelve(e *entry, reason string) {
	sh := q.shard
	if sh.entries[e.m.SendID] == e {
		delete(sh.entries, e.m.SendID)
	}
	r := e.row(sh.n, stateParked, sh.s.cfg.Now())
	r.Reason = clip(reason, 500)
	q.shelf.some = true
	q.storing++
	sh.owed++
	sh.s.flow.store(false, []Row{r}, func() {
		q.wrote()
		sh.settle(1)
	})
}

// parked tells queues of what the ledger has parked for them; whoever takes a partition over tries again. mu is held.
func (sh *shard) parked(rows []Row) {
	for i := range rows {
		m := new(enishi.Message)
		if err := enishi.DecodeMessage(m, []byte(rows[i].Message)); err != nil {
			sh.s.log.Error("unreadable message in the ledger is left alone", "send_id", rows[i].SendID, "round", rows[i].Round, "err", err)
			continue
		}
		q := sh.queue(m)
		q.shelf = shelf{some: true, retry: true, discard: sh.s.sending.Load().discarded(q.destination)}
	}
}

// emptying tells whether parked messages are to be taken from the ledger now. mu is held.
func (q *queue) emptying() (now shelf, due bool) {
	sending := q.shard.s.sending.Load()
	now = q.shelf
	_, stands := sending.standing(q.destination)
	now.retry = now.retry && q.down == "" && !stands
	now.all = now.retry
	if sending.drops(q.destination) {
		now.discard, now.all = q.shard.s.cfg.Now(), true
	}
	return now, now.some && (now.retry || !now.discard.IsZero()) && q.shard.valid()
}

// empty ends parked messages. No mutex is held.
func (q *queue) empty(what shelf) {
	sh := q.shard
	q.loading.Lock() // a cancel must not end the same message otherwise
	defer q.loading.Unlock()
	sh.mu.Lock()
	pending := q.storing > 0 // some may be about to be parked
	sh.mu.Unlock()
	until := what.discard
	if what.retry {
		until = time.Time{}
	}
	for sh.ctx.Err() == nil && sh.valid() {
		rows, err := sh.s.cfg.Ledger.Parked(sh.ctx, sh.n, q.destination, until, maxRowsPerInsert)
		if err == nil && len(rows) > 0 {
			err = q.endParked(rows, what)
		}
		if err != nil {
			if sh.ctx.Err() == nil {
				sh.s.log.Warn("parked messages are taken later", "destination", q.destination, "err", err)
			}
			return
		}
		if len(rows) < maxRowsPerInsert {
			break
		}
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if pending || sh.ctx.Err() != nil {
		return
	}
	if q.shelf.discard.Equal(what.discard) {
		q.shelf.discard = time.Time{}
	}
	if what.all {
		q.shelf.retry, q.shelf.some = false, q.storing > 0
	}
}

func (q *queue) endParked(rows []Row, what shelf) error {
	sh := q.shard
	now := sh.s.cfg.Now()
	for i := range rows {
		r := &rows[i]
		if !what.discard.IsZero() && !r.UpdatedAt.After(what.discard) {
			r.State, r.Reason = stateDropped, reasonDiscarded
		} else {
			r.State, r.NextTryAt = stateDeferred, now
		}
		r.UpdatedAt = now
	}
	if err := sh.s.cfg.Ledger.Insert(sh.ctx, rows); err != nil {
		return fmt.Errorf("write to the ledger: %w", err)
	}
	sh.mu.Lock()
	sh.owed += len(rows)
	sh.mu.Unlock()
	sh.s.flow.stored(sh, rows)
	return nil
}

// discarded is until when what was parked for a destination is dropped.
func (s *Sending) discarded(destination string) (at time.Time) {
	for match, t := range s.Discard {
		if matches(match, destination) && t.After(at) {
			at = t
		}
	}
	return at
}
