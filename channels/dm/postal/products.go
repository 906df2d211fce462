package postal

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/channels/dm/postal/product"
)

// Source is what a postal template says that matters to the choice of a product.
type Source struct {
	Product  string
	Size     string
	Letter   *bool // as the template declares itself
	Findings []product.Finding
}

// IsLetter tells whether the content is 信書: the template's own word, else what was found in it.
func (s *Source) IsLetter() bool {
	if s.Letter != nil {
		return *s.Letter
	}
	return len(s.Findings) > 0
}

// ReadSource reads the definition of a postal template, all its languages and alternatives.
func ReadSource(body []byte) (*Source, error) {
	var t any
	if err := json.Unmarshal(body, &t); err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	s := &Source{}
	s.walk("", t, false)
	return s, nil
}

// walk looks for contents, and in them for texts.
func (s *Source) walk(place string, v any, content bool) {
	switch v := v.(type) {
	case []any:
		for i, x := range v {
			s.walk(fmt.Sprintf("%s[%d]", place, i), x, content)
		}
	case map[string]any:
		if content {
			if text, ok := v["size"].(string); ok && s.Size == "" {
				s.Size = text
			}
			if text, ok := v["product"].(string); ok && s.Product == "" {
				s.Product = text
			}
			if letter, ok := v["letter"].(bool); ok && s.Letter == nil {
				s.Letter = &letter
			}
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			at := k
			if place != "" {
				at = place + "." + k
			}
			s.walk(at, v[k], content || k == "content")
		}
	case string:
		if content {
			s.Findings = append(s.Findings, product.Letter(place, v)...)
		}
	}
}

// source is what the template of a batch says, by the version of its first piece.
func (o *Office) source(ctx context.Context, b *Batch) (*Source, error) {
	some, err := o.Pieces.Page(ctx, b.Name, enishi.ID{}, 1, "seed = 0")
	if err != nil {
		return nil, err
	}
	d, ok := o.cfg.Definitions.Current("template", b.Template)
	if len(some) > 0 && some[0].TemplateVersion > 0 {
		if old, found := o.cfg.Definitions.Version("template", b.Template, some[0].TemplateVersion); found {
			d, ok = old, true
		}
	}
	if !ok {
		return &Source{}, nil
	}
	return ReadSource(d.Body)
}

// mailing is what is asked of a product.
func (o *Office) mailing(s *Source, set *Account, pieces int, at time.Time) product.Mailing {
	m := product.Mailing{Sheet: s.Size, Pieces: pieces, On: at.In(o.cfg.Zone()), Letter: s.IsLetter(), Barcode: true, Individual: s.IsLetter(), Approved: set.Discounts, Grams: set.Grams}
	if set.Cost.Postage != nil {
		m.UnitPrice = *set.Cost.Postage
	}
	return m
}

// Quotes are the products for a batch, the cheapest allowed first, with what was found in the template.
func (o *Office) Quotes(ctx context.Context, b *Batch) ([]product.Quote, *Source, error) {
	s, err := o.source(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	at := o.now()
	if !b.ClosedAt.IsZero() {
		at = b.ClosedAt
	}
	return product.Default().Choose(o.mailing(s, o.account(b.Account), b.Tally.Pieces, at)), s, nil
}

// chooseProduct takes the account's product, else the template's, else the cheapest that may carry the content. What it costs per
// piece includes discounts by number; Refused says why the product may not be used.
func (o *Office) chooseProduct(ctx context.Context, b *Batch, set *Account) (enishi.Amount, error) {
	s, err := o.source(ctx, b)
	if err != nil {
		return 0, err
	}
	heads, err := o.Pieces.Heads(ctx, "batch = {batch:String}", ch.Named("batch", b.Name))
	if err != nil {
		return 0, err
	}
	n := 0
	if len(heads) > 0 {
		n = heads[0].Pieces
	}
	m := o.mailing(s, set, n, o.now())
	b.Product, b.Refused, b.Letter = set.Product, Text{}, m.Letter
	if b.Product == "" {
		b.Product = s.Product
	}
	var q product.Quote
	if b.Product != "" {
		if q, err = product.Default().Check(b.Product, m); err != nil {
			return 0, err
		}
	} else if all := product.Default().Choose(m); len(all) > 0 {
		q = all[0]
	}
	b.Product = q.Product
	if q.Refused != nil {
		b.Refused = Text(*q.Refused)
	}
	cost := set.Cost.Print
	switch {
	case set.Cost.Postage != nil:
		cost += *set.Cost.Postage
	case n > 0:
		cost += q.Total / enishi.Amount(n)
	}
	return cost, nil
}
