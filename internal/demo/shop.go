package demo

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"strings"
	"time"

	"enishi"
)

// Record is one event for a source topic, or a product for the topic catalogue.
type Record struct {
	Topic string
	Key   []byte
	At    time.Time
	Value []byte // JSON of an enishi.Event, or of a product (docs/catalogue.md)
}

// Customer is one person of the shop.
type Customer struct {
	ID            string
	Family, Given name
	Email, Phone  string
	LINE          string // user id; empty: no friend
	Card          string // member card; empty: never registered at a till
	Browser       string
	Place         int
	Zip, Street   string
	Lat, Lon      float64 // degrees
	Birthday      string
	Gender        string
	MailOK        bool
	Ads           string // what the customer answered about advertisements: in, out; empty: registered before it was asked
	Subscribes    bool
	Habit         float64 // 0..1: how often the person buys
	Store         int
}

// Name is the customer's name, family name first.
func (c *Customer) Name() string { return c.Family.kanji + " " + c.Given.kanji }

// Shop makes the shop's events. It is not safe for concurrent use.
type Shop struct {
	Base      string // address under which the storefront is reached; messages link to it
	rnd       *rand.Rand
	Customers []Customer
	orders    int
	serial    int
	pending   []pending // what will happen to orders that were placed live
}

// pending is an event that a live order leads to.
type pending struct {
	at time.Time
	e  enishi.Event
}

// New makes a shop of n customers.
func New(seed uint64, n int) *Shop {
	s := &Shop{rnd: rand.New(rand.NewPCG(seed, 0xE1151))}
	for i := range n {
		f, g := families[s.rnd.IntN(len(families))], givens[s.rnd.IntN(len(givens))]
		c := Customer{ID: fmt.Sprintf("C%05d", 10001+i), Family: f, Given: g, Place: s.rnd.IntN(len(places)), Habit: s.rnd.Float64() * s.rnd.Float64(),
			Browser: fmt.Sprintf("b-%08x-%04d", s.rnd.Uint32(), i), Store: s.rnd.IntN(2)}
		c.Email = fmt.Sprintf("%s%d@mail.example", strings.ToLower(romaji(g.kana)), 100+i)
		c.Phone = fmt.Sprintf("090-%04d-%04d", s.rnd.IntN(10000), i%10000)
		c.Gender = "female"
		if s.rnd.IntN(10) == 0 {
			c.Gender = "male"
		}
		c.Birthday = fmt.Sprintf("%04d-%02d-%02d", 1955+s.rnd.IntN(50), 1+s.rnd.IntN(12), 1+s.rnd.IntN(28))
		c.MailOK = s.rnd.IntN(10) < 7
		if s.rnd.IntN(10) < 4 {
			c.LINE = fmt.Sprintf("U%08x%08x%08x%08x", s.rnd.Uint32(), s.rnd.Uint32(), s.rnd.Uint32(), i)
		}
		if s.rnd.IntN(10) < 3 {
			c.Card = fmt.Sprintf("29%011d", 40000000+i)
		}
		c.Subscribes = s.rnd.IntN(12) == 0
		c.Zip = fmt.Sprintf("%s-%04d", places[c.Place].zip, s.rnd.IntN(9000)+1)
		c.Street = places[c.Place].town + fmt.Sprintf("%d-%d-%d", 1+s.rnd.IntN(6), 1+s.rnd.IntN(30), 1+s.rnd.IntN(20))
		c.Lat, c.Lon = nearby(s.rnd, places[c.Place].lat), nearby(s.rnd, places[c.Place].lon)
		if i > 0 && s.rnd.IntN(12) == 0 { // of one household with the customer before
			o := &s.Customers[i-1]
			c.Family, c.Place, c.Zip, c.Street, c.Lat, c.Lon = o.Family, o.Place, o.Zip, o.Street, o.Lat, o.Lon
		}
		switch i * 7 % 20 { // by the number alone, so that nothing else of the shop hangs on it
		case 0, 1, 2, 3:
		case 4, 5, 6:
			c.Ads = "out"
		default:
			c.Ads = "in"
		}
		if i%37 == 5 { // as customers write: without the house number
			c.Street = places[c.Place].town
		}
		s.Customers = append(s.Customers, c)
	}
	return s
}

// nearby is a place within some two kilometres, to four decimals.
func nearby(rnd *rand.Rand, degrees float64) float64 {
	return math.Round((degrees+(rnd.Float64()-0.5)/25)*1e4) / 1e4
}

