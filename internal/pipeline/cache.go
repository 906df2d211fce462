package pipeline

import (
	"enishi"
	"enishi/profiles"
)

// entry is one profile in memory.
type entry struct {
	p       *profiles.Profile
	size    int64
	dirty   bool // changed since the last checkpoint was begun; in partition.dirty
	saving  bool // in the running checkpoint
	touched bool // since it was last looked at for eviction
}

// keep puts a profile into the cache.
func (part *partition) keep(p *profiles.Profile) *entry {
	e := &entry{p: p, size: int64(p.Size())}
	part.cache[p.ID] = e
	part.queue.push(e)
	part.bytes += e.size
	return e
}

// entry finds or makes the entry of a profile.
func (part *partition) entry(id enishi.ID) *entry {
	if e := part.cache[id]; e != nil {
		e.touched = true
		return e
	}
	return part.keep(profiles.New(id))
}

// take puts a stored state into the cache unless a newer one is there.
func (part *partition) take(s *State) error {
	if part.cache[s.ID] != nil {
		return nil
	}
	p, err := part.decode(s)
	if err != nil {
		return err
	}
	part.keep(p)
	return nil
}

// decode reads a stored state. Offsets of an older epoch are those of another log.
func (part *partition) decode(s *State) (*profiles.Profile, error) {
	p, err := profiles.Decode(s.ID, s.Bytes)
	if err != nil {
		return nil, err
	}
	if epochOf(s.Version) < part.epoch {
		p.Offset = 0
	}
	return p, nil
}

// changed marks an entry for the next checkpoint; next is the offset after the record that changed it.
func (part *partition) changed(e *entry, next int64) {
	e.p.Offset = next
	if !e.dirty {
		e.dirty = true
		part.dirty = append(part.dirty, e)
	}
	size := int64(e.p.Size())
	part.bytes += size - e.size
	e.size = size
	part.arm(e.p.ID, e.p.NextDue())
}

// queue is entries in the order in which they are looked at for eviction.
type queue struct {
	items []*entry
	head  int
}

func (q *queue) push(e *entry) {
	if q.head > 1024 && q.head*2 > len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, e)
}

func (q *queue) pop() *entry {
	e := q.items[q.head]
	q.items[q.head] = nil
	q.head++
	return e
}

func (q *queue) len() int { return len(q.items) - q.head }

// evict forgets clean profiles that were not touched since they were last met here, until the bound holds. It looks at a
// limited number, so that a cache full of what cannot go costs little. mu is held.
func (f *Folder) evict() {
	total := int64(0)
	for _, part := range f.order {
		total += part.bytes
	}
	if total <= f.cfg.CacheBytes {
		return
	}
	over := total - f.cfg.CacheBytes
	for _, part := range f.order {
		// Each partition gives its share of what is too much.
		floor := part.bytes - int64(float64(over)*float64(part.bytes)/float64(total)) - 1
		for looks := min(part.queue.len(), 1000+f.lastBatch); looks > 0 && part.bytes > floor; looks-- {
			e := part.queue.pop()
			if e.dirty || e.saving || e.touched {
				e.touched = false
				part.queue.push(e)
				continue
			}
			part.bytes -= e.size
			delete(part.cache, e.p.ID)
		}
	}
}

// idSet is a set of ids by their 64-bit digests, 8 to 16 bytes each: which profiles have a stored state. Of two ids with one
// digest one may be taken for stored that is not; then a load finds nothing.
type idSet struct {
	slots []uint64 // 0 is free
	n     int
}

func (s *idSet) has(id enishi.ID) bool {
	if s.n == 0 {
		return false
	}
	h := id.Hash64() | 1
	for i := h >> 32; ; i++ {
		switch s.slots[i&uint64(len(s.slots)-1)] {
		case h:
			return true
		case 0:
			return false
		}
	}
}

func (s *idSet) add(id enishi.ID) {
	if 4*(s.n+1) > 3*len(s.slots) {
		old := s.slots
		s.slots, s.n = make([]uint64, max(64, 2*len(old))), 0
		for _, h := range old {
			if h != 0 {
				s.put(h)
			}
		}
	}
	s.put(id.Hash64() | 1)
}

func (s *idSet) put(h uint64) {
	for i := h >> 32; ; i++ {
		at := i & uint64(len(s.slots)-1)
		switch s.slots[at] {
		case h:
			return
		case 0:
			s.slots[at] = h
			s.n++
			return
		}
	}
}
