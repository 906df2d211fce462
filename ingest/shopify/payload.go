package shopify

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"enishi"
)

// ident is an id of the shop: a number, or the end of gid://shopify/Order/1. Empty: none.
type ident string

// UnmarshalJSON reads a number, a text or null.
func (x *ident) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "null" {
		s = ""
	}
	if strings.HasPrefix(s, "gid://") {
		s = s[strings.LastIndexByte(s, '/')+1:]
		s, _, _ = strings.Cut(s, "?")
	}
	if len(s) > 100 || strings.ContainsAny(s, "{}[]\\") {
		return fmt.Errorf("%q is no id of Shopify", s[:min(len(s), 30)])
	}
	*x = ident(s)
	return nil
}

// money is an amount as Shopify writes it: "1234", "1234.0", 1234 or null.
type money enishi.Amount

// UnmarshalJSON reads it.
func (x *money) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "null" || s == "" {
		*x = 0
		return nil
	}
	a, err := enishi.ParseAmount(s)
	*x = money(a)
	return err
}

// order is an order of the shop: the shape of webhooks; nodes of the Admin API are turned into it.
type order struct {
	ID                ident         `json:"id"`
	Name              string        `json:"name"` // #1001
	Email             string        `json:"email"`
	Phone             string        `json:"phone"`
	CreatedAt         time.Time     `json:"created_at"`
	UpdatedAt         time.Time     `json:"updated_at"`
	ProcessedAt       time.Time     `json:"processed_at"`
	CancelledAt       time.Time     `json:"cancelled_at"`
	CancelReason      string        `json:"cancel_reason"`
	Currency          string        `json:"currency"`
	TaxesIncluded     bool          `json:"taxes_included"`
	TotalPrice        money         `json:"total_price"`
	CurrentTotalPrice *money        `json:"current_total_price"`
	TotalDiscounts    money         `json:"total_discounts"`
	FinancialStatus   string        `json:"financial_status"`
	Gateways          []string      `json:"payment_gateway_names"`
	SourceName        string        `json:"source_name"`
	LocationID        ident         `json:"location_id"`
	UserID            ident         `json:"user_id"`
	CartToken         string        `json:"cart_token"`
	LandingSite       string        `json:"landing_site"`
	ReferringSite     string        `json:"referring_site"`
	Tags              string        `json:"tags"`
	Test              bool          `json:"test"`
	Attributes        []attribute   `json:"note_attributes"`
	Codes             []code        `json:"discount_codes"`
	Shipping          []shipping    `json:"shipping_lines"`
	Taxes             []tax         `json:"tax_lines"`
	Lines             []line        `json:"line_items"`
	Customer          *customer     `json:"customer"`
	ShipTo            *postal       `json:"shipping_address"`
	Fulfilments       []fulfilment  `json:"fulfillments"`
	Refunds           []orderRefund `json:"refunds"`

	rest map[string]enishi.Value // what else the shop says
}

type attribute struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

type code struct {
	Code   string `json:"code"`
	Amount money  `json:"amount"`
}

type shipping struct {
	Title    string `json:"title"`
	Price    money  `json:"price"`
	Category string `json:"delivery_category"`
}

type tax struct {
	Rate  float64 `json:"rate"` // 0.1: a share, no money
	Price money   `json:"price"`
}

type line struct {
	ID               ident  `json:"id"`
	ProductID        ident  `json:"product_id"`
	VariantID        ident  `json:"variant_id"`
	SKU              string `json:"sku"`
	Title            string `json:"title"`
	VariantTitle     string `json:"variant_title"`
	Vendor           string `json:"vendor"`
	Quantity         int    `json:"quantity"`
	CurrentQuantity  *int   `json:"current_quantity"`
	Price            money  `json:"price"`
	LineDiscount     money  `json:"total_discount"`
	RequiresShipping *bool  `json:"requires_shipping"`
	Taxes            []tax  `json:"tax_lines"`
}

type postal struct {
	FirstName    string `json:"first_name"`
	LastName     string `json:"last_name"`
	Company      string `json:"company"`
	Phone        string `json:"phone"`
	Zip          string `json:"zip"`
	Province     string `json:"province"`
	ProvinceCode string `json:"province_code"`
	City         string `json:"city"`
	Address1     string `json:"address1"`
	Address2     string `json:"address2"`
	CountryCode  string `json:"country_code"`
}

