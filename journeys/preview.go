package journeys

import (
	"slices"

	"enishi"
	"enishi/profiles"
)

// Preview is what a journey would do with a person by what is known of them now.
type Preview struct {
	// Enters: the person would enter if the event happened now, or, of a journey for a segment, as they enter or leave it.
	Enters bool
	// Why not: "where", "in_it", or as a row of the type [TypeRefused] says it.
	Why      string
	Open     bool // the entry's condition asks about the event, and none was given
	Inside   bool // of a journey for a segment: they are in it
	Ways     []PreviewWay
	Messages []PreviewMessage
}

// PreviewWay is the way that the person would take at a branch, a split or a holdout.
type PreviewWay struct {
	Node  string
	Field string // as the definition has it: branches[0].next, else, ways[1].next, next
	Held  bool   // of a holdout: nothing is sent to them from there on
	Open  bool   // a condition asks about the event, and none was given: the way may be another
}

// PreviewMessage is what would be decided for a message if it were due now; one decision per channel tried.
type PreviewMessage struct {
	Node      string
	Decisions []enishi.Decision
}

// EntryTypes are the types of events that begin the journey; none of a segment's.
func (j *Journey) EntryTypes() []string { return slices.Clone(j.entryTypes) }

// Preview asks each decision of the journey about one person, whether or not they would come to it. entry is an event of theirs that
// begins it, taken as if it happened now; nil: there is none. read gives a new copy of their state each time: what a message counts
// for is forgotten with it. It does nothing and keeps nothing.
func (j *Journey) Preview(env Env, entry *enishi.Event, read func() (*profiles.Profile, error)) (*Preview, error) {
	env.Journeys, env.stepper = NewSet([]*Journey{j}), nil
	p, err := read()
	if err != nil {
		return nil, err
	}
	out := &enishi.Effects{}
	w := newStepper(&env, p, out).imagine(j, entry)
	x := &Preview{}
	x.entry(w)
	for _, id := range sortedKeys(j.nodes) {
		n := j.nodes[id]
		switch n.Type {
		case nodeBranch:
			x.Ways = append(x.Ways, w.choice(n))
		case nodeSplit:
			x.Ways = append(x.Ways, PreviewWay{Node: id, Field: "ways[" + itoa(w.turn(n)) + "].next"})
		case nodeHoldout:
			w.k.Held = false
			w.holdOut(n)
			x.Ways = append(x.Ways, PreviewWay{Node: id, Field: "next", Held: w.k.Held})
		case nodeMessage:
			fresh, err := read()
			if err != nil {
				return nil, err
			}
			out := &enishi.Effects{}
			decided := newStepper(&env, fresh, out).imagine(j, entry)
			decided.try(n, n.channels, decided.now, false)
			x.Messages = append(x.Messages, PreviewMessage{id, out.Decisions})
		}
	}
	return x, nil
}

// imagine is a run that would begin now by an event, or without one.
func (s *stepper) imagine(j *Journey, e *enishi.Event) *walk {
	s.e = e
	w := s.newWalk()
	w.begun = profiles.Run{ID: enishi.NewID("run", j.Name, "preview", s.p.ID.String()), Journey: j.Name, Version: j.Version, EnteredAt: s.now, Subject: s.p.ID}
	w.r, w.j = &w.begun, j
	w.k.Event = keptEvent{At: s.now}
	if s.e != nil {
		w.k.Event.Type, w.begun.Subject = s.e.Type, orSelf(s.e.Subject, s.p.ID)
		if j.key.name != "" {
			w.begun.Key = keyOf(s.e, j.key.name)
			w.k.Key = w.begun.Key
		}
		w.keep(s.e)
		w.keepFields(s.e)
	}
	return w
}

func orSelf(id, self enishi.ID) enishi.ID {
	if id.IsZero() {
		return self
	}
	return id
}

// entry tells whether the imagined run may begin.
func (x *Preview) entry(w *walk) {
	d := &w.j.Definition.Entry
	if d.Segment != "" || d.List != "" {
		x.Inside = w.targeted(d)
	}
	if where := w.j.where; where != nil {
		if x.Open = w.unknown(where); x.Open {
			return
		}
		if !where.eval(w.scope(w.e)) {
			x.Why = "where"
			return
		}
	}
	if d.Sweep && !x.Inside {
		x.Why = "not_in_segment"
		return
	}
	if x.Enters = w.mayEnter(w); x.Enters {
		return
	}
	x.Why = "in_it"
	if i := slices.IndexFunc(w.out.Derived, func(r enishi.Derived) bool { return r.Type == TypeRefused }); i >= 0 {
		x.Why = w.out.Derived[i].Reason
	}
}

// choice is the way out of a branch.
func (w *walk) choice(n *node) PreviewWay {
	way := PreviewWay{Node: n.id, Field: "else"}
	s := w.scope(nil)
	for i, when := range n.branches {
		way.Open = way.Open || w.unknown(when)
		if when.eval(s) {
			way.Field = "branches[" + itoa(i) + "].next"
			break
		}
	}
	return way
}

// unknown: the expression asks about the event that begins the run, or what it is about, and there is none.
func (w *walk) unknown(x *expression) bool {
	return w.e == nil && len(w.j.entryTypes) > 0 && x.asksRun()
}

// asksRun tells whether a part is about the event and the run.
func (x *expression) asksRun() bool {
	return x != nil && (len(x.uses) > 0 || x.a.asksRun() || x.b.asksRun())
}
