package shopify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// DefaultVersion is the version of the Admin API that the queries here are written for.
const DefaultVersion = "2026-07"

// ClientConfig is how the Admin API of a shop is reached.
type ClientConfig struct {
	Shop     string // enmusubi.myshopify.com
	Version  string // default DefaultVersion
	Endpoint string // default https:// and Shop
	Token    string // a lasting one; else ClientID and Secret get one for a day (client credentials grant)
	ClientID string
	Secret   string
	HTTP     *http.Client
	Now      func() time.Time
}

// Client asks the Admin API. It is safe for concurrent use.
type Client struct {
	cfg ClientConfig

	mu    sync.Mutex
	token string
	until time.Time
}

// NewClient checks cfg.
func NewClient(cfg ClientConfig) (*Client, error) {
	if cfg.Shop == "" || cfg.Token == "" && (cfg.ClientID == "" || cfg.Secret == "") {
		return nil, errors.New("shopify: shop is needed, and token, or client_id with secret")
	}
	cfg.Version = cmp.Or(cfg.Version, DefaultVersion)
	cfg.Endpoint = strings.TrimSuffix(cmp.Or(cfg.Endpoint, "https://"+cfg.Shop), "/")
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: time.Minute}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Client{cfg: cfg}, nil
}

// errNoAccess is a token that the shop does not take.
var errNoAccess = errors.New("Shopify does not take the token: look at client_id, secret or token of the source, and whether the app is installed")

const (
	maxAnswer = 8 << 20
	tries     = 8
	maxWait   = 30 * time.Second
)

// Query asks; into takes what stands under data. It waits where Shopify asks for slower questions, and tries again what may pass.
func (c *Client) Query(ctx context.Context, query string, variables map[string]any, into any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return fmt.Errorf("encode query: %w", err)
	}
	wait := time.Second
	for try := 1; ; try++ {
		pause, err := c.ask(ctx, body, into)
		if err == nil || pause < 0 || try == tries {
			return err
		}
		if pause == 0 {
			pause, wait = wait, min(2*wait, maxWait)
		}
		if err := sleep(ctx, min(pause, maxWait)); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// never is a pause after which the question would fail again.
const never = -1

// ask asks once. With an error: how long to wait before the next try, 0 for a growing pause, never.
func (c *Client) ask(ctx context.Context, body []byte, into any) (time.Duration, error) {
	token, err := c.access(ctx)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.Endpoint+"/admin/api/"+c.cfg.Version+"/graphql.json", bytes.NewReader(body))
	if err != nil {
		return never, fmt.Errorf("ask Shopify: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Access-Token", token)
	res, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask Shopify: %w", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, fmt.Errorf("ask Shopify: %w", err)
	}
	switch {
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden:
		if c.cfg.Token != "" || !c.forget(token) {
			return never, errNoAccess
		}
		return time.Millisecond, errNoAccess
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500:
		return 0, fmt.Errorf("Shopify answers %s", res.Status)
	case res.StatusCode != http.StatusOK:
		return never, fmt.Errorf("Shopify answers %s: is the version %s right?", res.Status, c.cfg.Version)
	}
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []struct {
			Message    string `json:"message"`
			Extensions struct {
				Code string `json:"code"`
			} `json:"extensions"`
		} `json:"errors"`
		Extensions struct {
			Cost struct {
				Requested float64 `json:"requestedQueryCost"`
				Throttle  struct {
					Available float64 `json:"currentlyAvailable"`
					Restore   float64 `json:"restoreRate"`
				} `json:"throttleStatus"`
			} `json:"cost"`
		} `json:"extensions"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return 0, fmt.Errorf("read Shopify's answer: %w", err)
	}
	if len(answer.Errors) > 0 {
		e := answer.Errors[0]
		if e.Extensions.Code != "THROTTLED" {
			return never, fmt.Errorf("Shopify refuses the query: %s", e.Message)
		}
		cost := answer.Extensions.Cost
		missing := cost.Requested - cost.Throttle.Available
		if missing <= 0 || cost.Throttle.Restore <= 0 {
			return 0, errors.New("Shopify asks for slower queries")
		}
		return time.Duration(missing / cost.Throttle.Restore * float64(time.Second)), errors.New("Shopify asks for slower queries")
	}
	if err := json.Unmarshal(answer.Data, into); err != nil {
		return never, fmt.Errorf("read Shopify's answer: %w", err)
	}
	return 0, nil
}

// access is a token that holds.
func (c *Client) access(ctx context.Context) (string, error) {
	if c.cfg.Token != "" {
		return c.cfg.Token, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" && c.cfg.Now().Before(c.until) {
		return c.token, nil
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.cfg.ClientID}, "client_secret": {c.cfg.Secret}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.Endpoint+"/admin/oauth/access_token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("ask Shopify for a token: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask Shopify for a token: %w", err)
	}
	defer res.Body.Close()
	var answer struct {
		Token   string `json:"access_token"`
		Expires int    `json:"expires_in"` // seconds
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(&answer); err != nil || res.StatusCode != http.StatusOK || answer.Token == "" {
		return "", fmt.Errorf("ask Shopify for a token (%s): %w", res.Status, errNoAccess)
	}
	c.token, c.until = answer.Token, c.cfg.Now().Add(time.Duration(max(answer.Expires-300, 60))*time.Second)
	return c.token, nil
}

// forget drops a token that was refused; false when it was dropped before.
func (c *Client) forget(token string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != token {
		return true // another call has a new one by now
	}
	fresh := c.until.Sub(c.cfg.Now()) > 86_000*time.Second // made just now: the next one would be refused too
	c.token = ""
	return !fresh
}
