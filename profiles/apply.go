package profiles

import (
	"slices"
	"strings"
	"time"

	"enishi"
)

// New is a profile that knows nothing yet.
func New(id enishi.ID) *Profile { return &Profile{ID: id} }

// folding is one event on its way into a profile.
type folding struct {
	p       *Profile
	e       *enishi.Event
	at      time.Time // when it happened, UTC milliseconds
	now     time.Time
	main    int      // index of the subject of e
	kinds   [9]int16 // index + 1 of the subject of each kind that came with e
	changed Change
	counts  uint8 // what e adds to Lifetime, for Seen
	points  int64
}

// Apply folds the facts of one event and reports which parts of the profile they changed. fresh is false for what was
// folded before (the event id within SeenWindow, the row of an imported file) and for what is not for a profile's facts
// (control records, any event to a profile that was merged away, events up to an erasure, a change of a product that does not
// concern the person): then nothing changed. Why a change of a product does concern them is set in the event's [ReasonProperty].
//
// now is the partition's clock and never goes back. The event must be as read from the topic events: its instants in
// milliseconds, Links parallel to [Identifiers] of its Person. A sender's report (message.*) comes with the subject of the
// address it is about.
func (p *Profile) Apply(e *enishi.Event, now time.Time) (changed Change, fresh bool) {
	if !p.Redirect.IsZero() || strings.HasPrefix(e.Type, "~") || e.Type == enishi.TypeErased {
		return 0, false
	}
	f := folding{p: p, e: e, at: instant(e), now: now}
	if p.Erased && !f.at.After(p.ErasedAt) || f.repeated() {
		return 0, false
	}
	family, name, _ := strings.Cut(e.Type, ".")
	if productChange(family, name) && !f.concerned(name) {
		return 0, false
	}
	if e.Order != nil || e.Shipment != nil || e.Return != nil {
		p.keepBase()
	}
	f.identify(family, name)
	f.dispatch(family, name)
	f.traits()
	f.consents()
	f.count()
	p.mark(f.changed)
	return f.changed, true
}

// dispatch folds what the type of the event tells.
func (f *folding) dispatch(family, name string) {
	e := f.e
	if productChange(family, name) {
		f.counts = countedMark // journeys hear of it; it is nothing that the person did
		return
	}
	if family == "list" && name != "viewed" {
		f.listed(name)
		return
	}
	switch family {
	case "order":
		f.order(name, e.Order)
	case "shipment":
		f.shipment(name, e.Shipment)
	case "return":
		f.giveBack(name, e.Return)
	case "page", "screen", "product", "list", "search", "cart", "checkout", "wishlist", "price_alert", "stock_alert", "app", "custom":
		f.visit(family)
		f.cart(family, name)
	case "store":
		f.store(name)
	case "contact":
		f.contact(name)
	case "review":
		f.review()
	case "survey":
		f.survey()
	case "points":
		f.movePoints(name)
	case "subscription":
		f.contract(name)
	case "risk":
		f.risk()
	case "hold":
		f.hold(name)
	case "line":
		f.line(name)
	case "social":
		f.social(name)
	case "message":
		f.result(name)
	case "postal":
		f.post(name)
	case "user":
		if s := f.subject(); name == "signed_up" && (s.Lifetime.SignedUpAt.IsZero() || f.at.Before(s.Lifetime.SignedUpAt)) {
			s.Lifetime.SignedUpAt = f.at
		}
	}
}

// mark notes a change for the view and for the next checkpoint. Visits are so many that addVisit and dropVisit keep the
// view's list themselves.
func (p *Profile) mark(c Change) {
	p.dirty |= c
	p.written.note(p, c)
	if p.view != nil {
		p.view.stale |= c &^ ChangedVisits
	}
}

// subject is where the facts of the event go.
func (f *folding) subject() *Subject { return &f.p.Subjects[f.main] }

// of is the subject of an identifier of this kind that came with the event, else the subject of the event.
func (f *folding) of(k enishi.Kind) *Subject {
	if k < enishi.Kind(len(f.kinds)) && f.kinds[k] > 0 {
		return &f.p.Subjects[f.kinds[k]-1]
	}
	return f.subject()
}

// stamp orders the events that tell the same thing: the higher version wins, then the higher id.
type stamp struct {
	version int64
	event   enishi.ID
}

func (a stamp) compare(b stamp) int {
	switch {
	case a.version < b.version:
		return -1
	case a.version > b.version:
		return 1
	}
	return a.event.Compare(b.event)
}

