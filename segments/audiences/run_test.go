package audiences

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"enishi"
	"enishi/segments/audiences/match"
)

// shop is a world of some members, each the user of their own address.
func shop(t *testing.T, facts Facts, members int) (*world, *platform, *Definition) {
	t.Helper()
	w, p, def := newWorld(), newPlatform(facts), definition(t)
	for i := range members {
		p.users[addressKey(facts.Platform, mail(i))] = fmt.Sprint("user", i)
		w.people[person(i)] = &candidate{Profile: person(i), Found: true, Consent: "in", Person: match.Person{Emails: []string{mail(i)}}}
		w.members[person(i)] = true
	}
	return w, p, def
}

func addressKey(platform, address string) match.Key {
	rules, _ := match.For(platform)
	return rules.Keys(&match.Person{Emails: []string{address}}, match.Kinds())[0]
}

// keep syncs until a run has ended.
func (w *world) keep(t *testing.T, s *Syncer, def *Definition) *Standing {
	t.Helper()
	began := w.now
	for range 60 {
		st, err := s.Sync(t.Context(), "vip", def)
		if err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(2 * time.Minute)
		if st.EndedAt.After(began) && st.Problem == nil {
			return st
		}
	}
	t.Fatalf("there is no end: %+v", w.standing["vip"])
	return nil
}

// TestErasedMidUpload: somebody is erased while a call that tells of them is on its way, at each point of it. No later call adds them, they are out in the end, what was told of
// them stays in the disclosures, and nothing of them in the ledger.
func TestErasedMidUpload(t *testing.T) {
	for _, facts := range []Facts{{Platform: match.MetaAds, Batch: 3, Removal: true}, {Platform: match.GoogleAds, Batch: 3, Removal: true, Later: true}, {Platform: match.YahooJP, Batch: 3}} {
		for _, point := range []string{"batch stored", "entries stored", "disclosed", "called", "answered", "at work"} {
			t.Run(facts.Platform+", "+point, func(t *testing.T) {
				w, p, def := shop(t, facts, 5)
				gone, key := person(1), addressKey(facts.Platform, mail(1))
				s := w.syncer(p)
				crash := errors.New("crash")
				s.Fault = func(at string) error {
					if at == point {
						return crash
					}
					return nil
				}
				if _, err := s.Sync(t.Context(), "vip", def); point != "at work" && !errors.Is(err, crash) {
					t.Fatalf("no crash: %v", err)
				}
				heard, added := p.heard[key], p.added[key]
				delete(w.people, gone)
				delete(w.members, gone)
				st := w.keep(t, w.syncer(p), def)
				if p.added[key] != added {
					t.Errorf("added once more after the erasure")
				}
				users := p.lists[st.Remote].members
				if _, in := users["user1"]; in || len(users) != 4 {
					t.Errorf("the list has %v", users)
				}
				rows := 0
				for _, d := range w.disclosures {
					if d.Profile == gone {
						rows++
					}
				}
				if heard && rows == 0 {
					t.Error("what was told of them is in no disclosure")
				}
				if e, ok := w.entries[list("vip", st.Generation)][gone]; ok {
					t.Errorf("the ledger keeps %+v", e)
				}
				if st.Wanted != 4 || st.InList != 4 {
					t.Errorf("%d of %d", st.InList, st.Wanted)
				}
			})
		}
	}
}

// TestRemovalRefused: a platform that takes a removal and does nothing of it is no platform that took somebody out.
func TestRemovalRefused(t *testing.T) {
	for _, later := range []bool{false, true} {
		w, p, def := shop(t, Facts{Platform: match.GoogleAds, Batch: 3, Removal: true, Later: later}, 3)
		s := w.syncer(p)
		w.keep(t, s, def)
		w.people[person(0)].Consent = "out"
		p.broken = func(what string) bool { return what == "remove" }
		var st *Standing
		for range 3 {
			var err error
			if st, err = s.Sync(t.Context(), "vip", def); err != nil {
				t.Fatal(err)
			}
		}
		if st.Problem == nil || st.Problem.Class != Refused || st.Problem.Code != "internal" || st.Problem.MsgJA == "" {
			t.Fatalf("later %v: nobody is told: %+v", later, st.Problem)
		}
		p.broken = nil
		w.now = st.RetryAt
		if st = w.keep(t, s, def); len(p.lists[st.Remote].members) != 2 || st.InList != 2 {
			t.Errorf("later %v: in the list are %v", later, p.lists[st.Remote].members)
		}
	}
}