// romaji is good enough for made-up addresses.
func romaji(kana string) string {
	const table = "アa イi ウu エe オo カka キki ク ku ケke コko サsa シshi スsu セse ソso タta チchi ツtsu テte トto ナna ニni ヌnu ネne ノno ハha ヒhi フfu ヘhe ホho マma ミmi ムmu メme モmo ヤya ユyu ヨyo ラra リri ルru レre ロro ワwa ンn ガga ギgi グgu ゲge ゴgo ザza ジji ズzu ゼze ゾzo ダda デde ドdo バba ビbi ブbu ベbe ボbo ョyo ュyu ャya ー"
	sounds := map[rune]string{}
	for _, f := range strings.Fields(table) {
		r := []rune(f)
		sounds[r[0]] = string(r[1:])
	}
	var b strings.Builder
	for _, r := range kana {
		b.WriteString(sounds[r])
	}
	return b.String()
}

// person is what an event of the web shop carries of a known customer.
func (c *Customer) person() *enishi.Person {
	return &enishi.Person{CustomerID: c.ID, Email: c.Email, AnonymousID: c.Browser}
}

// registration is the event by which the shop told of a customer.
func (s *Shop) registration(c *Customer, at time.Time) []enishi.Event {
	place := places[c.Place]
	t := enishi.TextValue
	p := &enishi.Person{CustomerID: c.ID, Email: c.Email, Phone: c.Phone, LineUserID: c.LINE, POSCard: c.Card, Traits: map[string]enishi.Value{
		"family_name": t(c.Family.kanji), "given_name": t(c.Given.kanji), "family_name_kana": t(c.Family.kana), "given_name_kana": t(c.Given.kana),
		"gender": t(c.Gender), "birthday": t(c.Birthday), "prefecture": t(place.prefecture), "city": t(place.city), "language": t("ja"),
		"postal_code": t(c.Zip), "address1": t(c.Street), "lat": enishi.NumberValue(c.Lat), "lon": enishi.NumberValue(c.Lon), "main_store_id": t(Stores[c.Store].ID)}}
	state := "out"
	if c.MailOK {
		state = "in"
	}
	e := enishi.Event{Type: "user.signed_up", At: at, Person: p, Channel: "web", Consent: []enishi.ConsentChange{{Channel: "email", Purpose: "marketing", State: state,
		Method: "form:signup", Text: "お得な情報をメールで受け取る"}}}
	if c.Ads != "" {
		e.Consent = append(e.Consent, enishi.ConsentChange{Channel: "ads", Purpose: "marketing", State: c.Ads, Method: "form:signup",
			Text: "広告の配信のため、メールアドレスと電話番号をハッシュ化して Google LLC と Meta Platforms, Inc.（いずれもアメリカ合衆国）に提供することに同意する"})
	}
	if c.LINE == "" {
		return []enishi.Event{e}
	}
	// The friendship comes by LINE's webhook and knows the LINE user alone.
	return []enishi.Event{e, {Type: "line.followed", At: at.Add(time.Minute), Person: &enishi.Person{LineUserID: c.LINE}, Channel: "social"}}
}

// History is the shop's past up to now, oldest first: registrations and a year of orders with their parcels, store
// purchases, returns and reviews, and a week of visits.
func (s *Shop) History(now time.Time) []Record {
	var events []enishi.Event
	day := 24 * time.Hour
	for i := range s.Customers {
		c := &s.Customers[i]
		joined := now.Add(-time.Duration(30+s.rnd.IntN(700)) * day)
		events = append(events, s.registration(c, joined)...)
		n := int(c.Habit * 14)
		if c.Subscribes {
			n += 6
		}
		var renewals []time.Time
		for k := range n {
			at := joined.Add(time.Duration(s.rnd.Int64N(int64(now.Sub(joined) - 2*day))))
			if c.Subscribes && k%2 == 0 {
				at = now.Add(-time.Duration(k*30+5) * day)
			}
			if at.Before(joined) {
				continue
			}
			if c.Subscribes && k%2 == 0 {
				renewals = append(renewals, at.Truncate(time.Second))
			}
			events = append(events, s.pastOrder(c, at.Truncate(time.Second), now, c.Subscribes && k%2 == 0)...)
		}
		events = append(events, contract(c, renewals, now)...)
		for range s.rnd.IntN(4) {
			events = append(events, s.visit(c, now.Add(-time.Duration(s.rnd.Int64N(int64(6*day)))))...)
		}
		events = append(events, s.leftCarts(c, joined, now)...)
	}
	sort.SliceStable(events, func(i, j int) bool { return events[i].At.Before(events[j].At) })
	out := make([]Record, 0, len(events))
	for i := range events {
		out = append(out, s.record(events[i]))
	}
	return out
}

