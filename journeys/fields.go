package journeys

import (
	"strings"

	"github.com/expr-lang/expr/types"

	"enishi"
)

// field is a name that expressions of a journey may use beside those of segments: of the event at hand (event.), or of
// what the run is about (run.). A value that is not there is "", 0 or false.
type field struct {
	name string
	typ  types.Type
	get  func(*scope) any
}

// fields are the known names.
type fields map[string]field

func (fs fields) text(name string, get func(*scope) string) {
	fs[name] = field{name, types.String, func(s *scope) any { return get(s) }}
}

func (fs fields) number(name string, get func(*scope) float64) {
	fs[name] = field{name, types.Float64, func(s *scope) any { return get(s) }}
}

func (fs fields) truth(name string, get func(*scope) bool) {
	fs[name] = field{name, types.Bool, func(s *scope) any { return get(s) }}
}

// newFields builds the table. [Compile] does it once per definition.
func newFields() fields {
	fs := fields{}
	fs.events()
	fs.orders()
	fs.web()
	fs.others()
	fs.runs()
	return fs
}

// property is the field of a custom event's property; its type is known when it comes. An instant is its RFC 3339 text.
func property(path string) field {
	name := strings.TrimPrefix(path, "event.properties.")
	return field{path, types.Any, func(s *scope) any {
		v := s.e.Properties[name]
		if v.Kind == enishi.Instant {
			return v.String()
		}
		return v.Any()
	}}
}

// part reads from a payload of the event, or gives the zero value when the event has none.
func part[P, V any](pick func(*enishi.Event) *P, read func(*P) V) func(*scope) V {
	return func(s *scope) (v V) {
		if x := pick(s.e); x != nil {
			v = read(x)
		}
		return v
	}
}

func (fs fields) events() {
	fs.text("event.type", func(s *scope) string { return s.e.Type })
	fs.text("event.channel", func(s *scope) string { return s.e.Channel })
	fs.text("event.source", func(s *scope) string { return s.e.Source })
	context := func(name string, read func(*enishi.Context) string) {
		fs.text("event.context."+name, part(func(e *enishi.Event) *enishi.Context { return e.Context }, read))
	}
	context("utm_source", func(c *enishi.Context) string { return c.UTMSource })
	context("utm_medium", func(c *enishi.Context) string { return c.UTMMedium })
	context("utm_campaign", func(c *enishi.Context) string { return c.UTMCampaign })
	context("path", func(c *enishi.Context) string { return c.Path })
	fs.truth("event.context.bot", part(func(e *enishi.Event) *enishi.Context { return e.Context }, func(c *enishi.Context) bool { return c.Bot }))
}

