package stream

import (
	"context"
	"sync"
	"time"
)

// gather collects what the fetches bring until a batch is closed: after linger without anything new, maxWait after its
// first record, or when it is full. While the taker is busy the next batch goes on growing; when that is full the fetches
// wait.
type gather struct {
	linger, maxWait time.Duration
	maxRecords      int
	pace            func() time.Duration // instead of linger, if not nil

	mu      sync.Mutex
	chunks  []chunk
	records int
	bytes   int
	first   time.Time // arrival of the oldest chunk
	last    time.Time // and of the newest
	came    chan struct{}
	room    chan struct{}
}

// chunk is what one fetch brought of one partition.
type chunk struct {
	part  Partition
	recs  []Record
	next  int64 // offset after it
	bytes int
}

// maxGatherBytes bounds a batch in bytes, for records far over the usual size.
const maxGatherBytes = 64 << 20

func newGather(k *Consumer) *gather {
	return &gather{
		linger: k.Linger, maxWait: k.MaxWait, maxRecords: k.MaxRecords, pace: k.Pace,
		came: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
}

func (g *gather) full() bool { return g.records >= g.maxRecords || g.bytes >= maxGatherBytes }

// put adds a chunk; it waits while the gather is full. One goroutine per partition at a time.
func (g *gather) put(ctx context.Context, ch chunk) error {
	g.mu.Lock()
	for g.full() {
		g.mu.Unlock()
		select {
		case <-g.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		g.mu.Lock()
	}
	defer g.mu.Unlock()
	g.last = time.Now()
	if len(g.chunks) == 0 {
		g.first = g.last
	}
	g.chunks = append(g.chunks, ch)
	g.records += len(ch.recs)
	g.bytes += ch.bytes
	if !g.full() {
		signal(g.room) // for another that waits
	}
	if len(g.chunks) == 1 || g.full() {
		signal(g.came)
	}
	return nil
}

// take waits for a batch to close and returns it, with the offset after it for each partition in it.
func (g *gather) take(ctx context.Context) ([]Record, map[Partition]int64, error) {
	for {
		g.mu.Lock()
		var wait <-chan time.Time
		if len(g.chunks) > 0 {
			now, linger := time.Now(), g.linger
			if g.pace != nil {
				linger = g.pace()
			}
			due := g.last.Add(linger)
			if end := g.first.Add(g.maxWait); end.Before(due) {
				due = end
			}
			if g.full() || !due.After(now) {
				recs, next := g.cut()
				g.mu.Unlock()
				signal(g.room)
				return recs, next, nil
			}
			wait = time.After(due.Sub(now))
		}
		g.mu.Unlock()
		select {
		case <-wait:
		case <-g.came:
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
}

// cut takes up to maxRecords from the front.
func (g *gather) cut() (recs []Record, next map[Partition]int64) {
	next = make(map[Partition]int64, 8)
	n, left := 0, g.maxRecords
	for ; n < len(g.chunks) && len(g.chunks[n].recs) <= left; n++ {
		left -= len(g.chunks[n].recs)
	}
	if n == 1 && (n == len(g.chunks) || left == 0) {
		recs = g.chunks[0].recs
		next[g.chunks[0].part] = g.chunks[0].next
	} else {
		recs = make([]Record, 0, min(g.records, g.maxRecords))
		for _, ch := range g.chunks[:n] {
			recs = append(recs, ch.recs...)
			next[ch.part] = ch.next
		}
	}
	for _, ch := range g.chunks[:n] {
		g.bytes -= ch.bytes
	}
	g.chunks = append(g.chunks[:0], g.chunks[n:]...)
	clear(g.chunks[len(g.chunks):cap(g.chunks)])
	if left > 0 && len(g.chunks) > 0 { // a part of the next one fits
		ch := &g.chunks[0]
		recs = append(recs, ch.recs[:left]...)
		ch.recs = ch.recs[left:]
		next[ch.part] = ch.recs[0].Offset
	}
	g.records -= len(recs)
	g.first = g.last
	return recs, next
}

// signal wakes one waiter, now or when it comes.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
