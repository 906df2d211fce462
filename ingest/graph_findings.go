package ingest

import (
	"cmp"
	"slices"

	"enishi"
)

// Flood is an identifier that came with more others than one person has: a form that sends one address for every visitor, a shared
// tablet. Nothing beyond the limits joined.
type Flood struct {
	ID     enishi.ID
	Kind   enishi.Kind
	Offset int64 // of the refused link that made it one: the last that is recorded
}

// Floods lists them, the newest first.
func (g *Graph) Floods() []Flood {
	g.mu.RLock()
	defer g.mu.RUnlock()
	var out []Flood
	for n, times := range g.refusals {
		if times < FloodAfter {
			continue
		}
		for e := g.nodes[n].edge; e >= 0; e = g.older(e, n) {
			if g.edges[e].state.refuses() && g.edges[e].state != unlinked {
				out = append(out, Flood{g.index.ids[n], g.nodes[n].kind, g.edges[e].offset})
				break
			}
		}
	}
	slices.SortFunc(out, func(a, b Flood) int { return cmp.Compare(b.Offset, a.Offset) })
	return out
}

// Names of findings.
const (
	FindLimit = "limit"        // as many identifiers of a kind as one person may have, or nearly
	FindFlood = "flood"        // refused again and again
	FindEmail = "shared_email" // two customers came with one e-mail address
	FindPhone = "shared_phone" // several people came with one phone
	FindOther = "shared_other" // two customers came with one identifier of another kind: a device, a card
)

// Finding is something that an operator should look at: one person may be several, or an identifier may be a thing that several
// people use.
type Finding struct {
	Name   string
	ID     enishi.ID   // of limit: the profile; else the identifier
	Kind   enishi.Kind // of limit: the kind of which there are many; else the identifier's
	Count  int         // of limit: identifiers of the kind; else links that were refused
	Limit  int         // of limit
	People []enishi.ID // profiles that it is about
	Offset int64       // of the newest record that it follows from
}

// Findings lists up to most of them, the newest first, without those that an operator let stand. One about a shared identifier comes
// back when somebody else comes with it.
func (g *Graph) Findings(most int) []Finding {
	g.mu.RLock()
	defer g.mu.RUnlock()
	var out []Finding
	for i := range g.comps {
		if c := &g.comps[i]; c.size > 1 {
			out = g.atLimit(out, c)
		}
	}
	for n := range g.refusals {
		if f, ok := g.shared(n); ok {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Offset, a.Offset), a.ID.Compare(b.ID), cmp.Compare(a.Kind, b.Kind))
	})
	return out[:min(len(out), most)]
}

// atLimit looks whether a person has four fifths of what the limit of a kind allows, or more.
func (g *Graph) atLimit(out []Finding, c *component) []Finding {
	for _, k := range enishi.Kinds() {
		n, limit := c.kinds.of(k), g.guards.limits[k]
		if n < 2 || 5*n < 4*limit {
			continue
		}
		f := Finding{Name: FindLimit, ID: g.index.ids[c.profile], Kind: k, Count: n, Limit: limit, People: []enishi.ID{g.index.ids[c.profile]}}
		if _, fine := g.fine[finding{f.ID, f.Name}]; fine {
			continue
		}
		for m, i := c.profile, int32(0); i < c.size; m, i = g.nodes[m].ring, i+1 {
			if e := g.nodes[m].edge; e >= 0 {
				f.Offset = max(f.Offset, g.edges[e].offset)
			}
		}
		out = append(out, f)
	}
	return out
}

// shared looks at the refused links of an identifier. Of the two ends of one, the weaker identifier is the shared one.
func (g *Graph) shared(n int32) (f Finding, found bool) {
	x := &g.nodes[n]
	f = Finding{ID: g.index.ids[n], Kind: x.kind, Count: int(g.refusals[n]), Offset: -1}
	why := map[verdict]int{}
	for e := x.edge; e >= 0; e = g.older(e, n) {
		y := &g.edges[e]
		if !y.state.refuses() || y.state == unlinked || y.state == blocked {
			continue
		}
		other := &g.nodes[y.a^y.b^n]
		if other.kind > x.kind && f.Count < FloodAfter {
			continue // it is the other's to tell
		}
		why[y.state]++
		f.Offset = max(f.Offset, y.offset)
		for _, p := range [...]enishi.ID{g.index.ids[g.comps[x.comp].profile], g.index.ids[g.comps[other.comp].profile]} {
			if !slices.Contains(f.People, p) {
				f.People = append(f.People, p)
			}
		}
	}
	switch {
	case len(f.People) < 2 || g.guards.blocked[f.ID]:
		return f, false // it is settled
	case f.Count >= FloodAfter:
		f.Name = FindFlood
	case why[household] > 0:
		f.Name = FindPhone
	case why[twoCustomers] > 0 && x.kind == enishi.Email:
		f.Name = FindEmail
	case why[twoCustomers] > 0:
		f.Name = FindOther
	default:
		return f, false
	}
	at, fine := g.fine[finding{f.ID, f.Name}]
	return f, !fine || f.Name != FindFlood && at < f.Offset
}

// UnderLimit counts the people who have more identifiers of a kind than a limit, and the refused links that it would let pass.
func (g *Graph) UnderLimit(k enishi.Kind, limit int) (over, freed int) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for i := range g.comps {
		if c := &g.comps[i]; c.size > 0 && c.kinds.of(k) > limit {
			over++
		}
	}
	for _, e := range g.refused {
		x := &g.edges[e]
		if x.state != overLimit || g.nodes[x.a].comp == g.nodes[x.b].comp {
			continue
		}
		a, b := g.side(x.a), g.side(x.b)
		n, m := a.have.of(k), b.have.of(k)
		if n > 0 && m > 0 && n+m > g.guards.limits[k] && n+m <= limit {
			freed++
		}
	}
	return over, freed
}

// Refusal says why an operator cannot join two identifiers, as a [LinkState] does; empty: they can be joined.
func (g *Graph) Refusal(a enishi.ID, aKind enishi.Kind, b enishi.ID, bKind enishi.Kind) string {
	g.mu.RLock()
	defer g.mu.RUnlock()
	x, y := alone(a, aKind), alone(b, bKind)
	if i := g.index.find(a); i >= 0 {
		x = g.side(i)
	}
	if j := g.index.find(b); j >= 0 {
		y = g.side(j)
	}
	if v := g.judge(x, y, true); v != joins {
		return v.String()
	}
	return ""
}

// Fine says whether an operator let a finding about an identifier or a profile stand.
func (g *Graph) Fine(id enishi.ID, name string) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	_, fine := g.fine[finding{id, name}]
	return fine
}

// Known says whether there is a record about two identifiers at an offset.
func (g *Graph) Known(offset int64) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.edgeAt(offset) >= 0
}
