// Package mix is the standard mix of the benches: five events per person, 20 segments and the gallery's six journeys.
package mix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"enishi"
	"enishi/journeys"
	"enishi/segments"
)

// Events is how many events each person has.
const Events = 5

// Segments are the expressions of the 20 segments: a newcomer who buys once enters about a third of them.
func Segments() []string {
	return []string{
		`orders_count >= 1 && last_order_at < ago("90d")`, `orders_count >= 1`, `orders_count >= 3`, `ltv >= 10000`, `ltv >= 50000`, `aov > 10000`,
		`orders_count == 2 && last_order_at > ago("30d")`, `count(orders, .total >= 5000 && .placed_at > ago("90d")) >= 2`,
		`any(views, .category == "skincare" && .at > ago("7d"))`, `count(visits, .at > ago("30d")) >= 3`,
		`none(shipments, .status == "delayed") && orders_count > 1`, `any(shipments, .status == "delivered")`, `consent.email`, `has_line && line_friend`,
		`traits.rank == "silver"`, `prefecture == "大阪府"`, `product_views >= 3 && orders_count == 0`, `sum(orders, .revenue) >= 20000 && aov > 3000`,
		`signed_up_at > ago("30d")`, `any(orders, .payment_method == "konbini")`,
	}
}

// Definitions are those segments and the gallery's six journeys. Durations go sixty times as fast, and two of the waits
// are a minute long, so that two timers of each person are due within a slice.
func Definitions() ([]enishi.Definition, error) {
	var out []enishi.Definition
	add := func(kind, name string, body []byte) {
		out = append(out, enishi.Definition{Kind: kind, Name: name, Expect: -1, Body: body, RequestID: enishi.NewID("request", kind, name), At: time.Now().UTC()})
	}
	add("setting", "journeys", []byte(`{"accelerate": 60}`))
	for i, expression := range Segments() {
		name := fmt.Sprintf("s%02d", i)
		if i == 0 {
			name = "lapsed-90-days" // the one that winback is for
		}
		body, err := json.Marshal(segments.Body{Title: segments.Label{EN: name, JA: name}, Expression: expression})
		if err != nil {
			return nil, fmt.Errorf("encode segment %s: %w", name, err)
		}
		add("segment", name, body)
	}
	for _, item := range journeys.Gallery("cart_abandonment", "delivery_notice", "double_opt_in", "loyalty_thanks", "review_request", "welcome", "winback") {
		body := item.Body
		if item.Name == "review_request" {
			body = bytes.Replace(body, []byte(`"5d"`), []byte(`"1m"`), 1)
		}
		add(item.Kind, item.Name, body)
	}
	return out, nil
}

// Event is the n-th event of the i-th person, counted from 0: sign-up, product view, order, shipment, delivery.
func Event(i, n int, at time.Time) enishi.Event {
	customer := fmt.Sprintf("C%07d", i)
	e := enishi.Event{Message: fmt.Sprintf("%s-%d", customer, n), Person: &enishi.Person{CustomerID: customer, Email: customer + "@mail.example"},
		At: at, Source: "shop", Channel: "web"}
	line := enishi.Line{ProductID: fmt.Sprintf("P%03d", i%200), SKU: "S1", Name: "モイスチャークリーム", Brand: "Enishi", Category: "skincare", Quantity: 1, Price: 3300 * enishi.Unit, TaxRate: 10}
	order := fmt.Sprintf("EN%08d", i)
	parcel := &enishi.Shipment{ShipmentID: order + "-1", OrderID: order, Number: 1, Of: 1, Carrier: "yamato", Tracking: "4053-0000-1234"}
	text := enishi.TextValue
	switch n {
	case 0:
		e.Type = "user.signed_up"
		e.Person.Traits = map[string]enishi.Value{"family_name": text("山田"), "given_name": text("花子"), "prefecture": text("東京都"), "rank": text("gold")}
	case 1:
		e.Type = "product.viewed"
		e.Context = &enishi.Context{Path: "/products/" + line.ProductID, UTMSource: "line", UTMCampaign: "autumn", UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"}
		e.Web = &enishi.Web{Product: &enishi.Product{ProductID: line.ProductID, Name: line.Name, Brand: line.Brand, Category: line.Category, Price: line.Price}}
	case 2:
		e.Type = "order.placed"
		e.Order = &enishi.Order{OrderID: order, Currency: "JPY", Lines: []enishi.Line{line, line}, Subtotal: 6600 * enishi.Unit, Total: 7150 * enishi.Unit, ShippingFee: 550 * enishi.Unit,
			PaymentMethod: "card", ShipTo: &enishi.Address{Name: "山田 花子", PostalCode: "150-0001", Prefecture: "東京都", City: "渋谷区"}}
	case 3:
		e.Type, e.Shipment = "shipment.shipped", parcel
	default:
		e.Type, e.Shipment = "shipment.delivered", parcel
	}
	return e
}
