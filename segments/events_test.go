package segments

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"enishi"
	"enishi/profiles"
)

// drawEvent makes an event of the person who at the partition time now, perhaps late. Keys come from small pools, so that
// events meet.
func drawEvent(t *rapid.T, n int, who string, now time.Time) *enishi.Event {
	types := []string{"order.placed", "order.placed", "order.paid", "order.cancelled", "order.refunded", "order.updated", "shipment.shipped", "shipment.delivered", "shipment.delayed",
		"return.requested", "return.received", "product.viewed", "product.viewed", "page.viewed", "cart.updated", "cart.item_added", "wishlist.added", "search.performed", "store.visited", "contact.opened", "contact.solved",
		"consent.changed", "survey.answered", "review.written", "points.earned", "points.redeemed", "points.adjusted", "subscription.started", "subscription.renewed", "subscription.paused", "subscription.cancelled", "subscription.payment_failed", "risk.flagged", "list.added", "list.removed", "hold.placed", "hold.released", "line.followed", "line.unfollowed",
		"message.sent", "message.clicked", "message.bounced", "message.complained", "person.identified", "user.signed_up", "person.identified", "social.story_mentioned", "social.opted_in", "social.opted_out"}
	e := &enishi.Event{ID: enishi.NewID("test", who, fmt.Sprint(n)), Type: pick(t, types), At: now, Source: "shop", Channel: pick(t, []string{"web", "store"})}
	if rapid.IntRange(0, 3).Draw(t, "late") == 0 {
		e.At = now.Add(-time.Duration(rapid.IntRange(0, 200*24*60).Draw(t, "late by")) * time.Minute)
	}
	e.Person = &enishi.Person{CustomerID: who}
	if rapid.IntRange(0, 3).Draw(t, "address") == 0 {
		e.Person.Email = pick(t, []string{who + "@a.example", who + "@b.example"})
		e.Person.LineUserID = pick(t, []string{"", "L" + who})
	}
	if strings.HasPrefix(e.Type, "social.") {
		e.Person.SocialID, e.Person.SocialPage = "S"+who, "page"
		e.Properties = map[string]enishi.Value{"account": enishi.TextValue(pick(t, []string{"a0", "a1"})), "token": enishi.TextValue(pick(t, []string{"", "t1"}))}
		if rapid.Bool().Draw(t, "expires") {
			e.Properties["expires_at"] = enishi.InstantValue(e.At.Add(span(pick(t, spans))))
		}
	}
	if e.Type == "person.identified" {
		e.Person.Traits = map[string]enishi.Value{pick(t, append(append(names, nameTraits...), "prefecture", "gender", "member_rank", "signed_up_at", "name")): drawValue(t)}
		if rapid.Bool().Draw(t, "moved") {
			e.Person.Traits["lat"], e.Person.Traits["lon"] = drawDegrees(t), drawDegrees(t)
		}
		if rapid.Bool().Draw(t, "birthday") {
			e.Person.Traits["birthday"] = drawBirthday(t)
		}
		if rapid.IntRange(0, 3).Draw(t, "place") == 0 {
			e.Person.Traits["prefecture"] = enishi.TextValue(pick(t, []string{"東京都", "大阪府", "北海道", "東京", "nowhere"}))
			e.Person.Traits["city"] = enishi.TextValue(pick(t, []string{"", "千代田区"}))
		}
	}
	for _, x := range profiles.Identifiers(nil, e.Person) {
		e.Links = append(e.Links, enishi.NewID("identifier", x.Kind.String(), x.Raw))
	}
	e.Subject = e.Links[len(e.Links)-1-rapid.IntRange(0, len(e.Links)-1).Draw(t, "subject")]
	payload(t, e)
	return e
}