// TestHistory: what waits for the platform is one run, and a problem that lasts is one row.
func TestHistory(t *testing.T) {
	w, p, def := shop(t, Facts{Platform: match.GoogleAds, Batch: 2, Removal: true, Later: true}, 5)
	s := w.syncer(p)
	first := w.keep(t, s, def)
	if len(w.history) != 1 || first.Added != 5 || first.Calls != 3 || first.InList != 5 {
		t.Fatalf("%d rows of a run, the newest %+v", len(w.history), first)
	}
	w.people[person(0)].Consent = "out"
	p.fail = func(what string) (error, error) { return &Problem{Class: Auth, Code: "revoked", Msg: "revoked"}, nil }
	for range 5 {
		st, err := s.Sync(t.Context(), "vip", def)
		if err != nil || st.Problem == nil || st.Wanted != 4 {
			t.Fatalf("%+v, %v", st, err)
		}
		w.now = st.RetryAt
	}
	if len(w.history) != 2 {
		t.Errorf("five refusals are %d rows", len(w.history)-1)
	}
	p.fail = nil
	last := w.keep(t, s, def)
	if len(w.history) != 3 || last.Taken != 1 || last.Added != 0 {
		t.Errorf("%d rows, the newest %+v", len(w.history), last)
	}
	problems := 0
	for _, st := range w.history {
		if st.Problem != nil {
			problems++
		}
	}
	if problems != 1 {
		t.Errorf("the history tells of %d problems", problems)
	}
}

// TestShared: people who share an address with somebody who leaves stay in the list; who was rejected is not told again for it, and who leaves too is out.
func TestShared(t *testing.T) {
	w, p, def := shop(t, Facts{Platform: match.MetaAds, Batch: 10, Removal: true}, 5)
	rules, _ := match.For(match.MetaAds)
	number := rules.Keys(&match.Person{Phones: []string{phone(3)}}, match.Kinds())[0]
	p.bad[number] = true
	for _, i := range []int{1, 2, 3} { // share the address of 0
		w.people[person(i)].Person.Emails = append(w.people[person(i)].Person.Emails, mail(0))
	}
	w.people[person(3)].Person.Phones = []string{phone(3)} // rejected
	s := w.syncer(p)
	w.keep(t, s, def)
	told := p.added[number]
	delete(w.members, person(0))
	delete(w.members, person(2))
	st := w.keep(t, s, def)
	users := p.lists[st.Remote].members
	for user, want := range map[string]bool{"user0": true, "user1": true, "user2": false, "user3": false, "user4": true} {
		if _, in := users[user]; in != want {
			t.Errorf("%s in the list: %v", user, in)
		}
	}
	if p.added[number] != told || st.Rejected != 1 || st.Refreshed != 1 || st.Taken != 2 || st.InList != 2 {
		t.Errorf("told %d times of who is rejected; %+v", p.added[number], st)
	}
	w.people[person(3)].Person.Phones = nil // the identifiers change: told again
	if st = w.keep(t, s, def); st.Rejected != 0 || st.InList != 3 {
		t.Errorf("after the number went: %+v", st)
	}
	if _, in := p.lists[st.Remote].members["user3"]; !in {
		t.Error("who was rejected is not told again")
	}
}

// TestRejectedLater: somebody in the list gets an identifier that the platform does not take. They count as rejected, are told again when their identifiers change, and when they go
// they are taken out by what the platform took before.
func TestRejectedLater(t *testing.T) {
	w, p, def := shop(t, Facts{Platform: match.MetaAds, Batch: 10, Removal: true}, 3)
	rules, _ := match.For(match.MetaAds)
	p.bad[rules.Keys(&match.Person{Phones: []string{phone(0)}}, match.Kinds())[0]] = true
	s := w.syncer(p)
	w.keep(t, s, def)
	w.people[person(0)].Person.Phones = []string{phone(0)}
	if st := w.keep(t, s, def); st.Rejected != 1 || st.InList != 2 {
		t.Fatalf("%+v", st)
	}
	clear(p.bad) // Meta has learnt to read it, and there is another address
	w.people[person(0)].Person.Emails = append(w.people[person(0)].Person.Emails, "second@example.jp")
	if st := w.keep(t, s, def); st.Rejected != 0 || st.InList != 3 {
		t.Fatalf("not told again: %+v", st)
	}
	p.bad[addressKey(match.MetaAds, "second@example.jp")] = true
	delete(w.members, person(0))
	st := w.keep(t, s, def)
	if _, in := p.lists[st.Remote].members["user0"]; in || st.InList != 2 {
		t.Errorf("still in the list: %+v", st)
	}
}

// TestValues: a list of values is made in the shop's currency, and a value that changes is told.
func TestValues(t *testing.T) {
	w, p, def := shop(t, Facts{Platform: match.MetaAds, Batch: 10, Removal: true, Values: true}, 3)
	def.Use = Value
	s := w.syncer(p)
	s.cfg.Currency = func(context.Context) (string, error) { return "TWD", nil }
	w.keep(t, s, def)
	if len(p.specs) != 1 || p.specs[0].Currency != "TWD" || p.specs[0].Use != Value {
		t.Fatalf("made with %+v", p.specs)
	}
	w.people[person(1)].Value = enishi.Amount(5000)
	if st := w.keep(t, s, def); st.Refreshed != 1 || len(p.specs) != 2 {
		t.Errorf("the value of one changed: %+v", st)
	}
}
