package ingest

import (
	"encoding/json"

	"enishi"
)

// verdict is what the guards say of a link.
type verdict uint8

const (
	joins        verdict = iota // two people become one
	already                     // they are one person
	blocked                     // an identifier of a shared thing (guard settings)
	twoCustomers                // two customer ids, joined by something weaker
	household                   // a phone that several people have
	overLimit                   // too many identifiers of a kind
	tooLarge                    // a person with more than maxComponent identifiers
	unlinked                    // an operator took this link back
)

var verdictNames = [...]string{"merged", "already", "blocked", "two_customers", "household", "limit", "too_large", "unlinked"}

// String is the reason as API and console know it.
func (v verdict) String() string { return verdictNames[v] }

func (v verdict) refuses() bool { return v > already }

// maxComponent bounds what even an operator's links may join.
const maxComponent = 1000

// Guards are the settings that keep people apart: the record "guard" of the topic identities carries them as JSON.
type Guards struct {
	Limits  map[string]int `json:"limits,omitempty"`  // identifiers of a kind that one person may have, by the kind's name; absent: DefaultLimits
	Blocked []enishi.ID    `json:"blocked,omitempty"` // hashes of identifiers that stand for a thing, such as a store's tablet
}

// DefaultLimits are the most identifiers of a kind that one person has. Segment's default is 1 user id and 5 of the others;
// browsers forget their cookies, so anonymous ids have more. LINE user ids are counted over all providers.
func DefaultLimits() map[string]int {
	return map[string]int{"customer": 1, "pos_card": 3, "line": 5, "email": 5, "phone": 5, "social": 5, "push_token": 10, "anonymous": 50}
}

// guards are Guards ready for use.
type guards struct {
	limits  [enishi.Anonymous + 1]int // by kind
	blocked map[enishi.ID]bool
}

func defaultGuards() guards {
	var g guards
	g.apply(Guards{})
	return g
}

func (g *guards) apply(s Guards) {
	limits := DefaultLimits()
	for kind, n := range s.Limits {
		limits[kind] = n
	}
	for _, k := range enishi.Kinds() {
		g.limits[k] = limits[k.String()]
	}
	g.blocked = nil
	if len(s.Blocked) > 0 {
		g.blocked = make(map[enishi.ID]bool, len(s.Blocked))
		for _, id := range s.Blocked {
			g.blocked[id] = true
		}
	}
}

// set takes the settings of a guard record. They hold for the links after it; unreadable ones change nothing.
func (g *guards) set(text string) Folded {
	var s Guards
	if json.Unmarshal([]byte(text), &s) != nil {
		return Folded{Outcome: "unknown"}
	}
	g.apply(s)
	return Folded{Outcome: "guard"}
}

// Blocked says whether the guard settings say of an identifier that it is nobody's own.
func (g *Graph) Blocked(id enishi.ID) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.guards.blocked[id]
}

// blocks says whether any identifier is blocked: then it is worth while to hash before asking.
func (g *Graph) blocks() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return len(g.guards.blocked) > 0
}

// judge decides on a link between two nodes. What an operator links by hand passes all guards but the blocked identifiers
// and the size.
//
// A phone is re-issued and shared: through it, people join only while one side is known by nothing stronger, and two sides
// that are more than one identifier each never do.
func (g *Graph) judge(a, b int32, operator bool) verdict {
	na, nb := &g.nodes[a], &g.nodes[b]
	if g.guards.blocked[g.index.ids[a]] || g.guards.blocked[g.index.ids[b]] {
		return blocked
	}
	if i, ok := g.refused[pair(a, b)]; ok && g.edges[i].state == unlinked && !operator {
		return unlinked
	}
	if na.comp == nb.comp {
		return already
	}
	ca, cb := g.census(na.comp), g.census(nb.comp)
	if ca.size+cb.size > maxComponent {
		return tooLarge
	}
	if operator {
		return joins
	}
	weaker := max(na.kind, nb.kind)
	switch {
	case ca.kinds[enishi.Customer] > 0 && cb.kinds[enishi.Customer] > 0 && weaker > enishi.Customer:
		return twoCustomers
	case na.kind == enishi.Phone || nb.kind == enishi.Phone:
		if ca.size > 1 && cb.size > 1 || ca.strongerThanPhone() && cb.strongerThanPhone() {
			return household
		}
	}
	for k, n := range ca.kinds {
		m, limit := cb.kinds[k], g.guards.limits[k]
		if n+m > limit && (n > 0 && m > 0 || limit == 0) {
			return overLimit
		}
	}
	return joins
}

// census counts the identifiers of a component by kind.
type census struct {
	kinds [enishi.Anonymous + 1]int
	size  int
}

func (g *Graph) census(comp int32) census {
	c := census{size: int(g.comps[comp].size)}
	for n, i := g.comps[comp].profile, 0; i < c.size; n, i = g.nodes[n].ring, i+1 {
		c.kinds[min(g.nodes[n].kind, enishi.Anonymous)]++
	}
	return c
}

func (c *census) strongerThanPhone() bool {
	for k := enishi.Customer; k < enishi.Phone; k++ {
		if c.kinds[k] > 0 {
			return true
		}
	}
	return false
}

// Component is one person as the graph knows them.
type Component struct {
	Profile enishi.ID
	Members []Member
	Links   []LinkState // in order of offset, refused ones included
}

// Member is an identifier of a person.
type Member struct {
	ID   enishi.ID
	Kind enishi.Kind
}

// LinkState is a link record and what became of it: merged, already, or why it was refused.
type LinkState struct {
	Offset int64
	A, B   enishi.ID
	State  string
}

// Component explains who an identifier is; an unlinked one is alone.
func (g *Graph) Component(id enishi.ID) Component {
	g.mu.RLock()
	defer g.mu.RUnlock()
	n := g.index.find(id)
	if n < 0 {
		return Component{Profile: id, Members: []Member{{ID: id}}}
	}
	comp := &g.comps[g.nodes[n].comp]
	c := Component{Profile: g.index.ids[comp.profile]}
	seen := map[int32]bool{}
	for m, i := comp.profile, int32(0); i < comp.size; m, i = g.nodes[m].ring, i+1 {
		c.Members = append(c.Members, Member{g.index.ids[m], g.nodes[m].kind})
		for e := g.nodes[m].edge; e >= 0; e = g.older(e, m) {
			seen[e] = true
		}
	}
	sortMembers(c.Members)
	for _, e := range sortedKeys(seen) {
		x := &g.edges[e]
		c.Links = append(c.Links, LinkState{Offset: x.offset, A: g.index.ids[x.a], B: g.index.ids[x.b], State: x.state.String()})
	}
	return c
}
