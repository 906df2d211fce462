package journeys

import (
	"slices"
	"time"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

// happens reports whether the trigger is what a condition speaks of.
func (w *walk) happens(c *condition, t *Trigger) bool {
	if c.segment != "" {
		list := t.Entered
		if !c.entered {
			list = t.Left
		}
		return slices.ContainsFunc(list, func(x segments.Transition) bool { return x.Segment == c.segment })
	}
	return t.Event != nil && w.holds(c, t.Event)
}

// about names the trigger in a run's end.
func (c *condition) about(t *Trigger) string {
	if c.segment != "" {
		return c.segment
	}
	return t.Event.Type
}

// holds reports whether an event, new or known, fits a condition: its type, its key and its where. An event that is not
// about a lasting thing of the run's own counts only from the run's start on, and the entry event itself never does.
func (w *walk) holds(c *condition, e *enishi.Event) bool {
	if !slices.Contains(c.types, e.Type) || w.isEntry(e) {
		return false
	}
	start := w.k.Event.At
	switch c.key.name {
	case keyAny:
		if w.instant(e).Before(start) {
			return false
		}
	case keyRun:
		if !w.ownMessage(e) {
			return false
		}
	default:
		v := keyOf(e, c.key.name)
		if v == "" || v != w.k.keyValue(c.key.name, w.j.key.name) || !c.key.lasting && w.instant(e).Before(start) {
			return false
		}
	}
	return c.where == nil || c.where.eval(w.scope(e))
}

// isEntry: the event that the run began with, also when it is known by its milestone only.
func (w *walk) isEntry(e *enishi.Event) bool {
	entry := &w.k.Event
	return !e.ID.IsZero() && e.ID == entry.ID || e.Type == entry.Type && w.instant(e).Equal(entry.At)
}

// ownMessage: the event tells of a message of this run.
func (w *walk) ownMessage(e *enishi.Event) bool {
	if e.Result == nil {
		return false
	}
	if e.Result.RunID == w.r.ID {
		return true
	}
	m := findMessage(w.p, e.Result.SendID)
	return m != nil && m.RunID == w.r.ID
}

// already reports whether what a wait waits for had happened before the run came to it: since the run's start, or since
// the run left this wait last.
func (w *walk) already(n *node) bool {
	c := n.until
	if c.segment != "" {
		return slices.ContainsFunc(w.p.Memberships, func(m profiles.Membership) bool { return m.Segment == c.segment }) == c.entered
	}
	left := time.Time{}
	if p := w.k.loop(n.id); p != nil {
		left = p.Left
	}
	return w.recall(c, c.types, left)
}

// recall looks for a known event of some of a condition's types that fits it, after an instant.
func (w *walk) recall(c *condition, types []string, after time.Time) bool {
	found := false
	known(w.p, types, func(e *enishi.Event) bool {
		found = (after.IsZero() || w.instant(e).After(after)) && w.holds(c, e)
		return !found
	})
	return found
}

// endedBefore finds an exit, or the goal, that was true already when a run would begin.
func (w *walk) endedBefore() string {
	for _, c := range w.j.exits {
		if t := w.recallOne(c); t != "" {
			return t
		}
	}
	if w.j.goal != nil {
		return w.recallOne(w.j.goal)
	}
	return ""
}

// recallOne is the first type of a condition that was true already.
func (w *walk) recallOne(c *condition) string {
	for i := range c.types {
		if w.recall(c, c.types[i:i+1], time.Time{}) {
			return c.types[i]
		}
	}
	return ""
}
