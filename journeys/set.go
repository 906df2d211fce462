package journeys

import (
	"encoding/json"
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
	dated    []*Journey            // those that a date of the person may enter people into, the highest rank first
	sweeps   map[string]*Journey   // current versions of broadcasts, by name
	called   map[string]*Journey   // those that others and the API may start, by name
	current  map[string]*Journey   // current versions, by name
	ranked   bool                  // some journey has another rank than the others
}

type versionOf struct {
	name    string
	version int64
}

// NewSet takes all versions that runs may stand in; those with Live set and in state live take entries.
func NewSet(js []*Journey) *Set {
	s := &Set{versions: map[versionOf]*Journey{}, byEvent: map[string][]*Journey{}, bySeg: map[string][]*Journey{}, sweeps: map[string]*Journey{}, called: map[string]*Journey{}, current: map[string]*Journey{}}
	js = slices.Clone(js)
	sort.Slice(js, func(i, k int) bool {
		return js[i].Name < js[k].Name || js[i].Name == js[k].Name && js[i].Version < js[k].Version
	})
	for _, j := range js {
		s.versions[versionOf{j.Name, j.Version}] = j
		s.ranked = s.ranked || j.rank() != js[0].rank()
		if j.Live {
			s.current[j.Name] = j
		}
		if j.Live && j.Definition.Entry.Sweep {
			s.sweeps[j.Name] = j
			continue
		}
		if !j.open() {
			continue
		}
		for _, t := range j.entryTypes {
			if !slices.Contains(s.byEvent[t], j) {
				s.byEvent[t] = append(s.byEvent[t], j)
			}
		}
		if j.Definition.Entry.Called {
			s.called[j.Name] = j
		}
		if j.date != nil {
			s.dated = append(s.dated, j)
		}
		if seg := j.Definition.Entry.Segment; seg != "" {
			s.bySeg[seg] = append(s.bySeg[seg], j)
		}
	}
	slices.SortStableFunc(s.dated, func(a, b *Journey) int { return b.rank() - a.rank() })
	for _, list := range []map[string][]*Journey{s.byEvent, s.bySeg} {
		for _, js := range list {
			slices.SortStableFunc(js, func(a, b *Journey) int { return b.rank() - a.rank() })
		}
	}
	return s
}

// rank is the place of a journey's messages among those of others, the highest first.
func (j *Journey) rank() int { return rank(j.Definition.Purpose, j.Definition.Priority) }

func rank(purpose string, priority int) int {
	switch {
	case purpose == transactional:
		return 10
	case priority == 0:
		return 5
	default:
		return priority
	}
}

// Before tells whether a message that another journey decided at the same instant was decided before one of j: by priority, the
// highest first, then by the journeys' names. priority is that of the other journey, 0 if it says none.
func (j *Journey) Before(other, purpose string, priority int) bool {
	a, b := rank(purpose, priority), j.rank()
	return a > b || a == b && other < j.Name
}

// Acts reports whether a definition is, or was, let out to people: it is no draft, nor in review or approved.
func Acts(body []byte) bool {
	var d struct {
		State string `json:"state"`
	}
	return json.Unmarshal(body, &d) == nil && !slices.Contains([]string{"draft", "review", "approved"}, d.State)
}

// Renewed lists the journeys of which people must hear: those in flight of one that takes over who is in an older version, or
// goes on after a pause; everybody of one that begins on a date; by name.
func (s *Set) Renewed(before *Set) []string {
	var out []string
	for _, name := range sortedKeys(s.current) {
		j, was := s.current[name], before.current[name]
		if j.date != nil && j.open() && (was == nil || was.Version != j.Version || !was.open()) {
			out = append(out, name)
			continue
		}
		if was == nil || was.Version == j.Version || s.paused(name) {
			continue
		}
		if f := j.Definition.InFlight; before.paused(name) || f != nil && f.Then != inFlightFinish {
			out = append(out, name)
		}
	}
	return out
}

