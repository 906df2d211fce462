package profiles

import (
	"slices"
	"strings"
	"time"

	"enishi"
)

// View is the join over all subjects. Only what changed since the last call is made anew.
func (p *Profile) View() *View {
	if p.view == nil {
		p.view = &View{Profile: p, ID: p.ID, stale: ChangedAll}
	}
	if p.view.stale != 0 {
		p.view.build(p)
	}
	return p.view
}

func (v *View) build(p *Profile) {
	stale := v.stale
	v.stale = 0
	if stale&ChangedTraits != 0 {
		v.buildTraits(p)
	}
	if stale&ChangedVisits != 0 {
		v.Visits = gather(p, &v.owned, func(s *Subject) []Visit { return s.Visits }, compareVisit, nil)
	}
	if stale&ChangedStores != 0 {
		v.Stores = gather(p, &v.bufs.stores, func(s *Subject) []StoreVisit { return s.Stores }, compareStore, nil)
	}
	if stale&ChangedReviews != 0 {
		v.Reviews = gather(p, &v.bufs.reviews, func(s *Subject) []Review { return s.Reviews }, compareReview, (*Review).join)
	}
	if stale&ChangedSurveys != 0 {
		v.Surveys = gather(p, &v.bufs.surveys, func(s *Subject) []Survey { return s.Surveys }, compareSurvey, nil)
	}
	if stale&ChangedMessages != 0 {
		v.Messages = gather(p, &v.bufs.messages, func(s *Subject) []Message { return s.Messages }, compareMessage, (*Message).join)
	}
	if stale&ChangedContacts != 0 {
		v.buildContacts(p)
	}
	if stale&ChangedShipments != 0 {
		v.buildShipments(p)
	}
	if stale&ChangedReturns != 0 {
		v.buildReturns(p)
	}
	if stale&ChangedContracts != 0 {
		v.buildContracts(p)
	}
	if stale&ChangedMoves != 0 {
		v.Moves = gather(p, &v.bufs.moves, func(s *Subject) []PointMove { return s.Moves }, compareMove, nil)
	}
	if stale&(ChangedOrders|ChangedShipments|ChangedReturns) != 0 {
		v.buildOrders(p)
		v.buildFeatures()
	}
	if stale&(ChangedOrders|ChangedShipments|ChangedReturns|ChangedStores) != 0 {
		v.buildMainStore()
	}
	if stale&(ChangedCart|ChangedOrders) != 0 {
		v.buildCart(p)
	}
	if stale&ChangedHolds != 0 {
		v.buildHolds(p)
	}
	if stale&ChangedLists != 0 {
		v.buildLists(p)
	}
	if stale&ChangedRisks != 0 {
		v.buildRisks(p)
	}
	v.buildScalars(p)
}

