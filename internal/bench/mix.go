package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"enishi"
	"enishi/internal/stream"
	"enishi/journeys"
	"enishi/segments"
)

// mixEvents is how many events each person of the standard mix has.
const mixEvents = 5

// mixSegments are the 20 segments of the standard mix: a newcomer who buys once enters about a third of them.
func mixSegments() []string {
	return []string{
		`orders_count >= 1 && last_order_at < ago("90d")`, `orders_count >= 1`, `orders_count >= 3`, `ltv >= 10000`, `ltv >= 50000`, `aov > 10000`,
		`orders_count == 2 && last_order_at > ago("30d")`, `count(orders, .total >= 5000 && .placed_at > ago("90d")) >= 2`,
		`any(views, .category == "skincare" && .at > ago("7d"))`, `count(visits, .at > ago("30d")) >= 3`,
		`none(shipments, .status == "delayed") && orders_count > 1`, `any(shipments, .status == "delivered")`, `consent.email`, `has_line && line_friend`,
		`traits.rank == "silver"`, `prefecture == "大阪府"`, `product_views >= 3 && orders_count == 0`, `sum(orders, .revenue) >= 20000 && aov > 3000`,
		`signed_up_at > ago("30d")`, `any(orders, .payment_method == "konbini")`,
	}
}

// mixDefinitions are those segments and the gallery's six journeys. Durations go sixty times as fast, and two of the waits
// are a minute long, so that two timers of each person are due within a slice.
func mixDefinitions() ([]enishi.Definition, error) {
	var out []enishi.Definition
	add := func(kind, name string, body []byte) {
		out = append(out, enishi.Definition{Kind: kind, Name: name, Expect: -1, Body: body, RequestID: enishi.NewID("request", kind, name), At: time.Now().UTC()})
	}
	add("setting", "journeys", []byte(`{"accelerate": 60}`))
	for i, expression := range mixSegments() {
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
	for _, item := range journeys.Gallery() {
		body := item.Body
		if item.Name == "review_request" {
			body = bytes.Replace(body, []byte(`"5d"`), []byte(`"1m"`), 1)
		}
		add(item.Kind, item.Name, body)
	}
	return out, nil
}

// mixer makes the source records of the standard mix: sign-up, product view, order, shipment and delivery of each person in
// that order, the people in no order. Of any slice a third as many people are in the middle of theirs as there are new ones.
type mixer struct {
	rnd   *rand.Rand
	pool  []person
	next  int // the next new person
	made  map[string]int
	apart int // least records between two events of a person
	n     int // records made
}

type person struct{ number, done, last int }

// newMixer makes a mixer for slices of so many people.
func newMixer(people int) *mixer {
	m := &mixer{rnd: rand.New(rand.NewPCG(1, 2)), made: map[string]int{}}
	for range people {
		m.pool = append(m.pool, m.newcomer())
	}
	return m
}

func (m *mixer) newcomer() person {
	m.next++
	return person{number: m.next - 1}
}

// records makes the next n.
func (m *mixer) records(n int) ([]stream.Record, error) {
	out := make([]stream.Record, n)
	for i := range out {
		p := &m.pool[m.rnd.IntN(len(m.pool))]
		for p.done > 0 && m.n-p.last < m.apart {
			p = &m.pool[m.rnd.IntN(len(m.pool))]
		}
		e := mixEvent(p.number, p.done)
		p.last = m.n
		m.n++
		if p.done++; p.done == mixEvents {
			*p = m.newcomer()
		}
		value, err := json.Marshal(&e)
		if err != nil {
			return nil, fmt.Errorf("encode an event: %w", err)
		}
		info, ok := enishi.LookupType(e.Type)
		if !ok {
			return nil, fmt.Errorf("no type %s", e.Type)
		}
		m.made[e.Type]++
		out[i] = stream.Record{Topic: info.Topic, Partition: -1, Key: []byte(e.Person.CustomerID), Value: value}
	}
	return out, nil
}

// mixEvent is the n-th event of a person.
func mixEvent(i, n int) enishi.Event {
	customer := fmt.Sprintf("C%07d", i)
	e := enishi.Event{Message: fmt.Sprintf("%s-%d", customer, n), Person: &enishi.Person{CustomerID: customer, Email: customer + "@mail.example"},
		At: time.Now().UTC().Truncate(time.Millisecond), Source: "shop", Channel: "web"}
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
