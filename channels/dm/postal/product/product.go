// Package product knows the postal products: what they carry, what they cost, and which of them may carry a content.
//
// Products and postage are data (products.json, with its source and date); a shop's settings may replace or add entries. The
// rule of 信書 (a letter: a text to a particular addressee, which only the post's own products may carry; 郵便法 4 条, 総務省
// 「信書に該当する文書に関する指針」) is in letter.go.
package product

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"enishi"
)

// Text is a text in both languages.
type Text struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// Product is a way to mail a piece.
type Product struct {
	Name     string   `json:"name"`
	Title    Text     `json:"title"`
	Carrier  string   `json:"carrier"` // japanpost, yamato, ...
	Letter   bool     `json:"letter"`  // may carry 信書
	Barcode  bool     `json:"barcode"` // the customer barcode earns a discount on it
	Sheets   []string `json:"sheets"`  // the sizes of layout that it takes
	MinGrams int      `json:"min_grams,omitempty"`
	MaxGrams int      `json:"max_grams"`
	Marks    []string `json:"marks"`              // stamp, betsuno (料金別納), konou (料金後納)
	Contract bool     `json:"contract,omitempty"` // priced by contract: the account tells the price
	Note     Text     `json:"note,omitzero"`
	Prices   []Price  `json:"prices,omitempty"`
}

// Price is the postage of a piece up to a weight, from a day on, in yen.
type Price struct {
	ValidFrom string        `json:"valid_from"` // 2024-10-01, of Japan
	UpTo      int           `json:"up_to_grams"`
	Price     enishi.Amount `json:"price"`
}

// Discount is a reduction for many alike pieces.
type Discount struct {
	Name        string   `json:"name"`
	Title       Text     `json:"title"`
	Products    []string `json:"products"`
	Tiers       []Tier   `json:"tiers"`
	Approval    bool     `json:"approval,omitempty"`    // needs an application beforehand
	Advertising bool     `json:"advertising,omitempty"` // of advertisements alike for everybody only
	AddsTo      []string `json:"adds_to,omitempty"`     // discounts that it may be added to
	Note        Text     `json:"note,omitzero"`
}

// Tier is the reduction from a number of pieces on, in per cent.
type Tier struct {
	MinPieces int           `json:"min_pieces"`
	Percent   enishi.Amount `json:"percent"`
}

// Catalogue is what is known of products and postage.
type Catalogue struct {
	Source    string     `json:"source"` // who told it
	URLs      []string   `json:"urls,omitempty"`
	AsOf      string     `json:"as_of"` // the day of the prices
	Products  []Product  `json:"products"`
	Discounts []Discount `json:"discounts"`
}

//go:embed products.json
var products []byte

// Default is the built-in catalogue.
func Default() *Catalogue {
	var c Catalogue
	if err := strict(products, &c); err != nil {
		panic("products.json: " + err.Error())
	}
	return &c
}

// With is the catalogue with a shop's own entries (the same JSON): an entry takes the place of the one of its name, a new one
// is added. Errors name the field.
func (c *Catalogue) With(own []byte) (*Catalogue, error) {
	var o Catalogue
	if err := strict(own, &o); err != nil {
		return nil, enishi.FieldError("products", err.Error(), "郵便商品の設定の形が正しくありません: "+err.Error())
	}
	n := *c
	n.Products, n.Discounts = slices.Clone(c.Products), slices.Clone(c.Discounts)
	if o.Source != "" {
		n.Source, n.URLs = o.Source, o.URLs
	}
	if o.AsOf != "" {
		n.AsOf = o.AsOf
	}
	for _, p := range o.Products {
		n.Products = put(n.Products, p, func(x *Product) string { return x.Name })
	}
	for _, d := range o.Discounts {
		n.Discounts = put(n.Discounts, d, func(x *Discount) string { return x.Name })
	}
	return &n, n.check()
}

func put[T any](all []T, x T, name func(*T) string) []T {
	if i := slices.IndexFunc(all, func(y T) bool { return name(&y) == name(&x) }); i >= 0 {
		all[i] = x
		return all
	}
	return append(all, x)
}

