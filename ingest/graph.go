package ingest

import (
	"context"
	"slices"
	"sort"
	"sync"

	"enishi"
)

// Ops of an [enishi.Link] record.
const (
	opLink   = "link"
	opUnlink = "unlink"
	opApart  = "apart" // an operator says that two are not the same person
	opFine   = "fine"  // an operator looked at a finding (Guard names it) about A and lets it stand
	opGuard  = "guard"
)

// Graph is the folded topic identities: which identifiers are one person. It is safe for concurrent use.
//
// The same records in the same order give the same graph on every replica; a record at an offset that was folded before
// changes nothing. An identifier that no link names is not in the graph: it is a person of its own whose profile id is its
// own hash. All links are kept, also those that joined nothing and those that were refused, so that one can be taken back
// (unlink) and so that ingest does not ask twice.
//
// The id that a person keeps is that of the component with the smaller first link offset; between two identifiers that
// have no link yet, the stronger kind, then the smaller id. Memory: docs/performance.md, stage identity.
type Graph struct {
	mu    sync.RWMutex
	next  int64 // offset of the next record to fold
	moved chan struct{}

	index  idIndex
	nodes  []node
	comps  []component
	free   []int32 // unused entries of comps
	edges  []edge  // in order of offset
	splits []split // in order of offset

	refused  map[[2]int32]int32 // pair of nodes, smaller first -> the edge that was refused or taken back last
	refusals map[int32]int32    // by node: its edges that a guard refused
	apart    map[int32][]int32  // by node: those that an operator keeps apart from it
	fine     map[finding]int64  // what an operator let stand -> offset
	guards   guards
}

// node is an identifier that a link named.
type node struct {
	kind enishi.Kind
	comp int32
	ring int32 // next node of the same component
	edge int32 // newest edge of the node, -1: none
}

// component is a person with at least one identifier in the graph.
type component struct {
	first   int64 // offset of the oldest link in it; -1: none (a single identifier)
	profile int32 // node whose hash is the profile id
	size    int32 // 0: unused
	kinds   census
}

// edge is a link record.
type edge struct {
	offset        int64
	a, b          int32
	nextA, nextB  int32 // next older edge of a and b
	loser, winner int32 // profiles, when it joined two components; else -1
	state         verdict
}

// split is an unlink record that took a component apart.
type split struct {
	offset        int64
	loser, winner int32   // the profile that keeps its id; the new one
	leave, stay   []int32 // the identifiers of both
}

// Folded says what a record of the topic identities did.
type Folded struct {
	Outcome  string      // merged, already, refused, split, unlinked (a link taken back that took nothing apart), apart, fine, guard, stale (a guard record that another came before), repeat, unknown
	Reason   string      // of refused
	Winner   enishi.ID   // of merged: the profile that stays. Of split: the new one
	Loser    enishi.ID   // of merged: the profile that is gone. Of split: the one that keeps its id
	Subjects []enishi.ID // of merged: the identifiers that were the loser's. Of split: those that leave
}

// Move is one profile that lost identifiers to another: what the owners of partitions append as merge and split records.
type Move struct {
	Offset   int64 // of the link or unlink record
	Loser    enishi.ID
	Winner   enishi.ID
	Split    bool        // Subjects leave Loser for Winner; else all of Loser is Winner's
	Subjects []enishi.ID // of a split
}

// NewGraph makes an empty graph with the default guards.
func NewGraph() *Graph {
	return &Graph{moved: make(chan struct{}), refused: map[[2]int32]int32{}, refusals: map[int32]int32{}, apart: map[int32][]int32{}, fine: map[finding]int64{}, guards: defaultGuards()}
}

// Fold takes the record at an offset; what stands before Next is a repeat.
func (g *Graph) Fold(offset int64, l *enishi.Link) Folded {
	g.mu.Lock()
	defer g.mu.Unlock()
	if offset < g.next {
		return Folded{Outcome: "repeat"}
	}
	g.next = offset + 1
	switch l.Op {
	case opLink:
		return g.link(offset, l)
	case opUnlink:
		return g.unlink(offset, l.Link)
	case opApart:
		return g.keepApart(offset, l)
	case opFine:
		g.fine[finding{l.A, l.Guard}] = offset
		return Folded{Outcome: "fine"}
	case opGuard:
		return g.guards.set(offset, l.Guard)
	}
	return Folded{Outcome: "unknown"}
}

