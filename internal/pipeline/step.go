package pipeline

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"enishi"
	"enishi/internal/stream"
	"enishi/journeys"
	"enishi/profiles"
	"enishi/segments"
)

// MaxChain bounds how often one step goes round: a segment entered starts a journey whose message changes a segment ...
const MaxChain = 8

// decode reads a record of the topic events. The event shares memory with b, and nothing that is kept may: profiles and
// journeys copy what they keep.
func decode(e *enishi.Event, b []byte) error {
	if len(b) > 1 && b[0] == enishi.EventVersion {
		return e.ParseWire(text(b[1:]))
	}
	return enishi.DecodeEvent(e, b) // it says what is wrong
}

// steps folds a partition's share of a batch.
func (f *Folder) steps(part *partition) {
	s := &part.share
	for _, r := range s.recs {
		e := &s.event
		*e = enishi.Event{}
		err := decode(e, r.Value)
		if err != nil && len(r.Value) > 0 && r.Value[0] > enishi.EventVersion {
			s.err = fmt.Errorf("partition %d offset %d was written by a newer version of the program: %w", r.Partition, r.Offset, err)
			return
		}
		if err != nil {
			// Only Enishi writes here, so nobody is told what was wrong with it; going on is better than standing still.
			f.cfg.Log.Error("unreadable record", "partition", r.Partition, "offset", r.Offset, "err", err)
			*e = enishi.Event{}
		}
		if copy(e.Profile[:], r.Key) != len(e.Profile) {
			e.Profile = enishi.ID{}
		}
		e.Partition, e.Offset, e.Time = r.Partition, r.Offset, r.Time.UTC()
		if err := f.step(part, e, r.Value); err != nil {
			s.err = fmt.Errorf("partition %d offset %d: %w", r.Partition, r.Offset, err)
			return
		}
		f.collect(part)
	}
}

// step folds one record into its partition.
func (f *Folder) step(part *partition, e *enishi.Event, raw []byte) error {
	part.next = e.Offset + 1
	if part.passed(e.Offset) {
		return nil
	}
	// A clock record says itself where the clock is to stand.
	if e.Type != enishi.TypeClock && e.Time.After(part.clock) {
		part.clock = e.Time
	}
	part.env.Now = part.clock
	switch e.Type {
	case "":
		return nil
	case enishi.TypeSwitch:
		return part.switchTo(e)
	case enishi.TypeClock:
		part.setClock(e)
		return nil
	case enishi.TypeSweep:
		return f.sweep(part, e)
	}
	if e.Profile.IsZero() {
		return nil
	}
	x := part.entry(e.Profile)
	if e.Type == enishi.TypeTimer {
		part.timers.folded(e.Profile)
	}
	first := e.Type != enishi.TypeSplit || part.remember(x.p, e)
	if x.p.Offset > e.Offset || !first {
		return nil // the stored state is ahead of the marker: it has this record
	}
	switch e.Type {
	case enishi.TypeTimer:
		f.timer(part, x, e)
	case enishi.TypeMerge:
		part.merge(x, e)
	case enishi.TypeSplit:
		f.split(part, x, e)
	case enishi.TypeAbsorb:
		return f.absorb(part, x, e)
	default:
		f.event(part, x, e, raw)
	}
	return nil
}

// event folds what happened to a person, or a command about one.
func (f *Folder) event(part *partition, x *entry, e *enishi.Event, raw []byte) {
	if to, at, ok := part.leftTo(e); ok {
		part.forward(e, to, at)
		return
	}
	p := x.p
	known := knownOf(e)
	part.givenBack(x, known)
	to := p.Redirect
	if to.IsZero() && known < p.MovedBy {
		to = p.Former
	}
	switch {
	case !to.IsZero():
		if e.Type == enishi.TypeErased {
			part.eraseRows(p, e, asked(e)) // those that were written here: a crash may have this partition write them again
		}
		part.forward(e, to, 0)
	case e.Type == enishi.TypeErased:
		part.erase(x, e)
	case e.Type == enishi.TypeRunExit, e.Type == enishi.TypeRunEnter:
		f.react(part, p, journeys.Trigger{Event: e}, segments.Options{})
		part.changed(x, part.next)
		part.answer(e, `{"done":true}`)
	default:
		changed, fresh := p.Apply(e, part.clock)
		if !fresh {
			part.share.stats.Repeats++
			return
		}
		if !e.Forwarded && p.Former.IsZero() {
			p.MovedBy = max(p.MovedBy, e.Routed) // a merge of before, which may still come, was taken back by then
		}
		part.events++
		part.share.stats.Events++
		if profiles.IsProductChange(e.Type) {
			raw = enishi.EncodeEvent(nil, e) // the fold has said why it concerns the person
		}
		part.rows.event(part, e, raw)
		f.react(part, p, journeys.Trigger{Event: e, Changed: changed}, segments.Options{})
		part.changed(x, part.next)
	}
}

