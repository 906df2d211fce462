package profiles

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Features are what follows from all that a person bought: computed, never told. They count valid orders (placed and not cancelled)
// among those that are kept, up to [MaxOrders].
type Features struct {
	// Of the pieces bought, what most have: of equal ones the one that was bought last, then the first by its bytes. Channel is of orders.
	Category, Brand, Size, Channel string

	// Rhythm is the median of the days between one own order and the next, rounded half up and at least 1; automatic (subscription)
	// orders and several orders of less than 24 hours count as one. 0 with fewer than three.
	Rhythm int64
	// NextOrderAt is the latest own order and Rhythm; zero without one. NextFrom and NextTo are the same with the lower and the upper
	// quartile of the days: half of the person's own gaps lie between.
	NextOrderAt, NextFrom, NextTo time.Time

	Returned int64 // orders that came back, wholly or in part: all parcels returned, or a return was received

	Delivered, Late int64         // parcels that arrived, and those of them that came late, see [ShipmentView.Late]
	LastLateAt      time.Time     // when the newest of the late ones arrived
	DeliveryTime    time.Duration // median from the order to its last parcel; 0 when none was delivered
}

// Late reports whether a parcel came late: a delay was told, or it arrived more than 24 hours after the estimate, which is a day more
// often than an hour.
func (s *ShipmentView) Late() bool {
	return !s.DelayedAt.IsZero() || !s.EstimatedAt.IsZero() && !s.DeliveredAt.IsZero() && s.DeliveredAt.Sub(s.EstimatedAt) > 24*time.Hour
}

// tally counts what a person has of one name.
type tally struct {
	name  string
	count int64
	last  time.Time
}

// tallies are few: they are searched one by one.
type tallies []tally

func (t *tallies) add(name string, n int64, at time.Time) {
	if name == "" {
		return
	}
	for i := range *t {
		if x := &(*t)[i]; x.name == name {
			x.count, x.last = x.count+n, latest(x.last, at)
			return
		}
	}
	*t = append(*t, tally{name, n, at})
}

// top is the name of the most, of equal ones the latest; "" without any.
func (t tallies) top() string {
	if len(t) == 0 {
		return ""
	}
	return slices.MaxFunc(t, func(a, b tally) int {
		return cmp.Or(cmp.Compare(a.count, b.count), a.last.Compare(b.last), strings.Compare(b.name, a.name))
	}).name
}

func (v *View) buildFeatures() {
	f := Features{}
	for i := range v.kept {
		v.kept[i] = v.kept[i][:0]
	}
	category, brand, size, channel := &v.kept[0], &v.kept[1], &v.kept[2], &v.kept[3]
	v.gaps = v.gaps[:0]
	var own time.Time // the latest own order so far
	for i := range v.Orders {
		o := &v.Orders[i]
		if !o.Valid {
			continue
		}
		channel.add(o.Channel, 1, o.PlacedAt)
		for k := range o.Lines {
			l := &o.Lines[k]
			n := int64(quantity(l.Quantity))
			category.add(l.Category, n, o.PlacedAt)
			brand.add(l.Brand, n, o.PlacedAt)
			if l.Variant != "" {
				size.add(SizeOf(l.Variant), n, o.PlacedAt)
			}
		}
		if v.cameBack(o) {
			f.Returned++
		}
		if o.Automatic {
			continue
		}
		if gap := o.PlacedAt.Sub(own); own.IsZero() {
			own = o.PlacedAt
		} else if gap >= 24*time.Hour {
			v.gaps, own = append(v.gaps, gap), o.PlacedAt
		}
	}
	f.Category, f.Brand, f.Size, f.Channel = category.top(), brand.top(), size.top(), channel.top()
	f.rhythm(v.gaps, own)
	v.deliveries(&f)
	v.Features = f
}

// rhythm needs three orders: of two alone nobody can tell.
func (f *Features) rhythm(gaps []time.Duration, own time.Time) {
	if len(gaps) < 2 {
		return
	}
	slices.Sort(gaps)
	f.Rhythm = days(quantile(gaps, 2))
	next := func(quarter int) time.Time { return own.AddDate(0, 0, int(days(quantile(gaps, quarter)))) }
	f.NextFrom, f.NextOrderAt, f.NextTo = next(1), next(2), next(3)
}

// quantile is the value at so many quarters of sorted durations, between two neighbours in proportion.
func quantile(sorted []time.Duration, quarters int) time.Duration {
	at := (len(sorted) - 1) * quarters
	low, rest := at/4, at%4
	if rest == 0 {
		return sorted[low]
	}
	return sorted[low] + (sorted[low+1]-sorted[low])/4*time.Duration(rest)
}

// days rounds half up, to at least one.
func days(d time.Duration) int64 { return max(int64((d+12*time.Hour)/(24*time.Hour)), 1) }

// cameBack reports whether an order came back, wholly or in part.
func (v *View) cameBack(o *OrderView) bool {
	if o.Status == "returned" {
		return true
	}
	from, to := keyed(len(v.Returns), o.OrderID, func(i int) string { return v.Returns[i].OrderID })
	return slices.ContainsFunc(v.Returns[from:to], func(r ReturnView) bool { return !r.ReceivedAt.IsZero() })
}

func (v *View) deliveries(f *Features) {
	for i := range v.Shipments {
		s := &v.Shipments[i]
		if s.DeliveredAt.IsZero() {
			continue
		}
		f.Delivered++
		if s.Late() {
			f.Late++
			f.LastLateAt = latest(f.LastLateAt, s.DeliveredAt)
		}
	}
	v.gaps = v.gaps[:0]
	for i := range v.Orders {
		if o := &v.Orders[i]; o.Valid && o.DeliveredAt.After(o.PlacedAt) {
			v.gaps = append(v.gaps, o.DeliveredAt.Sub(o.PlacedAt))
		}
	}
	if len(v.gaps) > 0 {
		slices.Sort(v.gaps)
		f.DeliveryTime = quantile(v.gaps, 2)
	}
}

// sizes are texts that say a size and nothing else: letters, whole or half numbers with or without their unit, フリー.
var sizes = regexp.MustCompile(`^(?:X{0,4}S|S|M|L|X{1,4}L|[2-9]?L|[2-9]XL|LL|3S|SS|F|FREE|フリー|ONE SIZE|[0-9]{1,3}(?:\.5)?(?:CM|号|インチ)?)$`)

// SizeOf is the size within a variant as shops write it ("ネイビー / M", "24.5cm"), in capitals and half width; "" when it names none.
func SizeOf(variant string) string {
	for part := range strings.FieldsFuncSeq(variant, func(r rune) bool { return strings.ContainsRune("/／,、・|:：", r) }) {
		part = strings.TrimSpace(strings.ToUpper(narrow(part)))
		part = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(part, "サイズ"), "サイズ"))
		if sizes.MatchString(part) {
			return part
		}
	}
	return ""
}

// narrow makes full-width letters, digits and signs half-width.
func narrow(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			return r - '！' + '!'
		case r == '　':
			return ' '
		}
		return r
	}, s)
}
