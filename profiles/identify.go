package profiles

import (
	"slices"
	"strings"

	"enishi"
)

// Identifiers appends the identifiers that stand in p, strongest kind first, with Raw and without the normalised Value.
// An event's Links are parallel to them: ingest clears in the Person what a guard refused.
func Identifiers(dst []enishi.Identifier, p *enishi.Person) []enishi.Identifier {
	if p == nil {
		return dst
	}
	add := func(k enishi.Kind, scope, raw string) {
		if raw != "" {
			dst = append(dst, enishi.Identifier{Kind: k, Scope: scope, Raw: raw})
		}
	}
	add(enishi.Customer, "", p.CustomerID)
	add(enishi.POSCard, "", p.POSCard)
	add(enishi.LINEUser, p.LineProvider, p.LineUserID)
	add(enishi.Email, "", p.Email)
	add(enishi.Phone, "", p.Phone)
	add(enishi.Social, p.SocialPage, p.SocialID)
	add(enishi.PushToken, "", p.PushToken)
	add(enishi.Anonymous, "", p.AnonymousID)
	return dst
}

// find is the index of a subject, or where it would go.
func (p *Profile) find(id enishi.ID) (int, bool) {
	return findBy(p.Subjects, func(s *Subject) int { return s.ID.Compare(id) })
}

// ensure makes a subject if there is none and gives its index.
func (p *Profile) ensure(id enishi.ID) int {
	i, ok := p.find(id)
	if !ok {
		p.Subjects = slices.Insert(p.Subjects, i, Subject{ID: id})
		p.touchSubject(id)
	}
	return i
}

func (f *folding) subjectID() enishi.ID {
	if f.e.Subject.IsZero() {
		return f.p.ID
	}
	return f.e.Subject
}

// identify finds or makes the subjects of the event and of the identifiers that came with it, so that their addresses are
// known, and notes when they were seen.
func (f *folding) identify(family, name string) {
	p, e := f.p, f.e
	var buf [8]enishi.Identifier
	ids := Identifiers(buf[:0], e.Person)
	if len(ids) != len(e.Links) {
		ids = nil // which is which is not known
	}
	before := len(p.Subjects)
	for i := range ids {
		p.ensure(e.Links[i])
	}
	p.ensure(f.subjectID())
	if len(p.Subjects) != before {
		f.changed |= ChangedIdentifiers
	}
	f.main, _ = p.find(f.subjectID())
	report := family == "message" && !personActed(e, name) || family == "list" && name != "viewed" || productChange(family, name) || family == "note" // the staff's doing
	if !report {
		f.see(f.main)
	}
	for i := range ids {
		at, _ := p.find(e.Links[i])
		f.kinds[ids[i].Kind] = int16(at + 1)
		if at != f.main && !report {
			f.see(at)
		}
		f.name(&p.Subjects[at], &ids[i])
	}
}

// personActed reports whether a sender's report tells what the person did.
func personActed(e *enishi.Event, name string) bool {
	switch name {
	case "opened", "clicked":
		return e.Result != nil && !e.Result.Machine
	case "unsubscribed", "complained":
		return true
	}
	return false
}

// see moves the first and last time of a subject.
func (f *folding) see(i int) {
	s := &f.p.Subjects[i]
	changed := false
	if s.FirstSeen.IsZero() || f.at.Before(s.FirstSeen) {
		s.FirstSeen, changed = f.at, true
	}
	if f.at.After(s.LastSeen) {
		changed = changed || day(f.at) != day(s.LastSeen)
		s.LastSeen = f.at
	}
	if changed { // the row has the day of LastSeen only: it would be written with each event otherwise
		f.p.touchSubject(s.ID)
	}
}

// name says which identifier a subject is.
func (f *folding) name(s *Subject, id *enishi.Identifier) {
	if s.Kind == id.Kind && s.Value == id.Raw {
		return
	}
	changed := false
	if s.Kind == 0 {
		s.Kind, s.Scope, changed = id.Kind, strings.Clone(id.Scope), true
	}
	if plainer(id.Raw, s.Value) {
		s.Value, changed = strings.Clone(id.Raw), true
	}
	if changed {
		f.p.touchSubject(s.ID)
		f.changed |= ChangedIdentifiers
	}
}

// plainer chooses between two spellings of one identifier without knowing which came first: fewer bytes (no spaces, no
// hyphens, half width), then the larger, which is the lower-case one.
func plainer(a, b string) bool {
	if b == "" || len(a) != len(b) {
		return b == "" && a != "" || a != "" && len(a) < len(b)
	}
	return a > b
}