func (fs fields) orders() {
	order := func(e *enishi.Event) *enishi.Order { return e.Order }
	text := func(name string, read func(*enishi.Order) string) { fs.text("event.order."+name, part(order, read)) }
	number := func(name string, read func(*enishi.Order) float64) { fs.number("event.order."+name, part(order, read)) }
	truth := func(name string, read func(*enishi.Order) bool) { fs.truth("event.order."+name, part(order, read)) }
	text("order_id", func(o *enishi.Order) string { return o.OrderID })
	text("payment_method", func(o *enishi.Order) string { return o.PaymentMethod })
	text("store_id", func(o *enishi.Order) string { return o.StoreID })
	text("subscription_id", func(o *enishi.Order) string { return o.SubscriptionID })
	text("fulfilment_type", func(o *enishi.Order) string { return o.Fulfilment })
	text("marketplace", func(o *enishi.Order) string { return o.Marketplace })
	text("coupon", func(o *enishi.Order) string { return o.Coupon })
	text("currency", func(o *enishi.Order) string { return o.Currency })
	text("reason", func(o *enishi.Order) string { return o.Reason })
	number("total", func(o *enishi.Order) float64 { return o.Total.Float() })
	number("subtotal", func(o *enishi.Order) float64 { return o.Subtotal.Float() })
	number("points_used", func(o *enishi.Order) float64 { return o.PointsUsed.Float() })
	number("items", func(o *enishi.Order) float64 { return float64(items(o.Lines)) })
	truth("automatic", func(o *enishi.Order) bool { return o.Automatic })
	truth("is_gift", func(o *enishi.Order) bool { return o.ShipTo != nil && o.ShipTo.IsGift })

	parcel := func(e *enishi.Event) *enishi.Shipment { return e.Shipment }
	fs.text("event.shipment.shipment_id", part(parcel, func(x *enishi.Shipment) string { return x.ShipmentID }))
	fs.text("event.shipment.order_id", part(parcel, func(x *enishi.Shipment) string { return x.OrderID }))
	fs.text("event.shipment.carrier", part(parcel, func(x *enishi.Shipment) string { return x.Carrier }))
	fs.text("event.shipment.store_id", part(parcel, func(x *enishi.Shipment) string { return x.StoreID }))
	fs.text("event.shipment.reason", part(parcel, func(x *enishi.Shipment) string { return x.Reason }))
	fs.number("event.shipment.number", part(parcel, func(x *enishi.Shipment) float64 { return float64(x.Number) }))
	fs.number("event.shipment.of", part(parcel, func(x *enishi.Shipment) float64 { return float64(x.Of) }))
	fs.truth("event.shipment.untracked", part(parcel, func(x *enishi.Shipment) bool { return x.Untracked }))

	back := func(e *enishi.Event) *enishi.Return { return e.Return }
	fs.text("event.return.order_id", part(back, func(x *enishi.Return) string { return x.OrderID }))
	fs.text("event.return.store_id", part(back, func(x *enishi.Return) string { return x.StoreID }))
	fs.text("event.return.reason", part(back, func(x *enishi.Return) string { return x.Reason }))
	fs.number("event.return.amount", part(back, func(x *enishi.Return) float64 { return x.Amount.Float() }))
}

func (fs fields) web() {
	web := func(e *enishi.Event) *enishi.Web { return e.Web }
	fs.text("event.web.cart_id", part(web, func(x *enishi.Web) string { return x.CartID }))
	fs.text("event.web.category", part(web, func(x *enishi.Web) string { return x.Category }))
	fs.text("event.web.query", part(web, func(x *enishi.Web) string { return x.Query }))
	fs.text("event.web.form", part(web, func(x *enishi.Web) string { return x.Form }))
	fs.number("event.web.results", part(web, func(x *enishi.Web) float64 { return float64(x.Results) }))
	fs.number("event.web.step", part(web, func(x *enishi.Web) float64 { return float64(x.Step) }))
	fs.number("event.web.value", part(web, func(x *enishi.Web) float64 { return x.Value.Float() }))
	fs.number("event.web.items", part(web, func(x *enishi.Web) float64 { return float64(items(x.Lines)) }))

	product := func(e *enishi.Event) *enishi.Product {
		if e.Web == nil {
			return nil
		}
		return e.Web.Product
	}
	fs.text("event.web.product.product_id", part(product, func(x *enishi.Product) string { return x.ProductID }))
	fs.text("event.web.product.category", part(product, func(x *enishi.Product) string { return x.Category }))
	fs.text("event.web.product.brand", part(product, func(x *enishi.Product) string { return x.Brand }))
	fs.text("event.web.product.name", part(product, func(x *enishi.Product) string { return x.Name }))
	fs.text("event.web.product.variant", part(product, func(x *enishi.Product) string { return x.Variant }))
	fs.number("event.web.product.price", part(product, func(x *enishi.Product) float64 { return x.Price.Float() }))
}

