package pipeline

import (
	"sync"

	"enishi"
)

// spare is memory of rows that are stored, to be used by the next ones: most of what the fold would allocate. After a burst
// it goes.
type spare struct {
	events    blocks[eventRow]
	decisions blocks[enishi.Decision]

	mu      sync.Mutex
	columns []*columns // a checkpoint and a flush may be under way at once
}

// list is values in blocks, so that a growing one copies nothing.
type list[T any] struct {
	blocks [][]T
	n      int
}

const blockSize = 256

// add makes place for one more value.
func (l *list[T]) add(from *blocks[T]) *T {
	last := len(l.blocks) - 1
	if last < 0 || len(l.blocks[last]) == blockSize {
		l.blocks = append(l.blocks, from.take())
		last++
	}
	b := &l.blocks[last]
	*b = (*b)[:len(*b)+1]
	l.n++
	return &(*b)[len(*b)-1]
}

// join takes the values of another list.
func (l *list[T]) join(x *list[T]) {
	l.blocks = append(l.blocks, x.blocks...)
	l.n += x.n
}

// blocks are empty blocks of lists.
type blocks[T any] struct {
	mu   sync.Mutex
	free [][]T
}

func (s *blocks[T]) take() []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.free) - 1
	if n < 0 {
		return make([]T, 0, blockSize)
	}
	b := s.free[n]
	s.free = s.free[:n]
	return b
}

// give takes the blocks of a list and keeps at most as many others.
func (s *blocks[T]) give(l *list[T]) {
	for i, b := range l.blocks {
		clear(b)
		l.blocks[i] = b[:0]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := min(len(s.free), len(l.blocks))
	clear(s.free[keep:])
	s.free = append(s.free[:keep], l.blocks...)
	*l = list[T]{}
}

// columns are what the tables of one checkpoint or flush are made of.
type columns struct {
	text  buffers[string]
	id    buffers[enishi.ID]
	whole buffers[int64]
}

// buffers are slices in the order in which they are taken.
type buffers[V any] struct {
	all  [][]V
	next int
}

// take is an empty slice for n values. One that is far too large is given up.
func (s *buffers[V]) take(n int) []V {
	if s.next == len(s.all) {
		s.all = append(s.all, nil)
	}
	b := &s.all[s.next]
	s.next++
	if c := cap(*b); c < n || c > 4*max(n, blockSize) {
		*b = make([]V, n+n/4)
	}
	return (*b)[:0]
}

func (s *spare) takeColumns() *columns {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.columns) - 1
	if n < 0 {
		return &columns{}
	}
	c := s.columns[n]
	s.columns = s.columns[:n]
	return c
}

// give takes back the memory of rows that are stored.
func (s *spare) give(r *rows) {
	s.events.give(&r.events)
	s.decisions.give(&r.decisions)
	c := r.columns
	if c == nil {
		return
	}
	for _, b := range c.text.all {
		clear(b[:cap(b)]) // texts hold the records that they are from
	}
	c.text.next, c.id.next, c.whole.next = 0, 0, 0
	s.mu.Lock()
	defer s.mu.Unlock()
	s.columns = append(s.columns, c)
}
