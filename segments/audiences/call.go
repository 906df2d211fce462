package audiences

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"enishi"
)

// removals collects who is to be taken out and sends what fills a call.
func (r *run) removals(ctx context.Context, p *plan) error {
	for _, x := range p.remove {
		r.unlawful = r.unlawful || x.entry.Reason != LeftSegment && x.entry.Reason != LeftChanged
		if n := len(x.entry.Keys); len(r.removing) > 0 && r.keys+n > r.facts.Batch {
			if err := r.flush(ctx, OpRemove); err != nil {
				return err
			}
		}
		r.removing, r.keys = append(r.removing, x), r.keys+len(x.entry.Keys)
	}
	return nil
}

func (r *run) additions(ctx context.Context, p *plan) error {
	for _, x := range p.add {
		if x.changed && !r.facts.Removal { // the ledger keeps what this list has of them, which makes one more needed
			continue
		}
		if !x.in {
			r.st.InList++
		}
		if x.was == Rejected {
			r.st.Rejected--
		}
		r.unsure[x.unsure]--
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
		steps, r.keys = &r.removing, 0
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
		case op == OpRemove && r.whole != nil && e.Reason == LeftChanged: // the answer comes when they were told again
			r.back++
		case op == OpRemove:
		case x.again:
			r.st.Refreshed++
		case r.back > 0:
			r.back--
			r.st.Refreshed++
		default:
			r.st.Added++
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

// mark notes that those who share an identifier with somebody whom a batch takes out are to be told again: the platform takes out whomever it matches.
func (r *run) mark(ctx context.Context, b *Batch) error {
	sharing, err := r.store.Sharing(ctx, r.name, b.Generation, b.ID)
	if err != nil {
		return err
	}
	sharing = slices.DeleteFunc(sharing, func(e Entry) bool { return !told(&e) })
	for i := range sharing {
		sharing[i].State, sharing[i].Reason = Again, ""
	}
	r.changed(sharing)
	return r.store.PutEntries(ctx, r.name, b.Generation, sharing)
}

// members are what a call tells. A removal tells each identifier as a member of its own: one that the platform does not take must not keep the others in its list.
func (r *run) members(op string, entries []Entry) []Member {
	keys := 0
	for i := range entries {
		keys += len(entries[i].Keys)
	}
	out := make([]Member, 0, len(entries))
	for i := range entries {
		e := &entries[i]
		if op != OpRemove || keys > r.facts.Batch { // one person with more than a call takes
			out = append(out, Member{Profile: e.Profile, Keys: e.Keys, Value: e.Value})
			continue
		}
		for k := range e.Keys {
			out = append(out, Member{Profile: e.Profile, Keys: e.Keys[k : k+1]})
		}
	}
	return out
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
	if b.Op == OpRemove {
		if err := r.mark(ctx, b); err != nil {
			return err
		}
	}
	at := r.now()
	list := make([]Disclosure, len(entries))
	for i := range entries {
		e := &entries[i]
		list[i] = Disclosure{Profile: e.Profile, Batch: b.ID, At: at, Audience: r.name, Destination: r.dest.Name, Platform: r.facts.Platform, Recipient: r.dest.Recipient,
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
	b.People = len(entries) // of a call that is made anew perhaps fewer
	within, cancel := context.WithTimeout(ctx, CallTimeout)
	call := r.dest.Platform.Add
	if b.Op == OpRemove {
		call = r.dest.Platform.Remove
	}
	spec := r.spec(b.Generation)
	spec.Batch = b.ID
	answer, err := call(within, b.Remote, spec, r.members(b.Op, entries))
	cancel()
	r.called(err)
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

// answered stores what became of a batch. Of a call that the platform took nothing of, all is to be told again.
func (r *run) answered(ctx context.Context, b *Batch, entries []Entry, answer *Answer) error {
	b.Call = answer.Call
	reason := answer.Reason
	for _, why := range answer.Rejected {
		reason = why
	}
	told := b.People
	if b.Op == OpRemove {
		told = len(r.members(b.Op, entries))
	}
	b.Unnamed = min(answer.Refused, max(0, told-len(answer.Rejected)))
	b.Rejected = len(answer.Rejected) + b.Unnamed
	if answer.Refused > 0 && len(answer.Rejected)+answer.Refused >= max(told, answer.Units) {
		return r.refused(ctx, b, entries, reason)
	}
	if b.Op == OpRemove { // whom the platform does not know is not in the list either
		for i := range entries {
			if entries[i].Reason != LeftChanged {
				r.st.Taken++
			} else if r.whole == nil {
				r.back++
			}
		}
		if err := r.store.Forget(ctx, r.name, b.Generation, entries); err != nil {
			return err
		}
	} else { // what the batch says holds of all whom it told of but these
		var differ []Entry
		for i, e := range entries {
			why, rejected := answer.Rejected[i]
			switch {
			case rejected:
				e.State, e.Reason = Rejected, why
				r.st.InList--
				r.st.Rejected++
			case b.Unnamed > 0:
				e.State, e.Reason = Accepted, cmp.Or(answer.Reason, "not_taken") // nobody may say of them that they were
				if r.unsure != nil {
					r.unsure[b.ID]++
				}
			default:
				continue
			}
			differ = append(differ, e)
		}
		if err := r.store.PutEntries(ctx, r.name, b.Generation, differ); err != nil {
			return err
		}
	}
	if err := r.fault("answered"); err != nil {
		return err
	}
	b.Accepted = max(0, told-b.Rejected)
	return r.settled(ctx, b, BatchDone, reason)
}

// whose are the entries of a batch as far as its answer concerns them: none of an addition of which nobody was left out.
func (r *run) whose(ctx context.Context, b *Batch, answer *Answer) ([]Entry, error) {
	if b.Op == OpAdd && len(answer.Rejected) == 0 && answer.Refused == 0 {
		return nil, nil
	}
	return r.store.BatchEntries(ctx, r.name, b.Generation, b.ID)
}

// refused notes that the platform took nothing of a call: who was to go is still there, who was to come is not. Both are told again when the platform is tried again.
func (r *run) refused(ctx context.Context, b *Batch, entries []Entry, reason string) error {
	if b.Op == OpAdd {
		for i := range entries {
			entries[i].State, entries[i].Reason = Again, reason
		}
		if err := r.store.PutEntries(ctx, r.name, b.Generation, entries); err != nil {
			return err
		}
	}
	if err := r.settled(ctx, b, BatchRefused, reason); err != nil {
		return err
	}
	if r.refusal == nil { // the other calls are made all the same
		r.refusal = &Problem{Class: Refused, Code: reason, Msg: fmt.Sprintf("the platform took nothing of a call about %d people", len(entries)), MsgJA: fmt.Sprintf("媒体が %d 人分の送信をすべて受け付けませんでした。", len(entries))}
	}
	return nil
}

// end is how the calls so far ended: with the problem of those that the platform took nothing of.
func (r *run) end() error {
	if r.refusal != nil {
		return r.refusal
	}
	return nil
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
		if b.State == BatchOpen {
			if waits {
				return errWait // nothing overtakes
			}
			entries, err := r.lawful(ctx, b)
			if err != nil {
				return err
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
		r.called(err)
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
		entries, err := r.whose(ctx, b, &answer)
		if err != nil {
			return err
		}
		if err := r.answered(ctx, b, entries, &answer); err != nil {
			return err
		}
	}
	if waits {
		return errWait
	}
	return r.end()
}

// lawful are the entries of a batch that is sent once more. Who may not be told any more since it was made is left out: the platform may have got them the time before, so
// their entries stay and the difference takes them out.
func (r *run) lawful(ctx context.Context, b *Batch) ([]Entry, error) {
	entries, err := r.store.BatchEntries(ctx, r.name, b.Generation, b.ID)
	if err != nil || b.Op == OpRemove {
		return entries, err
	}
	ids := make([]enishi.ID, len(entries))
	for i := range entries {
		ids[i] = entries[i].Profile
	}
	people, err := r.store.People(ctx, &r.query, ids)
	if err != nil {
		return nil, err
	}
	may := make(map[enishi.ID]bool, len(people))
	for i := range people {
		_, reason := r.dest.judge(&people[i], r.def, r.rules, r.at)
		may[people[i].Profile] = reason == "" || reason == LeftNoKeys
	}
	var told, held []Entry
	for _, e := range entries {
		if may[e.Profile] {
			told = append(told, e)
		} else {
			e.Batch, e.State, e.Reason = enishi.ID{}, Again, LeftByLaw // an answer names members by their place in the batch
			held = append(held, e)
		}
	}
	return told, r.store.PutEntries(ctx, r.name, b.Generation, held)
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
	if removals == 0 && !r.expired() {
		return r.fill(ctx)
	}
	r.st.Next = making
	if err := r.store.PutStanding(ctx, r.st); err != nil {
		return err
	}
	return r.rebuild(ctx)
}

// expired tells whether the list as a whole is to be made anew before it ends.
func (r *run) expired() bool {
	return r.facts.Expires > 0 && r.now().Sub(r.st.MadeAt) > r.facts.Expires*5/6
}

// making stands in place of a list's id until the platform has answered: that it is to be made is stored before, lest one whose answer was lost stays there for ever.
const making = "?"

// make makes the first list.
func (r *run) make(ctx context.Context) error {
	if r.st.Remote != making {
		return nil
	}
	remote, err := r.create(ctx, r.st.Generation)
	if err != nil {
		return err
	}
	r.st.Remote, r.st.MadeAt = remote, r.now()
	return r.store.PutStanding(ctx, r.st)
}

func (r *run) makeNext(ctx context.Context) error {
	if r.st.Next != making {
		return nil
	}
	next, err := r.create(ctx, r.st.Generation+1)
	if err != nil {
		return err
	}
	r.st.Next = next
	return r.store.PutStanding(ctx, r.st)
}

// rebuild fills the next list and lets it take the place of the one that is used.
func (r *run) rebuild(ctx context.Context) error {
	if err := r.makeNext(ctx); err != nil {
		return err
	}
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
	late, gone := false, 0 // somebody was told to the new list and had to go since
	if err := r.each(ctx, func(p *plan) error {
		gone += p.gone
		for _, x := range p.remove {
			late = late || x.entry.Reason != LeftSegment
		}
		return nil
	}); err != nil {
		return err
	}
	r.st.Taken += gone
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
