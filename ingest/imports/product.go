package imports

import (
	"encoding/json"
	"fmt"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/mapping"
)

// product checks a record of the topic catalogue as its keeper will, counts it and what of the product it would change, and hands it on.
func (p *pass) product(e *mapping.Event, typ string) error {
	text := fmt.Appendf(opened(e.JSON), `,"import":{"file":"%016x","row":%d}}`, p.mark(enishi.TopicCatalogue), p.order)
	r, refusal := ingest.ProductRecord(text, p.now)
	if refusal == nil {
		refusal = p.compare(string(r.Key), text)
	}
	if refusal != nil {
		p.refused(e, refusal)
		return nil
	}
	if p.seen != nil {
		p.seen(e, typ)
	}
	p.counts.Events++
	p.counts.Types[typ]++
	if p.take != nil {
		return p.take(p.order, r)
	}
	return nil
}

// compare counts what a record changes of a product as it is known now. A part of a product is checked together with the rest.
func (p *pass) compare(id string, text []byte) *ingest.Refusal {
	if p.im.cfg.Product == nil {
		return nil
	}
	had, known := p.im.cfg.Product(id)
	if !known {
		p.counts.Created++
		return nil
	}
	body, _ := json.Marshal(had) // it was read from JSON
	now, _, refusal := ingest.ParseProduct(text, body)
	if refusal != nil || now == nil || now.StaleAfter(had) {
		return refusal
	}
	if now.Price > 0 && now.Price < had.Price && now.Currency == had.Currency {
		p.counts.Cheaper++
	}
	if now.Buyable() && !had.Buyable() {
		p.counts.Back++
	}
	return nil
}