func (fs fields) others() {
	store := func(e *enishi.Event) *enishi.StoreVisit { return e.Store }
	fs.text("event.store.store_id", part(store, func(x *enishi.StoreVisit) string { return x.StoreID }))
	fs.text("event.store.store_type", part(store, func(x *enishi.StoreVisit) string { return x.StoreType }))
	fs.text("event.store.event_id", part(store, func(x *enishi.StoreVisit) string { return x.EventID }))

	contact := func(e *enishi.Event) *enishi.Contact { return e.Contact }
	fs.text("event.contact.channel", part(contact, func(x *enishi.Contact) string { return x.Channel }))
	fs.text("event.contact.topic", part(contact, func(x *enishi.Contact) string { return x.Topic }))
	fs.text("event.contact.order_id", part(contact, func(x *enishi.Contact) string { return x.OrderID }))
	fs.truth("event.contact.complaint", part(contact, func(x *enishi.Contact) bool { return x.Complaint }))

	review := func(e *enishi.Event) *enishi.Review { return e.Review }
	fs.text("event.review.order_id", part(review, func(x *enishi.Review) string { return x.OrderID }))
	fs.text("event.review.product_id", part(review, func(x *enishi.Review) string { return x.ProductID }))
	fs.number("event.review.rating", part(review, func(x *enishi.Review) float64 { return float64(x.Rating) }))

	survey := func(e *enishi.Event) *enishi.Survey { return e.Survey }
	fs.text("event.survey.survey_id", part(survey, func(x *enishi.Survey) string { return x.SurveyID }))
	fs.text("event.survey.kind", part(survey, func(x *enishi.Survey) string { return x.Kind }))
	fs.number("event.survey.score", part(survey, func(x *enishi.Survey) float64 { return float64(x.Score) }))

	points := func(e *enishi.Event) *enishi.Points { return e.Points }
	fs.number("event.points.amount", part(points, func(x *enishi.Points) float64 { return float64(x.Amount) }))
	fs.text("event.points.reason", part(points, func(x *enishi.Points) string { return x.Reason }))

	contract := func(e *enishi.Event) *enishi.Subscription { return e.Subscription }
	fs.text("event.subscription.subscription_id", part(contract, func(x *enishi.Subscription) string { return x.SubscriptionID }))
	fs.text("event.subscription.product_id", part(contract, func(x *enishi.Subscription) string { return x.ProductID }))
	fs.text("event.subscription.category", part(contract, func(x *enishi.Subscription) string { return x.Category }))
	fs.text("event.subscription.reason", part(contract, func(x *enishi.Subscription) string { return x.Reason }))
	fs.number("event.subscription.amount", part(contract, func(x *enishi.Subscription) float64 { return x.Amount.Float() }))
	fs.number("event.subscription.cycle_days", part(contract, func(x *enishi.Subscription) float64 { return float64(x.CycleDays) }))
	fs.number("event.subscription.deliveries", part(contract, func(x *enishi.Subscription) float64 { return float64(x.Deliveries) }))

	coupon := func(e *enishi.Event) *enishi.Coupon { return e.Coupon }
	fs.text("event.coupon.code", part(coupon, func(x *enishi.Coupon) string { return x.Code }))
	fs.text("event.coupon.campaign", part(coupon, func(x *enishi.Coupon) string { return x.Campaign }))

	result := func(e *enishi.Event) *enishi.MessageResult { return e.Result }
	fs.text("event.message.journey", part(result, func(x *enishi.MessageResult) string { return x.Journey }))
	fs.text("event.message.node", part(result, func(x *enishi.MessageResult) string { return x.Node }))
	fs.text("event.message.template", part(result, func(x *enishi.MessageResult) string { return x.Template }))
	fs.text("event.message.channel", part(result, func(x *enishi.MessageResult) string { return x.Channel }))
	fs.text("event.message.reason", part(result, func(x *enishi.MessageResult) string { return x.Reason }))
	fs.truth("event.message.machine", part(result, func(x *enishi.MessageResult) bool { return x.Machine }))
}

