package shopify

import (
	"strings"
	"time"
)

// Nodes of the Admin API (GraphQL), as the queries of bulk.go ask for them; turned into the shapes of webhooks.

type bag struct {
	Shop struct {
		Amount money `json:"amount"`
	} `json:"shopMoney"`
}

type taxNode struct {
	Rate  float64 `json:"rate"`
	Price bag     `json:"priceSet"`
}

type addressNode struct {
	FirstName    string `json:"firstName"`
	LastName     string `json:"lastName"`
	Company      string `json:"company"`
	Phone        string `json:"phone"`
	Zip          string `json:"zip"`
	Province     string `json:"province"`
	ProvinceCode string `json:"provinceCode"`
	City         string `json:"city"`
	Address1     string `json:"address1"`
	Address2     string `json:"address2"`
	Country      string `json:"countryCodeV2"`
}

func (n *addressNode) postal() *postal {
	if n == nil {
		return nil
	}
	return &postal{n.FirstName, n.LastName, n.Company, n.Phone, n.Zip, n.Province, n.ProvinceCode, n.City, n.Address1, n.Address2, n.Country}
}

type contactNode struct {
	Email   string    `json:"emailAddress"`
	Phone   string    `json:"phoneNumber"`
	State   string    `json:"marketingState"`
	Level   string    `json:"marketingOptInLevel"`
	At      time.Time `json:"marketingUpdatedAt"`
	Through string    `json:"marketingCollectedFrom"`
}

type customerNode struct {
	ID        ident        `json:"id"`
	FirstName string       `json:"firstName"`
	LastName  string       `json:"lastName"`
	State     string       `json:"state"`
	Tags      []string     `json:"tags"`
	CreatedAt time.Time    `json:"createdAt"`
	UpdatedAt time.Time    `json:"updatedAt"`
	Email     *contactNode `json:"defaultEmailAddress"`
	Phone     *contactNode `json:"defaultPhoneNumber"`
	Address   *addressNode `json:"defaultAddress"`
}

func (n *customerNode) customer() *customer {
	if n == nil {
		return nil
	}
	c := &customer{ID: n.ID, FirstName: n.FirstName, LastName: n.LastName, State: strings.ToLower(n.State), Tags: strings.Join(n.Tags, ", "), CreatedAt: n.CreatedAt, UpdatedAt: n.UpdatedAt, Address: n.Address.postal()}
	if x := n.Email; x != nil {
		c.Email, c.EmailGiven = x.Email, &consent{State: x.State, Level: x.Level, At: x.At}
	}
	if x := n.Phone; x != nil {
		c.Phone, c.SMSGiven = x.Phone, &consent{State: x.State, Level: x.Level, At: x.At, Through: x.Through}
	}
	return c
}

type orderNode struct {
	ID          ident     `json:"id"`
	Name        string    `json:"name"`
	Email       string    `json:"email"`
	Phone       string    `json:"phone"`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
	ProcessedAt time.Time `json:"processedAt"`
	CancelledAt time.Time `json:"cancelledAt"`
	Reason      string    `json:"cancelReason"`
	Currency    string    `json:"currencyCode"`
	TaxIncluded bool      `json:"taxesIncluded"`
	Test        bool      `json:"test"`
	SourceName  string    `json:"sourceName"`
	Tags        []string  `json:"tags"`
	Paid        string    `json:"displayFinancialStatus"`
	Gateways    []string  `json:"paymentGatewayNames"`
	Codes       []string  `json:"discountCodes"`
	Attributes  []struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	} `json:"customAttributes"`
	Total       bag           `json:"totalPriceSet"`
	Current     *bag          `json:"currentTotalPriceSet"`
	Discounts   bag           `json:"totalDiscountsSet"`
	Shipping    bag           `json:"totalShippingPriceSet"`
	Taxes       []taxNode     `json:"taxLines"`
	ShipTo      *addressNode  `json:"shippingAddress"`
	Customer    *customerNode `json:"customer"`
	Fulfilments []struct {
		ID        ident     `json:"id"`
		Status    string    `json:"status"`
		Display   string    `json:"displayStatus"`
		CreatedAt time.Time `json:"createdAt"`
		UpdatedAt time.Time `json:"updatedAt"`
		Tracking  []struct {
			Company string `json:"company"`
			Number  string `json:"number"`
		} `json:"trackingInfo"`
	} `json:"fulfillments"`
	Refunds []struct {
		CreatedAt time.Time `json:"createdAt"`
		Total     bag       `json:"totalRefundedSet"`
	} `json:"refunds"`
	lines []lineNode
}

type lineNode struct {
	ID       ident  `json:"id"`
	SKU      string `json:"sku"`
	Title    string `json:"title"`
	Variant  string `json:"variantTitle"`
	Vendor   string `json:"vendor"`
	Quantity int    `json:"quantity"`
	Current  *int   `json:"currentQuantity"`
	Ships    *bool  `json:"requiresShipping"`
	Price    bag    `json:"originalUnitPriceSet"`
	Product  *struct {
		ID ident `json:"id"`
	} `json:"product"`
	Taxes []taxNode `json:"taxLines"`
}