// Announce wakes those who wait for what was folded. Fold does not do it, so that a batch wakes them once.
func (g *Graph) Announce() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.moved)
	g.moved = make(chan struct{})
}

// Next is the offset of the next record to fold.
func (g *Graph) Next() int64 {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.next
}

// Wait returns when everything before next is folded and announced.
func (g *Graph) Wait(ctx context.Context, next int64) error {
	for {
		g.mu.RLock()
		have, moved := g.next, g.moved
		g.mu.RUnlock()
		if have >= next {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Resolve gives the profile id of an identifier.
func (g *Graph) Resolve(id enishi.ID) enishi.ID {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.resolve(id)
}

func (g *Graph) resolve(id enishi.ID) enishi.ID {
	n := g.index.find(id)
	if n < 0 {
		return id
	}
	return g.index.ids[g.comps[g.nodes[n].comp].profile]
}

// Size is how many identifiers and how many link records the graph holds.
func (g *Graph) Size() (identifiers, links int) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return len(g.nodes), len(g.edges)
}

func (g *Graph) node(id enishi.ID, kind enishi.Kind) int32 {
	if n := g.index.find(id); n >= 0 {
		return n
	}
	n := g.index.add(id)
	c := component{first: -1, profile: n, size: 1}
	c.kinds.add(kind)
	g.nodes = append(g.nodes, node{kind: kind, comp: g.component(c), ring: n, edge: -1})
	return n
}

func (g *Graph) component(c component) int32 {
	if n := len(g.free); n > 0 {
		i := g.free[n-1]
		g.free = g.free[:n-1]
		g.comps[i] = c
		return i
	}
	g.comps = append(g.comps, c)
	return int32(len(g.comps) - 1)
}

// pair names two nodes whatever their order.
func pair(a, b int32) [2]int32 {
	if a > b {
		a, b = b, a
	}
	return [2]int32{a, b}
}

func (g *Graph) link(offset int64, l *enishi.Link) Folded {
	if l.A == l.B || l.A.IsZero() || l.B.IsZero() {
		return Folded{Outcome: "unknown"}
	}
	e, i := g.edge(offset, l)
	a, b := e.a, e.b
	if e.state = g.judge(g.side(a), g.side(b), l.Actor != ""); e.state.refuses() {
		g.refused[pair(a, b)] = i
		g.refusals[a]++
		g.refusals[b]++
		return Folded{Outcome: "refused", Reason: e.state.String()}
	}
	delete(g.refused, pair(a, b))
	if l.Actor != "" { // an operator's link ends what kept the two apart
		g.reunite(a, b)
	}
	if e.state == already {
		return Folded{Outcome: "already", Winner: g.index.ids[g.comps[g.nodes[a].comp].profile]}
	}
	return g.join(e)
}

// edge notes a record about two identifiers.
func (g *Graph) edge(offset int64, l *enishi.Link) (*edge, int32) {
	a, b := g.node(l.A, l.AKind), g.node(l.B, l.BKind)
	i := int32(len(g.edges))
	g.edges = append(g.edges, edge{offset: offset, a: a, b: b, nextA: g.nodes[a].edge, nextB: g.nodes[b].edge, loser: -1, winner: -1})
	g.nodes[a].edge, g.nodes[b].edge = i, i
	return &g.edges[i], i
}

// join makes one component of the two that e links.
func (g *Graph) join(e *edge) Folded {
	win, lose := g.nodes[e.a].comp, g.nodes[e.b].comp
	if !g.wins(e.a, e.b) {
		win, lose = lose, win
	}
	w, l := g.comps[win], g.comps[lose]
	e.winner, e.loser = w.profile, l.profile
	out := Folded{Outcome: "merged", Winner: g.index.ids[w.profile], Loser: g.index.ids[l.profile], Subjects: make([]enishi.ID, 0, l.size)}
	for n, i := l.profile, int32(0); i < l.size; n, i = g.nodes[n].ring, i+1 {
		out.Subjects = append(out.Subjects, g.index.ids[n])
	}
	// The smaller one is relabelled, whoever gives the id.
	keep, gone := win, lose
	if w.size < l.size {
		keep, gone = lose, win
	}
	for n, i := g.comps[gone].profile, int32(0); i < g.comps[gone].size; n, i = g.nodes[n].ring, i+1 {
		g.nodes[n].comp = keep
	}
	g.nodes[w.profile].ring, g.nodes[l.profile].ring = g.nodes[l.profile].ring, g.nodes[w.profile].ring
	first := e.offset
	if w.first >= 0 {
		first = w.first
	}
	w.kinds.join(&l.kinds)
	g.comps[keep] = component{first: first, profile: w.profile, size: w.size + l.size, kinds: w.kinds}
	g.comps[gone] = component{}
	g.free = append(g.free, gone)
	return out
}

// wins says whether the component of a keeps its id when it is joined with that of b.
func (g *Graph) wins(a, b int32) bool {
	ca, cb := &g.comps[g.nodes[a].comp], &g.comps[g.nodes[b].comp]
	switch {
	case ca.first >= 0 && cb.first >= 0:
		return ca.first < cb.first
	case ca.first >= 0 || cb.first >= 0:
		return ca.first >= 0
	}
	return g.stronger(a, b)
}

func (g *Graph) stronger(a, b int32) bool {
	if ka, kb := g.nodes[a].kind, g.nodes[b].kind; ka != kb {
		return ka < kb
	}
	return g.index.ids[a].Compare(g.index.ids[b]) < 0
}

// FloodAfter is how many refused links of an identifier are recorded: after that only what would join is. Else a broken form that
// sends one address for every visitor would fill the log, and every event would ask again.
const FloodAfter = 100

// Needed says whether a link between two identifiers would tell the graph something: they are two people, and this pair
// was not refused before, or would not be refused any more.
func (g *Graph) Needed(a enishi.ID, aKind enishi.Kind, b enishi.ID, bKind enishi.Kind) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.needed(a, aKind, b, bKind)
}

func (g *Graph) needed(a enishi.ID, aKind enishi.Kind, b enishi.ID, bKind enishi.Kind) bool {
	if a == b {
		return false
	}
	i, j := g.index.find(a), g.index.find(b)
	ask := true
	if i >= 0 && j >= 0 {
		if g.nodes[i].comp == g.nodes[j].comp {
			return false
		}
		if _, before := g.refused[pair(i, j)]; before {
			ask = false
		}
	}
	if ask && g.refusals[i] < FloodAfter && g.refusals[j] < FloodAfter {
		return true
	}
	x, y := alone(a, aKind), alone(b, bKind)
	if i >= 0 {
		x = g.side(i)
	}
	if j >= 0 {
		y = g.side(j)
	}
	return !g.judge(x, y, false).refuses()
}

// maxMoves bounds how many link records one call of Merges looks at.
const maxMoves = 100_000

// Merges lists the moves that the records from an offset on brought, in their order, and the offset up to which it is
// complete. It is the whole history: a caller with a watermark of its own gets each move again until it goes on from next.
//
// A split is followed by merges of all identifiers into the profile they now belong to: each of them has been a profile of
// its own once, and its redirect may lead by way of one that went to the other side.
func (g *Graph) Merges(from int64) (moves []Move, next int64) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	next = g.next
	e := sort.Search(len(g.edges), func(i int) bool { return g.edges[i].offset >= from })
	s := sort.Search(len(g.splits), func(i int) bool { return g.splits[i].offset >= from })
	for looked := 0; e < len(g.edges) || s < len(g.splits); looked++ {
		isSplit := e == len(g.edges) || s < len(g.splits) && g.splits[s].offset < g.edges[e].offset
		if looked == maxMoves {
			if isSplit {
				return moves, g.splits[s].offset
			}
			return moves, g.edges[e].offset
		}
		if isSplit {
			moves = g.splitMoves(moves, &g.splits[s])
			s++
			continue
		}
		if x := &g.edges[e]; x.loser >= 0 {
			moves = append(moves, Move{Offset: x.offset, Loser: g.index.ids[x.loser], Winner: g.index.ids[x.winner]})
		}
		e++
	}
	return moves, next
}

