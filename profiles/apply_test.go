package profiles

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"enishi"
)

// person folds events given as (type, hours after start, change of the event).
type person struct {
	t *testing.T
	p *Profile
	n int
}

func newPerson(t *testing.T) *person {
	return &person{t: t, p: New(subject(enishi.Customer, alice.customer))}
}

func (x *person) event(typ string, hours int, change func(*enishi.Event)) *View {
	x.t.Helper()
	return x.eventOf(alice, typ, hours, change)
}

func (x *person) eventOf(who someone, typ string, hours int, change func(*enishi.Event)) *View {
	x.t.Helper()
	x.n++
	e := event(x.n, typ, at(time.Duration(hours)*time.Hour), who)
	if change != nil {
		change(e)
	}
	if _, fresh := x.p.Apply(read(x.t, e), clock); !fresh {
		x.t.Fatalf("%s was taken for a repeat", typ)
	}
	return x.p.View()
}

func order(change func(*enishi.Order)) func(*enishi.Event) {
	return func(e *enishi.Event) {
		e.Order = &enishi.Order{OrderID: "o1"}
		if change != nil {
			change(e.Order)
		}
	}
}

func parcel(id string, of int) func(*enishi.Event) {
	return func(e *enishi.Event) { e.Shipment = &enishi.Shipment{OrderID: "o1", ShipmentID: id, Of: of} }
}

func full(o *enishi.Order) {
	o.Subtotal, o.Discount, o.CouponAmount, o.PointsUsed = 10000*enishi.Unit, 500*enishi.Unit, 300*enishi.Unit, 200*enishi.Unit
	o.ShippingFee, o.CODFee, o.Total, o.Currency = 600*enishi.Unit, 330*enishi.Unit, 9930*enishi.Unit, "JPY"
	o.Lines = []enishi.Line{{ProductID: "p1", Quantity: 2, Price: 4000 * enishi.Unit}, {ProductID: "p2", Price: 2000 * enishi.Unit}}
	o.ShipTo = &enishi.Address{Name: "鈴木 次郎", Phone: "03-9999-0000", Address1: "1-2-3", IsGift: true}
}

func equal[T comparable](t *testing.T, what string, want, got T) {
	t.Helper()
	if want != got {
		t.Errorf("%s: want %v, have %v", what, want, got)
	}
}

func instantIs(t *testing.T, what string, hours int, got time.Time) {
	t.Helper()
	if want := at(time.Duration(hours) * time.Hour); !got.Equal(want) {
		t.Errorf("%s: want %v, have %v", what, want, got)
	}
}

func TestOrderGoesThroughItsStates(t *testing.T) {
	x := newPerson(t)
	steps := []struct {
		typ    string
		change func(*enishi.Event)
		status string
	}{
		{"order.placed", order(full), "placed"},
		{"order.payment_pending", order(func(o *enishi.Order) { o.PaymentMethod, o.PaymentDueAt = "konbini", at(72*time.Hour) }), "pending"},
		{"order.payment_overdue", order(nil), "overdue"},
		{"order.payment_failed", order(nil), "payment_failed"},
		{"order.paid", order(nil), "paid"},
		{"order.confirmed", order(nil), "confirmed"},
		{"shipment.shipped", parcel("s1", 1), "shipped"},
		{"shipment.delivered", parcel("s1", 0), "delivered"},
		{"order.refunded", order(func(o *enishi.Order) { o.Refunded = 1000 * enishi.Unit }), "delivered"}, // in part
		{"order.refunded", order(func(o *enishi.Order) { o.Refunded = 9000 * enishi.Unit }), "refunded"},
		{"return.received", func(e *enishi.Event) { e.Return = &enishi.Return{OrderID: "o1", ReturnID: "r1"} }, "returned"},
		{"order.cancelled", order(nil), "cancelled"},
	}
	for i, s := range steps {
		v := x.event(s.typ, i, s.change)
		equal(t, s.typ, s.status, v.Orders[0].Status)
	}
	o := x.p.View().Orders[0]
	instantIs(t, "placed", 0, o.PlacedAt)
	instantIs(t, "paid", 4, o.PaidAt)
	instantIs(t, "shipped", 6, o.ShippedAt)
	instantIs(t, "delivered", 7, o.DeliveredAt)
	equal(t, "payment", "paid", o.PaymentState)
	equal(t, "lines survive bare milestones", 2, len(o.Lines))
	equal(t, "what a bare milestone tells is taken", "konbini", o.PaymentMethod)
	instantIs(t, "due", 72, o.PaymentDueAt)
	equal(t, "valid", false, o.Valid)
	equal(t, "orders", 0, x.p.View().OrdersCount)
}

