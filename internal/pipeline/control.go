package pipeline

import (
	"slices"
	"strconv"
	"time"

	"enishi"
	"enishi/profiles"
)

// passed reports whether a record was set aside: it is stamped ahead, and its copy follows.
func (part *partition) passed(offset int64) bool {
	return len(part.aside) > 0 && slices.Contains(part.aside, offset)
}

// switchTo goes over to the definitions up to an offset; segments that changed are swept.
func (part *partition) switchTo(e *enishi.Event) error {
	if e.Control == nil || e.Control.Offset <= part.definitions {
		return nil
	}
	defs := part.share.defs[e.Control.Offset]
	if defs == nil {
		return errForeign // it was there when the batch was sorted
	}
	changed := defs.changedSegments(part.defs)
	part.definitions = e.Control.Offset
	part.switching = max(part.switching, part.definitions)
	before := part.defs
	part.use(defs)
	part.broadcasts(before)
	part.renewals(before)
	part.addSweep(SweepPrefix+strconv.FormatInt(e.Control.Offset, 10), changed)
	return nil
}

// setClock makes the partition's clock virtual, says up to where it may move, or lets it follow the records' times again, from
// this record's on: that may be before where the virtual clock stood. What moves a virtual clock are the records that follow:
// events at their times, and the timers on the way, each at the instant at which it is due.
func (part *partition) setClock(e *enishi.Event) {
	c := e.Control
	switch {
	case c == nil:
		return
	case c.Live && part.virtual:
		part.virtual, part.clock = false, e.Time
	case c.Live:
		return
	case !part.virtual:
		part.virtual, part.clock, part.until = true, c.Clock.UTC(), c.Clock.UTC()
	default:
		if c.Clock.After(part.until) {
			part.until = c.Clock.UTC()
		}
		return
	}
	part.horizon = time.Time{} // due rows are read anew for the other clock
}

// erase deletes a person's state and raw rows; a tombstone stays. A repeat must not delete what came after the erasure.
//
// Rows of one identifier may have been written by several partitions, before merges, and any of them may write some again
// after a crash. So the record is addressed to the profiles of all identifiers of the person, and names them all
// (Control.Subjects): each partition deletes for itself.
func (part *partition) erase(x *entry, e *enishi.Event) {
	p := x.p
	if !p.Erased || asked(e).After(p.ErasedAt) {
		until := part.clock // all that is folded by now
		if at := asked(e); at.After(until) {
			until = at
		}
		until = until.UTC().Truncate(time.Millisecond)
		first := len(part.rows.erased)
		part.eraseRows(p, e, until)
		if len(p.Subjects) > 0 { // others were never anybody's
			told := part.identity(enishi.TypeErased, p.ID, enishi.ID{})
			part.rows.erased[first].told = &eventRow{}
			part.rows.erased[first].told.derive(part, &told)
		}
		out := &part.share.Effects
		for _, m := range p.Pending() {
			m.Cancel, m.Reason, m.DecidedAt = true, "erased", part.clock
			out.Messages = append(out.Messages, m)
		}
		p.Erase(until)
		part.changed(x, part.next)
	}
	part.answer(e, `{"erased":true}`)
}

func (part *partition) eraseRows(p *profiles.Profile, e *enishi.Event, until time.Time) {
	ids := []enishi.ID{p.ID}
	for i := range p.Subjects {
		s := &p.Subjects[i]
		part.rows.erased = append(part.rows.erased, Erasure{Subject: s.ID, Until: until, Value: s.Value})
	}
	if e.Control != nil {
		ids = append(ids, e.Control.Subjects...)
	}
	for _, id := range ids {
		part.rows.erased = append(part.rows.erased, Erasure{Subject: id, Until: until})
	}
}

// asked is when an erasure was asked for.
func asked(e *enishi.Event) time.Time {
	if e.At.IsZero() {
		return e.Time
	}
	return e.At
}
