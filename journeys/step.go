package journeys

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
)

// Bounds of runs.
const (
	maxMoves   = 100   // steps of one run per trigger
	maxSteps   = 1_000 // steps of one run
	maxLive    = 100   // live runs of a person
	maxEnded   = 200   // ended runs that are remembered
	keptEnded  = 7 * 24 * time.Hour
	waitResend = "~resend" // what a deferred run waits for
)

// stepper is one step under way.
type stepper struct {
	env  *Env
	set  *Settings
	p    *profiles.Profile
	out  *enishi.Effects
	now  time.Time
	from string // what triggers it, for the ids of rows; the event's id or the clock when empty
	e    *enishi.Event

	started []profiles.Run  // to be added
	dropped []enishi.ID     // to be taken out without a trace: deferred runs that are done
	changed bool            // runs changed
	made    profiles.Change // what nodes changed of the person
	calls   int             // how deep journeys have started each other

	free  []*walk // to be used again
	turns []int
	own   evaluator

	zones map[string]*time.Location // of people, by name
}

// Step moves a person's runs on. The event, if there is one, has been applied to the profile, and memberships are as
// after it. It changes p's runs and messages and adds to out; it does no I/O and reads no clock. What is due by env.Now is
// done, whatever the trigger is. It returns what it changed of the person beside the runs and messages, which segments and
// other journeys have not seen yet.
func Step(env *Env, p *profiles.Profile, t Trigger, out *enishi.Effects) profiles.Change {
	if !p.Redirect.IsZero() {
		return 0
	}
	s := newStepper(env, p, out)
	e := t.Event
	s.e = e
	if e != nil && e.Type == enishi.TypeRunExit && e.Control != nil {
		t.ExitRun = e.Control.RunID
	}
	if !t.ExitRun.IsZero() {
		s.takeOut(t.ExitRun)
	}
	if e != nil && e.Result != nil {
		s.result(e)
	}
	for _, i := range s.order() {
		if r := &p.Runs[i]; r.EndedAt.IsZero() { // else another run took it out
			s.live(r, &t)
		}
	}
	s.enter(&t)
	s.cancelPending(t.Changed)
	s.finish()
	return s.made
}

// order is in which order the live runs act, so that it is known whose message is counted first: as [Journey.Before] says, and
// those of one journey as they entered.
func (s *stepper) order() []int {
	s.turns = s.turns[:0]
	for i := range s.p.Runs {
		if s.p.Runs[i].EndedAt.IsZero() {
			s.turns = append(s.turns, i)
		}
	}
	if js := s.env.Journeys; js != nil && len(s.turns) > 1 {
		rank := func(r *profiles.Run) int {
			if j := js.find(r.Journey, r.Version); j != nil {
				return j.rank()
			}
			return 0
		}
		slices.SortStableFunc(s.turns, func(a, b int) int {
			x, y := &s.p.Runs[a], &s.p.Runs[b]
			if js.ranked {
				if by := rank(y) - rank(x); by != 0 {
					return by
				}
			}
			return strings.Compare(x.Journey, y.Journey)
		})
	}
	return s.turns
}

func newStepper(env *Env, p *profiles.Profile, out *enishi.Effects) *stepper {
	s := env.stepper
	if s == nil {
		s = &stepper{}
		env.stepper = s
	}
	clear(s.started)
	*s = stepper{env: env, set: env.Settings, p: p, out: out, now: env.Now.UTC().Truncate(time.Millisecond),
		started: s.started[:0], dropped: s.dropped[:0], free: s.free, own: s.own, zones: s.zones, turns: s.turns}
	if s.set == nil {
		s.set = DefaultSettings()
	} else if s.set.zone == nil {
		made := *s.set
		made.complete()
		s.set = &made
	}
	return s
}

// walk is a run on its way in one step.
type walk struct {
	*stepper
	r     *profiles.Run
	j     *Journey
	k     kept
	dirty bool // k changed
	moved bool
	over  bool   // this walk ended the run
	why   string // of the end
	sees  scope
	begun profiles.Run // r, of a run that begins
	// unseen is what is known of a notice that came before, where the next channel is taken because nobody got it.
	unseen *enishi.Check
}

func (s *stepper) walk(r *profiles.Run, j *Journey) *walk {
	w := s.newWalk()
	w.r, w.j = r, j
	w.k.read(r)
	return w
}

func (s *stepper) newWalk() *walk {
	n := len(s.free) - 1
	if n < 0 {
		return &walk{stepper: s}
	}
	w := s.free[n]
	s.free = s.free[:n]
	*w = walk{stepper: s}
	return w
}

// put gives back a walk that nothing looks at any more.
func (s *stepper) put(w *walk) { s.free = append(s.free, w) }

