package ingest

import (
	"reflect"
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
	x.path = "properties."
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
	case "subscription":
		e.Subscription = &enishi.Subscription{}
		return readNamed(e, raw, e.Subscription, nil)
	case "risk":
		e.Risk = &enishi.Risk{}
		return readNamed(e, raw, e.Risk, nil)
	case "list":
		e.List = &enishi.ListChange{}
		return readNamed(e, raw, e.List, nil)
	case "note":
		e.Note = &enishi.Note{}
		return readNamed(e, raw, e.Note, nil)
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
			x.fail(locate(value, f, err).at(x.place(k)))
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
		switch k {
		case "order_id":
			o.OrderID = x.text(k)
		case "currency":
			o.Currency = x.text(k)
		case "products", "lines":
			o.Lines = readLines(x, k)
		case "total":
			o.Total, hasTotal = x.amount(k), true
		case "revenue":
			revenue = x.amount(k)
		case "value":
			value = x.amount(k)
		case "subtotal":
			o.Subtotal = x.amount(k)
		case "shipping", "shipping_fee":
			o.ShippingFee = x.amount(k)
		case "tax":
			tax = x.amount(k)
		case "discount":
			o.Discount = x.amount(k)
		case "coupon":
			o.Coupon = x.text(k)
		case "coupon_amount":
			o.CouponAmount = x.amount(k)
		case "points_used":
			o.PointsUsed = x.amount(k)
		case "cod_fee":
			o.CODFee = x.amount(k)
		case "refunded":
			o.Refunded = x.amount(k)
		case "version":
			o.Version = int64(x.whole(k))
		case "automatic":
			o.Automatic = x.truth(k)
		case "payment_due_at", "placed_at", "taxes", "ship_to":
			readNative(x, k, map[string]any{"payment_due_at": &o.PaymentDueAt, "placed_at": &o.PlacedAt, "taxes": &o.Taxes, "ship_to": &o.ShipTo}[k])
		default:
			p := orderText(o, k)
			if p == nil {
				return false
			}
			*p = x.text(k)
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
		x.fail(locate(raw, into, err).at(x.place(field)))
	}
}

// readLines takes a list of products in Segment's form.
func readLines(x *reader, field string) []enishi.Line {
	if !x.array(field) {
		return nil
	}
	var lines []enishi.Line
	n := 0
	for first := true; x.more(']', &first); n++ {
		x.list, x.index = field, n
		var q enishi.Product
		var l enishi.Line
		if !x.object("") {
			continue
		}
		for inner := true; ; {
			k, ok := x.key(&inner)
			if !ok {
				break
			}
			switch k {
			case "discount":
				l.Discount = x.amount(k)
			case "tax_rate":
				l.TaxRate = x.whole(k)
			case "jan":
				l.JAN = x.text(k)
			default:
				if !readProduct(&q, k, x) {
					x.raw()
				}
			}
		}
		if len(lines) > maxLines {
			continue // the check refuses it
		}
		l.ProductID, l.SKU, l.Name, l.Brand, l.Category, l.Variant, l.Quantity, l.Price = q.ProductID, q.SKU, q.Name, q.Brand, q.Category, q.Variant, q.Quantity, q.Price
		l.ProductID = orElse(l.ProductID, l.SKU)
		lines = append(lines, l)
	}
	if x.err == nil {
		x.list = ""
	}
	return lines
}

// readProduct takes one field of a product.
func readProduct(q *enishi.Product, k string, x *reader) bool {
	switch k {
	case "product_id":
		q.ProductID = x.text(k)
	case "sku":
		q.SKU = x.text(k)
	case "name":
		q.Name = x.text(k)
	case "brand":
		q.Brand = x.text(k)
	case "category":
		q.Category = x.text(k)
	case "variant":
		q.Variant = x.text(k)
	case "price":
		q.Price = x.amount(k)
	case "quantity":
		q.Quantity = x.whole(k)
	case "image_url":
		q.ImageURL = x.text(k)
	case "url":
		q.URL = x.text(k)
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
		switch k {
		case "list_id", "wishlist_id":
			w.ListID = x.text(k)
		case "query":
			w.Query = x.text(k)
		case "results", "hits":
			w.Results = x.whole(k)
		case "cart_id":
			w.CartID = x.text(k)
		case "checkout_id":
			w.CheckoutID = x.text(k)
		case "order_id":
			order = x.text(k)
		case "step":
			w.Step = x.whole(k)
		case "value", "total", "revenue":
			if a := x.amount(k); k == "value" || w.Value == 0 {
				w.Value = a
			}
		case "currency":
			w.Currency = x.text(k)
		case "products", "lines":
			if w.Lines = readLines(x, k); list { // what a list shows is in no cart
				w.Results, w.Lines = max(w.Results, len(w.Lines)), nil
			}
		case "target_price":
			w.TargetPrice = x.amount(k)
		case "form":
			w.Form = x.text(k)
		case "category":
			if w.Category = x.text(k); r.product {
				q.Category, w.Category = w.Category, ""
			}
		case "url":
			if s := x.text(k); r.product {
				q.URL = s
			} else {
				w.URL = s
			}
		default:
			return r.product && readProduct(q, k, x)
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
