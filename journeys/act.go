package journeys

import (
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
)

// maxCalls bounds how many journeys one may start through another in a step.
const maxCalls = 8

func newWait(until, armed time.Time) *profiles.Wait {
	return &profiles.Wait{Until: until.UTC().Truncate(time.Millisecond), Armed: armed}
}

// turn is the way of a split that a person takes, by its place: by the split and the person alone, so that it is the same each
// time; of a test that has a winner, the winner's.
func (w *walk) turn(n *node) int {
	if t := w.j.Definition.Entry.Test; t != nil && t.Split == n.id && t.Winner != "" {
		return slices.IndexFunc(n.Ways, func(x Way) bool { return x.Next == t.Winner })
	}
	sum := 0
	for i := range n.Ways {
		sum += n.Ways[i].Weight
	}
	at := share("split "+w.j.Name+" "+n.id, w.p.ID) / 100 * float64(sum)
	for i := range n.Ways {
		if at -= float64(n.Ways[i].Weight); at < 0 {
			return i
		}
	}
	return len(n.Ways) - 1
}

// holdOut keeps a share of the people from being sent anything, for good in this journey; they go the same way, so that what
// they do can be compared.
func (w *walk) holdOut(n *node) {
	if !w.k.Held && share("holdout "+w.j.Name, w.p.ID) < n.Percent {
		w.k.Held, w.dirty = true, true
	}
}

// update gives the person what a node says. Who is held out gets nothing.
func (w *walk) update(n *node) {
	if w.k.Held {
		return
	}
	e := enishi.Event{Type: "person.updated", Person: &enishi.Person{Traits: make(map[string]enishi.Value, len(n.Set)+len(n.Clear))}}
	for name, value := range n.Set {
		e.Person.Traits[name] = value
	}
	for _, name := range n.Clear {
		e.Person.Traits[name] = enishi.Value{}
	}
	w.apply(n, &e, "set "+strings.Join(append(sortedKeys(n.Set), n.Clear...), ", "))
}

func (w *walk) points(n *node) {
	if w.k.Held {
		return
	}
	e := enishi.Event{Type: "points.earned", Points: &enishi.Points{Amount: n.Points.Amount, Reason: n.Points.Reason, OrderID: w.k.keyValue("order_id", w.j.key.name)}}
	if n.expires > 0 {
		e.Points.ExpiresAt = w.now.Add(n.expires)
	}
	w.apply(n, &e, "points "+itoa(int(n.Points.Amount)))
}

// apply makes something happen to the person in this step. Its id follows from the run and the node, so a repetition changes
// nothing; the row tells it.
func (w *walk) apply(n *node, e *enishi.Event, what string) {
	e.ID = enishi.NewID("made", w.r.ID.String(), n.id, itoa(w.visit(n)))
	e.At, e.Time, e.Profile, e.Subject = w.now, w.now, w.p.ID, w.r.Subject
	changed, fresh := w.p.Apply(e, w.now)
	if !fresh {
		return
	}
	w.made |= changed
	w.row(TypeMade, what)
}

// call starts another journey for the person, or takes them out of it.
func (w *walk) call(n *node) {
	if n.Type == nodeLeave {
		for i := range w.p.Runs {
			r := &w.p.Runs[i]
			j := w.env.Journeys.find(r.Journey, r.Version)
			if r.Journey != n.Journey || !r.EndedAt.IsZero() || j == nil || r == w.r {
				continue
			}
			other := w.stepper.walk(r, j)
			other.end(endExited, "journey."+w.j.Name)
			other.done()
		}
		return
	}
	j := w.env.Journeys.called[n.Journey]
	if j == nil || w.calls >= maxCalls {
		w.row(TypeRefused, "call:"+n.Journey)
		return
	}
	w.calls++
	w.stepper.begin(j, entry{by: enishi.NewID("call", w.r.ID.String(), n.id, itoa(w.visit(n))), subject: w.r.Subject, key: w.k.keyValue(j.key.name, w.j.key.name)})
	w.calls--
}
