package profiles

import (
	"slices"
	"strings"
	"time"

	"enishi"
)

// written is what the fact tables have of memberships and runs. Packages segments and journeys change those lists
// themselves, so what left them is found by comparing.
type written struct {
	memberships []writtenMembership // sorted as Profile.Memberships
	runs        []writtenRun        // sorted as Profile.Runs
}

type writtenMembership struct {
	key string
	sum digest
}

type writtenRun struct {
	id      enishi.ID
	journey string
	sum     digest
}

func (w *written) keepMemberships(p *Profile) {
	w.memberships = w.memberships[:0]
	for i := range p.Memberships {
		w.memberships = append(w.memberships, writtenMembership{p.Memberships[i].Segment, p.Memberships[i].digest()})
	}
}

func (w *written) keepRuns(p *Profile) {
	w.runs = w.runs[:0]
	for i := range p.Runs {
		w.runs = append(w.runs, writtenRun{p.Runs[i].ID, p.Runs[i].Journey, p.Runs[i].digest()})
	}
}

// note keeps up with changes of these lists between two checkpoints. A checkpoint that breaks off may have written any state
// in between, and when the records are folded again the next one may be taken at another: what is in a list now may have a
// row, also if it leaves before the next checkpoint, and what is not may have a deletion, also if it comes back.
func (w *written) note(p *Profile, c Change) {
	if c&ChangedMemberships != 0 {
		for i := range w.memberships {
			if _, ok := slices.BinarySearchFunc(p.Memberships, w.memberships[i].key, func(m Membership, key string) int { return strings.Compare(m.Segment, key) }); !ok {
				w.memberships[i].sum = 0
			}
		}
		for i := range p.Memberships {
			key := p.Memberships[i].Segment
			at, ok := slices.BinarySearchFunc(w.memberships, key, func(m writtenMembership, key string) int { return strings.Compare(m.key, key) })
			if !ok {
				w.memberships = slices.Insert(w.memberships, at, writtenMembership{key: key})
			}
		}
	}
	if c&ChangedRuns != 0 {
		for i := range w.runs {
			if _, ok := slices.BinarySearchFunc(p.Runs, w.runs[i].id, func(r Run, id enishi.ID) int { return r.ID.Compare(id) }); !ok {
				w.runs[i].sum = 0
			}
		}
		for i := range p.Runs {
			r := &p.Runs[i]
			at, ok := slices.BinarySearchFunc(w.runs, r.ID, func(x writtenRun, id enishi.ID) int { return x.id.Compare(id) })
			if !ok {
				w.runs = slices.Insert(w.runs, at, writtenRun{id: r.ID, journey: r.Journey})
			}
		}
	}
}

// digest is FNV-1a over the columns of a row.
type digest uint64

const fnvOffset digest = 0xcbf29ce484222325

func (d digest) byte(b byte) digest { return (d ^ digest(b)) * 0x100000001b3 }

func (d digest) text(s string) digest {
	for i := range len(s) {
		d = d.byte(s[i])
	}
	return d.number(int64(len(s)))
}

func (d digest) number(n int64) digest {
	for range 8 {
		d = d.byte(byte(n))
		n >>= 8
	}
	return d
}

func (d digest) time(t time.Time) digest { return d.number(ms(t)) }

func (m *Membership) digest() digest {
	d := fnvOffset.number(m.Version).time(m.Since)
	if m.Initial {
		d = d.byte(1)
	}
	return d
}

func (r *Run) digest() digest {
	return fnvOffset.text(r.Journey).number(r.Version).text(r.Key).time(r.EnteredAt).text(r.Node).time(r.Since).time(r.waitUntil()).
		time(r.EndedAt).text(r.End).number(int64(r.Steps))
}

func (r *Run) waitUntil() time.Time {
	if r.Wait == nil {
		return time.Time{}
	}
	return r.Wait.Until
}