// leftCarts are carts that somebody left within the last week, what is of today excepted: a journey is tried on them. They
// follow from the customer alone. Older events of the web come from files only.
func (s *Shop) leftCarts(c *Customer, joined, now time.Time) []enishi.Event {
	const span, rest = 5 * 24 * time.Hour, 30 * time.Hour
	digits := 0
	for _, r := range c.ID {
		digits = digits*31 + int(r)
	}
	var out []enishi.Event
	for k := range digits % 3 {
		at := now.Add(-rest - time.Duration(digits*(k+7)%int(span/time.Minute))*time.Minute).Truncate(time.Second)
		if at.Before(joined) {
			continue
		}
		p := Products[digits*(k+3)%len(Products)]
		line := enishi.Line{ProductID: p.ID, SKU: p.ID, Name: p.Name, Brand: p.Line, Category: p.Category, Quantity: 1, Price: yen(p.Price), TaxRate: 10}
		out = append(out, enishi.Event{Type: "cart.item_added", At: at, Channel: "web", Person: c.person(), Web: &enishi.Web{CartID: fmt.Sprintf("left-%s-%d", c.ID, k), Lines: []enishi.Line{line},
			Value: line.Price, Currency: "JPY", URL: s.Base + "/demo/shop#cart", Product: &enishi.Product{ProductID: p.ID, Name: p.Name, Category: p.Category, Brand: p.Line, Price: line.Price, Quantity: 1}}})
	}
	return out
}

// contract is the story of a subscription: it begins with the oldest of its orders, which come newest first, and each order
// renews it. By the customer's number some pause, skip, fail to pay or end.
func contract(c *Customer, orders []time.Time, now time.Time) []enishi.Event {
	if len(orders) == 0 {
		return nil
	}
	p, id := Products[2], "S-"+c.ID
	var out []enishi.Event
	add := func(typ string, at time.Time, s enishi.Subscription) {
		s.SubscriptionID = id
		out = append(out, enishi.Event{Type: "subscription." + typ, At: at, Person: &enishi.Person{CustomerID: c.ID}, Channel: "web", Subscription: &s})
	}
	const cycle = 60 * 24 * time.Hour
	first, newest := orders[len(orders)-1], orders[0]
	add("started", first.Add(-time.Minute), enishi.Subscription{ProductID: p.ID, Name: p.Name + " 定期便", Category: p.Category, Quantity: 1, CycleDays: 60,
		Amount: yen(p.Price) - yen(p.Price)/10/enishi.Unit*enishi.Unit, Currency: "JPY", NextAt: first})
	for k := len(orders) - 1; k >= 0; k-- {
		add("renewed", orders[k].Add(time.Minute), enishi.Subscription{Deliveries: len(orders) - k, NextAt: orders[k].Add(cycle)})
	}
	switch later := newest.Add(2 * 24 * time.Hour); {
	case later.After(now):
	case c.Place%5 == 1:
		add("paused", later, enishi.Subscription{Reason: "まだ残っている"})
	case c.Place%5 == 2:
		add("cancelled", later, enishi.Subscription{Reason: "価格"})
	case c.Place%5 == 3:
		add("payment_failed", later, enishi.Subscription{Reason: "card_expired"})
	case c.Place%5 == 4:
		add("skipped", later, enishi.Subscription{NextAt: newest.Add(2 * cycle)})
	}
	return out
}

// pastOrder is an order with everything that came of it.
func (s *Shop) pastOrder(c *Customer, at, now time.Time, automatic bool) []enishi.Event {
	if c.Card != "" && !automatic && s.rnd.IntN(3) == 0 {
		return s.storePurchase(c, at)
	}
	order := s.order(c, at, automatic)
	out := []enishi.Event{order}
	for _, p := range s.follow(c, &order, func(hours float64) time.Time { return at.Add(time.Duration(hours * float64(time.Hour))) }) {
		if p.at.Before(now) {
			out = append(out, p.e)
		}
	}
	return out
}

