package audiences

import (
	"context"

	"enishi"
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
	r.generation = r.st.Generation
	f := &Forecast{LeftOut: map[string]int{}, Held: r.st.Problem}
	named := map[string]int{}
	tell := func(c Change, keys []string) {
		if named[c.What]++; named[c.What] <= some {
			c.Kinds = keys
			f.Some = append(f.Some, c)
		}
	}
	keys := 0 // to be taken out, each a member of a call
	for _, ids := range r.ranges() {
		p, err := r.plan(ctx, ids[0], ids[1])
		if err != nil {
			return nil, err
		}
		f.Wanted += p.wanted
		again := map[enishi.ID]bool{}
		for _, x := range p.remove {
			keys += len(x.entry.Keys)
			if x.entry.Reason == LeftChanged {
				again[x.entry.Profile] = true
				continue // told anew below
			}
			f.Remove++
			tell(Change{Profile: x.entry.Profile, What: "remove", Reason: x.entry.Reason}, kindsOf(&x.entry))
		}
		for _, x := range p.add {
			what := "add"
			if x.was != "" || again[x.entry.Profile] {
				what = "refresh"
				f.Refresh++
			} else {
				f.Add++
			}
			tell(Change{Profile: x.entry.Profile, What: what}, kindsOf(&x.entry))
		}
		f.Rebuild = f.Rebuild || !r.facts.Removal && len(p.remove) > 0
		for id, reason := range p.reasons {
			f.LeftOut[reason]++
			tell(Change{Profile: id, What: "leave_out", Reason: reason}, nil)
		}
	}
	calls := func(n int) int { return (n + r.facts.Batch - 1) / r.facts.Batch }
	f.Calls = calls(keys) + calls(f.Add+f.Refresh)
	if f.Rebuild {
		f.Calls = calls(f.Wanted)
	}
	if r.whole != nil {
		f.Calls = min(1, f.Calls)
	}
	return f, nil
}

func kindsOf(e *Entry) []string {
	out := []string{}
	for _, k := range e.Keys {
		out = append(out, string(k.Kind))
	}
	return out
}
