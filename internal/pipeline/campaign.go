package pipeline

import (
	"slices"
	"strconv"
	"time"

	"enishi"
	"enishi/journeys"
)

// BroadcastPrefix begins the ids of sweeps that start a journey for everybody; its name follows, of one that recurs also the
// occurrence.
const BroadcastPrefix = "broadcast-"

// MissedKind is the kind of alerts that tell of a campaign that was not sent, because its time was over when it could be.
const MissedKind = "campaign_missed"

// MissedID is the alert's id: one for all partitions. at is the occurrence; zero for a campaign that goes once.
func MissedID(campaign string, at time.Time) enishi.ID {
	return enishi.NewID("alert", MissedKind, campaign, occurrenceText(at))
}

func occurrenceText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// broadcasts begins the sweeps of broadcasts that have gone live, and ends those of broadcasts that are over. One that is
// paused stays where it stands. Of one that recurs the next occurrence always stands among the sweeps.
func (part *partition) broadcasts(before *Definitions) {
	part.sweeps = slices.DeleteFunc(slices.Clone(part.sweeps), func(s Sweep) bool {
		b, known := part.defs.Journeys.Broadcast(s.Journey)
		return s.Journey != "" && (!known || b.Over || s.Next == 0 && s.recurs() != (b.Schedule != nil))
	})
	for _, b := range part.defs.Journeys.Broadcasts() {
		if b.Schedule != nil {
			part.recur(&b)
			continue
		}
		was, known := before.Journeys.Broadcast(b.Name)
		id := BroadcastPrefix + b.Name
		if b.Winner != "" { // those who were not asked follow: everybody is looked at again, and nobody enters twice
			id += "@" + b.Winner
		}
		part.sweeps = slices.DeleteFunc(part.sweeps, func(s Sweep) bool { return s.Journey == b.Name && s.ID != id })
		if !b.Going || known && was.Going && was.Winner == b.Winner {
			continue
		}
		if at := part.sweepAt(id); at >= 0 {
			part.sweeps[at].Since = part.said() // who goes on after a pause decides so
		} else {
			part.sweeps = append(part.sweeps, Sweep{ID: id, Journey: b.Name, At: b.At, Since: part.said()})
		}
	}
}

// said is when the newest definition was saved, the same for all partitions; on a virtual clock, whose time that is not, now.
func (part *partition) said() time.Time {
	if at := part.defs.At; !part.virtual && !at.IsZero() && at.Before(part.clock) {
		return at
	}
	return part.clock
}

func (s *Sweep) recurs() bool { return !s.After.IsZero() }

// occurrence is the one that a sweep is for; zero: its campaign goes once.
func (s *Sweep) occurrence() time.Time {
	if !s.recurs() {
		return time.Time{}
	}
	return s.At
}

// recur keeps the occurrence that a campaign waits for, unless its schedule does not have it any more: then the next one from
// now on is waited for. One under way goes on.
func (part *partition) recur(b *journeys.Broadcast) {
	after := part.said()
	if i := slices.IndexFunc(part.sweeps, func(s Sweep) bool { return s.Journey == b.Name }); i >= 0 {
		s := &part.sweeps[i]
		if s.Next > 0 || b.Schedule.Next(s.At.Add(-time.Millisecond), part.defs.Settings).Equal(s.At) {
			return
		}
		if s.After.After(after) {
			after = s.After
		}
		part.sweeps = slices.Delete(part.sweeps, i, i+1)
	} else if !b.Going {
		return
	}
	part.await(b, after)
}

// await puts the first occurrence after an instant among the sweeps.
func (part *partition) await(b *journeys.Broadcast, after time.Time) {
	at := b.Schedule.Next(after, part.defs.Settings)
	if at.IsZero() {
		return // that was the last
	}
	part.sweeps = append(part.sweeps, Sweep{ID: BroadcastPrefix + b.Name + "@" + strconv.FormatInt(at.UnixMilli(), 10), Journey: b.Name, At: at, After: after, Since: part.clock})
}

// missed takes a campaign out that could not begin in time: more than the send_by of its messages has passed, or the next
// occurrence is due too. It is said, and of an occurrence the next one is waited for.
func (part *partition) missed(at int, b *journeys.Broadcast) bool {
	s := part.sweeps[at]
	due := s.At
	if !s.recurs() && s.Since.After(due) {
		due = s.Since
	}
	late := b.Late > 0 && part.clock.Sub(due) > b.Late
	if s.recurs() && !late {
		next := b.Schedule.Next(s.At, part.defs.Settings)
		late = !next.IsZero() && !next.After(part.clock)
	}
	if s.Next > 0 || !late {
		return false
	}
	when, whenJA := "", ""
	if !s.At.IsZero() {
		local := s.At.In(part.defs.Settings.Zone())
		when, whenJA = " of "+local.Format("2006-01-02 15:04"), local.Format(" 2006-01-02 15:04 ")
	}
	out := &part.share.Effects
	out.Alerts = append(out.Alerts, enishi.Alert{ID: MissedID(b.Name, s.occurrence()), Kind: MissedKind, Severity: "warning", At: due,
		Text:   "The campaign \"" + b.Title.EN + "\"" + when + " was not sent: when it could begin, its time was over.",
		TextJA: "一斉配信「" + b.Title.JA + "」" + whenJA + "は配信しませんでした。開始できるようになった時には送信期限を過ぎていました。"})
	part.sweeps = slices.Delete(part.sweeps, at, at+1)
	if s.recurs() {
		part.await(b, s.At)
	}
	return true
}
