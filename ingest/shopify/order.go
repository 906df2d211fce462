package shopify

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/internal/address"
)

// How an order comes.
type way uint8

const (
	created way = iota // orders/create: it was placed now
	changed            // any later webhook
	past               // the history: it changes facts only
	missed             // asked for, because a webhook may have been lost
)

// orderEvents are what an order tells: its contents, and each milestone by itself. The ids follow from the order, so telling the
// same again by another way counts once.
func (s *Shop) orderEvents(o *order, how way) []enishi.Event {
	person := s.buyer(o)
	contents := contentsOf(o)
	var out []enishi.Event
	add := func(typ, id string, at time.Time, content *enishi.Order) {
		out = append(out, enishi.Event{Type: typ, Message: s.id("order", string(o.ID), id), At: at, Historical: how == past, Channel: channelOf(o), Person: person,
			Order: content, Context: contextOf(o), Properties: properties(o)})
		if content.Lines == nil { // a bare milestone says nothing else
			out[len(out)-1].Properties, out[len(out)-1].Context = nil, nil
		}
	}
	bare := func() *enishi.Order { return &enishi.Order{OrderID: string(o.ID), Version: contents.Version} }
	version := strconv.FormatInt(contents.Version, 10)
	switch how {
	case created:
		add("order.placed", "placed", o.CreatedAt, contents)
	case past:
		add("order.placed", "placed:"+version, o.CreatedAt, contents)
	case missed:
		first := *contents
		add("order.placed", "placed", o.CreatedAt, &first)
		add("order.updated", "updated:"+version, o.UpdatedAt, contents)
	default:
		add("order.updated", "updated:"+version, o.UpdatedAt, contents)
	}
	settled := cmp.Or(o.ProcessedAt.UnixMilli(), o.CreatedAt.UnixMilli())
	switch o.FinancialStatus {
	case "paid", "partially_refunded", "refunded":
		add("order.paid", "paid", time.UnixMilli(settled).UTC(), bare())
	case "pending":
		add("order.payment_pending", "pending", o.CreatedAt, bare())
	}
	if !o.CancelledAt.IsZero() {
		x := bare()
		x.Reason = o.CancelReason
		add("order.cancelled", "cancelled", o.CancelledAt, x)
	}
	if sum, at := refunded(o); sum > 0 {
		x := bare()
		x.Refunded = sum
		add("order.refunded", "refunded:"+sum.String(), at, x)
	}
	for i := range o.Fulfilments {
		f := &o.Fulfilments[i]
		f.OrderID = o.ID
		out = append(out, s.shipmentEvents(f, person, how == past)...)
	}
	return out
}

// refunded is what was given back so far, and when the last time.
func refunded(o *order) (sum enishi.Amount, at time.Time) {
	for _, r := range o.Refunds {
		for _, t := range r.Transactions {
			if t.Kind == "refund" && (t.Status == "success" || t.Status == "") {
				sum += enishi.Amount(t.Amount)
			}
		}
		for _, when := range []time.Time{r.CreatedAt, r.ProcessedAt} {
			if when.After(at) {
				at = when
			}
		}
	}
	return sum, at
}

