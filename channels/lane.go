package channels

import (
	"container/heap"
	"time"

	"enishi"
)

type laneKey struct {
	profile enishi.ID
	purpose string
}

type laneState uint8

const (
	laneGone laneState = iota
	laneReady
	laneDelayed
	laneBusy
)

// lane is ready, delayed (its head must not be tried yet), or busy (its head is at the provider or about to be).
type lane struct {
	queue   *queue
	key     laneKey
	state   laneState
	at      time.Time // of delayed
	urgent  bool
	entries []*entry // oldest first, at least one
}

func (l *lane) head() *entry {
	if len(l.entries) == 0 {
		return nil
	}
	return l.entries[0]
}

// makeReady puts a lane where its head can be chosen.
func (q *queue) makeReady(l *lane) {
	if at := l.head().next; at.After(q.shard.s.cfg.Now()) {
		l.state, l.at = laneDelayed, at
		heap.Push(&q.delayed, l)
		return
	}
	l.state = laneReady
	if l.urgent {
		q.ready[0].push(l)
	} else {
		q.ready[1].push(l)
	}
}

// remove takes a message that is not busy out of its lane.
func (q *queue) remove(e *entry) {
	l := e.lane
	for i, x := range l.entries {
		if x != e {
			continue
		}
		q.size--
		l.entries = append(l.entries[:i:i], l.entries[i+1:]...)
		if len(l.entries) == 0 || i == 0 && l.state == laneDelayed {
			q.renew(l, l.entries)
		}
		return
	}
}

// renew gives what is left of a lane that is ready or delayed a lane of its own: the heads differ, and so does their time.
func (q *queue) renew(l *lane, entries []*entry) {
	l.entries, l.state = nil, laneGone
	if len(entries) == 0 {
		delete(q.lanes, l.key)
		return
	}
	fresh := &lane{queue: q, key: l.key, urgent: l.urgent, entries: entries}
	for _, e := range entries {
		e.lane = fresh
	}
	q.lanes[l.key] = fresh
	q.makeReady(fresh)
}

// popReady takes the next ready lane, nil when there is none.
func (q *queue) popReady() *lane {
	for i := range q.ready {
		for l := q.ready[i].pop(); l != nil; l = q.ready[i].pop() {
			if l.state == laneReady {
				return l
			}
		}
	}
	return nil
}

// anyReady tells whether somebody waits for a place.
func (q *queue) anyReady() bool {
	for i := range q.ready {
		for l := q.ready[i].peek(); l != nil; l = q.ready[i].peek() {
			if l.state == laneReady {
				return true
			}
			q.ready[i].pop()
		}
	}
	return false
}

// fifo is a queue of lanes; those that moved elsewhere meanwhile are skipped by their state.
type fifo struct {
	lanes []*lane
	head  int
}

func (f *fifo) push(l *lane) { f.lanes = append(f.lanes, l) }

func (f *fifo) peek() *lane {
	if f.head == len(f.lanes) {
		return nil
	}
	return f.lanes[f.head]
}

func (f *fifo) pop() *lane {
	if f.head == len(f.lanes) {
		f.lanes, f.head = f.lanes[:0], 0
		return nil
	}
	l := f.lanes[f.head]
	f.lanes[f.head] = nil
	if f.head++; f.head > 1024 && f.head > len(f.lanes)/2 {
		f.lanes, f.head = append(f.lanes[:0], f.lanes[f.head:]...), 0
	}
	return l
}

// laneHeap orders delayed lanes by their time.
type laneHeap []*lane

func (h laneHeap) Len() int           { return len(h) }
func (h laneHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h laneHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *laneHeap) Push(x any)        { *h = append(*h, x.(*lane)) }
func (h *laneHeap) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return l
}
