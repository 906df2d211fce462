package channels

// Product is what the catalogue says of a product when a message leaves.
type Product struct {
	Price      string // as people read it; empty: the catalogue names none
	PriceValue string // the plain number
	Available  bool
	Stock      int64
	Counted    bool // Stock is known
}

// fillProducts adds to the lines of order and cart and to the product of the message what the catalogue says now: available, stock, price_now.
// The price that stands there already is the one of the moment of which the message speaks, and stays. A product that the catalogue
// does not know is taken to be available at that price.
func (f *filling) fillProducts() {
	f.fillProduct(f.vars["product"])
	for _, name := range [...]string{"order", "cart"} {
		of, _ := f.vars[name].(map[string]any)
		lines, _ := of["lines"].([]any)
		for _, line := range lines {
			f.fillProduct(line)
		}
	}
}

func (f *filling) fillProduct(v any) {
	line, ok := v.(map[string]any)
	if !ok {
		return
	}
	line["available"], line["price_now"], line["price_now_value"] = true, line["price"], line["price_value"]
	id, _ := line["product_id"].(string)
	if f.cfg.Product == nil || id == "" {
		return
	}
	p, ok := f.cfg.Product(id)
	if !ok {
		return
	}
	line["available"] = p.Available
	if p.Counted {
		line["stock"] = p.Stock
	}
	if p.Price != "" {
		line["price_now"], line["price_now_value"] = p.Price, p.PriceValue
	}
}