// order makes an order.placed event.
func (s *Shop) order(c *Customer, at time.Time, automatic bool) enishi.Event {
	s.orders++
	o := &enishi.Order{OrderID: fmt.Sprintf("EN%07d", 1000000+s.orders), Currency: "JPY", Fulfilment: "ship", PaymentMethod: []string{"card", "card", "card", "paypay", "konbini", "cod", "pay_later"}[s.rnd.IntN(7)]}
	n := 1 + s.rnd.IntN(3)
	if automatic {
		n, o.Automatic, o.SubscriptionID = 1, true, "S-"+c.ID
	}
	for range n {
		p := Products[s.rnd.IntN(len(Products))]
		if automatic {
			p = Products[2]
		}
		o.Lines = append(o.Lines, enishi.Line{ProductID: p.ID, SKU: p.ID, Name: p.Name, Brand: p.Line, Category: p.Category, Quantity: 1 + s.rnd.IntN(2)/1%2, Price: yen(p.Price), TaxRate: 10})
	}
	s.total(o)
	if s.rnd.IntN(14) == 0 && !automatic {
		gift := families[s.rnd.IntN(len(families))]
		o.ShipTo = &enishi.Address{Name: gift.kanji + " " + givens[s.rnd.IntN(len(givens))].kanji, Kana: gift.kana, PostalCode: "150-0001", Prefecture: "東京都", City: "渋谷区", IsGift: true}
	} else {
		o.ShipTo = &enishi.Address{Name: c.Family.kanji + " " + c.Given.kanji, Prefecture: places[c.Place].prefecture, City: places[c.Place].city}
	}
	channel := []string{"web", "web", "web", "app"}[s.rnd.IntN(4)]
	if s.rnd.IntN(25) == 0 {
		o.Marketplace, channel = "rakuten", "marketplace"
	}
	return enishi.Event{Type: "order.placed", At: at, Person: c.person(), Channel: channel, Order: o}
}

func yen(n int) enishi.Amount { return enishi.Amount(n) * enishi.Unit }

// total sums an order's lines.
func (s *Shop) total(o *enishi.Order) {
	o.Subtotal = 0
	for i := range o.Lines {
		o.Subtotal += o.Lines[i].Price * enishi.Amount(o.Lines[i].Quantity)
	}
	if o.Subtotal < yen(5000) && !o.Automatic {
		o.ShippingFee = yen(550)
	}
	if o.PaymentMethod == "cod" {
		o.CODFee = yen(330)
	}
	if o.Automatic {
		o.Discount = o.Subtotal / 10 / enishi.Unit * enishi.Unit
	}
	o.Total = o.Subtotal - o.Discount + o.ShippingFee + o.CODFee
	o.Taxes = []enishi.Tax{{Rate: 10, Amount: o.Total / 11 / enishi.Unit * enishi.Unit}}
}

// follow is what comes of an order; after gives the instant a number of hours later.
func (s *Shop) follow(c *Customer, placed *enishi.Event, after func(hours float64) time.Time) []pending {
	o := placed.Order
	var out []pending
	add := func(hours float64, e enishi.Event) {
		at := after(hours)
		e.At, e.Person, e.Channel = at, &enishi.Person{CustomerID: c.ID}, placed.Channel
		out = append(out, pending{at, e})
	}
	ref := func(typ string) enishi.Event {
		return enishi.Event{Type: typ, Order: &enishi.Order{OrderID: o.OrderID}}
	}
	if o.PaymentMethod == "konbini" || o.PaymentMethod == "pay_later" {
		add(0.1, ref("order.payment_pending"))
		add(20, ref("order.paid"))
	} else {
		add(0.1, ref("order.paid"))
	}
	if s.rnd.IntN(25) == 0 {
		add(3, enishi.Event{Type: "order.cancelled", Order: &enishi.Order{OrderID: o.OrderID, Reason: "customer"}})
		return out
	}
	add(1, ref("order.confirmed"))
	parcels := 1
	if len(o.Lines) > 2 && s.rnd.IntN(3) == 0 {
		parcels = 2
	}
	carrier := []string{"yamato", "sagawa", "japanpost"}[s.rnd.IntN(3)]
	for n := 1; n <= parcels; n++ {
		sh := enishi.Shipment{ShipmentID: fmt.Sprintf("%s-%d", o.OrderID, n), OrderID: o.OrderID, Number: n, Of: parcels, Carrier: carrier,
			Tracking: fmt.Sprintf("%04d-%04d-%04d", s.rnd.IntN(10000), s.rnd.IntN(10000), s.rnd.IntN(10000)), EstimatedAt: after(48 + float64(n)*6)}
		step := func(hours float64, typ string) {
			x := sh
			add(hours, enishi.Event{Type: typ, Shipment: &x})
		}
		start := 22 + float64(n)*5
		step(start, "shipment.shipped")
		step(start+14, "shipment.in_transit")
		if s.rnd.IntN(12) == 0 {
			step(start+16, "shipment.delayed")
		}
		step(start+20, "shipment.out_for_delivery")
		if s.rnd.IntN(9) == 0 {
			step(start+22, "shipment.attempted")
		}
		step(start+26, "shipment.delivered")
	}
	if s.rnd.IntN(30) == 0 {
		r := &enishi.Return{ReturnID: "R-" + o.OrderID, OrderID: o.OrderID, Amount: o.Total, Reason: "肌に合わなかった"}
		add(90, enishi.Event{Type: "return.requested", Return: r})
		add(150, enishi.Event{Type: "return.received", Return: r})
		add(152, enishi.Event{Type: "order.refunded", Order: &enishi.Order{OrderID: o.OrderID, Refunded: o.Total}})
	} else if s.rnd.IntN(6) == 0 {
		texts := []string{"しっとりするのにべたつかず、気に入っています。", "香りがやさしくて毎晩の楽しみです。", "リピート 3 本目です。", "少し量が少なく感じました。", "包装が丁寧でした。"}
		add(240, enishi.Event{Type: "review.written", Review: &enishi.Review{ReviewID: "RV-" + o.OrderID, OrderID: o.OrderID, ProductID: o.Lines[0].ProductID,
			Rating: 3 + s.rnd.IntN(3), Text: texts[s.rnd.IntN(len(texts))]}})
	}
	return out
}