// contentsOf is the order as we write it. After a refund Shopify's current amounts are what is left, so the first ones count and
// the refund by itself; before one the current amounts are those after edits.
func contentsOf(o *order) *enishi.Order {
	current := len(o.Refunds) == 0
	x := &enishi.Order{OrderID: string(o.ID), Number: o.Name, Version: o.UpdatedAt.UnixMilli(), Currency: cmp.Or(o.Currency, "JPY"), Total: enishi.Amount(o.TotalPrice),
		PaymentMethod: payment(o.Gateways), CartID: o.CartToken, PlacedAt: o.CreatedAt, Automatic: o.SourceName == "subscription_contract",
		Marketplace: marketplace(o.SourceName), Fulfilment: fulfilmentType(o), ShipTo: shipTo(o)}
	if o.UpdatedAt.IsZero() {
		x.Version = o.CreatedAt.UnixMilli()
	}
	if current && o.CurrentTotalPrice != nil && *o.CurrentTotalPrice > 0 {
		x.Total = enishi.Amount(*o.CurrentTotalPrice)
	}
	if o.SourceName == "pos" {
		x.StoreID, x.StaffID = string(o.LocationID), string(o.UserID)
	}
	var lineDiscounts enishi.Amount
	for i := range o.Lines {
		l := lineOf(&o.Lines[i], o.TaxesIncluded, current)
		if l.Quantity == 0 {
			continue // edited away
		}
		x.Lines = append(x.Lines, l)
		x.Subtotal += l.Price*enishi.Amount(l.Quantity) - l.Discount
		lineDiscounts += l.Discount
	}
	for _, c := range o.Codes {
		x.CouponAmount += enishi.Amount(c.Amount)
		x.Coupon = cmp.Or(x.Coupon, c.Code)
	}
	x.Discount = max(0, enishi.Amount(o.TotalDiscounts)-x.CouponAmount-lineDiscounts)
	for _, sh := range o.Shipping {
		x.ShippingFee += enishi.Amount(sh.Price)
	}
	x.Refunded, _ = refunded(o) // contents with lines tell everything
	if !o.CancelledAt.IsZero() {
		x.Reason = o.CancelReason
	}
	for _, t := range o.Taxes {
		rate := percent(t.Rate)
		i := slices.IndexFunc(x.Taxes, func(y enishi.Tax) bool { return y.Rate == rate })
		if i < 0 {
			x.Taxes = append(x.Taxes, enishi.Tax{Rate: rate})
			i = len(x.Taxes) - 1
		}
		x.Taxes[i].Amount += enishi.Amount(t.Price)
	}
	return x
}

// percent is a share as whole percent.
func percent(rate float64) int {
	if !(rate >= 0 && rate <= 1) {
		return 0
	}
	return int(math.Round(rate * 100))
}

func lineOf(l *line, taxesIncluded, current bool) enishi.Line {
	x := enishi.Line{ProductID: cmp.Or(string(l.ProductID), string(l.VariantID), l.SKU, l.Title, "unknown"), SKU: l.SKU, Name: l.Title, Brand: l.Vendor, Variant: l.VariantTitle,
		Quantity: l.Quantity, Price: enishi.Amount(l.Price), Discount: enishi.Amount(l.LineDiscount)}
	if current && l.CurrentQuantity != nil {
		x.Quantity = *l.CurrentQuantity
	}
	var taxes enishi.Amount
	for _, t := range l.Taxes {
		x.TaxRate += percent(t.Rate)
		taxes += enishi.Amount(t.Price)
	}
	if !taxesIncluded && l.Quantity > 0 { // ours are with tax
		x.Price += taxes / enishi.Amount(l.Quantity)
	}
	return x
}

// buyer is who ordered. Where the parcel goes says nothing of that.
func (s *Shop) buyer(o *order) *enishi.Person {
	p := personOf(o.Customer)
	p.Email, p.Phone = cmp.Or(o.Email, p.Email), cmp.Or(o.Phone, p.Phone)
	p.AnonymousID = anonymous(o.Attributes)
	if p.AnonymousID == "" && o.CartToken != "" {
		p.AnonymousID = cartVisitor(o.CartToken)
	}
	return p
}

// anonymousNames are the cart attributes by which a storefront passes the visitor's id of our browser SDK.
var anonymousNames = []string{"enishi_anonymous_id", "_enishi_anonymous_id", "anonymous_id"}

func anonymous(attributes []attribute) string {
	for _, a := range attributes {
		if v, ok := a.Value.(string); ok && slices.Contains(anonymousNames, a.Name) {
			return v
		}
	}
	return ""
}

// cartVisitor is the visitor of whom only the cart is known: checkout and order name the same cart.
func cartVisitor(token string) string { return "cart:" + token }

func channelOf(o *order) string {
	switch {
	case o.SourceName == "pos":
		return "store"
	case marketplace(o.SourceName) != "":
		return "marketplace"
	case o.SourceName == "web" || o.SourceName == "":
		return "web"
	}
	return ""
}

// marketplace tells orders that a sales channel brought from elsewhere: their buyers are no customers to write to.
func marketplace(source string) string {
	low := strings.ToLower(source)
	for _, name := range []string{"rakuten", "amazon", "yahoo"} {
		if strings.Contains(low, name) {
			return name
		}
	}
	return ""
}

