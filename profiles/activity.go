package profiles

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"enishi"
)

// maxText is how many bytes of a path or of search words a visit keeps.
const maxText = 500

func compareVisit(a, b *Visit) int { return compareMoment(a.At, a.Event, b.At, b.Event) }

func compareStore(a, b *StoreVisit) int { return compareMoment(a.At, a.Event, b.At, b.Event) }

func compareSurvey(a, b *Survey) int { return compareMoment(a.At, a.Event, b.At, b.Event) }

func compareMoment(at time.Time, id enishi.ID, at2 time.Time, id2 enishi.ID) int {
	if c := at.Compare(at2); c != 0 {
		return c
	}
	return id.Compare(id2)
}

func compareContact(a, b *Contact) int { return strings.Compare(a.ContactID, b.ContactID) }

// visit folds what happened on a site or in an app.
func (f *folding) visit(family string) {
	e := f.e
	switch family {
	case "page", "screen":
		if strings.HasSuffix(e.Type, ".viewed") {
			f.counts |= countedPageView
		}
	case "product":
		if e.Type == "product.viewed" {
			f.counts |= countedProductView
		}
	}
	s := f.subject()
	// The newest visit is kept whatever its age: it is the last one.
	if n := len(s.Visits); n > 0 && f.at.Before(f.now.Add(-VisitWindow)) && !s.Visits[n-1].At.Before(f.now.Add(-VisitWindow)) {
		return
	}
	v := Visit{Event: e.ID, At: f.at}
	at, ok := search(s.Visits, &v, compareVisit)
	if ok || at == 0 && len(s.Visits) >= MaxVisits {
		return
	}
	v.describe(e, family)
	f.changed |= ChangedVisits
	f.p.touchVisit(&v)
	if at == len(s.Visits) {
		s.Visits = append(s.Visits, v)
	} else {
		s.Visits = slices.Insert(s.Visits, at, v)
	}
	f.p.view.addVisit(&v)
	f.p.forget(s, f.now)
	if len(s.Visits) > MaxVisits {
		f.p.touchVisit(&s.Visits[0])
		f.p.dropVisit(s)
	}
}

// describe takes the fields of a visit from its event.
func (v *Visit) describe(e *enishi.Event, family string) {
	if w := e.Web; w != nil {
		v.Category, v.Query, v.CartID, v.Value = w.Category, cut(w.Query, maxText), w.CartID, w.Value
		if x := w.Product; x != nil {
			v.ProductID, v.Brand, v.Category = x.ProductID, x.Brand, cmp.Or(x.Category, w.Category)
		}
	}
	if e.Type == "price_alert.requested" && e.Web != nil {
		v.Value = e.Web.TargetPrice
	}
	if c := e.Context; c != nil {
		v.Path, v.Source, v.Campaign = cut(c.Path, maxText), c.UTMSource, c.UTMCampaign
	}
	if family == "custom" {
		v.Type = e.Type
		pack(&v.Type, &v.ProductID, &v.Category, &v.Brand, &v.Path, &v.Query, &v.CartID, &v.Source, &v.Campaign)
		return
	}
	info, ok := enishi.LookupType(e.Type)
	if v.Type = info.Name; !ok {
		v.Type = strings.Clone(e.Type)
	}
	pack(&v.ProductID, &v.Category, &v.Brand, &v.Path, &v.Query, &v.CartID, &v.Source, &v.Campaign)
}

// forget drops visits that left the window, but never the newest. Nobody needs to hear of it: who reads visits bounds
// them by their time, and so does SQL.
func (p *Profile) forget(s *Subject, now time.Time) {
	since := now.Add(-VisitWindow)
	for len(s.Visits) > 1 && s.Visits[0].At.Before(since) {
		p.dropVisit(s)
	}
}

// dropVisit drops the oldest visit of a subject.
func (p *Profile) dropVisit(s *Subject) {
	v := s.Visits[0]
	s.Visits[0] = Visit{} // its texts need not stay in memory
	s.Visits = s.Visits[1:]
	p.view.dropVisit(p, &v)
}

