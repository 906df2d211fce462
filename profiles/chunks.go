package profiles

import (
	"time"

	"enishi"
)

// Chunks parts a profile into profiles of at most maxBytes encoded each, for [Profile.Absorb] of another: whole subjects
// where they fit, else parts of one. Runs and what belongs to the person as a whole go with the first. An empty profile
// has none. The chunks share p's memory; p must not be changed while they are in use.
func (p *Profile) Chunks(maxBytes int) []*Profile {
	if len(p.Subjects) == 0 && len(p.Runs) == 0 && !p.Erased {
		return nil
	}
	head := func() *Profile { return &Profile{ID: p.ID, Offset: p.Offset} }
	first := head()
	first.Dates = p.Dates
	first.Runs, first.NextChange, first.Erased, first.ErasedAt = p.Runs, p.NextChange, p.Erased, p.ErasedAt
	chunks, size := []*Profile{first}, len(first.Encode(nil))
	add := func(s Subject) {
		const frame = 12 // tag and lengths around a subject
		n := len(s.AppendWire(nil)) + frame
		c := chunks[len(chunks)-1]
		k := len(c.Subjects)
		full := size+n > maxBytes && k+len(c.Runs) > 0
		if full || k > 0 && c.Subjects[k-1].ID == s.ID { // a profile has a subject once
			c, size = head(), 48
			chunks = append(chunks, c)
		}
		c.Subjects = append(c.Subjects, s)
		size += n
	}
	for i := range p.Subjects {
		p.Subjects[i].part(maxBytes-64, add)
	}
	return chunks
}

// part gives a subject to add, halved until its parts fit. Only one part has the scalars; all of them have the names.
func (s *Subject) part(maxBytes int, add func(Subject)) {
	a, b := *s, Subject{ID: s.ID, Kind: s.Kind, Scope: s.Scope, Value: s.Value, FirstSeen: s.FirstSeen, LastSeen: s.LastSeen}
	if len(s.AppendWire(nil)) <= maxBytes {
		add(a)
		return
	}
	halved := halve(&a.Traits, &b.Traits)
	halved = halve(&a.Consents, &b.Consents) || halved
	halved = halve(&a.Orders, &b.Orders) || halved
	halved = halve(&a.Shipments, &b.Shipments) || halved
	halved = halve(&a.Visits, &b.Visits) || halved
	halved = halve(&a.Stores, &b.Stores) || halved
	halved = halve(&a.Contacts, &b.Contacts) || halved
	halved = halve(&a.Reviews, &b.Reviews) || halved
	halved = halve(&a.Surveys, &b.Surveys) || halved
	halved = halve(&a.Returns, &b.Returns) || halved
	halved = halve(&a.Contracts, &b.Contracts) || halved
	halved = halve(&a.Moves, &b.Moves) || halved
	halved = halve(&a.Messages, &b.Messages) || halved
	halved = halve(&a.Holds, &b.Holds) || halved
	halved = halve(&a.Risks, &b.Risks) || halved
	halved = halve(&a.Lists, &b.Lists) || halved
	halved = halve(&a.Friends, &b.Friends) || halved
	halved = halve(&a.Mail, &b.Mail) || halved
	halved = halve(&a.Seen, &b.Seen) || halved
	halved = halve(&a.Files, &b.Files) || halved
	halved = halve(&a.Evicted, &b.Evicted) || halved
	if !halved { // one element of each collection at most: it cannot be made smaller by halves
		add(a)
		return
	}
	a.part(maxBytes, add)
	b.part(maxBytes, add)
}

// halve moves the second half of a list; it reports whether there was one.
func halve[T any](a, b *[]T) bool {
	n := len(*a)
	if n < 2 {
		return false
	}
	*a, *b = (*a)[:n/2:n/2], (*a)[n/2:]
	return true
}

// NextDue is the earliest instant at which time alone makes p act: a membership may change, a live run's wait ends,
// or a journey begins on a date. Zero is never.
func (p *Profile) NextDue() time.Time {
	at := p.NextChange
	for i := range p.Runs {
		if r := &p.Runs[i]; r.EndedAt.IsZero() && r.Wait != nil {
			at = earliest(at, r.Wait.Until)
		}
	}
	for i := range p.Dates {
		at = earliest(at, p.Dates[i].At)
	}
	return at
}

// Encode appends the profile, the Format byte first. Equal profiles have equal bytes.
func (p *Profile) Encode(dst []byte) []byte { return p.AppendWire(append(dst, Format)) }

// Decode reads what Encode wrote; the profile keeps s in memory. It gets the id given, which of a moved state is that of
// the profile that it comes to; a zero id leaves the id that it was written with.
func Decode(id enishi.ID, s string) (*Profile, error) {
	if len(s) == 0 || s[0] != Format {
		return nil, enishi.Errorf(enishi.Invalid, "profile %s has an unknown format: it was written by a newer version of the program", id)
	}
	p := &Profile{}
	if err := p.ParseWire(s[1:]); err != nil {
		return nil, err
	}
	if !id.IsZero() {
		p.ID = id
	}
	for i := 1; i < len(p.Subjects); i++ {
		if p.Subjects[i-1].ID.Compare(p.Subjects[i].ID) >= 0 {
			return nil, enishi.Errorf(enishi.Invalid, "profile %s: subjects are not in order", id)
		}
	}
	p.written.keepMemberships(p)
	p.written.keepRuns(p)
	return p, nil
}
