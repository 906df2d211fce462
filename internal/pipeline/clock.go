package pipeline

import (
	"sync"
	"time"
)

// Clock is the instance's clock as the fold sees it: the wall clock, or the virtual one of a replay.
type Clock struct {
	mu      sync.RWMutex
	virtual bool
	at      time.Time
}

// Now is the virtual instant while the clock is virtual, else wall.
func (c *Clock) Now(wall time.Time) time.Time {
	at, virtual := c.Virtual()
	if virtual {
		return at
	}
	return wall
}

// Virtual tells whether the clock is virtual and where it stands.
func (c *Clock) Virtual() (time.Time, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.at, c.virtual
}

func (c *Clock) set(at time.Time, virtual bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.virtual = at, virtual
}

// Clock is the clock that the rest of the process uses for what it stamps.
func (f *Folder) Clock() *Clock { return &f.world }

// showClock brings Clock up to date: it is virtual while any owned partition is, and stands where the first of them stands.
// mu is held.
func (f *Folder) showClock() {
	var at time.Time
	virtual := false
	for _, part := range f.order {
		if part.virtual && (!virtual || part.clock.After(at)) {
			at, virtual = part.clock, true
		}
	}
	f.world.set(at, virtual)
}

// wall is the owner's clock for a partition: the wall clock, or the partition's while that is virtual. The fold's own records
// carry it.
func (f *Folder) wall(part *partition) time.Time {
	if part.virtual {
		return part.clock
	}
	return f.now()
}

// now is the wall clock in the resolution of the log.
func (f *Folder) now() time.Time { return f.cfg.Now().UTC().Truncate(time.Millisecond) }