func payload(t *rapid.T, e *enishi.Event) {
	order := func() string { return pick(t, []string{"o1", "o2", "o3", "o4"}) }
	info, _ := enishi.LookupType(e.Type)
	switch info.Payload {
	case "order":
		e.Order = &enishi.Order{OrderID: order(), Version: int64(rapid.IntRange(0, 3).Draw(t, "version")), Subtotal: drawYen(t), Total: drawYen(t), Coupon: pick(t, texts),
			PaymentMethod: pick(t, []string{"", "card"}), StoreID: pick(t, texts), Automatic: rapid.Bool().Draw(t, "automatic"), Currency: pick(t, []string{"", "USD"}),
			Lines: []enishi.Line{{ProductID: "p", Quantity: rapid.IntRange(0, 3).Draw(t, "quantity"), Price: drawYen(t)}}, Refunded: drawYen(t)}
		for range rapid.IntRange(0, 2).Draw(t, "more lines") {
			e.Order.Lines = append(e.Order.Lines, enishi.Line{ProductID: pick(t, texts), Category: pick(t, texts), Brand: pick(t, texts), Variant: pick(t, []string{"", "M", "黒 / L"}), Price: drawYen(t), Discount: drawYen(t)})
		}
		switch rapid.IntRange(0, 3).Draw(t, "ship to") {
		case 0:
			e.Order.ShipTo = &enishi.Address{IsGift: true}
		case 1:
			e.Order.ShipTo = &enishi.Address{PostalCode: "1000001", Prefecture: "東京都", City: "千代田区", Address1: "千代田1-1", IsGift: rapid.Bool().Draw(t, "gift")}
		}
	case "shipment":
		e.Shipment = &enishi.Shipment{OrderID: order(), ShipmentID: pick(t, []string{"s1", "s2"}), Of: rapid.IntRange(0, 2).Draw(t, "of"), Carrier: pick(t, texts), EstimatedAt: e.At.Add(48 * time.Hour)}
	case "return":
		e.Return = &enishi.Return{ReturnID: pick(t, []string{"r1", "r2"}), OrderID: order(), Amount: drawYen(t), Reason: pick(t, texts)}
	case "web":
		e.Web = &enishi.Web{Product: &enishi.Product{ProductID: pick(t, texts), Category: pick(t, texts), Brand: pick(t, texts)}, Query: pick(t, texts), CartID: "c1", Value: drawYen(t)}
	case "store":
		e.Store = &enishi.StoreVisit{StoreID: pick(t, texts)}
	case "contact":
		e.Contact = &enishi.Contact{ContactID: pick(t, []string{"c1", "c2"}), Channel: pick(t, texts), Topic: pick(t, texts), Complaint: rapid.Bool().Draw(t, "complaint")}
	case "consent":
		e.Consent = []enishi.ConsentChange{{Channel: pick(t, Channels()), State: pick(t, []string{"in", "out"})}}
	case "survey":
		e.Survey = &enishi.Survey{SurveyID: "s", Kind: "nps", Score: rapid.IntRange(0, 10).Draw(t, "score")}
	case "review":
		e.Review = &enishi.Review{ReviewID: pick(t, []string{"r1", "r2"}), OrderID: order(), Rating: rapid.IntRange(1, 5).Draw(t, "rating")}
	case "points":
		e.Points = &enishi.Points{Amount: int64(rapid.IntRange(1, 10).Draw(t, "points")), Reason: pick(t, texts), OrderID: order(), ExpiresAt: e.At.Add(span(pick(t, spans)))}
	case "subscription":
		e.Subscription = &enishi.Subscription{SubscriptionID: pick(t, []string{"c1", "c2"}), ProductID: pick(t, texts), CycleDays: 30, Amount: drawYen(t), NextAt: e.At.Add(span(pick(t, spans))),
			Deliveries: rapid.IntRange(0, 5).Draw(t, "deliveries")}
	case "list":
		e.List = &enishi.ListChange{List: pick(t, []string{"fair", "staff"})}
	case "risk":
		e.Risk = &enishi.Risk{Flag: "reseller", Set: rapid.Bool().Draw(t, "set")}
	case "hold":
		e.Hold = &enishi.Hold{Reason: pick(t, []string{"complaint", "mourning"})}
		if rapid.Bool().Draw(t, "ends") {
			e.Hold.Until = e.At.Add(span(pick(t, spans)))
		}
	case "message":
		e.Result = &enishi.MessageResult{SendID: enishi.NewID("send", pick(t, []string{"a", "b"})), Channel: "email", Reason: pick(t, []string{"", "hard"}), Journey: pick(t, texts)}
	}
}

func drawYen(t *rapid.T) enishi.Amount {
	return enishi.Amount(pick(t, []int{0, 1, 999, 4999, 5000, 5001, 30000})) * enishi.Unit
}

// values are all values of the language for a person, as one comparable text per field.
func values(v *profiles.View) map[*Field]string {
	out := map[*Field]string{}
	for _, f := range language().scalars {
		switch {
		case f.text != nil:
			out[f] = f.text(v, 0)
		case f.whole != nil:
			out[f] = fmt.Sprint(f.whole(v, 0))
		case f.Kind == Texts:
			out[f] = fmt.Sprint(f.texts(v))
		}
	}
	return out
}

func listValues(v *profiles.View) map[*Collection]string {
	out := map[*Collection]string{}
	for _, l := range language().lists {
		text := ""
		for i := range l.length(v) {
			for _, f := range l.Fields {
				if f.text != nil {
					text += f.text(v, i) + "|"
				} else {
					text += fmt.Sprint(f.whole(v, i)) + "|"
				}
			}
		}
		out[l] = text
	}
	return out
}
