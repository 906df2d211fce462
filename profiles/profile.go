package profiles

import (
	"time"

	"enishi"
)

// Format is the first byte of an encoded profile.
const Format = 1

// Bounds of the collections of one subject; what leaves by a bound stays in Lifetime where a scalar needs it.
const (
	MaxOrders     = 1000
	MaxVisits     = 500
	VisitWindow   = 180 * 24 * time.Hour
	MaxCollection = 200 // of every other collection, traits included
	MaxShipments  = 2 * MaxOrders
	MaxLines      = 1000 * MaxOrders   // an event with more than 1,000 lines is refused
	SeenWindow    = 7 * 24 * time.Hour // of partition time: how long an event id is remembered
)

// Profile is the folded state of one person.
type Profile struct {
	ID          enishi.ID    `wire:"1"`
	Offset      int64        `wire:"2"` // offset + 1 of the last record folded in, in the partition of ID; state rows carry it
	Redirect    enishi.ID    `wire:"3"` // not zero: merged away; whatever arrives is re-emitted to this profile
	Subjects    []Subject    `wire:"4"` // sorted by ID
	Memberships []Membership `wire:"5"` // sorted by Segment
	Runs        []Run        `wire:"6"` // sorted by ID; ended ones stay while re-entry rules need them
	NextChange  time.Time    `wire:"7"` // earliest instant at which time alone may change a membership; zero: never
	Erased      bool         `wire:"8"` // tombstone: nothing up to ErasedAt is taken, no permission up to it counts
	MovedBy     int64        `wire:"9"` // 1 + offset of the link record by which Redirect was last set or cleared, or up to which whoever addressed an event here knew the links
	ErasedAt    time.Time    `wire:"10"`
	Dates       []DateEntry  `wire:"12"` // sorted by Journey: journeys that begin on a date of this person
	Former      enishi.ID    `wire:"11"` // not zero: given back by an un-merge of which only events tell so far; what knows less is re-emitted to this profile

	view    *View    // cached join; what of it is stale is in the view
	dirty   Change   // what changed since the last checkpoint
	pending *pending // the rows behind dirty
	written written  // what the fact tables have of memberships and runs
}

// DateEntry is when a journey begins for a person by a date of theirs, such as a birthday.
type DateEntry struct {
	Journey string    `wire:"1"`
	At      time.Time `wire:"2"` // the next moment; zero: there is none
	Done    string    `wire:"3"` // the newest year (2026), or the day (2026-12-24) of a date that does not return, whose moment has come; empty: none
	// What At follows from.
	Version int64  `wire:"4"` // of the journey
	Of      string `wire:"5"` // the date, as text
	Zone    string `wire:"6"` // of the person
}

// Subject is all that came with one identifier.
type Subject struct {
	ID        enishi.ID      `wire:"1"`
	Kind      enishi.Kind    `wire:"2"`
	Scope     string         `wire:"3"`
	Value     string         `wire:"4"` // as it came in, for sending and for the screen; of several spellings the shortest
	FirstSeen time.Time      `wire:"5"`
	LastSeen  time.Time      `wire:"6"`  // of the newest event that is not a sender's report
	Traits    []Trait        `wire:"7"`  // sorted by Name
	Consents  []Consent      `wire:"8"`  // sorted by Channel, Purpose
	Orders    []Order        `wire:"9"`  // sorted by OrderID
	Shipments []Shipment     `wire:"10"` // sorted by OrderID, ShipmentID
	Visits    []Visit        `wire:"11"` // sorted by At, EventID: web and app
	Stores    []StoreVisit   `wire:"12"` // sorted by At, EventID
	Contacts  []Contact      `wire:"13"` // sorted by ContactID
	Reviews   []Review       `wire:"14"` // sorted by ReviewID, OrderID
	Surveys   []Survey       `wire:"15"` // sorted by At, EventID
	Returns   []Return       `wire:"16"` // sorted by OrderID, ReturnID
	Messages  []Message      `wire:"17"` // sorted by SendID: what was sent to this person, with its results
	Cart      *CartState     `wire:"18"` // the newest cart
	Holds     []Hold         `wire:"19"` // sorted by Reason
	Risks     []RiskFlag     `wire:"20"` // sorted by Flag
	Lifetime  Lifetime       `wire:"21"`
	Seen      []SeenID       `wire:"22"` // sorted by Hash: event ids of the last SeenWindow
	Files     []FileMark     `wire:"23"` // sorted by File: kept for ever
	Evicted   []Stub         `wire:"24"` // sorted by Key: orders that left by MaxOrders
	Contracts []Subscription `wire:"25"` // sorted by SubscriptionID
	Moves     []PointMove    `wire:"26"` // sorted by At, EventID
	Lists     []ListMark     `wire:"27"` // sorted by Name
	Friends   []Friendship   `wire:"28"` // sorted by Account: with other LINE accounts of the shop than the default one
	Mail      []MailMark     `wire:"31"` // sorted by Key: postal addresses from which something came back

	Chats []Chat `wire:"30"` // sorted by Account: conversations of a page-scoped id

	pruned int32 // day on which Seen was last pruned
}