// cut shortens a text to at most n bytes of whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// cart takes the cart as an event shows it; the newest wins. An event that does not show the whole cart tells it when it
// puts something in, and cart.updated without lines says that it is empty.
func (f *folding) cart(family, name string) {
	w := f.e.Web
	if w == nil || family != "cart" && family != "checkout" {
		return
	}
	lines := w.Lines
	if len(lines) == 0 && name == "item_added" && w.Product != nil {
		x := w.Product
		lines = []enishi.Line{{ProductID: x.ProductID, SKU: x.SKU, Name: x.Name, Brand: x.Brand, Category: x.Category, Variant: x.Variant,
			Quantity: x.Quantity, Price: x.Price}}
	}
	if len(lines) == 0 && name != "updated" {
		return
	}
	s := f.subject()
	if s.Cart != nil && !newer(f.at, f.e.ID, s.Cart.At, s.Cart.Event) {
		return
	}
	c := CartState{CartID: w.CartID, At: f.at, Event: f.e.ID, Lines: lines, Value: w.Value, Currency: w.Currency, URL: w.URL}
	c = clone(&c)
	s.Cart = &c
	f.changed |= ChangedCart
}

// store folds an event of a store. A purchase at the till is an order that is placed and paid.
func (f *folding) store(name string) {
	e := f.e
	v := StoreVisit{Event: e.ID, At: f.at, Type: f.typeName()}
	if e.Store != nil {
		v.StoreID = strings.Clone(e.Store.StoreID)
		v.Receipt = receipt(v.Type, e.Store)
	}
	f.visitStore(&v)
	switch {
	case name == "purchased" && e.Order != nil && e.Order.OrderID != "":
		st := f.stamp(e.Order.Version)
		x := Order{Order: clone(e.Order), Event: st.event, Source: strings.Clone(e.Source), Channel: strings.Clone(cmp.Or(e.Channel, "store"))}
		x.Order.Version = st.version
		x.Order.StoreID = cmp.Or(x.Order.StoreID, v.StoreID)
		x.Order.Fulfilment = cmp.Or(x.Order.Fulfilment, "store")
		paid := Mark{Type: "paid", At: f.at, Version: st.version, Event: st.event}
		x.Marks = []Mark{paid, {Type: "placed", At: f.at, Version: st.version, Event: st.event}}
		f.takeOrder(&x)
	case name == "returned":
		f.giveBack("received", e.Return)
		f.order("refunded", e.Order)
	}
}

// visitStore takes a visit. A receipt that a till sends again, as with more lines, is the same visit: the first in the list stands, so
// that it is no matter which of its events came first.
func (f *folding) visitStore(v *StoreVisit) {
	s := f.subject()
	if v.Receipt == 0 {
		f.counts |= countedStoreVisit
	} else {
		i := slices.IndexFunc(s.Stores, func(x StoreVisit) bool { return x.Receipt == v.Receipt })
		// The count hangs on the receipt, not on one of its events: who is merged counts it once.
		id := SeenID{Hash: v.Receipt, Day: day(f.now), Counts: countedStoreVisit | countedReceipt}
		if _, known := findSeen(s.Seen, id.Hash); !known && i < 0 {
			s.Lifetime.add(id, 1)
			f.changed |= ChangedLifetime
		}
		s.remember(id)
		if i >= 0 {
			if compareStore(&s.Stores[i], v) <= 0 {
				return
			}
			f.p.touchStore(&s.Stores[i])
			s.Stores = slices.Delete(s.Stores, i, i+1)
		}
	}
	if at, ok := search(s.Stores, v, compareStore); !ok {
		s.Stores = slices.Insert(s.Stores, at, *v)
		f.p.touchStore(v)
		f.changed |= ChangedStores
		s.Stores = keepNewest(s.Stores, MaxCollection, rankStore, f.p.touchStore)
	}
}

// receipt is the hash of a till's key of a receipt, 0 when a part of it is missing: their numbers begin anew each day.
func receipt(typ string, v *enishi.StoreVisit) uint64 {
	if v.Receipt == "" || v.BusinessDate == "" || v.StoreID == "" {
		return 0
	}
	return enishi.NewID("receipt", typ, v.StoreID, v.Register, v.BusinessDate, v.Receipt).Hash64()
}

