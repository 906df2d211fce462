package segments

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"enishi"
	"enishi/profiles"
)

// The clock of the made people.
var made = time.Date(2026, 11, 20, 3, 4, 5, 678e6, time.UTC)

// Values are drawn from few, so that what is compared is often equal or next to it.
var (
	spans    = []string{"1m", "30m", "12h", "1d", "7d", "30d", "90d", "180d"}
	amounts  = []string{"0", "0.0001", "1", "999.9999", "4999.5", "5000", "5000.0001", "30000", "-12.5", "123456789", "99999999999999"}
	texts    = []string{"", "a", "b", "ab", "shoes", "靴", "東京都", "大阪府", "x'y", `back\slash`, "line\nfeed", "tab\there", `"q"`, "%_", "{p0:String}", "シャツ", "しゃつ", "ｼｬﾂ", "ガード", "ｶﾞーﾄﾞ", "がーど", "Ｔ－Shirt", "t-shirt", "ﾊﾟーﾙ　ﾈｯｸ", "パール ネック"}
	kinds    = []string{"product.viewed", "page.viewed", "cart.updated", "cart.item_added", "search.performed", "wishlist.added", "wishlist.removed"}
	statuses = []string{"placed", "paid", "delivered", "cancelled", "delayed", "returned"}
	withins  = []string{"0d", "1d", "7d", "30d", "180d"}
	births   = []string{"1990-11-20", "1990-11-21", "1990/11/19", "2006-11-20", "2006-11-27", "1990-5-1", "2008-02-29", "--02-29", "--11-20", "11-27", "--1/5", "--11", "11", "12", "1990-12",
		"1990-11-00", "0000-11-20", "1899-11-20", "1991-02-29", "1900-02-29", "2000-02-29", "1990-13-01", "1990-00-10", "--04-31", "2030-01-01", "2026-11-20", "2026-11-21", "x", "1990", "19901120", "", "-11-20", "11-20-", "１１"}
	places     = []string{"東京都", "東京", "大阪府", "沖縄県", "北海道", "京都", "福島", "東京府", "Tokyo"}
	nameTraits = []string{"family_name", "given_name", "family_name_kana", "given_name_kana"}
	names      = []string{"size", "vip", "score", "ランク", "it's"}
)

// tokyo is the zone unless said.
var tokyo = Library{}.inclusion("").library.Zone

// library are segments that others name.
var library = Library{Store: storeAt, Segment: func(name string) (string, bool) {
	text, ok := map[string]string{
		"vip":    `ltv >= 5000 && (count(orders, .valid) >= 2 || traits.vip)`,
		"recent": `any(orders, .placed_at > ago("30d")) || last_visit_at >= this_week()`,
		"both":   `in_segment("recent") && !in_segment("vip")`,
		"young":  `age < 36`,
	}[name]
	return text, ok
}, Ranking: func(name string) (*Cuts, bool) {
	c, ok := rankings[name]
	return &c, ok
}}

// rankings are those of the library: points are written as the oracle reads them.
var rankings = map[string]Cuts{
	rfmRecency:   {Order: Order{Measure: "last_order_at", Among: "orders_count >= 1", By: By{Quantiles: 5}}, Points: []string{"2026-08-01T00:00:00+09:00", "2026-11-01T00:00:00+09:00", "2026-11-20T00:00:00+09:00"}, ComputedAt: made},
	rfmFrequency: {Order: Order{Measure: "orders_count", Among: "orders_count >= 1", By: By{Quantiles: 5}}, Points: []string{"1", "1", "2", "3"}, ComputedAt: made},
	rfmMonetary:  {Order: RFM()[rfmMonetary].Order, Points: []string{"1", "999.9999", "5000", "30000"}, ComputedAt: made},
	"never":      {Order: RFM()[rfmMonetary].Order},
	"often":      {Order: Order{Measure: `count(orders, .placed_at > ago("90d"))`, Among: `last_visit_at > ago("30d")`, By: By{Percentiles: []float64{50, 90}}}, Points: []string{"1", "2"}, ComputedAt: made},
	"score":      {Order: Order{Measure: "traits.score", By: By{Quantiles: 4}}, Points: []string{"1", "2.5", "5000"}, ComputedAt: made},
	"basket":     {Order: Order{Measure: "max(orders, .total)", Among: `age < 36 || has_email`, By: By{Top: 10}}, Points: []string{"5000"}, ComputedAt: made},
	"latest":     {Order: Order{Measure: "max(visits, .at)", By: By{Top: 10}}, Points: []string{"2026-11-20T00:00:00+09:00"}, ComputedAt: made},
	"everybody":  {Order: Order{Measure: "points", By: By{Top: 10}}, ComputedAt: made},
}