// scope is what expressions see of this run, up to the next call; e is the event at hand or nil.
func (w *walk) scope(e *enishi.Event) *scope {
	w.sees = scope{p: w.p, j: w.j, e: e, k: &w.k, now: w.now, run: w.r.ID, own: &w.own}
	return &w.sees
}

// live lets one live run act on the trigger and on the time.
func (s *stepper) live(r *profiles.Run, t *Trigger) {
	due := r.Wait != nil && !r.Wait.Until.IsZero() && !s.now.Before(r.Wait.Until)
	js := s.env.Journeys
	j := js.find(r.Journey, r.Version)
	if j == nil {
		if due {
			w := s.walk(r, &Journey{Name: r.Journey, Version: r.Version, Definition: &Definition{}})
			w.end(endError, "unknown_version")
			w.done()
		}
		return
	}
	to, paused := js.takes(j), js.paused(r.Journey)
	resumed := !paused && r.Wait != nil && !r.Wait.Due.IsZero()
	if to == nil && !resumed && !due && !j.watches(r, t) {
		return
	}
	w := s.walk(r, j)
	if resumed {
		w.resume()
	}
	if to != nil {
		w.follow(to)
	}
	due = r.Wait != nil && !r.Wait.Until.IsZero() && !s.now.Before(r.Wait.Until)
	switch n := w.j.nodes[r.Node]; {
	case !r.EndedAt.IsZero() || w.endsBy(t):
	case r.Wait == nil:
	case paused:
		w.park(n, t, due)
	case !isResend(r) && n != nil && w.waitEnds(n, t, due):
	case due && isResend(r):
		w.resend()
	case w.returned(n):
	case due && n != nil && n.Type == nodeMessage: // its hours have come
		opened := r.Wait.Until
		r.Wait, w.moved = nil, true
		if next := w.pass(n, w.k.due(n.id)); next != "" {
			w.goTo(next, opened)
		}
	case due && n != nil:
		next := n.Next
		if (n.until != nil || n.holds != nil) && n.OnTimeout != "" && !(resumed && n.until != nil && w.already(n)) {
			next = n.OnTimeout
		}
		w.leave(n)
		w.goTo(next, r.Wait.Until)
	}
	w.done()
	s.put(w)
}

// watches: a run of this version may act on the trigger.
func (j *Journey) watches(r *profiles.Run, t *Trigger) bool {
	if t.Event != nil && j.listens[t.Event.Type] {
		return true
	}
	for i := range t.Entered {
		if j.segments[t.Entered[i].Segment] {
			return true
		}
	}
	for i := range t.Left {
		if j.segments[t.Left[i].Segment] {
			return true
		}
	}
	n := j.nodes[r.Node]
	return n != nil && n.holds != nil && (t.Event != nil || t.Changed != 0)
}

// endsBy ends the run when the trigger is its goal or one of its exits. A historical event reaches no goal.
func (w *walk) endsBy(t *Trigger) bool {
	if g := w.j.goal; g != nil && (t.Event == nil || !t.Event.Historical) && w.happens(g, t) {
		w.end(endGoal, g.about(t))
		return true
	}
	for _, x := range w.j.exits {
		if w.happens(x, t) {
			w.end(endExited, x.about(t))
			return true
		}
	}
	return false
}

// waitEnds goes on when what the run waits for happens in time, or begins the wait anew. It reports whether it did.
func (w *walk) waitEnds(n *node, t *Trigger, due bool) bool {
	at := w.now
	if e := t.Event; e != nil {
		if e.Historical {
			return false
		}
		at = w.instant(e)
	}
	limit := w.r.Wait.Until
	if n.holds != nil {
		limit = w.r.Wait.Armed.Add(w.set.scaled(n.wait))
	}
	inTime := limit.IsZero() || !at.After(limit)
	switch {
	case n.until != nil && inTime && w.happens(n.until, t):
	case n.holds != nil && !w.now.After(limit) && n.holds.eval(w.scope(nil)):
		at = w.now
	case n.reset != nil && inTime && at.After(w.r.Wait.Armed) && w.happens(n.reset, t):
		w.arm(n, at)
		w.stepper.changed = true
		return true
	case n.holds != nil && w.now.Before(limit):
		before := w.r.Wait.Until
		if w.watch(n); !w.r.Wait.Until.Equal(before) {
			w.stepper.changed = true
		}
		return true
	default:
		return false
	}
	w.leave(n)
	w.goTo(n.Next, at)
	return true
}

// instant is when an event happened, never after now.
func (s *stepper) instant(e *enishi.Event) time.Time {
	at := e.At.UTC().Truncate(time.Millisecond)
	if at.IsZero() || at.After(s.now) {
		return s.now
	}
	return at
}

