package analytics

import (
	"context"
	"fmt"
	"time"
)

// Funnel is how many people went how far.
type Funnel struct {
	Steps           []FunnelStep `json:"steps"`
	Definition      Text         `json:"definition"`
	CompleteThrough time.Time    `json:"complete_through"`
}

// FunnelStep is one step; Share is of the first step, FromPrevious of the step before, both 0..1.
type FunnelStep struct {
	Name         string  `json:"name"`
	Label        Text    `json:"label"`
	People       int64   `json:"people"`
	Share        float64 `json:"share"`
	FromPrevious float64 `json:"from_previous"`
}

// FunnelSteps names the steps in order.
func FunnelSteps() []FunnelStep {
	return []FunnelStep{
		{Name: "viewed", Label: Text{"商品を見た", "Viewed a product"}},
		{Name: "carted", Label: Text{"カートに入れた", "Added to cart"}},
		{Name: "ordered", Label: Text{"注文した", "Ordered"}},
		{Name: "delivered", Label: Text{"届いた", "Delivered"}},
		{Name: "reviewed", Label: Text{"レビューを書いた", "Reviewed"}},
	}
}

// Funnel reports viewed -> carted -> ordered -> delivered -> reviewed: people whose first product view in the range was
// followed, in this order and up to the range's end, by a cart, a valid order that no subscription placed, the arrival of
// that order's last parcel, and a review of that order (or, when a review names no order, of a product in it).
func (r *Reports) Funnel(ctx context.Context, x Range) (*Funnel, error) {
	if err := x.Check(); err != nil {
		return nil, err
	}
	out := &Funnel{Steps: FunnelSteps(), Definition: Text{
		"期間内に商品を見た人のうち、その後（期間内に）次の段階へ順に進んだ人の数です。キャンセルされた注文と定期便の自動注文は数えません。届いたのは、注文の荷物がすべて届いた日です。",
		"Of the people who viewed a product in the range, those who then went on to each next step, in order, within the range. Cancelled orders and those that a subscription placed do not count; an order is delivered with its last parcel."}}
	var err error
	if out.CompleteThrough, err = r.CompleteThrough(ctx); err != nil {
		return nil, err
	}
	n := make([]uint64, len(out.Steps))
	into := make([]any, len(n))
	for i := range n {
		into[i] = &n[i]
	}
	if err := r.Conn.QueryRow(ctx, sqlText("funnel"), x.args()...).Scan(into...); err != nil {
		return nil, fmt.Errorf("report funnel: %w", err)
	}
	before := n[0]
	for i := range n {
		s := &out.Steps[i]
		s.People, s.Share, s.FromPrevious = int64(n[i]), ratio(n[i], n[0]), ratio(n[i], before)
		before = n[i]
	}
	return out, nil
}

// ratio is 0 of nobody.
func ratio(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