// storeAt finds the stores of the made expressions.
func storeAt(id string) (profiles.Place, bool) {
	at, ok := map[string]profiles.Place{"ginza": profiles.PlaceOf(35.6717, 139.765), "umeda": profiles.PlaceOf(34.7025, 135.4959), "sydney": profiles.PlaceOf(-33.8688, 151.2093), "popup": {}}[id]
	return at, ok
}

func pick[T any](t *rapid.T, from []T) T { return from[rapid.IntRange(0, len(from)-1).Draw(t, "pick")] }

func span(s string) time.Duration {
	if d, ok := strings.CutSuffix(s, "d"); ok {
		s = d + "h"
		x, _ := time.ParseDuration(s)
		return 24 * x
	}
	x, _ := time.ParseDuration(s)
	return x
}

// drawTime is missing, or lies within a millisecond of a span from the clock, before or after it.
func drawTime(t *rapid.T) time.Time {
	switch rapid.IntRange(0, 9).Draw(t, "time") {
	case 0, 1:
		return time.Time{}
	case 2:
		return made.Add(time.Duration(rapid.IntRange(-400*24*60, 40*24*60).Draw(t, "minutes")) * time.Minute)
	case 3:
		return time.Date(2026, 10, 31, 15, 0, 0, 0, time.UTC) // date("2026-11-01")
	case 4:
		return made.Add(span(pick(t, spans)))
	case 5:
		c := pick(t, calendars())
		return time.UnixMilli(c.period.start(made.UnixMilli(), rapid.IntRange(-2, 1).Draw(t, "period"), tokyo)).UTC().Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "ms")) * time.Millisecond)
	}
	return made.Add(-span(pick(t, spans)) + time.Duration(rapid.IntRange(-1, 1).Draw(t, "ms"))*time.Millisecond)
}

func drawAmount(t *rapid.T) enishi.Amount {
	if rapid.IntRange(0, 30).Draw(t, "huge") == 0 {
		return enishi.Amount(1<<63 - 1 - int64(rapid.IntRange(0, 1).Draw(t, "less")))
	}
	a, err := enishi.ParseAmount(pick(t, amounts))
	if err != nil {
		panic(err)
	}
	return a
}

func drawValue(t *rapid.T) enishi.Value {
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		return enishi.BoolValue(rapid.Bool().Draw(t, "b"))
	case 1, 2:
		return enishi.NumberValue(pick(t, []float64{0, 1, 5, 0.1, 2.5, -3, 1e15, 123456.789}))
	case 3:
		return enishi.TextValue(pick(t, []string{"true", "false", "5", "2.5"}))
	case 4:
		return enishi.InstantValue(made)
	}
	return enishi.TextValue(pick(t, texts))
}

func drawBirthday(t *rapid.T) enishi.Value {
	if rapid.IntRange(0, 9).Draw(t, "kind") == 0 {
		return pick(t, []enishi.Value{enishi.NumberValue(11), enishi.NumberValue(4), enishi.InstantValue(made), enishi.BoolValue(true)})
	}
	return enishi.TextValue(pick(t, births))
}

func drawDegrees(t *rapid.T) enishi.Value {
	if rapid.IntRange(0, 6).Draw(t, "odd") == 0 {
		return pick(t, []enishi.Value{{}, enishi.TextValue("35.6"), enishi.NumberValue(200), enishi.NumberValue(-91), enishi.BoolValue(true)})
	}
	return enishi.NumberValue(pick(t, []float64{0, 90, -90, 35.6717, 139.765, 34.7025, 135.4959, -33.8688, 151.2093, 35.671, 139.7, 43.06, 180, -180}))
}

