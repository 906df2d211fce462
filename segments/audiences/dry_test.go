package audiences

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"enishi/segments/audiences/match"
)

// TestDryIsRun: what a forecast says is what the run that follows does: who comes, goes, is told again and is left out, and how many calls it needs at least.
func TestDryIsRun(t *testing.T) {
	for name, facts := range map[string]Facts{
		"at once":  {Platform: match.MetaAds, Batch: 3, Removal: true, Minimum: 2, Values: true},
		"later":    {Platform: match.GoogleAds, Batch: 3, Removal: true, Later: true, Minimum: 2, Expires: 540 * 24 * time.Hour},
		"new list": {Platform: match.YahooJP, Batch: 4, Minimum: 2, Expires: 180 * 24 * time.Hour},
		"a file":   {Platform: match.File, Batch: 3, Removal: true, Expires: 365 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { dryIsRun(t, facts) }) })
	}
}

func dryIsRun(t *rapid.T, facts Facts) {
	const n = 7
	w, p, def := newWorld(), newPlatform(facts), definition(t)
	var dest Platform = p
	if facts.Platform == match.File {
		dest = &wholePlatform{platform: p}
	}
	for i := range n {
		p.users[addressKey(facts.Platform, mail(i))] = fmt.Sprint("user", i)
	}
	if facts.Values && rapid.Bool().Draw(t, "values") {
		def.Use = Value
	}
	change := func() {
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			i := rapid.IntRange(0, n-1).Draw(t, "who")
			id := person(i)
			switch rapid.SampledFrom([]string{"is", "is", "is", "erased", "bad", "months", "stale", "kinds"}).Draw(t, "what") {
			case "is":
				c := &candidate{Profile: id, Found: true, Consent: rapid.SampledFrom([]string{"in", "in", "in", "out", ""}).Draw(t, "consent")}
				for range rapid.IntRange(0, 2).Draw(t, "addresses") {
					c.Person.Emails = append(c.Person.Emails, mail(rapid.IntRange(0, n-1).Draw(t, "address")))
				}
				if rapid.Bool().Draw(t, "number") {
					c.Person.Phones = []string{phone(i)}
				}
				c.Value = 100 * 10_000
				if rapid.Bool().Draw(t, "spends") {
					c.Value *= 2
				}
				w.people[id] = c
				if w.members[id] = rapid.IntRange(0, 3).Draw(t, "in") > 0; !w.members[id] {
					delete(w.members, id)
				}
			case "erased":
				delete(w.people, id)
				delete(w.members, id)
			case "bad":
				p.bad[addressKey(facts.Platform, mail(i))] = !facts.Later
			case "months":
				w.now = w.now.AddDate(0, rapid.IntRange(1, 12).Draw(t, "months"), 0)
			case "stale":
				w.stale = !w.stale
			case "kinds":
				def.Keys = rapid.SampledFrom([][]match.Kind{{match.Email}, {match.Email, match.Phone}}).Draw(t, "kinds")
			}
		}
	}
	run := func() *Standing {
		began, due := w.now, w.standing["vip"].RetryAt
		if due.After(w.now) {
			began, w.now = due, due
		}
		for range 40 {
			st, err := w.syncer(dest).Sync(t.Context(), "vip", def)
			if err != nil {
				t.Fatal(err)
			}
			if st.Problem != nil || st.EndedAt.After(began) {
				return st
			}
			if w.stale && st.Remote == "" {
				return st // waits for the segment
			}
			w.now = w.now.Add(2 * time.Minute)
		}
		t.Fatalf("there is no end: %+v", w.standing["vip"])
		return nil
	}
	for range rapid.IntRange(1, 3).Draw(t, "runs") {
		change()
		if st := w.standing["vip"]; st.RetryAt.After(w.now) {
			w.now = st.RetryAt
		}
		rows := len(w.disclosures)
		f, err := w.syncer(dest).Dry(t.Context(), "vip", def)
		if err != nil {
			t.Fatal(err)
		}
		if len(w.disclosures) != rows {
			t.Fatal("a forecast told somebody")
		}
		if f.Held != nil && f.Held.Code == tooSmall {
			f.Add, f.Refresh, f.Calls = 0, 0, 0
		}
		st := run()
		if st.Problem != nil && st.Problem.Code != tooSmall {
			return // the platform took nothing of a call
		}
		if w.stale && st.Remote == "" { // nothing was compared
			st.Wanted = f.Wanted
		}
		if facts.Later && st.Added+st.Refreshed == f.Add+f.Refresh { // whose identifiers changed may be told when the answer comes, as if new
			f.Add, f.Refresh = st.Added, st.Refreshed
		}
		if got, want := []int{st.Wanted, st.Added, st.Taken, st.Refreshed}, []int{f.Wanted, f.Add, f.Remove, f.Refresh}; !slices.Equal(got, want) || !w.stale && !maps.Equal(st.LeftOut, f.LeftOut) || st.Rebuilt != f.Rebuild || st.Calls < f.Calls {
			t.Fatalf("wanted, added, taken, told again %v, foreseen %v\n%+v\n%+v", got, want, st, f)
		}
	}
}
