package audiences

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"enishi"
	"enishi/segments/audiences/match"
)

// removals collects who is to be taken out and sends what fills a call.
func (r *run) removals(ctx context.Context, p *plan) error {
	for _, x := range p.remove {
		r.unlawful = r.unlawful || x.entry.Reason != LeftSegment && x.entry.Reason != LeftChanged
		if r.removing = append(r.removing, x); len(r.removing) >= r.facts.Batch {
			if err := r.flush(ctx, OpRemove); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) additions(ctx context.Context, p *plan) error {
	for _, x := range p.add {
		if !x.again {
			r.st.InList++
		}
		if r.adding = append(r.adding, x); len(r.adding) >= r.facts.Batch {
			if err := r.flush(ctx, OpAdd); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush sends what was collected.
func (r *run) flush(ctx context.Context, op string) error {
	steps := &r.adding
	if op == OpRemove {
		steps = &r.removing
	}
	if len(*steps) == 0 {
		return nil
	}
	list := *steps
	*steps = nil
	// As the ledger gives them when an answer comes later: answers name members by their place.
	slices.SortFunc(list, func(a, b step) int { return a.entry.Profile.Compare(b.entry.Profile) })
	at := r.now()
	b := &Batch{Audience: r.name, Generation: r.generation, Op: op, State: BatchOpen, Remote: r.remote, People: len(list), At: at, UpdatedAt: at}
	b.ID = enishi.NewID("audience batch", r.name, strconv.Itoa(r.generation), op, strconv.FormatInt(at.UnixNano(), 10), list[0].entry.Profile.String(), strconv.Itoa(len(list)))
	entries := make([]Entry, len(list))
	for i, x := range list {
		e := x.entry
		e.Batch, e.At = b.ID, at
		entries[i] = e
		b.Keys += len(e.Keys)
		switch {
		case op == OpRemove:
		case x.again:
			r.st.Refreshed++
		default:
			r.st.Added++
		}
	}
	if op == OpRemove {
		if err := r.mark(ctx, entries); err != nil {
			return err
		}
	}
	if err := r.store.PutBatch(ctx, b); err != nil {
		return err
	}
	if err := r.fault("batch stored"); err != nil {
		return err
	}
	if err := r.store.PutEntries(ctx, r.name, r.generation, entries); err != nil {
		return err
	}
	if err := r.fault("entries stored"); err != nil {
		return err
	}
	return r.send(ctx, b, entries)
}

// mark notes that those who share an identifier with somebody who is taken out are to be told again: the platform takes out whomever it matches.
func (r *run) mark(ctx context.Context, leaving []Entry) error {
	var keys []match.Key
	out := make(map[enishi.ID]bool, len(leaving))
	for i := range leaving {
		keys, out[leaving[i].Profile] = append(keys, leaving[i].Keys...), true
	}
	sharing, err := r.store.Sharing(ctx, r.name, r.generation, keys)
	if err != nil {
		return err
	}
	sharing = slices.DeleteFunc(sharing, func(e Entry) bool { return out[e.Profile] || e.State != Accepted && e.State != Sent })
	for i := range sharing {
		sharing[i].State = Again
	}
	return r.store.PutEntries(ctx, r.name, r.generation, sharing)
}

// send tells the platform what a batch says, and stores the answer. A batch without entries is one that a crash left before they were stored.
func (r *run) send(ctx context.Context, b *Batch, entries []Entry) error {
	if len(entries) == 0 {
		return r.settled(ctx, b, BatchDone, "")
	}
	if !r.mine() {
		return errWait
	}
	if r.whole == nil {
		if err := r.today(ctx); err != nil {
			return err
		}
	}
	list := make([]Disclosure, len(entries))
	members := make([]Member, len(entries))
	for i := range entries {
		e := &entries[i]
		members[i] = Member{Profile: e.Profile, Keys: e.Keys, Value: e.Value}
		list[i] = Disclosure{Profile: e.Profile, Batch: b.ID, At: b.At, Audience: r.name, Destination: r.dest.Name, Platform: r.facts.Platform, Recipient: r.dest.Recipient,
			Country: r.dest.Country, Basis: r.dest.Basis, Purpose: r.dest.Consent, Op: b.Op, Keys: e.Keys}
	}
	if r.whole == nil || b.Op == OpAdd { // a list that is written without them tells nothing of who was taken out
		if err := r.store.Disclose(ctx, list); err != nil {
			return err
		}
	}
	if err := r.fault("disclosed"); err != nil {
		return err
	}
	if r.whole != nil {
		b.State, b.UpdatedAt = BatchAsked, r.now()
		return r.store.PutBatch(ctx, b)
	}
	b.Tries++
	within, cancel := context.WithTimeout(ctx, CallTimeout)
	call := r.dest.Platform.Add
	if b.Op == OpRemove {
		call = r.dest.Platform.Remove
	}
	answer, err := call(within, b.Remote, r.spec(b.Generation), members)
	cancel()
	if err != nil {
		p := problemOf(err)
		b.Reason, b.UpdatedAt = p.Error(), r.now()
		if err := r.store.PutBatch(ctx, b); err != nil {
			return err
		}
		return p
	}
	if err := r.fault("called"); err != nil {
		return err
	}
	if answer.Open {
		b.State, b.Call, b.UpdatedAt = BatchAsked, answer.Call, r.now()
		return r.store.PutBatch(ctx, b)
	}
	return r.answered(ctx, b, entries, &answer)
}

// answered stores what became of a batch.
func (r *run) answered(ctx context.Context, b *Batch, entries []Entry, answer *Answer) error {
	for i := range entries {
		e := &entries[i]
		reason, rejected := answer.Rejected[i]
		switch {
		case b.Op == OpRemove: // whom the platform does not know is not in the list either
			r.st.Taken++
		case rejected:
			e.State, e.Reason = Rejected, reason
			r.st.InList--
			r.st.Rejected++
		default:
			e.State, e.Reason = Accepted, ""
		}
	}
	keep := r.store.PutEntries
	if b.Op == OpRemove {
		keep = r.store.Forget
	}
	if err := keep(ctx, r.name, b.Generation, entries); err != nil {
		return err
	}
	if err := r.fault("answered"); err != nil {
		return err
	}
	b.Call = answer.Call
	b.Rejected = len(answer.Rejected) + answer.Refused
	b.Accepted = max(0, len(entries)-b.Rejected)
	reason := answer.Reason
	for _, why := range answer.Rejected {
		reason = why
	}
	return r.settled(ctx, b, BatchDone, reason)
}

func (r *run) settled(ctx context.Context, b *Batch, state, reason string) error {
	b.State, b.Reason, b.UpdatedAt = state, reason, r.now()
	return r.store.PutBatch(ctx, b)
}

// settle ends what is open, the oldest first. Of a whole list what was not written yet stays open: [run.write] does that.
func (r *run) settle(ctx context.Context) error {
	open, err := r.store.OpenBatches(ctx, r.name)
	if err != nil {
		return err
	}
	waits := false
	for i := range open {
		b := &open[i]
		if r.whole != nil && b.State == BatchAsked && b.Call == "" {
			continue
		}
		entries, err := r.store.BatchEntries(ctx, r.name, b.Generation, b.ID)
		if err != nil {
			return err
		}
		if b.State == BatchOpen {
			if waits {
				return errWait // nothing overtakes
			}
			if err := r.send(ctx, b, entries); err != nil {
				return err
			}
			waits = waits || b.State == BatchAsked && r.whole == nil
			continue
		}
		within, cancel := context.WithTimeout(ctx, CallTimeout)
		answer, err := r.dest.Platform.Result(within, b.Remote, b.Call)
		cancel()
		if err != nil {
			return r.nothingCame(ctx, open, b.Call, problemOf(err))
		}
		if answer.Open {
			waits = true
			continue
		}
		if answer.Call == "" {
			answer.Call = b.Call
		}
		if err := r.answered(ctx, b, entries, &answer); err != nil {
			return err
		}
	}
	if waits {
		return errWait
	}
	return nil
}

// appendOrRebuild keeps a list of a platform that takes nobody out.
func (r *run) appendOrRebuild(ctx context.Context) error {
	removals := 0
	if err := r.each(ctx, func(p *plan) error {
		for _, x := range p.remove {
			removals++
			r.unlawful = r.unlawful || x.entry.Reason != LeftSegment && x.entry.Reason != LeftChanged
		}
		return nil
	}); err != nil {
		return err
	}
	if expired := r.facts.Expires > 0 && r.now().Sub(r.st.MadeAt) > r.facts.Expires*5/6; removals == 0 && !expired {
		return r.fill(ctx)
	}
	next, err := r.dest.Platform.Create(ctx, r.spec(r.st.Generation+1))
	if err != nil {
		return problemOf(err)
	}
	r.st.Next = next
	if err := r.store.PutStanding(ctx, r.st); err != nil {
		return err
	}
	return r.rebuild(ctx)
}

// rebuild fills the next list and lets it take the place of the one that is used.
func (r *run) rebuild(ctx context.Context) error {
	r.generation, r.remote = r.st.Generation+1, r.st.Next
	if err := r.fill(ctx); err != nil {
		var p *Problem
		if errors.As(err, &p) && p.Code == tooSmall { // whoever may not stay is out all the same
			return errors.Join(r.away(ctx, BatchRefused, tooSmall), err)
		}
		return err
	}
	l, err := r.dest.Platform.Look(ctx, r.remote)
	if err != nil {
		return problemOf(err)
	}
	if !l.Ready {
		return errWait
	}
	late := false // somebody was told to the new list and had to go since
	if err := r.each(ctx, func(p *plan) error {
		for _, x := range p.remove {
			late = late || x.entry.Reason != LeftSegment
		}
		return nil
	}); err != nil {
		return err
	}
	r.st.Old, r.st.Remote, r.st.Generation, r.st.Next, r.st.MadeAt, r.st.Rebuilt = r.st.Remote, r.remote, r.generation, "", r.now(), true
	if err := r.store.PutStanding(ctx, r.st); err != nil {
		return err
	}
	if err := r.fault("swapped"); err != nil {
		return err
	}
	if err := r.tidy(ctx); err != nil {
		return err
	}
	if late {
		return errWait // once more, at once
	}
	return nil
}

// tidy takes away the list whose place was taken.
func (r *run) tidy(ctx context.Context) error {
	if r.st.Old == "" {
		return nil
	}
	if err := r.dest.Platform.Delete(ctx, r.st.Old); err != nil {
		return problemOf(err)
	}
	if err := r.store.Drop(ctx, r.name, r.st.Generation-1); err != nil {
		return err
	}
	r.st.Old = ""
	return nil
}

// Delete takes an audience's lists away at the platform, and what the ledger has of it; disclosures stay. It may be repeated.
func (s *Syncer) Delete(ctx context.Context, name string, def *Definition) error {
	r, err := s.begin(ctx, name, def)
	if err != nil {
		return err
	}
	if err := r.away(ctx, BatchDone, LeftByHand); err != nil {
		return fmt.Errorf("delete the audience %s: %w", name, err)
	}
	r.st.EndedAt = s.now()
	return s.store.PutStanding(ctx, r.st)
}
