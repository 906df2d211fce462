package ingest

import (
	"slices"

	"enishi"
)

// finding is something about a person that an operator may let stand: the id of the profile or identifier, and its name.
type finding struct {
	id   enishi.ID
	name string
}

// keepApart takes an operator's word that two identifiers are two people. It takes nobody apart who is one already.
func (g *Graph) keepApart(offset int64, l *enishi.Link) Folded {
	if l.A == l.B || l.A.IsZero() || l.B.IsZero() {
		return Folded{Outcome: "unknown"}
	}
	if i, j := g.index.find(l.A), g.index.find(l.B); i >= 0 && j >= 0 && g.nodes[i].comp == g.nodes[j].comp {
		return Folded{Outcome: "already"}
	}
	e, i := g.edge(offset, l)
	e.state = unlinked
	g.refused[pair(e.a, e.b)] = i
	g.separate(e.a, e.b)
	return Folded{Outcome: "apart"}
}

// separate notes that an operator keeps two identifiers apart.
func (g *Graph) separate(a, b int32) {
	if !slices.Contains(g.apart[a], b) {
		g.apart[a], g.apart[b] = append(g.apart[a], b), append(g.apart[b], a)
	}
}

// reunite forgets what kept the people of two identifiers apart: an operator says that they are one.
func (g *Graph) reunite(a, b int32) {
	if len(g.apart) == 0 {
		return
	}
	ca, cb := g.nodes[a].comp, g.nodes[b].comp
	for n, i := g.comps[ca].profile, int32(0); i < g.comps[ca].size; n, i = g.nodes[n].ring, i+1 {
		for _, m := range slices.Clone(g.apart[n]) {
			if g.nodes[m].comp == cb && (ca != cb || pair(n, m) == pair(a, b)) {
				g.drop(n, m)
				g.drop(m, n)
			}
		}
	}
}

func (g *Graph) drop(n, from int32) {
	if rest := slices.DeleteFunc(g.apart[n], func(m int32) bool { return m == from }); len(rest) > 0 {
		g.apart[n] = rest
	} else {
		delete(g.apart, n)
	}
}

func (g *Graph) pairApart(a, b enishi.ID) bool {
	i, j := g.index.find(a), g.index.find(b)
	return i >= 0 && j >= 0 && slices.Contains(g.apart[i], j)
}

// peopleApart says whether an operator keeps two components apart.
func (g *Graph) peopleApart(a, b int32) bool {
	if len(g.apart) == 0 || a < 0 || b < 0 {
		return false
	}
	if g.comps[a].size > g.comps[b].size {
		a, b = b, a
	}
	for n, i := g.comps[a].profile, int32(0); i < g.comps[a].size; n, i = g.nodes[n].ring, i+1 {
		for _, m := range g.apart[n] {
			if g.nodes[m].comp == b {
				return true
			}
		}
	}
	return false
}

// Parting is what an un-merge does: who keeps the id and who leaves.
type Parting struct {
	Offset      int64
	Stay, Leave []Member
	Stays       enishi.ID   // the profile as it is
	Leaves      enishi.ID   // the profile that Leave gets
	Also        []LinkState // other links between the two, which have to be taken back with it
}

// Parting foretells the un-merge of a link that is in force; false: there is none at this offset. Where other links hold the
// two together as well, the sides are those that the oldest links without it make.
func (g *Graph) Parting(offset int64) (p Parting, ok bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	at := g.edgeAt(offset)
	if at < 0 || g.edges[at].state.refuses() {
		return p, false
	}
	e := &g.edges[at]
	comp := &g.comps[g.nodes[e.a].comp]
	var nodes []int32
	inForce := map[int32]bool{}
	for n, i := comp.profile, int32(0); i < comp.size; n, i = g.nodes[n].ring, i+1 {
		nodes = append(nodes, n)
		for j := g.nodes[n].edge; j >= 0; j = g.older(j, n) {
			if !g.edges[j].state.refuses() {
				inForce[j] = true
			}
		}
	}
	// A forest of the oldest links, with e first; without e it has two trees.
	up, side := map[int32]int32{}, map[int32]int32{}
	root := func(of map[int32]int32, n int32) int32 {
		for {
			m, ok := of[n]
			if !ok {
				return n
			}
			n = m
		}
	}
	up[root(up, e.a)] = root(up, e.b)
	edges := sortedKeys(inForce)
	for _, j := range edges {
		x := &g.edges[j]
		if a, b := root(up, x.a), root(up, x.b); a != b {
			up[a] = b
			side[root(side, x.a)] = root(side, x.b)
		}
	}
	stays := root(side, comp.profile)
	var leave []int32
	p = Parting{Offset: offset, Stays: g.index.ids[comp.profile]}
	for _, n := range nodes {
		m := Member{g.index.ids[n], g.nodes[n].kind}
		if root(side, n) == stays {
			p.Stay = append(p.Stay, m)
			continue
		}
		p.Leave, leave = append(p.Leave, m), append(leave, n)
	}
	sortMembers(p.Stay)
	sortMembers(p.Leave)
	for _, j := range edges {
		x := &g.edges[j]
		if pair(x.a, x.b) != pair(e.a, e.b) && root(side, x.a) != root(side, x.b) {
			p.Also = append(p.Also, g.linkState(j))
		}
	}
	slices.SortFunc(leave, func(m, n int32) int { return g.index.ids[m].Compare(g.index.ids[n]) })
	_, profile := g.named(leave)
	p.Leaves = g.index.ids[profile]
	return p, true
}

// Apart says whether an operator keeps the people of two identifiers apart.
func (g *Graph) Apart(a, b enishi.ID) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	i, j := g.index.find(a), g.index.find(b)
	return i >= 0 && j >= 0 && g.peopleApart(g.nodes[i].comp, g.nodes[j].comp)
}
