package audiences_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"enishi/internal/sim/ads"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

// TestPlatformsFollow: whatever people do, wherever a process dies and whatever a platform or the network does, once nothing fails the list of each platform's simulator
// has whom the shop wants there and nobody else.
func TestPlatformsFollow(t *testing.T) {
	for platform, open := range platforms {
		t.Run(platform, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				s := &shop{now: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}
				open(t, s)
				follow(r, s)
			})
		})
	}
}

func follow(t *rapid.T, s *shop) {
	const n = 6
	w := audiences.NewWorld()
	failures, crash := 0, errors.New("crash")
	fault := func(point string) error {
		if failures > 0 && rapid.IntRange(0, 9).Draw(t, point) == 0 {
			failures--
			return crash
		}
		return nil
	}
	once := func() *audiences.Standing {
		st, err := w.Sync(t.Context(), s, func() time.Time { s.now = s.now.Add(time.Millisecond); return s.now }, fault)
		if err != nil && !errors.Is(err, crash) {
			t.Fatal(err)
		}
		s.now = s.now.Add(2 * time.Minute)
		return st
	}
	remote := ""
	for range rapid.IntRange(1, 10).Draw(t, "steps") {
		switch rapid.SampledFrom([]string{"person", "person", "person", "erased", "gone", "year", "sync", "sync"}).Draw(t, "what") {
		case "person":
			i := rapid.IntRange(0, n-1).Draw(t, "who")
			p := &match.Person{Emails: []string{fmt.Sprintf("p%d@example.jp", rapid.IntRange(0, n-1).Draw(t, "address"))}, LINE: fmt.Sprintf("U%032d", i)}
			if rapid.Bool().Draw(t, "number") {
				p.Phones = []string{fmt.Sprintf("+8190%08d", i)}
			}
			w.Set(i, rapid.IntRange(0, 3).Draw(t, "in") > 0, rapid.SampledFrom([]string{"in", "in", "out", ""}).Draw(t, "consent"), p)
		case "erased":
			w.Set(rapid.IntRange(0, n-1).Draw(t, "who"), false, "", nil)
		case "gone":
			if remote != "" && remote != "?" {
				s.drop(remote)
			}
		case "year":
			s.now = s.now.AddDate(0, 5, 0)
		case "sync":
			if failures = rapid.IntRange(0, 2).Draw(t, "crashes"); failures == 0 {
				s.fail(rapid.SampledFrom([]ads.Fault{{Status: 500}, {Status: 429}, {Reset: true}, {Reset: true, After: true}, {Status: 200, Body: `"<html>"`}}).Draw(t, "fault"))
			}
			if st := once(); st != nil {
				remote = st.Remote
			}
		}
	}
	failures = 0
	s.heal()
	var st *audiences.Standing
	for i := 0; ; i++ {
		began := s.now
		if st = once(); st.EndedAt.After(began) && st.Problem == nil && !st.Rebuilt && st.Added+st.Taken+st.Refreshed == 0 {
			break
		}
		if st.RetryAt.After(s.now) {
			s.now = st.RetryAt
		}
		if i == 30 {
			t.Fatalf("there is no end: %+v", st)
		}
	}
	told, want := w.Told(), []string{}
	for _, k := range w.Wanted(s.Facts().Platform) {
		want = append(want, string(k.Kind)+":"+k.Value)
		if !told[k] {
			t.Fatalf("%v is in the list without a disclosure", k)
		}
	}
	slices.Sort(want)
	got, _ := s.members(st.Remote)
	slices.Sort(got)
	if diff := cmp.Diff(slices.Compact(want), append([]string{}, got...)); diff != "" {
		t.Fatalf("the list has others (-want +got)\n%s", diff)
	}
}