func TestRevenue(t *testing.T) {
	f := func(what string, want int64, change func(*enishi.Order)) {
		t.Helper()
		x := newPerson(t)
		v := x.event("order.placed", 0, order(change))
		equal(t, what, enishi.Amount(want)*enishi.Unit, v.Orders[0].Revenue)
		equal(t, what+": LTV", enishi.Amount(want)*enishi.Unit, v.LTV)
	}
	f("after discounts, coupon and points, without shipping and fees", 9000, full)
	f("less refunds", 7500, func(o *enishi.Order) { full(o); o.Refunded = 1500 * enishi.Unit })
	f("a refund with shipping does not make it negative", 0, func(o *enishi.Order) { full(o); o.Refunded = 9930 * enishi.Unit })
	f("without subtotal, from the total", 9000, func(o *enishi.Order) { full(o); o.Subtotal = 0 })
	f("without both, from the lines", 9000, func(o *enishi.Order) { full(o); o.Subtotal, o.Total = 0, 0 })
}

func TestContentsAreOfTheHighestVersion(t *testing.T) {
	x := newPerson(t)
	line := func(v int64, n int) func(*enishi.Event) {
		return order(func(o *enishi.Order) {
			o.Version, o.Discount = v, enishi.Amount(v)*enishi.Unit
			o.Lines = make([]enishi.Line, n)
		})
	}
	x.event("order.updated", 5, line(30, 3))
	v := x.event("order.placed", 0, line(10, 1))
	equal(t, "an older version changes nothing", 3, len(v.Orders[0].Lines))
	instantIs(t, "but its milestone counts", 0, v.Orders[0].PlacedAt)
	v = x.event("order.updated", 1, order(func(o *enishi.Order) { o.Version, o.PaymentMethod, o.Discount = 20, "card", 7 }))
	equal(t, "what was told before everything was told anew", "", v.Orders[0].PaymentMethod)
	v = x.event("order.updated", 2, order(func(o *enishi.Order) { o.Version, o.PaymentMethod = 40, "card" }))
	equal(t, "a later word on one field", "card", v.Orders[0].PaymentMethod)
	equal(t, "leaves the others", 30*enishi.Unit, v.Orders[0].Discount)
	v = x.event("order.updated", 6, order(func(o *enishi.Order) { o.Version, o.Lines = 50, make([]enishi.Line, 2) }))
	equal(t, "all told anew: the discount is gone", 0, v.Orders[0].Discount)
	equal(t, "and the payment method", "", v.Orders[0].PaymentMethod)
	equal(t, "valid", true, v.Orders[0].Valid)
}

func TestChannelIsThatOfThePlacing(t *testing.T) {
	x := newPerson(t)
	x.event("order.updated", 2, func(e *enishi.Event) { order(full)(e); e.Channel, e.Source = "phone", "crm" })
	x.event("order.placed", 0, func(e *enishi.Event) { order(full)(e); e.Channel = "app" })
	v := x.event("order.updated", 3, func(e *enishi.Event) { order(full)(e); e.Channel = "" })
	equal(t, "channel", "app", v.Orders[0].Channel)
	equal(t, "source", "shop", x.p.Subjects[x.index(enishi.Customer)].Orders[0].Source)
}

func (x *person) index(k enishi.Kind) int {
	for i := range x.p.Subjects {
		if x.p.Subjects[i].Kind == k {
			return i
		}
	}
	x.t.Fatalf("no subject of kind %v", k)
	return -1
}

func TestParcels(t *testing.T) {
	x := newPerson(t)
	x.event("order.placed", 0, order(full))
	x.event("shipment.shipped", 1, parcel("s1", 2))
	v := x.event("shipment.delivered", 2, parcel("s1", 0)) // tells ids only: that there are two stays known
	equal(t, "1 of 2", true, v.Orders[0].DeliveredAt.IsZero())
	equal(t, "status", "shipped", v.Orders[0].Status)
	x.event("shipment.created", 3, parcel("s2", 2))
	v = x.event("shipment.picked_up", 9, parcel("s2", 2))
	instantIs(t, "2 of 2", 9, v.Orders[0].DeliveredAt)
	equal(t, "status", "delivered", v.Orders[0].Status)
	v = x.event("shipment.created", 10, parcel("s3", 0))
	equal(t, "a third parcel that nobody spoke of", true, v.Orders[0].DeliveredAt.IsZero())
	v = x.event("shipment.returned", 11, parcel("s3", 0))
	equal(t, "a parcel that went back is not delivered", true, v.Orders[0].DeliveredAt.IsZero())
	x.event("shipment.returned", 12, parcel("s1", 0))
	v = x.event("shipment.returned", 12, parcel("s2", 0))
	equal(t, "all went back", "returned", v.Orders[0].Status)
	equal(t, "parcel", "returned", v.Shipments[0].Status)
	instantIs(t, "it was delivered once", 2, v.Shipments[0].DeliveredAt)
}

