package journeys

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
)

// maxKeptProperties bounds what of a custom event's properties a run keeps, in bytes of JSON.
const maxKeptProperties = 2 << 10

// enter starts the runs that the trigger gives. A historical event starts none, nor do the transitions it causes.
func (s *stepper) enter(t *Trigger) {
	js := s.env.Journeys
	if js == nil {
		return
	}
	if e := t.Event; e != nil {
		if e.Historical {
			s.dates(t)
			return
		}
		for _, j := range js.byEvent[e.Type] {
			s.begin(j, entry{event: e})
		}
	}
	if e := t.Event; e != nil && e.Type == enishi.TypeRunEnter && e.Control != nil {
		if j := js.called[e.Control.Journey]; j != nil {
			s.begin(j, entry{by: e.ID, subject: e.Subject, key: e.Control.Key})
		}
	}
	s.dates(t)
	if j := js.sweeps[t.Broadcast]; j != nil && j.open() && j.Definition.Entry.Test.due(j.Name, s.p.ID) && s.targeted(&j.Definition.Entry) {
		s.begin(j, entry{segment: j.Definition.Entry.Segment, occurrence: t.Occurrence})
	}
	for _, x := range t.Entered {
		for _, j := range js.bySeg[x.Segment] {
			if d := &j.Definition.Entry; (d.Entered == nil || *d.Entered) && (!x.Initial || d.PeopleIn) {
				s.begin(j, entry{segment: x.Segment})
			}
		}
	}
	for _, x := range t.Left {
		for _, j := range js.bySeg[x.Segment] {
			if d := &j.Definition.Entry; d.Entered != nil && !*d.Entered && !x.Initial {
				s.begin(j, entry{segment: x.Segment})
			}
		}
	}
}

// in tells whether the person is in a segment.
func (s *stepper) in(segment string) bool {
	return slices.ContainsFunc(s.p.Memberships, func(m profiles.Membership) bool { return m.Segment == segment })
}

// targeted tells whether a broadcast is for the person.
func (s *stepper) targeted(e *Entry) bool {
	switch {
	case e.List != "":
		return slices.Contains(s.p.View().Lists, e.List)
	case e.Again != nil:
		return s.missedOut(e.Again) && (e.Segment == "" || s.in(e.Segment))
	}
	return s.in(e.Segment)
}

// entry is what makes a run begin: an event, a segment, or a call.
type entry struct {
	event   *enishi.Event
	segment string
	by      enishi.ID // of what calls
	subject enishi.ID // of the person, for an un-merge
	key     string    // of the run that is called
	// occurrence is that of a campaign which recurs; it is the run's key, so that nobody enters twice by one.
	occurrence time.Time
	date       string    // the year, or the day, of a date; it is the run's key
	due        time.Time // the moment by it
}

// begin starts a run unless where, the re-entry rule or an exit that is true already forbids it.
func (s *stepper) begin(j *Journey, from entry) {
	e, key := from.event, from.date
	if j.key.name != "" {
		if key = from.key; e != nil {
			key = keyOf(e, j.key.name)
		}
		if key == "" {
			s.note(Note{Reason: noteNoKey})
			return
		}
	}
	if !from.occurrence.IsZero() {
		key = from.occurrence.UTC().Format(time.RFC3339)
	}
	w := s.newWalk()
	defer s.put(w)
	w.begun = profiles.Run{Journey: j.Name, Version: j.Version, Key: key, EnteredAt: s.now, Subject: s.p.ID}
	r := &w.begun
	w.r, w.j, w.k.Key, w.dirty = r, j, key, true
	switch {
	case e != nil:
		r.ID, r.Subject = s.runID(j, key, e), e.Subject
		w.k.Event = keptEvent{ID: e.ID, Type: e.Type, At: w.instant(e)}
	case !from.by.IsZero():
		r.ID = enishi.NewID("run", j.Name, from.by.String())
		if !from.subject.IsZero() {
			r.Subject = from.subject
		}
		w.k.Event = keptEvent{Type: "called", At: s.now}
	case from.date != "":
		r.ID = enishi.NewID("run", j.Name, "date", from.date, s.p.ID.String())
		w.k.Event = keptEvent{Type: "date", At: from.due}
	case j.Definition.Entry.Sweep:
		r.ID = enishi.NewID("run", j.Name, "sweep", s.p.ID.String())
		w.k.Event = keptEvent{Type: "broadcast", At: s.now}
		if at := from.occurrence; !at.IsZero() {
			r.ID = enishi.NewID("run", j.Name, "sweep", s.p.ID.String(), key)
			w.k.Event.At = at // its messages are due then
		}
	default:
		typ := enishi.TypeSegmentEntered
		if entered := j.Definition.Entry.Entered; entered != nil && !*entered {
			typ = enishi.TypeSegmentLeft
		}
		// The person is part of this id: many enter a segment at the same instant, and no event tells them apart.
		r.ID = enishi.NewID("run", j.Name, from.segment, s.p.ID.String(), strconv.FormatInt(s.now.UnixMilli(), 10))
		w.k.Event = keptEvent{Type: typ, At: s.now}
	}
	if j.where != nil && !j.where.eval(w.scope(e)) {
		s.note(Note{Run: r.ID, Reason: noteWhere})
		return
	}
	if findRun(s.p, r.ID) != nil && j.reentry != reentryNever {
		return
	}
	if e != nil {
		w.keep(e)
	}
	if !s.mayEnter(w) {
		return
	}
	r.Key = strings.Clone(key) // the rest of what is kept is written anew
	w.keepFields(e)
	w.goTo(j.Definition.Start, w.k.Event.At)
	w.k.write(r)
	w.dirty = false
	why := w.k.Event.Type
	if !from.occurrence.IsZero() {
		why += ":" + key
	}
	w.row(enishi.TypeJourneyEntered, why)
	w.moved = false
	w.done()
	s.started = append(s.started, *r)
}