// typeName is the event's type as text that does not hold the record.
func (f *folding) typeName() string {
	if info, ok := enishi.LookupType(f.e.Type); ok && !strings.HasPrefix(f.e.Type, "custom.") {
		return info.Name
	}
	return strings.Clone(f.e.Type)
}

// contact folds an event of a conversation with the service.
func (f *folding) contact(name string) {
	c := f.e.Contact
	if c == nil || c.ContactID == "" {
		return
	}
	x := Contact{ContactID: c.ContactID, Channel: c.Channel, Topic: c.Topic, OrderID: c.OrderID, Complaint: c.Complaint, LastAt: f.at}
	pack(&x.ContactID, &x.Channel, &x.Topic, &x.OrderID)
	if x.Topic != "" {
		x.TopicAt = f.at
	}
	switch name {
	case "opened":
		x.OpenedAt = f.at
	case "solved":
		x.SolvedAt = f.at
	}
	s := f.subject()
	f.changed |= ChangedContacts
	f.p.touchContact(&x)
	if i, ok := search(s.Contacts, &x, compareContact); ok {
		s.Contacts[i].join(&x)
	} else {
		s.Contacts = slices.Insert(s.Contacts, i, x)
		s.Contacts = keepNewest(s.Contacts, MaxCollection, rankContact, f.p.touchContact)
	}
}

// join: a complaint stays one; channel and order hardly change, so the larger text wins.
func (c *Contact) join(x *Contact) {
	c.Channel, c.OrderID = max(c.Channel, x.Channel), max(c.OrderID, x.OrderID)
	if x.TopicAt.After(c.TopicAt) || x.TopicAt.Equal(c.TopicAt) && x.Topic > c.Topic {
		c.Topic, c.TopicAt = x.Topic, x.TopicAt
	}
	c.Complaint = c.Complaint || x.Complaint
	c.OpenedAt, c.LastAt, c.SolvedAt = latest(c.OpenedAt, x.OpenedAt), latest(c.LastAt, x.LastAt), latest(c.SolvedAt, x.SolvedAt)
}

// survey folds an answered questionnaire.
func (f *folding) survey() {
	c := f.e.Survey
	if c == nil {
		return
	}
	x := Survey{Event: f.e.ID, At: f.at, SurveyID: c.SurveyID, Kind: c.Kind, Score: c.Score}
	s := f.subject()
	at, ok := search(s.Surveys, &x, compareSurvey)
	if ok {
		return
	}
	pack(&x.SurveyID, &x.Kind)
	s.Surveys = slices.Insert(s.Surveys, at, x)
	f.changed |= ChangedSurveys
	f.p.touchSurvey(&x)
	s.Surveys = keepNewest(s.Surveys, MaxCollection, rankSurvey, f.p.touchSurvey)
}

// risk folds a mark that is set or taken away.
func (f *folding) risk() {
	c := f.e.Risk
	if c == nil || c.Flag == "" {
		return
	}
	s, x := f.subject(), RiskFlag{Flag: strings.Clone(c.Flag), Set: c.Set, At: f.at, Event: f.e.ID}
	f.changed |= ChangedRisks
	if i, ok := search(s.Risks, &x, compareRisk); ok {
		s.Risks[i].join(&x)
	} else {
		s.Risks = keepNewest(slices.Insert(s.Risks, i, x), MaxCollection, rankRisk, nil)
	}
}

func compareRisk(a, b *RiskFlag) int { return strings.Compare(a.Flag, b.Flag) }

func (r *RiskFlag) join(x *RiskFlag) {
	if newer(x.At, x.Event, r.At, r.Event) {
		*r = *x
	}
}

// listed folds that the person is put on a list or taken off.
func (f *folding) listed(name string) {
	c := f.e.List
	if c == nil || c.List == "" || name != "added" && name != "removed" {
		return
	}
	s, x := f.subject(), ListMark{Name: strings.Clone(c.List), On: name == "added", At: f.at, Event: f.e.ID}
	f.changed |= ChangedLists
	if i, ok := search(s.Lists, &x, compareList); ok {
		s.Lists[i].join(&x)
	} else {
		s.Lists = keepNewest(slices.Insert(s.Lists, i, x), MaxCollection, rankList, nil)
	}
}

