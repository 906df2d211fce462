package api

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/journeys"
)

// teller puts events into words.
type teller struct {
	titles *titles
	now    time.Time
	zone   *time.Location
}

func (a *API) teller() *teller { return &teller{a.titles, a.now(), a.zone()} }

// kindOf is the family by which a timeline chooses its picture.
func kindOf(typ string) string {
	family, name, _ := strings.Cut(typ, ".")
	if family == "list" && name != "viewed" {
		return "profile"
	}
	switch family {
	case "page", "screen", "product", "list", "search", "cart", "checkout", "wishlist", "price_alert", "stock_alert", "app":
		return "web"
	case "order", "return", "coupon", "points", "subscription":
		return "order"
	case "shipment", "store", "contact", "message", "segment", "journey", "consent":
		return family
	case "webhook":
		return "journey"
	case "hold":
		return "consent"
	case "line", "sms", "social", "postal":
		return "message"
	case "note":
		return "note"
	case "person", "user", "risk":
		return "profile"
	}
	return "other"
}

// summary is one line about an event.
func (t *teller) summary(e *enishi.Event) Text {
	switch {
	case e.Return != nil:
		return joined(number("注文番号", "order", e.Return.OrderID), t.lines(e.Return.Lines), plain(e.Return.Reason))
	case e.Order != nil:
		return t.order(e)
	case e.Shipment != nil:
		return t.shipment(e.Shipment)
	case e.Web != nil:
		return t.web(e)
	case e.Store != nil:
		return joined(plain(e.Store.EventName))
	case e.Contact != nil:
		return joined(word("channel", e.Contact.Channel), plain(e.Contact.Topic), number("注文番号", "order", e.Contact.OrderID))
	case e.Note != nil:
		return joined(plain(cmp.Or(e.Note.Text, e.Note.Reason)), plain(e.Note.Actor))
	case e.Result != nil:
		return t.result(e.Result)
	case len(e.Consent) > 0 && strings.HasPrefix(e.Type, "consent."):
		return t.consents(e.Consent)
	}
	return t.other(e)
}

// number names a number that a shop gave.
func number(ja, en, value string) Text {
	if value == "" {
		return Text{}
	}
	return Text{ja + " " + value, en + " " + value}
}

func (t *teller) order(e *enishi.Event) Text {
	o := e.Order
	parts := []Text{number("注文番号", "order", o.OrderID), t.lines(o.Lines)}
	if o.Automatic {
		parts = append(parts, Text{"定期", "subscription"})
	}
	if o.ShipTo != nil && o.ShipTo.IsGift {
		parts = append(parts, Text{"ギフト", "gift"})
	}
	if o.PaymentMethod != "" {
		parts = append(parts, word("payment", o.PaymentMethod))
	}
	if e.Type == "order.payment_pending" && !o.PaymentDueAt.IsZero() {
		d := dayText(o.PaymentDueAt, t.now, t.zone)
		parts = append(parts, Text{"支払期限 " + d.JA, "due " + d.EN})
	}
	return joined(parts...)
}

// lines names the first product and how many more there are.
func (t *teller) lines(lines []enishi.Line) Text {
	if len(lines) == 0 {
		return Text{}
	}
	name := lines[0].Name
	if name == "" {
		n := 0
		for i := range lines {
			n += max(lines[i].Quantity, 1)
		}
		return Text{fmt.Sprintf("%d 点", n), fmt.Sprintf("%d items", n)}
	}
	if more := len(lines) - 1; more > 0 {
		return Text{fmt.Sprintf("%s ほか %d 点", name, more), fmt.Sprintf("%s and %d more", name, more)}
	}
	return plain(name)
}

func (t *teller) shipment(s *enishi.Shipment) Text {
	var parts []Text
	if s.Carrier != "" {
		c := word("carrier", s.Carrier)
		parts = append(parts, Text{strings.TrimSpace(c.JA + " " + s.Tracking), strings.TrimSpace(c.EN + " " + s.Tracking)})
	}
	if s.Of > 1 {
		parts = append(parts, Text{fmt.Sprintf("%d 個口の %d 個目", s.Of, max(s.Number, 1)), fmt.Sprintf("parcel %d of %d", max(s.Number, 1), s.Of)})
	}
	parts = append(parts, number("注文番号", "order", s.OrderID))
	if !s.EstimatedAt.IsZero() {
		d := dayText(s.EstimatedAt, t.now, t.zone)
		parts = append(parts, Text{"お届け予定 " + d.JA, "expected " + d.EN})
	}
	return joined(parts...)
}

func (t *teller) web(e *enishi.Event) Text {
	w := e.Web
	switch {
	case w.Query != "":
		return joined(Text{"「" + w.Query + "」", "“" + w.Query + "”"}, Text{fmt.Sprintf("%d 件", w.Results), fmt.Sprintf("%d hits", w.Results)})
	case w.Product != nil && w.Product.Name != "":
		return plain(w.Product.Name)
	case len(w.Lines) > 0:
		return t.lines(w.Lines)
	case w.Category != "":
		return plain(w.Category)
	case w.Form != "":
		return plain(w.Form)
	case w.Step > 0:
		return Text{fmt.Sprintf("%d 番目の画面", w.Step), fmt.Sprintf("step %d", w.Step)}
	}
	return t.page(e.Context)
}

func (t *teller) page(c *enishi.Context) Text {
	switch {
	case c == nil:
		return Text{}
	case c.Title != "":
		return plain(c.Title)
	}
	return plain(c.Path)
}

