// Package webhook calls systems of the shop: a step of a journey that is no message.
//
// A call is signed as Standard Webhooks has it (webhook-id, webhook-timestamp, webhook-signature with v1). Its id follows from
// the send id alone, so every try of a call, in every round and after a crash, has the same: the receiver does it once.
//
// No call reaches into the network that the program runs in, unless the configuration names the address (inside): what is
// judged is the address that is dialled, after its name was resolved. A redirect is not followed: it ends the call, because it
// would take the secrets along to where nobody wrote them.
//
// An answer of 2xx is taken. 408, 425, 429 and 5xx, and no answer at all, are tried again, not before Retry-After; any other
// answer is the end.
package webhook

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/internal/outward"
	"enishi/internal/signature"
)

// Bounds of a call.
const (
	MaxAnswer   = 16 << 10 // bytes of JSON that are kept of an answer
	maxHeaders  = 20
	maxPause    = time.Hour // of Retry-After
	agent       = "Enishi-webhook/1"
	defaultWait = 10 * time.Second
)

// Repeat is how long a call whose outcome is not known is tried again: the receiver knows its id.
const Repeat = 24 * time.Hour

// Config is how calls are made.
type Config struct {
	Keys    []string          // whsec_ and base64: the newest first; a receiver takes any of the signatures
	Secrets map[string]Secret // what ${NAME} in a header stands for
	Inside  []string          // HOST:PORT within the own network that may be called all the same
	Timeout time.Duration     // of one call; 10 s
	Now     func() time.Time
	Log     *slog.Logger
}

// Secret is a value that definitions name and do not have. It goes to its host only.
type Secret struct {
	Value string
	Host  string
}

// Channel makes calls. Use [New].
type Channel struct {
	cfg    Config
	keys   [][]byte
	public *http.Client // to the public internet only
	own    *http.Client // to what Config.Inside names
}

// New checks cfg.
func New(cfg Config) (*Channel, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultWait
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Channel{cfg: cfg}
	for i, k := range cfg.Keys {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(k, "whsec_"))
		if err != nil || len(key) < 24 || len(key) > 64 {
			return nil, fmt.Errorf("webhook key %d: it is whsec_ and 24 to 64 bytes in base64", i+1)
		}
		c.keys = append(c.keys, key)
	}
	if len(c.keys) == 0 {
		return nil, errors.New("webhook: a key is required")
	}
	for name, s := range cfg.Secrets {
		if s.Value == "" || s.Host == "" {
			return nil, fmt.Errorf("webhook secret %s: value and host are required", name)
		}
	}
	client := func(may func(netip.AddrPort) bool) *http.Client {
		return &http.Client{Timeout: cfg.Timeout, Transport: outward.Transport(cfg.Timeout, may),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	c.public, c.own = client(outward.Public), client(func(netip.AddrPort) bool { return true })
	return c, nil
}

var secretPattern = regexp.MustCompile(`\$\{([A-Za-z0-9_]+)\}`)

// secretive are words in the names of headers whose values are secret.
var secretive = regexp.MustCompile(`(?i)auth|token|secret|key|password|cookie|session`)

// Check tells what is wrong with a call, as an [enishi.Error] that names url, method, headers.NAME or body.
func (c *Channel) Check(r *channels.Request) error {
	if err := c.CheckURL(r.URL); err != nil {
		return err
	}
	if r.Method != "" && r.Method != http.MethodPost && r.Method != http.MethodPut {
		return enishi.FieldError("method", "is POST or PUT", "POST か PUT にしてください。")
	}
	if len(r.Headers) > maxHeaders {
		return enishi.FieldError("headers", "has more than 20: leave some out", "ヘッダーは 20 個までにしてください。")
	}
	if _, err := c.headers(r); err != nil {
		return err
	}
	return channels.CheckWebhook(r.Body)
}

// CheckURL tells what is wrong with an address that calls are to go to, as an [enishi.Error] that names url.
func (c *Channel) CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(address) > 2000 {
		return enishi.FieldError("url", "write an address such as https://crm.shop.example/hooks, without a user", "https://crm.shop.example/hooks のように書いてください（ユーザー名は書けません）。")
	}
	if c.inside(u) {
		return nil
	}
	host, port := strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), u.Port()
	_, notIP := netip.ParseAddr(host)
	switch {
	case notIP == nil:
		return enishi.FieldError("url", "names a number instead of a host: calls go to names on the public internet; an address of the own network needs webhook.inside in the configuration",
			"IP アドレスではなくホスト名を書いてください。社内のアドレスを呼び出すには、設定ファイルの webhook.inside に登録が必要です。")
	case host == "localhost" || !strings.Contains(host, ".") || slices.ContainsFunc([]string{".localhost", ".local", ".internal", ".lan", ".home.arpa"}, func(end string) bool { return strings.HasSuffix(host, end) }):
		return enishi.FieldError("url", "is not on the public internet: write one that is; an address of the own network needs webhook.inside in the configuration", "インターネット上のアドレスを書いてください。社内のアドレスを呼び出すには、設定ファイルの webhook.inside に登録が必要です。")
	case u.Scheme == "http":
		return enishi.FieldError("url", "is not encrypted, so whoever is on the way reads customers and secrets: write https://; http needs webhook.inside in the configuration",
			"暗号化されていないため、途中で顧客や秘密の値を読まれます。https:// で書いてください。http で呼び出すには、設定ファイルの webhook.inside に登録が必要です。")
	case port != "" && port != "443":
		return enishi.FieldError("url", "has a port other than 443: leave it out; another needs webhook.inside in the configuration", "ポート番号を消してください（443 だけです）。ほかのポートで呼び出すには、設定ファイルの webhook.inside に登録が必要です。")
	}
	return nil
}

