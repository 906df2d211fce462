package audiences

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"enishi"
	"enishi/segments/audiences/match"
)

// world is the tables in memory, the people of a shop, and a clock.
type world struct {
	now         time.Time
	members     map[enishi.ID]bool
	people      map[enishi.ID]*candidate
	entries     map[string]map[enishi.ID]Entry // by audience and generation
	batches     map[enishi.ID]Batch
	disclosures map[[2]enishi.ID]Disclosure
	standing    map[string]Standing
	history     map[time.Time]Standing // by when a run began
	stale       bool
	gone        bool // the segment is deleted
	small       int  // the segment is said to have so many people more than it has: it tells nothing of how many may be told
}

func newWorld() *world {
	return &world{now: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), members: map[enishi.ID]bool{}, people: map[enishi.ID]*candidate{}, entries: map[string]map[enishi.ID]Entry{},
		batches: map[enishi.ID]Batch{}, disclosures: map[[2]enishi.ID]Disclosure{}, standing: map[string]Standing{}, history: map[time.Time]Standing{}}
}

func list(audience string, generation int) string { return fmt.Sprint(audience, "/", generation) }

func within(id enishi.ID, from, to byte) bool { return id[0] >= from && id[0] <= to }

func sorted[T any](m map[enishi.ID]T, keep func(enishi.ID, T) bool) []T {
	var out []T
	for _, id := range slices.SortedFunc(maps.Keys(m), enishi.ID.Compare) {
		if keep(id, m[id]) {
			out = append(out, m[id])
		}
	}
	return out
}

func (w *world) Members(_ context.Context, _ *query, from, to byte) ([]candidate, error) {
	var out []candidate
	for _, id := range slices.SortedFunc(maps.Keys(w.members), enishi.ID.Compare) {
		if within(id, from, to) && w.people[id] != nil {
			out = append(out, *w.people[id])
		}
	}
	return out, nil
}

func (w *world) People(_ context.Context, _ *query, ids []enishi.ID) ([]candidate, error) {
	var out []candidate
	for _, id := range ids {
		if c := w.people[id]; c != nil {
			out = append(out, *c)
		} else {
			out = append(out, candidate{Profile: id})
		}
	}
	return out, nil
}

func (w *world) Entries(_ context.Context, audience string, generation int, from, to byte) ([]Entry, error) {
	return sorted(w.entries[list(audience, generation)], func(id enishi.ID, _ Entry) bool { return within(id, from, to) }), nil
}

func (w *world) BatchEntries(_ context.Context, audience string, generation int, batch enishi.ID) ([]Entry, error) {
	return sorted(w.entries[list(audience, generation)], func(_ enishi.ID, e Entry) bool { return e.Batch == batch }), nil
}

func (w *world) Sharing(_ context.Context, audience string, generation int, batch enishi.ID) ([]Entry, error) {
	all := w.entries[list(audience, generation)]
	keys := map[match.Key]bool{}
	for _, e := range all {
		if e.Batch == batch {
			for _, k := range e.Keys {
				keys[k] = true
			}
		}
	}
	return sorted(all, func(_ enishi.ID, e Entry) bool {
		return e.Batch != batch && slices.ContainsFunc(e.Keys, func(k match.Key) bool { return keys[k] })
	}), nil
}

func (w *world) PutEntries(_ context.Context, audience string, generation int, entries []Entry) error {
	l := list(audience, generation)
	if w.entries[l] == nil {
		w.entries[l] = map[enishi.ID]Entry{}
	}
	for _, e := range entries {
		e.Keys = slices.Clone(e.Keys)
		w.entries[l][e.Profile] = e
	}
	return nil
}

func (w *world) Forget(_ context.Context, audience string, generation int, entries []Entry) error {
	for _, e := range entries {
		delete(w.entries[list(audience, generation)], e.Profile)
	}
	return nil
}

func (w *world) Drop(_ context.Context, audience string, generation int) error {
	delete(w.entries, list(audience, generation))
	return nil
}

func (w *world) OpenBatches(_ context.Context, audience string) ([]Batch, error) {
	var out []Batch
	for _, b := range w.batches {
		if b.Audience == audience && (b.State == BatchOpen || b.State == BatchAsked) {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b Batch) int { return a.At.Compare(b.At) })
	return out, nil
}

func (w *world) PutBatch(_ context.Context, b *Batch) error { w.batches[b.ID] = *b; return nil }