type orderRefund struct {
	Transactions []struct {
		Amount money  `json:"amount"`
		Kind   string `json:"kind"`
		Status string `json:"status"`
	} `json:"transactions"`
	ProcessedAt time.Time `json:"processed_at"`
	CreatedAt   time.Time `json:"created_at"`
}

type fulfilment struct {
	ID             ident     `json:"id"`
	OrderID        ident     `json:"order_id"`
	Status         string    `json:"status"`          // pending, open, success, cancelled, error, failure
	ShipmentStatus string    `json:"shipment_status"` // as of a fulfilment event
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
	Company        string    `json:"tracking_company"`
	Tracking       string    `json:"tracking_number"`
	Email          string    `json:"email"`
	LocationID     ident     `json:"location_id"`
	Lines          []line    `json:"line_items"`
}

type customer struct {
	ID         ident     `json:"id"`
	Email      string    `json:"email"`
	Phone      string    `json:"phone"`
	FirstName  string    `json:"first_name"`
	LastName   string    `json:"last_name"`
	State      string    `json:"state"` // enabled: has an account
	Tags       string    `json:"tags"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	Address    *postal   `json:"default_address"`
	EmailGiven *consent  `json:"email_marketing_consent"`
	SMSGiven   *consent  `json:"sms_marketing_consent"`
}

// consent is a permission with what Shopify knows of how it was given.
type consent struct {
	State   string    `json:"state"` // not_subscribed, pending, subscribed, unsubscribed, redacted, invalid
	Level   string    `json:"opt_in_level"`
	At      time.Time `json:"consent_updated_at"`
	Through string    `json:"consent_collected_from"`
}

type product struct {
	ID       ident     `json:"id"`
	Title    string    `json:"title"`
	Vendor   string    `json:"vendor"`
	Type     string    `json:"product_type"`
	Handle   string    `json:"handle"`
	Status   string    `json:"status"` // active, archived, draft
	Tags     string    `json:"tags"`
	Updated  time.Time `json:"updated_at"`
	Image    *image    `json:"image"`
	Variants []variant `json:"variants"`
}

type image struct {
	Src string `json:"src"`
}

type variant struct {
	ID        ident  `json:"id"`
	SKU       string `json:"sku"`
	Barcode   string `json:"barcode"`
	Title     string `json:"title"`
	Price     money  `json:"price"`
	Compare   money  `json:"compare_at_price"`
	Inventory ident  `json:"inventory_item_id"`
	Quantity  *int64 `json:"inventory_quantity"`
	Tracked   string `json:"inventory_management"` // shopify: it is counted
	Policy    string `json:"inventory_policy"`     // continue: sold also without stock
}

// cart is a cart or, with more fields, a checkout.
type cart struct {
	Token      string      `json:"token"`
	CartToken  string      `json:"cart_token"`
	Email      string      `json:"email"`
	Phone      string      `json:"phone"`
	Customer   *customer   `json:"customer"`
	Lines      []line      `json:"line_items"`
	Currency   string      `json:"currency"`
	Total      money       `json:"total_price"`
	URL        string      `json:"abandoned_checkout_url"`
	CreatedAt  time.Time   `json:"created_at"`
	UpdatedAt  time.Time   `json:"updated_at"`
	Completed  time.Time   `json:"completed_at"`
	Attributes []attribute `json:"note_attributes"`
}

// known are the fields of an order that have a place of their own; fields that are secret, huge or say the same again are left out.
var known = fieldSet("id name email phone created_at updated_at processed_at cancelled_at cancel_reason currency taxes_included total_price current_total_price " +
	"total_discounts financial_status source_name location_id user_id cart_token landing_site referring_site test admin_graphql_api_id token checkout_token " +
	"browser_ip contact_email order_status_url confirmation_number app_id checkout_id landing_site_ref number order_number reference source_identifier source_url device_id")

func fieldSet(names string) map[string]bool {
	out := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		out[name] = true
	}
	return out
}

const (
	maxRest     = 40
	maxRestText = 200
)

// restOf keeps what the shop says in plain values and no field has.
func restOf(raw []byte) map[string]enishi.Value {
	var all map[string]any
	if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	out := map[string]enishi.Value{}
	for name, v := range all {
		if known[name] || len(name) > maxRestText || len(out) == maxRest {
			continue
		}
		switch v := v.(type) {
		case string:
			if v != "" && len(v) <= maxRestText {
				out[name] = enishi.TextValue(v)
			}
		case float64:
			out[name] = enishi.NumberValue(v)
		case bool:
			out[name] = enishi.BoolValue(v)
		}
	}
	return out
}
