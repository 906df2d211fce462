package ingest

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"enishi"
)

// Bounds of what one event may hold: beyond them it is no event but a mistake.
const (
	maxLines      = 1000
	maxProperties = 200
	maxNameBytes  = 100
	maxURLBytes   = 2000 // longer URLs, titles and the like are cut
)

// checkPayloads checks every payload that is there, and that the one of the type is.
func (p *Parser) checkPayloads(e *enishi.Event, r *rule) *Refusal {
	if refusal := checkNeeded(e, r); refusal != nil {
		return refusal
	}
	var refusal *Refusal
	try := func(name string, present bool, check func() *Refusal) {
		if present && refusal == nil {
			if refusal = check(); refusal != nil {
				refusal.at(name)
			}
		}
	}
	try("person", e.Person != nil, func() *Refusal { return checkNames(e.Person.Traits, "traits") })
	try("context", e.Context != nil, func() *Refusal { return checkContext(e) })
	try("order", e.Order != nil, func() *Refusal { return p.checkOrder(e.Order) })
	try("shipment", e.Shipment != nil, func() *Refusal { return checkShipment(e.Shipment) })
	try("return", e.Return != nil, func() *Refusal { return checkReturn(e.Return) })
	try("web", e.Web != nil, func() *Refusal { return p.checkWeb(e.Web, r) })
	try("store", e.Store != nil, func() *Refusal { return checkStore(e.Store) })
	try("contact", e.Contact != nil, func() *Refusal { return ids("contact_id", e.Contact.ContactID, "order_id?", e.Contact.OrderID) })
	for i := range e.Consent {
		try("consent["+strconv.Itoa(i)+"]", true, func() *Refusal { return checkConsent(&e.Consent[i]) })
	}
	try("survey", e.Survey != nil, func() *Refusal { return checkSurvey(e.Survey) })
	try("review", e.Review != nil, func() *Refusal { return checkReview(e.Review) })
	try("referral", e.Referral != nil, func() *Refusal { return ids("code", e.Referral.Code, "order_id?", e.Referral.OrderID) })
	try("coupon", e.Coupon != nil, func() *Refusal { return checkCoupon(e.Coupon) })
	try("points", e.Points != nil, func() *Refusal { return checkPoints(e.Points, e.Type) })
	try("subscription", e.Subscription != nil, func() *Refusal { return p.checkSubscription(e.Subscription) })
	try("risk", e.Risk != nil, func() *Refusal { return ids("flag", e.Risk.Flag, "order_id?", e.Risk.OrderID) })
	try("list", e.List != nil, func() *Refusal { return ids("list", e.List.List) })
	try("hold", e.Hold != nil, func() *Refusal { return checkHold(e.Hold) })
	try("note", e.Note != nil, func() *Refusal { return checkNote(e.Note, e.Type) })
	if refusal == nil {
		refusal = checkNames(e.Properties, "properties")
	}
	return refusal
}

// checkNeeded checks that the payload of the type is there.
func checkNeeded(e *enishi.Event, r *rule) *Refusal {
	present := true
	switch r.info.Payload {
	case "order":
		present = e.Order != nil
	case "shipment":
		present = e.Shipment != nil
	case "return":
		present = e.Return != nil
	case "web":
		present = e.Web != nil
	case "store":
		present = e.Store != nil
	case "contact":
		present = e.Contact != nil
	case "consent":
		present = len(e.Consent) > 0
	case "survey":
		present = e.Survey != nil
	case "review":
		present = e.Review != nil
	case "referral":
		present = e.Referral != nil
	case "coupon":
		present = e.Coupon != nil
	case "points":
		present = e.Points != nil
	case "subscription":
		present = e.Subscription != nil
	case "risk":
		present = e.Risk != nil
	case "list":
		present = e.List != nil
	case "hold":
		present = e.Hold != nil
	case "note":
		present = e.Note != nil
	}
	if !present {
		return missing(r.info.Payload)
	}
	if r.product && e.Web.Product == nil {
		return missing("web.product")
	}
	return nil
}

