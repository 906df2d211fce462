package pipeline

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"enishi"
	"enishi/ingest"
	"enishi/profiles"
)

// labPartitions is how many partitions the topic events of a lab has: a merge goes from one to another.
const labPartitions = 4

// lab is the identity graph of ingest and the fold of all partitions, with the logs between them in memory.
type lab struct {
	f     *Folder
	g     *ingest.Graph
	links []enishi.Link // the topic identities; the graph has a part of it
	parts []*partition
	logs  [][]enishi.Event
	late  []enishi.Event // resolved but not appended yet: ingest is slow, or tries again
	now   time.Time
}

func newLab(links []enishi.Link) *lab {
	l := &lab{g: ingest.NewGraph(), links: links, logs: make([][]enishi.Event, labPartitions), now: labStart.AddDate(0, 1, 0)}
	l.f = &Folder{compiler: newCompiler(), cfg: Config{Partitions: labPartitions, Merges: func(from int64) ([]Move, int64) {
		moves, next := l.g.Merges(from)
		out := make([]Move, len(moves))
		for i, m := range moves {
			out[i] = Move(m)
		}
		return out, next
	}}}
	for n := range labPartitions {
		part := &partition{n: n, cache: map[enishi.ID]*entry{}, rows: rows{quiet: true}}
		part.use(l.f.compiler.definitions(nil, slog.New(slog.DiscardHandler)))
		l.parts = append(l.parts, part)
	}
	return l
}

// know lets the graph read the links up to an offset.
func (l *lab) know(next int) {
	for at := int(l.g.Next()); at < next; at++ {
		l.g.Fold(int64(at), &l.links[at])
	}
}

// resolve addresses an event by what the graph knows.
func (l *lab) resolve(e enishi.Event) enishi.Event {
	e.Profile, e.Routed = l.g.Resolve(e.Subject), l.g.Next()
	return e
}

// arrive appends what is late.
func (l *lab) arrive() {
	for _, e := range l.late {
		l.append(e)
	}
	l.late = nil
}

func (l *lab) append(e enishi.Event) {
	n := e.Profile.Partition(labPartitions)
	l.logs[n] = append(l.logs[n], e)
}

// tell has the owner of a partition append the moves that it owes.
func (l *lab) tell(n int) {
	moves, next := l.f.moves(l.parts[n])
	for i := range moves {
		l.append(moves[i].event())
	}
	l.parts[n].identities = next
}

// fold folds up to most records of a partition as one batch: what they give to the log comes after it.
func (l *lab) fold(t rapid.TB, n, most int) (folded int) {
	t.Helper()
	part := l.parts[n]
	for ; folded < most && int(part.next) < len(l.logs[n]); folded++ {
		r := EventRecord(&l.logs[n][part.next], labPartitions, l.now)
		var e enishi.Event
		if err := decode(&e, r.Value); err != nil {
			t.Fatal(err)
		}
		copy(e.Profile[:], r.Key)
		e.Partition, e.Offset, e.Time = n, part.next, l.now
		if err := l.f.step(part, &e, r.Value); err != nil {
			t.Fatal(err)
		}
	}
	given := part.share.Effects.Records
	part.share.Effects = enishi.Effects{}
	for _, e := range given {
		l.append(e)
	}
	return folded
}

// settle knows every link and folds until nothing comes any more.
func (l *lab) settle(t rapid.TB) {
	t.Helper()
	l.know(len(l.links))
	l.arrive()
	for busy := true; busy; {
		busy = false
		for n := range l.parts {
			l.tell(n)
			busy = l.fold(t, n, 1000) > 0 || busy
		}
	}
}

// people are all people: what is known of each, by their identifiers. Nothing of anybody may stand elsewhere.
func (l *lab) people(t rapid.TB) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, part := range l.parts {
		for id, x := range part.cache {
			if len(x.p.Subjects) == 0 {
				continue
			}
			var of []string
			for i := range x.p.Subjects {
				s := &x.p.Subjects[i]
				of = append(of, s.ID.String())
				if at := l.g.Resolve(s.ID); at != id {
					t.Fatalf("%s %q stands with %s, it is of %s", s.Kind, s.Value, id, at)
				}
			}
			slices.Sort(of)
			text, err := json.Marshal(profiles.Export(x.p))
			if err != nil {
				t.Fatal(err)
			}
			var known map[string]any
			if err := json.Unmarshal(text, &known); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"id", "offset", "next_change", "moved_by", "former"} { // where it stands, not who it is
				delete(known, name)
			}
			out[strings.Join(of, " ")] = known
		}
	}
	return out
}

var labStart = time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)

// story is a history: events, the links that their identifiers tell, and how many of these an event needs.
type story struct {
	events []enishi.Event
	needs  []int
	links  []enishi.Link
}

// tell adds an event of somebody and its links.
func (s *story) tell(e enishi.Event) {
	e.Links = nil
	found, needs := profiles.Identifiers(nil, e.Person), 0
	for i, x := range found {
		e.Links = append(e.Links, identifierID(x.Kind, x.Raw))
		if i > 0 {
			s.links = append(s.links, enishi.Link{Op: "link", A: e.Links[0], AKind: found[0].Kind, B: e.Links[i], BKind: x.Kind, Event: e.ID})
			needs = len(s.links)
		}
	}
	e.Subject = e.Links[0]
	s.events, s.needs = append(s.events, e), append(s.needs, needs)
}

