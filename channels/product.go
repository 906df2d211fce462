package channels

import (
	"errors"

	"enishi"
)

// Product is what the catalogue says of a product when a message leaves.
type Product struct {
	Price     enishi.Amount // 0: the catalogue names none
	Currency  string
	Available bool
	Stock     int64
	Counted   bool // Stock is known
	ImageURL  string
	URL       string
}

// errSoldOut: nothing of what a message offers can be bought any more.
var errSoldOut = errors.New("everything in the cart is sold out")

// fillProducts adds to the lines of order and cart and to the product of the message what the catalogue says now: available, stock, price_now.
// The price that stands there already is the one of the moment of which the message speaks, and stays, but see fillCart. A product that
// the catalogue does not know is taken to be available at that price.
func (f *filling) fillProducts() error {
	f.fillProduct(f.vars["product"])
	order, _ := f.vars["order"].(map[string]any)
	lines, _ := order["lines"].([]any)
	for _, line := range lines {
		f.fillProduct(line)
	}
	cart, _ := f.vars["cart"].(map[string]any)
	return f.fillCart(cart)
}

// fillCart does the same for a cart, which is an offer and no fact: in advertising, what is sold out drops out of it, and prices and
// the sum are those of now. The message does not leave when nothing of it is left; a test and a preview then show it as it was.
func (f *filling) fillCart(cart map[string]any) error {
	lines, _ := cart["lines"].([]any)
	left := make([]any, 0, len(lines))
	var items, gone float64
	var change enishi.Amount
	currency := ""
	for _, l := range lines {
		p, known := f.fillProduct(l)
		line, _ := l.(map[string]any)
		pieces := numberOf(line["quantity"])
		was, _ := enishi.ParseAmount(wordsOf(line["price_value"]))
		if known && p.Currency != "" {
			currency = p.Currency
		}
		if known && !p.Available {
			change -= was * enishi.Amount(pieces)
			gone += pieces
			continue
		}
		items += pieces
		if known && p.Price > 0 {
			change += (p.Price - was) * enishi.Amount(pieces)
		}
		left = append(left, l)
	}
	switch {
	case f.purpose != marketing || len(lines) == 0:
		return nil
	case len(left) == 0 && numberOf(cart["more_lines"]) == 0:
		if f.track && f.m.Purpose != TestPurpose {
			return Refused("sold_out", errSoldOut).With("", "sold_out")
		}
		return nil
	}
	for _, l := range left {
		line, _ := l.(map[string]any)
		line["price"], line["price_value"] = line["price_now"], line["price_now_value"]
	}
	cart["lines"] = left
	if all, ok := cart["items"].(float64); ok {
		cart["items"] = all - gone
	}
	if sum, err := enishi.ParseAmount(wordsOf(cart["value_value"])); err == nil && sum > 0 && change != 0 {
		cart["value"], cart["value_value"] = enishi.Price(sum+change, currency), (sum + change).String()
	}
	return nil
}

// fillProduct adds what the catalogue says to a line; known is false when it says nothing.
func (f *filling) fillProduct(v any) (p Product, known bool) {
	line, ok := v.(map[string]any)
	if !ok {
		return Product{}, false
	}
	line["available"], line["price_now"], line["price_now_value"] = true, line["price"], line["price_value"]
	id := wordsOf(line["product_id"])
	if f.cfg.Product == nil || id == "" {
		return Product{}, false
	}
	if p, known = f.cfg.Product(id); !known {
		return Product{}, false
	}
	line["available"] = p.Available
	fill := func(name, value string) {
		if wordsOf(line[name]) == "" && value != "" {
			line[name] = value
		}
	}
	fill("image_url", p.ImageURL)
	fill("url", p.URL)
	if p.Counted {
		line["stock"] = p.Stock
	}
	if p.Price > 0 {
		line["price_now"], line["price_now_value"] = enishi.Price(p.Price, p.Currency), p.Price.String()
	}
	return p, true
}

// wordsOf and numberOf read a variable of a message.
func wordsOf(v any) string { s, _ := v.(string); return s }

func numberOf(v any) float64 { n, _ := v.(float64); return n }