// inside tells whether the configuration names the address.
func (c *Channel) inside(u *url.URL) bool {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return slices.Contains(c.cfg.Inside, net.JoinHostPort(strings.ToLower(u.Hostname()), port))
}

// headers are those of a call with their secrets.
func (c *Channel) headers(r *channels.Request) (http.Header, error) {
	out := http.Header{}
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	for name, value := range r.Headers {
		field := "headers." + name
		lower := strings.ToLower(name)
		if !regexp.MustCompile(`^[A-Za-z0-9-]{1,100}$`).MatchString(name) || strings.HasPrefix(lower, "webhook-") || slices.Contains([]string{"host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent"}, lower) {
			return nil, enishi.FieldError(field, "cannot be set: take it out", "このヘッダーは指定できません。消してください。")
		}
		if strings.ContainsAny(value, "\r\n\x00") || len(value) > 2000 {
			return nil, enishi.FieldError(field, "is one line of at most 2,000 bytes", "2,000 バイトまでの 1 行で書いてください。")
		}
		if secretive.MatchString(name) && !secretPattern.MatchString(value) {
			return nil, enishi.FieldError(field, "is a secret: write ${NAME}, a name of webhook.secrets in the configuration", "秘密の値は直接書けません。設定ファイルの webhook.secrets に登録した名前を ${名前} の形で書いてください。")
		}
		var bad error
		out.Set(name, secretPattern.ReplaceAllStringFunc(value, func(ref string) string {
			secret, ok := c.cfg.Secrets[ref[2:len(ref)-1]]
			switch {
			case !ok:
				bad = enishi.FieldError(field, "names the secret "+ref+", which webhook.secrets of the configuration does not have: have it added, or name another", ref+" は設定ファイルの webhook.secrets にありません。登録を依頼するか、登録済みの名前にしてください。")
			case !strings.EqualFold(secret.Host, u.Hostname()):
				bad = enishi.FieldError(field, "names the secret "+ref+", which is for another host: name one that is for this host", ref+" は別のホスト用の値です。このホスト用の名前にしてください。")
			}
			return secret.Value
		}))
		if bad != nil {
			return nil, bad
		}
	}
	return out, nil
}

// ID is the webhook-id of a call: the same at every try of all rounds.
func ID(send enishi.ID) string { return "msg_" + send.String() }

// Sign is the webhook-signature of a body.
func (c *Channel) Sign(id string, at time.Time, body []byte) string {
	return signature.SignStandard(c.keys, id, at, body)
}

