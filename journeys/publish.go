package journeys

import "time"

// follow takes the run over into a newer version of its journey, or ends it, as that says. A run that stands at the same node
// goes on waiting from when it began to, by the newer version's time.
func (w *walk) follow(to *Journey) {
	x := to.Definition.InFlight
	if x.Then == inFlightExit {
		w.end(endExited, "published")
		return
	}
	id, named := x.Nodes[w.r.Node]
	if !named {
		id = w.r.Node
	}
	n := to.nodes[id]
	if n == nil {
		return // finishes the old one
	}
	w.j, w.r.Version, w.moved = to, to.Version, true
	switch {
	case w.r.Wait == nil || isResend(w.r):
	case id != w.r.Node:
		w.goTo(id, w.now)
	case n.Type == nodeWait && n.timed:
		w.arm(n, w.r.Wait.Armed)
	case n.Type == nodeWait:
		if next, rests := w.wait(n); !rests {
			w.leave(n)
			w.goTo(next, w.now)
		}
	}
}

// park keeps a run whose time has come, or for whom what it waits for has happened, while its journey is paused.
func (w *walk) park(n *node, t *Trigger, due bool) {
	x := w.r.Wait
	switch {
	case due:
		x.Due = x.Until
	case n != nil && n.until != nil && !isResend(w.r) && (t.Event == nil || !t.Event.Historical) && w.happens(n.until, t):
		x.Due = w.now
	case w.callEnded(n):
		x.Due = w.now
	default:
		return
	}
	x.Until = time.Time{}
	w.stepper.changed = true
}

// resume lets a run go on that was parked: what has become too late meanwhile is not sent.
func (w *walk) resume() {
	w.r.Wait.Until, w.r.Wait.Due = w.r.Wait.Due, time.Time{}
	w.stepper.changed = true
}
