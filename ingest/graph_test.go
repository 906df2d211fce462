package ingest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"enishi"
)

// ident makes an identifier of a test by a name such as "c1" (customer 1), "e2" (email 2), "p", "x" (anonymous), "l", "k" (pos card).
func ident(name string) (enishi.ID, enishi.Kind) {
	kinds := map[byte]enishi.Kind{'c': enishi.Customer, 'k': enishi.POSCard, 'l': enishi.LINEUser, 'e': enishi.Email, 'p': enishi.Phone,
		's': enishi.Social, 't': enishi.PushToken, 'x': enishi.Anonymous}
	return enishi.NewID("test", name), kinds[name[0]]
}

func linkOf(a, b string) *enishi.Link {
	l := &enishi.Link{Op: opLink}
	l.A, l.AKind = ident(a)
	l.B, l.BKind = ident(b)
	return l
}

// names turns ids back into names.
type names map[enishi.ID]string

func (n names) of(id enishi.ID) string {
	if s, ok := n[id]; ok {
		return s
	}
	return id.String()
}

func allNames() names {
	n := names{}
	for _, k := range "cklepstx" {
		for i := range 60 {
			s := fmt.Sprintf("%c%d", k, i)
			id, _ := ident(s)
			n[id] = s
		}
	}
	return n
}

// fold runs "a-b" (link), "!N" (unlink the record N), "a=b" (an operator's link), "a|b" (an operator keeps them apart) and gives what
// each did.
func fold(g *Graph, records ...string) (out []string) {
	n := allNames()
	for _, r := range records {
		var l *enishi.Link
		var a, b string
		var at int64
		switch {
		case r[0] == '!':
			fmt.Sscanf(r, "!%d", &at)
			l = &enishi.Link{Op: opUnlink, Link: at, Actor: "somebody"}
		case r[0] == '{':
			l = &enishi.Link{Op: opGuard, Guard: r}
		case r[0] == '~': // let stand
			l = &enishi.Link{Op: opFine, Actor: "somebody"}
			l.Guard, a, _ = strings.Cut(r[1:], " ")
			l.A, _ = ident(a)
		case strings.Contains(r, "|"):
			a, b, _ = strings.Cut(r, "|")
			l = linkOf(a, b)
			l.Op, l.Actor = opApart, "somebody"
		default:
			for i := range r {
				if r[i] == '-' || r[i] == '=' {
					a, b = r[:i], r[i+1:]
					l = linkOf(a, b)
					if r[i] == '=' {
						l.Actor = "somebody"
					}
				}
			}
		}
		f := g.Fold(g.Next(), l)
		s := f.Outcome
		if f.Reason != "" {
			s += " " + f.Reason
		}
		if f.Outcome == "merged" || f.Outcome == "split" {
			s += fmt.Sprintf(" %s>%s", n.of(f.Loser), n.of(f.Winner))
			for _, id := range f.Subjects {
				s += " " + n.of(id)
			}
		}
		out = append(out, s)
	}
	return out
}

