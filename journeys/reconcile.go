package journeys

import (
	"slices"
	"sort"

	"enishi"
	"enishi/profiles"
)

// Reconcile puts the runs of two people who became one in order, after the absorb and before the next step: of runs that
// the re-entry rule forbids beside each other the older goes on, the others end as merged. (A run that both had is one already:
// Absorb keeps it once.) A run ends, too, whose goal or exit the other one had come to since it began, as who bought at the till
// under a card and left a cart under a mail address. What the joined permissions forbid is ordered back by the step that follows.
func Reconcile(env *Env, p *profiles.Profile, out *enishi.Effects) {
	if !p.Redirect.IsZero() {
		return
	}
	s := newStepper(env, p, out)
	s.from = "merge"
	order := make([]int, len(p.Runs))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return older(&p.Runs[order[a]], &p.Runs[order[b]]) })
	for at, i := range order {
		r := &p.Runs[i]
		if !r.EndedAt.IsZero() || isResend(r) {
			continue
		}
		j := env.Journeys.find(r.Journey, r.Version)
		if j == nil {
			continue
		}
		w := s.walk(r, j)
		if j.reentry != reentryAlways && s.second(j, r, order[:at]) {
			w.end(endMerged, "")
		} else {
			w.endKnown()
		}
		if w.over {
			w.done()
		}
	}
	s.finish()
}

// second reports whether the rule forbids a run beside one of the older ones.
func (s *stepper) second(j *Journey, r *profiles.Run, older []int) bool {
	return slices.ContainsFunc(older, func(i int) bool {
		o := &s.p.Runs[i]
		return o.Journey == r.Journey && o.Key == r.Key && !isResend(o) && s.excludes(j, o, r)
	})
}

// endKnown ends a run whose goal or exit is known to have happened since it began.
func (w *walk) endKnown() {
	if g := w.j.goal; g != nil {
		if t := w.recallOne(g); t != "" {
			w.end(endGoal, t)
			return
		}
	}
	for _, x := range w.j.exits {
		if t := w.recallOne(x); t != "" {
			w.end(endExited, t)
			return
		}
	}
}

func older(a, b *profiles.Run) bool {
	if c := a.EnteredAt.Compare(b.EnteredAt); c != 0 {
		return c < 0
	}
	return a.ID.Compare(b.ID) < 0
}

// excludes reports whether the rule would have kept the younger run r out because of the older o.
func (s *stepper) excludes(j *Journey, o, r *profiles.Run) bool {
	switch {
	case o.End == endMerged:
		return false
	case o.EndedAt.IsZero() || j.reentry == reentryNever:
		return true
	case j.reentry == reentryAfter:
		return r.EnteredAt.Before(o.EndedAt.Add(s.set.scaled(j.period)))
	}
	return r.EnteredAt.Before(o.EndedAt)
}
