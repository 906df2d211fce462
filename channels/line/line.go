// Package line sends messages by the LINE Messaging API and takes its webhooks.
//
// Once only: every push carries a retry key (UUIDv5 of send id and round), which LINE knows for 24 hours. After an error
// whose outcome is not known the same key is used again; 409 says that the message was taken before.
//
// 200 does not mean that somebody got it: LINE drops messages to people who blocked the account without a word. Whether a
// person is a friend is decided before the send, from the follow and unfollow webhooks.
package line

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/line/line-bot-sdk-go/v8/linebot/messaging_api"

	"enishi"
	"enishi/channels"
)

// Repeat is how long a push may be repeated under its retry key: LINE knows it for 24 hours from the first try.
const Repeat = 23 * time.Hour

// MaxGroup is how many people one multicast may be for.
const MaxGroup = 500

// Config of one official account.
type Config struct {
	Token   string        // channel access token
	BaseURL string        // https://api.line.me
	DataURL string        // of large data: https://api-data.line.me, or BaseURL when that is given
	Timeout time.Duration // of one call; 30 s
	Client  *http.Client  // its Timeout is not used; nil: one with enough connections of its own
	Log     *slog.Logger
}

// Channel is one account. It is safe for concurrent use.
type Channel struct {
	cfg    Config
	client *http.Client
}

// New checks cfg. Its errors are [enishi.Error].
func New(cfg Config) (*Channel, error) {
	if cfg.Token == "" {
		return nil, enishi.FieldError("token", "the channel access token is missing", "チャネルアクセストークンがありません")
	}
	if cfg.DataURL == "" {
		cfg.DataURL = cmp.Or(cfg.BaseURL, "https://api-data.line.me")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = "https://api.line.me"
	}
	if u, err := url.ParseRequestURI(cfg.BaseURL); err != nil || u.Host == "" {
		return nil, enishi.FieldError("base_url", "the address of the API must be like https://api.line.me", "API の URL は https://api.line.me のように書いてください")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	client := cfg.Client
	if client == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 64
		client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return &Channel{cfg: cfg, client: client}, nil
}

// object is a message object as the template made it; the SDK writes it as it is.
type object struct {
	kind string
	raw  json.RawMessage
}

func (o object) GetType() string              { return o.kind }
func (o object) MarshalJSON() ([]byte, error) { return o.raw, nil }

// Send pushes the messages to one person.
func (c *Channel) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	messages, err := objects(m)
	if err != nil {
		return channels.Receipt{}, channels.Permanent(err).With("", "content")
	}
	return c.call(ctx, m.Begin, func(api *messaging_api.MessagingApiAPI) (*http.Response, error) {
		res, _, err := api.PushMessageWithHttpInfo(&messaging_api.PushMessageRequest{To: m.To, Messages: messages, CustomAggregationUnits: units(m)}, m.Key.UUID())
		return res, err
	})
}

// SendGroup sends the same messages to up to [MaxGroup] people by one multicast. LINE takes it for all of them or not at
// all; who blocked the account is left out there without a word, as with a push.
func (c *Channel) SendGroup(ctx context.Context, m *channels.Rendered, to []channels.Recipient) (channels.Receipt, error) {
	messages, err := objects(m)
	if err != nil {
		return channels.Receipt{}, channels.Permanent(err).With("", "content")
	}
	ids := make([]string, len(to))
	for i, x := range to {
		ids[i] = x.To
	}
	return c.call(ctx, m.Begin, func(api *messaging_api.MessagingApiAPI) (*http.Response, error) {
		res, _, err := api.MulticastWithHttpInfo(&messaging_api.MulticastRequest{To: ids, Messages: messages, CustomAggregationUnits: units(m)}, m.Key.UUID())
		return res, err
	})
}

func (c *Channel) call(ctx context.Context, begin func() error, do func(*messaging_api.MessagingApiAPI) (*http.Response, error)) (channels.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	api, err := c.api(ctx)
	if err != nil {
		return channels.Receipt{}, channels.Down(err).With("", "account")
	}
	if begin != nil {
		if err := begin(); err != nil {
			return channels.Receipt{}, channels.Busy(err, 0)
		}
	}
	res, err := do(api)
	if res == nil {
		return channels.Receipt{}, unanswered(err)
	}
	return answered(res, err)
}

// units are never nil: null is not in LINE's schema.
func units(m *channels.Rendered) []string {
	if m.Unit == "" {
		return []string{}
	}
	return []string{m.Unit}
}

func objects(m *channels.Rendered) ([]messaging_api.MessageInterface, error) {
	var raws []json.RawMessage
	if err := json.Unmarshal(m.Messages, &raws); err != nil {
		return nil, fmt.Errorf("the messages are no JSON array: %w", err)
	}
	var out []messaging_api.MessageInterface
	for i, raw := range raws {
		var o struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(raw, &o); err != nil || o.Type == "" {
			return nil, fmt.Errorf("messages[%d] has no type", i)
		}
		out = append(out, object{o.Type, raw})
	}
	return out, nil
}

// unanswered is what no answer means: for certain nothing was taken only while nothing could be said.
func unanswered(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return channels.Busy(fmt.Errorf("LINE cannot be reached: %w", op.Err), 0)
	}
	return channels.Unknown(fmt.Errorf("no answer from LINE: %w", plain(err)))
}

// plain takes the address out of net/http's errors: it may carry what is not for logs.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// answered is what an answer means. err is the SDK's own reading of it, which does not tell more.
func answered(res *http.Response, err error) (channels.Receipt, error) {
	defer res.Body.Close()
	code := strconv.Itoa(res.StatusCode)
	id := res.Header.Get("X-Line-Request-Id")
	switch {
	case res.StatusCode/100 == 2:
		// Accepted. A body that was cut off on the way changes nothing.
		return channels.Receipt{ProviderID: id, Code: code}, nil
	case res.StatusCode == http.StatusConflict:
		if first := res.Header.Get("X-Line-Accepted-Request-Id"); first != "" {
			id = first
		}
		return channels.Receipt{ProviderID: id, Code: code}, nil
	}
	return channels.Receipt{}, readRefusal(res).verdict()
}

// verdict is what the answer of a send asks for.
func (r *Refusal) verdict() *channels.SendError {
	code := strconv.Itoa(r.Status)
	for i := range answers {
		if x := &answers[i]; x.fits(r.Status, r.Message) {
			e := x.verdict(r).With(code, x.reason)
			if x.wait {
				e.After = r.After
			}
			return e
		}
	}
	return channels.Permanent(r).With(code, "content")
}

// retryAfter reads Retry-After in seconds, at most an hour; a second for a rate without one.
func retryAfter(res *http.Response) time.Duration {
	n, err := strconv.Atoi(res.Header.Get("Retry-After"))
	switch {
	case err == nil && n >= 0:
		return min(time.Duration(n)*time.Second, time.Hour)
	case res.StatusCode == http.StatusTooManyRequests:
		return time.Second
	}
	return 0
}
