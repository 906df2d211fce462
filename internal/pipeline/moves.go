package pipeline

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"enishi"
	"enishi/journeys"
	"enishi/profiles"
	"enishi/segments"
)

// MaxAbsorb is the size limit of the state in one absorb record.
const MaxAbsorb = 400 << 10

// merge moves a profile's state to the winner and leaves a redirect.
func (part *partition) merge(x *entry, e *enishi.Event) {
	c := e.Control
	if c == nil || c.Offset+1 <= x.p.MovedBy {
		return // a repeat, or an unlink that was folded since has given the profile back
	}
	if len(x.p.Subjects) > 0 { // others were never anybody's
		part.share.Derived = append(part.share.Derived, part.identity(enishi.TypePersonMerged, x.p.ID, c.Winner))
	}
	for i, chunk := range x.p.Chunks(MaxAbsorb) {
		// Who was in a segment does not enter it by being merged.
		chunk.Memberships = x.p.Memberships
		part.send(e, chunk, c.Winner, c.Offset, strconv.Itoa(i), false)
	}
	x.p.Retire(profiles.New(x.p.ID))
	x.p.Redirect, x.p.MovedBy, x.p.Former = c.Winner, c.Offset+1, enishi.ID{}
	part.changed(x, part.next)
}

// split lets subjects leave for a profile of their own. Both sides of an un-merge get such a record from their owners: the one
// that keeps its id (Loser) lists who leaves, the new one (Live) lists who stays, for something of them may have come to it or
// be on its way there, from a time when they were one person.
func (f *Folder) split(part *partition, x *entry, e *enishi.Event) {
	c, p := e.Control, x.p
	if c == nil {
		return
	}
	if !p.Redirect.IsZero() {
		if !c.Live {
			return
		}
		p.Redirect = enishi.ID{}
	}
	if c.Live {
		p.MovedBy, p.Former = max(p.MovedBy, c.Offset+1), enishi.ID{}
	}
	f.due(part, p)
	if !c.Live {
		part.share.Derived = append(part.share.Derived, part.identity(enishi.TypePersonUnmerged, p.ID, c.Winner))
	}
	for i, chunk := range p.Extract(c.Subjects).Chunks(MaxAbsorb) {
		part.send(e, chunk, c.Winner, c.Offset, strconv.Itoa(i), true)
	}
	// Who is in a segment because somebody else is gone does not enter it by an act of theirs.
	f.react(part, p, journeys.Trigger{Changed: profiles.ChangedAll}, segments.Options{Sweep: true})
	part.changed(x, part.next)
}

// identity is what became of a person's id, as a row for those outside who keep it. It is nobody's row: those of a person go with an erasure,
// and this has ids alone. other is the second person of it; zero: there is none.
func (part *partition) identity(typ string, who, other enishi.ID) enishi.Derived {
	said := who.String()
	if !other.IsZero() {
		said += " " + other.String()
	}
	return enishi.Derived{
		ID:   enishi.NewID(typ, said, strconv.Itoa(part.n), strconv.FormatInt(int64(part.epoch), 10), strconv.FormatInt(part.next, 10)),
		Type: typ, At: part.clock, Reason: said}
}

// send emits the absorb record that carries a state to another profile; its id names where it comes from. comesApart: the
// winner is a profile that an un-merge gives back.
func (part *partition) send(e *enishi.Event, state *profiles.Profile, winner enishi.ID, offset int64, chunk string, comesApart bool) {
	out := &part.share.Effects
	out.Records = append(out.Records, enishi.Event{
		ID:   enishi.NewID("absorb", strconv.FormatInt(offset, 10), e.Profile.String(), chunk, strconv.FormatInt(int64(part.epoch), 10), strconv.FormatInt(e.Offset, 10)),
		Type: enishi.TypeAbsorb, Profile: winner, Subject: e.Profile, At: part.clock,
		Control: &enishi.Control{Offset: offset, Loser: e.Profile, Winner: winner, State: state.Encode(nil), Live: comesApart}})
}

