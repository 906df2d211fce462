package profiles

import (
	"cmp"
	"strings"
	"time"

	"enishi"
)

// collections writes what was touched of the collections whose elements stand for themselves.
func (w *rowWriter) collections(q *pending) {
	f, v := w.f, w.v
	if q.whole&ChangedShipments != 0 {
		q.shipments = addKeys(q.shipments, v.Shipments, func(s *ShipmentView) pair { return pair{s.OrderID, s.ShipmentID} })
	}
	for _, k := range unique(q.shipments, comparePair) {
		at, ok := findPair(v.Shipments, k, func(s *ShipmentView) pair { return pair{s.OrderID, s.ShipmentID} })
		f.shipments.text(w.pid, k.a, k.b)
		if !ok {
			f.shipments.deleted(w.version)
			continue
		}
		w.shipment(&v.Shipments[at])
	}
	if q.whole&ChangedReturns != 0 {
		q.returns = addKeys(q.returns, v.Returns, func(r *ReturnView) pair { return pair{r.OrderID, r.ReturnID} })
	}
	for _, k := range unique(q.returns, comparePair) {
		at, ok := findPair(v.Returns, k, func(r *ReturnView) pair { return pair{r.OrderID, r.ReturnID} })
		f.returns.text(w.pid, k.a, k.b)
		if !ok {
			f.returns.deleted(w.version)
			continue
		}
		r, t := &v.Returns[at], f.returns
		t.version(w.version)
		t.text(r.Status)
		t.times(r.RequestedAt, r.ReceivedAt)
		t.amounts(r.Amount)
		t.text(r.Reason)
		t.end()
	}
	if q.whole&ChangedReviews != 0 {
		q.reviews = addKeys(q.reviews, v.Reviews, func(r *Review) pair { return pair{r.Review.ReviewID, r.Review.OrderID} })
	}
	for _, k := range unique(q.reviews, comparePair) {
		at, ok := search(v.Reviews, &Review{Review: enishi.Review{ReviewID: k.a, OrderID: k.b}}, compareReview)
		f.reviews.text(w.pid, k.a, k.b)
		if !ok {
			f.reviews.deleted(w.version)
			continue
		}
		r, t := &v.Reviews[at], f.reviews
		t.version(w.version)
		t.text(r.Review.ProductID)
		t.ints(int64(r.Review.Rating))
		t.times(r.At)
		t.end()
	}
	w.contacts(q)
	w.visits(q)
	w.moments(q)
	w.contracts(q)
	w.sends(q)
}

func (w *rowWriter) shipment(s *ShipmentView) {
	t := w.f.shipments
	t.version(w.version)
	t.text(s.Status, s.Carrier, s.Tracking)
	t.ints(int64(s.Number), int64(s.Of))
	t.times(s.CreatedAt, s.ShippedAt, s.DeliveredAt, s.DelayedAt, s.ReturnedAt, s.EstimatedAt)
	t.text(s.StoreID)
	t.end()
}

func (w *rowWriter) contacts(q *pending) {
	t, v := w.f.contacts, w.v
	if q.whole&ChangedContacts != 0 {
		q.contacts = addKeys(q.contacts, v.Contacts, func(c *Contact) string { return c.ContactID })
	}
	for _, k := range unique(q.contacts, strings.Compare) {
		at, ok := search(v.Contacts, &Contact{ContactID: k}, compareContact)
		t.text(w.pid, k)
		if !ok {
			t.deleted(w.version)
			continue
		}
		c := &v.Contacts[at]
		t.version(w.version)
		t.text(c.Channel, c.Topic, c.OrderID)
		t.flags(c.Complaint)
		t.times(c.OpenedAt, c.SolvedAt)
		t.end()
	}
}

func (w *rowWriter) visits(q *pending) {
	t, v := w.f.visits, w.v
	if q.whole&ChangedVisits != 0 {
		q.visits = addKeys(q.visits, v.Visits, func(x *Visit) moment { return moment{x.At.UnixMilli(), x.Event} })
	}
	for _, k := range unique(q.visits, compareKey) {
		at, ok := findKey(v.Visits, k, func(x *Visit) moment { return moment{x.At.UnixMilli(), x.Event} })
		w.moment(t, k)
		if !ok {
			t.deleted(w.version)
			continue
		}
		x := &v.Visits[at]
		t.version(w.version)
		t.text(x.Type, x.ProductID, x.Category, x.Brand, x.Path, x.Query, x.CartID)
		t.amounts(x.Value)
		t.text(x.Source, x.Campaign)
		t.end()
	}
}