func count(t *rapid.T, most int) int {
	if rapid.IntRange(0, 3).Draw(t, "none") == 0 {
		return 0
	}
	return rapid.IntRange(1, most).Draw(t, "n")
}

func id(kind string, n int) enishi.ID { return enishi.NewID(kind, fmt.Sprint(n)) }

// drawView makes a person by hand, as profiles would show one.
func drawView(t *rapid.T) *profiles.View {
	n := rapid.Int().Draw(t, "person")
	v := &profiles.View{ID: id("person", n), Traits: map[string]enishi.Value{}}
	whole := func() int64 { return int64(pick(t, []int{0, 1, 2, 3, 10, 500})) }
	text := func() string { return pick(t, texts) }
	for range count(t, 4) {
		v.Traits[pick(t, append(append(names, nameTraits...), "prefecture", "gender", "language", "member_rank"))] = drawValue(t)
	}
	if rapid.IntRange(0, 3).Draw(t, "birthday") > 0 {
		v.Traits["birthday"] = drawBirthday(t)
	}
	if rapid.Bool().Draw(t, "located") {
		v.Traits["lat"], v.Traits["lon"] = drawDegrees(t), drawDegrees(t)
	}
	if rapid.Bool().Draw(t, "place") {
		v.Traits["prefecture"] = enishi.TextValue(pick(t, places))
	}
	for _, at := range []*time.Time{&v.FirstSeenAt, &v.LastSeenAt, &v.LastVisitAt, &v.SignedUpAt, &v.FirstOrderAt, &v.LastOrderAt, &v.LastManualOrderAt, &v.HoldUntil, &v.Features.NextOrderAt, &v.Features.LastLateAt} {
		*at = drawTime(t)
	}
	for _, x := range []*int64{&v.OrdersCount, &v.ManualOrdersCount, &v.PageViews, &v.ProductViews, &v.StoreVisits, &v.Points, &v.Features.Rhythm, &v.Features.Returned, &v.Features.Delivered, &v.Features.Late} {
		*x = whole()
	}
	v.MainStore = text()
	v.Features.Category, v.Features.Brand, v.Features.Size, v.Features.Channel = text(), text(), text(), text()
	v.LTV, v.Currency = drawAmount(t), pick(t, []string{"", "JPY", "USD"})
	for i := range count(t, 5) {
		o := &enishi.Order{OrderID: fmt.Sprint("o", i), Currency: "JPY", Total: drawAmount(t), Subtotal: drawAmount(t), Discount: drawAmount(t), Coupon: text(),
			PaymentMethod: pick(t, []string{"", "card", "konbini"}), StoreID: text(), Automatic: rapid.Bool().Draw(t, "auto"), Marketplace: pick(t, []string{"", "rakuten"}),
			PaymentDueAt: drawTime(t), Fulfilment: pick(t, []string{"", "ship"})}
		if rapid.Bool().Draw(t, "ship") {
			o.ShipTo = &enishi.Address{IsGift: rapid.Bool().Draw(t, "gift")}
		}
		for range count(t, 3) {
			o.Lines = append(o.Lines, enishi.Line{ProductID: text(), SKU: text(), Name: text(), Brand: text(), Category: text(), Quantity: rapid.IntRange(0, 3).Draw(t, "quantity"),
				Price: drawAmount(t), Discount: drawAmount(t)})
		}
		v.Orders = append(v.Orders, profiles.OrderView{Order: o, Channel: text(), Status: pick(t, statuses), PlacedAt: drawTime(t), PaidAt: drawTime(t), DeliveredAt: drawTime(t),
			CancelledAt: drawTime(t), Revenue: drawAmount(t), Items: whole(), Valid: rapid.Bool().Draw(t, "valid"), Sequence: whole()})
	}
	slices.SortStableFunc(v.Orders, func(a, b profiles.OrderView) int { return a.PlacedAt.Compare(b.PlacedAt) })
	for i := range count(t, 3) {
		v.Shipments = append(v.Shipments, profiles.ShipmentView{Shipment: &enishi.Shipment{OrderID: fmt.Sprint("o", i), ShipmentID: fmt.Sprint("s", i), Carrier: text(), Number: i, Of: 2,
			EstimatedAt: drawTime(t)}, Status: pick(t, statuses), ShippedAt: drawTime(t), DeliveredAt: drawTime(t), DelayedAt: drawTime(t)})
	}
	for i := range count(t, 8) {
		v.Visits = append(v.Visits, profiles.Visit{Event: id("visit", i), At: drawTime(t), Type: pick(t, kinds), ProductID: text(), Category: text(), Brand: text(), Path: text(),
			Query: text(), Value: drawAmount(t), Source: text(), Campaign: text()})
	}
	slices.SortFunc(v.Visits, func(a, b profiles.Visit) int { return cmp.Or(a.At.Compare(b.At), a.Event.Compare(b.Event)) })
	for i := range count(t, 3) {
		v.Stores = append(v.Stores, profiles.StoreVisit{Event: id("store", i), At: drawTime(t), Type: pick(t, kinds), StoreID: text()})
	}
	slices.SortFunc(v.Stores, func(a, b profiles.StoreVisit) int { return cmp.Or(a.At.Compare(b.At), a.Event.Compare(b.Event)) })
	drawRest(t, v)
	return v
}

