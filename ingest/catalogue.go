package ingest

import (
	"sync"

	"encoding/json"

	"enishi"
	"enishi/internal/stream"
)

// catalogue is a copy of the topic catalogue: the newest product by id. A record is a JSON product (docs/catalogue.md); an empty value
// takes the product named by the key away. Records of other things are passed over, bad ones too: who keeps the table tells of them.
type catalogue struct {
	mu       sync.RWMutex
	products map[string]*Product
}

// Product is a product of the catalogue by its id; false when the catalogue has none. It is not to be changed.
func (in *Ingester) Product(id string) (*Product, bool) {
	c := &in.catalogue
	c.mu.RLock()
	defer c.mu.RUnlock()
	p, ok := c.products[id]
	return p, ok
}

func (c *catalogue) fold(r *stream.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := string(r.Key)
	if len(r.Value) == 0 {
		delete(c.products, id)
		return
	}
	var head struct {
		Type      string `json:"type"`
		ProductID string `json:"product_id"`
	}
	if json.Unmarshal(r.Value, &head) != nil {
		return
	}
	had := c.products[head.ProductID]
	var body []byte
	if had != nil && head.Type == catalogueUpdate {
		body, _ = json.Marshal(had) // what the program knows of a product is all that is needed here
	}
	p, _, refusal := ParseProduct(r.Value, body)
	if p == nil || refusal != nil || had != nil && p.StaleAfter(had) {
		return
	}
	if c.products == nil {
		c.products = map[string]*Product{}
	}
	c.products[p.ProductID] = p
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