// traits takes the traits that came with the event. A null is kept: it says that the newest value is none.
func (f *folding) traits() {
	if f.e.Person == nil || len(f.e.Person.Traits) == 0 {
		return
	}
	s := f.subject()
	for name, value := range f.e.Person.Traits {
		i, ok := search(s.Traits, &Trait{Name: name}, compareTrait)
		if ok && !newer(f.at, f.e.ID, s.Traits[i].At, s.Traits[i].Event) {
			continue
		}
		if !ok {
			s.Traits = slices.Insert(s.Traits, i, Trait{Name: strings.Clone(name)})
		}
		t := &s.Traits[i]
		if !ok || t.Value != value || !f.p.shows(name, value) {
			f.changed |= ChangedTraits
		}
		if t.Value != value {
			value.Text = strings.Clone(value.Text)
			t.Value = value
		}
		t.At, t.Event = f.at, f.e.ID
	}
	s.Traits = keepNewest(s.Traits, MaxCollection, rankTrait, nil)
}

// shows reports whether the view is known to have this value of a trait.
func (p *Profile) shows(name string, value enishi.Value) bool {
	if p.view == nil || p.view.stale&ChangedTraits != 0 {
		return false
	}
	have, ok := p.view.Traits[name]
	return have == value && (ok || value.Kind == enishi.Null)
}

// consents takes the permissions that came with the event. Each goes to the address it is about. An order of a
// marketplace gives none: its customer is the marketplace's. What is only asked for gives none either.
func (f *folding) consents() {
	e := f.e
	if e.Type == "consent.requested" {
		return // whoever types an address into a form need not own it
	}
	foreign := e.Channel == "marketplace" || e.Order != nil && e.Order.Marketplace != ""
	for i := range e.Consent {
		c := &e.Consent[i]
		if c.State != "out" && (c.State != "in" || foreign) {
			continue
		}
		source := e.Source
		if c.Actor != "" {
			source += "/" + c.Actor
		}
		f.consent(f.addressOf(c.Channel), Consent{Channel: c.Channel, Purpose: c.Purpose, Out: c.State == "out",
			Method: c.Method, Text: c.Text, Source: source, IP: c.IP})
	}
}

// addressOf is the subject that the address of a channel has in this event.
func (f *folding) addressOf(channel string) *Subject {
	if k := addressKind(channel); k != 0 {
		return f.of(k)
	}
	return f.subject()
}

// addressKind is the kind of identifier that is the address of a channel; 0 for post and ads, which have none.
func addressKind(channel string) enishi.Kind {
	switch channel {
	case "email":
		return enishi.Email
	case "line":
		return enishi.LINEUser
	case "phone", "sms", enishi.NoticeChannel:
		return enishi.Phone
	case "push":
		return enishi.PushToken
	case "social":
		return enishi.Social
	}
	return 0
}

func (f *folding) consent(s *Subject, c Consent) {
	c.At, c.Event = f.at, f.e.ID
	c.Purpose = purposeOf(c.Purpose)
	if f.p.Erased && !c.Out && (f.e.Import != nil || f.e.Historical) {
		return // an old list does not bring an erased permission back
	}
	if c.Out && c.Channel == "line" && c.Purpose == Marketing && c.Method != MethodUnfollow {
		s.Lifetime.LineRefused = latest(s.Lifetime.LineRefused, c.At)
	}
	i, ok := search(s.Consents, &c, compareConsent)
	if ok && !consentWins(&c, &s.Consents[i]) {
		return
	}
	pack(&c.Channel, &c.Purpose, &c.Method, &c.Text, &c.Source, &c.IP)
	if ok {
		s.Consents[i] = c
	} else {
		s.Consents = slices.Insert(s.Consents, i, c)
		s.Consents = keepNewest(s.Consents, MaxCollection, rankConsent, nil)
	}
	f.changed |= ChangedConsents
}

// consentWins: the newest, and of two in one event the strict one. What comparing with LINE found yields to anything else.
func consentWins(a, b *Consent) bool {
	if found, was := a.Method == MethodSync, b.Method == MethodSync; found != was {
		return was
	}
	if a.At.Equal(b.At) && a.Event == b.Event {
		return a.Out && !b.Out
	}
	return newer(a.At, a.Event, b.At, b.Event)
}

// pack copies strings into one new one, so that what is kept does not hold the whole record in memory.
func pack(fields ...*string) {
	n := 0
	for _, s := range fields {
		n += len(*s)
	}
	if n == 0 {
		return
	}
	var b strings.Builder
	b.Grow(n)
	for _, s := range fields {
		b.WriteString(*s)
	}
	all := b.String()
	for _, s := range fields {
		n := len(*s)
		*s, all = all[:n], all[n:]
	}
}