func (w *world) Unnamed(_ context.Context, _ string, batches []enishi.ID) (map[enishi.ID]int, error) {
	out := map[enishi.ID]int{}
	for _, id := range batches {
		if n := w.batches[id].Unnamed; n > 0 {
			out[id] = n
		}
	}
	return out, nil
}

func (w *world) CallsOn(_ context.Context, account, day, but string) (int, error) {
	n := 0
	for name, s := range w.standing {
		if name != but && s.Account == account && s.Day == day {
			n += s.Today
		}
	}
	return n, nil
}

func (w *world) Disclose(_ context.Context, list []Disclosure) error {
	for _, d := range list {
		w.disclosures[[2]enishi.ID{d.Profile, d.Batch}] = d
	}
	return nil
}

func (w *world) Standing(_ context.Context, audience string) (*Standing, error) {
	if s, ok := w.standing[audience]; ok {
		s.LeftOut = maps.Clone(s.LeftOut)
		return &s, nil
	}
	return nil, nil
}

func (w *world) PutStanding(_ context.Context, s *Standing) error {
	c := *s
	c.LeftOut = maps.Clone(s.LeftOut)
	w.standing[s.Audience], w.history[s.BeganAt] = c, c
	return nil
}

// platform is an advertising platform whose users have identifiers; a call about an identifier is about whoever has it.
type platform struct {
	facts   Facts
	users   map[match.Key]string // who has an identifier
	lists   map[string]*platformList
	seq     int
	heard   map[match.Key]bool
	pending map[string]func() Answer // calls whose effect comes later
	dead    map[string]bool          // calls that come to nothing
	order   []string
	done    map[string]bool
	fail    func(what string) (before, after error)
	bad     map[match.Key]bool // identifiers that the platform does not take: a member with one is not taken
	counts  bool               // of those it tells only how many they are
	broken  func(what string) bool
	added   map[match.Key]int // how often an addition told an identifier
	specs   []Spec
	leaves  func(k match.Key) // an identifier comes in
}

type platformList struct {
	mark    string
	members map[string]time.Time
}

func newPlatform(f Facts) *platform {
	return &platform{facts: f, users: map[match.Key]string{}, lists: map[string]*platformList{}, heard: map[match.Key]bool{}, pending: map[string]func() Answer{}, bad: map[match.Key]bool{}, added: map[match.Key]int{}, done: map[string]bool{}}
}

func (p *platform) Facts() Facts { return p.facts }

func (p *platform) faults(what string) (error, error) {
	if p.fail == nil {
		return nil, nil
	}
	return p.fail(what)
}

func (p *platform) Create(_ context.Context, spec *Spec) (string, error) {
	before, after := p.faults("create")
	if before != nil {
		return "", before
	}
	for id, l := range p.lists {
		if l.mark == spec.Mark() {
			return id, after
		}
	}
	p.seq++
	id := fmt.Sprint("list", p.seq)
	p.lists[id] = &platformList{mark: spec.Mark(), members: map[string]time.Time{}}
	return id, after
}

func (p *platform) change(remote string, members []Member, what string, do func(l *platformList, user string)) (Answer, error) {
	before, after := p.faults(what)
	if before != nil {
		return Answer{}, before
	}
	if p.lists[remote] == nil {
		return Answer{}, &Problem{Class: Gone, Msg: "no such list"}
	}
	if len(members) > p.facts.Batch {
		return Answer{}, &Problem{Class: Refused, Msg: "too many members"}
	}
	for _, m := range members {
		for _, k := range m.Keys {
			if p.heard[k] = true; p.leaves != nil {
				p.leaves(k)
			}
		}
	}
	members = slices.Clone(members)
	p.seq++
	call := fmt.Sprint("call", p.seq)
	broken := p.broken != nil && p.broken(what)
	apply := func() Answer {
		a := Answer{Call: call, Rejected: map[int]string{}}
		if broken {
			a.Refused, a.Reason = len(members), "internal"
			return a
		}
		l := p.lists[remote]
		for i, m := range members {
			if slices.ContainsFunc(m.Keys, func(k match.Key) bool { return p.bad[k] }) && (what == "add" || !p.counts) {
				if p.counts {
					a.Refused, a.Reason = a.Refused+1, "bad"
				} else {
					a.Rejected[i] = "bad"
				}
				continue
			}
			for _, k := range m.Keys {
				if u := p.users[k]; u != "" && l != nil {
					do(l, u)
				}
			}
		}
		return a
	}
	if p.facts.Later {
		if after != nil { // nobody asks for its result: the platform is through with it before calls that are made later
			apply()
			return Answer{}, after
		}
		p.pending[call] = apply
		p.order = append(p.order, call)
		return Answer{Call: call, Open: true}, nil
	}
	return apply(), after
}

