package audiences

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"enishi/segments/audiences/match"
)

// TestEquals: whatever people do and whatever fails, once nothing fails the platform's list is who is wanted, and whatever the platform was told of stands in
// the disclosures.
func TestEquals(t *testing.T) {
	for name, facts := range map[string]Facts{ // each also with identifiers that the platform does not take
		"at once":  {Platform: match.MetaAds, Batch: 3, Removal: true},
		"later":    {Platform: match.GoogleAds, Batch: 3, Removal: true, Later: true},
		"expires":  {Platform: match.TikTok, Batch: 2, Removal: true, Expires: 90 * 24 * time.Hour},
		"new list": {Platform: match.YahooJP, Batch: 4},
		"both":     {Platform: match.YahooJP, Batch: 4, Later: true},
	} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { equals(t, facts, false, 0, false) }) })
		t.Run(name+", rejects by place", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { equals(t, facts, false, 3, false) }) })
		t.Run(name+", counts rejects", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { equals(t, facts, false, 3, true) }) })
	}
	for name, facts := range map[string]Facts{
		"a file":             {Platform: match.File, Batch: 3, Removal: true},
		"a file to new list": {Platform: match.YahooJP, Batch: 3},
		"a file, later":      {Platform: match.YahooJP, Batch: 3, Later: true},
	} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { equals(t, facts, true, 0, false) }) })
	}
}