// stamp is that of this event; version is the payload's.
func (f *folding) stamp(version int64) stamp {
	if version == 0 {
		version = f.at.UnixMilli()
	}
	return stamp{version, f.e.ID}
}

// newer orders facts without versions: by time, then by event id.
func newer(at time.Time, id enishi.ID, than time.Time, thanID enishi.ID) bool {
	if c := at.Compare(than); c != 0 {
		return c > 0
	}
	return id.Compare(thanID) > 0
}

// instant is when an event happened; without a time of its own, when it was appended.
func instant(e *enishi.Event) time.Time {
	at := e.At
	if at.IsZero() {
		at = e.Time
	}
	return at.UTC().Truncate(time.Millisecond)
}

// What an event added to Lifetime.
const (
	countedPageView uint8 = 1 << iota
	countedProductView
	countedStoreVisit
	countedEarned  // its points were earned
	countedMark    // no event of the person's: the id of an absorbed part, or a change of a product
	countedReceipt // no event: a till's receipt, whichever of its events came first
)

// day is the day of the partition's clock.
func day(now time.Time) int32 { return int32(now.Unix() / 86400) }

// repeated reports whether the event was folded before. Imported rows come in order, so the highest row of each file is
// all that must be known for ever; rows that a redirect sent on may come late and are known by their ids alone.
func (f *folding) repeated() bool {
	e := f.e
	if e.Import != nil && !e.Forwarded {
		if i, ok := f.p.find(f.subjectID()); ok {
			files := f.p.Subjects[i].Files
			if at, ok := slices.BinarySearchFunc(files, e.Import.File, compareFile); ok && files[at].Row >= e.Import.Row {
				return true
			}
		}
	}
	if e.ID.IsZero() {
		return false
	}
	h := e.ID.Hash64()
	for i := range f.p.Subjects {
		if _, ok := findSeen(f.p.Subjects[i].Seen, h); ok {
			return true
		}
	}
	return false
}

func compareFile(m FileMark, file uint64) int {
	switch {
	case m.File < file:
		return -1
	case m.File > file:
		return 1
	}
	return 0
}

func findSeen(seen []SeenID, h uint64) (int, bool) {
	lo, hi := 0, len(seen)
	for lo < hi {
		if m := int(uint(lo+hi) >> 1); seen[m].Hash < h {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo, lo < len(seen) && seen[lo].Hash == h
}

// count adds the event to the lifetime of its subject and remembers its id.
func (f *folding) count() {
	s, e := f.subject(), f.e
	id := SeenID{Day: day(f.now), Counts: f.counts, Points: f.points}
	s.Lifetime.add(id, 1)
	f.changed |= ChangedLifetime
	if e.Import != nil {
		at, ok := slices.BinarySearchFunc(s.Files, e.Import.File, compareFile)
		if !ok {
			s.Files = slices.Insert(s.Files, at, FileMark{File: e.Import.File})
		}
		s.Files[at].Row = max(s.Files[at].Row, e.Import.Row)
	}
	if e.ID.IsZero() {
		return
	}
	id.Hash = e.ID.Hash64()
	s.remember(id)
}

// remember adds an id to Seen; with the first of a day those of before SeenWindow go.
func (s *Subject) remember(id SeenID) {
	if s.pruned != id.Day {
		s.pruned = id.Day
		oldest := id.Day - int32(SeenWindow/(24*time.Hour))
		s.Seen = slices.DeleteFunc(s.Seen, func(x SeenID) bool { return x.Day < oldest })
	}
	i, ok := findSeen(s.Seen, id.Hash)
	if ok {
		s.Seen[i].Day = max(s.Seen[i].Day, id.Day)
		return
	}
	s.Seen = slices.Insert(s.Seen, i, id)
}

// add counts what an event added, times 1 or -1.
func (l *Lifetime) add(x SeenID, times int64) {
	if x.Counts&countedMark != 0 {
		return
	}
	if x.Counts&countedReceipt == 0 {
		l.Events += times
	}
	if x.Counts&countedPageView != 0 {
		l.PageViews += times
	}
	if x.Counts&countedProductView != 0 {
		l.ProductViews += times
	}
	if x.Counts&countedStoreVisit != 0 {
		l.StoreVisits += times
	}
	l.Points += times * x.Points
	if x.Counts&countedEarned != 0 {
		l.PointsEarned += times * x.Points
	}
}
