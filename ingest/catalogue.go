package ingest

import (
	"sync"

	"github.com/goccy/go-json"

	"enishi"
	"enishi/internal/stream"
)

// catalogue is a copy of what events need of the topic catalogue: the newest product by id. A record is a JSON product
// ({"product_id", "name", "brand", "category", "price", ...}, docs/events.md); an empty value takes the product named by
// the key away. Records of other things (stores, stock) are passed over.
type catalogue struct {
	mu       sync.RWMutex
	products map[string]product
}

// Product is what the catalogue says of a product now.
type Product struct {
	Price     enishi.Amount
	Currency  string
	Stock     *int64 // nil: it is not counted
	Available bool
}

// Product is a product of the catalogue by its id; false when the catalogue has none.
func (in *Ingester) Product(id string) (Product, bool) {
	c := &in.catalogue
	c.mu.RLock()
	defer c.mu.RUnlock()
	p, ok := c.products[id]
	return Product{p.Price, p.Currency, p.Stock, (p.Available == nil || *p.Available) && (p.Stock == nil || *p.Stock > 0)}, ok
}

// product is the part of a product that is copied into events, and what messages say of it when they leave.
type product struct {
	SKU      string        `json:"sku"`
	Name     string        `json:"name"`
	Brand    string        `json:"brand"`
	Category string        `json:"category"`
	Price    enishi.Amount `json:"price"`
	Currency string        `json:"currency"`

	Stock     *int64 `json:"stock"`     // absent: it is not counted
	Available *bool  `json:"available"` // absent: as long as the stock lasts
}

func (c *catalogue) fold(r *stream.Record) {
	if len(r.Value) == 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.products, string(r.Key))
		return
	}
	var entry struct {
		Type      string `json:"type"`
		ProductID string `json:"product_id"`
		product
	}
	if checkRaw(r.Value) != nil || json.Unmarshal(r.Value, &entry) != nil || entry.ProductID == "" || entry.Type != "" && entry.Type != "product" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.products == nil {
		c.products = map[string]product{}
	}
	c.products[entry.ProductID] = entry.product
}

// fill completes the products of an event. What the event says itself stays. The price of an order's line is a fact and no
// part of it is guessed, unless no line has one.
func (c *catalogue) fill(e *enishi.Event) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if len(c.products) == 0 {
		return
	}
	if e.Order != nil {
		c.lines(e.Order.Lines, e.Order.Currency, !priced(e.Order.Lines))
	}
	if e.Return != nil {
		c.lines(e.Return.Lines, "", false)
	}
	if e.Web == nil {
		return
	}
	c.lines(e.Web.Lines, e.Web.Currency, true)
	if q := e.Web.Product; q != nil {
		p, ok := c.products[q.ProductID]
		if !ok {
			return
		}
		q.SKU, q.Name, q.Brand, q.Category = orElse(q.SKU, p.SKU), orElse(q.Name, p.Name), orElse(q.Brand, p.Brand), orElse(q.Category, p.Category)
		if q.Price == 0 && (q.Currency == "" || q.Currency == p.Currency || p.Currency == "") {
			q.Price, q.Currency = p.Price, orElse(q.Currency, p.Currency)
		}
	}
}

func priced(lines []enishi.Line) bool {
	for i := range lines {
		if lines[i].Price != 0 {
			return true
		}
	}
	return false
}

func (c *catalogue) lines(lines []enishi.Line, currency string, prices bool) {
	for i := range lines {
		l := &lines[i]
		p, ok := c.products[l.ProductID]
		if !ok {
			continue
		}
		l.SKU, l.Name, l.Brand, l.Category = orElse(l.SKU, p.SKU), orElse(l.Name, p.Name), orElse(l.Brand, p.Brand), orElse(l.Category, p.Category)
		if prices && l.Price == 0 && (currency == p.Currency || p.Currency == "") {
			l.Price = p.Price
		}
	}
}
