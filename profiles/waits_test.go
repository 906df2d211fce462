package profiles

import (
	"testing"
	"time"

	"enishi"
)

// TestWaits: a change of a product concerns who asked, has it in the cart, remembered it or looked at it lately, and has not bought it since;
// it is nothing that they did.
func TestWaits(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	product := func(id, price string) *enishi.Web {
		a, _ := enishi.ParseAmount(price)
		return &enishi.Web{Product: &enishi.Product{ProductID: id, Price: a}}
	}
	target := product("p1", "3000")
	target.TargetPrice = 2500 * enishi.Unit
	cart := &enishi.Web{Lines: []enishi.Line{{ProductID: "p1", Quantity: 1}}}
	order := &enishi.Order{OrderID: "o1", Total: 10, Lines: []enishi.Line{{ProductID: "p1"}}}
	for _, c := range []struct {
		name   string
		before []enishi.Event
		change string
		price  string
		why    string
	}{
		{"nobody", nil, "product.back_in_stock", "3000", ""},
		{"asked for its return", []enishi.Event{{Type: "stock_alert.requested", Web: product("p1", "3000")}}, "product.back_in_stock", "3000", "asked"},
		{"of another product", []enishi.Event{{Type: "stock_alert.requested", Web: product("p2", "3000")}}, "product.back_in_stock", "3000", ""},
		{"asked for its return, not its price", []enishi.Event{{Type: "stock_alert.requested", Web: product("p1", "3000")}}, "product.price_dropped", "100", ""},
		{"waits for a price", []enishi.Event{{Type: "price_alert.requested", Web: target}}, "product.price_dropped", "2500", "asked"},
		{"waits for a lower one", []enishi.Event{{Type: "price_alert.requested", Web: target}}, "product.price_dropped", "2501", ""},
		{"whole cart", []enishi.Event{{Type: "cart.updated", Web: cart}}, "product.low_stock", "3000", "cart"},
		{"emptied cart", []enishi.Event{{Type: "cart.updated", Web: cart}, {Type: "cart.updated", Web: &enishi.Web{CartID: "c"}}}, "product.low_stock", "3000", ""},
		{"wish", []enishi.Event{{Type: "wishlist.added", Web: product("p1", "1")}}, "product.low_stock", "3000", "wishlist"},
		{"wish taken back", []enishi.Event{{Type: "wishlist.added", Web: product("p1", "1")}, {Type: "wishlist.removed", Web: product("p1", "1")}}, "product.low_stock", "3000", ""},
		{"look", []enishi.Event{{Type: "product.viewed", Web: product("p1", "1")}}, "product.low_stock", "3000", "viewed"},
		{"bought since", []enishi.Event{{Type: "wishlist.added", Web: product("p1", "1")}, {Type: "order.placed", Order: order}}, "product.low_stock", "3000", ""},
		{"bought before", []enishi.Event{{Type: "order.placed", Order: order}, {Type: "wishlist.added", Web: product("p1", "1")}}, "product.low_stock", "3000", "wishlist"},
	} {
		p := New(enishi.NewID(c.name))
		for i := range c.before {
			e := c.before[i]
			e.ID, e.At = enishi.NewID(c.name, e.Type, string(rune(i))), begin.Add(time.Duration(i)*time.Hour)
			p.Apply(&e, e.At)
		}
		seen, visits := p.View().LastSeenAt, len(p.View().Visits)
		at := begin.AddDate(0, 0, 13)
		e := enishi.Event{Type: c.change, ID: enishi.NewID("change", c.name), At: at, Web: product("p1", c.price), Properties: map[string]enishi.Value{"viewed_days": enishi.NumberValue(14)}}
		_, fresh := p.Apply(&e, at)
		if fresh != (c.why != "") || e.Properties[ReasonProperty].String() != c.why {
			t.Errorf("%s: folded %v because of %q, want %q", c.name, fresh, e.Properties[ReasonProperty].String(), c.why)
		}
		if _, again := p.Apply(&e, at); again {
			t.Errorf("%s: it counts twice", c.name)
		}
		if !p.View().LastSeenAt.Equal(seen) || len(p.View().Visits) != visits {
			t.Errorf("%s: a change of a product looks like a visit", c.name)
		}
		late := e
		late.ID, late.At = enishi.NewID("late", c.name), begin.AddDate(0, 0, 16)
		if _, fresh := p.Apply(&late, late.At); fresh && c.why == "viewed" {
			t.Error("a look counts after its days")
		}
	}
}
