package journeys

import (
	"slices"
	"sort"
	"time"

	"enishi"
	"enishi/profiles"
)

// findRun finds a run by its id.
func findRun(p *profiles.Profile, id enishi.ID) *profiles.Run {
	i := sort.Search(len(p.Runs), func(i int) bool { return p.Runs[i].ID.Compare(id) >= 0 })
	if i < len(p.Runs) && p.Runs[i].ID == id {
		return &p.Runs[i]
	}
	return nil
}

// finish puts new runs in their places and forgets old ones.
func (s *stepper) finish() {
	if !s.changed && len(s.started)+len(s.dropped) == 0 {
		return
	}
	s.p.Runs = slices.DeleteFunc(s.p.Runs, func(r profiles.Run) bool { return slices.Contains(s.dropped, r.ID) })
	for i := range s.started {
		r := &s.started[i]
		at := sort.Search(len(s.p.Runs), func(k int) bool { return s.p.Runs[k].ID.Compare(r.ID) >= 0 })
		s.p.Runs = slices.Insert(s.p.Runs, at, *r)
	}
	s.forget()
	s.p.MarkDirty(profiles.ChangedRuns)
}

// forget drops ended runs that nothing needs any more, and those over the bound.
func (s *stepper) forget() {
	ended := 0
	s.p.Runs = slices.DeleteFunc(s.p.Runs, func(r profiles.Run) bool {
		if r.EndedAt.IsZero() {
			return false
		}
		keep := s.keepFor(&r)
		if keep >= 0 && s.now.Sub(r.EndedAt) > keep {
			return true
		}
		ended++
		return false
	})
	for i := range s.p.Runs {
		if r := &s.p.Runs[i]; r.Variables != "" && !r.EndedAt.IsZero() && s.now.Sub(r.EndedAt) > keptEnded {
			r.Variables = ""
		}
	}
	for ; ended > maxEnded; ended-- {
		oldest := -1
		for i := range s.p.Runs {
			r := &s.p.Runs[i]
			if !r.EndedAt.IsZero() && (oldest < 0 || r.EndedAt.Before(s.p.Runs[oldest].EndedAt)) {
				oldest = i
			}
		}
		s.p.Runs = slices.Delete(s.p.Runs, oldest, oldest+1)
	}
}

// keepFor is how long an ended run is remembered; negative: as long as the bound allows.
func (s *stepper) keepFor(r *profiles.Run) time.Duration {
	j := s.env.Journeys.find(r.Journey, r.Version)
	switch {
	case r.End == endMerged:
		return keptEnded
	case j != nil && j.Definition.Entry.Schedule != nil: // another occurrence is another run; none begins later than this
		return max(j.late, keptEnded)
	case j == nil || j.reentry == reentryNever:
		return -1
	case j.reentry == reentryAfter:
		return max(j.period, keptEnded)
	}
	return keptEnded
}
