package profiles

import (
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