// drawEvent draws what one of some households does, with some of their identifiers. Keys come from small pools, so that events meet.
func drawEvent(t *rapid.T, n int, who string) enishi.Event {
	one := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	e := enishi.Event{ID: enishi.NewID("lab", who, fmt.Sprint(n)), At: labStart.Add(time.Duration(rapid.IntRange(0, 20*24*60).Draw(t, "minute")) * time.Minute), Source: "shop", Channel: "web", Person: &enishi.Person{}}
	p := e.Person
	switch rapid.IntRange(0, 3).Draw(t, "from") {
	case 0:
		p.AnonymousID = who + one("browser", "1", "2", "3")
	case 1:
		p.AnonymousID, p.Email = who+one("browser", "1", "2", "3"), who+one("address", "1", "2")+"@x.test"
	case 2:
		p.CustomerID, p.Email = who, who+one("address", "1", "2")+"@x.test"
	default:
		p.POSCard = who
		if rapid.Bool().Draw(t, "with the customer") {
			p.CustomerID = who
		}
	}
	order := who + one("order", "1", "2")
	switch e.Type = one("type", "product.viewed", "order.placed", "order.cancelled", "shipment.delivered", "consent.changed", "user.signed_up", "custom.fitting"); e.Type {
	case "product.viewed":
		e.Web = &enishi.Web{Product: &enishi.Product{ProductID: one("product", "p1", "p2")}}
	case "order.placed", "order.cancelled":
		e.Order = &enishi.Order{OrderID: order, Version: int64(rapid.IntRange(0, 3).Draw(t, "version")), Currency: "JPY", Total: 1000 * enishi.Unit, Lines: []enishi.Line{{ProductID: "p1", Quantity: 1, Price: 1000 * enishi.Unit}}}
	case "shipment.delivered":
		e.Shipment = &enishi.Shipment{OrderID: order, ShipmentID: order + "-1"}
	case "consent.changed":
		e.Consent = []enishi.ConsentChange{{Channel: one("channel", "email", "line"), State: one("state", "in", "out"), Method: "form:x"}}
	case "user.signed_up":
		p.Traits = map[string]enishi.Value{"size": enishi.TextValue(one("size", "S", "M"))}
	}
	return e
}

// drawStory draws what happens to three people; who two of them turn out to be one, a link says that an operator made at some time.
func drawStory(t *rapid.T) (s story, join int) {
	n := rapid.IntRange(2, 25).Draw(t, "events")
	at := rapid.IntRange(0, n).Draw(t, "joined after")
	for i := range n {
		if i == at {
			join = len(s.links)
			s.join("a", "b")
		}
		s.tell(drawEvent(t, i, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "who")))
	}
	if at == n {
		join = len(s.links)
		s.join("a", "b")
	}
	return s, join
}

func (s *story) join(a, b string) {
	s.links = append(s.links, enishi.Link{Op: "link", A: identifierID(enishi.Customer, a), AKind: enishi.Customer, B: identifierID(enishi.Customer, b), BKind: enishi.Customer, Actor: "somebody"})
}

// straight is the fold of a story in its order, with all links known before.
func (s *story) straight(t rapid.TB) *lab {
	t.Helper()
	l := newLab(s.links)
	l.know(len(s.links))
	for _, e := range s.events {
		l.append(l.resolve(e))
	}
	l.settle(t)
	return l
}

// shaken is the fold of a story in any order, with repeats: an event is ingested when its links are known, more may be; the
// partitions fold in portions and tell moves when it comes to them.
func (s *story) shaken(t *rapid.T) *lab {
	l := newLab(s.links)
	order := make([]int, len(s.events))
	for i := range order {
		order[i] = i
	}
	order = rapid.Permutation(order).Draw(t, "order")
	for range rapid.IntRange(0, len(order)).Draw(t, "repeats") {
		order = slices.Insert(slices.Clone(order), rapid.IntRange(0, len(order)).Draw(t, "at"), rapid.IntRange(0, len(s.events)-1).Draw(t, "again"))
	}
	for _, i := range order {
		l.know(s.needs[i])
		if e := l.resolve(s.events[i]); rapid.IntRange(0, 2).Draw(t, "late") == 0 {
			l.late = append(l.late, e)
		} else {
			l.append(e)
		}
		for range rapid.IntRange(0, 8).Draw(t, "then") {
			n := rapid.IntRange(0, labPartitions-1).Draw(t, "partition")
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				l.know(min(len(s.links), int(l.g.Next())+rapid.IntRange(1, 3).Draw(t, "links")))
			case 1:
				l.know(len(s.links))
			case 2:
				l.arrive()
			case 3, 4, 5:
				l.tell(n)
			default:
				l.fold(t, n, rapid.IntRange(1, 4).Draw(t, "batch"))
			}
		}
	}
	l.settle(t)
	return l
}

// TestAnyOrderGivesTheSamePeople: given one order of the identities, any order, repetition and batching of a history gives the same
// people, also while an operator joins two of them and takes that back.
func TestAnyOrderGivesTheSamePeople(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, join := drawStory(t)
		if rapid.Bool().Draw(t, "taken back") {
			s.links = append(s.links, enishi.Link{Op: "unlink", Link: int64(join), Actor: "somebody"})
		}
		if d := cmp.Diff(s.straight(t).people(t), s.shaken(t).people(t)); d != "" {
			t.Fatalf("people (-in order +shaken):\n%s", d)
		}
	})
}

// TestUnmergeIsNeverMerged: a link that is taken back leaves the people that there are without it, wherever it stood among what
// happened.
func TestUnmergeIsNeverMerged(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, join := drawStory(t)
		never := story{events: s.events, needs: make([]int, len(s.needs)), links: slices.Delete(slices.Clone(s.links), join, join+1)}
		s.links = append(s.links, enishi.Link{Op: "unlink", Link: int64(join), Actor: "somebody"})
		if d := cmp.Diff(never.straight(t).people(t), s.shaken(t).people(t)); d != "" {
			t.Fatalf("people (-never joined +joined and taken apart):\n%s", d)
		}
	})
}
