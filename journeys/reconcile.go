package journeys

import (
	"slices"
	"sort"

	"enishi"
	"enishi/profiles"
)

// Reconcile puts the runs of two people who became one in order, after the absorb and before the next step: of runs that
// the re-entry rule forbids beside each other the older goes on, the others end as merged. Messages that the joined
// permissions forbid are ordered back.
func Reconcile(env *Env, p *profiles.Profile, out *enishi.Effects) {
	if !p.Redirect.IsZero() {
		return
	}
	s := newStepper(env, p, out)
	s.from = "merge"
	s.sameRun()
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
		if j == nil || j.reentry == reentryAlways {
			continue
		}
		for _, k := range order[:at] {
			if o := &p.Runs[k]; o.Journey == r.Journey && o.Key == r.Key && !isResend(o) && s.excludes(j, o, r) {
				w := s.walk(r, j)
				w.end(endMerged, "")
				w.done()
				break
			}
		}
	}
	s.cancelPending(profiles.ChangedAll)
	s.finish()
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

// sameRun: both people had the same run, because the same entry came to both. One of them stays: the one that went on
// longest, for it has decided what the other has and perhaps more; an ended one before a running one.
func (s *stepper) sameRun() {
	runs := s.p.Runs
	sort.SliceStable(runs, func(a, b int) bool {
		x, y := &runs[a], &runs[b]
		if c := x.ID.Compare(y.ID); c != 0 {
			return c < 0
		}
		if x.EndedAt.IsZero() != y.EndedAt.IsZero() {
			return y.EndedAt.IsZero()
		}
		if x.Steps != y.Steps {
			return x.Steps > y.Steps
		}
		return x.EnteredAt.Before(y.EnteredAt)
	})
	kept := slices.CompactFunc(runs, func(a, b profiles.Run) bool { return a.ID == b.ID })
	if len(kept) != len(s.p.Runs) {
		s.changed = true
	}
	s.p.Runs = kept
}
