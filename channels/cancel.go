package channels

import (
	"context"
	"fmt"

	"enishi"
)

// drop cancels a message that has not left. What is at the provider is marked, so that it is not tried again.
func (sh *shard) drop(ctx context.Context, m *enishi.Message) error {
	sh.mu.Lock()
	q := sh.queues[m.Destination]
	gone := sh.dropQueued(m)
	sh.mu.Unlock()
	if gone || q == nil || !q.hasSpilled() && len(sh.s.sending.Load().holding()) == 0 {
		return nil
	}
	// It may wait in the ledger only. Nothing is loaded from there meanwhile.
	q.loading.Lock()
	defer q.loading.Unlock()
	sh.mu.Lock()
	gone = sh.dropQueued(m)
	sh.mu.Unlock()
	if gone {
		return nil
	}
	rows, err := sh.s.cfg.Ledger.Find(ctx, sh.n, []enishi.ID{m.SendID})
	if err != nil {
		return fmt.Errorf("look for a cancelled message: %w", err)
	}
	var ends []Row
	for _, r := range rows {
		if r.State == stateDecided || r.State == stateParked {
			r.State, r.Reason, r.UpdatedAt = stateDropped, reasonOfCancel(m), sh.s.cfg.Now()
			ends = append(ends, r)
		}
	}
	if len(ends) == 0 {
		return nil
	}
	if err := sh.s.cfg.Ledger.Insert(ctx, ends); err != nil {
		return fmt.Errorf("write to the ledger: %w", err)
	}
	sh.mu.Lock()
	sh.owed += len(ends)
	sh.mu.Unlock()
	sh.s.flow.stored(sh, ends)
	return nil
}

// dropQueued cancels a message in memory; false: there is none. mu is held.
func (sh *shard) dropQueued(m *enishi.Message) bool {
	e := sh.entries[m.SendID]
	if e == nil {
		return false
	}
	reason, q := reasonOfCancel(m), e.lane.queue
	switch {
	case e.lane.head() == e && e.lane.state == laneBusy:
		e.cancelled = reason
	case e.doubt:
		q.remove(e)
		sh.end(e, stateUnknown, outcome{reason: reason})
	default:
		q.remove(e)
		sh.end(e, stateDropped, outcome{reason: reason})
	}
	return true
}

func reasonOfCancel(m *enishi.Message) string {
	if m.Reason == "" {
		return "cancelled"
	}
	return m.Reason
}
