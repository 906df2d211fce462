package profiles

import (
	"slices"
	"strings"
	"time"

	"enishi"
)

// ReasonProperty is the property in which Apply says why a change of a product concerns the person: asked, cart, wishlist or viewed.
const ReasonProperty = "reason"

// productChange reports whether an event tells of a change of a product, and not of something that the person did.
func productChange(family, name string) bool {
	return family == "product" && (name == "back_in_stock" || name == "price_dropped" || name == "low_stock")
}

// IsProductChange reports whether a type of event tells people of a change of a product.
func IsProductChange(typ string) bool {
	family, name, _ := strings.Cut(typ, ".")
	return productChange(family, name)
}

// concerned reports whether a change of a product concerns the person, and says why in the event.
func (f *folding) concerned(name string) bool {
	why := f.p.waits(f.e, name)
	if why == "" {
		return false
	}
	if f.e.Properties == nil {
		f.e.Properties = map[string]enishi.Value{}
	}
	f.e.Properties[ReasonProperty] = enishi.TextValue(why)
	return true
}

// waits says why a change of a product concerns the person: they asked to hear of it and have not bought it since, have it in the cart or on
// the wish list, or looked at it within the days that the event names; "" when it does not.
func (p *Profile) waits(e *enishi.Event, name string) string {
	if e.Web == nil || e.Web.Product == nil || e.Web.Product.ProductID == "" {
		return ""
	}
	id, view := e.Web.Product.ProductID, p.View()
	at := instant(e)
	var asked, cart, wish, viewed time.Time // when the person last did it
	for i := range view.Visits {
		v := &view.Visits[i]
		if v.ProductID != id || v.At.After(at) {
			continue
		}
		switch v.Type {
		case "stock_alert.requested":
			if name == "back_in_stock" {
				asked = v.At
			}
		case "price_alert.requested":
			// The visit's value is the price that they wait for; 0: any lower one.
			if name == "price_dropped" && (v.Value == 0 || e.Web.Product.Price <= v.Value) {
				asked = v.At
			}
		case "wishlist.added":
			wish = v.At
		case "wishlist.removed":
			wish = time.Time{}
		case "product.viewed":
			viewed = v.At
		}
	}
	if c := view.Cart; c != nil && slices.ContainsFunc(c.Lines, func(l enishi.Line) bool { return l.ProductID == id }) {
		cart = c.At
	}
	bought := p.bought(view, id)
	within := at.AddDate(0, 0, -int(e.Properties["viewed_days"].Number))
	switch {
	case asked.After(bought):
		return "asked"
	case cart.After(bought) && cart.After(at.Add(-VisitWindow)):
		return "cart"
	case wish.After(bought):
		return "wishlist"
	case viewed.After(bought) && viewed.After(within):
		return "viewed"
	}
	return ""
}

// bought is when the person last bought a product; zero: never.
func (p *Profile) bought(view *View, product string) time.Time {
	var last time.Time
	for i := range view.Orders {
		o := &view.Orders[i]
		if o.Valid && o.PlacedAt.After(last) && slices.ContainsFunc(o.Lines, func(l enishi.Line) bool { return l.ProductID == product }) {
			last = o.PlacedAt
		}
	}
	return last
}