func (g *Graph) splitMoves(moves []Move, s *split) []Move {
	m := Move{Offset: s.offset, Loser: g.index.ids[s.loser], Winner: g.index.ids[s.winner], Split: true}
	for _, n := range s.leave {
		m.Subjects = append(m.Subjects, g.index.ids[n])
	}
	moves = append(moves, m)
	for _, n := range s.leave {
		if n != s.winner {
			moves = append(moves, Move{Offset: s.offset, Loser: g.index.ids[n], Winner: m.Winner})
		}
	}
	for _, n := range s.stay {
		if n != s.loser {
			moves = append(moves, Move{Offset: s.offset, Loser: g.index.ids[n], Winner: m.Loser})
		}
	}
	return moves
}

// unlink takes a link back. Other links of the same pair go with it, and the pair is not joined again but by an operator.
func (g *Graph) unlink(offset, link int64) Folded {
	i := g.edgeAt(link)
	if i < 0 {
		return Folded{Outcome: "unknown"}
	}
	a, b := g.edges[i].a, g.edges[i].b
	for j := g.nodes[a].edge; j >= 0; j = g.older(j, a) {
		if x := &g.edges[j]; pair(x.a, x.b) == pair(a, b) {
			x.state = unlinked
		}
	}
	g.refused[pair(a, b)] = i
	g.separate(a, b)
	old := g.nodes[a].comp
	if g.nodes[b].comp != old {
		return Folded{Outcome: "unlinked"} // it had been refused
	}
	keep := g.comps[old].profile
	stay := g.reach(keep)
	if len(stay) == int(g.comps[old].size) {
		return Folded{Outcome: "unlinked"}
	}
	in := make(map[int32]bool, len(stay))
	for _, n := range stay {
		in[n] = true
	}
	var leave []int32
	for n, k := keep, int32(0); k < g.comps[old].size; n, k = g.nodes[n].ring, k+1 {
		if !in[n] {
			leave = append(leave, n)
		}
	}
	slices.SortFunc(leave, func(m, n int32) int { return g.index.ids[m].Compare(g.index.ids[n]) })
	fresh := g.component(component{})
	g.form(old, stay, keep)
	g.form(fresh, leave, -1)
	s := split{offset: offset, loser: keep, winner: g.comps[fresh].profile, leave: leave, stay: stay}
	g.splits = append(g.splits, s)
	m := g.splitMoves(nil, &s)[0]
	return Folded{Outcome: "split", Winner: m.Winner, Loser: m.Loser, Subjects: m.Subjects}
}