// Trait is one attribute; the newest (At, Event) wins.
type Trait struct {
	Name  string       `wire:"1"`
	Value enishi.Value `wire:"2"`
	At    time.Time    `wire:"3"`
	Event enishi.ID    `wire:"4"`
}

// Consent is the newest permission given or withdrawn for one channel and purpose at one address.
type Consent struct {
	Channel string    `wire:"1"`
	Purpose string    `wire:"2"`
	Out     bool      `wire:"3"`
	At      time.Time `wire:"4"`
	Event   enishi.ID `wire:"5"`
	Method  string    `wire:"6"`
	Text    string    `wire:"7"`
	Source  string    `wire:"8"`
	IP      string    `wire:"9"`
}

// Mark is one milestone of an order, return or parcel: when it was reached, by the winning event.
type Mark struct {
	Type    string    `wire:"1"` // the event type's second part: placed, paid, delivered ...
	At      time.Time `wire:"2"`
	Version int64     `wire:"3"`
	Event   enishi.ID `wire:"4"`
}

// Order is an order as known under one subject.
type Order struct {
	Order   enishi.Order `wire:"1"` // contents of the winning event (highest Version, then event id)
	Event   enishi.ID    `wire:"2"` // that event; zero while only milestones are known
	Marks   []Mark       `wire:"3"` // sorted by Type
	Source  string       `wire:"4"`
	Channel string       `wire:"5"` // of the event that placed it, else of the one that gave the contents; Source likewise
	Kept    []Kept       `wire:"6"`
}

// Kept names fields of contents that an older event than the winning one told. An event with the lines of an order tells
// all of its fields; every other event tells those that are not empty, and the rest stays as older ones told it. The
// elements are sorted by Version, Event; a field that is in none of them comes from the winning event.
type Kept struct {
	Version int64     `wire:"1"`
	Event   enishi.ID `wire:"2"`
	Fields  uint32    `wire:"3"` // bit per field, as numbered in contents.go
}

// Stub is what stays of an order that left by MaxOrders. Later contents with lines still change it and a cancellation
// makes it invalid; a refund told without lines does not.
type Stub struct {
	Key       string        `wire:"1"`
	Version   int64         `wire:"2"`
	Revenue   enishi.Amount `wire:"3"`
	At        time.Time     `wire:"4"`
	Automatic bool          `wire:"5"`
	Currency  string        `wire:"6"`
	Invalid   bool          `wire:"7"` // cancelled, or never placed
}

// Shipment is a parcel as known under one subject.
type Shipment struct {
	Shipment enishi.Shipment `wire:"1"`
	Event    enishi.ID       `wire:"2"`
	Marks    []Mark          `wire:"3"`
	Kept     []Kept          `wire:"4"`
}

// Return is a return as known under one subject.
type Return struct {
	Return enishi.Return `wire:"1"`
	Event  enishi.ID     `wire:"2"`
	Marks  []Mark        `wire:"3"`
	Kept   []Kept        `wire:"4"`
}

// Subscription is a contract for goods that come again and again, as known under one subject.
type Subscription struct {
	Subscription enishi.Subscription `wire:"1"`
	Event        enishi.ID           `wire:"2"`
	Marks        []Mark              `wire:"3"`
	Kept         []Kept              `wire:"4"`
}

// PointMove is one movement of points.
type PointMove struct {
	Event     enishi.ID `wire:"1"`
	At        time.Time `wire:"2"`
	Kind      string    `wire:"3"` // earned, redeemed, expired, adjusted
	Amount    int64     `wire:"4"` // what it adds to the balance: negative when redeemed or expired
	Reason    string    `wire:"5"`
	OrderID   string    `wire:"6"`
	ExpiresAt time.Time `wire:"7"`
}