func drawRest(t *rapid.T, v *profiles.View) {
	for i := range count(t, 2) {
		v.Contacts = append(v.Contacts, profiles.Contact{ContactID: fmt.Sprint("c", i), Channel: pick(t, texts), Topic: pick(t, texts), Complaint: rapid.Bool().Draw(t, "complaint"),
			OpenedAt: drawTime(t), SolvedAt: drawTime(t)})
		v.Reviews = append(v.Reviews, profiles.Review{Review: enishi.Review{ReviewID: fmt.Sprint("r", i), Rating: rapid.IntRange(0, 5).Draw(t, "rating")}, At: drawTime(t)})
		v.Returns = append(v.Returns, profiles.ReturnView{Return: &enishi.Return{ReturnID: fmt.Sprint("b", i), OrderID: "o0", Amount: drawAmount(t), Reason: pick(t, texts)},
			Status: pick(t, statuses), RequestedAt: drawTime(t)})
		v.Messages = append(v.Messages, profiles.Message{SendID: id("send", i), Channel: pick(t, []string{"email", "line"}), Journey: pick(t, texts), SentAt: drawTime(t), ClickedAt: drawTime(t)})
		v.Surveys = append(v.Surveys, profiles.Survey{Event: id("survey", i), At: drawTime(t), Kind: pick(t, []string{"nps", "csat"}), Score: rapid.IntRange(0, 10).Draw(t, "score")})
	}
	drawContracts(t, v)
	slices.SortFunc(v.Surveys, func(a, b profiles.Survey) int { return cmp.Or(a.At.Compare(b.At), a.Event.Compare(b.Event)) })
	if rapid.Bool().Draw(t, "risk") {
		v.Lists = []string{"fair", pick(t, []string{"staff", "x'y"})}
		v.Risks = []string{pick(t, texts[1:]), "reseller"}
	}
	p := &profiles.Profile{ID: v.ID}
	for k, kind := range []enishi.Kind{enishi.Email, enishi.LINEUser, enishi.Phone, enishi.Social} {
		if rapid.Bool().Draw(t, "has") {
			s := profiles.Subject{ID: id("subject", k), Kind: kind, Value: "x"}
			for _, ch := range Channels() {
				if rapid.Bool().Draw(t, "asked") {
					s.Consents = append(s.Consents, profiles.Consent{Channel: ch, Purpose: "marketing", Out: rapid.Bool().Draw(t, "out"), At: made})
				}
			}
			slices.SortFunc(s.Consents, func(a, b profiles.Consent) int { return strings.Compare(a.Channel, b.Channel) })
			switch kind {
			case enishi.LINEUser:
				s.Lifetime.LineFollowed, s.Lifetime.LineUnfollowed = drawTime(t), drawTime(t)
			case enishi.Email:
				s.Lifetime.Bounced = drawTime(t)
			case enishi.Phone:
				s.Value = "+819012345678"
			case enishi.Social:
				s.Chats = drawChats(t)
			}
			p.Subjects = append(p.Subjects, s)
		}
	}
	v.Profile = p
}

