package profiles

import (
	"time"

	"enishi"
)

// View is what the rest of the program sees of a person: the join over all subjects. It is read-only and valid until the
// profile changes. Segments, journeys, templates and the fact tables have exactly these values (segments/fields.go names
// each with its column).
type View struct {
	Profile *Profile
	ID      enishi.ID

	Traits map[string]enishi.Value // newest of each name over all subjects

	FirstSeenAt, LastSeenAt, LastVisitAt, SignedUpAt time.Time

	Orders    []OrderView    // by PlacedAt, OrderID; newest last
	Shipments []ShipmentView // by OrderID, ShipmentID
	Visits    []Visit        // by At, Event
	Stores    []StoreVisit
	Contacts  []Contact
	Reviews   []Review
	Surveys   []Survey
	Returns   []ReturnView
	Messages  []Message
	Contracts []SubscriptionView // by SubscriptionID
	Moves     []PointMove        // by At, Event
	Cart      *CartState         // newest

	// Lifetime scalars. Valid orders are placed and not cancelled.
	OrdersCount                                  int64
	ManualOrdersCount                            int64 // without automatic (subscription) ones
	LTV                                          enishi.Amount
	Currency                                     string // of the newest order; sums are per this currency
	FirstOrderAt, LastOrderAt, LastManualOrderAt time.Time
	PageViews, ProductViews, StoreVisits, Points int64

	// MainStore is the store with the most valid orders and visits together, among those that are kept; a purchase at the till
	// is both. Of equal ones it is the one that was seen last, "" without any.
	MainStore string

	Features Features // of orders and parcels

	Risks      []string
	Lists      []string  // static lists that the person is on, by name
	HoldUntil  time.Time // zero: no hold now unless Held; a hold without end has the year 9999
	HoldReason string

	stale   Change // what must be made anew
	places  []linePlace
	placed  bool   // places are those of Orders
	search  string // names as in the table people
	house   string // see household
	housed  bool
	joined  []Order
	refs    []orderRef
	stubs   []Stub
	tallies tallies
	kept    [4]tallies // of features: category, brand, size, channel
	gaps    []time.Duration
	parcels []Shipment
	returns []Return
	owned   []Visit // Visits when they come from several subjects
	bufs    buffers
}

// buffers hold joined collections of several subjects, to be used again.
type buffers struct {
	stores    []StoreVisit
	reviews   []Review
	surveys   []Survey
	messages  []Message
	contracts []Subscription
	moves     []PointMove
}

// OrderView is an order joined over subjects, with its parcels taken in.
type OrderView struct {
	*enishi.Order
	Channel                                                string
	Status                                                 string // placed, pending, overdue, payment_failed, paid, confirmed, shipped, delivered, cancelled, refunded, returned
	PaymentState                                           string // "", pending, overdue, failed, paid
	PlacedAt, PaidAt, ConfirmedAt, CancelledAt, RefundedAt time.Time
	ShippedAt                                              time.Time     // first parcel
	DeliveredAt                                            time.Time     // last parcel; zero while one is missing
	Revenue                                                enishi.Amount // tax included, after discounts and points, without shipping and fees, less refunds
	Items                                                  int64
	Valid                                                  bool  // placed and not cancelled
	Sequence                                               int64 // 1 for the person's first valid order, ...; 0 when not valid
}

// LineView is a line of an order.
type LineView struct {
	*enishi.Line
	Order    *OrderView
	Number   int   // in its order, from 0
	Quantity int64 // 1 when the line does not say
}

// linePlace is where a line stands: of which order, and its number there.
type linePlace struct{ order, line int32 }

// CountLines is how many lines all orders have. The first call after orders changed looks through them: few ask.
func (v *View) CountLines() int {
	if !v.placed {
		v.places, v.placed = v.places[:0], true
		for i := range v.Orders {
			for k := range v.Orders[i].Lines {
				v.places = append(v.places, linePlace{int32(i), int32(k)})
			}
		}
	}
	return len(v.places)
}

// Line is the i-th line of all orders, in the order of the orders: 0 <= i < CountLines().
func (v *View) Line(i int) LineView {
	at := v.places[i]
	o := &v.Orders[at.order]
	l := &o.Lines[at.line]
	return LineView{Line: l, Order: o, Number: int(at.line), Quantity: int64(quantity(l.Quantity))}
}

// ShipmentView is a parcel joined over subjects.
type ShipmentView struct {
	*enishi.Shipment
	Status                                                   string // the newest milestone: created, shipped, in_transit, ..., delivered, picked_up, returned
	CreatedAt, ShippedAt, DeliveredAt, DelayedAt, ReturnedAt time.Time
}

// ReturnView is a return joined over subjects.
type ReturnView struct {
	*enishi.Return
	Status                                           string // requested, approved, received, exchanged
	RequestedAt, ApprovedAt, ReceivedAt, ExchangedAt time.Time
}

// SubscriptionView is a contract joined over subjects. An instant that a later event took back is zero.
type SubscriptionView struct {
	*enishi.Subscription
	Status          string    // active, skipped, paused, cancelled
	StartedAt       time.Time // as subscription.started says, else as another event tells, else the first word of it
	RenewedAt       time.Time // when the latest order was made
	SkippedAt       time.Time
	PausedAt        time.Time // zero when it went on since
	CancelledAt     time.Time // zero when it was resumed or made anew since
	PaymentFailedAt time.Time // zero when an order was made since
}
