package catalogue

import (
	"strconv"
	"time"

	"enishi"
	"enishi/ingest"
)

// Kinds of change that people hear of; each is a type of event.
const (
	BackInStock  = "product.back_in_stock"
	PriceDropped = "product.price_dropped"
	LowStock     = "product.low_stock"
)

// state is what is remembered of a product so that each change is announced once.
type state struct {
	Out       bool          `json:"out,omitempty"`      // it was sold out, and its return is not announced
	Reference enishi.Amount `json:"reference,omitzero"` // the price that a drop is measured against
	Currency  string        `json:"currency,omitempty"` // of Reference
	Plenty    bool          `json:"plenty,omitempty"`   // there was more than a few since it was announced to run low
	Back      time.Time     `json:"back,omitzero"`      // last announcements
	Dropped   time.Time     `json:"dropped,omitzero"`   //
	Low       time.Time     `json:"low,omitzero"`       //
	Known     bool          `json:"known,omitempty"`    // it was seen before: what is new is no change
}

// Change is something that people hear of.
type Change struct {
	ID        enishi.ID // of the product, the kind, and the announcement of this kind before
	Kind      string
	ProductID string
	At        time.Time
	Old, New  enishi.Amount // of a price that dropped
	Stock     *int64        // now
	product   *ingest.Product
}

// note takes over what a record says of a product, without announcing anything.
func (s *state) note(p *ingest.Product, set *Settings) {
	buyable := p.Buyable()
	if !s.Known {
		s.Known, s.Out, s.Reference, s.Currency = true, !buyable, p.Price, p.Currency
	}
	s.Out = s.Out || !buyable
	if p.Price == 0 || p.Currency != s.Currency || p.Price > s.Reference {
		s.Reference, s.Currency = p.Price, p.Currency
	}
	if p.Stock != nil && *p.Stock > set.LowStock {
		s.Plenty = true
	}
}

// observe says what is to be announced of a product at an instant, and when it is to be looked at again (zero: at its next record). What
// changes to and fro is announced once in a window; what is still so at its end is announced then.
func (s *state) observe(p *ingest.Product, at time.Time, set *Settings) (out []Change, again time.Time) {
	if !p.Buyable() {
		return nil, time.Time{}
	}
	announce := func(kind string, last *time.Time) bool {
		if opens := last.Add(set.window()); !last.IsZero() && at.Before(opens) {
			if again.IsZero() || opens.Before(again) {
				again = opens
			}
			return false
		}
		id := enishi.NewID("catalogue", kind, p.ProductID, strconv.FormatInt(last.UnixMilli(), 10))
		out = append(out, Change{ID: id, Kind: kind, ProductID: p.ProductID, At: at, Old: s.Reference, New: p.Price, Stock: p.Stock, product: p})
		*last = at
		return true
	}
	few := p.Stock != nil && *p.Stock <= set.LowStock
	if s.Out && announce(BackInStock, &s.Back) {
		s.Out = false
		s.Plenty = s.Plenty && !few // few are back: nobody needs to hear it twice
	}
	if p.Price > 0 && p.Price < s.Reference && int64(p.Price)*100 <= int64(s.Reference)*(100-set.PriceDrop) && announce(PriceDropped, &s.Dropped) {
		s.Reference = p.Price
	}
	if few && s.Plenty && !s.Out && announce(LowStock, &s.Low) {
		s.Plenty = false
	}
	return out, again
}