// react evaluates segments and steps journeys until nothing more follows.
func (f *Folder) react(part *partition, p *profiles.Profile, t journeys.Trigger, opt segments.Options) {
	out := &part.share.Effects
	if f.cfg.broken.randomRuns && t.Event != nil {
		again := *t.Event
		rand.Read(again.ID[:])
		t.Event = &again
	}
	opt.Unswept = append(opt.Unswept, part.unswept(p.ID)...)
	for range MaxChain {
		entered, left := part.defs.Segments.Update(p, part.env.Now, t.Changed, opt)
		if t.Event == nil && !t.Timer && t.Changed == 0 && len(entered)+len(left) == 0 && t.Broadcast == "" && t.Renewed == "" {
			return // a sweep that found nothing
		}
		part.transitions(p, entered, left)
		t.Entered, t.Left = entered, left
		before := len(out.Messages) + len(out.Decisions)
		made := journeys.Step(&part.env, p, t, out)
		if len(out.Messages)+len(out.Decisions) == before && made == 0 {
			return
		}
		t = journeys.Trigger{Changed: profiles.ChangedMessages | made}
		opt.Sweep = false
	}
}

// transitions writes a row per segment entered or left. Its id names the record that it came from and its place among what
// came from it.
func (part *partition) transitions(p *profiles.Profile, entered, left []segments.Transition) {
	out := &part.share.Effects
	add := func(typ string, ts []segments.Transition) {
		for _, t := range ts {
			out.Derived = append(out.Derived, enishi.Derived{
				ID: enishi.NewID(typ, string(p.ID[:]), t.Segment, strconv.Itoa(part.n), strconv.FormatInt(int64(part.epoch), 10),
					strconv.FormatInt(part.next, 10), strconv.Itoa(len(out.Derived))),
				Type: typ, Subject: p.ID, At: part.clock, Segment: t.Segment, Version: t.Version, Initial: t.Initial})
		}
	}
	add(enishi.TypeSegmentEntered, entered)
	add(enishi.TypeSegmentLeft, left)
}

// timer acts on what of a profile is due.
func (f *Folder) timer(part *partition, x *entry, e *enishi.Event) {
	part.share.stats.Timers++
	if f.cfg.broken.earlyTimers {
		part.env.Now = part.clock.Add(30 * time.Minute)
	}
	if !f.due(part, x.p) {
		part.arm(x.p.ID, x.p.NextDue())
		return
	}
	part.changed(x, part.next)
}

// due acts on what of a profile is due by now, if anything is.
func (f *Folder) due(part *partition, p *profiles.Profile) bool {
	due := p.NextDue()
	if due.IsZero() || due.After(part.env.Now) {
		return false
	}
	f.react(part, p, journeys.Trigger{Timer: true}, segments.Options{})
	return true
}

// collect turns the effects of a record into records of the log and rows of the tables.
func (f *Folder) collect(part *partition) {
	s := &part.share
	for i := range s.Records {
		s.out = append(s.out, EventRecord(&s.Records[i], f.cfg.Partitions, f.wall(part)))
	}
	for i := range s.Messages {
		m := &s.Messages[i]
		from := len(s.arena)
		s.arena = enishi.EncodeMessage(s.arena, m)
		s.out = append(s.out, stream.Record{Topic: enishi.TopicMessages, Partition: -1, Time: m.DecidedAt, Key: []byte(m.Destination), Value: s.arena[from:len(s.arena):len(s.arena)]})
	}
	for i := range s.Derived {
		part.rows.derived(part, &s.Derived[i])
	}
	s.stats.Effects += int64(len(s.Records))
	s.stats.Messages += int64(len(s.Messages))
	for i := range s.Decisions {
		*part.rows.decisions.add(&part.rows.spare.decisions) = s.Decisions[i]
	}
	part.rows.outcomes = append(part.rows.outcomes, s.Outcomes...)
	part.rows.alerts = append(part.rows.alerts, s.Alerts...)
	clear(s.Records)
	s.Effects = enishi.Effects{Records: s.Records[:0], Messages: s.Messages[:0], Decisions: s.Decisions[:0], Derived: s.Derived[:0],
		Outcomes: s.Outcomes[:0], Alerts: s.Alerts[:0]}
}

// answer writes the outcome of a command.
func (part *partition) answer(e *enishi.Event, text string) {
	if e.Control != nil && !e.Control.RequestID.IsZero() {
		out := &part.share.Effects
		out.Outcomes = append(out.Outcomes, enishi.Outcome{RequestID: e.Control.RequestID, At: part.clock, OK: true, Text: text})
	}
}

// EventRecord is an event as it stands on the topic events of n partitions, appended at an instant.
func EventRecord(e *enishi.Event, n int, at time.Time) stream.Record {
	r := stream.Record{Topic: enishi.TopicEvents, Partition: e.Partition, Time: at, Value: enishi.EncodeEvent(nil, e)}
	if !e.Profile.IsZero() {
		r.Partition = e.Profile.Partition(n)
		r.Key = append([]byte(nil), e.Profile[:]...)
	}
	return r
}

// errForeign is a control record without its payload: no version of Enishi writes that.
var errForeign = errors.New("a control record without a payload")