// TestAParcelThatArrivedIsNotOnItsWay: the carrier's hand-over, told or dated after the delivery, does not take it back.
func TestAParcelThatArrivedIsNotOnItsWay(t *testing.T) {
	x := newPerson(t)
	x.event("order.placed", 0, order(full))
	x.event("shipment.delivered", 5, parcel("s1", 1))
	v := x.event("shipment.shipped", 6, parcel("s1", 1))
	equal(t, "parcel", "delivered", v.Shipments[0].Status)
	equal(t, "order", "delivered", v.Orders[0].Status)
	v = x.event("shipment.returned", 8, parcel("s1", 1))
	equal(t, "parcel", "returned", v.Shipments[0].Status)
	v = x.event("shipment.in_transit", 9, parcel("s1", 1))
	equal(t, "parcel", "returned", v.Shipments[0].Status)
	v = x.event("shipment.delivered", 10, parcel("s1", 1))
	equal(t, "parcel", "delivered", v.Shipments[0].Status)
}

func TestAParcelBeforeItsOrderAndUnderAnotherSubject(t *testing.T) {
	x := newPerson(t)
	v := x.eventOf(someone{phone: "0311112222"}, "shipment.delivered", 5, parcel("s1", 0))
	equal(t, "no order yet", 0, len(v.Orders))
	v = x.event("order.placed", 0, order(full))
	instantIs(t, "delivered", 5, v.Orders[0].DeliveredAt)
}

func TestOrderUnderTwoSubjectsIsOne(t *testing.T) {
	x := newPerson(t)
	x.eventOf(someone{email: alice.email}, "order.placed", 0, order(full))
	v := x.event("order.paid", 1, order(nil))
	equal(t, "orders", 1, len(v.Orders))
	equal(t, "count", 1, v.OrdersCount)
	equal(t, "status", "paid", v.Orders[0].Status)
	equal(t, "lines", 2, len(v.Orders[0].Lines))
}

func TestSequenceSkipsInvalidOrders(t *testing.T) {
	x := newPerson(t)
	named := func(id string, automatic bool) func(*enishi.Event) {
		return order(func(o *enishi.Order) { full(o); o.OrderID, o.Automatic = id, automatic })
	}
	x.event("order.placed", 3, named("c", true))
	x.event("order.placed", 2, named("b", false))
	x.event("order.placed", 1, named("a", false))
	x.event("order.cancelled", 4, order(func(o *enishi.Order) { o.OrderID = "b" }))
	v := x.event("order.paid", 4, order(func(o *enishi.Order) { o.OrderID = "d" })) // never placed
	for i, want := range []int64{1, 0, 2, 0} {
		equal(t, v.Orders[i].OrderID, want, v.Orders[i].Sequence)
	}
	equal(t, "orders", 2, v.OrdersCount)
	equal(t, "by hand", 1, v.ManualOrdersCount)
	equal(t, "LTV", 18000*enishi.Unit, v.LTV)
	instantIs(t, "first", 1, v.FirstOrderAt)
	instantIs(t, "last", 3, v.LastOrderAt)
	instantIs(t, "last by hand", 1, v.LastManualOrderAt)
}

func TestSumsAreOfTheNewestCurrency(t *testing.T) {
	x := newPerson(t)
	x.event("order.placed", 1, order(full))
	v := x.event("order.placed", 2, order(func(o *enishi.Order) { full(o); o.OrderID, o.Currency = "o2", "USD" }))
	equal(t, "currency", "USD", v.Currency)
	equal(t, "LTV", 9000*enishi.Unit, v.LTV)
	equal(t, "orders of any currency", 2, v.OrdersCount)
}

func TestGiftRecipientIsNoCustomer(t *testing.T) {
	x := newPerson(t)
	v := x.event("order.placed", 0, order(full))
	equal(t, "phone", false, v.address("phone", "") != nil)
	if len(v.Traits) != 0 {
		t.Errorf("traits came from an order: %v", v.Traits)
	}
	for _, s := range x.p.Subjects {
		if strings.Contains(s.Value, "9999") {
			t.Errorf("the recipient's phone became an identifier: %v", s.Kind)
		}
	}
	f := NewFacts()
	f.Add(x.p, 1)
	for _, table := range f.Tables() {
		if text := fmt.Sprint(table.Cols...); table.Name != "orders" && (strings.Contains(text, "鈴木") || strings.Contains(text, "9999-0000")) {
			t.Errorf("table %s has the recipient", table.Name)
		}
	}
}