// Visit is one web or app event.
type Visit struct {
	Event     enishi.ID     `wire:"1"`
	At        time.Time     `wire:"2"`
	Type      string        `wire:"3"`
	ProductID string        `wire:"4"`
	Category  string        `wire:"5"`
	Brand     string        `wire:"6"`
	Path      string        `wire:"7"`
	Query     string        `wire:"8"`
	CartID    string        `wire:"9"`
	Value     enishi.Amount `wire:"10"`
	Source    string        `wire:"11"` // utm_source
	Campaign  string        `wire:"12"` // utm_campaign
}

// StoreVisit is one visit, attendance, purchase or return in a store.
type StoreVisit struct {
	Event   enishi.ID `wire:"1"`
	At      time.Time `wire:"2"`
	Type    string    `wire:"3"`
	StoreID string    `wire:"4"`
	Receipt uint64    `wire:"5"` // hash of the till's key; 0: it has none
}

// Contact is one conversation with the service.
type Contact struct {
	ContactID string    `wire:"1"`
	Channel   string    `wire:"2"`
	Topic     string    `wire:"3"`
	OrderID   string    `wire:"4"`
	Complaint bool      `wire:"5"`
	OpenedAt  time.Time `wire:"6"` // newest opening: a conversation that is opened again counts from then
	LastAt    time.Time `wire:"7"`
	SolvedAt  time.Time `wire:"8"` // newest; before OpenedAt it is open again, and the view has none
	TopicAt   time.Time `wire:"9"` // of the event that told Topic
}

// Review is one review.
type Review struct {
	Review enishi.Review `wire:"1"`
	At     time.Time     `wire:"2"`
	Event  enishi.ID     `wire:"3"`
}

// Survey is one answered questionnaire.
type Survey struct {
	Event    enishi.ID `wire:"1"`
	At       time.Time `wire:"2"`
	SurveyID string    `wire:"3"`
	Kind     string    `wire:"4"`
	Score    int       `wire:"5"`
}

// Message is one send to this person and what became of it: decided by a journey, then told by result events.
type Message struct {
	SendID      enishi.ID `wire:"1"`
	Round       int       `wire:"2"`
	Channel     string    `wire:"3"`
	Purpose     string    `wire:"4"`
	Journey     string    `wire:"5"`
	Node        string    `wire:"6"`
	Template    string    `wire:"7"`
	RunID       enishi.ID `wire:"8"`
	DecidedAt   time.Time `wire:"9"`
	SentAt      time.Time `wire:"10"`
	DeliveredAt time.Time `wire:"11"`
	OpenedAt    time.Time `wire:"12"` // by a human, as far as can be told
	ClickedAt   time.Time `wire:"13"`
	EndedAt     time.Time `wire:"14"` // failed, refused, bounced, dropped, unknown, deferred: of this Round, but a bounce stays
	End         string    `wire:"15"` // which of them
	Reason      string    `wire:"16"`
	To          enishi.ID `wire:"17"` // subject of the address
	Destination string    `wire:"18"` // as [enishi.Message]: a cancel follows the message under the same key
}

// Hold stops marketing.
type Hold struct {
	Reason   string    `wire:"1"`
	At       time.Time `wire:"2"` // of the newest change
	Event    enishi.ID `wire:"3"`
	Until    time.Time `wire:"4"`
	Released bool      `wire:"5"`
	Actor    string    `wire:"6"`
}

// RiskFlag is a mark such as reseller.
type RiskFlag struct {
	Flag  string    `wire:"1"`
	Set   bool      `wire:"2"`
	At    time.Time `wire:"3"`
	Event enishi.ID `wire:"4"`
}

// ListMark says since when a person is on a static list, or off it.
type ListMark struct {
	Name  string    `wire:"1"`
	On    bool      `wire:"2"`
	At    time.Time `wire:"3"`
	Event enishi.ID `wire:"4"`
}

// Friendship is how a LINE user stands to one of the shop's accounts. Both times rise only; of one instant the block counts.
type Friendship struct {
	Account    string    `wire:"1"`
	Followed   time.Time `wire:"2"` // newest follow
	Unfollowed time.Time `wire:"3"` // newest block
	Told       time.Time `wire:"4"` // newest follow that the person made, not one found by comparing with LINE
}

// MailMark says that post to an address came back, or that somebody has found it right since. The newest word counts.
type MailMark struct {
	Key    uint64    `wire:"1,fixed"` // of the delivery point: address.Key
	Reason string    `wire:"2"`       // unknown_address, moved, refused, expired, other; cleared: it is right all the same
	At     time.Time `wire:"3"`
	Event  enishi.ID `wire:"4"`
}

