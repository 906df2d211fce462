package pipeline

import (
	"container/heap"
	"context"
	"fmt"
	"slices"
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

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if c := h[i].at.Compare(h[j].at); c != 0 {
		return c < 0
	}
	return h[i].id.Compare(h[j].id) < 0
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)   { *h = append(*h, x.(dueItem)) }
func (h *dueHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// arm sets a profile's due instant; zero disarms it.
func (t *timers) arm(id enishi.ID, at time.Time) {
	if at.IsZero() {
		if len(t.at) > 0 {
			delete(t.at, id)
		}
		return
	}
	if t.at == nil {
		t.at, t.sent = map[enishi.ID]time.Time{}, map[enishi.ID]bool{}
	}
	if was, armed := t.at[id]; armed && was.Equal(at) {
		return
	}
	t.at[id] = at
	if !t.sent[id] {
		t.push(id, at)
	}
}

// push adds an item. Items that are not live any more are dropped when they are the most.
func (t *timers) push(id enishi.ID, at time.Time) {
	if len(t.items) > 1000 && len(t.items) > 3*len(t.at) {
		t.items = slices.DeleteFunc(t.items, func(x dueItem) bool { return !t.at[x.id].Equal(x.at) || t.sent[x.id] })
		heap.Init(&t.items)
	}
	heap.Push(&t.items, dueItem{at, id})
}

// folded says that a timer record of the profile was read back.
func (t *timers) folded(id enishi.ID) {
	delete(t.sent, id)
	delete(t.at, id)
}

// due takes out at most n profiles that are due by now, the earliest first; each is marked sent until folded is called.
func (t *timers) due(now time.Time, n int) []dueItem {
	var out []dueItem
	for len(t.items) > 0 && len(out) < n && !t.items[0].at.After(now) {
		x := heap.Pop(&t.items).(dueItem)
		if at, live := t.at[x.id]; live && at.Equal(x.at) && !t.sent[x.id] {
			t.sent[x.id] = true
			out = append(out, x)
		}
	}
	return out
}

// unsent puts back what due gave when it could not be appended.
func (t *timers) unsent(list []dueItem) {
	for _, x := range list {
		delete(t.sent, x.id)
		if at, live := t.at[x.id]; live {
			t.push(x.id, at)
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

func (f *Folder) horizon(part *partition) time.Duration {
	if part.virtual {
		return VirtualHorizon
	}
	return f.cfg.Horizon
}

// near reports whether so little is left of a partition's horizon that it must be moved on; mu is held.
func (f *Folder) near(part *partition) bool {
	return f.target(part).Add(f.horizon(part) / 2).After(part.horizon)
}

// loadTimers moves the horizon on and takes the stored due rows before it. mu must not be held.
//
// The horizon moves first: what is folded while the rows are read is armed by the new one. What is in memory and not stored
// yet is armed from memory; what a row says of a profile that changed meanwhile may be too early, which costs a timer record
// that finds nothing due.
func (f *Folder) loadTimers(ctx context.Context, part *partition) error {
	f.mu.Lock()
	after, until := part.horizon, f.target(part).Add(f.horizon(part))
	if !until.After(after) {
		f.mu.Unlock()
		return nil
	}
	part.horizon = until
	for _, list := range [...][]*entry{part.dirty, part.saving} {
		for _, x := range list {
			part.arm(x.p.ID, x.p.NextDue())
		}
	}
	f.mu.Unlock()
	have, err := f.cfg.Load(ctx, Want{Due: &DueRange{Partition: part.n, After: after, Until: until}})
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		if part.horizon.Equal(until) {
			part.horizon = after
		}
		return fmt.Errorf("load due rows of partition %d: %w", part.n, err)
	}
	for _, d := range have.Due {
		if x := part.cache[d.ID]; x != nil {
			d.At = x.p.NextDue() // memory is newer than its row
		} else if at, armed := part.timers.at[d.ID]; armed && at.Before(d.At) {
			continue
		}
		part.arm(d.ID, d.At)
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
