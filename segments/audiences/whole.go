package audiences

import (
	"context"
	"iter"
	"time"
)

// writeTimeout bounds the writing of a whole list.
const writeTimeout = 15 * time.Minute

func (r *run) mine() bool { return r.cfg.Mine == nil || r.cfg.Mine() }

// write makes the list of the ledger at a platform that takes lists as a whole, when something of it was not written yet.
func (r *run) write(ctx context.Context) error {
	open, err := r.store.OpenBatches(ctx, r.name)
	if err != nil {
		return err
	}
	var due []Batch
	for i := range open {
		switch b := &open[i]; {
		case b.State != BatchAsked || b.Call != "":
		case b.Generation != r.generation: // of a list whose place is being taken
			if err := r.settled(ctx, b, BatchRefused, "replaced"); err != nil {
				return err
			}
		default:
			due = append(due, *b)
		}
	}
	if len(due) == 0 {
		return nil
	}
	if err := r.today(ctx); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, writeTimeout)
	var ours error
	answer, err := r.whole.Write(within, r.remote, r.spec(r.generation), r.all(within, &ours))
	cancel()
	r.called(err)
	switch {
	case ours != nil:
		return ours
	case err != nil:
		return problemOf(err)
	}
	if err := r.fault("called"); err != nil {
		return err
	}
	for i := range due {
		b := &due[i]
		b.Tries++
		if answer.Open {
			b.Call, b.UpdatedAt = answer.Call, r.now()
			if err := r.store.PutBatch(ctx, b); err != nil {
				return err
			}
			continue
		}
		entries, err := r.whose(ctx, b, &answer)
		if err != nil {
			return err
		}
		if err := r.answered(ctx, b, entries, &answer); err != nil {
			return err
		}
	}
	return nil
}

// all are the members of the list that is to be, by their ids. It ends with an error when another replica has taken over: a list that is older may not take the place of a newer one.
func (r *run) all(ctx context.Context, ours *error) iter.Seq2[*Member, error] {
	return func(yield func(*Member, error) bool) {
		fail := func(err error) {
			*ours = err
			yield(nil, err)
		}
		for _, ids := range r.ranges() {
			if !r.mine() {
				fail(errWait)
				return
			}
			entries, err := r.store.Entries(ctx, r.name, r.generation, ids[0], ids[1])
			if err != nil {
				fail(err)
				return
			}
			for i := range entries {
				e := &entries[i]
				if e.State == Leaving || e.State == Rejected || e.State == Again && e.Reason == LeftByLaw {
					continue
				}
				if !yield(&Member{Profile: e.Profile, Keys: e.Keys, Value: e.Value}, nil) {
					return
				}
			}
		}
		if !r.mine() {
			fail(errWait)
		}
	}
}

// nothingCame has a whole list written again whose call the platform could not carry out.
func (r *run) nothingCame(ctx context.Context, open []Batch, call string, p *Problem) error {
	if r.whole == nil || p.Class != Refused {
		return p
	}
	for i := range open {
		b := &open[i]
		if b.State != BatchAsked || b.Call != call {
			continue
		}
		b.Call, b.Reason, b.UpdatedAt = "", p.Error(), r.now()
		if err := r.store.PutBatch(ctx, b); err != nil {
			return err
		}
	}
	return p
}
