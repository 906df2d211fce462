package ingest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"enishi"
)

func TestGraphApart(t *testing.T) {
	t.Parallel()
	f := func(name string, records []string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, fold(NewGraph(), records...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f("no other pair joins whom an operator took apart", []string{"c1-e1", "c1-x1", "!1", "e1-x1", "x1-l1", "e1-l1"},
		"merged e1>c1 e1", "merged x1>c1 x1", "split c1>x1 x1", "refused unlinked", "merged x1>l1 x1", "refused unlinked")
	f("but an operator, by any pair, and then events do", []string{"c1-e1", "c1-x1", "!1", "e1=x1", "c1-x1"},
		"merged e1>c1 e1", "merged x1>c1 x1", "split c1>x1 x1", "merged x1>c1 x1", "already")
	f("two who never were one", []string{"c1|e1", "c1-e1", "e1-x1", "c1-x1", "c1=e1"},
		"apart", "refused unlinked", mergedX("e1", "x1"), "refused unlinked", "merged c1>e1 c1")
	f("who is one person already is not taken apart", []string{"c1-e1", "c1|e1", "c1|c1"}, "merged e1>c1 e1", "already", "unknown")
	f("others are not kept apart", []string{"c1|x1", "c2-x1", "c1-e1"}, "apart", "merged x1>c2 x1", "merged e1>c1 e1")
}

// mergedX is the outcome of a link of two identifiers, the stronger first.
func mergedX(a, b string) string { return "merged " + b + ">" + a + " " + b }

func TestGuardsCompareAndSet(t *testing.T) {
	t.Parallel()
	g := NewGraph()
	got := fold(g, `{"limits":{"email":2}}`, `{"limits":{"email":3},"base":1}`, `{"limits":{"email":9},"base":1}`)
	if diff := cmp.Diff([]string{"guard", "guard", "stale"}, got); diff != "" {
		t.Error(diff)
	}
	if s := g.Guards(); s.Limits["email"] != 3 || s.Limits["anonymous"] != 50 || s.Base != 2 {
		t.Errorf("guards are %+v", s)
	}
}

// A form that sends one address for every visitor: what the limit allows joins, what comes after is refused, and not more than
// FloodAfter refusals are asked for.
func TestGraphFlood(t *testing.T) {
	t.Parallel()
	g := NewGraph()
	hub, kind := ident("e1")
	asked, joined := 0, 0
	for i := range 10_000 {
		id := enishi.NewID("visitor", fmt.Sprint(i))
		if !g.Needed(hub, kind, id, enishi.Anonymous) {
			continue
		}
		asked++
		if g.Fold(g.Next(), &enishi.Link{Op: opLink, A: hub, AKind: kind, B: id, BKind: enishi.Anonymous}).Outcome == "merged" {
			joined++
		}
	}
	if joined != 50 || asked != 50+FloodAfter {
		t.Errorf("%d joined, %d were asked for; want 50 and %d", joined, asked, 50+FloodAfter)
	}
	if len(g.Floods()) != 1 || g.Floods()[0].ID != hub || g.Floods()[0].Kind != enishi.Email {
		t.Errorf("floods are %+v", g.Floods())
	}
	// What would join is asked for again: the limit was raised.
	fold(g, `{"limits":{"anonymous":60}}`)
	if id := enishi.NewID("visitor", "9999"); !g.Needed(hub, kind, id, enishi.Anonymous) {
		t.Error("a raised limit lets nobody in")
	}
	// Others are not concerned.
	c, ck := ident("c1")
	if x, xk := ident("x1"); !g.Needed(c, ck, x, xk) {
		t.Error("a flood elsewhere keeps two identifiers apart")
	}
}

// What Parting foretells is what taking the links back does: both sides are whole people, nobody else changes.
func TestParting(t *testing.T) {
	t.Parallel()
	n := allNames()
	rapid.Check(t, func(t *rapid.T) {
		g := NewGraph()
		log := records(t)
		for i := range log {
			g.Fold(int64(i), &log[i])
		}
		var inForce []LinkState
		for _, name := range people {
			id, _ := ident(name)
			for _, l := range g.Component(id).Links {
				if l.State == "merged" || l.State == "already" {
					inForce = append(inForce, l)
				}
			}
		}
		if len(inForce) == 0 {
			return
		}
		link := rapid.SampledFrom(inForce).Draw(t, "link")
		before := g.Component(link.A)
		p, ok := g.Parting(link.Offset)
		if !ok || p.Stays != before.Profile || len(p.Leave) == 0 || len(p.Stay)+len(p.Leave) != len(before.Members) {
			t.Fatalf("of %d identifiers %d stay, %d leave (%v)", len(before.Members), len(p.Stay), len(p.Leave), ok)
		}
		for _, l := range append([]LinkState{{Offset: link.Offset}}, p.Also...) {
			g.Fold(g.Next(), &enishi.Link{Op: opUnlink, Link: l.Offset, Actor: "somebody"})
		}
		for profile, side := range map[enishi.ID][]Member{p.Stays: p.Stay, p.Leaves: p.Leave} {
			c := g.Component(side[0].ID)
			if c.Profile != profile {
				t.Errorf("%s is of %s, foretold was %s", n.of(side[0].ID), n.of(c.Profile), n.of(profile))
			}
			if d := cmp.Diff(side, c.Members); d != "" {
				t.Errorf("side of %s (-foretold +is):\n%s", n.of(profile), d)
			}
		}
		for _, a := range p.Stay { // no event joins them again
			for _, b := range p.Leave {
				if g.Fold(g.Next(), &enishi.Link{Op: opLink, A: a.ID, AKind: a.Kind, B: b.ID, BKind: b.Kind}).Outcome == "merged" {
					t.Fatalf("%s-%s joined what was taken apart", n.of(a.ID), n.of(b.ID))
				}
			}
		}
	})
}

// The counts by which the guards judge are those of the identifiers.
func TestCensus(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := NewGraph()
		log := records(t)
		for i := range log {
			g.Fold(int64(i), &log[i])
		}
		for _, name := range people {
			id, _ := ident(name)
			at := g.index.find(id)
			if at < 0 {
				continue
			}
			var want census
			for _, m := range g.Component(id).Members {
				want.add(m.Kind)
			}
			if got := *g.side(at).have; got != want {
				t.Fatalf("%s: counted %v, has %v", name, got, want)
			}
		}
	})
}

