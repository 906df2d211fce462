package audiences

import (
	"context"
	"slices"

	"enishi"
	"enishi/segments/audiences/match"
)

// Change is what a run would do about somebody.
type Change struct {
	Profile enishi.ID
	What    string // add, remove, refresh, leave_out
	Reason  string // of remove and leave_out
	Kinds   []string
}

// Forecast is what a run would do.
type Forecast struct {
	Wanted  int
	Add     int
	Remove  int
	Refresh int // told again
	LeftOut map[string]int
	Rebuild bool // the platform takes nobody out: a new list would take the place of the old one
	Calls   int  // that change lists, at least
	Held    *Problem
	Some    []Change // the first of each sort
}

// some is how many of each sort a forecast names.
const some = 20

// Dry tells what a run would do, and does nothing: no call, no row.
func (s *Syncer) Dry(ctx context.Context, name string, def *Definition) (*Forecast, error) {
	r, err := s.begin(ctx, name, def)
	if err != nil {
		return nil, err
	}
	r.generation, r.remote = r.st.Generation, r.st.Remote
	if r.st.Next != "" {
		r.generation, r.remote = r.st.Generation+1, r.st.Next
	}
	f := &Forecast{LeftOut: map[string]int{}}
	if p := r.st.Problem; p != nil && p.Code != tooSmall { // which is found anew
		f.Held = p
	}
	named := map[string]int{}
	tell := func(c Change, keys []string) {
		if named[c.What]++; named[c.What] <= some {
			c.Kinds = keys
			f.Some = append(f.Some, c)
		}
	}
	keys, staying := 0, 0 // to be taken out, each a member of a call; told to a new list
	out := map[match.Key]bool{}
	busy := map[enishi.ID]bool{} // who is taken out or told in any case
	for _, ids := range r.ranges() {
		p, err := r.plan(ctx, ids[0], ids[1])
		if err != nil {
			return nil, err
		}
		f.Wanted += p.wanted
		f.Remove += p.gone
		staying += p.stay
		for _, x := range p.remove {
			keys += len(x.entry.Keys)
			busy[x.entry.Profile] = true
			for _, k := range x.entry.Keys {
				out[k] = true
			}
			if x.entry.Reason == LeftChanged {
				continue // told anew below
			}
			f.Remove++
			tell(Change{Profile: x.entry.Profile, What: "remove", Reason: x.entry.Reason}, kindsOf(&x.entry))
		}
		for _, x := range p.add {
			what := "add"
			if x.again || busy[x.entry.Profile] { // who is taken out first
				what = "refresh"
				f.Refresh++
			} else {
				f.Add++
			}
			busy[x.entry.Profile] = true
			tell(Change{Profile: x.entry.Profile, What: what}, kindsOf(&x.entry))
		}
		for id, reason := range p.reasons {
			f.LeftOut[reason]++
			tell(Change{Profile: id, What: "leave_out", Reason: reason}, nil)
		}
	}
	fresh := r.remote == "" || r.remote == making
	if fresh && !r.frozen() {
		if least := max(r.def.Minimum, r.facts.Minimum); f.Wanted < least {
			f.Held = TooSmall(f.Wanted, least)
		}
	}
	if f.Rebuild = !r.facts.Removal && !fresh && (len(out) > 0 || r.st.Next != "" || r.expired()); f.Rebuild && r.st.Next == "" {
		f.Refresh = staying
	}
	if r.facts.Removal && len(out) > 0 {
		shared, err := r.shared(ctx, out, busy)
		if err != nil {
			return nil, err
		}
		for i := range shared {
			f.Refresh++
			tell(Change{Profile: shared[i].Profile, What: "refresh"}, kindsOf(&shared[i]))
		}
	}
	calls := func(n int) int { return (n + r.facts.Batch - 1) / r.facts.Batch }
	f.Calls = calls(keys) + calls(f.Add+f.Refresh)
	if f.Rebuild {
		f.Calls = calls(f.Add + f.Refresh)
	}
	if r.whole != nil {
		f.Calls = min(1, f.Calls)
	}
	return f, nil
}

// shared are those who are told again for one of their identifiers is taken out with somebody else; busy are not.
func (r *run) shared(ctx context.Context, out map[match.Key]bool, busy map[enishi.ID]bool) ([]Entry, error) {
	var list []Entry
	for _, ids := range r.ranges() {
		entries, err := r.store.Entries(ctx, r.name, r.generation, ids[0], ids[1])
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !busy[e.Profile] && told(&e) && slices.ContainsFunc(e.Keys, func(k match.Key) bool { return out[k] }) {
				list = append(list, e)
			}
		}
	}
	return list, nil
}

func kindsOf(e *Entry) []string {
	out := []string{}
	for _, k := range e.Keys {
		out = append(out, string(k.Kind))
	}
	return out
}
