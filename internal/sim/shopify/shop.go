package shopify

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limits of the platform.
type Limits struct {
	Tries       int           // of a webhook after the first
	TryFor      time.Duration // until the last of them
	ResultLasts time.Duration // of a bulk operation
	Bucket      float64       // query cost that may be spent at once
	Restore     float64       // cost a second
}

// Documented are Shopify's own.
func Documented() Limits {
	return Limits{Tries: 8, TryFor: 4 * time.Hour, ResultLasts: 7 * 24 * time.Hour, Bucket: 2000, Restore: 100}
}

// Config of a shop. The zero value of a field has a working default.
type Config struct {
	Secret   string // signs webhooks and gets tokens
	ClientID string
	Webhook  string // where webhooks go; SetWebhook changes it
	Limits   Limits // zero: Documented
	RunFor   int    // looks at a bulk operation until it is done; 2
	Now      func() time.Time
	Client   *http.Client
}

// Customer is a customer of the shop.
type Customer struct {
	ID                     int
	Email, FirstName, Last string
	Subscribed             bool
	CreatedAt, UpdatedAt   time.Time
}

// Order is an order of the shop, in whole yen.
type Order struct {
	ID, Customer             int
	Lines                    []Line
	CreatedAt, UpdatedAt     time.Time
	Paid, Cancelled, Shipped bool
	Refunded                 int
}

// Line is one line of an order.
type Line struct {
	Product, Quantity, Price int
	Title                    string
}

// Total is what the customer pays.
func (o *Order) Total() int {
	n := 0
	for _, l := range o.Lines {
		n += l.Quantity * l.Price
	}
	return n
}

// Shop is the simulated shop; an http.Handler for its Admin API.
type Shop struct {
	cfg Config

	mu         sync.Mutex
	customers  map[int]*Customer
	orders     map[int]*Order
	products   map[int]string
	queue      []*Delivery
	denied     string            // resource that the app has no scope for
	subscribed map[string]string // address by topic, of the Admin API; nil: every topic goes to Config.Webhook
	delivered  int
	givenUp    int
	seq        int
	operations map[string]*operation
	tokens     map[string]time.Time
	bucket     float64
	filled     time.Time
	cut        int // lines after which the next result breaks off; 0: none
	calls      map[string]int
}

// New makes an empty shop.
func New(cfg Config) *Shop {
	d := Documented()
	cfg.Limits = Limits{cmp.Or(cfg.Limits.Tries, d.Tries), cmp.Or(cfg.Limits.TryFor, d.TryFor), cmp.Or(cfg.Limits.ResultLasts, d.ResultLasts), cmp.Or(cfg.Limits.Bucket, d.Bucket), cmp.Or(cfg.Limits.Restore, d.Restore)}
	cfg.RunFor = cmp.Or(cfg.RunFor, 2)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: 5 * time.Second} // as long as Shopify waits
	}
	return &Shop{cfg: cfg, customers: map[int]*Customer{}, orders: map[int]*Order{}, products: map[int]string{}, operations: map[string]*operation{},
		tokens: map[string]time.Time{}, bucket: cfg.Limits.Bucket, filled: cfg.Now(), calls: map[string]int{}}
}

// SetWebhook changes where webhooks go.
func (s *Shop) SetWebhook(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Webhook = address
}

// PutCustomer takes a customer in, without a webhook.
func (s *Shop) PutCustomer(c Customer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.customers[c.ID] = &c
}

// PutOrder takes an order in, without a webhook.
func (s *Shop) PutOrder(o Order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders[o.ID] = &o
	for _, l := range o.Lines {
		s.products[l.Product] = l.Title
	}
}

// Tell queues the webhook of an order as it now is.
func (s *Shop) Tell(topic string, order int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enqueue(topic, s.orderJSON(s.orders[order]))
}

// TellRaw queues a webhook with a body of the caller's.
func (s *Shop) TellRaw(topic, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enqueue(topic, body)
}

// Orders gives the orders by id.
func (s *Shop) Orders() []Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Order
	for _, id := range slices.Sorted(maps.Keys(s.orders)) {
		out = append(out, *s.orders[id])
	}
	return out
}

// Calls counts what was asked: queries, throttled, results, tokens, refused.
func (s *Shop) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

func quoted(t time.Time) string { return strconv.Quote(t.UTC().Format(time.RFC3339)) }

func when(ok bool, yes, no string) string {
	if ok {
		return yes
	}
	return no
}

func (o *Order) paidAs() string {
	switch {
	case o.Refunded > 0 && o.Refunded < o.Total():
		return "partially_refunded"
	case o.Refunded > 0:
		return "refunded"
	case o.Paid:
		return "paid"
	}
	return "pending"
}

