package profiles

import (
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"enishi"
)

// Absorb takes in what moved from another profile by a merge or a split: a whole profile or one of its [Profile.Chunks].
// The chunks may come in any order and more than once. A subject that is here already (an event came to the winner before
// its subject's state did) becomes the join of both; an event folded on both sides counts once. moved must not be used
// afterwards.
func (p *Profile) Absorb(moved *Profile, now time.Time) Change {
	p.keepBase()
	for i := range moved.Subjects {
		s := &moved.Subjects[i]
		part := partID(s)
		to := &p.Subjects[p.ensure(s.ID)]
		p.touchAll(to)
		p.touchAll(s)
		to.join(s, part, now)
		to.bound(p)
	}
	for i := range moved.Runs {
		at, ok := slices.BinarySearchFunc(p.Runs, moved.Runs[i].ID, func(r Run, id enishi.ID) int { return r.ID.Compare(id) })
		switch {
		case !ok:
			p.Runs = slices.Insert(p.Runs, at, moved.Runs[i])
		case further(&moved.Runs[i], &p.Runs[at]):
			p.Runs[at] = moved.Runs[i]
		}
	}
	p.NextChange = earliest(p.NextChange, moved.NextChange)
	p.Dates = joinDates(p.Dates, moved.Dates)
	p.Erased = p.Erased || moved.Erased
	p.ErasedAt = latest(p.ErasedAt, moved.ErasedAt)
	p.view = nil
	p.mark(ChangedAll)
	return ChangedAll
}

// joinDates keeps of each journey what came last: nobody enters twice for one year. When the next moment is follows from
// the joined traits: the next step looks.
func joinDates(a, b []DateEntry) []DateEntry {
	out := slices.Clone(a)
	for _, d := range b {
		at, ok := slices.BinarySearchFunc(out, d.Journey, func(x DateEntry, name string) int { return strings.Compare(x.Journey, name) })
		if !ok {
			out = slices.Insert(out, at, d)
			continue
		}
		out[at] = DateEntry{Journey: d.Journey, At: earliest(out[at].At, d.At), Done: max(out[at].Done, d.Done)}
	}
	return out
}

// further reports whether a is a later state of the same run than b.
func further(a, b *Run) bool {
	if a.Steps != b.Steps {
		return a.Steps > b.Steps
	}
	if a.EndedAt.IsZero() != b.EndedAt.IsZero() {
		return !a.EndedAt.IsZero()
	}
	return a.Since.After(b.Since)
}

// partID names one part of one subject as it moved, so that a repeat of it adds nothing to Lifetime. It is a hash of all
// that the part has: a later state of the subject is another part.
func partID(s *Subject) uint64 {
	h := fnv.New64a()
	h.Write(s.AppendWire(nil))
	return h.Sum64()
}

// join takes in another state of the same subject.
func (s *Subject) join(x *Subject, part uint64, now time.Time) {
	if s.Kind == 0 {
		s.Kind, s.Scope = x.Kind, x.Scope
	}
	if plainer(x.Value, s.Value) {
		s.Value = x.Value
	}
	s.FirstSeen, s.LastSeen = earliest(s.FirstSeen, x.FirstSeen), latest(s.LastSeen, x.LastSeen)
	s.Traits = union(s.Traits, x.Traits, compareTrait, (*Trait).join)
	s.Consents = union(s.Consents, x.Consents, compareConsent, (*Consent).join)
	s.Orders = union(s.Orders, x.Orders, compareOrder, func(dst, src *Order) { dst.join(src) })
	s.Shipments = union(s.Shipments, x.Shipments, compareShipment, (*Shipment).join)
	s.Visits = union(s.Visits, x.Visits, compareVisit, nil)
	s.Stores = onePerReceipt(union(s.Stores, x.Stores, compareStore, nil))
	s.Contacts = union(s.Contacts, x.Contacts, compareContact, (*Contact).join)
	s.Reviews = union(s.Reviews, x.Reviews, compareReview, (*Review).join)
	s.Surveys = union(s.Surveys, x.Surveys, compareSurvey, nil)
	s.Returns = union(s.Returns, x.Returns, compareReturn, (*Return).join)
	s.Contracts = union(s.Contracts, x.Contracts, compareContract, (*Subscription).join)
	s.Moves = union(s.Moves, x.Moves, compareMove, nil)
	s.Messages = union(s.Messages, x.Messages, compareMessage, (*Message).join)
	s.Holds = union(s.Holds, x.Holds, compareHold, (*Hold).join)
	s.Risks = union(s.Risks, x.Risks, compareRisk, (*RiskFlag).join)
	s.Lists = union(s.Lists, x.Lists, compareList, (*ListMark).join)
	s.Friends = union(s.Friends, x.Friends, compareFriendship, (*Friendship).join)
	s.Chats = union(s.Chats, x.Chats, compareChat, (*Chat).join)
	s.Mail = union(s.Mail, x.Mail, compareMail, (*MailMark).join)
	s.Files = union(s.Files, x.Files, func(a, b *FileMark) int { return compareFile(*a, b.File) }, func(dst, src *FileMark) { dst.Row = max(dst.Row, src.Row) })
	s.Evicted = union(s.Evicted, x.Evicted, func(a, b *Stub) int { return strings.Compare(a.Key, b.Key) }, (*Stub).join)
	if x.Cart != nil && (s.Cart == nil || newer(x.Cart.At, x.Cart.Event, s.Cart.At, s.Cart.Event)) {
		s.Cart = x.Cart
	}
	s.joinLifetime(x, part, now)
}