func strict(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func (c *Catalogue) check() error {
	for i := range c.Products {
		p := &c.Products[i]
		at := fmt.Sprintf("products[%d]", i)
		switch {
		case p.Name == "":
			return enishi.FieldError(at+".name", "a product needs a name", "商品の名前がありません")
		case p.MaxGrams <= 0:
			return enishi.FieldError(at+".max_grams", "is more than 0", "0 より大きくしてください")
		case len(p.Prices) == 0 && !p.Contract:
			return enishi.FieldError(at+".prices", "a product needs prices, or contract: true", "料金がありません。契約料金なら contract: true としてください")
		}
		for k := range p.Prices {
			if _, err := time.Parse(time.DateOnly, p.Prices[k].ValidFrom); err != nil {
				return enishi.FieldError(fmt.Sprintf("%s.prices[%d].valid_from", at, k), "is a day: 2024-10-01", "日付(例: 2024-10-01)で書いてください")
			}
			if p.Prices[k].Price < 0 {
				return enishi.FieldError(fmt.Sprintf("%s.prices[%d].price", at, k), "is not below 0", "0 以上にしてください")
			}
		}
	}
	for i := range c.Discounts {
		for k, t := range c.Discounts[i].Tiers {
			if t.Percent < 0 || t.Percent > 100*enishi.Unit {
				return enishi.FieldError(fmt.Sprintf("discounts[%d].tiers[%d].percent", i, k), "is 0 to 100", "0〜100 にしてください")
			}
		}
	}
	return nil
}

// Product finds a product by name.
func (c *Catalogue) Product(name string) (*Product, bool) {
	for i := range c.Products {
		if c.Products[i].Name == name {
			return &c.Products[i], true
		}
	}
	return nil, false
}

// Mailing is a number of alike pieces to be mailed.
type Mailing struct {
	Sheet      string        // size of the layout
	Grams      int           // of a piece; 0: the least that the product takes
	Pieces     int           // 0 counts as 1
	On         time.Time     // the day of mailing, in the shop's zone
	Letter     bool          // the content is 信書
	Barcode    bool          // every piece carries the customer barcode
	Approved   []string      // discounts that the shop has applied for (koukoku, kubun)
	UnitPrice  enishi.Amount // of a product priced by contract, in yen
	Individual bool          // the pieces differ by more than the address: no advertising discount
}

// Quote is a product's price for a mailing, or the reason why it is not for it.
type Quote struct {
	Product   string        `json:"product"`
	Title     Text          `json:"title"`
	Price     enishi.Amount `json:"price"`     // of a piece before discounts, in yen
	Discounts []string      `json:"discounts"` // that are in the total
	Percent   enishi.Amount `json:"percent"`   // of the discounts together
	Total     enishi.Amount `json:"total"`     // of all pieces, in whole yen, rounded down as the post does
	Refused   *Text         `json:"refused,omitempty"`
	ValidFrom string        `json:"valid_from,omitempty"` // since when the price is
	Note      Text          `json:"note,omitzero"`
}

// Check quotes one product. A refusal is in Refused, with the reason and what to do; the error is for a name that is none.
func (c *Catalogue) Check(name string, m Mailing) (Quote, error) {
	p, ok := c.Product(name)
	if !ok {
		names := make([]string, len(c.Products))
		for i := range c.Products {
			names[i] = c.Products[i].Name
		}
		all := strings.Join(names, ", ")
		return Quote{}, enishi.FieldError("product", "no such product: use one of "+all, "その商品はありません。次のどれかにしてください: "+all)
	}
	q := Quote{Product: p.Name, Title: p.Title, Note: p.Note, Discounts: []string{}}
	refuse := func(ja, en string) (Quote, error) {
		q.Refused = &Text{ja, en}
		return q, nil
	}
	switch {
	case m.Letter && !p.Letter:
		return refuse(p.Title.JA+"では信書を送れません(郵便法 4 条)。はがきか封書(定形・定形外)にするか、この人だけに宛てた文面を外してください",
			p.Title.EN+" may not carry a letter (信書, Postal Act art. 4): use a postcard or an envelope of the post, or take out what is meant for this person only")
	case m.Sheet != "" && !slices.Contains(p.Sheets, m.Sheet):
		return refuse("この大きさ("+m.Sheet+")は"+p.Title.JA+"では送れません", p.Title.EN+" does not take the size "+m.Sheet)
	case m.Grams > p.MaxGrams:
		return refuse(fmt.Sprintf("重さ %d g は上限 %d g を超えます", m.Grams, p.MaxGrams), fmt.Sprintf("%d g is more than its %d g", m.Grams, p.MaxGrams))
	case m.Grams > 0 && m.Grams < p.MinGrams:
		return refuse(fmt.Sprintf("重さ %d g は下限 %d g に足りません", m.Grams, p.MinGrams), fmt.Sprintf("%d g is less than its %d g", m.Grams, p.MinGrams))
	}
	if p.Contract {
		if m.UnitPrice <= 0 {
			return refuse("契約料金がアカウントにありません", "the account has no contract price")
		}
		q.Price = m.UnitPrice
	} else {
		price := p.price(max(m.Grams, p.MinGrams, 1), m.On)
		if price == nil {
			return refuse("差出日の料金がありません", "no price is known for the day of mailing")
		}
		q.Price, q.ValidFrom = price.Price, price.ValidFrom
		c.discount(&q, p, &m)
	}
	pieces := enishi.Amount(max(m.Pieces, 1))
	q.Total = q.Price * pieces
	q.Total -= q.Total / 100 * q.Percent / enishi.Unit
	q.Total -= q.Total % enishi.Unit
	return q, nil
}

// price is the newest price that holds on the day, of the smallest weight that takes the piece.
func (p *Product) price(grams int, on time.Time) *Price {
	day := on.Format(time.DateOnly)
	var from string
	for i := range p.Prices {
		if x := &p.Prices[i]; x.ValidFrom <= day && x.ValidFrom > from {
			from = x.ValidFrom
		}
	}
	var best *Price
	for i := range p.Prices {
		if x := &p.Prices[i]; x.ValidFrom == from && x.UpTo >= grams && (best == nil || x.UpTo < best.UpTo) {
			best = x
		}
	}
	return best
}

// discount takes the discounts that the mailing may have: the bar code by itself, those that need an application when the
// shop has it. Discounts that may not be added to each other leave the greatest.
func (c *Catalogue) discount(q *Quote, p *Product, m *Mailing) {
	type earned struct {
		d       *Discount
		percent enishi.Amount
	}
	var all []earned
	for i := range c.Discounts {
		d := &c.Discounts[i]
		barcode := strings.HasPrefix(d.Name, "barcode")
		if !slices.Contains(d.Products, p.Name) || barcode && !m.Barcode || !barcode && !slices.Contains(m.Approved, d.Name) || d.Advertising && m.Individual {
			continue
		}
		percent := enishi.Amount(0)
		for _, t := range d.Tiers {
			if m.Pieces >= t.MinPieces {
				percent = max(percent, t.Percent)
			}
		}
		if percent > 0 {
			all = append(all, earned{d, percent})
		}
	}
	for _, x := range all {
		sum, names := x.percent, []string{x.d.Name}
		for _, y := range all {
			if y.d != x.d && slices.Contains(x.d.AddsTo, y.d.Name) {
				sum += y.percent
				names = append(names, y.d.Name)
			}
		}
		if sum > q.Percent {
			slices.Sort(names)
			q.Percent, q.Discounts = sum, names
		}
	}
}

// Choose quotes every product for a mailing: those that may carry it first, the cheapest before the others, then the refused
// with their reasons. Products priced by contract without a price are among the refused.
func (c *Catalogue) Choose(m Mailing) []Quote {
	all := make([]Quote, 0, len(c.Products))
	for i := range c.Products {
		q, _ := c.Check(c.Products[i].Name, m) // the name is known
		all = append(all, q)
	}
	slices.SortStableFunc(all, func(x, y Quote) int {
		switch {
		case (x.Refused == nil) != (y.Refused == nil):
			if x.Refused == nil {
				return -1
			}
			return 1
		case x.Refused == nil && x.Total != y.Total:
			if x.Total < y.Total {
				return -1
			}
			return 1
		}
		return 0
	})
	return all
}
