package main

import (
	"context"

	"enishi"
	"enishi/api"
	"enishi/channels"
	"enishi/ingest/catalogue"
)

func (w *workspace) buildCatalogue(context.Context) error {
	w.products = catalogue.New(catalogue.Config{Consume: w.stream.Consume, Append: w.stream.Append, Tables: catalogue.OpenTables(w.db), Partitions: w.stream.Partitions(enishi.TopicEvents),
		Settings: w.catalogueSettings, CatchUp: func(ctx context.Context) error { return w.api.CatchUp(ctx) }, SaveDead: api.DeadTable{DB: w.db}.Save, Now: w.shopClock, Log: w.log})
	return nil
}

// catalogueSettings say which changes of products act.
func (w *workspace) catalogueSettings() catalogue.Settings {
	d, _ := w.definitions.Current("setting", catalogue.SettingName)
	set, err := catalogue.ParseSettings(d.Body)
	if err != nil { // it was checked when it was saved
		w.log.Error("settings of the catalogue", "err", err)
	}
	return set
}

// product is what the catalogue says of a product now.
func (w *workspace) product(id string) (channels.Product, bool) {
	p, ok := w.ingester.Product(id)
	if !ok {
		return channels.Product{}, false
	}
	out := channels.Product{Available: p.Buyable(), ImageURL: p.ImageURL, URL: p.URL}
	if p.Stock != nil {
		out.Stock, out.Counted = *p.Stock, true
	}
	if p.Price > 0 {
		out.Price, out.Currency = p.Price, p.Currency
	}
	return out, true
}
