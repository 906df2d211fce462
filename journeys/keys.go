package journeys

import (
	"slices"
	"strings"

	"enishi"
)

// keyAny in a condition matches events whatever they are about; keyRun is the default of message events: those of the
// run's own messages.
const (
	keyAny = "any"
	keyRun = "run"
)

// keyInfo is a key that an entry or a condition can name.
type keyInfo struct {
	name     string
	payloads []string // payloads of event types that carry it, as [enishi.TypeInfo.Payload]
	// global: a value names one thing of one person in the whole shop, so it may be the run's identity.
	global bool
	// lasting: what happened to the thing holds for good, also when it happened before the run began.
	lasting bool
}

// keys are the keys by name. Every entry goes through them, so they are made once; nothing changes them.
var keys = []keyInfo{
	{"order_id", []string{"order", "shipment", "return", "review", "survey", "contact", "points", "coupon", "referral", "risk", "store"}, true, true},
	{"shipment_id", []string{"shipment"}, true, true},
	{"return_id", []string{"return"}, true, true},
	{"review_id", []string{"review"}, true, true},
	{"contact_id", []string{"contact"}, true, true},
	{"cart_id", []string{"web", "order"}, true, false},
	{"subscription_id", []string{"order", "subscription"}, true, false},
	{"product_id", []string{"web", "review", "contact", "subscription"}, false, false},
	{"store_id", []string{"store", "order", "shipment"}, false, false},
}

// lookupKey finds a key by its name, by PAYLOAD.NAME or as properties.NAME of a custom event.
func lookupKey(name string) (keyInfo, bool) {
	if rest, ok := strings.CutPrefix(name, "properties."); ok {
		return keyInfo{name: name}, rest != ""
	}
	payload, bare, dotted := strings.Cut(name, ".")
	if !dotted {
		bare = name
	}
	for _, k := range keys {
		if k.name == bare && (!dotted || slices.Contains(k.payloads, payload)) {
			return k, true
		}
	}
	return keyInfo{}, false
}

// carriedBy reports whether events of a type can have the key.
func (k keyInfo) carriedBy(eventType string) bool {
	if strings.HasPrefix(k.name, "properties.") {
		return true
	}
	info, ok := enishi.LookupType(eventType)
	return ok && slices.Contains(k.payloads, info.Payload)
}

// keyNames lists the names for messages about a wrong one.
func keyNames() string {
	var names []string
	for _, k := range keys {
		names = append(names, k.name)
	}
	return strings.Join(names, ", ")
}

// keyOf is the value of a key in an event; "" when it has none.
func keyOf(e *enishi.Event, name string) string {
	switch name {
	case "order_id":
		return orderID(e)
	case "shipment_id":
		if e.Shipment != nil {
			return e.Shipment.ShipmentID
		}
	case "return_id":
		if e.Return != nil {
			return e.Return.ReturnID
		}
	case "review_id":
		if e.Review != nil {
			return e.Review.ReviewID
		}
	case "contact_id":
		if e.Contact != nil {
			return e.Contact.ContactID
		}
	case "cart_id":
		if e.Web != nil {
			return e.Web.CartID
		}
		if e.Order != nil {
			return e.Order.CartID
		}
	case "subscription_id":
		if e.Order != nil {
			return e.Order.SubscriptionID
		}
		if e.Subscription != nil {
			return e.Subscription.SubscriptionID
		}
	case "product_id":
		return productID(e)
	case "store_id":
		return storeID(e)
	default:
		if rest, ok := strings.CutPrefix(name, "properties."); ok {
			return e.Properties[rest].String()
		}
	}
	return ""
}

// orderID is the order that an event is about.
func orderID(e *enishi.Event) string {
	switch {
	case e.Order != nil:
		return e.Order.OrderID
	case e.Shipment != nil:
		return e.Shipment.OrderID
	case e.Return != nil:
		return e.Return.OrderID
	case e.Review != nil:
		return e.Review.OrderID
	case e.Survey != nil:
		return e.Survey.OrderID
	case e.Contact != nil:
		return e.Contact.OrderID
	case e.Points != nil:
		return e.Points.OrderID
	case e.Coupon != nil:
		return e.Coupon.OrderID
	case e.Referral != nil:
		return e.Referral.OrderID
	case e.Risk != nil:
		return e.Risk.OrderID
	}
	return ""
}

// productID is the product that an event is about.
func productID(e *enishi.Event) string {
	switch {
	case e.Web != nil && e.Web.Product != nil:
		return e.Web.Product.ProductID
	case e.Review != nil:
		return e.Review.ProductID
	case e.Contact != nil:
		return e.Contact.ProductID
	case e.Subscription != nil:
		return e.Subscription.ProductID
	}
	return ""
}

// storeID is the store that an event is about.
func storeID(e *enishi.Event) string {
	switch {
	case e.Store != nil:
		return e.Store.StoreID
	case e.Order != nil:
		return e.Order.StoreID
	case e.Shipment != nil:
		return e.Shipment.StoreID
	}
	return ""
}
