package demo

import (
	"encoding/json"
	"fmt"
	"time"

	"enishi"
)

// stocks are pieces in the two shops together, where they are not the usual ones: one product is sold out, two run low.
var stocks = map[string]int64{"KM-202": 4, "KM-602": 0, "KM-802": 2}

// usualStock is what there is of every other product.
const usualStock = 120

// Catalogue is what the shop's system tells of its products at an instant: a record of the topic catalogue each.
func (s *Shop) Catalogue(at time.Time) []Record {
	out := make([]Record, 0, len(Products))
	for _, p := range Products {
		stock, named := stocks[p.ID]
		if !named {
			stock = usualStock
		}
		x := map[string]any{"product_id": p.ID, "sku": p.ID, "name": p.Name, "brand": p.Line, "category": p.Category, "price": yen(p.Price), "currency": "JPY",
			"url": s.Base + "/demo/shop#" + p.ID, "stores": map[string]int64{Stores[0].ID: stock / 2, Stores[1].ID: stock - stock/2}, "updated_at": at}
		value, err := json.Marshal(x)
		if err != nil {
			panic(fmt.Sprintf("write product %s: %v", p.ID, err)) // texts and numbers
		}
		out = append(out, Record{Topic: enishi.TopicCatalogue, Key: []byte(p.ID), At: at, Value: value})
	}
	return out
}
