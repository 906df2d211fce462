package pipeline

import (
	"container/heap"
	"context"
	"fmt"
	"time"

	"enishi"
)

// timers holds what is due within the horizon: a heap with lazy deletion, at most one live item per profile.
type timers struct {
	at    map[enishi.ID]time.Time
	sent  map[enishi.ID]bool // a timer record is on its way
	items dueHeap
}

type dueItem struct {
	at time.Time
	id enishi.ID
}

type dueHeap []dueItem

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(dueItem)) }
func (h *dueHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// arm sets a profile's due instant; zero disarms it.
func (t *timers) arm(id enishi.ID, at time.Time) {
	if t.at == nil {
		t.at, t.sent = map[enishi.ID]time.Time{}, map[enishi.ID]bool{}
	}
	if at.IsZero() {
		delete(t.at, id)
		return
	}
	if t.at[id].Equal(at) {
		return
	}
	t.at[id] = at
	if !t.sent[id] {
		heap.Push(&t.items, dueItem{at, id})
	}
}

// folded says that a timer record of the profile was read back.
func (t *timers) folded(id enishi.ID) {
	delete(t.sent, id)
	delete(t.at, id)
}

// due takes out at most n profiles that are due by now; each is marked sent until folded is called.
func (t *timers) due(now time.Time, n int) []enishi.ID {
	var out []enishi.ID
	for len(t.items) > 0 && len(out) < n && !t.items[0].at.After(now) {
		x := heap.Pop(&t.items).(dueItem)
		if at, live := t.at[x.id]; live && at.Equal(x.at) && !t.sent[x.id] {
			t.sent[x.id] = true
			out = append(out, x.id)
		}
	}
	return out
}

// unsent puts back what due gave when it could not be appended.
func (t *timers) unsent(ids []enishi.ID) {
	for _, id := range ids {
		delete(t.sent, id)
		if at, live := t.at[id]; live {
			heap.Push(&t.items, dueItem{at, id})
		}
	}
}

// earliest is the next due instant within the horizon.
func (t *timers) earliest() time.Time {
	for len(t.items) > 0 {
		if at, live := t.at[t.items[0].id]; live && at.Equal(t.items[0].at) {
			return at
		}
		heap.Pop(&t.items)
	}
	return time.Time{}
}

// VirtualHorizon replaces Config.Horizon while the clock is virtual: it jumps by hours.
const VirtualHorizon = 14 * 24 * time.Hour

// loadTimers moves the horizon on and takes the stored due rows before it. mu must not be held.
func (f *Folder) loadTimers(ctx context.Context, part *partition) error {
	f.mu.Lock()
	after, until := part.horizon, f.wall(part).Add(f.horizon(part))
	f.mu.Unlock()
	have, err := f.cfg.Load(ctx, Want{Due: &DueRange{Partition: part.n, After: after, Until: until}})
	if err != nil {
		return fmt.Errorf("load due rows of partition %d: %w", part.n, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	part.horizon = until
	for _, d := range have.Due {
		if e := part.cache[d.ID]; e != nil {
			d.At = e.p.NextDue() // memory is newer than its row
		}
		part.arm(d.ID, d.At)
	}
	for id, e := range part.cache {
		part.arm(id, e.p.NextDue())
	}
	return nil
}

// arm keeps the due instant of a profile in memory when it lies within the horizon.
func (part *partition) arm(id enishi.ID, at time.Time) {
	if at.After(part.horizon) {
		at = time.Time{}
	}
	part.timers.arm(id, at)
}

func (f *Folder) horizon(part *partition) time.Duration {
	if part.virtual {
		return VirtualHorizon
	}
	return f.cfg.Horizon
}

// wall is the owner's clock for a partition: the wall clock, or the partition's while that is virtual.
func (f *Folder) wall(part *partition) time.Time {
	if part.virtual {
		return part.clock
	}
	return f.cfg.Now().UTC().Truncate(time.Millisecond)
}
