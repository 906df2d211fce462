package audiences

import (
	"maps"
	"slices"
	"time"

	"enishi"
	"enishi/segments/audiences/match"
)

// step is what has to be done about somebody.
type step struct {
	entry   Entry     // as it will be stored: the keys that are told
	was     string    // its state before; empty: not told yet
	in      bool      // the platform has them, as far as is known
	again   bool      // they were told before, though this list may not have them
	changed bool      // they were told other identifiers, some of which are not theirs now
	unsure  enishi.ID // the call that told of them and was not taken whole
}

// plan is the difference of a range of ids.
type plan struct {
	from, to byte
	inList   int    // entries that the platform has
	rejected int    // that it did not take
	remove   []step // entry.Keys are those to take out
	add      []step
	wanted   int
	stay     int // who is in the list already
	gone     int // who was in the list whose place is being taken, and is not wanted
	unsure   map[enishi.ID]int
	reasons  map[enishi.ID]string // why somebody is not wanted
}

// want is somebody who belongs into the list.
type want struct {
	keys  []match.Key
	value enishi.Amount
}

// difference compares who is in a list with who is wanted there. reasons say of those who are not wanted why; of who is in neither they left the segment.
// fresh is before when who was told last has to be told again, zero when nothing expires.
//
// While an audience stands still, whoever may stay does so as they were told: one who were taken out to be told otherwise would not come in again.
//
// An entry of Rejected is tried again only with other keys: the platform would say the same.
func difference(entries []Entry, wanted map[enishi.ID]want, reasons map[enishi.ID]string, fresh time.Time, values, still bool) plan {
	p := plan{wanted: len(wanted), reasons: reasons}
	in := make(map[enishi.ID]bool, len(entries))
	for i := range entries {
		e := &entries[i]
		w, stays := wanted[e.Profile]
		if !stays {
			out := *e
			if out.Reason = reasons[e.Profile]; out.Reason == "" {
				out.Reason = LeftSegment
			}
			out.State = Leaving
			p.remove = append(p.remove, step{entry: out, was: e.State, in: inList(e), unsure: unsure(e)})
			continue
		}
		if still && e.State != Leaving {
			w = want{e.Keys, e.Value}
		}
		in[e.Profile] = true
		p.stay++
		told, same := e.State != Leaving, sameKeys(e.Keys, w.keys)
		changed := len(without(e.Keys, w.keys)) > 0
		if changed {
			out := *e // with all keys: what is taken out in part cannot be told from what is left when they leave before the rest is told again
			out.State, out.Reason = Leaving, LeftChanged
			p.remove = append(p.remove, step{entry: out, was: e.State, in: inList(e), unsure: unsure(e)})
		}
		switch {
		case e.State == Rejected && same:
			continue
		case told && same && e.State != Again && !(values && e.Value != w.value) && !e.At.Before(fresh):
			continue
		}
		add := step{entry: Entry{Profile: e.Profile, Keys: w.keys, Value: w.value, State: Sent}, was: e.State, in: inList(e), again: true, unsure: unsure(e)}
		if changed { // will have been taken out
			add.was, add.in, add.again, add.changed, add.unsure = "", false, false, true, enishi.ID{}
		}
		p.add = append(p.add, add)
	}
	for _, id := range slices.SortedFunc(maps.Keys(wanted), enishi.ID.Compare) {
		if !in[id] {
			w := wanted[id]
			p.add = append(p.add, step{entry: Entry{Profile: id, Keys: w.keys, Value: w.value, State: Sent}})
		}
	}
	return p
}

// inList tells whether the platform has somebody, as far as is known.
func inList(e *Entry) bool {
	return told(e) || e.State == Again && e.Reason == ""
}

// told tells whether the platform was told of somebody, and does not say that it did not take them.
func told(e *Entry) bool { return e.State == Accepted || e.State == Sent }

// notWhole tells whether somebody was told by a call that the platform did not take whole, without saying whom it left out.
func notWhole(e *Entry) bool { return e.State == Accepted && e.Reason != "" }

func unsure(e *Entry) enishi.ID {
	if notWhole(e) {
		return e.Batch
	}
	return enishi.ID{}
}

// follows notes who is told again by a new list, and who was in the one before and is not in it.
func (p *plan) follows(base []Entry, wanted map[enishi.ID]want) {
	was := make(map[enishi.ID]bool, len(base))
	for i := range base {
		id := base[i].Profile
		was[id] = true
		if _, stays := wanted[id]; !stays {
			p.gone++
		}
	}
	for i := range p.add {
		p.add[i].again = p.add[i].again || was[p.add[i].entry.Profile]
	}
}

// removed is the plan once its removals are carried out.
func (p *plan) removed() *plan {
	out := *p
	out.unsure = maps.Clone(p.unsure)
	for i := range p.remove {
		out.unsure[p.remove[i].unsure]-- // nobody counts those of no call
		switch x := &p.remove[i]; {
		case x.in:
			out.inList--
		case x.was == Rejected:
			out.rejected--
		}
	}
	out.remove = nil
	return &out
}