// gather is the union of a sorted collection over all subjects; of one key in several, join makes one. When one subject
// alone has any it is that subject's list, else it is in buf.
func gather[T any](p *Profile, buf *[]T, get func(*Subject) []T, compare func(a, b *T) int, join func(dst, src *T)) []T {
	var lists [][]T
	var first []T
	total := 0
	for i := range p.Subjects {
		list := get(&p.Subjects[i])
		if len(list) == 0 {
			continue
		}
		total += len(list)
		switch {
		case first == nil:
			first = list
		case lists == nil:
			lists = append(make([][]T, 0, len(p.Subjects)), first, list)
		default:
			lists = append(lists, list)
		}
	}
	if lists == nil {
		*buf = nil
		return first
	}
	out := slices.Grow((*buf)[:0], total+1)
	for {
		next := -1
		for i := range lists {
			if len(lists[i]) > 0 && (next < 0 || compare(&lists[i][0], &lists[next][0]) < 0) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		x := &lists[next][0]
		if n := len(out); n > 0 && compare(&out[n-1], x) == 0 {
			if join != nil {
				join(&out[n-1], x)
			}
		} else {
			out = append(out, *x)
		}
		lists[next] = lists[next][1:]
	}
	*buf = out
	return out
}

// addVisit keeps a joined list of visits up to date. A list that is one subject's own is only taken anew.
func (v *View) addVisit(x *Visit) {
	if v == nil || v.stale&ChangedVisits != 0 {
		return
	}
	if v.owned == nil {
		v.stale |= ChangedVisits
		return
	}
	if at, ok := search(v.owned, x, compareVisit); !ok {
		v.owned = slices.Insert(v.owned, at, *x)
		v.Visits = v.owned
	}
}

// dropVisit takes out a visit that no subject has any more.
func (v *View) dropVisit(p *Profile, x *Visit) {
	if v == nil || v.stale&ChangedVisits != 0 {
		return
	}
	if v.owned == nil {
		v.stale |= ChangedVisits
		return
	}
	for i := range p.Subjects {
		if _, ok := search(p.Subjects[i].Visits, x, compareVisit); ok {
			return
		}
	}
	if at, ok := search(v.owned, x, compareVisit); ok {
		v.owned = slices.Delete(v.owned, at, at+1)
		v.Visits = v.owned
	}
}

func (v *View) buildTraits(p *Profile) {
	if v.Traits == nil {
		v.Traits = map[string]enishi.Value{}
	}
	clear(v.Traits)
	v.search, v.housed = "", false
	for i := range p.Subjects {
		for t := range p.Subjects[i].Traits {
			x := &p.Subjects[i].Traits[t]
			if x.Value.Kind != enishi.Null && p.newestTrait(x, i) {
				v.Traits[x.Name] = x.Value
			}
		}
	}
}

// newestTrait reports whether no other subject than the i-th has a newer value of the trait.
func (p *Profile) newestTrait(t *Trait, i int) bool {
	for k := range p.Subjects {
		if k == i {
			continue
		}
		at, ok := search(p.Subjects[k].Traits, t, compareTrait)
		if !ok {
			continue
		}
		if x := &p.Subjects[k].Traits[at]; newer(x.At, x.Event, t.At, t.Event) {
			return false
		}
	}
	return true
}

func (v *View) buildContacts(p *Profile) {
	var buf []Contact
	list := gather(p, &buf, func(s *Subject) []Contact { return s.Contacts }, compareContact, (*Contact).join)
	v.Contacts = append(v.Contacts[:0], list...)
	for i := range v.Contacts {
		if c := &v.Contacts[i]; c.SolvedAt.Before(c.OpenedAt) {
			c.SolvedAt = time.Time{}
		}
	}
}

func (v *View) buildCart(p *Profile) {
	v.Cart = nil
	for i := range p.Subjects {
		c := p.Subjects[i].Cart
		if c != nil && (v.Cart == nil || newer(c.At, c.Event, v.Cart.At, v.Cart.Event)) {
			v.Cart = c
		}
	}
	if v.Cart == nil {
		return
	}
	if len(v.Cart.Lines) == 0 || v.bought(v.Cart) {
		v.Cart = nil
	}
}

func (v *View) buildMainStore() {
	v.tallies = v.tallies[:0]
	for i := range v.Orders {
		if o := &v.Orders[i]; o.Valid {
			v.tallies.add(o.StoreID, 1, o.PlacedAt)
		}
	}
	for i := range v.Stores {
		v.tallies.add(v.Stores[i].StoreID, 1, v.Stores[i].At)
	}
	v.MainStore = v.tallies.top()
}

// bought reports whether a cart became an order: one that names it, or, when either has no cart id, any that the person
// placed after it.
func (v *View) bought(c *CartState) bool {
	for i := range v.Orders {
		o := &v.Orders[i]
		if o.CartID != "" && o.CartID == c.CartID || (o.CartID == "" || c.CartID == "") && !o.Automatic && !o.PlacedAt.Before(c.At) {
			return true
		}
	}
	return false
}

func (v *View) buildLists(p *Profile) {
	var buf []ListMark
	list := gather(p, &buf, func(s *Subject) []ListMark { return s.Lists }, compareList, (*ListMark).join)
	v.Lists = nil
	for i := range list {
		if list[i].On {
			v.Lists = append(v.Lists, list[i].Name)
		}
	}
}

func (v *View) buildRisks(p *Profile) {
	var buf []RiskFlag
	list := gather(p, &buf, func(s *Subject) []RiskFlag { return s.Risks }, compareRisk, (*RiskFlag).join)
	v.Risks = nil
	for i := range list {
		if list[i].Set {
			v.Risks = append(v.Risks, list[i].Flag)
		}
	}
}

// forever is the end of a hold without end.
var forever = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// buildHolds finds the hold that lasts longest. Of one reason in several subjects the newest word counts.
func (v *View) buildHolds(p *Profile) {
	var buf []Hold
	list := gather(p, &buf, func(s *Subject) []Hold { return s.Holds }, compareHold, (*Hold).join)
	v.HoldUntil, v.HoldReason = time.Time{}, ""
	for i := range list {
		h := &list[i]
		if h.Released {
			continue
		}
		until := h.Until
		if until.IsZero() {
			until = forever
		}
		if until.After(v.HoldUntil) {
			v.HoldUntil, v.HoldReason = until, h.Reason
		}
	}
}

func (v *View) buildScalars(p *Profile) {
	v.FirstSeenAt, v.LastSeenAt, v.SignedUpAt = time.Time{}, time.Time{}, time.Time{}
	v.PageViews, v.ProductViews, v.StoreVisits, v.Points = 0, 0, 0, 0
	for i := range p.Subjects {
		s := &p.Subjects[i]
		v.FirstSeenAt, v.LastSeenAt = earliest(v.FirstSeenAt, s.FirstSeen), latest(v.LastSeenAt, s.LastSeen)
		v.SignedUpAt = earliest(v.SignedUpAt, s.Lifetime.SignedUpAt)
		v.PageViews += s.Lifetime.PageViews
		v.ProductViews += s.Lifetime.ProductViews
		v.StoreVisits += s.Lifetime.StoreVisits
		v.Points += s.Lifetime.Points
	}
	if x := v.Traits["signed_up_at"]; x.Kind == enishi.Instant {
		v.SignedUpAt = earliest(v.SignedUpAt, time.UnixMilli(int64(x.Number)).UTC())
	}
	v.LastVisitAt = time.Time{}
	if n := len(v.Visits); n > 0 {
		v.LastVisitAt = v.Visits[n-1].At
	}
}

// searchText is the folded names, for the table people.
func (v *View) searchText() string {
	if v.search == "" {
		family, given, familyKana, givenKana := v.Name()
		v.search = strings.TrimSpace(FoldName(family) + FoldName(given) + " " + FoldName(familyKana) + FoldName(givenKana))
	}
	return v.search
}
