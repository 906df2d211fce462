package profiles

import (
	"fmt"
	"testing"
	"time"

	"enishi"
)

func TestSizeOf(t *testing.T) {
	for _, c := range [][2]string{{"ネイビー / M", "M"}, {"24.5cm", "24.5CM"}, {"ブラック／ＬＬ", "LL"}, {"Mサイズ", "M"}, {"フリー", "フリー"}, {"9号、ベージュ", "9号"}, {"XXL", "XXL"}, {"2L", "2L"},
		{"Medium Blue", ""}, {"", ""}, {"/", ""}, {"限定 2026", ""}, {"2026", ""}} {
		equal(t, c[0], c[1], SizeOf(c[0]))
	}
}

// bought folds orders on the given days, each of one line.
func bought(t *testing.T, days ...int) *Profile {
	t.Helper()
	var all []*enishi.Event
	for i, day := range days {
		e := event(i, "order.placed", at(time.Duration(day)*24*time.Hour), alice)
		e.Channel = "web"
		e.Order = &enishi.Order{OrderID: fmt.Sprint("o", i), Currency: "JPY", Total: 1000 * enishi.Unit,
			Lines: []enishi.Line{{ProductID: "p", Category: "shoes", Brand: "B", Variant: "黒 / M", Quantity: 1}}}
		all = append(all, e)
	}
	return fold(t, New(subject(enishi.Customer, alice.customer)), all)
}

func TestRhythm(t *testing.T) {
	for _, c := range []struct {
		name           string
		days           []int
		rhythm         int64
		from, next, to int // days; the same is none
	}{
		{"nothing bought", nil, 0, 0, 0, 0},
		{"two orders tell nothing", []int{0, 30}, 0, 0, 0, 0},
		{"three orders", []int{0, 30, 60}, 30, 90, 90, 90},
		{"the middle of two gaps", []int{0, 10, 40}, 20, 55, 60, 65},
		{"one long pause does not count", []int{0, 30, 60, 90, 400}, 30, 430, 430, 500},
		{"several orders of a day are one", []int{0, 0, 30, 30, 60}, 30, 90, 90, 90},
	} {
		f := bought(t, c.days...).View().Features
		equal(t, c.name, c.rhythm, f.Rhythm)
		if c.rhythm == 0 {
			equal(t, c.name, true, f.NextOrderAt.IsZero() && f.NextFrom.IsZero() && f.NextTo.IsZero())
			continue
		}
		day := func(n int) time.Time { return at(time.Duration(n) * 24 * time.Hour) }
		equal(t, c.name+", from", day(c.from), f.NextFrom)
		equal(t, c.name+", next", day(c.next), f.NextOrderAt)
		equal(t, c.name+", to", day(c.to), f.NextTo)
	}
}

func TestFavourites(t *testing.T) {
	p := bought(t, 0, 1)
	e := event(10, "order.placed", at(48*time.Hour), alice)
	e.Channel = "store"
	e.Order = &enishi.Order{OrderID: "o10", Currency: "JPY", Lines: []enishi.Line{{ProductID: "q", Category: "bags", Quantity: 2}}}
	p = fold(t, p, []*enishi.Event{e})
	f := p.View().Features
	equal(t, "of equal ones the latest", "bags", f.Category)
	equal(t, "who has none does not count", "B", f.Brand)
	equal(t, "size", "M", f.Size)
	equal(t, "channel", "web", f.Channel)
	gone := event(11, "order.cancelled", at(49*time.Hour), alice)
	gone.Order = &enishi.Order{OrderID: "o10"}
	f = fold(t, p, []*enishi.Event{gone}).View().Features
	equal(t, "without what was cancelled", "shoes", f.Category)
}

func TestDeliveries(t *testing.T) {
	p := bought(t, 0, 1, 2)
	parcel := func(n int, order, typ string, when time.Time, estimate time.Time) *enishi.Event {
		e := event(n, typ, when, alice)
		e.Shipment = &enishi.Shipment{OrderID: order, ShipmentID: "s", Of: 1, EstimatedAt: estimate}
		return e
	}
	day := func(n int) time.Time { return at(time.Duration(n) * 24 * time.Hour) }
	p = fold(t, p, []*enishi.Event{
		parcel(20, "o0", "shipment.delivered", day(3), day(2)),                  // within the day of the estimate
		parcel(21, "o1", "shipment.delivered", day(4).Add(time.Second), day(3)), // after it
		parcel(22, "o2", "shipment.delayed", day(3), time.Time{}),               // told, and not yet here
	})
	f := p.View().Features
	equal(t, "delivered", int64(2), f.Delivered)
	equal(t, "late", int64(1), f.Late)
	equal(t, "last late", day(4).Add(time.Second), f.LastLateAt)
	equal(t, "days", 3*24*time.Hour, f.DeliveryTime.Truncate(time.Minute))
	back := event(23, "return.received", day(9), alice)
	back.Return = &enishi.Return{OrderID: "o0", ReturnID: "r", Lines: []enishi.Line{{ProductID: "p", Quantity: 1}}}
	asked := event(24, "return.requested", day(9), alice)
	asked.Return = &enishi.Return{OrderID: "o1", ReturnID: "r"}
	equal(t, "a request is no return", int64(1), fold(t, p, []*enishi.Event{back, asked}).View().Features.Returned)
}
