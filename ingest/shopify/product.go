package shopify

import (
	"encoding/json"
	"fmt"
	"time"

	"enishi"
	"enishi/ingest/hooks"
	"enishi/internal/stream"
)

// entry is a product on the topic catalogue (docs/events.md).
type entry struct {
	ProductID string        `json:"product_id"`
	Version   int64         `json:"version,omitempty"` // updated_at in ms
	SKU       string        `json:"sku,omitempty"`
	Name      string        `json:"name"`
	Brand     string        `json:"brand,omitempty"`
	Category  string        `json:"category,omitempty"`
	Price     enishi.Amount `json:"price,omitzero"`
	Compare   enishi.Amount `json:"compare_at_price,omitzero"`
	Stock     *int64        `json:"stock,omitempty"`
	Available *bool         `json:"available,omitempty"`
	ImageURL  string        `json:"image_url,omitempty"`
}

// catalogueOf is a product with the lowest price of its variants and the stock of all; a draft or an archived one is not for sale.
func catalogueOf(p *product) entry {
	x := entry{ProductID: string(p.ID), Name: p.Title, Brand: p.Vendor, Category: p.Type}
	if !p.Updated.IsZero() {
		x.Version = p.Updated.UnixMilli()
	}
	if p.Image != nil {
		x.ImageURL = p.Image.Src
	}
	counted, sold := len(p.Variants) > 0, p.Status == "" || p.Status == "active"
	var stock int64
	for i, v := range p.Variants {
		if price := enishi.Amount(v.Price); i == 0 || price < x.Price {
			x.Price, x.Compare, x.SKU = price, enishi.Amount(v.Compare), v.SKU
		}
		if v.Quantity == nil || v.Tracked == "" || v.Policy == "continue" {
			counted = false // one that is sold without being counted lasts
			continue
		}
		stock += max(*v.Quantity, 0)
	}
	if counted {
		x.Stock = &stock
	}
	if !sold {
		x.Available = &sold
	}
	return x
}

// productRecord is a record of the topic catalogue.
func productRecord(p *product, at time.Time) (stream.Record, error) {
	x := catalogueOf(p)
	value, err := json.Marshal(x)
	if err != nil {
		return stream.Record{}, fmt.Errorf("encode product: %w", err)
	}
	return stream.Record{Topic: enishi.TopicCatalogue, Partition: 0, Key: []byte(x.ProductID), Value: value, Time: at}, nil
}

func (s *Shop) products(d *hooks.Delivery, what string) (hooks.Taken, error) {
	var p product
	if err := read(d, &p); err != nil {
		return hooks.Taken{}, err
	}
	if err := needed(d, "id", p.ID); err != nil {
		return hooks.Taken{}, err
	}
	if what == "delete" {
		return hooks.Taken{Catalogue: []stream.Record{{Topic: enishi.TopicCatalogue, Partition: 0, Key: []byte(p.ID), Time: d.At}}}, nil
	}
	r, err := productRecord(&p, d.At)
	if err != nil {
		return hooks.Taken{}, err
	}
	return hooks.Taken{Catalogue: []stream.Record{r}}, nil
}

// inventory is a stock that changed. Shopify says it by item and place; the product with the sums follows as products/update.
func (s *Shop) inventory(*hooks.Delivery) (hooks.Taken, error) {
	return left("the stock of the product comes with products/update", "在庫数は products/update で取り込みます"), nil
}