func equals(t *rapid.T, facts Facts, whole bool, bad int, counts bool) {
	const n = 8
	ctx, w, p, def := context.Background(), newWorld(), newPlatform(facts), definition(t)
	var dest Platform = p
	if whole {
		dest = &wholePlatform{platform: p}
	}
	rules, _ := match.For(facts.Platform)
	// Every address and number has a user, some users have both.
	for i := range n {
		e := rules.Keys(&match.Person{Emails: []string{mail(i)}}, match.Kinds())[0]
		p.users[e] = fmt.Sprint("user", i)
		number := rules.Keys(&match.Person{Phones: []string{phone(i)}}, match.Kinds())[0]
		p.users[number] = fmt.Sprint("user", i)
		if i < bad {
			p.bad[number] = true
		}
		w.people[person(i)] = &candidate{Profile: person(i), Found: true, Consent: "in", Person: match.Person{Emails: []string{mail(i)}}}
	}
	p.counts = counts
	leaves(t, w, p)
	crash := errors.New("crash")
	failures := 0
	faulty := func(t *rapid.T) func(string) error {
		return func(point string) error {
			if failures > 0 && rapid.IntRange(0, 9).Draw(t, point) == 0 {
				failures--
				return crash
			}
			return nil
		}
	}
	p.fail = func(what string) (error, error) {
		if failures == 0 {
			return nil, nil
		}
		switch rapid.IntRange(0, 11).Draw(t, what) {
		case 0:
			failures--
			return &Problem{Class: Retry, Msg: "500"}, nil
		case 1:
			failures--
			return nil, &Problem{Class: Retry, Msg: "the answer was lost"} // taken all the same
		case 2:
			failures--
			return &Problem{Class: Rate, After: time.Second, Msg: "429"}, nil
		case 3: // 200 with an error: nobody knows what was taken
			failures--
			refused := &Problem{Class: Refused, Code: "200", Msg: "an error in the body"}
			if rapid.Bool().Draw(t, "taken") {
				return nil, refused
			}
			return refused, nil
		}
		return nil, nil
	}
	p.broken = func(what string) bool { // the platform takes a call, and does nothing of it in the end
		if failures > 0 && rapid.IntRange(0, 9).Draw(t, "broken "+what) == 0 {
			failures--
			return true
		}
		return false
	}
	once := func() error {
		s := w.syncer(dest)
		s.Fault = faulty(t)
		_, err := s.Sync(ctx, "vip", def)
		if err != nil && !errors.Is(err, crash) {
			t.Fatal(err)
		}
		w.now = w.now.Add(2 * time.Minute)
		return err
	}
	type merge struct{ from, to candidate }
	var merges []merge
	for range rapid.IntRange(1, 16).Draw(t, "steps") {
		i := rapid.IntRange(0, n-1).Draw(t, "who")
		id := person(i)
		switch rapid.SampledFrom([]string{"join", "join", "leave", "out", "in", "hold", "erase", "mail", "phone", "drop", "merge", "unmerge", "sync", "sync", "sync", "month", "gone", "stale", "segment", "pause", "kinds", "back", "delete"}).Draw(t, "what") {
		case "join":
			w.members[id] = true
		case "leave":
			delete(w.members, id)
		case "out", "in":
			if c := w.people[id]; c != nil {
				c.Consent = rapid.SampledFrom([]string{"", "in", "out"}).Draw(t, "consent")
			}
		case "hold":
			if c := w.people[id]; c != nil {
				c.HoldUntil = w.now.Add(time.Hour)
			}
		case "erase":
			delete(w.people, id)
			delete(w.members, id)
		case "mail":
			if c := w.people[id]; c != nil {
				c.Person.Emails = []string{mail(rapid.IntRange(0, n-1).Draw(t, "address"))}
			}
		case "phone":
			if c := w.people[id]; c != nil {
				c.Person.Phones = []string{phone(i)}
			}
		case "drop":
			if c := w.people[id]; c != nil {
				c.Person.Phones = nil
			}
		case "merge": // what one had, another has
			j := person((i + 1) % n)
			if a, b := w.people[id], w.people[j]; a != nil && b != nil {
				merges = append(merges, merge{*a, *b})
				b.Person.Emails = append(b.Person.Emails, a.Person.Emails...)
				b.Person.Phones = append(b.Person.Phones, a.Person.Phones...)
				delete(w.people, id)
				delete(w.members, id)
			}
		case "month":
			w.now = w.now.Add(80 * 24 * time.Hour)
		case "gone":
			for l := range p.lists {
				delete(p.lists, l)
			}
		case "stale":
			w.stale = rapid.Bool().Draw(t, "stale")
		case "unmerge": // two are two again, as they were
			if n := len(merges); n > 0 {
				m := merges[n-1]
				merges = merges[:n-1]
				for _, c := range []candidate{m.from, m.to} {
					w.people[c.Profile], w.members[c.Profile] = &c, true
				}
			}
		case "segment":
			w.gone = rapid.Bool().Draw(t, "gone")
		case "pause":
			def.Paused = rapid.Bool().Draw(t, "paused")
		case "kinds":
			def.Keys = rapid.SampledFrom([][]match.Kind{{match.Email}, {match.Phone}, {match.Email, match.Phone}}).Draw(t, "kinds")
		case "back": // somebody sets the clock back
			w.now = w.now.Add(-time.Duration(rapid.IntRange(1, 100).Draw(t, "hours")) * time.Hour)
		case "delete": // and one of that name is made again
			failures = rapid.IntRange(0, 2).Draw(t, "failures")
			for range 30 {
				s := w.syncer(dest)
				s.Fault = faulty(t)
				_ = s.Delete(ctx, "vip", def) // what fails is seen by what is left
				if st := w.standing["vip"]; !st.Holds() {
					break
				} else if w.now = w.now.Add(time.Minute); st.RetryAt.After(w.now) {
					w.now = st.RetryAt
				}
			}
			if len(p.lists) > 0 {
				t.Fatalf("a deleted audience has a list: %+v", w.standing["vip"])
			}
		case "sync":
			failures = rapid.IntRange(0, 3).Draw(t, "failures")
			_ = once()
		}
	}
	failures, w.stale, w.gone, def.Paused = 0, false, false, false
	var st Standing
	for i := 0; ; i++ {
		if i == 60 {
			t.Fatalf("there is no end: %+v", w.standing["vip"])
		}
		began := w.now
		if once() != nil {
			continue
		}
		st = w.standing["vip"]
		if st.EndedAt.After(began) && !st.EndedAt.Before(st.BeganAt) && st.Problem == nil && !st.Rebuilt && st.Added+st.Taken+st.Refreshed == 0 {
			w.now = began
			break
		}
		if st.RetryAt.After(w.now) {
			w.now = st.RetryAt
		}
		if st.Problem != nil && st.Problem.Code == "bad" && i > 30 { // nothing but what the platform does not take is left, and it is told
			w.now = began
			break
		}
	}
	if st.Next == "" || st.Problem == nil { // else a list that the platform takes nobody into does not take the place of the old one
		compare(t, w, p, def, &st)
	}
	told := map[match.Key]bool{}
	for _, d := range w.disclosures {
		if d.Recipient == "" || d.Country == "" || d.At.IsZero() || d.Basis == "" {
			t.Fatalf("a disclosure without what the law asks for: %+v", d)
		}
		for _, k := range d.Keys {
			told[k] = true
		}
	}
	for k := range p.heard {
		if !told[k] {
			t.Fatalf("%v left without a disclosure", k)
		}
	}
}