// runs are the fields of what the run is about, as it is known now.
func (fs fields) runs() {
	fs.text("run.key", func(s *scope) string { return s.k.Key })
	fs.text("run.event", func(s *scope) string { return s.k.Event.Type })
	fs.number("run.messages_before", func(s *scope) float64 { return float64(s.messagesBefore()) })

	truth := func(name string, read func(*orderState) bool) {
		fs.truth("run.order."+name, func(s *scope) bool { return read(s.order()) })
	}
	text := func(name string, read func(*orderState) string) {
		fs.text("run.order."+name, func(s *scope) string { return read(s.order()) })
	}
	number := func(name string, read func(*orderState) float64) {
		fs.number("run.order."+name, func(s *scope) float64 { return read(s.order()) })
	}
	truth("known", func(o *orderState) bool { return o.known })
	truth("valid", func(o *orderState) bool { return o.view.Valid })
	truth("automatic", func(o *orderState) bool { return o.view.Order.Automatic })
	truth("is_gift", func(o *orderState) bool { return o.view.Order.ShipTo != nil && o.view.Order.ShipTo.IsGift })
	truth("shipped", func(o *orderState) bool { return !o.view.ShippedAt.IsZero() })
	truth("delivered", func(o *orderState) bool { return !o.view.DeliveredAt.IsZero() })
	truth("cancelled", func(o *orderState) bool { return !o.view.CancelledAt.IsZero() })
	truth("refunded", func(o *orderState) bool { return !o.view.RefundedAt.IsZero() || o.view.Order.Refunded > 0 })
	truth("returned", func(o *orderState) bool { return o.returned })
	truth("reviewed", func(o *orderState) bool { return o.reviewed })
	text("status", func(o *orderState) string { return o.view.Status })
	text("payment_state", func(o *orderState) string { return o.view.PaymentState })
	text("channel", func(o *orderState) string { return o.view.Channel })
	text("store_id", func(o *orderState) string { return o.view.Order.StoreID })
	text("marketplace", func(o *orderState) string { return o.view.Order.Marketplace })
	text("fulfilment_type", func(o *orderState) string { return o.view.Order.Fulfilment })
	text("subscription_id", func(o *orderState) string { return o.view.Order.SubscriptionID })
	number("total", func(o *orderState) float64 { return o.view.Order.Total.Float() })
	number("revenue", func(o *orderState) float64 { return o.view.Revenue.Float() })
	number("items", func(o *orderState) float64 { return float64(o.view.Items) })
	number("sequence", func(o *orderState) float64 { return float64(o.view.Sequence) })
	number("manual_sequence", func(o *orderState) float64 { return float64(o.manual) })
	number("parcels", func(o *orderState) float64 { return float64(o.parcels) })
	number("parcels_delivered", func(o *orderState) float64 { return float64(o.delivered) })

	fs.truth("run.shipment.known", func(s *scope) bool { return s.shipment() != nil })
	fs.truth("run.shipment.shipped", func(s *scope) bool { x := s.shipment(); return x != nil && !x.ShippedAt.IsZero() })
	fs.truth("run.shipment.delivered", func(s *scope) bool { x := s.shipment(); return x != nil && !x.DeliveredAt.IsZero() })
	fs.truth("run.shipment.returned", func(s *scope) bool { x := s.shipment(); return x != nil && !x.ReturnedAt.IsZero() })
	fs.text("run.shipment.status", func(s *scope) string {
		if x := s.shipment(); x != nil {
			return x.Status
		}
		return ""
	})

	fs.number("run.cart.items", func(s *scope) float64 {
		if c := s.cart(); c != nil {
			return float64(items(c.Lines))
		}
		return 0
	})
	fs.number("run.cart.value", func(s *scope) float64 {
		if c := s.cart(); c != nil {
			return c.Value.Float()
		}
		return 0
	})
}

// items counts pieces; a line without a quantity is one.
func items(lines []enishi.Line) int {
	n := 0
	for i := range lines {
		n += max(lines[i].Quantity, 1)
	}
	return n
}