// Broadcast is a journey that starts for everybody in a segment at once.
type Broadcast struct {
	Name     string
	At       time.Time // not before; zero: at once
	Segments []string  // that decide who is in it, and who is not; none: a list, or who got another campaign, does
	List     string    // that decides who is in it, if no segment does
	Going    bool      // it is live: false while it is a draft or paused
	Over     bool      // it was archived: who has not been reached is not
	// Late is how long after its time it may begin: the shortest send_by of its messages. Zero: it has none, and no limit.
	Late  time.Duration
	Title Text
	// Schedule is when it begins anew; nil: it goes once.
	Schedule *Schedule
	// Winner is the way that its test chose; who was not asked goes there. Empty: no test, or none is chosen yet.
	Winner string
}

// Broadcasts lists the current versions, by name.
func (s *Set) Broadcasts() []Broadcast {
	if s == nil {
		return nil
	}
	out := make([]Broadcast, 0, len(s.sweeps))
	for _, name := range sortedKeys(s.sweeps) {
		out = append(out, s.sweeps[name].broadcast())
	}
	return out
}

// Broadcast is one of them; false when there is none of that name.
func (s *Set) Broadcast(name string) (Broadcast, bool) {
	if s == nil || s.sweeps[name] == nil {
		return Broadcast{}, false
	}
	return s.sweeps[name].broadcast(), true
}

func (j *Journey) broadcast() Broadcast {
	e := &j.Definition.Entry
	segments := slices.Clone(e.Exclude)
	if e.Segment != "" {
		segments = append([]string{e.Segment}, e.Exclude...)
	}
	winner := ""
	if e.Test != nil {
		winner = e.Test.Winner
	}
	return Broadcast{Winner: winner, Name: j.Name, At: j.at, Segments: segments, List: e.List, Going: j.open(), Over: j.Definition.State == "archived",
		Late: j.late, Title: j.Definition.Title, Schedule: e.Schedule}
}

// open: it takes entries.
func (j *Journey) open() bool {
	return j.Live && (j.Definition.State == "" || j.Definition.State == "live")
}

// paused: nobody enters and nobody goes on. Exits and goals still end runs.
func (s *Set) paused(name string) bool {
	j := s.current[name]
	return j != nil && j.Definition.State == "paused"
}

// takes is the current version when it takes over those who are in another one, else nil.
func (s *Set) takes(j *Journey) *Journey {
	to := s.current[j.Name]
	if to == nil || to.Version <= j.Version || s.paused(j.Name) || to.Definition.InFlight == nil || to.Definition.InFlight.Then == inFlightFinish {
		return nil
	}
	return to
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
	Outside   func(name string) bool                                     // of social: something of the template may leave when the window is closed; nil: of none
	Notes     func(Note)                                                 // is told what leaves no row; nil in live work

	stepper *stepper // of the last step
}

// Note is what a step did that leaves no row: a run came to a node, or somebody did not enter for a reason that would be told
// of too often in live work.
type Note struct {
	Run    enishi.ID
	Node   string // that the run came to
	Reason string // why nobody entered: "where", "no_key", "running"
}

// Reasons of a [Note].
const (
	noteWhere   = "where"   // the entry's condition did not hold
	noteNoKey   = "no_key"  // the entry event has no value for the key
	noteRunning = "running" // a run of this key is under way
)

// note tells of what leaves no row.
func (s *stepper) note(n Note) {
	if s.env.Notes != nil {
		s.env.Notes(n)
	}
}

// Trigger is what makes a step: an event that was applied to the profile, a timer, a sweep.
type Trigger struct {
	Event         *enishi.Event // nil on timers and sweeps
	Entered, Left []segments.Transition
	Changed       profiles.Change
	Timer         bool
	ExitRun       enishi.ID // an operator takes this run out
	Broadcast     string    // a sweep has come to this person for this journey
	Occurrence    time.Time // of Broadcast: which one, if it recurs
	Renewed       string    // a sweep has come to this person because this journey was published anew, or is live again
}
