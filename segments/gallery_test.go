package segments

import (
	"fmt"
	"testing"
	"time"

	"enishi"
	"enishi/profiles"
)

// happened is something that a person of the gallery did, so many days before the clock of the made people.
type happened struct {
	days  int
	typ   string
	fill  func(e *enishi.Event)
	times int // 1 unless said
}

// of folds what happened into a person.
func of(what []happened) *profiles.View {
	p := profiles.New(enishi.NewID("identifier", "customer", "a"))
	n := 0
	for _, h := range what {
		for range max(h.times, 1) {
			n++
			e := &enishi.Event{ID: enishi.NewID("gallery", fmt.Sprint(n)), Type: h.typ, At: made.AddDate(0, 0, -h.days).Add(time.Duration(n) * time.Second), Source: "shop", Channel: "web", Person: &enishi.Person{CustomerID: "a"}}
			if h.fill != nil {
				h.fill(e)
			}
			if e.Order != nil && e.Order.OrderID == "" {
				e.Order.OrderID = fmt.Sprint("o", n)
			}
			for _, x := range profiles.Identifiers(nil, e.Person) {
				e.Links = append(e.Links, enishi.NewID("identifier", x.Kind.String(), x.Raw))
			}
			e.Subject = e.Links[0]
			p.Apply(e, e.At)
		}
	}
	return p.View()
}

// TestGalleryFinds: each template finds the person that its words describe, and not one beside it.
func TestGalleryFinds(t *testing.T) {
	t.Parallel()
	order := func(days, yen int, change ...func(*enishi.Event)) happened {
		return happened{days: days, typ: "order.placed", fill: func(e *enishi.Event) {
			total := enishi.Amount(yen) * enishi.Unit
			e.Order = &enishi.Order{Currency: "JPY", Subtotal: total, Total: total, Lines: []enishi.Line{{ProductID: "p", Quantity: 1, Price: total}}}
			for _, c := range change {
				c(e)
			}
		}}
	}
	in := func(channel string) func(*enishi.Event) { return func(e *enishi.Event) { e.Channel = channel } }
	coupon := func(e *enishi.Event) { e.Order.CouponAmount = 500 * enishi.Unit }
	gift := func(e *enishi.Event) { e.Order.ShipTo = &enishi.Address{IsGift: true} }
	view := func(days, times int) happened {
		return happened{days: days, times: times, typ: "product.viewed", fill: func(e *enishi.Event) { e.Web = &enishi.Web{Product: &enishi.Product{ProductID: "p"}} }}
	}
	cart := func(days int) happened {
		return happened{days: days, typ: "cart.updated", fill: func(e *enishi.Event) { e.Web = &enishi.Web{CartID: "c"} }}
	}
	consent := func(channel, state string) happened {
		return happened{days: 9, typ: "consent.changed", fill: func(e *enishi.Event) {
			e.Consent = []enishi.ConsentChange{{Channel: channel, Purpose: "marketing", State: state}}
		}}
	}
	mail := happened{days: 9, typ: "person.identified", fill: func(e *enishi.Event) { e.Person.Email = "a@a.example" }}
	friend := happened{days: 9, typ: "line.followed", fill: func(e *enishi.Event) { e.Person.LineUserID = "La" }}
	sent := happened{days: 5, typ: "message.sent", fill: func(e *enishi.Event) {
		e.Result = &enishi.MessageResult{SendID: enishi.NewID("send", "a"), Channel: "email"}
	}}
	born := func(day string) happened {
		return happened{days: 9, typ: "person.identified", fill: func(e *enishi.Event) {
			e.Person.Traits = map[string]enishi.Value{"birthday": enishi.TextValue(day)}
		}}
	}
	found := map[string][2][]happened{ // who is in, who is not
		"at-risk":                  {{order(200, 1000), order(100, 1000)}, {order(200, 1000), order(30, 1000)}},
		"birthday":                 {{born("1990-11-25")}, {born("1990-12-25")}},
		"cart-left":                {{cart(2)}, {cart(2), order(1, 1000)}},
		"churned":                  {{order(400, 1000)}, {order(300, 1000)}},
		"discount-hunter":          {{order(40, 1000, coupon), order(20, 1000, coupon)}, {order(40, 1000, coupon), order(20, 1000)}},
		"first-time-buyer":         {{order(40, 1000)}, {order(20, 1000)}},
		"frequent-visitor":         {{view(3, 10)}, {view(3, 9)}},
		"gift-giver":               {{order(100, 1000, gift)}, {order(100, 1000)}},
		"high-value":               {{order(40, 15000), order(20, 5000)}, {order(40, 15000), order(20, 4000)}},
		"lapsed-90-days":           {{order(100, 1000)}, {order(80, 1000)}},
		"lapsed-visitor":           {{view(40, 1)}, {view(40, 1), view(10, 1)}},
		"line-friend-without-mail": {{friend, consent("line", "in")}, {friend, consent("line", "in"), mail, consent("email", "in")}},
		"loyal":                    {{order(300, 1), order(200, 1), order(100, 1), order(50, 1)}, {order(300, 1), order(200, 1), order(100, 1), order(95, 1)}},
		"mail-reachable":           {{mail, consent("email", "in")}, {mail, consent("email", "out")}},
		"never-mailed":             {{mail, consent("email", "in")}, {mail, consent("email", "in"), sent}},
		"new-customer":             {{order(20, 1000)}, {order(40, 1000)}},
		"recent-buyer":             {{order(200, 1000), order(20, 1000)}, {order(200, 1000), order(40, 1000)}},
		"repeat-customer":          {{order(40, 1000), order(20, 1000)}, {order(40, 1000)}},
		"store-only":               {{order(40, 1000, in("store"))}, {order(40, 1000, in("store")), order(20, 1000, in("web"))}},
		"viewed-not-bought":        {{view(3, 2)}, {view(3, 2), order(2, 1000)}},
		"vip":                      {{order(40, 50000), order(30, 40000), order(20, 10000)}, {order(40, 50000), order(20, 60000)}},
	}
	all, err := Gallery()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		who, ok := found[g.Name]
		if !ok || g.Body.Title.JA == "" || g.Body.Title.EN == "" || g.Body.Description.JA == "" || g.Body.Description.EN == "" {
			t.Errorf("%s: nobody to try it with, or words are missing: %+v", g.Name, g.Body)
			continue
		}
		s := compiled(t, g.Body.Expression)
		if !s.Match(of(who[0]), made) {
			t.Errorf("%s does not find whom it describes", g.Name)
		}
		if s.Match(of(who[1]), made) || s.Match(of(nil), made) {
			t.Errorf("%s finds others too", g.Name)
		}
		delete(found, g.Name)
	}
	if len(found) > 0 {
		t.Errorf("there is no template for %v", found)
	}
}