func (t *teller) result(m *enishi.MessageResult) Text {
	parts := []Text{}
	if m.Channel != "" {
		parts = append(parts, word("channel", m.Channel))
	}
	if m.Journey != "" {
		parts = append(parts, t.titles.journey(m.Journey))
	}
	if m.Reason != "" {
		parts = append(parts, reasonText(m.Reason))
	}
	if !m.Until.IsZero() {
		at := timeText(m.Until, t.now, t.zone)
		parts = append(parts, Text{at.JA + " まで", "until " + at.EN})
	}
	return joined(append(parts, plain(m.URL))...)
}

// reasonText is a reason such as "quota" or "consent:out" in words.
func reasonText(reason string) Text {
	head, rest, more := strings.Cut(reason, ":")
	if head == "cancel" && more {
		return reasonText(rest)
	}
	if _, known := words["reason."+rest]; more && known {
		return word("reason", rest)
	}
	return word("reason", head)
}

func (t *teller) consents(list []enishi.ConsentChange) Text {
	var parts []Text
	for i := range list {
		c := &list[i]
		purpose := c.Purpose
		if purpose == "" {
			purpose = "marketing"
		}
		ch, p, s := word("channel", c.Channel), word("purpose", purpose), word("consent", c.State)
		parts = append(parts, Text{ch.JA + "（" + p.JA + "）: " + s.JA, ch.EN + " (" + p.EN + "): " + s.EN})
	}
	return joined(parts...)
}

func (t *teller) other(e *enishi.Event) Text {
	switch {
	case e.Points != nil:
		sign := "+"
		if e.Type == "points.redeemed" || e.Type == "points.expired" || e.Points.Amount < 0 {
			sign = "-"
		}
		n := strconv.FormatInt(max(e.Points.Amount, -e.Points.Amount), 10)
		return joined(Text{sign + n + " ポイント", sign + n + " points"}, plain(e.Points.Reason))
	case e.Subscription != nil:
		c := e.Subscription
		next := Text{}
		if !c.NextAt.IsZero() {
			d := dayText(c.NextAt, t.now, t.zone)
			next = Text{"次回 " + d.JA, "next " + d.EN}
		}
		return joined(plain(cmp.Or(c.Name, c.SubscriptionID)), next, whyText(c.Reason))
	case e.Review != nil:
		stars := ""
		if e.Review.Rating > 0 {
			stars = "★" + strconv.Itoa(e.Review.Rating)
		}
		return joined(plain(stars), plain(e.Review.Title))
	case e.Survey != nil:
		return joined(word("survey", e.Survey.Kind), number("点数", "score", scoreText(e.Survey.Score)))
	case e.Coupon != nil:
		return joined(number("クーポン", "coupon", e.Coupon.Code), plain(e.Coupon.Campaign))
	case e.Referral != nil:
		return number("紹介コード", "code", e.Referral.Code)
	case e.Risk != nil:
		r := word("risk", e.Risk.Flag)
		if !e.Risk.Set {
			return Text{r.JA + "を解除", r.EN + " removed"}
		}
		return r
	case e.List != nil:
		return joined(t.titles.of("list", e.List.List), plain(e.List.Reason))
	case e.Hold != nil:
		until := Text{}
		if !e.Hold.Until.IsZero() {
			d := dayText(e.Hold.Until, t.now, t.zone)
			until = Text{d.JA + " まで", "until " + d.EN}
		}
		return joined(plain(e.Hold.Reason), until)
	case strings.HasPrefix(e.Type, "custom.") && len(e.Properties) > 0:
		return t.properties(e.Properties)
	case strings.HasPrefix(e.Type, "person.") || strings.HasPrefix(e.Type, "user."):
		return t.identified(e.Person)
	}
	return t.page(e.Context)
}

func scoreText(score int) string {
	if score == 0 {
		return ""
	}
	return strconv.Itoa(score)
}

// properties shows the first few of a custom event; names and values are the shop's own words.
func (t *teller) properties(p map[string]enishi.Value) Text {
	var parts []Text
	for _, name := range sortedKeys(p) {
		if len(parts) == 3 {
			break
		}
		parts = append(parts, plain(name+": "+p[name].String()))
	}
	return joined(parts...)
}

// identified names the kinds of identifiers that came.
func (t *teller) identified(p *enishi.Person) Text {
	if p == nil {
		return Text{}
	}
	var parts []Text
	for _, x := range [...][2]string{{"customer", p.CustomerID}, {"pos_card", p.POSCard}, {"line", p.LineUserID}, {"email", p.Email}, {"phone", p.Phone}} {
		if x[1] != "" {
			parts = append(parts, word("identifier", x[0]))
		}
	}
	return joined(parts...)
}

// derived is one line about a row that the fold itself wrote.
func (t *teller) derived(typ, segment, journey, node, reason string) Text {
	switch typ {
	case enishi.TypeSegmentEntered, enishi.TypeSegmentLeft:
		return t.titles.segment(segment)
	case enishi.TypeJourneyStep:
		return joined(t.titles.journey(journey), t.titles.node(journey, node))
	case enishi.TypeJourneyExited:
		end, _, _ := strings.Cut(reason, ":")
		return joined(t.titles.journey(journey), word("run_end", end))
	case journeys.TypeMade:
		what, detail, _ := strings.Cut(reason, " ")
		if what == "set" {
			detail = "" // names of fields
		}
		return joined(t.titles.journey(journey), word("made", what), plain(detail))
	case "journey.refused":
		why, _, _ := strings.Cut(reason, ":")
		return joined(t.titles.journey(journey), word("refused", why))
	case enishi.TypeJourneyEntered:
		return t.titles.journey(journey)
	}
	return Text{}
}

// whyText is a reason of a shop system: a code that payment and subscription systems share in words, a text of theirs as it is.
func whyText(reason string) Text {
	if t, ok := words["why."+reason]; ok {
		return t
	}
	return plain(reason)
}
