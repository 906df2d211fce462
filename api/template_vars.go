package api

import (
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
)

// sampleVariables are the variables of a preview: a person's newest order, parcel and cart where there are any, and made-up
// ones where not, so that every part of a template shows. Names and forms are those of package journeys.
func (a *API) sampleVariables(v *profiles.View, lang string) map[string]any {
	s := sampler{lang, a.zone(), a.now()}
	family, given := "縁山", "花子"
	if lang == "en" {
		family, given = "Enyama", "Hanako"
	}
	c := s.customer(family, given, "", 120)
	c["family_name_kana"], c["given_name_kana"], c["full_name_kana"] = "エニヤマ", "ハナコ", "エニヤマ ハナコ"
	c["points_expiring"], c["points_expire_on"] = 50, s.date(s.now.AddDate(0, 1, 0))
	if v != nil {
		c = s.person(v)
	}
	order, parcel, cart := s.samples()
	if v != nil {
		if n := len(v.Orders); n > 0 {
			order = &v.Orders[n-1]
		}
		if n := len(v.Shipments); n > 0 {
			parcel = &v.Shipments[n-1]
		}
		if v.Cart != nil {
			cart = v.Cart
		}
	}
	product := enishi.Line{Name: "商品", Quantity: 1}
	if len(cart.Lines) > 0 {
		product = cart.Lines[0]
	}
	links := map[string]any{"cart": "https://shop.example/cart", "tracking": "https://shop.example/tracking"}
	for name, url := range a.setLinks() {
		links[name] = strings.NewReplacer("{order_id}", order.OrderID, "{cart_id}", cart.CartID, "{product_id}", product.ProductID).Replace(url)
	}
	if cart.URL != "" {
		links["cart"] = cart.URL
	}
	return map[string]any{
		"no_emoji": v != nil && slices.ContainsFunc(v.Profile.Memberships, func(m profiles.Membership) bool { return slices.Contains(a.noEmoji(), m.Segment) }),
		"language": lang, "customer": c, "coupon": s.coupon(), "order": s.order(order), "shipment": s.shipment(parcel), "cart": s.cart(cart),
		"product": s.line(&product, order.Currency), "links": links, "keys": map[string]any{"order_id": order.OrderID, "cart_id": cart.CartID},
		"store": map[string]any{"store_id": a.storeName(order.StoreID)},
	}
}

// noEmoji are the segments whose members get no emoji.
func (a *API) noEmoji() []string {
	var settings struct {
		NoEmoji []string `json:"no_emoji"`
	}
	a.setting("journeys", &settings)
	return settings.NoEmoji
}

// setLinks are the links of the settings, by name, with {order_id} and the like where a message's own stand.
func (a *API) setLinks() map[string]string {
	var settings struct {
		Links map[string]string `json:"links"`
	}
	a.setting("journeys", &settings)
	return settings.Links
}

type sampler struct {
	lang string
	zone *time.Location
	now  time.Time
}

// samples are an order, a parcel and a cart of nobody.
func (s sampler) samples() (*profiles.OrderView, *profiles.ShipmentView, *profiles.CartState) {
	name := "うるおい化粧水 しっとり 150mL"
	if s.lang == "en" {
		name = "Moisture lotion 150 mL"
	}
	lines := []enishi.Line{{ProductID: "SAMPLE-1", Name: name, Quantity: 1, Price: 3300 * enishi.Unit}, {ProductID: "SAMPLE-2", Name: name, Quantity: 2, Price: 2750 * enishi.Unit}}
	total := 8800 * enishi.Unit
	order := &profiles.OrderView{Order: &enishi.Order{OrderID: "SAMPLE-1001", Currency: "JPY", Lines: lines, Subtotal: total, Total: total, PaymentMethod: "card"}, PlacedAt: s.now.AddDate(0, 0, -6), Valid: true}
	parcel := &profiles.ShipmentView{Shipment: &enishi.Shipment{ShipmentID: "SAMPLE-1001-1", OrderID: "SAMPLE-1001", Number: 1, Of: 1, Carrier: "yamato", Tracking: "0000-0000-0000", EstimatedAt: s.now.AddDate(0, 0, 1)}}
	cart := &profiles.CartState{CartID: "SAMPLE-CART", At: s.now, Lines: lines, Value: total, Currency: "JPY", URL: "https://shop.example/cart"}
	return order, parcel, cart
}

