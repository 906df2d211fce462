package journeys

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/goccy/go-json"

	"enishi"
	"enishi/profiles"
)

// Bounds of a message's variables.
const (
	maxVariables = 16 << 10 // bytes of JSON
	maxLines     = 20       // lines of an order or cart; more_lines says how many there are besides
)

// variables is what templates may use, besides what the sender adds: see [Variables], whose words docs/templates.md has.
//
// An amount is text such as ¥12,345; NAME_value is its plain decimal. What is not known is absent.
type variables struct {
	Language   string                  `json:"language"`
	NoEmoji    bool                    `json:"no_emoji,omitempty"` // in a segment of Settings.NoEmoji
	Customer   customerVars            `json:"customer"`
	Order      *orderVars              `json:"order,omitempty"`
	Shipment   *shipmentVars           `json:"shipment,omitempty"`
	Cart       *cartVars               `json:"cart,omitempty"`
	Product    *lineVars               `json:"product,omitempty"`
	Coupon     *couponVars             `json:"coupon,omitempty"`
	Properties map[string]enishi.Value `json:"properties,omitempty"`
	Keys       map[string]string       `json:"keys,omitempty"`
	Store      *storeVars              `json:"store,omitempty"`
	Links      map[string]string       `json:"links,omitempty"`
	Run        map[string]answerVars   `json:"run,omitempty"`
	Person     *personVars             `json:"person,omitempty"` // of webhooks
}

type customerVars struct {
	FamilyName string `json:"family_name,omitempty"`
	GivenName  string `json:"given_name,omitempty"`
	FullName   string `json:"full_name,omitempty"`
	FamilyKana string `json:"family_name_kana,omitempty"`
	GivenKana  string `json:"given_name_kana,omitempty"`
	FullKana   string `json:"full_name_kana,omitempty"`
	Salutation string `json:"salutation"`
	MemberRank string `json:"member_rank,omitempty"`
	Points     int64  `json:"points"`
	Expiring   int64  `json:"points_expiring,omitempty"`
	ExpireOn   string `json:"points_expire_on,omitempty"`
}

type couponVars struct {
	Code        string `json:"code"`
	Campaign    string `json:"campaign,omitempty"`
	Amount      string `json:"amount,omitempty"`
	AmountValue string `json:"amount_value,omitempty"`
	ExpiresOn   string `json:"expires_on,omitempty"`
}

type orderVars struct {
	OrderID       string     `json:"order_id"`
	PlacedAt      string     `json:"placed_at,omitempty"`
	PlacedAtRaw   string     `json:"placed_at_raw,omitempty"`
	Total         string     `json:"total,omitempty"`
	TotalValue    string     `json:"total_value,omitempty"`
	Subtotal      string     `json:"subtotal,omitempty"`
	SubtotalValue string     `json:"subtotal_value,omitempty"`
	Discount      string     `json:"discount,omitempty"`
	CouponAmount  string     `json:"coupon_amount,omitempty"`
	PointsUsed    string     `json:"points_used,omitempty"`
	ShippingFee   string     `json:"shipping_fee,omitempty"`
	CODFee        string     `json:"cod_fee,omitempty"`
	Payment       string     `json:"payment_method,omitempty"`
	IsGift        bool       `json:"is_gift"`
	Items         int        `json:"items"`
	Parcels       int        `json:"parcels,omitempty"`
	Delivered     int        `json:"parcels_delivered,omitempty"`
	Lines         []lineVars `json:"lines,omitempty"`
	MoreLines     int        `json:"more_lines,omitempty"`
}

type lineVars struct {
	ProductID  string `json:"product_id,omitempty"`
	Name       string `json:"name"`
	Variant    string `json:"variant,omitempty"`
	Brand      string `json:"brand,omitempty"`
	Quantity   int    `json:"quantity,omitempty"`
	Price      string `json:"price,omitempty"`
	PriceValue string `json:"price_value,omitempty"`
	ImageURL   string `json:"image_url,omitempty"`
	URL        string `json:"url,omitempty"`

	// What the sender adds from its fold of the catalogue when the message leaves.
	Available     bool   `json:"available,omitempty"`
	Stock         int64  `json:"stock,omitempty"`
	PriceNow      string `json:"price_now,omitempty"`
	PriceNowValue string `json:"price_now_value,omitempty"`
}

type shipmentVars struct {
	ShipmentID  string `json:"shipment_id"`
	Number      int    `json:"number"`
	Of          int    `json:"of"`
	Partial     bool   `json:"partial"` // one of several
	Carrier     string `json:"carrier,omitempty"`
	CarrierName string `json:"carrier_name,omitempty"`
	Tracking    string `json:"tracking,omitempty"`
	TrackingURL string `json:"tracking_url,omitempty"`
	EstimatedOn string `json:"estimated_on,omitempty"`
}

type cartVars struct {
	CartID     string     `json:"cart_id"`
	Value      string     `json:"value,omitempty"`
	ValueRaw   string     `json:"value_value,omitempty"`
	Items      int        `json:"items"`
	Lines      []lineVars `json:"lines,omitempty"`
	MoreLines  int        `json:"more_lines,omitempty"`
	URL        string     `json:"url,omitempty"`
	UpdatedRaw string     `json:"updated_at_raw,omitempty"`
}