// older is the next older edge of a node.
func (g *Graph) older(e, n int32) int32 {
	if g.edges[e].a == n {
		return g.edges[e].nextA
	}
	return g.edges[e].nextB
}

// reach lists the nodes that links connect with n.
func (g *Graph) reach(n int32) []int32 {
	seen := map[int32]bool{n: true}
	list := []int32{n}
	for i := 0; i < len(list); i++ {
		for j := g.nodes[list[i]].edge; j >= 0; j = g.older(j, list[i]) {
			x := &g.edges[j]
			other := x.a ^ x.b ^ list[i]
			if !x.state.refuses() && !seen[other] {
				seen[other] = true
				list = append(list, other)
			}
		}
	}
	return list
}

// form makes a component of nodes. Its oldest link names the profile as if it had been folded alone, unless profile says
// which identifier keeps its id.
func (g *Graph) form(comp int32, nodes []int32, profile int32) {
	c := component{size: int32(len(nodes))}
	c.first, c.profile = g.named(nodes)
	if profile >= 0 {
		c.profile = profile
	}
	for i, n := range nodes {
		g.nodes[n].comp, g.nodes[n].ring = comp, nodes[(i+1)%len(nodes)]
		c.kinds.add(g.nodes[n].kind)
	}
	g.comps[comp] = c
}

// named is the node that gives its id to a component of these nodes, and the offset of its oldest link; -1: none.
func (g *Graph) named(nodes []int32) (first int64, profile int32) {
	in := make(map[int32]bool, len(nodes))
	for _, n := range nodes {
		in[n] = true
	}
	oldest := int32(-1)
	for _, n := range nodes {
		for j := g.nodes[n].edge; j >= 0; j = g.older(j, n) {
			x := &g.edges[j]
			if !x.state.refuses() && (oldest < 0 || j < oldest) && in[x.a] && in[x.b] {
				oldest = j
			}
		}
	}
	if oldest < 0 {
		return -1, nodes[0]
	}
	x := &g.edges[oldest]
	if profile = x.a; g.stronger(x.b, x.a) {
		profile = x.b
	}
	return x.offset, profile
}