// absorb takes a moved state in.
func (f *Folder) absorb(part *partition, x *entry, e *enishi.Event) error {
	c := e.Control
	if c == nil {
		return nil
	}
	moved, err := profiles.Decode(e.Profile, string(c.State))
	if err != nil {
		return fmt.Errorf("read a moved state: %w", err) // passing over it would lose a person
	}
	part.passOn(e, moved)
	if len(moved.Subjects)+len(moved.Runs) == 0 && !moved.Erased {
		return nil
	}
	back := c.Live && e.Profile == c.Winner
	part.givenBack(x, c.Offset)
	if !x.p.Former.IsZero() && c.Offset < x.p.MovedBy {
		part.resend(e, moved, x.p.Former)
		return nil
	}
	if !x.p.Redirect.IsZero() {
		// A split gives a profile back: its redirect ends, unless a later merge set it.
		if !back || c.Offset+1 <= x.p.MovedBy {
			part.resend(e, moved, x.p.Redirect)
			return nil
		}
		x.p.Redirect = enishi.ID{}
	}
	if back {
		x.p.Former = enishi.ID{}
		x.p.MovedBy = max(x.p.MovedBy, c.Offset+1) // merges of before the split, which may still come, have no say any more
	}
	f.due(part, x.p)
	part.dropErased(x.p, moved)
	part.dropForgotten(x.p, moved, c.Loser)
	opt := segments.Options{Sweep: c.Live}
	for i := range moved.Memberships {
		opt.Joined = append(opt.Joined, moved.Memberships[i].Segment)
	}
	changed := takeIn(x.p, moved, part.clock)
	journeys.Reconcile(&part.env, x.p, &part.share.Effects)
	f.react(part, x.p, journeys.Trigger{Changed: changed}, opt)
	part.changed(x, part.next)
	return nil
}

// takeIn joins a moved state with p. An absorb record may come twice, when the partition that it comes from was folded again
// after a crash. For facts that is no matter; runs may have gone on here and be gone by now, and must not come back. What
// tells is the mark that [profiles.Profile.Absorb] leaves for each part of a subject that counted something.
func takeIn(p, moved *profiles.Profile, now time.Time) profiles.Change {
	runs, counted := moved.Runs, false
	for i := range moved.Subjects {
		counted = counted || moved.Subjects[i].Lifetime.Events > 0
	}
	if !counted {
		return p.Absorb(moved, now)
	}
	ids := make([]enishi.ID, len(moved.Subjects))
	for i := range moved.Subjects {
		ids[i] = moved.Subjects[i].ID
	}
	before := seenOf(p, ids)
	moved.Runs = nil
	changed := p.Absorb(moved, now)
	for h := range seenOf(p, ids) {
		if !before[h] {
			return changed | p.Absorb(&profiles.Profile{ID: p.ID, Runs: runs}, now)
		}
	}
	return changed
}

// seenOf is the digests of event ids and marks that subjects remember.
func seenOf(p *profiles.Profile, ids []enishi.ID) map[uint64]bool {
	seen := map[uint64]bool{}
	for i := range p.Subjects {
		if s := &p.Subjects[i]; slices.Contains(ids, s.ID) {
			for k := range s.Seen {
				seen[s.Seen[k].Hash] = true
			}
		}
	}
	return seen
}

// dropErased takes out of a state that moves to an erased person what is from before the erasure: it was on its way then.
func (part *partition) dropErased(p, moved *profiles.Profile) {
	if !p.Erased {
		return
	}
	moved.Subjects = slices.DeleteFunc(moved.Subjects, func(s profiles.Subject) bool {
		if s.LastSeen.After(p.ErasedAt) {
			return false
		}
		part.rows.erased = append(part.rows.erased, Erasure{Subject: s.ID, Until: p.ErasedAt, Value: s.Value})
		return true
	})
	moved.Runs = slices.DeleteFunc(moved.Runs, func(r profiles.Run) bool { return !r.EnteredAt.After(p.ErasedAt) })
}

// dropForgotten takes from a person whom an erased one joins what is of that one's identifier and from before the erasure: it
// was addressed here already, by who knew of a link that the erasure did not know.
func (part *partition) dropForgotten(p, moved *profiles.Profile, erased enishi.ID) {
	if !moved.Erased {
		return
	}
	part.rows.erased = append(part.rows.erased, Erasure{Subject: erased, Until: moved.ErasedAt})
	if slices.ContainsFunc(p.Subjects, func(s profiles.Subject) bool { return s.ID == erased && !s.LastSeen.After(moved.ErasedAt) }) {
		p.Extract([]enishi.ID{erased})
	}
}

