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
	entry Entry  // as it will be stored: the keys that are told
	was   string // its state before; empty: not told yet
	in    bool   // the platform has them, as far as is known
}

// plan is the difference of a range of ids.
type plan struct {
	from, to byte
	inList   int    // entries that the platform has
	rejected int    // that it did not take
	remove   []step // entry.Keys are those to take out
	add      []step
	wanted   int
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
// An entry of Rejected is tried again only with other keys: the platform would say the same.
func difference(entries []Entry, wanted map[enishi.ID]want, reasons map[enishi.ID]string, fresh time.Time, values bool) plan {
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
			p.remove = append(p.remove, step{entry: out, was: e.State, in: inList(e)})
			continue
		}
		in[e.Profile] = true
		told, same := e.State != Leaving, sameKeys(e.Keys, w.keys)
		changed := len(without(e.Keys, w.keys)) > 0
		if changed {
			out := *e // with all keys: what is taken out in part cannot be told from what is left when they leave before the rest is told again
			out.State, out.Reason = Leaving, LeftChanged
			p.remove = append(p.remove, step{entry: out, was: e.State, in: inList(e)})
		}
		switch {
		case e.State == Rejected && same:
			continue
		case told && same && e.State != Again && !(values && e.Value != w.value) && !e.At.Before(fresh):
			continue
		}
		add := step{entry: Entry{Profile: e.Profile, Keys: w.keys, Value: w.value, State: Sent}, was: e.State, in: inList(e)}
		if changed { // will have been taken out
			add.was, add.in = "", false
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
	return e.State == Accepted || e.State == Sent || e.State == Again && e.Reason == ""
}

// removed is the plan once its removals are carried out.
func (p *plan) removed() *plan {
	out := *p
	for i := range p.remove {
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