// runID is the same for every copy of the entry: a key that names one thing in the whole shop, if it can be used once;
// else the event.
func (s *stepper) runID(j *Journey, key string, e *enishi.Event) enishi.ID {
	if key != "" && j.key.global && j.reentry == reentryNever {
		return enishi.NewID("run", j.Name, j.key.name, key)
	}
	return enishi.NewID("run", j.Name, e.ID.String())
}

// mayEnter applies the re-entry rule, the exits that hold already, and the bound of live runs. Who is in it already is
// refused in silence; for any other refusal there is a row, the same for each repetition.
func (s *stepper) mayEnter(w *walk) bool {
	live := 0
	for _, runs := range [2][]profiles.Run{s.p.Runs, s.started} {
		for i := range runs {
			r := &runs[i]
			if r.EndedAt.IsZero() {
				live++
			}
			if r.Journey != w.j.Name || r.Key != w.r.Key || isResend(r) {
				continue
			}
			if r.EndedAt.IsZero() {
				if w.j.reentry != reentryAlways {
					s.note(Note{Run: w.r.ID, Reason: noteRunning})
					return false
				}
				continue
			}
			if reason := s.forbids(w.j, r); reason != "" {
				s.refuse(w, reason, r.ID)
				return false
			}
		}
	}
	for _, name := range w.j.Definition.Entry.Exclude {
		if s.in(name) {
			s.refuse(w, "excluded:"+name, w.r.ID)
			return false
		}
	}
	if before := w.endedBefore(); before != "" {
		s.refuse(w, "already:"+before, w.r.ID)
		return false
	}
	if live >= maxLive {
		s.refuse(w, "too_many_runs", s.p.ID)
		return false
	}
	return true
}

// forbids tells the rule by which an ended run keeps a new one of its key out; "" when none does.
func (s *stepper) forbids(j *Journey, r *profiles.Run) string {
	switch {
	case r.End == endMerged:
	case j.reentry == reentryNever:
		return "reentry:never"
	case j.reentry == reentryAfter && s.now.Before(r.EndedAt.Add(s.set.scaled(j.period))):
		return "reentry:" + j.Definition.Entry.Reentry
	}
	return ""
}

// refuse says why a person did not enter.
func (s *stepper) refuse(w *walk, reason string, by enishi.ID) {
	s.out.Derived = append(s.out.Derived, enishi.Derived{
		ID:   enishi.NewID("derived", TypeRefused, w.j.Name, w.r.Key, by.String(), reason),
		Type: TypeRefused, Subject: s.p.ID, At: s.now, Journey: w.j.Name, Version: w.j.Version, RunID: by, Reason: reason})
}

// keep takes over from the entry event what the run needs later.
func (w *walk) keep(e *enishi.Event) {
	k := &w.k
	for _, info := range keys {
		if v := keyOf(e, info.name); v != "" && info.name != w.j.key.name {
			k.Keys = append(k.Keys, keyed{info.name, v})
		}
	}
	if e.Web != nil && e.Web.Product != nil {
		p := *e.Web.Product
		k.Product = &p
	}
	if e.Coupon != nil {
		c := *e.Coupon
		k.Coupon = &c
	}
	if len(e.Properties) > 0 && strings.HasPrefix(e.Type, "custom.") {
		if b, err := json.Marshal(e.Properties); err == nil && len(b) <= maxKeptProperties {
			k.Properties = e.Properties
		}
	}
}

// keepFields takes over the event fields that branches of this version read.
func (w *walk) keepFields(e *enishi.Event) {
	if e == nil || len(w.j.keep) == 0 {
		return
	}
	s := w.scope(e)
	w.k.Fields = make([]keptField, len(w.j.keep))
	for i, f := range w.j.keep {
		w.k.Fields[i] = keptField{f.name, valueOf(f.get(s))}
	}
}
