package line

import (
	"context"
	"errors"
	"net/http"
	"net/url"
)

// UserProfile is how a friend shows to others on LINE (GET /v2/bot/profile/{userId}); each may be empty.
type UserProfile struct {
	Name    string `json:"displayName"`
	Picture string `json:"pictureUrl"` // https
	Status  string `json:"statusMessage"`
}

// UserProfile asks LINE for it; false: the user is no friend, blocked the account or left LINE.
func (c *Channel) UserProfile(ctx context.Context, user string) (p UserProfile, ok bool, err error) {
	_, err = c.request(ctx, call{method: http.MethodGet, path: "/v2/bot/profile/" + url.PathEscape(user)}, &p)
	var r *Refusal
	if errors.As(err, &r) && (r.Status == http.StatusNotFound || r.Status == http.StatusBadRequest) {
		return p, false, nil
	}
	return p, err == nil, err
}