// checkText checks an optional text of the size of an id.
func checkText(s, field string) *Refusal {
	if len(s) > MaxIDBytes {
		return refusef(CodeValue, field, "has %d bytes, the limit is %d", "%d バイトあります（上限は %d バイト）", len(s), MaxIDBytes)
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			return refuse(CodeValue, field, "contains a control character", "制御文字が含まれています")
		}
	}
	return nil
}

// ids checks pairs of name and value; a name that ends in "?" is optional.
func ids(pairs ...string) *Refusal {
	for i := 0; i < len(pairs); i += 2 {
		name, value := pairs[i], pairs[i+1]
		name, optional := strings.CutSuffix(name, "?")
		if value == "" {
			if optional {
				continue
			}
			return missing(name)
		}
		if refusal := checkText(value, name); refusal != nil {
			return refusal
		}
		trimmed := strings.TrimSpace(value)
		if trimmed == "" || !optional && isReserved(trimmed) {
			return reserved(value).at(name)
		}
	}
	return nil
}

// notNegative checks pairs of name and amount.
type namedAmount struct {
	name  string
	value enishi.Amount
}

func notNegative(amounts ...namedAmount) *Refusal {
	for _, a := range amounts {
		if a.value < 0 {
			return refuse(CodeValue, a.name, "is negative: write amounts without a sign, the type of the event says the direction",
				"負の値です。金額は符号なしで送ってください（増減はイベントの種類で表します）")
		}
	}
	return nil
}

// instant refuses times that no table can hold.
func instant(name string, t *time.Time) *Refusal {
	if t.IsZero() {
		return nil
	}
	if y := t.Year(); y < 1970 || y > 2200 {
		return refusef(CodeValue, name, "%d is no year for this", "%d 年は使えません", y)
	}
	*t = t.UTC().Truncate(time.Millisecond)
	return nil
}

func first(refusals ...*Refusal) *Refusal {
	for _, r := range refusals {
		if r != nil {
			return r
		}
	}
	return nil
}

func checkNames(values map[string]enishi.Value, field string) *Refusal {
	if len(values) > maxProperties {
		return refusef(CodeValue, field, "has %d entries, the limit is %d", "%d 項目あります（上限は %d）", len(values), maxProperties)
	}
	for name := range values {
		if name == "" || len(name) > maxNameBytes || strings.IndexFunc(name, unicode.IsControl) >= 0 {
			return refusef(CodeValue, field, "%q is no name: 1 to %d bytes without control characters", "%q は項目名に使えません（制御文字を含まない 1〜%d バイト）", clip(name), maxNameBytes)
		}
	}
	return nil
}

// checkContext bounds what browsers send; the reports group by these and profiles keep some of them.
func checkContext(e *enishi.Event) *Refusal {
	c := *e.Context
	for _, s := range []*string{&c.UTMSource, &c.UTMMedium, &c.UTMCampaign, &c.UTMContent, &c.UTMTerm, &c.Referrer, &c.URL, &c.Path, &c.Title, &c.UserAgent, &c.ClickIDs} {
		*s = cut(*s)
	}
	e.Context = &c
	return first(checkText(c.Locale, "locale"), checkText(c.SessionID, "session_id"))
}