type storeVars struct {
	StoreID string `json:"store_id"`
}

// variables writes the JSON of a message, within its bound.
func (a *attempt) variables(language string) string {
	s := a.scope(nil)
	message := language
	language = a.style(language)
	v := &variables{Language: message, Customer: a.customer(language), Keys: a.keyVars(), Properties: a.k.Properties}
	v.NoEmoji = slices.ContainsFunc(a.set.NoEmoji, a.in)
	if o := s.order(); o.known {
		v.Order = a.order(o, language)
		if o.view.Order.StoreID != "" {
			v.Store = &storeVars{o.view.Order.StoreID}
		}
	}
	if x := s.shipment(); x != nil {
		v.Shipment = a.shipment(x, s.order(), language)
	}
	if c := s.cart(); c != nil {
		v.Cart = a.cartOf(c)
	}
	if p := a.k.Product; p != nil {
		v.Product = &lineVars{ProductID: p.ProductID, Name: p.Name, Variant: p.Variant, Brand: p.Brand, Quantity: p.Quantity,
			Price: enishi.Price(p.Price, p.Currency), PriceValue: raw(p.Price), ImageURL: p.ImageURL, URL: p.URL}
	}
	if c := a.k.Coupon; c != nil {
		v.Coupon = &couponVars{Code: c.Code, Campaign: c.Campaign, ExpiresOn: a.date(c.ExpiresAt, language)}
		if c.Amount != 0 {
			v.Coupon.Amount, v.Coupon.AmountValue = enishi.Price(c.Amount, ""), raw(c.Amount)
		}
	}
	v.Links = a.links(v)
	v.Run, v.Person = a.answers(), a.person()
	return v.encode()
}

// encode shortens the lists until the text is within the bound; what is left then without them is short by itself. The text
// is that of encoding/json, in half the time.
func (v *variables) encode() string {
	for {
		b, err := json.Marshal(v)
		if err == nil && len(b) <= maxVariables {
			return unsafe.String(unsafe.SliceData(b), len(b)) // nobody else has b
		}
		shorter := false
		if v.Order != nil && len(v.Order.Lines) > 0 {
			v.Order.Lines, v.Order.MoreLines, shorter = halve(v.Order.Lines, v.Order.MoreLines)
		}
		if v.Cart != nil && len(v.Cart.Lines) > 0 {
			v.Cart.Lines, v.Cart.MoreLines, shorter = halve(v.Cart.Lines, v.Cart.MoreLines)
		}
		if !shorter {
			return `{"language":"` + v.Language + `","no_emoji":` + strconv.FormatBool(v.NoEmoji) + `,"customer":{"salutation":"` + salutation("", v.Language) + `","points":0}}`
		}
	}
}

func halve(lines []lineVars, more int) ([]lineVars, int, bool) {
	n := len(lines) / 2
	return lines[:n], more + len(lines) - n, true
}

func (a *attempt) keyVars() map[string]string {
	out := map[string]string{}
	for _, x := range a.k.Keys {
		out[x.Name] = x.Text
	}
	if a.j.key.name != "" {
		out[a.j.key.name] = a.r.Key
	}
	return out
}

func (a *attempt) customer(language string) customerVars {
	v := a.p.View()
	family, given, familyKana, givenKana := v.Name()
	c := customerVars{FamilyName: family, GivenName: given, FamilyKana: familyKana, GivenKana: givenKana, FullKana: strings.TrimSpace(familyKana + " " + givenKana), MemberRank: v.Traits["member_rank"].String(), Points: v.Points}
	if language == "ja" {
		c.FullName = strings.TrimSpace(family + " " + given)
	} else {
		c.FullName = strings.TrimSpace(given + " " + family)
	}
	c.Salutation = salutation(c.FullName, language)
	if points, at := v.ExpiringPoints(a.now); points > 0 {
		c.Expiring, c.ExpireOn = points, a.date(at, language)
	}
	return c
}

// salutation is how a message begins: a name with 様, or お客様.
func salutation(name, language string) string {
	switch {
	case language == "ja" && name == "":
		return "お客様"
	case language == "ja":
		return name + " 様"
	case name == "":
		return "Customer"
	}
	return name
}

func (a *attempt) order(o *orderState, language string) *orderVars {
	x := o.view.Order
	money := func(m enishi.Amount) string {
		if m == 0 {
			return ""
		}
		return enishi.Price(m, x.Currency)
	}
	v := &orderVars{OrderID: x.OrderID, PlacedAt: a.date(o.view.PlacedAt, language), PlacedAtRaw: instantText(o.view.PlacedAt),
		Total: money(x.Total), TotalValue: raw(x.Total), Subtotal: money(x.Subtotal), SubtotalValue: raw(x.Subtotal), Discount: money(x.Discount),
		CouponAmount: money(x.CouponAmount), PointsUsed: money(x.PointsUsed), ShippingFee: money(x.ShippingFee), CODFee: money(x.CODFee),
		Payment: x.PaymentMethod, IsGift: x.ShipTo != nil && x.ShipTo.IsGift, Items: items(x.Lines), Parcels: o.parcels, Delivered: o.delivered}
	v.Lines, v.MoreLines = lineList(x.Lines, x.Currency)
	return v
}

