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

// MissedKind is the kind of alerts that tell of a campaign that was not sent, or not to everybody: its time was over when it
// could be, or what it goes by is not there.
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

// missed takes a campaign out that does not go, or not on: it could not begin in time, or what it goes by is not there. It is
// said, and of an occurrence the next one is waited for.
func (part *partition) missed(at int, b *journeys.Broadcast) bool {
	s := part.sweeps[at]
	due := s.At
	if !s.recurs() && s.Since.After(due) {
		due = s.Since
	}
	en, ja := part.absent(b)
	if en == "" && s.Next == 0 && part.late(&s, b, due) {
		en, ja = "was not sent: when it could begin, its time was over.", "は配信しませんでした。開始できるようになった時には送信期限を過ぎていました。"
	}
	if en == "" {
		return false
	}
	when, whenJA := "", ""
	if !s.At.IsZero() {
		local := s.At.In(part.defs.Settings.Zone())
		when, whenJA = " of "+local.Format("2006-01-02 15:04"), local.Format(" 2006-01-02 15:04 ")
	}
	out := &part.share.Effects
	out.Alerts = append(out.Alerts, enishi.Alert{ID: MissedID(b.Name, s.occurrence()), Kind: MissedKind, Severity: "warning", At: due,
		Text: "The campaign \"" + b.Title.EN + "\"" + when + " " + en, TextJA: "一斉配信「" + b.Title.JA + "」" + whenJA + ja})
	part.sweeps = slices.Delete(part.sweeps, at, at+1)
	if s.recurs() {
		part.await(b, s.At)
	}
	return true
}

// late tells whether a campaign that has not begun may not any more: more than the send_by of its messages has passed since it
// was due, or the next occurrence is due too.
func (part *partition) late(s *Sweep, b *journeys.Broadcast, due time.Time) bool {
	if b.Late > 0 && part.clock.Sub(due) > b.Late {
		return true
	}
	if !s.recurs() {
		return false
	}
	next := b.Schedule.Next(s.At, part.defs.Settings)
	return !next.IsZero() && !next.After(part.clock)
}

// absent says that a segment or list which a campaign goes by is not there; "" when all are. It was deleted since, or a backup
// has the one and not the other. Without a segment whose people are left out nothing is sent either: who was not to get it
// would. The words are the same wherever the sweep stands, so that all partitions tell one thing.
func (part *partition) absent(b *journeys.Broadcast) (en, ja string) {
	say := func(kind, kindJA, name string) (string, string) {
		return "was not sent, or not to everybody: the " + kind + " \"" + name + "\" that it goes by does not exist.",
			"は、使っている" + kindJA + "「" + name + "」が存在しないため、配信しませんでした（途中まで届けていた場合は、残りの方に送っていません）。"
	}
	for _, name := range b.Segments {
		if part.defs.Segments.Get(name) == nil {
			return say("segment", "セグメント", name)
		}
	}
	if b.List != "" && !part.defs.lists[b.List] {
		return say("list", "リスト", b.List)
	}
	return "", ""
}
