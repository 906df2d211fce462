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
	rows    int           // in pending
	urgent  bool          // one of them is
	since   time.Time     // of the first
	took    time.Duration // the last insert
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
	manyRows         = 1_000
	urgentLinger     = 4 * time.Millisecond
	calmLinger       = 30 * time.Millisecond
	virtualLinger    = 300 * time.Millisecond // a replay decides fast, and nobody waits for a message of it
)

func newFlow(s *Sender) *flow {
	return &flow{s: s, dirty: make(chan struct{}, 1), due: make(chan struct{}, 1)}
}

// store queues rows; then is called when they are stored. What is queued first is stored first. If storing becomes
// impossible, the Sender ends and then is never called. Urgent rows are those that a send waits for.
func (f *flow) store(urgent bool, rows []Row, then func()) {
	f.mu.Lock()
	if len(f.pending) == 0 {
		f.since = time.Now()
	}
	f.pending = append(f.pending, pendingRows{rows, then})
	f.rows += len(rows)
	wake := len(f.pending) == 1 || urgent && !f.urgent || f.rows >= manyRows
	f.urgent = f.urgent || urgent
	f.mu.Unlock()
	if wake {
		signal(f.dirty)
	}
}

// flush waits until everything queued before is stored.
func (f *flow) flush(ctx context.Context) error {
	done := make(chan struct{})
	f.store(true, nil, func() { close(done) })
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
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if wait, some := f.linger(); !some || wait > 0 {
			if some {
				timer.Reset(wait)
			}
			select {
			case <-ctx.Done():
				return
			case <-f.dirty:
			case <-timer.C:
			}
			continue
		}
		batch := f.next()
		var rows []Row
		for _, p := range batch {
			rows = append(rows, p.rows...)
		}
		begun := time.Now()
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
		f.mu.Lock()
		f.took = time.Since(begun)
		f.mu.Unlock()
	}
}

// linger is how long to wait for more: most of the cost of an insert does not depend on its size.
func (f *flow) linger() (wait time.Duration, some bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case len(f.pending) == 0:
		return 0, false
	case f.rows >= manyRows:
		return 0, true
	case f.s.cfg.Virtual():
		return virtualLinger - time.Since(f.since), true
	case f.urgent: // a slow ledger is asked less often
		return min(max(f.took/2, urgentLinger), calmLinger) - time.Since(f.since), true
	}
	return calmLinger - time.Since(f.since), true
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
	f.rows -= rows
	if f.pending = f.pending[n:]; len(f.pending) == 0 {
		f.pending, f.urgent = nil, false
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
	now := f.s.cfg.Now()
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
		if m.Purpose != TestPurpose {
			clock := f.s.cfg.clock(&m).Truncate(time.Millisecond)
			e := x.row.event(&m, clock)
			recs = append(recs, eventRecord(&e, f.s.cfg.Partitions, clock))
		}
		x.row.Reported, x.row.UpdatedAt = true, now
		rows = append(rows, x.row)
	}
	if err := f.s.cfg.Append(ctx, recs); err != nil { // only when ctx has ended
		return false
	}
	f.store(false, rows, func() {
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
