package audiences

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"golang.org/x/oauth2"
)

// Tokens keeps the access token of an application that signs in by OAuth 2, until it ends or the platform refuses it. Header and Renew are those of a [Caller].
type Tokens struct {
	source  func(ctx context.Context) oauth2.TokenSource
	client  *http.Client
	refused Problem

	mu  sync.Mutex
	now oauth2.TokenSource
}

// NewTokens makes one; it makes no call. refused is what is said when the platform does not let the application in; its class is Auth.
func NewTokens(client *http.Client, refused Problem, source func(ctx context.Context) oauth2.TokenSource) *Tokens {
	refused.Class = Auth
	t := &Tokens{source: source, client: client, refused: refused}
	t.Renew()
	return t
}

// Renew forgets the token.
func (t *Tokens) Renew() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = t.source(context.WithValue(context.Background(), oauth2.HTTPClient, t.client))
}

// Header sets the token.
func (t *Tokens) Header(_ context.Context, r *http.Request) error {
	t.mu.Lock()
	now := t.now
	t.mu.Unlock()
	token, err := now.Token()
	if err != nil {
		var x *oauth2.RetrieveError
		if errors.As(err, &x) && x.Response != nil && x.Response.StatusCode < 500 && x.Response.StatusCode != http.StatusTooManyRequests {
			p := t.refused
			p.Code, p.Err = x.ErrorCode, err
			return &p
		}
		return err
	}
	token.SetAuthHeader(r)
	return nil
}
