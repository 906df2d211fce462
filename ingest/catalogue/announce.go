package catalogue

import (
	"context"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/internal/stream"
)

// announce appends the events of changes to everybody whom they may concern.
func (k *Keeper) announce(ctx context.Context, changes []Announced, set *Settings, now time.Time) error {
	if err := k.pause(ctx); err != nil {
		return err
	}
	// Whoever asked before the change is in the tables after this; whoever asks later sees the product as it is now.
	if err := k.cfg.CatchUp(ctx); err != nil {
		return err
	}
	of := map[string][]int{}
	q := Question{Since: now.Add(-lookBack), Viewed: now.AddDate(0, 0, -int(set.ViewedDays)), Each: perPerson}
	for i := range changes {
		id := changes[i].ProductID
		if of[id] == nil {
			q.Products = append(q.Products, id)
		}
		of[id] = append(of[id], i)
	}
	var recs []stream.Record
	begun := time.Now()
	err := k.cfg.Tables.Waiting(ctx, q, func(w Whom) {
		for _, i := range of[w.Product] {
			changes[i].Addressed++
			e := changes[i].event(w.Profile, set)
			recs = append(recs, stream.Record{Topic: enishi.TopicEvents, Partition: w.Profile.Partition(k.cfg.Partitions), Time: now,
				Key: append([]byte(nil), w.Profile[:]...), Value: enishi.EncodeEvent(nil, &e)})
		}
	})
	k.ready = time.Now().Add(min(rest*time.Since(begun), longestRest))
	if err != nil {
		return err
	}
	for len(recs) > 0 {
		n := min(len(recs), appendBatch)
		if err := k.cfg.Append(ctx, recs[:n]); err != nil {
			return err
		}
		recs = recs[n:]
	}
	for i := range changes {
		c := &changes[i]
		k.log.Info("a product changed", "kind", c.Kind, "product_id", c.ProductID, "addressed", c.Addressed)
	}
	return nil
}

// pause waits until people may be looked for again: changes that come meanwhile are looked for together.
func (k *Keeper) pause(ctx context.Context) error {
	timer := time.NewTimer(time.Until(k.ready))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// event tells a person of a change. The fold passes over it where it does not concern them, and says why where it does.
func (c *Change) event(to enishi.ID, set *Settings) enishi.Event {
	p := c.product
	e := enishi.Event{ID: enishi.NewID(string(c.ID[:]), string(to[:])), Type: c.Kind, Subject: to, Profile: to, At: c.At, Source: "catalogue",
		Web: &enishi.Web{Product: Shown(p)}, Properties: map[string]enishi.Value{"viewed_days": enishi.NumberValue(float64(set.ViewedDays))}}
	if c.Kind == PriceDropped {
		e.Properties["old_price"], e.Properties["price"] = enishi.NumberValue(c.Old.Float()), enishi.NumberValue(c.New.Float())
	}
	if c.Stock != nil {
		e.Properties["stock"] = enishi.NumberValue(float64(*c.Stock))
	}
	return e
}

// Shown is a product as events and messages show it.
func Shown(p *ingest.Product) *enishi.Product {
	return &enishi.Product{ProductID: p.ProductID, SKU: p.SKU, Name: p.Name, Brand: p.Brand, Category: p.Category, Variant: p.Attributes["variant"],
		Price: p.Price, Currency: p.Currency, ImageURL: p.ImageURL, URL: p.URL}
}
