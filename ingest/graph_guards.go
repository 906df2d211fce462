package ingest

import (
	"encoding/json"
	"slices"
	"sort"

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
	unlinked                    // an operator says that they are two people
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
	Blocked []Blocked      `json:"blocked,omitempty"` // identifiers that stand for a thing, such as a store's tablet
	Base    int64          `json:"base,omitempty"`    // 1 + the offset of the guard record that this one changes: another in between makes it void. 0: nothing is checked
}

// Blocked is an identifier that is nobody's own.
type Blocked struct {
	ID    enishi.ID `json:"id"` // its hash: the value itself stands nowhere
	Kind  string    `json:"kind"`
	Label string    `json:"label,omitempty"` // what it is, as people call it: the tablet of the store in Ginza
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
	stored  Guards
	at      int64 // 1 + offset of the record; 0: none
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
		for _, b := range s.Blocked {
			g.blocked[b.ID] = true
		}
	}
	g.stored = s
}

// set takes the settings of a guard record. They hold for the links after it; unreadable ones change nothing.
func (g *guards) set(offset int64, text string) Folded {
	var s Guards
	if json.Unmarshal([]byte(text), &s) != nil {
		return Folded{Outcome: "unknown"}
	}
	if s.Base != 0 && s.Base != g.at {
		return Folded{Outcome: "stale"}
	}
	g.apply(s)
	g.at = offset + 1
	return Folded{Outcome: "guard"}
}

// Guards are the settings that hold now: every kind has its limit. Base is 1 + the offset of their record, for who changes them.
func (g *Graph) Guards() Guards {
	g.mu.RLock()
	defer g.mu.RUnlock()
	out := Guards{Limits: map[string]int{}, Blocked: slices.Clone(g.guards.stored.Blocked), Base: g.guards.at}
	for _, k := range enishi.Kinds() {
		out.Limits[k.String()] = g.guards.limits[k]
	}
	return out
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

// side is one end of a link and the person it is of.
type side struct {
	id   enishi.ID
	kind enishi.Kind
	comp int32 // -1: an identifier that the graph does not know
	size int32
	have *census
}

func (g *Graph) side(n int32) side {
	x := &g.nodes[n]
	c := &g.comps[x.comp]
	return side{g.index.ids[n], x.kind, x.comp, c.size, &c.kinds}
}

func alone(id enishi.ID, kind enishi.Kind) side {
	s := side{id, kind, -1, 1, new(census)}
	s.have.add(kind)
	return s
}

// judge decides on a link between two identifiers. What an operator links by hand passes all guards but the blocked identifiers
// and the size. Its cost does not depend on how large the two people are, but for those whom an operator took apart.
//
// A phone is re-issued and shared: through it, people join only while one side is known by nothing stronger, and two sides
// that are more than one identifier each never do.
func (g *Graph) judge(a, b side, operator bool) verdict {
	if g.guards.blocked[a.id] || g.guards.blocked[b.id] {
		return blocked
	}
	if !operator && len(g.apart) > 0 && g.pairApart(a.id, b.id) {
		return unlinked
	}
	if a.comp == b.comp && a.comp >= 0 {
		return already
	}
	if a.size+b.size > maxComponent {
		return tooLarge
	}
	if operator {
		return joins
	}
	if g.peopleApart(a.comp, b.comp) {
		return unlinked
	}
	weaker := max(a.kind, b.kind)
	switch {
	case (a.kind == enishi.Phone || b.kind == enishi.Phone) && (a.size > 1 && b.size > 1 || a.have.strongerThanPhone() && b.have.strongerThanPhone()):
		return household
	case a.have.of(enishi.Customer) > 0 && b.have.of(enishi.Customer) > 0 && weaker > enishi.Customer:
		return twoCustomers
	}
	for _, k := range enishi.Kinds() {
		n, m, limit := a.have.of(k), b.have.of(k), g.guards.limits[k]
		if n+m > limit && (n > 0 && m > 0 || limit == 0 && n+m > 0) {
			return overLimit
		}
	}
	return joins
}

// census counts the identifiers of a component by kind; maxComponent fits.
type census [enishi.Anonymous]uint16

func (c *census) of(k enishi.Kind) int { return int(c[k-1]) }

// add counts an identifier; a kind that this version does not know counts as the weakest.
func (c *census) add(k enishi.Kind) {
	if k == 0 || k > enishi.Anonymous {
		k = enishi.Anonymous
	}
	c[k-1]++
}

func (c *census) join(x *census) {
	for i, n := range x {
		c[i] += n
	}
}

func (c *census) strongerThanPhone() bool {
	for k := enishi.Customer; k < enishi.Phone; k++ {
		if c.of(k) > 0 {
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
	Offset       int64
	A            enishi.ID
	AKind, BKind enishi.Kind
	B            enishi.ID
	State        string
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
		c.Links = append(c.Links, g.linkState(e))
	}
	return c
}

func (g *Graph) linkState(e int32) LinkState {
	x := &g.edges[e]
	return LinkState{Offset: x.offset, A: g.index.ids[x.a], AKind: g.nodes[x.a].kind, B: g.index.ids[x.b], BKind: g.nodes[x.b].kind, State: x.state.String()}
}

// edgeAt is the edge of the record at an offset; -1: there is none.
func (g *Graph) edgeAt(offset int64) int32 {
	i := sort.Search(len(g.edges), func(i int) bool { return g.edges[i].offset >= offset })
	if i == len(g.edges) || g.edges[i].offset != offset {
		return -1
	}
	return int32(i)
}
