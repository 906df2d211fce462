package profiles

import (
	"slices"
	"time"

	"enishi"
)

// field is one field of the contents of an order, parcel, return or subscription.
type field[T any] struct {
	empty func(*T) bool
	copy  func(dst, src *T)
}

func of[T any, V comparable](at func(*T) *V) field[T] {
	return field[T]{
		empty: func(x *T) bool { var zero V; return *at(x) == zero },
		copy:  func(dst, src *T) { *at(dst) = *at(src) },
	}
}

func listOf[T, V any](at func(*T) *[]V) field[T] {
	return field[T]{
		empty: func(x *T) bool { return len(*at(x)) == 0 },
		copy:  func(dst, src *T) { *at(dst) = *at(src) },
	}
}

// The fields of contents; the index is the bit in [Kept.Fields] and is never given to another field. Of an order the
// lines come first: an event that has them tells everything.
var (
	orderFields = [...]field[enishi.Order]{
		listOf(func(o *enishi.Order) *[]enishi.Line { return &o.Lines }),
		of(func(o *enishi.Order) *string { return &o.Currency }),
		of(func(o *enishi.Order) *enishi.Amount { return &o.Subtotal }),
		of(func(o *enishi.Order) *enishi.Amount { return &o.Discount }),
		of(func(o *enishi.Order) *string { return &o.Coupon }),
		of(func(o *enishi.Order) *enishi.Amount { return &o.CouponAmount }),
		of(func(o *enishi.Order) *enishi.Amount { return &o.PointsUsed }),
		of(func(o *enishi.Order) *enishi.Amount { return &o.ShippingFee }),
		of(func(o *enishi.Order) *enishi.Amount { return &o.CODFee }),
		listOf(func(o *enishi.Order) *[]enishi.Tax { return &o.Taxes }),
		of(func(o *enishi.Order) *enishi.Amount { return &o.Total }),
		of(func(o *enishi.Order) *string { return &o.PaymentMethod }),
		of(func(o *enishi.Order) *time.Time { return &o.PaymentDueAt }),
		of(func(o *enishi.Order) *string { return &o.StoreID }),
		of(func(o *enishi.Order) *string { return &o.StaffID }),
		of(func(o *enishi.Order) *string { return &o.SubscriptionID }),
		of(func(o *enishi.Order) *bool { return &o.Automatic }),
		of(func(o *enishi.Order) *string { return &o.Fulfilment }),
		of(func(o *enishi.Order) *string { return &o.Marketplace }),
		of(func(o *enishi.Order) **enishi.Address { return &o.ShipTo }),
		of(func(o *enishi.Order) *enishi.Amount { return &o.Refunded }),
		of(func(o *enishi.Order) *string { return &o.Reason }),
		of(func(o *enishi.Order) *string { return &o.CartID }),
		of(func(o *enishi.Order) *time.Time { return &o.PlacedAt }),
		of(func(o *enishi.Order) *string { return &o.Number }),
	}
	shipmentFields = [...]field[enishi.Shipment]{
		listOf(func(s *enishi.Shipment) *[]enishi.ShipmentLine { return &s.Lines }),
		of(func(s *enishi.Shipment) *int { return &s.Number }),
		of(func(s *enishi.Shipment) *int { return &s.Of }),
		of(func(s *enishi.Shipment) *string { return &s.Carrier }),
		of(func(s *enishi.Shipment) *string { return &s.Tracking }),
		of(func(s *enishi.Shipment) *time.Time { return &s.EstimatedAt }),
		of(func(s *enishi.Shipment) *bool { return &s.Untracked }),
		of(func(s *enishi.Shipment) *string { return &s.StoreID }),
		of(func(s *enishi.Shipment) *string { return &s.Reason }),
		of(func(s *enishi.Shipment) *time.Time { return &s.HoldUntil }),
	}
	contractFields = [...]field[enishi.Subscription]{
		of(func(c *enishi.Subscription) *string { return &c.ProductID }),
		of(func(c *enishi.Subscription) *string { return &c.Name }),
		of(func(c *enishi.Subscription) *string { return &c.Category }),
		of(func(c *enishi.Subscription) *int { return &c.Quantity }),
		of(func(c *enishi.Subscription) *int { return &c.CycleDays }),
		of(func(c *enishi.Subscription) *enishi.Amount { return &c.Amount }),
		of(func(c *enishi.Subscription) *string { return &c.Currency }),
		of(func(c *enishi.Subscription) *time.Time { return &c.NextAt }),
		of(func(c *enishi.Subscription) *int { return &c.Deliveries }),
		of(func(c *enishi.Subscription) *string { return &c.Reason }),
		of(func(c *enishi.Subscription) *time.Time { return &c.StartedAt }),
	}
	returnFields = [...]field[enishi.Return]{
		listOf(func(r *enishi.Return) *[]enishi.Line { return &r.Lines }),
		of(func(r *enishi.Return) *enishi.Amount { return &r.Amount }),
		of(func(r *enishi.Return) *string { return &r.Reason }),
		of(func(r *enishi.Return) *string { return &r.StoreID }),
	}
)

