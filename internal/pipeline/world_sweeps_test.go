package pipeline

import (
	"encoding/json"
	"maps"
	"slices"

	"enishi"
)

// steerSweeps is an operator who pauses, resumes and cancels sweeps, or has a segment swept again.
func (w *world) steerSweeps() {
	s := &w.sweeping
	var open []string
	for _, m := range w.store.markers {
		for _, sweep := range m.Sweeps {
			open = append(open, sweep.ID)
		}
	}
	slices.Sort(open)
	switch k := w.operator.IntN(4); {
	case k == 0 && len(s.Paused) > 0:
		s.Paused = s.Paused[1:]
	case k == 1 && len(open) > 0:
		s.Cancelled = append(slices.Clone(s.Cancelled), open[w.operator.IntN(len(open))])
	case k == 2:
		w.sweepAgain(segmentNames()[w.operator.IntN(len(expressions))])
	case len(open) > 0:
		s.Paused = append(slices.Clone(s.Paused), open[w.operator.IntN(len(open))])
	}
	w.defineSweeping()
}

func (w *world) sweepAgain(name string) {
	w.sweeping.Again = maps.Clone(w.sweeping.Again)
	if w.sweeping.Again == nil {
		w.sweeping.Again = map[string]int64{}
	}
	w.sweeping.Again[name]++
}

func (w *world) defineSweeping() {
	body, err := json.Marshal(w.sweeping)
	if err != nil {
		panic(err)
	}
	w.define("setting", SweepingName, body)
}

// releaseSweeps ends all pauses; what was cancelled is swept again, or stays as it is.
func (w *world) releaseSweeps() {
	w.sweeping.Paused = nil
	if w.operator.IntN(2) == 0 {
		for _, name := range segmentNames() {
			w.sweepAgain(name)
		}
	}
	w.defineSweeping()
}

// stale: the sweep of a segment was cancelled before it came to a person.
func (w *world) stale(id enishi.ID, segment string) bool {
	m := w.store.markers[id.Partition(w.parts)]
	return slices.ContainsFunc(m.Sweeps, func(s Sweep) bool { return slices.Contains(s.Segments, segment) && int(id.Bucket()) >= s.Next })
}