func TestMarketplaceGivesNoConsent(t *testing.T) {
	x := newPerson(t)
	in := []enishi.ConsentChange{{Channel: "email", State: "in"}}
	v := x.event("order.placed", 0, func(e *enishi.Event) {
		order(func(o *enishi.Order) { full(o); o.Marketplace = "rakuten" })(e)
		e.Consent = in
	})
	state, _ := v.Consent("email", Marketing)
	equal(t, "marketplace order", Unknown, state)
	v = x.event("consent.changed", 1, func(e *enishi.Event) { e.Channel, e.Consent = "marketplace", in })
	state, _ = v.Consent("email", Marketing)
	equal(t, "marketplace channel", Unknown, state)
	equal(t, "its source is kept", "rakuten", v.Orders[0].Marketplace)
	v = x.event("order.placed", 2, func(e *enishi.Event) { order(full)(e); e.Order.OrderID, e.Consent = "o2", in })
	state, _ = v.Consent("email", "")
	equal(t, "the shop's own order", In, state)
}

func TestTillPurchaseIsAVisitAndAnOrder(t *testing.T) {
	x := newPerson(t)
	v := x.event("store.purchased", 3, func(e *enishi.Event) {
		e.Store, e.Channel = &enishi.StoreVisit{StoreID: "ginza"}, "store"
		order(full)(e)
		e.Order.OrderID = "ginza:1:2026-05-01:77"
	})
	equal(t, "order", "paid", v.Orders[0].Status)
	equal(t, "store", "ginza", v.Orders[0].StoreID)
	equal(t, "fulfilment", "store", v.Orders[0].Fulfilment)
	equal(t, "visits", 1, v.StoreVisits)
	equal(t, "type", "store.purchased", v.Stores[0].Type)
	v = x.event("store.returned", 9, func(e *enishi.Event) {
		e.Store = &enishi.StoreVisit{StoreID: "ginza"}
		e.Return = &enishi.Return{OrderID: "ginza:1:2026-05-01:77", ReturnID: "r", Lines: []enishi.Line{{ProductID: "p2", Quantity: 1}}}
	})
	equal(t, "a part came back", "paid", v.Orders[0].Status)
	equal(t, "return", "received", v.Returns[0].Status)
}

// TestReceiptIsOneVisit: a till's receipt that comes again with more lines is the same visit, whichever comes first; another one, and one of
// the same number on another day, is another.
func TestReceiptIsOneVisit(t *testing.T) {
	for _, first := range []int{0, 1} {
		x := newPerson(t)
		sell := func(hours, lines int, receipt, day string) *View {
			return x.event("store.purchased", hours, func(e *enishi.Event) {
				e.Store, e.Channel = &enishi.StoreVisit{StoreID: "ginza", Register: "1", Receipt: receipt, BusinessDate: day}, "store"
				e.Order = &enishi.Order{OrderID: "ginza:1:" + day + ":" + receipt, Version: int64(lines), Total: enishi.Amount(lines * 10000)}
			})
		}
		sell(3, 1+first, "77", "2026-05-01")
		v := sell(4, 2-first, "77", "2026-05-01")
		equal(t, "visits", 1, v.StoreVisits)
		equal(t, "kept", 1, len(v.Stores))
		equal(t, "at", at(3*time.Hour), v.Stores[0].At)
		equal(t, "total", enishi.Amount(20000), v.Orders[0].Total)
		v = sell(2, 3, "77", "2026-05-01")
		equal(t, "told of earlier", at(2*time.Hour), v.Stores[0].At)
		equal(t, "visits", 1, v.StoreVisits)
		sell(28, 1, "77", "2026-05-02")
		v = sell(5, 1, "78", "2026-05-01")
		equal(t, "other receipts", 3, v.StoreVisits)
	}
}

func TestExportLeavesNothingOut(t *testing.T) {
	x := newPerson(t)
	x.event("order.placed", 0, func(e *enishi.Event) {
		order(full)(e)
		e.Consent = []enishi.ConsentChange{{Channel: "email", State: "in", Method: "checkout", Text: "送ってよい", IP: "192.0.2.1", Actor: "staff-1"}}
		e.Person.Traits = map[string]enishi.Value{"family_name": enishi.TextValue("山田")}
	})
	x.p.Runs = []Run{{ID: enishi.ID{9}, Journey: "welcome", Wait: &Wait{Until: at(0), Events: []string{"order.placed"}}}}
	b, err := json.Marshal(Export(x.p))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"kind":"customer"`, `"value":"c-1"`, "送ってよい", "192.0.2.1", `"source":"shop/staff-1"`, "山田", "鈴木 次郎", `"order_id":"o1"`,
		`"subtotal":"10000"`, `"first_seen":"2026-05-01T09:00:00Z"`, `"journey":"welcome"`, `"is_gift":true`, `"price":"4000"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("export has no %s: %s", want, b)
		}
	}
	for _, bad := range []string{`"seen":`, `"files":`} {
		if strings.Contains(string(b), bad) {
			t.Errorf("export has %s", bad)
		}
	}
}
