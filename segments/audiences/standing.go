package audiences

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// moved finds that the lists of the audience are at another account than the configuration names now: nothing can be taken out of them there. Those of a simulator are forgotten.
func (r *run) moved(ctx context.Context) error {
	was, is := r.st.Account, r.dest.Account
	if !r.st.Holds() || was == "" || is == "" {
		was = is
	}
	if was != is {
		if !strings.HasPrefix(was, Simulator) {
			return &Problem{Class: Refused, Code: "account", Msg: "its list is at another account (" + was + ") than ads." + r.dest.Name + " names now (" + is + "), and keeps whom it has: name the former account there again, and give the new one another name",
				MsgJA: "リストは別の広告アカウント（" + was + "）にあり、設定 ads." + r.dest.Name + "（" + is + "）からは操作できません。リストの方々はそのまま残っています。設定を元のアカウントに戻し、新しいアカウントには別の名前を付けてください。"}
		}
		if err := r.forgotten(ctx, BatchRefused, "the simulator is another"); err != nil {
			return err
		}
	}
	r.st.Account = is
	return nil
}

// Simulator begins the Account of a simulator of this process, whose lists end with it.
const Simulator = "simulator "

// ended notes the end of a run; never before its beginning, also when the clock was set back.
func (r *run) ended() { r.st.EndedAt = later(r.now(), r.st.BeganAt) }

// failed notes what a run failed by. What has not changed for a week is one row of the history.
func (r *run) failed(p *Problem, before *Standing) {
	r.st.Problem, r.st.RetryAt = p, r.now().Add(p.pause())
	if same := before.Problem; same != nil && same.Class == p.Class && same.Code == p.Code && r.st.Added+r.st.Taken+r.st.Refreshed == 0 && r.st.Remote == before.Remote && r.st.Next == before.Next {
		r.st.BeganAt = before.BeganAt
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// unnamed counts who was not taken without the platform saying who. It is as many at most: some of them may have left since.
func (r *run) unnamed(ctx context.Context) error {
	if !r.compared {
		return nil
	}
	r.st.Unnamed = 0
	if len(r.unsure) == 0 {
		return nil
	}
	of, err := r.store.Unnamed(ctx, r.name, slices.Collect(maps.Keys(r.unsure)))
	if err != nil {
		return err
	}
	for id, n := range r.unsure {
		r.st.Unnamed += max(0, min(n, of[id]))
	}
	return nil
}

// begun begins a run. One that waited for the platform goes on under its own beginning: it is one row of the history.
func (r *run) begun() {
	st := r.st
	goesOn := st.Problem == nil && !st.BeganAt.IsZero() && st.EndedAt.Before(st.BeganAt)
	st.Problem, st.RetryAt = nil, time.Time{}
	if !goesOn { // the newest row tells, also when the clock was set back
		st.BeganAt, st.Added, st.Taken, st.Refreshed, st.Calls, st.Rebuilt = later(r.at, later(st.BeganAt, st.EndedAt).Add(time.Millisecond)), 0, 0, 0, 0, false
	}
	if st.LeftOut == nil {
		st.LeftOut = map[string]int{}
	}
}

// away takes all lists of the audience away at the platform and forgets who was in them. It may be repeated.
func (r *run) away(ctx context.Context, state, reason string) error {
	if err := errors.Join(r.make(ctx), r.makeNext(ctx)); err != nil { // found, or made to be deleted
		return err
	}
	for _, remote := range []string{r.st.Next, r.st.Remote, r.st.Old} {
		if remote == "" {
			continue
		}
		if err := r.dest.Platform.Delete(ctx, remote); err != nil {
			return problemOf(err)
		}
	}
	return r.forgotten(ctx, state, reason)
}

// forgotten forgets the lists, which are there no more, and who was in them.
func (r *run) forgotten(ctx context.Context, state, reason string) error {
	open, err := r.store.OpenBatches(ctx, r.name)
	if err != nil {
		return err
	}
	for i := range open {
		if err := r.settled(ctx, &open[i], state, reason); err != nil {
			return err
		}
	}
	for g := max(0, r.st.Generation-1); g <= r.st.Generation+1; g++ {
		if err := r.store.Drop(ctx, r.name, g); err != nil {
			return err
		}
	}
	r.st.Remote, r.st.Next, r.st.Old, r.st.Generation = "", "", "", r.st.Generation+2 // a number that no list had
	r.st.InList, r.st.Unnamed, r.st.Rejected, r.st.Matched = 0, 0, 0, -1
	return nil
}

// enough tells whether so many people may be told that the platform shows the list: else it need not be told of anybody. What it compares is kept.
func (r *run) enough(ctx context.Context) error {
	least, wanted := max(r.def.Minimum, r.facts.Minimum), 0
	left := map[string]int{}
	for _, ids := range r.ranges() {
		if wanted >= least {
			return nil
		}
		p, err := r.plan(ctx, ids[0], ids[1])
		if err != nil {
			return err
		}
		r.keep(p)
		wanted += p.wanted
		for _, reason := range p.reasons {
			left[reason]++
		}
	}
	if wanted >= least {
		return nil
	}
	r.st.Wanted, r.st.LeftOut = wanted, left
	return TooSmall(wanted, least)
}

// create finds or makes a list. That a platform calls a list gone which it is to make is no reason to make it at once again.
func (r *run) create(ctx context.Context, generation int) (string, error) {
	remote, err := r.dest.Platform.Create(ctx, r.spec(generation))
	if err == nil {
		return remote, nil
	}
	p := *problemOf(err)
	if p.Class == Gone {
		p = Problem{Class: Auth, Code: p.Code, Msg: "the account is not there, or may not be used: look at ads." + r.dest.Name, MsgJA: "広告アカウントが見つからないか、操作する権限がありません。設定 ads." + r.dest.Name + " と媒体側の権限を確認してください。", Err: err}
	}
	return "", &p
}

// Delete takes an audience's lists away at the platform, and what the ledger has of it; disclosures stay. It may be repeated.
func (s *Syncer) Delete(ctx context.Context, name string, def *Definition) error {
	r, err := s.begin(ctx, name, def)
	if err != nil {
		return err
	}
	if r.st.Problem != nil && r.at.Before(r.st.RetryAt) {
		return nil
	}
	before := *r.st
	r.begun()
	if err = r.moved(ctx); err == nil {
		err = r.away(ctx, BatchDone, LeftByHand)
	}
	var p *Problem
	if errors.As(err, &p) { // who was in the list still is
		r.failed(p, &before)
		return errors.Join(fmt.Errorf("delete the audience %s: %w", name, err), s.store.PutStanding(ctx, r.st))
	}
	if err != nil {
		return fmt.Errorf("delete the audience %s: %w", name, err)
	}
	r.ended()
	s.forget(name)
	return s.store.PutStanding(ctx, r.st)
}