// person is the customer of a real one; what is not known is absent.
func (s sampler) person(v *profiles.View) map[string]any {
	family, given, familyKana, givenKana := v.Name()
	c := s.customer(family, given, v.Traits["member_rank"].String(), v.Points)
	for name, kana := range map[string]string{"family_name_kana": familyKana, "given_name_kana": givenKana, "full_name_kana": fullName(familyKana, givenKana)} {
		if kana != "" {
			c[name] = kana
		}
	}
	if points, at := v.ExpiringPoints(s.now); points > 0 {
		c["points_expiring"], c["points_expire_on"] = points, s.date(at)
	}
	return c
}

// coupon is made up: whose journey begins by a coupon is not known before.
func (s sampler) coupon() map[string]any {
	return map[string]any{"code": "SAMPLE500", "campaign": "sample", "amount": "¥500", "amount_value": "500", "expires_on": s.date(s.now.AddDate(0, 1, 0))}
}

func (s sampler) customer(family, given, rank string, points int64) map[string]any {
	full := fullName(family, given)
	salutation := full + " 様"
	if s.lang == "en" {
		full = fullName(given, family)
		salutation = full
	}
	if full == "" {
		salutation = Text{"お客様", "Customer"}.in(s.lang)
	}
	return map[string]any{"family_name": family, "given_name": given, "full_name": full, "salutation": salutation, "member_rank": rank, "points": points}
}

func (s sampler) date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(s.zone)
	if s.lang == "en" {
		return t.Format("Mon, 2 Jan 2006")
	}
	return t.Format("2006年1月2日") + "(" + string([]rune("日月火水木金土")[t.Weekday()]) + ")"
}

func (s sampler) line(l *enishi.Line, currency string) map[string]any {
	name := l.Name
	if name == "" {
		name = l.ProductID
	}
	return map[string]any{"product_id": l.ProductID, "name": name, "variant": l.Variant, "brand": l.Brand, "quantity": max(l.Quantity, 1),
		"price": moneyText(l.Price, currency), "price_value": l.Price.String(), "image_url": "", "url": "https://shop.example/"}
}

func (s sampler) lines(list []enishi.Line, currency string) (out []any, items int) {
	for i := range list {
		items += max(list[i].Quantity, 1)
		if i < 20 {
			out = append(out, s.line(&list[i], currency))
		}
	}
	return out, items
}

func (s sampler) order(o *profiles.OrderView) map[string]any {
	lines, items := s.lines(o.Lines, o.Currency)
	out := map[string]any{"order_id": o.OrderID, "placed_at": s.date(o.PlacedAt), "placed_at_raw": o.PlacedAt.UTC().Format(time.RFC3339), "items": items,
		"payment_method": o.PaymentMethod, "is_gift": o.ShipTo != nil && o.ShipTo.IsGift, "parcels": 1, "parcels_delivered": 1, "lines": lines, "more_lines": len(o.Lines) - len(lines)}
	for name, m := range map[string]enishi.Amount{"total": o.Total, "subtotal": o.Subtotal, "discount": o.Discount, "coupon_amount": o.CouponAmount, "points_used": o.PointsUsed, "shipping_fee": o.ShippingFee, "cod_fee": o.CODFee} {
		if m != 0 {
			out[name] = moneyText(m, o.Currency)
		}
	}
	out["total_value"], out["subtotal_value"] = o.Total.String(), o.Subtotal.String()
	return out
}

func (s sampler) shipment(x *profiles.ShipmentView) map[string]any {
	return map[string]any{"shipment_id": x.ShipmentID, "number": max(x.Number, 1), "of": max(x.Of, 1), "partial": x.Of > 1, "carrier": x.Carrier,
		"carrier_name": word("carrier", x.Carrier).in(s.lang), "tracking": x.Tracking, "tracking_url": "https://shop.example/tracking", "estimated_on": s.date(x.EstimatedAt)}
}

func (s sampler) cart(c *profiles.CartState) map[string]any {
	lines, items := s.lines(c.Lines, c.Currency)
	return map[string]any{"cart_id": c.CartID, "value": moneyText(c.Value, c.Currency), "value_value": c.Value.String(), "items": items, "lines": lines,
		"more_lines": len(c.Lines) - len(lines), "url": c.URL, "updated_at_raw": c.At.UTC().Format(time.RFC3339)}
}