// storePurchase is a purchase at the till.
func (s *Shop) storePurchase(c *Customer, at time.Time) []enishi.Event {
	e := s.order(c, at, false)
	o := e.Order
	s.serial++
	jst := at.In(time.FixedZone("JST", 9*3600))
	v := &enishi.StoreVisit{StoreID: Stores[c.Store].ID, StoreType: Stores[c.Store].Type, Register: fmt.Sprint(1 + s.rnd.IntN(2)), Receipt: fmt.Sprintf("%04d", s.serial%10000),
		BusinessDate: jst.Format("2006-01-02"), StaffID: fmt.Sprintf("staff-%02d", 1+s.rnd.IntN(6))}
	o.OrderID = strings.Join([]string{v.StoreID, v.Register, v.BusinessDate, v.Receipt}, ":")
	o.StoreID, o.StaffID, o.Fulfilment, o.ShipTo, o.Marketplace, o.ShippingFee, o.CODFee, o.PaymentMethod = v.StoreID, v.StaffID, "store", nil, "", 0, 0, "card"
	o.Total = o.Subtotal
	person := &enishi.Person{POSCard: c.Card}
	return []enishi.Event{{Type: "store.purchased", At: at, Channel: "store", Person: person, Store: v, Order: o},
		{Type: "points.earned", At: at.Add(time.Second), Channel: "store", Person: person,
			Points: &enishi.Points{Amount: int64(o.Total / enishi.Unit / 100), Reason: "お買い上げ", OrderID: o.OrderID, ExpiresAt: at.Add(365 * 24 * time.Hour)}}}
}

// visit is a session on the web shop.
func (s *Shop) visit(c *Customer, at time.Time) []enishi.Event {
	who := &enishi.Person{AnonymousID: c.Browser}
	if s.rnd.IntN(2) == 0 {
		who = c.person()
	}
	ctx := &enishi.Context{Path: "/", Title: "縁コスメ", UTMSource: []string{"", "google", "line", "instagram"}[s.rnd.IntN(4)]}
	out := []enishi.Event{{Type: "page.viewed", At: at, Channel: "web", Person: who, Context: ctx}}
	for i := range 1 + s.rnd.IntN(4) {
		p := Products[s.rnd.IntN(len(Products))]
		out = append(out, enishi.Event{Type: "product.viewed", At: at.Add(time.Duration(20*(i+1)) * time.Second), Channel: "web", Person: who,
			Web: &enishi.Web{Product: &enishi.Product{ProductID: p.ID, Name: p.Name, Category: p.Category, Brand: p.Line, Price: yen(p.Price), Currency: "JPY", URL: s.Base + "/demo/shop#" + p.ID}}})
	}
	return out
}

// record encodes an event.
func (s *Shop) record(e enishi.Event) Record {
	s.serial++
	e.Version, e.Source = enishi.EventVersion, "demo"
	e.Message = fmt.Sprintf("demo-%d-%s-%d", s.serial, e.Type, e.At.UnixMilli())
	e.At = e.At.UTC().Truncate(time.Millisecond)
	info, ok := enishi.LookupType(e.Type)
	if !ok {
		panic("demo: unknown type " + e.Type)
	}
	value, err := json.Marshal(&e)
	if err != nil {
		panic("demo: " + err.Error())
	}
	key := e.Person.CustomerID
	if key == "" {
		key = e.Person.POSCard + e.Person.AnonymousID + e.Person.LineUserID
	}
	return Record{Topic: info.Topic, Key: []byte(key), At: e.At, Value: value}
}
