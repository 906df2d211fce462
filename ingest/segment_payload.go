package ingest

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-json"

	"enishi"
)

// readProperties goes through a call's properties; what take does not want becomes a property of the event.
func readProperties(e *enishi.Event, raw []byte, take func(k string, x *reader) bool) *Refusal {
	if raw == nil {
		return nil
	}
	x := &reader{s: raw}
	if !x.object("properties") {
		return x.err
	}
	for first := true; ; {
		k, ok := x.key(&first)
		if !ok {
			return x.err
		}
		if take != nil && take(k, x) {
			continue
		}
		if v := x.value(); v.Kind != enishi.Null {
			setProperty(e, k, v)
		}
	}
}

// readPayload makes the payload of a known type out of a call's properties.
func readPayload(e *enishi.Event, r *rule, raw []byte) *Refusal {
	switch r.info.Payload {
	case "order":
		return readOrder(e, raw)
	case "web":
		return readWeb(e, r, raw)
	case "shipment":
		e.Shipment = &enishi.Shipment{}
		return readNamed(e, raw, e.Shipment, nil)
	case "return":
		e.Return = &enishi.Return{}
		return readNamed(e, raw, e.Return, map[string]string{"products": "lines"})
	case "store":
		e.Store = &enishi.StoreVisit{}
		return readStore(e, raw)
	case "contact":
		e.Contact = &enishi.Contact{}
		return readNamed(e, raw, e.Contact, nil)
	case "consent":
		var c enishi.ConsentChange
		refusal := readNamed(e, raw, &c, nil)
		e.Consent = append(e.Consent, c)
		return refusal
	case "survey":
		e.Survey = &enishi.Survey{}
		return readNamed(e, raw, e.Survey, nil)
	case "review":
		e.Review = &enishi.Review{}
		return readNamed(e, raw, e.Review, map[string]string{"review_body": "text"})
	case "referral":
		e.Referral = &enishi.Referral{}
		refusal := readNamed(e, raw, e.Referral, map[string]string{"referral_code": "code"})
		e.Referral.Code = orElse(e.Referral.Code, "share") // Cart Shared and Product Shared have no code
		return refusal
	case "coupon":
		e.Coupon = &enishi.Coupon{}
		return readNamed(e, raw, e.Coupon, map[string]string{"coupon_id": "code", "coupon": "code", "discount": "amount"})
	case "points":
		e.Points = &enishi.Points{}
		return readNamed(e, raw, e.Points, map[string]string{"points": "amount"})
	case "risk":
		e.Risk = &enishi.Risk{}
		return readNamed(e, raw, e.Risk, nil)
	case "hold":
		e.Hold = &enishi.Hold{}
		return readNamed(e, raw, e.Hold, nil)
	}
	return readProperties(e, raw, nil)
}

// readNamed fills a payload from properties of the same names; renames are other names in use.
func readNamed(e *enishi.Event, raw []byte, into any, renames map[string]string) *Refusal {
	fields := fieldsOf(reflect.ValueOf(into).Elem())
	return readProperties(e, raw, func(k string, x *reader) bool {
		name := k
		if own, ok := renames[k]; ok {
			name = own
		}
		f, ok := fields[name]
		if !ok {
			return false
		}
		value := x.raw()
		if x.err != nil {
			return true
		}
		if err := json.Unmarshal(value, f); err != nil {
			x.fail(locate(value, f, err).at("properties." + k))
		}
		return true
	})
}

func fieldsOf(v reflect.Value) map[string]any {
	fields := map[string]any{}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		fields[name] = v.Field(i).Addr().Interface()
	}
	return fields
}

// readStore fills a visit; an order at the till stands in the property order, as in the native form.
func readStore(e *enishi.Event, raw []byte) *Refusal {
	refusal := readNamed(e, raw, e.Store, nil)
	if refusal != nil {
		return refusal
	}
	if v, ok := e.Properties["order"]; ok {
		e.Order = &enishi.Order{}
		if err := json.Unmarshal([]byte(v.Text), e.Order); err != nil {
			return locate([]byte(v.Text), e.Order, err).at("properties.order")
		}
		delete(e.Properties, "order")
	}
	return nil
}

func readOrder(e *enishi.Event, raw []byte) *Refusal {
	o := &enishi.Order{}
	e.Order = o
	var revenue, value, tax enishi.Amount
	hasTotal := false
	refusal := readProperties(e, raw, func(k string, x *reader) bool {
		f := "properties." + k
		switch k {
		case "order_id":
			o.OrderID = x.text(f)
		case "currency":
			o.Currency = x.text(f)
		case "products", "lines":
			o.Lines = readLines(x, f)
		case "total":
			o.Total, hasTotal = x.amount(f), true
		case "revenue":
			revenue = x.amount(f)
		case "value":
			value = x.amount(f)
		case "subtotal":
			o.Subtotal = x.amount(f)
		case "shipping", "shipping_fee":
			o.ShippingFee = x.amount(f)
		case "tax":
			tax = x.amount(f)
		case "discount":
			o.Discount = x.amount(f)
		case "coupon":
			o.Coupon = x.text(f)
		case "coupon_amount":
			o.CouponAmount = x.amount(f)
		case "points_used":
			o.PointsUsed = x.amount(f)
		case "cod_fee":
			o.CODFee = x.amount(f)
		case "refunded":
			o.Refunded = x.amount(f)
		case "version":
			o.Version = int64(x.whole(f))
		case "automatic":
			o.Automatic = x.truth(f)
		case "payment_due_at", "placed_at", "taxes", "ship_to":
			readNative(x, f, map[string]any{"payment_due_at": &o.PaymentDueAt, "placed_at": &o.PlacedAt, "taxes": &o.Taxes, "ship_to": &o.ShipTo}[k])
		default:
			p := orderText(o, k)
			if p == nil {
				return false
			}
			*p = x.text(f)
		}
		return true
	})
	if tax != 0 && len(o.Taxes) == 0 {
		o.Taxes = []enishi.Tax{{Amount: tax}} // the specification has no rate
	}
	switch {
	case hasTotal:
	case revenue != 0:
		o.Total = revenue + o.ShippingFee + tax // revenue is without both
	default:
		o.Total = value
	}
	return refusal
}