func lineList(lines []enishi.Line, currency string) ([]lineVars, int) {
	n := min(len(lines), maxLines)
	out := make([]lineVars, n)
	for i := range n {
		l := &lines[i]
		out[i] = lineVars{ProductID: l.ProductID, Name: cmp.Or(l.Name, l.ProductID), Variant: l.Variant, Brand: l.Brand, Quantity: max(l.Quantity, 1),
			Price: enishi.Price(l.Price, currency), PriceValue: raw(l.Price)}
	}
	return out, len(lines) - n
}

func (a *attempt) cartOf(c *profiles.CartState) *cartVars {
	v := &cartVars{CartID: c.CartID, Value: enishi.Price(c.Value, c.Currency), ValueRaw: raw(c.Value), Items: items(c.Lines), URL: c.URL, UpdatedRaw: instantText(c.At)}
	if c.Value == 0 {
		v.Value = ""
	}
	v.Lines, v.MoreLines = lineList(c.Lines, c.Currency)
	return v
}

func (a *attempt) shipment(x *profiles.ShipmentView, o *orderState, language string) *shipmentVars {
	v := &shipmentVars{ShipmentID: x.ShipmentID, Number: max(x.Number, 1), Of: max(x.Of, o.parcels, 1), Carrier: x.Carrier,
		CarrierName: carrierName(x.Carrier, language), Tracking: x.Tracking, TrackingURL: trackingURL(x.Carrier, x.Tracking),
		EstimatedOn: a.date(x.EstimatedAt, language)}
	v.Partial = v.Of > 1
	return v
}

// date is a day in the shop's zone as people write it.
func (a *attempt) date(t time.Time, language string) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(a.set.zone)
	if language == "ja" {
		return t.Format("2006年1月2日") + "(" + string([]rune("日月火水木金土")[t.Weekday()]) + ")"
	}
	return t.Format("Mon, 2 Jan 2006")
}

// carrierNames are the carriers of Japan as customers know them.
var carrierNames = map[string][2]string{
	"yamato": {"ヤマト運輸", "Yamato Transport"}, "sagawa": {"佐川急便", "Sagawa Express"}, "japanpost": {"日本郵便", "Japan Post"},
	"seino": {"西濃運輸", "Seino Transportation"}, "fukuyama": {"福山通運", "Fukuyama Transporting"},
}

func carrierName(carrier, language string) string {
	names, ok := carrierNames[carrier]
	switch {
	case !ok:
		return carrier
	case language == "ja":
		return names[0]
	}
	return names[1]
}

// trackingURL is the carrier's public page for a number; "" when the carrier or the number is not known.
func trackingURL(carrier, number string) string {
	if number == "" {
		return ""
	}
	n := url.QueryEscape(strings.ReplaceAll(number, "-", ""))
	switch carrier {
	case "yamato":
		return "https://member.kms.kuronekoyamato.co.jp/parcel/detail?pno=" + n
	case "sagawa":
		return "https://k2k.sagawa-exp.co.jp/p/web/okurijosearch.do?okurijoNo=" + n
	case "japanpost":
		return "https://trackings.post.japanpost.jp/services/srv/search/direct?reqCodeNo1=" + n
	}
	return ""
}

// links fills the settings' links in and adds those that the facts give.
func (a *attempt) links(v *variables) map[string]string {
	out := make(map[string]string, len(a.set.Links)+2)
	for name, link := range a.set.Links {
		out[name] = fillLink(link, v)
	}
	if v.Cart != nil && v.Cart.URL != "" {
		out["cart"] = v.Cart.URL
	}
	if v.Shipment != nil && v.Shipment.TrackingURL != "" {
		out["tracking"] = v.Shipment.TrackingURL
	}
	return out
}

// fillLink puts a message's keys where a link has {NAME}; {product_id} is that of the order's first line if no key is. Other
// names stand as they are.
func fillLink(link string, v *variables) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(link, '{')
		size := strings.IndexByte(link[open+1:], '}')
		if open < 0 || size < 0 {
			break
		}
		name, rest := link[open+1:open+1+size], link[open+size+2:]
		value, known := v.Keys[name]
		if name == "product_id" && value == "" && v.Order != nil && len(v.Order.Lines) > 0 {
			value, known = v.Order.Lines[0].ProductID, true
		}
		if !known { // a name may begin inside of what looked like one
			b.WriteString(link[:open+1])
			link = link[open+1:]
			continue
		}
		b.WriteString(link[:open])
		b.WriteString(url.QueryEscape(value))
		link = rest
	}
	if b.Len() == 0 {
		return link
	}
	b.WriteString(link)
	return b.String()
}

// raw is an amount as plain decimal.
func raw(m enishi.Amount) string { return m.String() }