// drawChats are conversations with two accounts, and their opt-ins.
func drawChats(t *rapid.T) (out []profiles.Chat) {
	for i := range count(t, 2) {
		x := profiles.Chat{Account: fmt.Sprint("a", i), ActedAt: drawTime(t), OpenTo: drawTime(t)}
		if rapid.Bool().Draw(t, "gone") {
			x.GoneAt = drawTime(t)
		}
		for k := range count(t, 2) {
			x.Permits = append(x.Permits, profiles.Permit{Token: fmt.Sprint("t", k), At: drawTime(t), ExpiresAt: drawTime(t), StoppedAt: drawTime(t)})
		}
		out = append(out, x)
	}
	return out
}

func drawContracts(t *rapid.T, v *profiles.View) {
	for i := range count(t, 3) {
		c := &enishi.Subscription{SubscriptionID: fmt.Sprint("c", i), ProductID: pick(t, texts), Name: pick(t, texts), Category: pick(t, texts), Quantity: i, CycleDays: 30 * i,
			Amount: drawAmount(t), Currency: "JPY", NextAt: drawTime(t), Deliveries: rapid.IntRange(0, 10).Draw(t, "deliveries"), Reason: pick(t, texts)}
		v.Contracts = append(v.Contracts, profiles.SubscriptionView{Subscription: c, Status: pick(t, []string{"active", "paused", "skipped", "cancelled"}), StartedAt: drawTime(t),
			RenewedAt: drawTime(t), SkippedAt: drawTime(t), PausedAt: drawTime(t), CancelledAt: drawTime(t), PaymentFailedAt: drawTime(t)})
	}
	for i := range count(t, 4) {
		v.Moves = append(v.Moves, profiles.PointMove{Event: id("move", i), At: drawTime(t), Kind: pick(t, []string{"earned", "redeemed", "expired"}),
			Amount: int64(pick(t, []int{-300, -1, 0, 1, 50, 5000})), Reason: pick(t, texts), OrderID: fmt.Sprint("o", i), ExpiresAt: drawTime(t)})
	}
	slices.SortFunc(v.Moves, func(a, b profiles.PointMove) int { return cmp.Or(a.At.Compare(b.At), a.Event.Compare(b.Event)) })
}

// drawExpression makes an expression that Check takes.
func drawExpression(t *rapid.T) string {
	for {
		e := condition(t, nil, rapid.IntRange(0, 3).Draw(t, "depth"))
		if library.Check(e) == nil {
			return e
		}
	}
}

func relationSign(t *rapid.T) string { return pick(t, []string{"==", "!=", "<", "<=", ">", ">="}) }

func quote(s string) string { return fmt.Sprintf("%q", s) }

