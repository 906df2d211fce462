package pipeline

import (
	"context"
	"time"

	"enishi"
	"enishi/journeys"
	"enishi/profiles"
	"enishi/segments"
)

// MaxChain bounds how often one step goes round: a segment entered starts a journey whose message changes a segment ...
const MaxChain = 8

// MaxSkew is how far ahead of the owner's wall clock a record may be stamped.
const MaxSkew = 5 * time.Second

// step folds one record into its partition; mu is held.
func (f *Folder) step(ctx context.Context, part *partition, e *enishi.Event, raw []byte, b *batch) error {
	if e.Offset < part.next {
		return nil
	}
	part.next = e.Offset + 1
	part.touched = true
	if f.dirtySince.IsZero() {
		f.dirtySince = f.cfg.Now()
	}
	if !part.virtual && e.Type != enishi.TypeClock && e.Time.After(f.cfg.Now().Add(MaxSkew)) {
		f.ahead(e, b)
		return nil
	}
	if e.Time.After(part.clock) {
		part.clock = e.Time
		if part.virtual {
			f.world.set(part.clock, true)
		}
	}
	switch e.Type {
	case "":
		return nil
	case enishi.TypeSwitch:
		return f.switchTo(ctx, part, e)
	case enishi.TypeClock:
		f.setClock(part, e)
		return nil
	case enishi.TypeSweep:
		return f.sweep(ctx, part, e, b)
	}
	x := f.entry(part, e.Profile)
	if x.p.Offset > e.Offset {
		return nil // the stored state is ahead of the marker: it has this record
	}
	switch e.Type {
	case enishi.TypeTimer:
		f.timer(part, x, e, b)
	case enishi.TypeMerge:
		f.merge(part, x, e, b)
	case enishi.TypeSplit:
		f.split(part, x, e, b)
	case enishi.TypeAbsorb:
		return f.absorb(part, x, e, b)
	default:
		if !x.p.Redirect.IsZero() {
			f.forward(part, x, e, b)
			return nil
		}
		f.apply(part, x, e, raw, b)
	}
	return nil
}

// apply folds an ordinary event.
func (f *Folder) apply(part *partition, x *entry, e *enishi.Event, raw []byte, b *batch) {
	p := x.p
	if e.Type == enishi.TypeErased {
		f.erase(part, x, e, b)
		return
	}
	changed, fresh := p.Apply(e, part.clock)
	if !fresh {
		f.stats.Repeats++
		return
	}
	p.Offset = e.Offset + 1
	part.events++
	f.stats.Events++
	b.rows.event(e, raw, Version(part.epoch, part.next))
	f.react(part, p, journeys.Trigger{Event: e, Changed: changed}, segments.Options{}, b)
	f.changed(part, x)
}

// react evaluates segments and steps journeys until nothing more follows.
func (f *Folder) react(part *partition, p *profiles.Profile, t journeys.Trigger, opt segments.Options, b *batch) {
	env := part.defs.env(part.clock)
	changed := t.Changed
	opt.Unswept = part.unswept(p.ID)
	for range MaxChain {
		entered, left := part.defs.Segments.Update(p, part.clock, changed, opt)
		f.transitions(part, p, entered, left, b)
		t.Entered, t.Left, t.Changed = entered, left, changed
		before := len(b.Messages)
		journeys.Step(env, p, t, &b.Effects)
		changed = 0
		if len(b.Messages) > before {
			changed = profiles.ChangedMessages
		}
		if changed == 0 {
			break
		}
		t = journeys.Trigger{}
		opt = segments.Options{Unswept: opt.Unswept}
	}
	b.rows.derived(b.Derived, part.n, part.next-1, Version(part.epoch, part.next), part.clock)
	b.Derived = b.Derived[:0]
}

// unswept lists the segments whose sweep has not come to a profile yet.
func (part *partition) unswept(id enishi.ID) []string {
	var out []string
	for i := range part.sweeps {
		if int(id.Bucket()) >= part.sweeps[i].Next {
			out = append(out, part.sweeps[i].Segments...)
		}
	}
	return out
}

// transitions writes a row per segment entered or left.
func (f *Folder) transitions(part *partition, p *profiles.Profile, entered, left []segments.Transition, b *batch) {
	add := func(typ string, ts []segments.Transition) {
		for _, t := range ts {
			b.Derived = append(b.Derived, enishi.Derived{
				ID:   enishi.NewID(typ, p.ID.String(), t.Segment, enishi.Amount(part.next).String(), enishi.Amount(part.n).String()),
				Type: typ, Subject: p.ID, At: part.clock, Segment: t.Segment, Version: t.Version, Initial: t.Initial})
		}
	}
	add(enishi.TypeSegmentEntered, entered)
	add(enishi.TypeSegmentLeft, left)
}

// timer acts on what of a profile is due.
func (f *Folder) timer(part *partition, x *entry, e *enishi.Event, b *batch) {
	part.timers.folded(e.Profile)
	f.stats.Timers++
	p := x.p
	due := p.NextDue()
	if due.IsZero() || due.After(part.clock) || !p.Redirect.IsZero() {
		part.arm(p.ID, due)
		return
	}
	p.Offset = e.Offset + 1
	var changed profiles.Change
	if !p.NextChange.IsZero() && !p.NextChange.After(part.clock) {
		changed = profiles.ChangedAll
	}
	f.react(part, p, journeys.Trigger{Timer: true, Changed: changed}, segments.Options{}, b)
	f.changed(part, x)
}

// erase deletes a person's state and raw rows; the tombstone stays.
func (f *Folder) erase(part *partition, x *entry, e *enishi.Event, b *batch) {
	for i := range x.p.Subjects {
		b.erased = append(b.erased, x.p.Subjects[i].ID)
	}
	b.erased = append(b.erased, x.p.ID)
	for _, m := range x.p.Pending() {
		m.Cancel, m.Reason = true, "erased"
		b.Messages = append(b.Messages, m)
	}
	x.p.Erase(part.clock)
	x.p.Offset = e.Offset + 1
	f.changed(part, x)
	f.answer(part, e, b, `{"erased":true}`)
}

// answer writes the outcome of a command.
func (f *Folder) answer(part *partition, e *enishi.Event, b *batch, text string) {
	if e.Control != nil && !e.Control.RequestID.IsZero() {
		b.Outcomes = append(b.Outcomes, enishi.Outcome{RequestID: e.Control.RequestID, At: part.clock, OK: true, Text: text})
	}
}

// ahead appends a record that is stamped in the future again, with the owner's time.
func (f *Folder) ahead(e *enishi.Event, b *batch) {
	now := f.cfg.Now().UTC().Truncate(time.Millisecond)
	b.append = append(b.append, f.record(e, now))
	b.Alerts = append(b.Alerts, enishi.Alert{ID: enishi.NewID("alert", "clock", now.Format("2006-01-02T15")), Kind: "clock", Severity: "warning", At: now,
		Text:   "A record is stamped more than 5 s in the future: check the clocks of the machines that write to the log.",
		TextJA: "5 秒以上先の時刻のデータが届いています。送信元サーバーの時計を確認してください。"})
}
