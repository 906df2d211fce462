package line

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// Coupon is a coupon of an official account, which a message of type coupon shows.
type Coupon struct {
	ID    string `json:"couponId"`
	Title string `json:"title"`
}

// CreateCoupon makes a coupon from LINE's own object and gives its id.
func (c *Channel) CreateCoupon(ctx context.Context, body json.RawMessage) (string, error) {
	var made Coupon
	_, err := c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/coupon", body: body}, &made)
	return made.ID, err
}

// Coupons lists up to 100 coupons that are not closed.
func (c *Channel) Coupons(ctx context.Context) ([]Coupon, error) {
	var list struct {
		Items []Coupon `json:"items"`
	}
	_, err := c.request(ctx, call{method: http.MethodGet, path: "/v2/bot/coupon?status=RUNNING&limit=100"}, &list)
	return list.Items, err
}

// CloseCoupon ends a coupon for good; who holds it cannot use it any more.
func (c *Channel) CloseCoupon(ctx context.Context, id string) error {
	_, err := c.request(ctx, call{method: http.MethodPut, path: "/v2/bot/coupon/" + url.PathEscape(id) + "/close"}, nil)
	return err
}