// forward re-emits a record to another profile, with the same event id. at, if not zero, is the offset of the unlink record
// by which it goes there: splits up to it have had their say.
func (part *partition) forward(e *enishi.Event, to enishi.ID, at int64) {
	again := *e
	again.Profile, again.Forwarded = to, true
	if at > 0 {
		c := enishi.Control{}
		if e.Control != nil {
			c = *e.Control
		}
		c.Offset = at
		again.Control = &c
	}
	out := &part.share.Effects
	out.Records = append(out.Records, again)
}

// resend forwards what is left of an absorb record.
func (part *partition) resend(e *enishi.Event, moved *profiles.Profile, to enishi.ID) {
	again, c := *e, *e.Control
	again.Profile, again.Forwarded, again.Control = to, true, &c
	c.State = moved.Encode(nil)
	out := &part.share.Effects
	out.Records = append(out.Records, again)
}

// Splits are remembered for as long as something may come that was sent before them, and not more than maxSplits of a
// partition.
const (
	keptSplits = profiles.SeenWindow
	maxSplits  = 1000
)

// remember notes a split; false: it was folded before.
func (part *partition) remember(p *profiles.Profile, e *enishi.Event) (first bool) {
	c := e.Control
	if c == nil {
		return false
	}
	for i := range part.splits {
		if s := &part.splits[i]; s.Profile == p.ID && s.Offset == c.Offset {
			return false
		}
	}
	if p.Offset <= e.Offset && !p.Redirect.IsZero() && p.MovedBy > c.Offset {
		return false // so long ago that it is forgotten: the profile was merged away since
	}
	part.splits = slices.DeleteFunc(part.splits, func(s Split) bool { return part.clock.Sub(s.At) > keptSplits })
	if len(part.splits) >= maxSplits {
		part.splits = slices.Delete(part.splits, 0, len(part.splits)-maxSplits+1)
	}
	subjects := slices.Clone(c.Subjects)
	slices.SortFunc(subjects, enishi.ID.Compare)
	part.splits = append(part.splits, Split{Offset: c.Offset, Profile: p.ID, Winner: c.Winner, Subjects: subjects, At: part.clock})
	return true
}

// leftTo says where an event goes that was addressed to a profile before its subject left by a split: to the winner of the
// newest one that the event has not passed yet. Who knew of a split and sent it here all the same knew that they are one
// person again.
func (part *partition) leftTo(e *enishi.Event) (to enishi.ID, at int64, ok bool) {
	passed := knownOf(e) - 1
	for i := range part.splits {
		if s := &part.splits[i]; s.Profile == e.Profile && s.Offset > passed && s.has(e.Subject) {
			to, at, ok, passed = s.Winner, s.Offset, true, s.Offset
		}
	}
	return to, at, ok
}

// knownOf is the offset of the identities up to which an event's way knows them: that of whoever addressed it, or of the
// unlink by which it was sent on.
func knownOf(e *enishi.Event) int64 {
	known := e.Routed
	if e.Control != nil {
		known = max(known, e.Control.Offset+1)
	}
	return known
}

// givenBack ends a redirect when something comes that knew of the merge and was sent here all the same: the profile was given
// back since. The record that says so is on its way; till it comes, what does not know it goes the former way.
func (part *partition) givenBack(x *entry, known int64) {
	if p := x.p; !p.Redirect.IsZero() && known >= p.MovedBy {
		p.Redirect, p.Former = enishi.ID{}, p.Redirect
		part.changed(x, part.next)
	}
}

func (s *Split) has(subject enishi.ID) bool {
	_, ok := slices.BinarySearchFunc(s.Subjects, subject, enishi.ID.Compare)
	return ok
}

// passOn sends those subjects of a moved state on that have left its profile by splits of after the move: the merge was
// folded late, or this is a repeat.
func (part *partition) passOn(e *enishi.Event, moved *profiles.Profile) {
	for i := len(part.splits) - 1; i >= 0; i-- {
		s := &part.splits[i]
		if s.Profile != e.Profile || s.Offset <= e.Control.Offset {
			continue
		}
		var ids []enishi.ID
		for k := range moved.Subjects {
			if s.has(moved.Subjects[k].ID) {
				ids = append(ids, moved.Subjects[k].ID)
			}
		}
		if len(ids) > 0 {
			rest := moved.Memberships
			gone := moved.Extract(ids)
			gone.Memberships, moved.Memberships = rest, rest
			part.send(e, gone, s.Winner, s.Offset, e.ID.String(), true)
		}
	}
}