// condition writes a condition; l is the list whose elements it is about, nil: the person.
func condition(t *rapid.T, l *Collection, depth int) string {
	if depth > 0 {
		a, b := condition(t, l, depth-1), condition(t, l, depth-1)
		switch rapid.IntRange(0, 4).Draw(t, "join") {
		case 0, 1:
			return "(" + a + " && " + b + ")"
		case 2:
			return "(" + a + " || " + b + ")"
		case 3:
			return "!(" + a + ")"
		}
		return a
	}
	n := rapid.IntRange(0, 11).Draw(t, "condition")
	if l == nil && n >= 6 {
		return aboutList(t)
	}
	if l != nil && n >= 10 {
		l = nil // a condition about the person within one about an element
	}
	switch n % 6 {
	case 0:
		return numberOf(t, l, 1) + " " + relationSign(t) + " " + numberOf(t, l, 0)
	case 1, 2:
		return timeOf(t, l) + " " + relationSign(t) + " " + instantOf(t, l)
	case 3:
		return aboutText(t, l)
	case 4:
		return aboutTrait(t)
	}
	switch rapid.IntRange(0, 5).Draw(t, "flag") {
	case 5:
		if l == nil {
			return pick(t, []string{`top("basket")`, `top("latest")`, `top("everybody")`, `present(rank("often"))`, `missing(rank("never"))`})
		}
	case 3:
		if l == nil {
			return "in_segment(" + quote(pick(t, []string{"vip", "recent", "both", "young"})) + ")"
		}
	case 2:
		return `birthday_within("` + pick(t, withins) + `")`
	case 0:
		return "consent." + pick(t, Channels())
	case 1:
		return pick(t, []string{"present", "missing"}) + "(" + timeOf(t, l) + ")"
	}
	if l == nil {
		return pick(t, []string{"present(age)", "missing(birthday_month)", "has_email", "has_line", "line_friend", "suppressed_email", "held", "reachable.email", "reachable.line", "reachable.sms", "reachable.social", "reachable.social", "reachable.postal", "reachable.push", `"reseller" in risks`, `in_list("fair")`, `in_list("staff")`, `"x'y" in lists`, "present(aov)", `missing(prefecture)`, "true"})
	}
	if f := fieldOf(t, l, Bool); f != "" {
		return f
	}
	return "present(" + timeOf(t, l) + ")"
}

// fieldOf is a random field of a kind; empty when there is none.
func fieldOf(t *rapid.T, l *Collection, k Kind) string {
	fields, prefix := Fields(), ""
	if l != nil {
		fields, prefix = l.Fields, "."
	}
	var fit []string
	for _, f := range fields {
		if f.Kind == k {
			fit = append(fit, prefix+f.Name)
		}
	}
	if len(fit) == 0 {
		return ""
	}
	return pick(t, fit)
}

func timeOf(t *rapid.T, l *Collection) string { return fieldOf(t, l, Instant) }

func instantOf(t *rapid.T, l *Collection) string {
	switch rapid.IntRange(0, 7).Draw(t, "instant") {
	case 3, 4:
		return pick(t, calendars()).Name + "()"
	case 0:
		return `date("2026-11-01")`
	case 1:
		return "now()"
	case 2:
		return timeOf(t, pick(t, []*Collection{l, nil}))
	}
	return `ago("` + pick(t, spans) + `")`
}

func literal(t *rapid.T) string {
	return pick(t, append(amounts, "2", "3", "10", "11", "20", "36", "0.5", "2.5"))
}

func numberOf(t *rapid.T, l *Collection, depth int) string {
	if depth > 0 && rapid.IntRange(0, 2).Draw(t, "arithmetic") == 0 {
		return "(" + numberOf(t, l, depth-1) + " " + pick(t, []string{"+", "-", "*", "/"}) + " " + numberOf(t, l, depth-1) + ")"
	}
	n := rapid.IntRange(0, 7).Draw(t, "number")
	if n == 7 {
		return "distance(" + quote(pick(t, []string{"ginza", "umeda", "sydney", "popup"})) + ")"
	}
	if n == 0 || depth == 0 && n < 4 {
		return literal(t)
	}
	if n == 1 {
		return "traits.score"
	}
	if n == 6 && l == nil {
		return "rank(" + quote(pick(t, slices.Sorted(maps.Keys(rankings)))) + ")"
	}
	if n == 2 {
		l = nil
	}
	if f := fieldOf(t, l, pick(t, []Kind{Money, Whole, Whole, Decimal})); f != "" {
		return f
	}
	return literal(t)
}

func aboutText(t *rapid.T, l *Collection) string {
	f := fieldOf(t, l, Text)
	if rapid.IntRange(0, 4).Draw(t, "fold") == 0 {
		f = "fold(" + pick(t, []string{f, f, `traits["ランク"]`}) + ")"
	}
	switch rapid.IntRange(0, 5).Draw(t, "text") {
	case 0:
		return f + " in [" + quote(pick(t, texts)) + ", " + quote(pick(t, statuses)) + "]"
	case 1:
		return f + pick(t, []string{" contains ", " startsWith ", " endsWith "}) + quote(pick(t, texts[1:]))
	case 2:
		return f + " " + relationSign(t) + " " + fieldOf(t, l, Text)
	case 3:
		return f + " " + relationSign(t) + " " + quote(pick(t, append(statuses, kinds...)))
	}
	return f + " " + relationSign(t) + " " + quote(pick(t, append(texts, "関東", "近畿", "九州")))
}

