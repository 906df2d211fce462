package channels

import (
	"context"
	"sync"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// flow carries rows to the ledger and ends to the topic events. Whatever gathers while an insert or an append runs goes
// with the next one, so that many messages share the cost of a write.
type flow struct {
	s *Sender

	mu      sync.Mutex
	pending []pendingRows
	ends    []ended
	dirty   chan struct{} // something is pending
	due     chan struct{} // something is to be reported
}

type pendingRows struct {
	rows []Row
	then func()
}

type ended struct {
	sh  *shard
	row Row
}

const (
	maxRowsPerInsert = 5_000
	maxEndsPerReport = 2_000
	manyRows         = 200
	linger           = 4 * time.Millisecond
)

func newFlow(s *Sender) *flow {
	return &flow{s: s, dirty: make(chan struct{}, 1), due: make(chan struct{}, 1)}
}

// store queues rows; then is called when they are stored. What is queued first is stored first. If storing becomes
// impossible, the Sender ends and then is never called.
func (f *flow) store(rows []Row, then func()) {
	f.mu.Lock()
	f.pending = append(f.pending, pendingRows{rows, then})
	f.mu.Unlock()
	signal(f.dirty)
}

// flush waits until everything queued before is stored.
func (f *flow) flush(ctx context.Context) error {
	done := make(chan struct{})
	f.store(nil, func() { close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stored queues ends that are in the ledger to be reported. Each is counted in the shard's owed already.
func (f *flow) stored(sh *shard, rows []Row) {
	if len(rows) == 0 {
		return
	}
	f.mu.Lock()
	for _, r := range rows {
		f.ends = append(f.ends, ended{sh, r})
	}
	f.mu.Unlock()
	signal(f.due)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// write stores rows until ctx ends; an insert that cannot succeed ends the Sender by fail.
func (f *flow) write(ctx context.Context, fail func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.dirty:
		}
		for {
			if f.few() { // most of the cost of an insert does not depend on its size
				select {
				case <-ctx.Done():
				case <-time.After(linger):
				}
			}
			batch := f.next()
			if len(batch) == 0 {
				break
			}
			var rows []Row
			for _, p := range batch {
				rows = append(rows, p.rows...)
			}
			if len(rows) > 0 {
				if err := f.s.cfg.Ledger.Insert(ctx, rows); err != nil {
					if ctx.Err() == nil {
						fail(err)
					}
					return
				}
			}
			for _, p := range batch {
				if p.then != nil {
					p.then()
				}
			}
		}
	}
}

// few tells whether an insert now would be a small one.
func (f *flow) few() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.pending) > 0 && len(f.pending) < manyRows
}

// next takes what fits into one insert.
func (f *flow) next() []pendingRows {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, rows := 0, 0
	for n < len(f.pending) && (n == 0 || rows+len(f.pending[n].rows) <= maxRowsPerInsert) {
		rows += len(f.pending[n].rows)
		n++
	}
	batch := f.pending[:n:n]
	if f.pending = f.pending[n:]; len(f.pending) == 0 {
		f.pending = nil
	}
	return batch
}

// report appends ends to the topic events and marks them as reported, until ctx ends.
func (f *flow) report(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.due:
		}
		for {
			ends := f.nextEnds()
			if len(ends) == 0 {
				break
			}
			if !f.reportBatch(ctx, ends) {
				return
			}
		}
	}
}

func (f *flow) nextEnds() []ended {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(f.ends), maxEndsPerReport)
	batch := f.ends[:n:n]
	if f.ends = f.ends[n:]; len(f.ends) == 0 {
		f.ends = nil
	}
	return batch
}

func (f *flow) reportBatch(ctx context.Context, ends []ended) bool {
	now, clock := f.s.cfg.Now(), f.s.cfg.Clock().Truncate(time.Millisecond)
	recs := make([]stream.Record, 0, len(ends))
	rows := make([]Row, 0, len(ends))
	owed := map[*shard]int{}
	for i := range ends {
		x := &ends[i]
		owed[x.sh]++
		if !x.mayTell() {
			continue
		}
		var m enishi.Message
		if err := enishi.DecodeMessage(&m, []byte(x.row.Message)); err != nil {
			f.s.log.Error("unreadable message is not reported", "send_id", x.row.SendID, "err", err)
			continue
		}
		e := x.row.event(&m, clock)
		recs = append(recs, eventRecord(&e, f.s.cfg.Partitions, clock))
		x.row.Reported, x.row.UpdatedAt = true, now
		rows = append(rows, x.row)
	}
	if err := f.s.cfg.Append(ctx, recs); err != nil { // only when ctx has ended
		return false
	}
	f.store(rows, func() {
		for sh, n := range owed {
			sh.settle(n)
		}
	})
	return true
}

// mayTell tells whether the end may be reported by this replica. What was not sent is left to the next owner once the
// partition may be another's: it may have sent the message meanwhile, and the fold would decide a second one.
func (x *ended) mayTell() bool {
	switch x.row.State {
	case stateSent, stateFailed, stateUnknown:
		return true
	}
	return x.sh.valid()
}

// eventRecord is an event as it stands on the topic events of n partitions, appended at an instant.
func eventRecord(e *enishi.Event, n int, at time.Time) stream.Record {
	return stream.Record{Topic: enishi.TopicEvents, Partition: e.Profile.Partition(n), Time: at,
		Key: append([]byte(nil), e.Profile[:]...), Value: enishi.EncodeEvent(nil, e)}
}