// Send makes one call.
func (c *Channel) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	r := m.Request
	if r == nil {
		return channels.Receipt{}, channels.Permanent(errors.New("there is no call")).With("", "content")
	}
	if err := c.CheckURL(r.URL); err != nil {
		return channels.Receipt{}, channels.Permanent(err).With("", "address")
	}
	headers, err := c.headers(r)
	if err != nil {
		return channels.Receipt{}, channels.Permanent(err).With("", "account")
	}
	method := r.Method
	if method == "" {
		method = http.MethodPost
	}
	req, err := c.request(ctx, method, r.URL, ID(m.SendID), headers, r.Body)
	if err != nil {
		return channels.Receipt{}, channels.Permanent(err).With("", "address")
	}
	if m.Begin != nil {
		if err := m.Begin(); err != nil {
			return channels.Receipt{}, channels.Busy(err, 0)
		}
	}
	answer, err := c.do(req)
	if errors.Is(err, outward.ErrForbidden) {
		return channels.Receipt{}, channels.Permanent(outward.ErrForbidden).With("", "address")
	}
	if err != nil {
		return channels.Receipt{}, channels.Busy(err, 0)
	}
	defer answer.Body.Close()
	return c.read(answer)
}

// Post makes a call that is no step of a journey: JSON, signed, with an id that is the same whenever the call is made again. An address that may not be called is an
// [enishi.Error] or outward.ErrForbidden; other errors are of the network. Who calls closes the answer's body.
func (c *Channel) Post(ctx context.Context, address, id, body string) (*http.Response, error) {
	if err := c.CheckURL(address); err != nil {
		return nil, err
	}
	req, err := c.request(ctx, http.MethodPost, address, id, http.Header{}, body)
	if err != nil {
		return nil, err
	}
	return c.do(req)
}

func (c *Channel) request(ctx context.Context, method, address, id string, headers http.Header, body string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	now := c.cfg.Now()
	req.Header = headers
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", agent)
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("webhook-signature", c.Sign(id, now, []byte(body)))
	return req, nil
}

// do makes a call. An error does not have the address, whose query may be secret.
func (c *Channel) do(req *http.Request) (*http.Response, error) {
	client := c.public
	if c.inside(req.URL) {
		client = c.own
	}
	answer, err := client.Do(req)
	if err == nil {
		return answer, nil
	}
	if errors.Is(err, outward.ErrForbidden) {
		return nil, outward.ErrForbidden
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return nil, err
}

// read judges an answer.
func (c *Channel) read(answer *http.Response) (channels.Receipt, error) {
	code := strconv.Itoa(answer.StatusCode)
	err := fmt.Errorf("it answered %s", answer.Status)
	switch s := answer.StatusCode; {
	case s >= 200 && s < 300:
		receipt := channels.Receipt{Code: code}
		body, err := io.ReadAll(io.LimitReader(answer.Body, MaxAnswer+1))
		switch {
		case err != nil || len(body) > MaxAnswer:
			receipt.Note = "answer: not kept, it is longer than 16 KB or broke off"
		case json.Valid(body):
			receipt.ProviderID = string(body)
		}
		return receipt, nil
	case s == http.StatusRequestTimeout || s == http.StatusTooEarly || s == http.StatusTooManyRequests || s >= 500:
		return channels.Receipt{}, channels.Busy(err, c.pause(answer.Header.Get("Retry-After"))).With(code, "")
	case s >= 300 && s < 400:
		return channels.Receipt{}, channels.Permanent(fmt.Errorf("it answered %s: a redirect is not followed, write the new address", answer.Status)).With(code, "address")
	}
	return channels.Receipt{}, channels.Permanent(err).With(code, "content")
}

// pause reads Retry-After: seconds, or an instant.
func (c *Channel) pause(header string) time.Duration {
	if n, err := strconv.Atoi(header); err == nil && n > 0 {
		return min(time.Duration(n)*time.Second, maxPause)
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(c.cfg.Now()), 0), maxPause)
	}
	return 0
}