func TestFindings(t *testing.T) {
	t.Parallel()
	n := allNames()
	f := func(name string, records []string, want ...string) {
		t.Helper()
		g := NewGraph()
		fold(g, records...)
		var got []string
		for _, x := range g.Findings(100) {
			s := fmt.Sprintf("%s %s %s %d", x.Name, n.of(x.ID), x.Kind, x.Count)
			for _, p := range x.People {
				s += " " + n.of(p)
			}
			got = append(got, s)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f("nothing", []string{"c1-e1", "c1-x1", "c1-x2", "e1-p1"})
	f("four of five addresses", []string{"c1-e1", "c1-e2", "c1-e3", "c1-e4"}, "limit c1 email 4 c1")
	f("an operator's merge of two customers", []string{"c1=c2"}, func() string { w, _ := winner("c1", "c2"); return "limit " + w + " customer 2 " + w }())
	f("let stand", []string{"c1-e1", "c1-e2", "c1-e3", "c1-e4", "~limit c1"})
	f("one address, two customers", []string{"c1-e1", "c2-e1"}, "shared_email e1 email 1 c1 c2")
	f("a tablet", []string{"c1-x1", "c2-x1", "c3-x1"}, "shared_other x1 anonymous 2 c1 c3 c2")
	f("a tablet, let stand", []string{"c1-x1", "c2-x1", "~shared_other x1"})
	f("a tablet, let stand, and another customer", []string{"c1-x1", "c2-x1", "~shared_other x1", "c3-x1"}, "shared_other x1 anonymous 2 c1 c3 c2")
	f("a tablet that is blocked now", []string{"c1-x1", "c2-x1", blockedGuard("x1")})
	f("a family's phone", []string{"c1-p1", "e2-p1", "e3-p1"}, "shared_phone p1 phone 2 c1 e3 e2")
	f("an operator said that they are one", []string{"c1-e1", "c2-e1", "c1=c2"}, func() string { return "limit c1 customer 2 c1" }())
}