// onePerReceipt leaves of the visits of one receipt the first, as visitStore does.
func onePerReceipt(visits []StoreVisit) []StoreVisit {
	seen := make(map[uint64]bool, len(visits))
	return slices.DeleteFunc(visits, func(v StoreVisit) bool {
		again := v.Receipt != 0 && seen[v.Receipt]
		seen[v.Receipt] = true
		return again
	})
}

// joinLifetime adds the counters of x, unless this part was added before, without what both counted.
func (s *Subject) joinLifetime(x *Subject, part uint64, now time.Time) {
	l, m := &s.Lifetime, &x.Lifetime
	l.LineFollowed, l.LineUnfollowed = latest(l.LineFollowed, m.LineFollowed), latest(l.LineUnfollowed, m.LineUnfollowed)
	l.LineRefused = latest(l.LineRefused, m.LineRefused)
	l.Bounced, l.SignedUpAt = latest(l.Bounced, m.Bounced), earliest(l.SignedUpAt, m.SignedUpAt)
	// Marks are about what came to the profile that moves, and a part of it may be one that was there before.
	x.Seen = slices.DeleteFunc(x.Seen, func(id SeenID) bool { return id.Counts&countedMark != 0 })
	if m.counts() == [6]int64{} && len(x.Seen) == 0 {
		return
	}
	if _, again := findSeen(s.Seen, part); again {
		return
	}
	l.Events += m.Events
	l.PageViews += m.PageViews
	l.ProductViews += m.ProductViews
	l.StoreVisits += m.StoreVisits
	l.Points += m.Points
	l.PointsEarned += m.PointsEarned
	s.Seen = union(s.Seen, x.Seen, compareSeen, func(dst, src *SeenID) {
		l.add(*src, -1)
		dst.Day = max(dst.Day, src.Day)
	})
	s.remember(SeenID{Hash: part, Day: day(now), Counts: countedMark})
}

func (l *Lifetime) counts() [6]int64 {
	return [6]int64{l.Events, l.PageViews, l.ProductViews, l.StoreVisits, l.Points, l.PointsEarned}
}

func compareSeen(a, b *SeenID) int {
	switch {
	case a.Hash < b.Hash:
		return -1
	case a.Hash > b.Hash:
		return 1
	}
	return 0
}

func (s *Stub) join(x *Stub) {
	invalid := s.Invalid || x.Invalid
	if x.Version > s.Version {
		*s = *x
	}
	s.Invalid = invalid
}

