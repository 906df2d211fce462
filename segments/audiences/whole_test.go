package audiences

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"enishi/segments/audiences/match"
)

// wholePlatform takes lists as a whole: in place of who was there, or added where nobody can be taken out. Every third call that is carried out later comes to nothing.
type wholePlatform struct {
	*platform
	writes int
}

func (p *wholePlatform) Add(context.Context, string, *Spec, []Member) (Answer, error) {
	panic("somebody alone was told to a platform of whole lists")
}

func (p *wholePlatform) Remove(context.Context, string, *Spec, []Member) (Answer, error) {
	panic("somebody alone was taken out of a whole list")
}

func (p *wholePlatform) Write(_ context.Context, remote string, _ *Spec, members iter.Seq2[*Member, error]) (Answer, error) {
	before, after := p.faults("write")
	if before != nil {
		return Answer{}, before
	}
	if p.lists[remote] == nil {
		return Answer{}, &Problem{Class: Gone, Msg: "no such list"}
	}
	in, people := map[string]time.Time{}, 0
	for m, err := range members {
		if err != nil {
			return Answer{}, err
		}
		people++
		for _, k := range m.Keys {
			p.heard[k] = true
			if u := p.users[k]; u != "" {
				in[u] = time.Time{}
			}
		}
	}
	if people < p.facts.Minimum {
		return Answer{}, TooSmall(people, p.facts.Minimum)
	}
	apply := func() Answer {
		if l := p.lists[remote]; l != nil {
			if p.facts.Removal {
				clear(l.members)
			}
			for u := range in {
				l.members[u] = time.Time{}
			}
		}
		return Answer{}
	}
	p.writes++
	if p.facts.Later {
		call := fmt.Sprint("write", p.writes)
		if p.writes%3 == 0 {
			if p.dead == nil {
				p.dead = map[string]bool{}
			}
			p.dead[call] = true
		} else {
			p.pending[call] = apply
			p.order = append(p.order, call)
		}
		return Answer{Call: call, Open: true}, after
	}
	apply()
	return Answer{}, after
}

// TestWholeTooSmall: a list that gets too small to be written anew goes, for somebody in it may not stay.
func TestWholeTooSmall(t *testing.T) {
	w, ctx := newWorld(), t.Context()
	p := &wholePlatform{platform: newPlatform(Facts{Platform: match.YahooJP, Batch: 3, Minimum: 3})}
	for i := range 3 {
		w.people[person(i)] = &candidate{Profile: person(i), Found: true, Consent: "in", Person: match.Person{Emails: []string{mail(i)}}}
		w.members[person(i)] = true
	}
	s, def := w.syncer(p), definition(t)
	if st, err := s.Sync(ctx, "vip", def); err != nil || st.Problem != nil || st.InList != 3 || p.writes != 1 {
		t.Fatalf("%+v, %v after %d writes", st, err, p.writes)
	}
	w.people[person(0)].Consent = "out"
	st, err := s.Sync(ctx, "vip", def)
	if err != nil || st.Problem == nil || st.Problem.Code != tooSmall || st.Remote != "" || len(p.lists) != 0 {
		t.Fatalf("%+v, %v: %v", st, err, p.lists)
	}
	open, err := w.OpenBatches(ctx, "vip")
	if err != nil || len(open) != 0 {
		t.Errorf("%+v, %v", open, err)
	}
}

// TestWholeTakenOver: a replica that lost its part does not finish a list, which would take the place of a newer one.
func TestWholeTakenOver(t *testing.T) {
	w, ctx := newWorld(), t.Context()
	p := &wholePlatform{platform: newPlatform(Facts{Platform: match.File, Batch: 3, Removal: true})}
	w.people[person(0)] = &candidate{Profile: person(0), Found: true, Consent: "in", Person: match.Person{Emails: []string{mail(0)}}}
	w.members[person(0)] = true
	s, def, mine := w.syncer(p), definition(t), true
	s.cfg.Mine = func() bool { return mine }
	s.Fault = func(point string) error {
		mine = mine && point != "disclosed" // right before the list is written
		return nil
	}
	if st, err := s.Sync(ctx, "vip", def); err != nil || st.Problem != nil || p.writes != 0 {
		t.Fatalf("%+v, %v after %d writes", st, err, p.writes)
	}
	mine, s.Fault = true, nil
	if st, err := s.Sync(ctx, "vip", def); err != nil || st.Problem != nil || p.writes != 1 || st.InList != 1 {
		t.Fatalf("%+v, %v after %d writes", st, err, p.writes)
	}
	for _, b := range w.batches {
		if b.State != BatchDone {
			t.Errorf("%+v", b)
		}
	}
}