func taxes(nodes []taxNode) []tax {
	var out []tax
	for _, n := range nodes {
		out = append(out, tax{n.Rate, n.Price.Shop.Amount})
	}
	return out
}

func (n *orderNode) order() *order {
	o := &order{ID: n.ID, Name: n.Name, Email: n.Email, Phone: n.Phone, CreatedAt: n.CreatedAt, UpdatedAt: n.UpdatedAt, ProcessedAt: n.ProcessedAt, CancelledAt: n.CancelledAt, CancelReason: strings.ToLower(n.Reason),
		Currency: n.Currency, TaxesIncluded: n.TaxIncluded, Test: n.Test, SourceName: n.SourceName, Tags: strings.Join(n.Tags, ", "), FinancialStatus: strings.ToLower(n.Paid), Gateways: n.Gateways,
		TotalPrice: n.Total.Shop.Amount, TotalDiscounts: n.Discounts.Shop.Amount, Taxes: taxes(n.Taxes), Customer: n.Customer.customer(), ShipTo: n.ShipTo.postal()}
	if n.Current != nil {
		o.CurrentTotalPrice = &n.Current.Shop.Amount
	}
	if n.Shipping.Shop.Amount > 0 {
		o.Shipping = []shipping{{Price: n.Shipping.Shop.Amount}}
	}
	for i, text := range n.Codes { // the API has one sum for all
		c := code{Code: text}
		if i == 0 {
			c.Amount = o.TotalDiscounts
		}
		o.Codes = append(o.Codes, c)
	}
	for _, a := range n.Attributes {
		o.Attributes = append(o.Attributes, attribute{a.Key, a.Value})
	}
	for _, r := range n.Refunds {
		var x orderRefund
		x.CreatedAt = r.CreatedAt
		x.Transactions = append(x.Transactions, struct {
			Amount money  `json:"amount"`
			Kind   string `json:"kind"`
			Status string `json:"status"`
		}{r.Total.Shop.Amount, "refund", "success"})
		o.Refunds = append(o.Refunds, x)
	}
	for _, f := range n.Fulfilments {
		x := fulfilment{ID: f.ID, Status: strings.ToLower(f.Status), ShipmentStatus: strings.ToLower(f.Display), CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt}
		if len(f.Tracking) > 0 {
			x.Company, x.Tracking = f.Tracking[0].Company, f.Tracking[0].Number
		}
		o.Fulfilments = append(o.Fulfilments, x)
	}
	for _, l := range n.lines {
		x := line{ID: l.ID, SKU: l.SKU, Title: l.Title, VariantTitle: l.Variant, Vendor: l.Vendor, Quantity: l.Quantity, CurrentQuantity: l.Current, RequiresShipping: l.Ships, Price: l.Price.Shop.Amount, Taxes: taxes(l.Taxes)}
		if l.Product != nil {
			x.ProductID = l.Product.ID
		}
		o.Lines = append(o.Lines, x)
	}
	return o
}

type productNode struct {
	ID        ident     `json:"id"`
	Title     string    `json:"title"`
	Vendor    string    `json:"vendor"`
	Type      string    `json:"productType"`
	Handle    string    `json:"handle"`
	Status    string    `json:"status"`
	UpdatedAt time.Time `json:"updatedAt"`
	Media     *struct {
		Preview *struct {
			Image *struct {
				URL string `json:"url"`
			} `json:"image"`
		} `json:"preview"`
	} `json:"featuredMedia"`
	variants []variantNode
}

type variantNode struct {
	ID       ident  `json:"id"`
	SKU      string `json:"sku"`
	Price    money  `json:"price"`
	Quantity *int64 `json:"inventoryQuantity"`
	Policy   string `json:"inventoryPolicy"`
	Item     *struct {
		Tracked bool `json:"tracked"`
	} `json:"inventoryItem"`
}

func (n *productNode) product() *product {
	p := &product{ID: n.ID, Title: n.Title, Vendor: n.Vendor, Type: n.Type, Handle: n.Handle, Status: strings.ToLower(n.Status), Updated: n.UpdatedAt}
	if n.Media != nil && n.Media.Preview != nil && n.Media.Preview.Image != nil {
		p.Image = &image{n.Media.Preview.Image.URL}
	}
	for _, v := range n.variants {
		x := variant{ID: v.ID, SKU: v.SKU, Price: v.Price, Quantity: v.Quantity, Policy: strings.ToLower(v.Policy)}
		if v.Item != nil && v.Item.Tracked {
			x.Tracked = "shopify"
		}
		p.Variants = append(p.Variants, x)
	}
	return p
}