// union joins two sorted lists.
func union[T any](a, b []T, compare func(a, b *T) int, join func(dst, src *T)) []T {
	if len(b) == 0 {
		return a
	}
	if len(a) == 0 {
		return b
	}
	out := make([]T, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		c := compare(&a[0], &b[0])
		if c > 0 {
			out, b = append(out, b[0]), b[1:]
			continue
		}
		out = append(out, a[0])
		if a = a[1:]; c == 0 {
			if join != nil {
				join(&out[len(out)-1], &b[0])
			}
			b = b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// bound brings the collections of a subject back within their bounds after a join.
func (s *Subject) bound(p *Profile) {
	s.Evicted = slices.DeleteFunc(s.Evicted, func(x Stub) bool { // a part of the order came by another way
		_, ok := search(s.Orders, &Order{Order: enishi.Order{OrderID: x.Key}}, compareOrder)
		return ok
	})
	s.Traits = keepNewest(s.Traits, MaxCollection, rankTrait, nil)
	s.Consents = keepNewest(s.Consents, MaxCollection, rankConsent, nil)
	s.Orders = keepNewest(s.Orders, MaxOrders, rankOrder, func(x *Order) { s.evict(p, x) })
	s.Shipments = keepNewest(s.Shipments, MaxShipments, rankShipment, nil)
	if n := len(s.Visits) - MaxVisits; n > 0 {
		s.Visits = slices.Clone(s.Visits[n:])
	}
	s.Stores = keepNewest(s.Stores, MaxCollection, rankStore, nil)
	s.Contacts = keepNewest(s.Contacts, MaxCollection, rankContact, nil)
	s.Reviews = keepNewest(s.Reviews, MaxCollection, rankReview, nil)
	s.Surveys = keepNewest(s.Surveys, MaxCollection, rankSurvey, nil)
	s.Returns = keepNewest(s.Returns, MaxCollection, rankReturn, nil)
	s.Contracts = keepNewest(s.Contracts, MaxCollection, rankContract, nil)
	s.Moves = keepNewest(s.Moves, MaxCollection, rankMove, nil)
	s.Messages = keepNewest(s.Messages, MaxCollection, rankMessage, nil)
	s.Holds = keepNewest(s.Holds, MaxCollection, rankHold, nil)
	s.Risks = keepNewest(s.Risks, MaxCollection, rankRisk, nil)
	s.Lists = keepNewest(s.Lists, MaxCollection, rankList, nil)
	s.Friends = keepNewest(s.Friends, MaxCollection, rankFriendship, nil)
	s.Chats = keepNewest(s.Chats, MaxCollection, rankChat, nil)
	s.Mail = keepNewest(s.Mail, MaxCollection, rankMail, nil)
}

// Extract takes subjects and their runs out of p: what an un-merge moves to another profile. The moved profile has the id
// and the offset of p, to say where it comes from.
func (p *Profile) Extract(subjects []enishi.ID) *Profile {
	moved := &Profile{ID: p.ID, Offset: p.Offset}
	p.keepBase()
	leaves := func(id enishi.ID) bool { return slices.Contains(subjects, id) }
	for i := range p.Subjects {
		if s := &p.Subjects[i]; leaves(s.ID) {
			p.touchAll(s)
			moved.Subjects = append(moved.Subjects, *s)
		}
	}
	p.Subjects = slices.DeleteFunc(p.Subjects, func(s Subject) bool { return leaves(s.ID) })
	for i := range p.Runs {
		if leaves(p.Runs[i].Subject) {
			moved.Runs = append(moved.Runs, p.Runs[i])
		}
	}
	p.Runs = slices.DeleteFunc(p.Runs, func(r Run) bool { return leaves(r.Subject) })
	moved.Dates = slices.Clone(p.Dates) // which of both the date came with is not known: neither enters again
	p.view = nil
	p.mark(ChangedAll)
	return moved
}

// Retire makes p what next is, an empty profile of the same id, and deletes all rows of what it was at the next
// checkpoint: its state has moved to another profile. The caller sets Redirect.
func (p *Profile) Retire(next *Profile) {
	p.leave()
	p.Subjects, p.Memberships, p.Runs, p.NextChange, p.Dates = next.Subjects, next.Memberships, next.Runs, next.NextChange, next.Dates
	p.written.note(p, ChangedAll)
}

// Erase empties a profile and leaves a tombstone: all rows go at the next checkpoint, events up to at are not taken any
// more, and marketing is out until the person gives a new permission.
func (p *Profile) Erase(at time.Time) {
	p.leave()
	p.Subjects, p.Memberships, p.Runs, p.NextChange, p.Dates = nil, nil, nil, time.Time{}, nil
	p.written.note(p, ChangedAll)
	p.Erased, p.ErasedAt = true, latest(p.ErasedAt, at.UTC().Truncate(time.Millisecond))
}

// leave touches every row.
func (p *Profile) leave() {
	p.keepBase()
	for i := range p.Subjects {
		p.touchAll(&p.Subjects[i])
	}
	p.view = nil
	p.mark(ChangedAll)
}