// orderText finds the plain text fields of an order.
func orderText(o *enishi.Order, k string) *string {
	switch k {
	case "payment_method":
		return &o.PaymentMethod
	case "store_id":
		return &o.StoreID
	case "staff_id":
		return &o.StaffID
	case "subscription_id":
		return &o.SubscriptionID
	case "fulfilment_type":
		return &o.Fulfilment
	case "marketplace":
		return &o.Marketplace
	case "reason":
		return &o.Reason
	case "cart_id":
		return &o.CartID
	}
	return nil
}

// readNative takes a value in the form of the source topics.
func readNative(x *reader, field string, into any) {
	raw := x.raw()
	if x.err != nil {
		return
	}
	if err := json.Unmarshal(raw, into); err != nil {
		x.fail(locate(raw, into, err).at(field))
	}
}

// readLines takes a list of products in Segment's form.
func readLines(x *reader, field string) []enishi.Line {
	if !x.list(field) {
		return nil
	}
	var lines []enishi.Line
	for first := true; x.more(']', &first); {
		var q enishi.Product
		l := enishi.Line{}
		at := ""
		if len(lines) < maxLines+1 { // the check refuses what is over it
			at = field + "[" + strconv.Itoa(len(lines)) + "]"
		}
		if !x.object(at) {
			continue
		}
		for inner := true; ; {
			k, ok := x.key(&inner)
			if !ok {
				break
			}
			switch k {
			case "discount":
				l.Discount = x.amount(at + ".discount")
			case "tax_rate":
				l.TaxRate = x.whole(at + ".tax_rate")
			case "jan":
				l.JAN = x.text(at + ".jan")
			default:
				if !readProduct(&q, k, at, x) {
					x.raw()
				}
			}
		}
		l.ProductID, l.SKU, l.Name, l.Brand, l.Category, l.Variant, l.Quantity, l.Price = q.ProductID, q.SKU, q.Name, q.Brand, q.Category, q.Variant, q.Quantity, q.Price
		l.ProductID = orElse(l.ProductID, l.SKU)
		if len(lines) <= maxLines {
			lines = append(lines, l)
		}
	}
	return lines
}

// readProduct takes one field of a product.
func readProduct(q *enishi.Product, k, at string, x *reader) bool {
	switch k {
	case "product_id":
		q.ProductID = x.text(at + ".product_id")
	case "sku":
		q.SKU = x.text(at + ".sku")
	case "name":
		q.Name = x.text(at + ".name")
	case "brand":
		q.Brand = x.text(at + ".brand")
	case "category":
		q.Category = x.text(at + ".category")
	case "variant":
		q.Variant = x.text(at + ".variant")
	case "price":
		q.Price = x.amount(at + ".price")
	case "quantity":
		q.Quantity = x.whole(at + ".quantity")
	case "image_url":
		q.ImageURL = x.text(at + ".image_url")
	case "url":
		q.URL = x.text(at + ".url")
	default:
		return false
	}
	return true
}

func readWeb(e *enishi.Event, r *rule, raw []byte) *Refusal {
	w := &enishi.Web{}
	e.Web = w
	q := &enishi.Product{}
	list := r.info.Name == "list.viewed"
	var order string
	refusal := readProperties(e, raw, func(k string, x *reader) bool {
		f := "properties." + k
		switch k {
		case "list_id", "wishlist_id":
			w.ListID = x.text(f)
		case "query":
			w.Query = x.text(f)
		case "results", "hits":
			w.Results = x.whole(f)
		case "cart_id":
			w.CartID = x.text(f)
		case "checkout_id":
			w.CheckoutID = x.text(f)
		case "order_id":
			order = x.text(f)
		case "step":
			w.Step = x.whole(f)
		case "value", "total", "revenue":
			if a := x.amount(f); k == "value" || w.Value == 0 {
				w.Value = a
			}
		case "currency":
			w.Currency = x.text(f)
		case "products", "lines":
			if w.Lines = readLines(x, f); list { // what a list shows is in no cart
				w.Results, w.Lines = max(w.Results, len(w.Lines)), nil
			}
		case "target_price":
			w.TargetPrice = x.amount(f)
		case "form":
			w.Form = x.text(f)
		case "category":
			if w.Category = x.text(f); r.product {
				q.Category, w.Category = w.Category, ""
			}
		case "url":
			if s := x.text(f); r.product {
				q.URL = s
			} else {
				w.URL = s
			}
		default:
			return r.product && readProduct(q, k, "properties", x)
		}
		return true
	})
	w.CheckoutID = orElse(w.CheckoutID, order)
	if r.product {
		q.ProductID = orElse(q.ProductID, q.SKU)
		q.Currency = w.Currency
		if q.ProductID != "" {
			w.Product = q
		} else if refusal == nil {
			refusal = missing("properties.product_id")
		}
	}
	return refusal
}
