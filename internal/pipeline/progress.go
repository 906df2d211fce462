package pipeline

import (
	"slices"
	"time"
)

// NextDue is the earliest due instant of the owned partitions within their horizons; ok is false when there is none. It is
// complete for half a horizon (VirtualHorizon while the clock is virtual) when Busy is false.
func (f *Folder) NextDue() (at time.Time, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, part := range f.order {
		if t := part.timers.earliest(); !t.IsZero() && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	return at, ok
}

// NextDues is the same for each partition that has one.
func (f *Folder) NextDues() map[int]time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[int]time.Time{}
	for _, part := range f.order {
		if t := part.timers.earliest(); !t.IsZero() {
			out[part.n] = t
		}
	}
	return out
}

// Busy reports whether an owned partition still owes records: a timer that is due or on its way, a merge, a switch or a
// sweep, or due rows that are still to be read. What is on the log and not folded it does not know: who waits for all to be
// done compares the ends of the log with Progress first, then asks Busy, then looks at the ends again.
func (f *Folder) Busy() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.order, f.owes)
}

// Stored reports whether all that is folded is in the tables.
func (f *Folder) Stored() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dirtySince.IsZero() && f.saving == nil
}

func (f *Folder) owes(part *partition) bool {
	if len(part.timers.sent) > 0 || part.nextSweep(f.wall(part)) >= 0 || f.cfg.Definitions.Next() > part.definitions || f.near(part) {
		return true
	}
	if t := part.timers.earliest(); !t.IsZero() && !t.After(f.target(part)) {
		return true
	}
	_, next := f.moves(part)
	return next > part.identities
}

// Progress is how far a partition is folded, and its oldest due timer (zero: none is due).
type Progress struct {
	Partition int
	Next      int64
	Clock     time.Time
	Virtual   bool
	Events    int64
	OldestDue time.Time
	Sweeps    []Sweep
}

// Progress lists the owned partitions, by number.
func (f *Folder) Progress() []Progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Progress, 0, len(f.order))
	for _, part := range f.order {
		p := Progress{Partition: part.n, Next: part.next, Clock: f.stands(part), Virtual: part.virtual, Events: part.events, Sweeps: slices.Clone(part.sweeps)}
		if t := part.timers.earliest(); !t.IsZero() && !t.After(f.target(part)) {
			p.OldestDue = t
		}
		out = append(out, p)
	}
	return out
}
