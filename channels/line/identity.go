package line

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"enishi"
)

// idTokenIssuer stands in every id token of LINE Login.
const idTokenIssuer = "https://access.line.me"

var errIDToken = errors.New("LINE does not accept the id token")

// VerifyIDToken asks LINE whose id token it is, and whether it was made for the LINE Login channel. What the browser says of
// a user is never believed.
func (c *Channel) VerifyIDToken(ctx context.Context, token, login string, now time.Time) (userID string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	form := url.Values{"id_token": {token}, "client_id": {login}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.cfg.BaseURL, "/")+"/oauth2/v2.1/verify", strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("verify id token: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := c.client.Do(r)
	if err != nil {
		return "", &enishi.Error{Code: enishi.Unavailable, Msg: "LINE does not answer", MsgJA: "LINE に接続できません。", Err: plain(err)}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil || res.StatusCode >= 500 {
		return "", &enishi.Error{Code: enishi.Unavailable, Msg: "LINE does not answer", MsgJA: "LINE に接続できません。", Err: fmt.Errorf("verify id token: status %d", res.StatusCode)}
	}
	var claims struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Expires  int64  `json:"exp"`
	}
	if res.StatusCode != http.StatusOK || json.Unmarshal(body, &claims) != nil || claims.Issuer != idTokenIssuer || claims.Audience != login ||
		claims.Subject == "" || !now.Before(time.Unix(claims.Expires, 0)) {
		return "", errIDToken
	}
	return claims.Subject, nil
}

// LinkToken asks LINE for a token by which the person can link the account: valid for 10 minutes, once.
func (c *Channel) LinkToken(ctx context.Context, userID string) (string, error) {
	var out struct {
		Token string `json:"linkToken"`
	}
	if _, err := c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/user/" + url.PathEscape(userID) + "/linkToken"}, &out); err != nil {
		return "", fmt.Errorf("issue link token: %w", err)
	}
	return out.Token, nil
}
