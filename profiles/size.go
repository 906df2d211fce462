package profiles

import (
	"log/slog"
	"unsafe"
)

// LogValue keeps personal values out of logs.
func (p *Profile) LogValue() slog.Value { return slog.StringValue("profile:" + p.ID.String()) }

// Sizes of what elements refer to besides themselves: texts, lines, marks. Measured on orders of two lines and web visits
// with a product, an address and a campaign; rough on purpose.
const (
	heapOfOrder   = 700
	heapOfParcel  = 250
	heapOfVisit   = 70
	heapOfElement = 100
)

// Size is about how many bytes of memory p takes, its view included, for a cache with a bound. It is cheap: it looks at
// the lengths of the lists only.
func (p *Profile) Size() int {
	n := int(unsafe.Sizeof(*p)) + lists(p.Memberships, 24) + lists(p.Dates, 24) + lists(p.Runs, 400) + cap(p.written.memberships)*24 + cap(p.written.runs)*40
	for i := range p.Subjects {
		s := &p.Subjects[i]
		n += int(unsafe.Sizeof(*s)) + len(s.Value)
		n += lists(s.Orders, heapOfOrder) + lists(s.Shipments, heapOfParcel) + lists(s.Returns, heapOfParcel) + lists(s.Visits, heapOfVisit)
		n += lists(s.Traits, 40) + lists(s.Consents, heapOfElement) + lists(s.Stores, 30) + lists(s.Contacts, heapOfElement) + lists(s.Reviews, 3*heapOfElement)
		n += lists(s.Contracts, heapOfParcel) + lists(s.Moves, 40)
		n += lists(s.Surveys, 40) + lists(s.Messages, heapOfElement) + lists(s.Holds, 40) + lists(s.Risks, 20) + lists(s.Lists, 20) + lists(s.Friends, 20) + lists(s.Chats, 2*heapOfElement) + lists(s.Mail, 20) + lists(s.Seen, 0) + lists(s.Files, 0) + lists(s.Evicted, 20)
		if s.Cart != nil {
			n += int(unsafe.Sizeof(*s.Cart)) + len(s.Cart.Lines)*250
		}
	}
	if v := p.view; v != nil {
		n += int(unsafe.Sizeof(*v)) + lists(v.Orders, 0) + lists(v.Shipments, 0) + lists(v.Returns, 0) + lists(v.Contacts, 0) + len(v.Traits)*80
		n += lists(v.joined, 0) + lists(v.refs, 0) + lists(v.parcels, 0) + lists(v.returns, 0) + lists(v.owned, 0) + lists(v.places, 0)
		n += lists(v.bufs.stores, 0) + lists(v.bufs.reviews, 0) + lists(v.bufs.surveys, 0) + lists(v.bufs.messages, 0)
		n += lists(v.Contracts, 0) + lists(v.bufs.contracts, 0) + lists(v.bufs.moves, 0) + lists(v.tallies, 0) + lists(v.gaps, 0)
		for i := range v.kept {
			n += lists(v.kept[i], 0)
		}
	}
	if q := p.pending; q != nil {
		n += int(unsafe.Sizeof(*q)) + lists(q.visits, 0) + lists(q.orders, 0) + lists(q.base, 0) + lists(q.subjects, 0) + lists(q.messages, 0)
	}
	return n
}

// lists is the size of a list whose elements refer to heap bytes each.
func lists[T any](list []T, heap int) int {
	var x T
	return cap(list)*int(unsafe.Sizeof(x)) + len(list)*heap
}