// contents is what is known of an order, parcel or return besides its milestones: for each field the value that the
// highest stamp told, and the stamps.
type contents[T any] struct {
	value *T
	top   *stamp // of the winning event; zero while there are no contents
	kept  *[]Kept
}

// told is the mask of the fields that are not empty.
func told[T any](fields []field[T], x *T) uint32 {
	var mask uint32
	for i := range fields {
		if !fields[i].empty(x) {
			mask |= 1 << i
		}
	}
	return mask
}

// merge takes from src what has a higher stamp; full says that field 0, when told, comes with all others. It reports
// whether anything changed. Merging is commutative, associative and idempotent as long as one event always tells the same.
func merge[T any](fields []field[T], full bool, dst, src contents[T]) bool {
	theirs := told(fields, src.value)
	if theirs == 0 && len(*src.kept) == 0 {
		return false
	}
	isFull := full && theirs&1 != 0 && len(*src.kept) == 0
	if isFull && src.top.compare(*dst.top) > 0 || *dst.top == (stamp{}) {
		*dst.value, *dst.top, *dst.kept = *src.value, *src.top, slices.Clone(*src.kept)
		return true
	}
	mine := told(fields, dst.value)
	top := *dst.top
	if src.top.compare(top) > 0 {
		top = *src.top
	}
	var stamps [32]stamp
	changed := top != *dst.top
	ours, other := whole(full, mine, dst), whole(full, theirs, src)
	for i := range fields {
		a, b := stampOf(i, mine, dst, ours), stampOf(i, theirs, src, other)
		if b.compare(a) > 0 {
			fields[i].copy(dst.value, src.value)
			a, changed = b, true
			mine = mine&^(1<<i) | theirs&(1<<i)
		}
		stamps[i] = a
	}
	if !changed {
		return false
	}
	*dst.top = top
	*dst.kept = keep(stamps[:len(fields)], mine, top)
	return true
}

// whole is the stamp of the newest event that told everything, or zero.
func whole[T any](full bool, mask uint32, c contents[T]) stamp {
	if !full || mask&1 == 0 {
		return stamp{}
	}
	return stampOf(0, mask, c, stamp{})
}

// stampOf is the stamp of a field. An empty field has the one of the newest event that told everything.
func stampOf[T any](i int, mask uint32, c contents[T], whole stamp) stamp {
	if mask&(1<<i) == 0 {
		return whole
	}
	for k := range *c.kept {
		if (*c.kept)[k].Fields&(1<<i) != 0 {
			return stamp{(*c.kept)[k].Version, (*c.kept)[k].Event}
		}
	}
	return *c.top
}

// keep groups the fields that older events than the winning one told.
func keep(stamps []stamp, mask uint32, top stamp) []Kept {
	var kept []Kept
	for i, s := range stamps {
		if mask&(1<<i) == 0 || s == top {
			continue
		}
		at, ok := slices.BinarySearchFunc(kept, s, func(k Kept, s stamp) int { return stamp{k.Version, k.Event}.compare(s) })
		if !ok {
			kept = slices.Insert(kept, at, Kept{Version: s.version, Event: s.event})
		}
		kept[at].Fields |= 1 << i
	}
	return kept
}