// goTo brings the run to a node and on from it, until it waits or ends. due is when that would have been on time.
func (w *walk) goTo(id string, due time.Time) {
	w.r.Wait = nil
	w.moved = true
	for range maxMoves {
		n := w.j.nodes[id]
		if w.r.Steps++; w.r.Steps > maxSteps {
			w.end(endError, "too_many_steps")
			return
		}
		w.arrive(n)
		if id = w.pass(n, due); id == "" {
			return
		}
	}
	w.end(endError, "loop")
}

// pass does what a node is for and leaves it; "" when the run rests there or has ended.
func (w *walk) pass(n *node, due time.Time) string {
	next, rests := w.act(n, due)
	if rests || !w.r.EndedAt.IsZero() {
		return ""
	}
	w.leave(n)
	return next
}

func (w *walk) arrive(n *node) {
	w.r.Node, w.r.Since, w.r.Visit = n.id, w.now, 1
	w.note(Note{Run: w.r.ID, Node: n.id})
	if n.loops {
		p := w.k.loop(n.id)
		if p == nil {
			w.k.Loops = append(w.k.Loops, passed{Node: n.id})
			p = &w.k.Loops[len(w.k.Loops)-1]
		}
		p.Visits++
		w.r.Visit, w.dirty = p.Visits, true
	}
}

// leave remembers when a node of a loop was left: the next look back begins there.
func (w *walk) leave(n *node) {
	if p := w.k.loop(n.id); p != nil {
		p.Left, w.dirty = w.now, true
	}
}

// act does what a node is for. rests: the run stays here.
func (w *walk) act(n *node, due time.Time) (next string, rests bool) {
	switch n.Type {
	case nodeWait:
		return w.wait(n)
	case nodeBranch:
		s := w.scope(nil)
		for i, when := range n.branches {
			if when.eval(s) {
				return n.Branches[i].Next, false
			}
		}
		return n.Else, false
	case nodeMessage:
		if opens := w.send(n, due); !opens.IsZero() {
			w.r.Wait = newWait(opens, w.now)
			return "", true
		}
		return n.Next, false
	case nodeSplit:
		return n.Ways[w.turn(n)].Next, false
	case nodeHoldout:
		w.holdOut(n)
		return n.Next, false
	case nodeUpdate:
		w.update(n)
		return n.Next, false
	case nodePoints:
		w.points(n)
		return n.Next, false
	case nodeWebhook:
		return w.webhook(n, due)
	case nodeStart, nodeLeave:
		w.call(n)
		return n.Next, false
	case nodeGoal:
		w.end(endGoal, n.id)
		return "", true
	}
	w.end(endCompleted, "")
	return "", true
}

// end ends the run.
func (w *walk) end(how, why string) {
	w.r.EndedAt, w.r.End, w.r.Wait, w.why, w.over = w.now, how, nil, why, true
}

// done stores what the run keeps and writes the row of the move.
func (w *walk) done() {
	ended := w.over
	if !w.moved && !ended && !w.dirty {
		return
	}
	w.stepper.changed = true
	if w.dirty {
		w.k.write(w.r)
	}
	switch {
	case ended && w.k.Resend != nil:
		w.giveUp()
	case ended:
		reason := w.r.End
		if w.why != "" {
			reason += ":" + w.why
		}
		w.row(enishi.TypeJourneyExited, reason)
	case w.moved && w.r.EndedAt.IsZero(): // else another journey took it out, and said so
		w.row(enishi.TypeJourneyStep, "")
	}
}

// source is what the ids of rows are made of: rows of one run by different records differ.
func (s *stepper) source() string {
	if s.from == "" {
		s.from = strconv.FormatInt(s.now.UnixMilli(), 10)
		if s.e != nil {
			s.from = s.e.ID.String()
		}
	}
	return s.from
}

// row writes a derived row of the run.
func (w *walk) row(typ, reason string) {
	w.out.Derived = append(w.out.Derived, enishi.Derived{
		ID:   enishi.NewID("derived", typ, w.r.ID.String(), itoa(w.r.Steps), reason, w.source()),
		Type: typ, Subject: w.p.ID, At: w.now, Journey: w.j.Name, Version: w.j.Version, Node: w.r.Node, RunID: w.r.ID, Reason: reason})
}

// takeOut ends a run by an operator's order.
func (s *stepper) takeOut(id enishi.ID) {
	r := findRun(s.p, id)
	if r == nil || !r.EndedAt.IsZero() {
		return
	}
	j := s.env.Journeys.find(r.Journey, r.Version)
	if j == nil {
		j = &Journey{Name: r.Journey, Version: r.Version, Definition: &Definition{}}
	}
	w := s.walk(r, j)
	w.end(endCancelled, "operator")
	w.done()
}