func compareList(a, b *ListMark) int { return strings.Compare(a.Name, b.Name) }

func (m *ListMark) join(x *ListMark) {
	if newer(x.At, x.Event, m.At, m.Event) {
		*m = *x
	}
}

// hold folds a hold on marketing or its end.
func (f *folding) hold(name string) {
	c := f.e.Hold
	if c == nil {
		return
	}
	s, x := f.subject(), Hold{Reason: c.Reason, At: f.at, Event: f.e.ID, Until: c.Until, Released: name == "released", Actor: c.Actor}
	pack(&x.Reason, &x.Actor)
	f.changed |= ChangedHolds
	if i, ok := search(s.Holds, &x, compareHold); ok {
		s.Holds[i].join(&x)
	} else {
		s.Holds = keepNewest(slices.Insert(s.Holds, i, x), MaxCollection, rankHold, nil)
	}
}

func compareHold(a, b *Hold) int { return strings.Compare(a.Reason, b.Reason) }

func (h *Hold) join(x *Hold) {
	if newer(x.At, x.Event, h.At, h.Event) {
		*h = *x
	}
}

// Methods of consents that LINE itself tells.
const (
	MethodFollow   = "line_follow"
	MethodUnfollow = "line_unfollow"
	MethodSync     = "line_sync" // found by comparing with LINE
)

// MethodRevoked is the method of a consent that a browser or app tells when its notifications are turned off.
const MethodRevoked = "push_revoked"

// Methods of what readers do with a mail.
const (
	methodComplaint   = "complaint"
	methodUnsubscribe = "unsubscribe_link"
)

// DefaultAccount is the LINE account that is meant where an event names none.
const DefaultAccount = "default"

// maxAccount is how many bytes the name of a LINE account may have.
const maxAccount = 32

// line folds the friendship with a LINE account (property account). A follow is a permission for marketing on LINE and for
// nothing else; a block takes it back for that account of LINE. A follow that was found by comparing with LINE (property
// sync) is no word of the person's: any other word on LINE outdoes it.
func (f *folding) line(name string) {
	if name != "followed" && name != "unfollowed" {
		return
	}
	s, account := f.of(enishi.LINEUser), f.e.Properties["account"].Text
	sync := f.e.Properties["sync"].Any() == true
	f.changed |= ChangedLifetime
	if account != "" && account != DefaultAccount && len(account) <= maxAccount {
		f.befriend(s, account, name, sync)
		return
	}
	c := Consent{Channel: "line", Source: f.e.Source, Method: MethodFollow}
	if name == "followed" {
		s.Lifetime.LineFollowed = latest(s.Lifetime.LineFollowed, f.at)
		if sync {
			c.Method = MethodSync
		}
	} else {
		s.Lifetime.LineUnfollowed = latest(s.Lifetime.LineUnfollowed, f.at)
		c.Out, c.Method = true, MethodUnfollow
	}
	f.consent(s, c)
}

// befriend folds the friendship with another account than the default one. Its permission follows from it, see strictest.
func (f *folding) befriend(s *Subject, account, name string, sync bool) {
	x := Friendship{Account: strings.Clone(account)}
	switch {
	case name == "unfollowed":
		x.Unfollowed = f.at
	case sync:
		x.Followed = f.at
	default:
		x.Followed, x.Told = f.at, f.at
	}
	f.changed |= ChangedConsents
	if i, ok := search(s.Friends, &x, compareFriendship); ok {
		s.Friends[i].join(&x)
	} else {
		s.Friends = keepNewest(slices.Insert(s.Friends, i, x), MaxCollection, rankFriendship, nil)
	}
}

func compareFriendship(a, b *Friendship) int { return strings.Compare(a.Account, b.Account) }

func (x *Friendship) join(y *Friendship) {
	x.Followed, x.Unfollowed, x.Told = latest(x.Followed, y.Followed), latest(x.Unfollowed, y.Unfollowed), latest(x.Told, y.Told)
}

func (x *Friendship) friend() bool { return x.Followed.After(x.Unfollowed) }