// payment finds our name of a way to pay among Shopify's, which are free text.
func payment(gateways []string) string {
	if len(gateways) == 0 {
		return ""
	}
	low := strings.ToLower(strings.Join(gateways, " "))
	for _, x := range []struct{ name, words string }{
		{"konbini", "konbini コンビニ convenience"}, {"cod", "cash_on_delivery cod) 代金引換 代引"}, {"bank_transfer", "bank 銀行"}, {"pay_later", "paidy 後払い atone np後払い"},
		{"paypay", "paypay"}, {"amazon_pay", "amazon"}, {"card", "shopify_payments stripe card カード gmo sbps komoju_credit"},
	} {
		for word := range strings.FieldsSeq(x.words) {
			if strings.Contains(low, word) {
				return x.name
			}
		}
	}
	return "other"
}

func fulfilmentType(o *order) string {
	for _, sh := range o.Shipping {
		if sh.Category == "pickup" || sh.Category == "pick-up" {
			return "bopis"
		}
	}
	switch {
	case o.ShipTo != nil:
		return "ship"
	case o.SourceName == "pos":
		return "store"
	case len(o.Lines) > 0 && !slices.ContainsFunc(o.Lines, func(l line) bool { return l.RequiresShipping == nil || *l.RequiresShipping }):
		return "digital"
	}
	return ""
}

// shipTo is where the parcel goes.
func shipTo(o *order) *enishi.Address {
	a := o.ShipTo
	if a == nil {
		return nil
	}
	x := &enishi.Address{Name: strings.TrimSpace(a.LastName + " " + a.FirstName), Phone: a.Phone, PostalCode: a.Zip, Prefecture: prefecture(a), City: a.City, Address1: a.Address1,
		Address2: a.Address2, Company: a.Company, Country: a.CountryCode}
	for _, t := range o.Attributes {
		if isGiftName(t.Name) {
			x.IsGift = truthy(t.Value)
		}
	}
	return x
}

func isGiftName(name string) bool {
	low := strings.ToLower(name)
	return slices.Contains([]string{"gift", "is_gift", "ギフト", "のし", "熨斗"}, low)
}

func truthy(v any) bool {
	switch strings.ToLower(strings.TrimSpace(fmt.Sprint(v))) {
	case "", "false", "0", "no", "いいえ", "なし", "<nil>":
		return false
	}
	return true
}

// prefecture is 東京都 of JP-13 or Tōkyō; abroad what stands there.
func prefecture(a *postal) string {
	if a.CountryCode != "" && a.CountryCode != "JP" {
		return a.Province
	}
	return cmp.Or(address.Prefecture(a.ProvinceCode), address.Prefecture(a.Province), a.Province)
}

// contextOf is where the buyer came from.
func contextOf(o *order) *enishi.Context {
	if o.LandingSite == "" && o.ReferringSite == "" {
		return nil
	}
	c := &enishi.Context{URL: o.LandingSite, Referrer: o.ReferringSite}
	if u, err := url.Parse(o.LandingSite); err == nil {
		q := u.Query()
		c.Path, c.UTMSource, c.UTMMedium, c.UTMCampaign, c.UTMContent, c.UTMTerm = u.Path, q.Get("utm_source"), q.Get("utm_medium"), q.Get("utm_campaign"), q.Get("utm_content"), q.Get("utm_term")
	}
	return c
}

// properties are what no field of ours has.
func properties(o *order) map[string]enishi.Value {
	out := map[string]enishi.Value{}
	for name, v := range o.rest {
		out[name] = v
	}
	text := func(name, v string) {
		if v != "" {
			out[name] = enishi.TextValue(v[:min(len(v), maxRestText)])
		}
	}
	text("source_name", o.SourceName)
	text("tags", o.Tags)
	for _, a := range o.Attributes {
		if len(out) < maxRest && a.Name != "" && len(a.Name) <= 80 && !slices.Contains(anonymousNames, a.Name) {
			text("note."+a.Name, fmt.Sprint(a.Value))
		}
	}
	return out
}