func (w *rowWriter) contracts(q *pending) {
	t, v := w.f.subscriptions, w.v
	if q.whole&ChangedContracts != 0 {
		q.contracts = addKeys(q.contracts, v.Contracts, func(c *SubscriptionView) string { return c.SubscriptionID })
	}
	for _, k := range unique(q.contracts, strings.Compare) {
		at, ok := findBy(v.Contracts, func(c *SubscriptionView) int { return strings.Compare(c.SubscriptionID, k) })
		t.text(w.pid, k)
		if !ok {
			t.deleted(w.version)
			continue
		}
		c := &v.Contracts[at]
		t.version(w.version)
		t.text(c.Status, c.ProductID, c.Name, c.Category)
		t.ints(int64(c.Quantity), int64(c.CycleDays))
		t.amounts(c.Amount)
		t.text(c.Currency)
		t.ints(int64(c.Deliveries))
		t.text(c.Reason)
		t.times(c.StartedAt, c.NextAt, c.RenewedAt, c.SkippedAt, c.PausedAt, c.CancelledAt, c.PaymentFailedAt)
		t.end()
	}
}

// moments writes visits to stores, answered surveys and movements of points.
func (w *rowWriter) moments(q *pending) {
	t, v := w.f.stores, w.v
	storeKey := func(x *StoreVisit) moment { return moment{x.At.UnixMilli(), x.Event} }
	if q.whole&ChangedStores != 0 {
		q.stores = addKeys(q.stores, v.Stores, storeKey)
	}
	for _, k := range unique(q.stores, compareKey) {
		at, ok := findKey(v.Stores, k, storeKey)
		w.moment(t, k)
		if !ok {
			t.deleted(w.version)
			continue
		}
		t.version(w.version)
		t.text(v.Stores[at].Type, v.Stores[at].StoreID)
		t.end()
	}
	t = w.f.surveys
	surveyKey := func(x *Survey) moment { return moment{x.At.UnixMilli(), x.Event} }
	if q.whole&ChangedSurveys != 0 {
		q.surveys = addKeys(q.surveys, v.Surveys, surveyKey)
	}
	for _, k := range unique(q.surveys, compareKey) {
		at, ok := findKey(v.Surveys, k, surveyKey)
		w.moment(t, k)
		if !ok {
			t.deleted(w.version)
			continue
		}
		x := &v.Surveys[at]
		t.version(w.version)
		t.text(x.SurveyID, x.Kind)
		t.ints(int64(x.Score))
		t.end()
	}
	t = w.f.moves
	moveKey := func(x *PointMove) moment { return moment{x.At.UnixMilli(), x.Event} }
	if q.whole&ChangedMoves != 0 {
		q.moves = addKeys(q.moves, v.Moves, moveKey)
	}
	for _, k := range unique(q.moves, compareKey) {
		at, ok := findKey(v.Moves, k, moveKey)
		w.moment(t, k)
		if !ok {
			t.deleted(w.version)
			continue
		}
		x := &v.Moves[at]
		t.version(w.version)
		t.text(x.Kind)
		t.ints(x.Amount)
		t.text(x.Reason, x.OrderID)
		t.times(x.ExpiresAt)
		t.end()
	}
}

func (w *rowWriter) sends(q *pending) {
	t, v := w.f.sends, w.v
	if q.whole&ChangedMessages != 0 {
		q.messages = addKeys(q.messages, v.Messages, func(m *Message) enishi.ID { return m.SendID })
	}
	for _, k := range unique(q.messages, enishi.ID.Compare) {
		at, ok := search(v.Messages, &Message{SendID: k}, compareMessage)
		t.text(w.pid)
		t.id(k)
		if !ok {
			t.deleted(w.version)
			continue
		}
		m := &v.Messages[at]
		t.version(w.version)
		t.ints(int64(m.Round))
		t.text(m.Channel, m.Purpose, m.Journey, m.Node, m.Template)
		t.id(m.RunID)
		t.times(m.DecidedAt, m.SentAt, m.DeliveredAt, m.OpenedAt, m.ClickedAt, m.EndedAt)
		t.text(m.End, m.Reason)
		t.end()
	}
}

// moment writes the key of an element that an instant and an event name.
func (w *rowWriter) moment(t *table, k moment) {
	t.text(w.pid)
	t.times(k.time())
	t.id(k.event)
}

func comparePair(x, y pair) int {
	return cmp.Or(strings.Compare(x.a, y.a), strings.Compare(x.b, y.b))
}

func (k moment) time() time.Time { return time.UnixMilli(k.at).UTC() }

func compareKey(x, y moment) int { return cmp.Or(cmp.Compare(x.at, y.at), x.event.Compare(y.event)) }

// findKey finds an element by its moment.
func findKey[T any](list []T, k moment, key func(*T) moment) (int, bool) {
	return findBy(list, func(x *T) int { return compareKey(key(x), k) })
}

// findPair finds an element by its two texts.
func findPair[T any](list []T, k pair, key func(*T) pair) (int, bool) {
	return findBy(list, func(x *T) int { return comparePair(key(x), k) })
}

func findBy[T any](list []T, compare func(*T) int) (int, bool) {
	lo, hi := 0, len(list)
	for lo < hi {
		if m := int(uint(lo+hi) >> 1); compare(&list[m]) < 0 {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo, lo < len(list) && compare(&list[lo]) == 0
}

// addKeys adds the keys of a whole collection.
func addKeys[T, K any](keys []K, list []T, key func(*T) K) []K {
	for i := range list {
		keys = append(keys, key(&list[i]))
	}
	return keys
}
