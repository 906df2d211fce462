package profiles

import (
	"slices"
	"strings"

	"enishi"
)

// pending is what the fact tables must be told at the next checkpoint: keys that were touched, and of what follows from
// others (an order's place among the orders) what the tables have. A key that is in the view is a row, one that is not is
// a deletion.
type pending struct {
	whole                       Change // collections to write as a whole
	subjects, messages          []enishi.ID
	orders                      []touchedOrder
	shipments, returns, reviews []pair
	contacts, contracts         []string
	visits, stores, surveys     []moment
	moves                       []moment
	based                       bool
	base                        []orderBase // what the tables have; by OrderID
}

type pair struct{ a, b string }

type moment struct {
	at    int64 // milliseconds
	event enishi.ID
}

// touchedOrder has how many lines the order had at most since the last checkpoint, or -1 when its lines are as before. A
// checkpoint that broke off may have written them.
type touchedOrder struct {
	id    string
	lines int
}

// orderBase is what the tables have of an order that other orders may change, or that says which rows there are.
type orderBase struct {
	id       string
	lines    int
	sequence int64
	placed   int64
	valid    bool
}

func (p *Profile) pend() *pending {
	if p.pending == nil {
		p.pending = &pending{}
	}
	return p.pending
}

func (p *Profile) touchSubject(id enishi.ID) {
	q := p.pend()
	q.subjects = append(q.subjects, id)
}

func (p *Profile) touchOrder(id string, lines int) {
	q := p.pend()
	q.orders = append(q.orders, touchedOrder{id, lines})
}

func (p *Profile) touchShipment(x *Shipment) {
	q := p.pend()
	q.shipments = append(q.shipments, pair{x.Shipment.OrderID, x.Shipment.ShipmentID})
	q.orders = append(q.orders, touchedOrder{x.Shipment.OrderID, -1})
}

func (p *Profile) touchReturn(x *Return) {
	q := p.pend()
	q.returns = append(q.returns, pair{x.Return.OrderID, x.Return.ReturnID})
	q.orders = append(q.orders, touchedOrder{x.Return.OrderID, -1})
}

func (p *Profile) touchReview(x *Review) {
	q := p.pend()
	q.reviews = append(q.reviews, pair{x.Review.ReviewID, x.Review.OrderID})
}

func (p *Profile) touchContact(x *Contact) {
	q := p.pend()
	q.contacts = append(q.contacts, x.ContactID)
}

func (p *Profile) touchVisit(x *Visit) {
	q := p.pend()
	q.visits = append(q.visits, moment{x.At.UnixMilli(), x.Event})
}

func (p *Profile) touchStore(x *StoreVisit) {
	q := p.pend()
	q.stores = append(q.stores, moment{x.At.UnixMilli(), x.Event})
}

func (p *Profile) touchSurvey(x *Survey) {
	q := p.pend()
	q.surveys = append(q.surveys, moment{x.At.UnixMilli(), x.Event})
}

func (p *Profile) touchContract(x *Subscription) {
	q := p.pend()
	q.contracts = append(q.contracts, x.Subscription.SubscriptionID)
}

func (p *Profile) touchMove(x *PointMove) {
	q := p.pend()
	q.moves = append(q.moves, moment{x.At.UnixMilli(), x.Event})
}

func (p *Profile) touchMessage(m *Message) {
	q := p.pend()
	q.messages = append(q.messages, m.SendID)
}

// touchAll touches every row of a subject.
func (p *Profile) touchAll(s *Subject) {
	p.touchSubject(s.ID)
	for i := range s.Orders {
		p.touchOrder(s.Orders[i].Order.OrderID, len(s.Orders[i].Order.Lines))
	}
	each(s.Shipments, p.touchShipment)
	each(s.Returns, p.touchReturn)
	each(s.Reviews, p.touchReview)
	each(s.Contacts, p.touchContact)
	each(s.Visits, p.touchVisit)
	each(s.Stores, p.touchStore)
	each(s.Surveys, p.touchSurvey)
	each(s.Contracts, p.touchContract)
	each(s.Moves, p.touchMove)
	each(s.Messages, p.touchMessage)
}

func each[T any](list []T, f func(*T)) {
	for i := range list {
		f(&list[i])
	}
}

// keepBase notes what the tables have of the orders, before the first change since the last checkpoint.
func (p *Profile) keepBase() {
	q := p.pend()
	v := p.View()
	if q.based {
		// What other orders made of one since then may be in the tables too, if a checkpoint broke off in between.
		for i := range v.Orders {
			o := &v.Orders[i]
			had, known := findBase(q.base, o.OrderID)
			switch now := o.base(); {
			case known && (had.placed != now.placed || had.valid != now.valid):
				p.touchOrder(o.OrderID, len(o.Lines))
			case known && had.sequence != now.sequence:
				p.touchOrder(o.OrderID, -1)
			}
		}
		return
	}
	q.based = true
	q.base = make([]orderBase, 0, len(v.Orders))
	for i := range v.Orders {
		q.base = append(q.base, v.Orders[i].base())
	}
	slices.SortFunc(q.base, func(a, b orderBase) int { return strings.Compare(a.id, b.id) })
}

func (o *OrderView) base() orderBase {
	return orderBase{id: o.OrderID, lines: len(o.Lines), sequence: o.Sequence, placed: ms(o.PlacedAt), valid: o.Valid}
}

// MarkDirty says that somebody else changed a part of the profile (its runs or memberships), or that parts are to be
// written anew: the rows of these collections that the tables do not have are written at the next checkpoint, and with
// ChangedAll every row.
func (p *Profile) MarkDirty(c Change) {
	p.dirty |= c
	rest := c &^ (ChangedMemberships | ChangedRuns)
	p.pend().whole |= rest
	if p.view != nil {
		p.view.stale |= rest
	}
	if c == ChangedAll {
		p.written = written{}
	}
	p.written.note(p, c)
}

// Dirty is what changed since the last checkpoint.
func (p *Profile) Dirty() Change { return p.dirty }
