package analytics

import (
	"slices"
	"testing"
	"time"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/profiles"
)

// rounds is how many checkpoints a made history is folded in.
const rounds = 3

// batch is rows for one table.
type batch struct {
	table   string
	columns []string
	n       int
	cols    []any
}

func insert(t testing.TB, db *clickhouse.DB, batches []batch) {
	t.Helper()
	for _, b := range batches {
		if err := db.Insert(t.Context(), b.table, b.columns, b.n, b.cols...); err != nil {
			t.Fatal(err)
		}
	}
}

// fold folds shops into profiles, as the pipeline does, and gives the rows of each checkpoint: people that are two until a
// merge, people that come apart again, changes that replace what an earlier checkpoint wrote.
func fold(t testing.TB, shops ...*shop) [rounds][]batch {
	t.Helper()
	var out [rounds][]batch
	facts := profiles.NewFacts()
	folds := make([]*shopFold, len(shops))
	for i, s := range shops {
		folds[i] = &shopFold{shop: s, profiles: map[enishi.ID]*profiles.Profile{}}
	}
	for round := range rounds {
		for _, f := range folds {
			f.round(t, round, facts)
		}
		for _, table := range facts.Tables() {
			out[round] = append(out[round], batch{table.Name, slices.Clone(table.Columns), table.Rows, table.Cols})
		}
		facts = profiles.NewFacts() // the rows of this round are kept
	}
	return out
}

// shopFold is the fold of one shop in progress.
type shopFold struct {
	shop     *shop
	profiles map[enishi.ID]*profiles.Profile
	now      time.Time
}

func (f *shopFold) of(id enishi.ID) *profiles.Profile {
	if f.profiles[id] == nil {
		f.profiles[id] = profiles.New(id)
	}
	return f.profiles[id]
}

func (f *shopFold) round(t testing.TB, round int, facts *profiles.Facts) {
	s := f.shop
	for _, h := range s.humans {
		if h.mode == merging && h.mergeAt == round {
			f.move(t, f.of(h.ids[1]), f.of(h.ids[0]))
		}
	}
	for _, x := range s.happens[s.cut(round):s.cut(round+1)] {
		h := &s.humans[x.human]
		subject := enishi.ID{}
		if x.event != nil {
			subject = x.event.Subject
		} else {
			subject = x.send.To
		}
		p := f.of(h.ids[0])
		if h.mode == merging && h.mergeAt > round {
			p = f.of(subject)
		}
		if x.at.After(f.now) {
			f.now = x.at
		}
		if x.send != nil {
			p.AddMessage(*x.send)
			continue
		}
		p.Apply(x.event, f.now)
	}
	if round == rounds-1 {
		for _, h := range s.humans {
			if h.mode == parting {
				f.absorb(t, f.of(h.ids[0]).Extract(h.ids[1:]), f.of(h.ids[1]))
			}
		}
	}
	for _, p := range f.profiles {
		if p.Dirty() != 0 {
			facts.Add(p, uint64(round)<<20+1)
		}
	}
}

// cut is with which happening a round begins.
func (s *shop) cut(round int) int {
	if s.cuts == nil || round == 0 || round == rounds {
		return len(s.happens) * round / rounds
	}
	return slices.IndexFunc(s.happens, func(x happening) bool { return !x.at.Before(s.cuts[round-1]) })
}

// move merges one profile into another.
func (f *shopFold) move(t testing.TB, loser, winner *profiles.Profile) {
	f.absorb(t, loser, winner)
	loser.Retire(profiles.New(loser.ID))
	loser.Redirect = winner.ID
}

func (f *shopFold) absorb(t testing.TB, moved, to *profiles.Profile) {
	for _, c := range moved.Chunks(4 << 10) {
		x, err := profiles.Decode(c.ID, string(c.Encode(nil)))
		if err != nil {
			t.Fatal(err)
		}
		to.Absorb(x, f.now)
	}
}

// rawRows are the rows of the raw events and of decisions, which need no fold.
func rawRows(shops ...*shop) []batch {
	var subject, id, run, send, sid, sprofile, ssubject, srun []enishi.ID
	var at, dat []time.Time
	var typ, journey, reason, djourney, dreason, dchannel []string
	var version, dversion []uint64
	var round []uint32
	var sent []uint8
	for _, s := range shops {
		row := func(who, event enishi.ID, when time.Time, what, j string, r, m enishi.ID, why string) {
			subject, id, run, send = append(subject, who), append(id, event), append(run, r), append(send, m)
			at, typ, journey, reason, version = append(at, when), append(typ, what), append(journey, j), append(reason, why), append(version, uint64(len(at)+1))
		}
		for _, x := range s.happens {
			if e := x.event; e != nil && e.Result != nil {
				row(e.Subject, e.ID, e.At, e.Type, e.Result.Journey, e.Result.RunID, e.Result.SendID, e.Result.Reason)
			} else if e != nil {
				row(e.Subject, e.ID, e.At, e.Type, "", enishi.ID{}, enishi.ID{}, "")
			}
		}
		for _, d := range s.derived {
			row(d.Subject, d.ID, d.At, d.Type, d.Journey, d.RunID, d.SendID, d.Reason)
		}
		for _, d := range s.decisions {
			ssubject, sprofile, sid, srun = append(ssubject, d.Profile), append(sprofile, d.Profile), append(sid, d.SendID), append(srun, d.RunID)
			dat, djourney, dreason, dchannel = append(dat, d.At), append(djourney, d.Journey), append(dreason, d.Reason), append(dchannel, d.Channel)
			round, dversion = append(round, uint32(d.Round)), append(dversion, uint64(d.At.UnixMilli()))
			yes := uint8(0)
			if d.Sent {
				yes = 1
			}
			sent = append(sent, yes)
		}
	}
	return []batch{
		{"events", []string{"subject", "event_id", "run_id", "send_id", "at", "type", "journey", "reason", "version"}, len(id),
			[]any{subject, id, run, send, at, typ, journey, reason, version}},
		{"decisions", []string{"subject", "profile_id", "send_id", "run_id", "at", "journey", "reason", "channel", "round", "version", "sent"}, len(sid),
			[]any{ssubject, sprofile, sid, srun, dat, djourney, dreason, dchannel, round, dversion, sent}},
	}
}

// markers are checkpoints of two partitions, and one that never had a record.
func markers(clock time.Time) batch {
	return batch{"partitions", []string{"partition", "seq", "next_offset", "clock"}, 4, []any{[]uint16{0, 1, 1, 2}, []uint64{5, 3, 4, 1}, []int64{10, 5, 8, 0},
		[]time.Time{clock.Add(time.Hour), clock.Add(-time.Hour), clock, {}}}}
}