// leaves has each identifier that comes to the platform checked: the record of it is there already.
func leaves(t interface{ Fatalf(string, ...any) }, w *world, p *platform) {
	p.leaves = func(k match.Key) {
		for _, d := range w.disclosures {
			if slices.Contains(d.Keys, k) {
				return
			}
		}
		t.Fatalf("%v left before there was a record of it", k)
	}
}

// compare compares the platform's list and the ledger with who is wanted.
func compare(t *rapid.T, w *world, p *platform, def *Definition, st *Standing) {
	got := map[string]bool{}
	for id, l := range p.lists {
		if id != st.Remote {
			t.Fatalf("a list is left at the platform: %s (%s)", id, l.mark)
		}
		for u := range l.members {
			got[u] = true
		}
	}
	wanted := w.wanted(p, def)
	least, most := p.usersOf(wanted, p.takes), p.usersOf(wanted, func([]match.Key) bool { return true })
	for u := range least {
		if !got[u] {
			t.Fatalf("%s is wanted and not in the list: %v", u, got)
		}
	}
	for u := range got {
		if !most[u] {
			t.Fatalf("%s is in the list and not wanted: %v", u, most)
		}
	}
	rejected, unnamed := 0, 0
	entries := w.entries[list("vip", st.Generation)]
	for id, keys := range wanted {
		e, want := entries[id], Sent
		if p.counts && notWhole(&e) { // perhaps another of that call was not taken
			want = Accepted
		}
		if !p.takes(keys) {
			if want = Rejected; p.counts {
				if (e.State == Accepted || e.State == Sent) && e.Reason == "" {
					t.Fatalf("the ledger says that somebody was taken who was not: %+v", e)
				}
				unnamed++
				want = e.State
				if b := w.batches[e.Batch]; b.Rejected == 0 || b.Reason != "bad" {
					t.Fatalf("nobody is told that members of a call were not taken: %+v", b)
				}
			}
			rejected++
		}
		if e.State != want || !slices.Equal(e.Keys, keys) || want == Rejected && e.Reason != "bad" {
			t.Fatalf("the ledger has %+v of somebody of %v, want %s", e, keys, want)
		}
	}
	if len(entries) != len(wanted) && st.Problem == nil {
		t.Fatalf("the ledger has %d, wanted are %d", len(entries), len(wanted))
	}
	if p.counts && st.Problem == nil && (st.Unnamed < unnamed || st.Has() > len(wanted)-unnamed || st.Wanted != len(wanted)) {
		t.Fatalf("%d of %d in the list and %d not taken, want %d not taken", st.Has(), st.Wanted, st.Unnamed, unnamed)
	}
	if !p.counts && (st.Rejected != rejected || st.InList != len(wanted)-rejected || st.Wanted != len(wanted)) {
		t.Fatalf("%d rejected and %d in the list of %d, want %d of %d", st.Rejected, st.InList, st.Wanted, rejected, len(wanted))
	}
}