// Lifetime counts for ever what bounded collections forget. Each event id counts once.
type Lifetime struct {
	Events         int64     `wire:"1"`
	PageViews      int64     `wire:"2"`
	ProductViews   int64     `wire:"3"`
	StoreVisits    int64     `wire:"4"` // events of a store, of any type
	Points         int64     `wire:"5"` // balance of all movements
	PointsEarned   int64     `wire:"6"`
	LineFollowed   time.Time `wire:"7"`  // newest follow of the default LINE account
	LineUnfollowed time.Time `wire:"8"`  // newest block of it
	Bounced        time.Time `wire:"9"`  // newest hard bounce or complaint at this address
	SignedUpAt     time.Time `wire:"10"` // earliest
	LineRefused    time.Time `wire:"11"` // newest refusal of marketing on LINE in words, which no block makes forgotten
}

// SeenID is a remembered event id and what it added to Lifetime, so that an event folded on both sides of a merge counts
// once.
type SeenID struct {
	Hash   uint64 `wire:"1,fixed"`
	Day    int32  `wire:"2"` // days since 1970 of the partition's clock when folded
	Counts uint8  `wire:"3"` // countedPageView and so on
	Points int64  `wire:"4"`
}

// FileMark is the highest row folded of an imported file.
type FileMark struct {
	File uint64 `wire:"1,fixed"`
	Row  uint64 `wire:"2"`
}

// CartState is the newest cart of a subject.
type CartState struct {
	CartID   string        `wire:"1"`
	At       time.Time     `wire:"2"`
	Event    enishi.ID     `wire:"3"`
	Lines    []enishi.Line `wire:"4"`
	Value    enishi.Amount `wire:"5"`
	Currency string        `wire:"6"`
	URL      string        `wire:"7"`
}

// Membership is being in a segment.
type Membership struct {
	Segment string    `wire:"1"`
	Version int64     `wire:"2"` // of the definition that was evaluated
	Since   time.Time `wire:"3"`
	Initial bool      `wire:"4"` // found by a sweep
}

// Run is a person's way through one version of a journey. The engine is package journeys; the run lives here because it is
// part of the state.
type Run struct {
	ID        enishi.ID `wire:"1"` // hash(journey, entry key or entry event id)
	Journey   string    `wire:"2"`
	Version   int64     `wire:"3"` // definition version it is pinned to
	Key       string    `wire:"4"` // entry key, e.g. order or cart id
	Subject   enishi.ID `wire:"5"` // of the entry event: where the run goes on an un-merge
	EnteredAt time.Time `wire:"6"`
	Node      string    `wire:"7"` // where it stands
	Since     time.Time `wire:"8"` // when it came to Node
	Visit     int       `wire:"9"` // how many times the run has come to Node
	Wait      *Wait     `wire:"10"`
	EndedAt   time.Time `wire:"11"`
	End       string    `wire:"12"` // completed, goal, exited, merged, timeout, cancelled, error
	Variables string    `wire:"13"` // kept from the entry event for templates and keys, see package journeys
	Steps     int       `wire:"14"`
}

// Wait is what a run waits for.
type Wait struct {
	Until  time.Time `wire:"1"` // zero: no time limit
	Events []string  `wire:"2"` // event types that end it before Until
	Armed  time.Time `wire:"3"`
	Due    time.Time `wire:"4"` // when it ended while the journey was paused: Until is zero then
}

// Change says what parts of a profile changed; a bit per input of expressions and per fact table.
type Change uint64

// Inputs of expressions, and fact tables. Lifetime is every scalar that no other bit names: the counters, first and last
// seen, LINE friendship, bounces. A shipment or a return changes its order too (status, delivered_at).
const (
	ChangedIdentifiers Change = 1 << iota
	ChangedTraits
	ChangedConsents
	ChangedOrders
	ChangedShipments
	ChangedReturns
	ChangedVisits
	ChangedStores
	ChangedContacts
	ChangedReviews
	ChangedSurveys
	ChangedMessages
	ChangedCart
	ChangedHolds
	ChangedRisks
	ChangedLifetime
	ChangedMemberships
	ChangedRuns
	ChangedContracts        // subscriptions
	ChangedMoves            // of points
	ChangedLists            // static ones
	ChangedAll       Change = 1<<iota - 1
)