// TestWholeAgain: a list whose members are not to be read is not written, and is when they are.
func TestWholeAgain(t *testing.T) {
	w, ctx := newWorld(), t.Context()
	p := &wholePlatform{platform: newPlatform(Facts{Platform: match.File, Batch: 1, Removal: true})}
	for i := range 2 {
		w.people[person(i)] = &candidate{Profile: person(i), Found: true, Consent: "in", Person: match.Person{Emails: []string{mail(i)}}}
		w.members[person(i)] = true
	}
	s, def := w.syncer(p), definition(t)
	crash := errors.New("crash")
	for _, point := range []string{"batch stored", "entries stored", "disclosed", "called", "answered"} {
		times := 0
		s.Fault = func(at string) error {
			if at == point {
				if times++; times == 2 { // the first of two batches is through
					return crash
				}
			}
			return nil
		}
		_, _ = s.Sync(ctx, "vip", def)
	}
	s.Fault = nil
	st, err := s.Sync(ctx, "vip", def)
	if err != nil || st.Problem != nil || st.InList != 2 || st.Calls > 1 {
		t.Fatalf("%+v, %v", st, err)
	}
	if st, err = s.Sync(ctx, "vip", def); err != nil || st.Calls != 0 {
		t.Errorf("nothing changed and the list was written: %+v, %v", st, err)
	}
}

// TestWholeLeaver: who may not stay is not in the list that is written next, and nothing is told of them.
func TestWholeLeaver(t *testing.T) {
	w, ctx := newWorld(), t.Context()
	p := &wholePlatform{platform: newPlatform(Facts{Platform: match.File, Batch: 3, Removal: true})}
	rules, _ := match.For(match.File)
	for i := range 2 {
		w.people[person(i)] = &candidate{Profile: person(i), Found: true, Consent: "in", Person: match.Person{Emails: []string{mail(i)}}}
		w.members[person(i)] = true
		p.users[rules.Keys(&w.people[person(i)].Person, match.Kinds())[0]] = fmt.Sprint("user", i)
	}
	s, def := w.syncer(p), definition(t)
	if st, err := s.Sync(ctx, "vip", def); err != nil || st.InList != 2 {
		t.Fatalf("%+v, %v", st, err)
	}
	w.people[person(0)].Consent, w.stale = "out", true
	told := len(w.disclosures)
	st, err := s.Sync(ctx, "vip", def)
	if err != nil || st.Taken != 1 || st.InList != 1 || len(w.disclosures) != told {
		t.Fatalf("%+v, %v, %d disclosures after %d", st, err, len(w.disclosures), told)
	}
	if got := p.lists[st.Remote].members; len(got) != 1 || len(w.entries[list("vip", 0)]) != 1 {
		t.Errorf("in the list: %v", got)
	}
}

// TestWholeComesToNothing: a list that the platform could not read is written again.
func TestWholeComesToNothing(t *testing.T) {
	w, ctx := newWorld(), t.Context()
	p := &wholePlatform{platform: newPlatform(Facts{Platform: match.YahooJP, Batch: 3, Later: true}), writes: 2}
	w.people[person(0)] = &candidate{Profile: person(0), Found: true, Consent: "in", Person: match.Person{Emails: []string{mail(0)}}}
	w.members[person(0)] = true
	s, def := w.syncer(p), definition(t)
	for i, class := range []Class{Refused, "", ""} { // came to nothing; written again; nothing to do
		st, err := s.Sync(ctx, "vip", def)
		if err != nil || class == "" && st.Problem != nil || class != "" && (st.Problem == nil || st.Problem.Class != class) {
			t.Fatalf("run %d: %+v, %v", i, st, err)
		}
		w.now = w.now.Add(2 * time.Hour)
	}
	if st := w.standing["vip"]; st.EndedAt.Before(st.BeganAt) || p.writes != 4 {
		t.Errorf("%+v after %d writes", st, p.writes-2)
	}
}
