package main

import (
	"context"
	"encoding/binary"
	"runtime"
	"time"

	"enishi"
	"enishi/ingest"
)

// runIdentity folds links into the identity graph. A is the least that answers the same question: a map from identifier to person.
// A person has a customer id, an address and three browsers: five identifiers, four links.
func runIdentity(_ context.Context, b *bench) error {
	const perPerson = 5
	people := 5 * b.stored / perPerson
	links := encodedLinks(people)
	n := (perPerson - 1) * people
	var graph *ingest.Graph
	var bare map[enishi.ID]enishi.ID
	var perGraph, perMap float64
	as, bs, err := b.alternate(nil, func(int) (slice, error) {
		graph, bare = nil, nil
		before := heap()
		bare = map[enishi.ID]enishi.ID{}
		var l enishi.Link
		err := eachLink(links, func(raw []byte) error {
			if err := enishi.DecodeLink(&l, raw); err != nil {
				return err
			}
			bare[l.A], bare[l.B] = l.A, l.A
			return nil
		})
		perMap = float64(heap()-before) / float64(len(bare))
		return slice{ops: n}, err
	}, func(int) (slice, error) {
		graph, bare = nil, nil
		before := heap()
		graph = ingest.NewGraph()
		var l enishi.Link
		err := eachLink(links, func(raw []byte) error {
			if err := enishi.DecodeLink(&l, raw); err != nil {
				return err
			}
			graph.Fold(graph.Next(), &l)
			return nil
		})
		identifiers, _ := graph.Size()
		perGraph = float64(heap()-before) / float64(identifiers)
		return slice{ops: n}, err
	})
	if err != nil {
		return err
	}
	b.compare("links folded", "link", as, bs, 3)
	b.printf("  %-28s A %.0f  B %.0f bytes per identifier, links and what undoes them included in B\n", "heap", perMap, perGraph)
	wall := median(each(bs, func(s *slice) float64 { return s.wall.Seconds() }))
	b.goal("start with the graph", wall, "s", float64(perPerson*people)/1_000_000)
	b.flood()
	return nil
}

// flood gives one address to visitor after visitor: what the last of 100,000 costs is what the first refused one does.
func (b *bench) flood() {
	graph := ingest.NewGraph()
	hub := enishi.NewID("bench", "hub")
	visitor := func(from, to int) time.Duration {
		ids := make([]enishi.ID, to-from)
		for i := range ids {
			ids[i] = linkID("visitor", from+i)
		}
		begun := time.Now()
		for _, id := range ids {
			if graph.Needed(hub, enishi.Email, id, enishi.Anonymous) {
				graph.Fold(graph.Next(), &enishi.Link{Op: "link", A: hub, AKind: enishi.Email, B: id, BKind: enishi.Anonymous})
			}
		}
		return time.Since(begun) / time.Duration(to-from)
	}
	visitor(0, 200)
	first := visitor(200, 10_200)
	visitor(10_200, 90_000)
	last := visitor(90_000, 100_000)
	_, links := graph.Size()
	b.printf("  %-28s %s per event at first, %s after 90,000; %d links recorded\n", "one address, 100,000 visitors", first, last, links)
}

func linkID(kind string, i int) enishi.ID {
	var k [8]byte
	binary.BigEndian.PutUint64(k[:], uint64(i))
	return enishi.NewID("bench", kind, string(k[:]))
}

// encodedLinks is the topic identities of so many people, each record behind its length.
func encodedLinks(people int) []byte {
	out := make([]byte, 0, people*4*100)
	add := func(l enishi.Link) {
		at := len(out)
		out = append(out, 0, 0)
		out = enishi.EncodeLink(out, &l)
		binary.LittleEndian.PutUint16(out[at:], uint16(len(out)-at-2))
	}
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for i := range people {
		customer := linkID("customer", i)
		l := enishi.Link{Op: "link", A: customer, AKind: enishi.Customer, B: linkID("email", i), BKind: enishi.Email, Event: customer, Source: "shop", At: at}
		add(l)
		for k := range 3 {
			l.B, l.BKind = linkID("browser", 3*i+k), enishi.Anonymous
			add(l)
		}
	}
	return out
}

func eachLink(all []byte, do func(raw []byte) error) error {
	for len(all) > 0 {
		n := int(binary.LittleEndian.Uint16(all)) + 2
		if err := do(all[2:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// heap is what is in use after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
