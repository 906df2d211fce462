package audiences

import (
	"context"
	"strings"
	"testing"
	"time"

	"enishi/segments/audiences/match"
)

var atOnce = Facts{Platform: match.MetaAds, Batch: 10, Removal: true}

// try syncs once.
func try(t *testing.T, s *Syncer, def *Definition) *Standing {
	t.Helper()
	st, err := s.Sync(t.Context(), "vip", def)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// TestAccountMoved: an account that the configuration replaces by another keeps its list, and that is said; nothing is told to the new one as if it had it. The lists of a
// simulator are forgotten.
func TestAccountMoved(t *testing.T) {
	w, p, def := shop(t, atOnce, 3)
	s := w.syncer(p)
	s.cfg.Destinations["ads"].Account = "meta 1"
	w.keep(t, s, def)
	w.people[person(0)].Consent = "out"
	moved := w.syncer(p)
	moved.cfg.Destinations["ads"].Account = "meta 2"
	calls := p.seq
	st := try(t, moved, def)
	if st.Problem == nil || st.Problem.Code != "account" || !strings.Contains(st.Problem.MsgJA, "meta 1") || p.seq != calls {
		t.Fatalf("%+v after %d calls", st.Problem, p.seq-calls)
	}
	if err := moved.Delete(t.Context(), "vip", def); err != nil || len(p.lists) != 1 { // not before the problem is tried again
		t.Errorf("%v: %v", err, p.lists)
	}
	w.now = st.RetryAt
	if err := moved.Delete(t.Context(), "vip", def); err == nil || len(p.lists) != 1 {
		t.Errorf("%v: %v", err, p.lists)
	}
	w.now = w.standing["vip"].RetryAt
	if st = w.keep(t, s, def); len(p.lists[st.Remote].members) != 2 || st.Account != "meta 1" {
		t.Errorf("%+v", st)
	}

	w, p, def = shop(t, atOnce, 3)
	s = w.syncer(p)
	s.cfg.Destinations["ads"].Account = Simulator + "meta"
	w.keep(t, s, def)
	real := newPlatform(atOnce)
	real.users = p.users
	s = w.syncer(real)
	s.cfg.Destinations["ads"].Account = "meta 1"
	if st = w.keep(t, s, def); st.Account != "meta 1" || len(real.lists[st.Remote].members) != 3 || st.Added != 3 {
		t.Errorf("%+v", st)
	}
}

// TestDeleteFails: that a list could not be deleted is kept, and it is not tried all the time.
func TestDeleteFails(t *testing.T) {
	w, p, def := shop(t, atOnce, 3)
	s := w.syncer(p)
	w.keep(t, s, def)
	tries := 0
	p.fail = func(what string) (error, error) {
		tries++
		return &Problem{Class: Auth, Code: "190", Msg: "revoked"}, nil
	}
	for range 3 {
		_ = s.Delete(t.Context(), "vip", def)
	}
	st := w.standing["vip"]
	if tries != 1 || st.Problem == nil || st.Problem.Class != Auth || st.RetryAt.Sub(w.now) < 50*time.Minute || !st.Holds() {
		t.Fatalf("%d tries: %+v", tries, st)
	}
	p.fail = nil
	w.now = st.RetryAt
	if err := s.Delete(t.Context(), "vip", def); err != nil || len(p.lists) != 0 || w.standing["vip"].Problem != nil || w.standing["vip"].InList != 0 {
		t.Errorf("%v: %+v", err, w.standing["vip"])
	}
}

// TestMinimum: a list that would be too small to be shown is not told of, whatever the segment's size; one that gets smaller is kept.
func TestMinimum(t *testing.T) {
	facts := atOnce
	facts.Minimum = 3
	w, p, def := shop(t, facts, 4)
	for _, i := range []int{0, 1} {
		w.people[person(i)].Consent = ""
	}
	s := w.syncer(p)
	st := try(t, s, def)
	if st.Problem == nil || st.Problem.Code != tooSmall || st.Wanted != 2 || st.LeftOut[LeftNoConsent] != 2 || len(p.heard) != 0 || len(p.lists) != 0 {
		t.Fatalf("%+v told of %d", st, len(p.heard))
	}
	w.people[person(0)].Consent = "in"
	w.now = st.RetryAt
	if st = w.keep(t, s, def); st.InList != 3 {
		t.Fatalf("%+v", st)
	}
	w.people[person(0)].Consent = "out"
	if st = w.keep(t, s, def); st.InList != 2 || len(p.lists[st.Remote].members) != 2 || st.Problem != nil {
		t.Errorf("%+v", st)
	}
}

// TestBudgetShared: the budget of an account is that of all its audiences; the next day it is there again.
func TestBudgetShared(t *testing.T) {
	w, p, def := shop(t, Facts{Platform: match.MetaAds, Batch: 2, Removal: true}, 6)
	s := w.syncer(p)
	s.cfg.Destinations["ads"].CallsPerDay, s.cfg.Destinations["ads"].Account = 4, "meta 1"
	if st := w.keep(t, s, def); st.Today != 3 {
		t.Fatalf("%+v", st)
	}
	st, err := s.Sync(t.Context(), "other", def)
	if err != nil || st.Problem == nil || st.Problem.Code != "budget" || st.Calls != 1 {
		t.Fatalf("%+v, %v", st, err)
	}
	w.now = st.RetryAt
	if st, err = s.Sync(t.Context(), "other", def); err != nil || st.Problem != nil || st.InList != 6 {
		t.Errorf("%+v, %v", st, err)
	}
}

// TestUnnamed: of people whom a platform did not take without saying who they are nobody says that it did; a call that tells of them anew decides anew.
func TestUnnamed(t *testing.T) {
	w, p, def := shop(t, Facts{Platform: match.MetaAds, Batch: 3, Removal: true}, 6)
	p.counts, p.bad[addressKey(match.MetaAds, mail(0))] = true, true
	s := w.syncer(p)
	st := w.keep(t, s, def)
	if st.Unnamed != 1 || st.Has() != 5 || st.Rejected != 0 {
		t.Fatalf("%d of %d in the list, %d not taken", st.Has(), st.Wanted, st.Unnamed)
	}
	unsure := 0
	for _, e := range w.entries[list("vip", 0)] {
		if e.Reason != "" {
			unsure++
		}
	}
	if st = w.keep(t, s, def); unsure != 3 || st.Unnamed != 1 || st.Calls != 0 || s.Stats().People["vip"] != 5 {
		t.Errorf("a run later: %+v, %d unsure", st, unsure)
	}
	p.bad = map[match.Key]bool{}
	w.people[person(0)].Person.Emails = []string{"new@example.jp"}
	if st = w.keep(t, s, def); st.Unnamed != 1 { // the others of that call are as unsure as before
		t.Errorf("%+v", st)
	}
	for i := range 6 {
		w.people[person(i)].Person.Emails = append(w.people[person(i)].Person.Emails, mail(10+i))
	}
	if st = w.keep(t, s, def); st.Unnamed != 0 || st.Has() != 6 {
		t.Errorf("%+v", st)
	}
}

// TestUnits: rows that a platform counts are no people: two wrong rows of two people with four are no call that nothing was taken of.
func TestUnits(t *testing.T) {
	w, p, def := shop(t, atOnce, 2)
	s := w.syncer(&counting{p})
	if st := w.keep(t, s, def); st.Problem != nil || st.Unnamed != 2 || st.Has() != 0 {
		t.Errorf("%+v", st)
	}
}

type counting struct{ *platform }

func (c *counting) Add(ctx context.Context, remote string, spec *Spec, members []Member) (Answer, error) {
	a, err := c.platform.Add(ctx, remote, spec, members)
	a.Refused, a.Units, a.Reason = 2, 4, "invalid_entries"
	return a, err
}

// TestStill: while an audience stands still, somebody whose identifiers change stays as they were told; who may not stay goes.
func TestStill(t *testing.T) {
	for _, later := range []bool{false, true} {
		w, p, def := shop(t, Facts{Platform: match.GoogleAds, Batch: 10, Removal: true, Later: later}, 3)
		s := w.syncer(p)
		w.keep(t, s, def)
		def.Paused = true
		w.people[person(0)].Person.Emails = []string{mail(7)}
		w.people[person(1)].Consent = "out"
		w.people[person(5)], w.members[person(5)] = w.people[person(2)], true
		st := w.keep(t, s, def)
		if in := p.lists[st.Remote].members; len(in) != 2 || st.InList != 2 || st.Taken != 1 || p.heard[addressKey(match.GoogleAds, mail(7))] {
			t.Errorf("later %v: %v, %+v", later, in, st)
		}
		def.Paused = false
		if st = w.keep(t, s, def); !p.heard[addressKey(match.GoogleAds, mail(7))] {
			t.Errorf("later %v: %+v", later, st)
		}
	}
}

// TestOwners: installations that share an account do not take each other's lists for their own.
func TestOwners(t *testing.T) {
	w, p, def := shop(t, atOnce, 3)
	s := w.syncer(p)
	s.cfg.Owner = "a1"
	w.keep(t, s, def)
	other := newWorld()
	other.members, other.people = w.members, w.people
	s = other.syncer(p)
	s.cfg.Owner = "b2"
	other.keep(t, s, def)
	if len(p.lists) != 2 {
		t.Errorf("%v", p.lists)
	}
}

// TestNoAccount: a list that is said to be gone while it is made is no list that is gone: it is not made all the time.
func TestNoAccount(t *testing.T) {
	w, p, def := shop(t, atOnce, 3)
	p.fail = func(what string) (error, error) { return &Problem{Class: Gone, Code: "100/33", Msg: "not there"}, nil }
	st := try(t, w.syncer(p), def)
	if st.Problem == nil || st.Problem.Class != Auth || st.Problem.Code != "100/33" || st.RetryAt.Sub(w.now) < 50*time.Minute {
		t.Errorf("%+v", st)
	}
}

// TestClockBack: a clock that is set back does not hide what was done since.
func TestClockBack(t *testing.T) {
	w, p, def := shop(t, Facts{Platform: match.YahooJP, Batch: 10}, 3)
	s := w.syncer(p)
	first := w.keep(t, s, def)
	began := first.BeganAt
	w.now = w.now.Add(-24 * time.Hour)
	w.people[person(0)].Consent = "out"
	var st *Standing
	for range 5 {
		st = try(t, s, def)
	}
	if !st.BeganAt.After(began) || st.EndedAt.Before(st.BeganAt) || st.InList != 2 || len(p.lists) != 1 || len(p.lists[st.Remote].members) != 2 {
		t.Errorf("%+v: %v", st, p.lists)
	}
}