func cut(s string) string {
	if len(s) <= maxURLBytes {
		return s
	}
	n := maxURLBytes
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func (p *Parser) checkCurrency(c *string) *Refusal {
	if *c == "" {
		*c = p.cfg.Currency
		return nil
	}
	if len(*c) != 3 {
		return refuse(CodeValue, "currency", "is no currency: use the three letters of ISO 4217, such as JPY", "通貨は JPY のような ISO 4217 の 3 文字で指定してください")
	}
	for i := range 3 {
		if b := (*c)[i] | 0x20; b < 'a' || b > 'z' {
			return refuse(CodeValue, "currency", "is no currency: use the three letters of ISO 4217, such as JPY", "通貨は JPY のような ISO 4217 の 3 文字で指定してください")
		}
	}
	if upper := strings.ToUpper(*c); upper != *c {
		*c = upper
	}
	return nil
}

func checkLines(lines []enishi.Line) *Refusal {
	if len(lines) > maxLines {
		return refusef(CodeValue, "lines", "has %d entries, the limit is %d", "%d 行あります（上限は %d 行）", len(lines), maxLines)
	}
	for i := range lines {
		l := &lines[i]
		refusal := ids("product_id", l.ProductID, "sku?", l.SKU, "jan?", l.JAN)
		switch {
		case refusal != nil:
		case l.Quantity < 0:
			refusal = refuse(CodeValue, "quantity", "is negative", "数量が負の値です")
		case l.TaxRate < 0 || l.TaxRate > 100:
			refusal = refuse(CodeValue, "tax_rate", "is a percentage from 0 to 100", "税率は 0〜100（％）で指定してください")
		default:
			refusal = notNegative(namedAmount{"price", l.Price}, namedAmount{"discount", l.Discount})
		}
		if refusal != nil {
			return refusal.at("lines[" + strconv.Itoa(i) + "]")
		}
		if l.Quantity == 0 {
			l.Quantity = 1
		}
	}
	return nil
}

func (p *Parser) checkOrder(o *enishi.Order) *Refusal {
	// A payment or cancellation that tells no sums leaves the order's currency as it is.
	var currency *Refusal
	if o.Currency != "" || len(o.Lines) > 0 || o.Total != 0 || o.Subtotal != 0 {
		currency = p.checkCurrency(&o.Currency)
	}
	refusal := first(
		ids("order_id", o.OrderID, "coupon?", o.Coupon, "store_id?", o.StoreID, "staff_id?", o.StaffID, "subscription_id?", o.SubscriptionID,
			"marketplace?", o.Marketplace, "order_number?", o.Number, "cart_id?", o.CartID, "payment_method?", o.PaymentMethod),
		oneOf("fulfilment_type", o.Fulfilment, "", "ship", "bopis", "curbside", "locker", "konbini_pickup", "store", "digital"),
		currency,
		checkLines(o.Lines),
		notNegative(namedAmount{"subtotal", o.Subtotal}, namedAmount{"discount", o.Discount}, namedAmount{"coupon_amount", o.CouponAmount},
			namedAmount{"points_used", o.PointsUsed}, namedAmount{"shipping_fee", o.ShippingFee}, namedAmount{"cod_fee", o.CODFee},
			namedAmount{"total", o.Total}, namedAmount{"refunded", o.Refunded}),
		instant("payment_due_at", &o.PaymentDueAt), instant("placed_at", &o.PlacedAt))
	if refusal != nil {
		return refusal
	}
	for i := range o.Taxes {
		if t := &o.Taxes[i]; t.Rate < 0 || t.Rate > 100 || t.Amount < 0 {
			return refuse(CodeValue, "taxes["+strconv.Itoa(i)+"]", "needs a rate from 0 to 100 and an amount without a sign", "税率は 0〜100、税額は符号なしで指定してください")
		}
	}
	return nil
}

// oneOf checks a value against the closed list of its field.
func oneOf(name, value string, allowed ...string) *Refusal {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	list := strings.Join(allowed, ", ")
	list = strings.TrimPrefix(list, ", ")
	return refusef(CodeValue, name, "%q is none of %s", "%q は使えません。次のいずれかにしてください: %s", clip(value), list)
}

func checkShipment(s *enishi.Shipment) *Refusal {
	if s.Number < 0 || s.Of < 0 || s.Of > 0 && s.Number > s.Of {
		return refuse(CodeValue, "number", "is the parcel's number of the order's parcels: 1 to of", "小口番号は 1 から総数（of）までの値にしてください")
	}
	if len(s.Lines) > maxLines {
		return refusef(CodeValue, "lines", "has %d entries, the limit is %d", "%d 行あります（上限は %d 行）", len(s.Lines), maxLines)
	}
	for i := range s.Lines {
		l := &s.Lines[i]
		refusal := ids("product_id", l.ProductID)
		if refusal == nil && l.Quantity < 0 {
			refusal = refuse(CodeValue, "quantity", "is negative", "数量が負の値です")
		}
		if refusal != nil {
			return refusal.at("lines[" + strconv.Itoa(i) + "]")
		}
		if l.Quantity == 0 {
			l.Quantity = 1
		}
	}
	return first(ids("shipment_id", s.ShipmentID, "order_id", s.OrderID, "carrier?", s.Carrier, "tracking?", s.Tracking, "store_id?", s.StoreID),
		instant("estimated_delivery_at", &s.EstimatedAt), instant("hold_until", &s.HoldUntil))
}

func checkReturn(r *enishi.Return) *Refusal {
	return first(ids("return_id", r.ReturnID, "order_id", r.OrderID, "store_id?", r.StoreID), checkLines(r.Lines), notNegative(namedAmount{"amount", r.Amount}))
}

func (p *Parser) checkWeb(w *enishi.Web, r *rule) *Refusal {
	w.URL, w.Query = cut(w.URL), cut(w.Query)
	if w.Product != nil {
		q := w.Product
		refusal := first(ids("product_id", q.ProductID, "sku?", q.SKU), notNegative(namedAmount{"price", q.Price}))
		if refusal == nil && q.Quantity < 0 {
			refusal = refuse(CodeValue, "quantity", "is negative", "数量が負の値です")
		}
		if refusal == nil && (q.Currency != "" || q.Price != 0) {
			refusal = p.checkCurrency(&q.Currency)
		}
		if refusal != nil {
			return refusal.at("product")
		}
		q.URL, q.ImageURL = cut(q.URL), cut(q.ImageURL)
	}
	if w.Results < 0 || w.Step < 0 {
		return refuse(CodeValue, "", "results and step are not negative", "results と step は 0 以上にしてください")
	}
	refusal := first(ids("list_id?", w.ListID, "cart_id?", w.CartID, "checkout_id?", w.CheckoutID, "form?", w.Form), checkLines(w.Lines),
		notNegative(namedAmount{"value", w.Value}, namedAmount{"target_price", w.TargetPrice}))
	if refusal == nil && (w.Currency != "" || w.Value != 0 || len(w.Lines) > 0) {
		refusal = p.checkCurrency(&w.Currency)
	}
	return refusal
}

func checkStore(s *enishi.StoreVisit) *Refusal {
	refusal := ids("store_id", s.StoreID, "register?", s.Register, "receipt?", s.Receipt, "staff_id?", s.StaffID, "event_id?", s.EventID)
	if refusal != nil {
		return refusal
	}
	if s.BusinessDate != "" {
		if _, err := time.Parse(time.DateOnly, s.BusinessDate); err != nil {
			return refusef(CodeValue, "business_date", "%q is no date: write 2026-01-31", "%q は日付として読めません。2026-01-31 の形で送ってください", clip(s.BusinessDate))
		}
	}
	return nil
}

// topicPattern is that of the setting "topics".
var topicPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

func checkConsent(c *enishi.ConsentChange) *Refusal {
	if c.Purpose == "" {
		c.Purpose = "marketing"
	}
	purpose, topic, hasTopic := strings.Cut(c.Purpose, ":")
	if hasTopic && (purpose != "marketing" || !topicPattern.MatchString(topic)) {
		return refuse(CodeValue, "purpose", "a topic is written as marketing:TOPIC with small letters, digits and _", "配信テーマは marketing:テーマID（英小文字・数字・_）の形で送ってください")
	}
	return first(oneOf("channel", c.Channel, "email", "line", "sms", "push", "postal", "social", "ads"),
		oneOf("purpose", purpose, "marketing", "transactional"), oneOf("state", c.State, "in", "out", "asked"),
		checkText(c.Method, "method"), checkText(c.IP, "ip"), checkText(c.Actor, "actor"))
}

func checkSurvey(s *enishi.Survey) *Refusal {
	if len(s.Answers) > maxProperties {
		return refusef(CodeValue, "answers", "has %d entries, the limit is %d", "%d 件あります（上限は %d）", len(s.Answers), maxProperties)
	}
	if s.Score < -1000 || s.Score > 1000 {
		return refuse(CodeValue, "score", "is a number from -1000 to 1000", "点数は -1000〜1000 で指定してください")
	}
	return first(ids("survey_id", s.SurveyID, "order_id?", s.OrderID), oneOf("kind", s.Kind, "", "nps", "csat", "quiz", "other"))
}

func checkReview(r *enishi.Review) *Refusal {
	if r.Rating < 0 || r.Rating > 5 {
		return refuse(CodeValue, "rating", "is a number from 1 to 5", "評価は 1〜5 で指定してください")
	}
	return ids("review_id", r.ReviewID, "order_id?", r.OrderID, "product_id?", r.ProductID)
}

func checkCoupon(c *enishi.Coupon) *Refusal {
	return first(ids("code", c.Code, "campaign?", c.Campaign, "order_id?", c.OrderID), notNegative(namedAmount{"amount", c.Amount}), instant("expires_at", &c.ExpiresAt))
}

func checkPoints(q *enishi.Points, typ string) *Refusal {
	if q.Amount < 0 && typ != "points.adjusted" {
		return refuse(CodeValue, "amount", "is negative: only points.adjusted has a sign", "負の値です。符号を付けられるのは points.adjusted だけです")
	}
	return first(ids("order_id?", q.OrderID), instant("expires_at", &q.ExpiresAt))
}

func (p *Parser) checkSubscription(s *enishi.Subscription) *Refusal {
	if s.Quantity < 0 || s.CycleDays < 0 || s.CycleDays > 3660 || s.Deliveries < 0 {
		return refuse(CodeValue, "", "quantity and deliveries are not negative, cycle_days is at most 3660", "quantity と deliveries は 0 以上、cycle_days は 0〜3660 にしてください")
	}
	var currency *Refusal
	if s.Currency != "" || s.Amount != 0 {
		currency = p.checkCurrency(&s.Currency)
	}
	return first(ids("subscription_id", s.SubscriptionID, "product_id?", s.ProductID), currency, notNegative(namedAmount{"amount", s.Amount}),
		instant("next_at", &s.NextAt), instant("started_at", &s.StartedAt))
}

func checkHold(h *enishi.Hold) *Refusal {
	return first(ids("reason", h.Reason), checkText(h.Actor, "actor"), instant("until", &h.Until))
}

// maxNote is how many bytes a note may have.
const maxNote = 10_000

func checkNote(n *enishi.Note, typ string) *Refusal {
	if r := first(ids("note_id", n.NoteID), checkText(n.Actor, "actor"), checkText(n.Reason, "reason")); r != nil {
		return r
	}
	switch {
	case typ == "note.written" && strings.TrimSpace(n.Text) == "":
		return missing("text")
	case len(n.Text) > maxNote:
		return refusef(CodeValue, "text", "has %d bytes, the limit is %d", "%d バイトあります（上限は %d バイト）", len(n.Text), maxNote)
	}
	return nil
}

// checkCustomName refuses names that nobody could write in a segment's expression or a URL.
func checkCustomName(name string) *Refusal {
	rest, ok := strings.CutPrefix(name, "custom.")
	if !ok {
		return nil
	}
	for _, r := range rest {
		if r != '_' && r != '-' && r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			return refusef(CodeUnknown, "type", "%q is no name of an event: use letters, digits, _ - and .", "%q はイベント名に使えません（文字・数字・_・-・. のみ）", clip(name))
		}
	}
	return nil
}