func aboutTrait(t *rapid.T) string {
	trait := "traits[" + quote(pick(t, names)) + "]"
	switch rapid.IntRange(0, 6).Draw(t, "trait") {
	case 0:
		return trait
	case 1:
		return trait + pick(t, []string{" == ", " != "}) + pick(t, []string{"true", "false"})
	case 2:
		return trait + " in [" + quote(pick(t, texts)) + ", 5, 2.5]"
	case 3:
		return trait + " " + relationSign(t) + " " + pick(t, []string{"5", "0.1", "-3", "2.5", "points", "ltv"})
	case 4:
		return pick(t, []string{"present(", "missing("}) + trait + ")"
	case 5:
		return trait + " contains " + quote(pick(t, []string{"a", "5", "true", "2026"}))
	}
	return trait + " " + relationSign(t) + " " + quote(pick(t, append(texts, "true", "5")))
}

// aboutChosen writes a condition about a field of one element; call is the function with its list.
func aboutChosen(t *rapid.T, l *Collection, call string) string {
	switch k := pick(t, []Kind{Text, Text, Instant, Instant, Whole, Money, Bool}); k {
	case Text:
		return call + fieldOf(t, l, k) + ") " + relationSign(t) + " " + quote(pick(t, append(texts, append(statuses, kinds...)...)))
	case Instant:
		return call + timeOf(t, l) + ") " + relationSign(t) + " " + instantOf(t, nil)
	case Bool:
		if f := fieldOf(t, l, k); f != "" {
			return call + f + ")"
		}
		return pick(t, []string{"present(", "missing("}) + call + pick(t, []string{fieldOf(t, l, Text), timeOf(t, l)}) + "))"
	default:
		if f := fieldOf(t, l, k); f != "" {
			return call + f + ") " + relationSign(t) + " " + numberOf(t, nil, 1)
		}
		return call + fieldOf(t, l, Text) + ") contains " + quote(pick(t, texts[1:]))
	}
}

func aboutList(t *rapid.T) string {
	l := pick(t, Collections())
	source := l.Name
	for range rapid.IntRange(0, 1).Draw(t, "filters") {
		source = "filter(" + source + ", " + condition(t, l, rapid.IntRange(0, 1).Draw(t, "depth")) + ")"
	}
	where := condition(t, l, rapid.IntRange(0, 1).Draw(t, "depth"))
	switch rapid.IntRange(0, 12).Draw(t, "list") {
	case 9, 10, 11:
		if l.sorted != "" {
			return aboutChosen(t, l, pick(t, []string{"first(", "last("})+source+", ")
		}
	case 12:
		return "distinct(" + source + ", " + fieldOf(t, l, pick(t, []Kind{Text, Text, Text, Instant, Whole, Money})) + ") " + relationSign(t) + " " + fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "k"))
	case 0, 1:
		return pick(t, []string{"any(", "none(", "all("}) + source + ", " + where + ")"
	case 2, 3:
		return "count(" + source + ", " + where + ") " + relationSign(t) + " " + fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "k"))
	case 4:
		return "count(" + source + ") " + relationSign(t) + " " + numberOf(t, nil, 1)
	case 5:
		return pick(t, []string{"min(", "max("}) + source + ", " + timeOf(t, l) + ") " + relationSign(t) + " " + instantOf(t, nil)
	case 6:
		return pick(t, []string{"present(", "missing("}) + pick(t, []string{"min(", "max(", "avg("}) + source + ", " + numberOf(t, l, 1) + "))"
	}
	return pick(t, []string{"sum(", "avg(", "min(", "max("}) + source + ", " + numberOf(t, l, 1) + ") " + relationSign(t) + " " + numberOf(t, nil, 1)
}