func TestGraphGuards(t *testing.T) {
	t.Parallel()
	f := func(name string, records []string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, fold(NewGraph(), records...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f("the stronger kind gives the id", []string{"c1-x1"}, "merged x1>c1 x1")
	f("also when it comes second", []string{"x1-c1"}, "merged x1>c1 x1")
	f("the older link keeps its id", []string{"e1-x1", "c1-e1"}, "merged x1>e1 x1", "merged c1>e1 c1")
	f("of two persons the one linked first stays", []string{"e1-x1", "c1-x2", "c1-e1"},
		"merged x1>e1 x1", "merged x2>c1 x2", "merged c1>e1 c1 x2")
	f("a repeat joins nothing", []string{"c1-x1", "c1-x1"}, "merged x1>c1 x1", "already")
	f("no identifier is linked to itself", []string{"c1-c1"}, "unknown")

	f("a shared device joins no two customers", []string{"c1-x1", "c2-x1"}, "merged x1>c1 x1", "refused two_customers")
	f("nor does a family address", []string{"c1-e1", "c2-e1"}, "merged e1>c1 e1", "refused two_customers")
	f("nor a card", []string{"c1-k1", "c2-k1"}, "merged k1>c1 k1", "refused two_customers")
	f("nor a direct link: the limit is one", []string{"c1-c2"}, "refused limit")
	f("but an operator may", []string{"c1-x1", "c2-x2", "c1=c2"}, "merged x1>c1 x1", "merged x2>c2 x2", "merged c2>c1 c2 x2")
	f("a limit of two lets a direct link pass", []string{`{"limits":{"customer":2}}`, "c1-x1", "c2-x1", "c1-c2"},
		"guard", "merged x1>c1 x1", "refused two_customers", func() string {
			a, _ := ident("c1")
			b, _ := ident("c2")
			if a.Compare(b) < 0 {
				return "merged c2>c1 c2"
			}
			return "merged c2>c1 c2" // c1 was linked first
		}())

	f("a phone joins a new customer", []string{"c1-p1"}, "merged p1>c1 p1")
	f("a re-issued phone joins no other person", []string{"c1-p1", "e2-p1"}, "merged p1>c1 p1", "refused household")
	f("nor two persons of several identifiers", []string{"e1-x1", "p1-x2", "e1-p1"}, "merged x1>e1 x1", "merged x2>p1 x2", "refused household")
	f("a person known by the phone only becomes the customer", []string{"p1-x1", "c1-p1"}, "merged x1>p1 x1", "merged c1>p1 c1")
	f("an operator joins a household", []string{"c1-p1", "e2-x2", "e2=p1"}, "merged p1>c1 p1", "merged x2>e2 x2", "merged e2>c1 e2 x2")

	f("a blocked identifier joins nobody", []string{blockedGuard("x9"), "c1-x9", "c1=x9"}, "guard", "refused blocked", "refused blocked")
	f("an unreadable guard changes nothing", []string{`{"limits":3}`, "c1-x1"}, "unknown", "merged x1>c1 x1")
	f("a limit of none", []string{`{"limits":{"push_token":0}}`, "c1-t1"}, "guard", "refused limit")

	for kind, limit := range map[string]int{"k": 3, "l": 5, "e": 5, "p": 5, "s": 5, "t": 10, "x": 50} {
		var records, want []string
		for i := range limit + 1 {
			records = append(records, fmt.Sprintf("c1-%s%d", kind, i))
			want = append(want, fmt.Sprintf("merged %s%d>c1 %s%d", kind, i, kind, i))
		}
		want[limit] = "refused limit"
		f("limit of "+kind, records, want...)
	}
}

func blockedGuard(name string) string {
	id, _ := ident(name)
	b, _ := json.Marshal(Guards{Blocked: []Blocked{{ID: id}}})
	return string(b)
}

func TestGraphUnlink(t *testing.T) {
	t.Parallel()
	f := func(name string, records []string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, fold(NewGraph(), records...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f("a pair comes apart", []string{"c1-x1", "!0"}, "merged x1>c1 x1", "split c1>x1 x1")
	f("and stays apart", []string{"c1-x1", "!0", "c1-x1"}, "merged x1>c1 x1", "split c1>x1 x1", "refused unlinked")
	f("until an operator joins it", []string{"c1-x1", "!0", "c1=x1", "c1-x1"}, "merged x1>c1 x1", "split c1>x1 x1", "merged x1>c1 x1", "already")
	f("a second way keeps it together", []string{"c1-e1", "e1-x1", "c1-x1", "!1"}, "merged e1>c1 e1", "merged x1>c1 x1", "already", "unlinked")
	f("a repeated link goes with it", []string{"c1-x1", "c1-x1", "!0"}, "merged x1>c1 x1", "already", "split c1>x1 x1")
	f("by the repeat too", []string{"c1-x1", "c1-x1", "!1"}, "merged x1>c1 x1", "already", "split c1>x1 x1")
	f("what leaves has the id it would have alone", []string{"c1-x1", "x1-e2", "e2-x2", "!1"},
		"merged x1>c1 x1", "merged e2>c1 e2", "merged x2>c1 x2", splitWant("c1>e2", "e2", "x2"))
	f("no such link", []string{"c1-x1", "!7"}, "merged x1>c1 x1", "unknown")
	f("a refused link is taken back without effect", []string{"c1-x1", "c2-x1", "!1"}, "merged x1>c1 x1", "refused two_customers", "unlinked")
	f("twice", []string{"c1-x1", "!0", "!0"}, "merged x1>c1 x1", "split c1>x1 x1", "unlinked")
	f("the rest counts as linked later", []string{"e1-x1", "e1-x2", "e3-x3", "!0", "e1-x3"},
		"merged x1>e1 x1", "merged x2>e1 x2", "merged x3>e3 x3", "split e1>x1 x1", "merged e3>e1 e3 x3")
	f("a person alone again has no age", []string{"x1-x2", "e3-x3", "!0", "x1-x3"},
		func() string { return mergedOf("x1", "x2") }(), "merged x3>e3 x3", "split "+func() string {
			w, l := winner("x1", "x2")
			return w + ">" + l + " " + l
		}(), "merged x1>e3 x1")
}

// winner orders two unlinked identifiers of one kind.
func winner(a, b string) (win, lose string) {
	x, _ := ident(a)
	y, _ := ident(b)
	if x.Compare(y) < 0 {
		return a, b
	}
	return b, a
}

func mergedOf(a, b string) string {
	w, l := winner(a, b)
	return "merged " + l + ">" + w + " " + l
}

func splitWant(move string, leave ...string) string {
	if w, l := winner(leave[0], leave[1]); w != leave[0] {
		leave[0], leave[1] = w, l
	}
	return "split " + move + " " + leave[0] + " " + leave[1]
}

func TestGraphNeeded(t *testing.T) {
	t.Parallel()
	g := NewGraph()
	f := func(a, b string, want bool) {
		t.Helper()
		x, xk := ident(a)
		y, yk := ident(b)
		if got := g.Needed(x, xk, y, yk); got != want {
			t.Errorf("Needed(%s, %s) = %v", a, b, got)
		}
	}
	f("c1", "x1", true)
	f("c1", "c1", false)
	fold(g, "c1-x1")
	f("c1", "x1", false)
	f("c2", "x1", true) // once, so that the refusal is recorded
	fold(g, "c2-x1")
	f("c2", "x1", false)
	f("x1", "c2", false)
	fold(g, "!0")
	f("c1", "x1", false) // taken back
	f("c2", "x1", true)  // nothing is in the way any more
}

func TestGraphComponent(t *testing.T) {
	t.Parallel()
	g := NewGraph()
	fold(g, "c1-e1", "c1-x1", "c2-x1")
	x1, _ := ident("x1")
	got, n := g.Component(x1), allNames()
	var text []string
	for _, m := range got.Members {
		text = append(text, n.of(m.ID)+" "+m.Kind.String())
	}
	for _, l := range got.Links {
		text = append(text, fmt.Sprint(l.Offset, " ", n.of(l.A), "-", n.of(l.B), " ", l.State))
	}
	want := []string{"c1 customer", "e1 email", "x1 anonymous", "0 c1-e1 merged", "1 c1-x1 merged", "2 c2-x1 two_customers"}
	if diff := cmp.Diff(want, text); diff != "" || n.of(got.Profile) != "c1" {
		t.Errorf("Component = %s (-want +got):\n%s", n.of(got.Profile), diff)
	}
	lone, _ := ident("e9")
	if c := g.Component(lone); c.Profile != lone || len(c.Members) != 1 {
		t.Errorf("Component of an unlinked identifier = %v", c)
	}
}

func TestGraphMerges(t *testing.T) {
	t.Parallel()
	g, n := NewGraph(), allNames()
	fold(g, "c1-x1", "c1-x1", "x1-e2", "e2-x2", "!2", "c3-x3")
	show := func(from int64) (out []string) {
		moves, next := g.Merges(from)
		for _, m := range moves {
			s := fmt.Sprintf("%d %s>%s", m.Offset, n.of(m.Loser), n.of(m.Winner))
			if m.Split {
				s += " split"
			}
			out = append(out, s)
		}
		return append(out, fmt.Sprint("next ", next))
	}
	want := []string{"0 x1>c1", "2 e2>c1", "3 x2>c1", "4 c1>e2 split", "4 x2>e2", "4 x1>c1", "5 x3>c3", "next 6"}
	if diff := cmp.Diff(want, show(0)); diff != "" {
		t.Errorf("Merges(0) (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[3:], show(4)); diff != "" {
		t.Errorf("Merges(4) (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"next 6"}, show(6)); diff != "" {
		t.Errorf("Merges(6) (-want +got):\n%s", diff)
	}
}

// people are the identifiers of the random logs.
var people = [...]string{"c1", "c2", "c3", "k1", "l1", "l2", "e1", "e2", "e3", "p1", "p2", "x1", "x2", "x3", "x4", "x5"}

// records draws a log of links, unlinks and guards over a few identifiers.
func records(t *rapid.T) []enishi.Link {
	var log []enishi.Link
	for range rapid.IntRange(1, 40).Draw(t, "n") {
		switch rapid.IntRange(0, 9).Draw(t, "op") {
		case 0, 1:
			log = append(log, enishi.Link{Op: opUnlink, Link: rapid.Int64Range(0, int64(len(log))).Draw(t, "link"), Actor: "somebody"})
		case 2:
			log = append(log, enishi.Link{Op: opGuard, Guard: fmt.Sprintf(`{"limits":{"email":%d,"anonymous":%d}}`, rapid.IntRange(0, 3).Draw(t, "e"), rapid.IntRange(1, 4).Draw(t, "x"))})
		case 3:
			l := linkOf(rapid.SampledFrom(people[:]).Draw(t, "a"), rapid.SampledFrom(people[:]).Draw(t, "b"))
			l.Op, l.Actor = opApart, "somebody"
			log = append(log, *l)
		default:
			l := linkOf(rapid.SampledFrom(people[:]).Draw(t, "a"), rapid.SampledFrom(people[:]).Draw(t, "b"))
			if rapid.IntRange(0, 5).Draw(t, "operator") == 0 {
				l.Actor = "somebody"
			}
			log = append(log, *l)
		}
	}
	return log
}

// Re-delivery, in any portion, gives the same graph.
func TestGraphRedelivery(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log := records(t)
		once, again := NewGraph(), NewGraph()
		for i := range log {
			once.Fold(int64(i), &log[i])
		}
		for at := 0; at < len(log); {
			for i := max(0, at-rapid.IntRange(0, 10).Draw(t, "back")); i < len(log) && i <= at; i++ {
				again.Fold(int64(i), &log[i])
			}
			at++
		}
		a, b := NewGraph(), again
		for i := range log { // from the encoded form, as a snapshot is read
			var l enishi.Link
			if err := enishi.DecodeLink(&l, enishi.EncodeLink(nil, &log[i])); err != nil {
				t.Fatal(err)
			}
			a.Fold(int64(i), &l)
		}
		for _, name := range people {
			id, _ := ident(name)
			want := once.Component(id)
			if d := cmp.Diff(want, b.Component(id)); d != "" {
				t.Fatalf("re-delivered:\n%s", d)
			}
			if d := cmp.Diff(want, a.Component(id)); d != "" {
				t.Fatalf("from a snapshot:\n%s", d)
			}
		}
		m1, _ := once.Merges(0)
		m2, _ := b.Merges(0)
		if d := cmp.Diff(m1, m2); d != "" {
			t.Fatal(d)
		}
	})
}

// Whoever follows Merges, in any portions, has every identifier where Resolve says it is; and the invariants hold.
func TestGraphMergesLeadToResolve(t *testing.T) {
	t.Parallel()
	n := allNames()
	rapid.Check(t, func(t *rapid.T) {
		log := records(t)
		g := NewGraph()
		where := map[enishi.ID]enishi.ID{}
		redirect := map[enishi.ID]enishi.ID{}
		for _, name := range people {
			id, _ := ident(name)
			where[id] = id
		}
		var from int64
		follow := func() {
			moves, next := g.Merges(from)
			for _, m := range moves {
				leaves := map[enishi.ID]bool{}
				for _, s := range m.Subjects {
					leaves[s] = true
				}
				for id, at := range where {
					if at == m.Loser && (!m.Split || leaves[id]) {
						where[id] = m.Winner
					}
				}
				if m.Split {
					delete(redirect, m.Winner)
				} else {
					redirect[m.Loser] = m.Winner
				}
			}
			from = next
		}
		for i := range log {
			g.Fold(int64(i), &log[i])
			if rapid.Bool().Draw(t, "follow") {
				follow()
			}
		}
		follow()
		for id, at := range where {
			if got := g.Resolve(id); got != at {
				t.Fatalf("%s: Resolve says %s, the moves lead to %s", n.of(id), n.of(got), n.of(at))
			}
			end := id // what reaches the old profile of an identifier late ends there too
			for hops := 0; !redirect[end].IsZero(); hops++ {
				if end = redirect[end]; hops > 100 {
					t.Fatalf("%s: redirects go round", n.of(id))
				}
			}
			if end != at {
				t.Fatalf("%s: redirects lead to %s, not to %s", n.of(id), n.of(end), n.of(at))
			}
			c := g.Component(id)
			found := false
			for _, m := range c.Members {
				found = found || m.ID == c.Profile
			}
			if !found {
				t.Fatalf("%s: profile %s is none of its identifiers", n.of(id), n.of(c.Profile))
			}
		}
	})
}

// A link and its unlink leave the same persons as if neither had been, where no guard speaks.
func TestGraphUnlinkRestores(t *testing.T) {
	t.Parallel()
	pool := []string{"c1", "k1", "l1", "l2", "e1", "e2", "s1", "x1", "x2", "x3", "x4"}
	rapid.Check(t, func(t *rapid.T) {
		var log []*enishi.Link
		for range rapid.IntRange(1, 15).Draw(t, "n") {
			log = append(log, linkOf(rapid.SampledFrom(pool).Draw(t, "a"), rapid.SampledFrom(pool).Draw(t, "b")))
		}
		gone := rapid.IntRange(0, len(log)-1).Draw(t, "gone")
		with, without := NewGraph(), NewGraph()
		for i, l := range log {
			with.Fold(int64(i), l)
			if pairOf(l) != pairOf(log[gone]) {
				without.Fold(int64(i), l)
			}
		}
		with.Fold(int64(len(log)), &enishi.Link{Op: opUnlink, Link: int64(gone), Actor: "somebody"})
		for _, a := range pool {
			for _, b := range pool {
				x, _ := ident(a)
				y, _ := ident(b)
				one, other := with.Resolve(x) == with.Resolve(y), without.Resolve(x) == without.Resolve(y)
				if one != other {
					t.Fatalf("%s and %s: together after the unlink %v, without the link %v", a, b, one, other)
				}
			}
		}
	})
}

func pairOf(l *enishi.Link) [2]enishi.ID {
	if l.A.Compare(l.B) < 0 {
		return [2]enishi.ID{l.A, l.B}
	}
	return [2]enishi.ID{l.B, l.A}
}

func BenchmarkGraphFold(b *testing.B) {
	links := make([]enishi.Link, b.N)
	for i := range links {
		var k [8]byte
		binary.BigEndian.PutUint64(k[:], uint64(i/2))
		links[i] = enishi.Link{Op: opLink, A: enishi.NewID("c", string(k[:])), AKind: enishi.Customer, B: enishi.NewID("x", fmt.Sprint(i)), BKind: enishi.Anonymous}
	}
	b.ReportAllocs()
	b.ResetTimer()
	g := NewGraph()
	for i := range links {
		g.Fold(int64(i), &links[i])
	}
}
