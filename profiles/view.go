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
	Cart      *CartState // newest

	// Lifetime scalars. Valid orders are placed and not cancelled.
	OrdersCount                                  int64
	ManualOrdersCount                            int64 // without automatic (subscription) ones
	LTV                                          enishi.Amount
	Currency                                     string // of the newest order; sums are per this currency
	FirstOrderAt, LastOrderAt, LastManualOrderAt time.Time
	PageViews, ProductViews, StoreVisits, Points int64

	Risks      []string
	HoldUntil  time.Time // zero: no hold now unless Held; a hold without end has the year 9999
	HoldReason string

	stale   Change // what must be made anew
	search  string // names as in the table people
	joined  []Order
	refs    []orderRef
	stubs   []Stub
	parcels []Shipment
	returns []Return
	owned   []Visit // Visits when they come from several subjects
	bufs    buffers
}

// buffers hold joined collections of several subjects, to be used again.
type buffers struct {
	stores   []StoreVisit
	reviews  []Review
	surveys  []Survey
	messages []Message
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
