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
		if !part.virtual {
			continue
		}
		virtual = true
		if t := f.stands(part); t.After(at) {
			at = t
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

// target is up to where timers of a partition are to act: its owner's clock, or where a virtual clock is moving to.
func (f *Folder) target(part *partition) time.Time {
	if part.virtual && part.until.After(part.clock) {
		return part.until
	}
	return f.wall(part)
}

// stands is where a virtual clock is seen to stand: where it was moved to, once all timers on the way have acted.
func (f *Folder) stands(part *partition) time.Time {
	if t := part.timers.earliest(); part.until.After(part.clock) && len(part.timers.sent) == 0 && (t.IsZero() || t.After(part.until)) {
		return part.until
	}
	return part.clock
}
