package journeys

import (
	"slices"
	"sort"
	"time"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

// Set is what journeys there are. It is read-only and safe for concurrent use.
type Set struct {
	versions map[versionOf]*Journey
	byEvent  map[string][]*Journey // those that an event type may enter people into
	bySeg    map[string][]*Journey // those that a segment may
}

type versionOf struct {
	name    string
	version int64
}

// NewSet takes all versions that runs may stand in; those with Live set and in state live take entries.
func NewSet(js []*Journey) *Set {
	s := &Set{versions: map[versionOf]*Journey{}, byEvent: map[string][]*Journey{}, bySeg: map[string][]*Journey{}}
	js = slices.Clone(js)
	sort.Slice(js, func(i, k int) bool {
		return js[i].Name < js[k].Name || js[i].Name == js[k].Name && js[i].Version < js[k].Version
	})
	for _, j := range js {
		s.versions[versionOf{j.Name, j.Version}] = j
		if !j.open() {
			continue
		}
		for _, t := range j.entryTypes {
			if !slices.Contains(s.byEvent[t], j) {
				s.byEvent[t] = append(s.byEvent[t], j)
			}
		}
		if seg := j.Definition.Entry.Segment; seg != "" {
			s.bySeg[seg] = append(s.bySeg[seg], j)
		}
	}
	return s
}

// open: it takes entries.
func (j *Journey) open() bool {
	return j.Live && (j.Definition.State == "" || j.Definition.State == "live")
}

// find is a version by name and number, or nil.
func (s *Set) find(name string, version int64) *Journey {
	if s == nil {
		return nil
	}
	return s.versions[versionOf{name, version}]
}

// Env is what a step may look at beside the profile. It keeps memory that steps use again: it and its copies are for one
// goroutine at a time.
type Env struct {
	Now       time.Time // the partition's clock
	Journeys  *Set
	Settings  *Settings                                                  // of ParseSettings or DefaultSettings; nil: the defaults
	Templates func(name string) (version int64, channel string, ok bool) // the current version of a template

	stepper *stepper // of the last step
}

// Trigger is what makes a step: an event that was applied to the profile, a timer, a sweep.
type Trigger struct {
	Event         *enishi.Event // nil on timers and sweeps
	Entered, Left []segments.Transition
	Changed       profiles.Change
	Timer         bool
	ExitRun       enishi.ID // an operator takes this run out
}