func (p *platform) Add(_ context.Context, remote string, spec *Spec, members []Member) (Answer, error) {
	p.specs = append(p.specs, *spec)
	for _, m := range members {
		for _, k := range m.Keys {
			p.added[k]++
		}
	}
	return p.change(remote, members, "add", func(l *platformList, u string) { l.members[u] = time.Time{} })
}

func (p *platform) Remove(_ context.Context, remote string, _ *Spec, members []Member) (Answer, error) {
	if !p.facts.Removal {
		return Answer{}, &Problem{Class: Refused, Msg: "nobody can be taken out"}
	}
	return p.change(remote, members, "remove", func(l *platformList, u string) { delete(l.members, u) })
}

// Result carries calls out in an order of its own, the newest first, one each time it is asked.
func (p *platform) Result(_ context.Context, _, call string) (Answer, error) {
	before, after := p.faults("result")
	if before != nil {
		return Answer{}, before
	}
	if p.dead[call] {
		return Answer{}, &Problem{Class: Refused, Msg: "the file was no good"}
	}
	if n := len(p.order); n > 0 {
		last := p.order[n-1]
		a := p.pending[last]()
		p.pending[last] = func() Answer { return a } // an answer that is lost is asked for again
		p.done[last] = true
		p.order = p.order[:n-1]
	}
	if !p.done[call] {
		return Answer{Call: call, Open: true}, after
	}
	return p.pending[call](), after
}

func (p *platform) Look(_ context.Context, remote string) (Look, error) {
	before, after := p.faults("look")
	if before != nil {
		return Look{}, before
	}
	l := p.lists[remote]
	if l == nil {
		return Look{}, &Problem{Class: Gone, Msg: "no such list"}
	}
	return Look{Ready: true, Matched: len(l.members)}, after
}

func (p *platform) Delete(_ context.Context, remote string) error {
	before, after := p.faults("delete")
	if before != nil {
		return before
	}
	delete(p.lists, remote)
	return after
}

func person(n int) enishi.ID { return enishi.NewID("person", fmt.Sprint(n)) }

func mail(n int) string { return fmt.Sprintf("p%d@example.jp", n) }

func (w *world) syncer(p Platform) *Syncer {
	return newSyncer(Config{Destinations: map[string]*Destination{"ads": {Name: "ads", Recipient: "Ads Inc.", Country: "US", Basis: ByConsent, Consent: "ads.marketing", Platform: p}},
		Segment: func(context.Context, string) (Segment, error) {
			return Segment{Size: len(w.members) + w.small, Stale: w.stale, Found: !w.gone}, nil
		}, Now: func() time.Time { w.now = w.now.Add(time.Millisecond); return w.now }}, w)
}

// wanted are the identifiers of the people who are wanted.
func (w *world) wanted(p *platform, def *Definition) map[enishi.ID][]match.Key {
	rules, _ := match.For(p.facts.Platform)
	out := map[enishi.ID][]match.Key{}
	for id := range w.members {
		if c := w.people[id]; c != nil && c.Consent == "in" && !c.HoldUntil.After(w.now) {
			if keys := rules.Keys(&c.Person, def.Keys); len(keys) > 0 {
				out[id] = keys
			}
		}
	}
	return out
}

// usersOf have one of the identifiers of people that are kept.
func (p *platform) usersOf(people map[enishi.ID][]match.Key, keep func([]match.Key) bool) map[string]bool {
	out := map[string]bool{}
	for _, keys := range people {
		for _, k := range keys {
			if u := p.users[k]; u != "" && keep(keys) {
				out[u] = true
			}
		}
	}
	return out
}

func (p *platform) takes(keys []match.Key) bool {
	return !slices.ContainsFunc(keys, func(k match.Key) bool { return p.bad[k] })
}

func definition(t interface{ Fatal(...any) }) *Definition {
	d, err := Parse([]byte(`{"title": "VIP", "segment": "vip", "destination": "ads"}`))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func phone(n int) string { return fmt.Sprintf("+8190%08d", n) }