// orderJSON is the payload of a webhook.
func (s *Shop) orderJSON(o *Order) string {
	var lines []string
	for i, l := range o.Lines {
		lines = append(lines, fmt.Sprintf(`{"id":%d,"product_id":%d,"variant_id":%d,"title":%q,"quantity":%d,"current_quantity":%d,"price":"%d","total_discount":"0","requires_shipping":true,"tax_lines":[{"rate":0.1,"price":"%d"}]}`,
			o.ID*100+i, l.Product, l.Product*10, l.Title, l.Quantity, l.Quantity, l.Price, l.Price*l.Quantity/11))
	}
	at := quoted(o.UpdatedAt)
	refunds := when(o.Refunded > 0, fmt.Sprintf(`{"id":%d,"created_at":%s,"transactions":[{"kind":"refund","status":"success","amount":"%d"}]}`, o.ID, at, o.Refunded), "")
	parcels := when(o.Shipped, fmt.Sprintf(`{"id":%d,"order_id":%d,"status":"success","created_at":%s,"updated_at":%s,"tracking_company":"ヤマト運輸","tracking_number":"444413758703","line_items":[]}`, o.ID*10, o.ID, at, at), "")
	return fmt.Sprintf(`{"id":%d,"name":"#%d","created_at":%s,"updated_at":%s,"processed_at":%s,"cancelled_at":%s,"cancel_reason":%s,"currency":"JPY","taxes_included":true,"total_price":"%d","current_total_price":"%d","total_discounts":"0","financial_status":%q,`+
		`"payment_gateway_names":["shopify_payments"],"source_name":"web","test":false,"line_items":[%s],"refunds":[%s],"fulfillments":[%s],"customer":%s}`,
		o.ID, o.ID, quoted(o.CreatedAt), at, quoted(o.CreatedAt), when(o.Cancelled, at, "null"), when(o.Cancelled, `"customer"`, "null"), o.Total(), o.Total()-o.Refunded, o.paidAs(),
		strings.Join(lines, ","), refunds, parcels, customerJSON(s.customers[o.Customer]))
}

func customerJSON(c *Customer) string {
	if c == nil {
		return "null"
	}
	return fmt.Sprintf(`{"id":%d,"email":%q,"first_name":%q,"last_name":%q,"state":"enabled","created_at":%s,"updated_at":%s,"email_marketing_consent":{"state":%q,"opt_in_level":"single_opt_in","consent_updated_at":%s}}`,
		c.ID, c.Email, c.FirstName, c.Last, quoted(c.CreatedAt), quoted(c.UpdatedAt), when(c.Subscribed, "subscribed", "not_subscribed"), quoted(c.CreatedAt))
}

func gid(kind string, id int) string { return fmt.Sprintf("gid://shopify/%s/%d", kind, id) }

func yen(n int) string { return fmt.Sprintf(`{"shopMoney":{"amount":"%d.0"}}`, n) }

// orderNodes are the lines of a bulk result about an order.
func (s *Shop) orderNodes(o *Order) []string {
	at := quoted(o.UpdatedAt)
	refunds := when(o.Refunded > 0, fmt.Sprintf(`{"createdAt":%s,"totalRefundedSet":%s}`, at, yen(o.Refunded)), "")
	parcels := when(o.Shipped, fmt.Sprintf(`{"id":%q,"status":"SUCCESS","displayStatus":"FULFILLED","createdAt":%s,"updatedAt":%s,"trackingInfo":[{"company":"ヤマト運輸","number":"444413758703"}]}`, gid("Fulfillment", o.ID*10), at, at), "")
	out := []string{fmt.Sprintf(`{"id":%q,"name":"#%d","email":null,"phone":null,"createdAt":%s,"updatedAt":%s,"processedAt":%s,"cancelledAt":%s,"cancelReason":%s,"currencyCode":"JPY","taxesIncluded":true,"test":false,"sourceName":"web","tags":[],"displayFinancialStatus":%q,`+
		`"paymentGatewayNames":["shopify_payments"],"discountCodes":[],"customAttributes":[],"totalPriceSet":%s,"currentTotalPriceSet":%s,"totalDiscountsSet":%s,"totalShippingPriceSet":%s,"taxLines":[],"shippingAddress":null,"customer":%s,"fulfillments":[%s],"refunds":[%s]}`,
		gid("Order", o.ID), o.ID, quoted(o.CreatedAt), at, quoted(o.CreatedAt), when(o.Cancelled, at, "null"), when(o.Cancelled, `"CUSTOMER"`, "null"), strings.ToUpper(o.paidAs()),
		yen(o.Total()), yen(o.Total()-o.Refunded), yen(0), yen(0), customerNode(s.customers[o.Customer]), parcels, refunds)}
	for i, l := range o.Lines {
		out = append(out, fmt.Sprintf(`{"id":%q,"sku":"","title":%q,"variantTitle":null,"vendor":null,"quantity":%d,"currentQuantity":%d,"requiresShipping":true,"originalUnitPriceSet":%s,"product":{"id":%q},"taxLines":[],"__parentId":%q}`,
			gid("LineItem", o.ID*100+i), l.Title, l.Quantity, l.Quantity, yen(l.Price), gid("Product", l.Product), gid("Order", o.ID)))
	}
	return out
}

func customerNode(c *Customer) string {
	if c == nil {
		return "null"
	}
	return fmt.Sprintf(`{"id":%q,"firstName":%q,"lastName":%q,"state":"ENABLED","tags":[],"createdAt":%s,"updatedAt":%s,"defaultEmailAddress":{"emailAddress":%q,"marketingState":%q,"marketingOptInLevel":"SINGLE_OPT_IN","marketingUpdatedAt":%s},"defaultPhoneNumber":null,"defaultAddress":null}`,
		gid("Customer", c.ID), c.FirstName, c.Last, quoted(c.CreatedAt), quoted(c.UpdatedAt), c.Email, when(c.Subscribed, "SUBSCRIBED", "NOT_SUBSCRIBED"), quoted(c.CreatedAt))
}
