// Package sms sends short messages by a provider's API and takes what comes back: delivery receipts and replies.
//
// There are two shapes of providers: Twilio's Messages API (form, basic authentication, X-Twilio-Signature), and the JSON APIs of
// Japanese aggregators (国内直収: bearer token, national numbers, up to 660 characters), whose names of fields are configuration.
//
// Neither has a key by which it knows a repeat. So what is not known to have been taken ends as unknown, and only transactional
// messages are sent again.
//
// An SMS goes to a mobile number only: what begins with +81 must go on with 60, 70, 80 or 90; a landline is refused before any
// provider is asked, because carriers charge for it. A number that the provider calls dead comes back as a bounce, and nothing is
// sent to it again.
package sms

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"enishi"
	"enishi/channels"
	"enishi/channels/lint"
)

// The shapes of providers.
const (
	Twilio     = "twilio"
	Aggregator = "aggregator"
)

// DefaultAccount is the name of the account that is used where none is named.
const DefaultAccount = "default"

const (
	twilioHost   = "https://api.twilio.com"
	twilioMost   = 1600 // characters of Body
	hard         = "hard"
	maxPause     = time.Hour
	maxAnswer    = 64 << 10
	maxParts     = 10
	twilioMaxURL = 4000
)

// Config is one account.
type Config struct {
	Provider string // twilio, aggregator
	BaseURL  string // of the API; twilio: https://api.twilio.com

	User   string // twilio: the account SID
	Token  string // twilio: the auth token; aggregator: the bearer token
	From   string // sender: a number, or up to 11 letters and digits where the carriers allow it; twilio also a messaging service (MG...)
	Fields Fields // aggregator: names of its fields

	Callback string // our address that the provider tells of this account: receipts at Callback/status, replies at Callback/reply; empty: none
	Key      string // aggregator: what its calls to us show as ?key= (it signs nothing)

	// Number is the E.164 form of a number as it came in; nil: numbers come in that form.
	Number func(raw string) (string, error)
	// Plain leaves out what old phones and some carriers cannot show: emoji go, half-width kana become full-width.
	Plain   bool
	Timeout time.Duration // of one call; 30 s
	// Stopped takes note that the provider refuses a message because the person answered STOP there. Nil: nobody wants to know.
	Stopped func(ctx context.Context, m *channels.Rendered) error
	Client  *http.Client // nil: one with enough connections of its own
	Now     func() time.Time
	Log     *slog.Logger
}

// Fields are the names that an aggregator's JSON has. Empty ones are the defaults, which are those of Karaden's and of other
// Japanese services.
type Fields struct {
	Path      string // of the send, behind the address: /messages
	To        string // to: the national number, 09012345678
	Text      string // body
	From      string // from
	Reference string // tags: what comes back with a receipt; an array when it has this name, else a text
	Service   string // fixed members of each call as NAME=VALUE, separated by |: service_id=12
	ID        string // id: of the message, in answer and receipt
	Result    string // sent_result: how it ended, in the receipt
	Error     string // code: of an answer that refuses
	Reply     string // body: the text of a reply
	Sender    string // from: who replied
	Delivered string // received|delivered: values of Result
	Dead      string // invalid_number|unused: values of Result and codes of Error
	Stopped   string // rejected|opted_out: the person refuses
}

func (f Fields) complete() Fields {
	for _, x := range []struct {
		at    *string
		value string
	}{{&f.Path, "/messages"}, {&f.To, "to"}, {&f.Text, "body"}, {&f.From, "from"}, {&f.Reference, "tags"}, {&f.ID, "id"}, {&f.Result, "sent_result"}, {&f.Error, "code"},
		{&f.Reply, "body"}, {&f.Sender, "from"}, {&f.Delivered, "received|delivered"}, {&f.Dead, "invalid_number|unused"}, {&f.Stopped, "rejected|opted_out"}} {
		if *x.at == "" {
			*x.at = x.value
		}
	}
	return f
}

// has tells whether a list of values has one.
func has(list, value string) bool {
	for x := range strings.SplitSeq(list, "|") {
		if value != "" && strings.EqualFold(strings.TrimSpace(x), value) {
			return true
		}
	}
	return false
}

// Channel is one account. It is safe for concurrent use.
type Channel struct {
	cfg    Config
	client *http.Client
}

var (
	senderPattern = regexp.MustCompile(`^(\+?[0-9]{3,15}|MG[0-9a-fA-F]{32}|[A-Za-z0-9][A-Za-z0-9 _-]{0,10})$`)
	sidPattern    = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
)

// New checks cfg. Its errors are [enishi.Error].
func New(cfg Config) (*Channel, error) {
	cfg.Fields = cfg.Fields.complete()
	switch cfg.Provider {
	case Twilio:
		if cfg.BaseURL == "" {
			cfg.BaseURL = twilioHost
		}
		if !sidPattern.MatchString(cfg.User) {
			return nil, enishi.FieldError("user", "is the account SID: AC and 32 hexadecimal digits", "アカウント SID（AC と 16 進数 32 桁）を指定してください")
		}
		if cfg.From == "" {
			return nil, enishi.FieldError("from", "is a number of yours, a messaging service (MG...) or a sender of up to 11 letters", "送信元（番号、MG から始まるメッセージングサービス、11 文字までの英数字）を指定してください")
		}
	case Aggregator:
		if cfg.Callback != "" && len(cfg.Key) < 16 {
			return nil, enishi.FieldError("key", "has at least 16 characters: it is all by which the provider's calls are known", "プロバイダーからの通知を確かめるための文字列です。16 文字以上にしてください")
		}
	default:
		return nil, enishi.FieldError("provider", "use twilio or aggregator", "twilio か aggregator のどちらかにしてください")
	}
	if u, err := url.ParseRequestURI(cfg.BaseURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, enishi.FieldError("url", "the address of the API must be like https://api.sms.example/v1", "API の URL は https://api.sms.example/v1 のように書いてください")
	}
	if cfg.Token == "" {
		return nil, enishi.FieldError("token", "the token is missing", "トークンがありません")
	}
	if cfg.From != "" && !senderPattern.MatchString(cfg.From) {
		return nil, enishi.FieldError("from", "a sender is a number, or up to 11 letters and digits", "送信元は番号か、11 文字までの英数字にしてください")
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Channel{cfg: cfg, client: cfg.Client}
	if c.client == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 64
		c.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return c, nil
}

// Mobile tells whether an SMS can go to a number in E.164. Of Japan these are 060, 070, 080 and 090; 0800 is a free-phone. What
// is abroad is not judged.
func Mobile(e164 string) bool {
	digits, ok := strings.CutPrefix(e164, "+")
	if !ok || len(digits) < 8 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	national, japan := strings.CutPrefix(digits, "81")
	if !japan {
		return true
	}
	return len(national) == 10 && national[0] >= '6' && national[0] <= '9' && national[1] == '0' && national[:3] != "800"
}

// Text is what leaves: as the account's carriers can show it.
func (c *Channel) Text(text string) string {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	if !c.cfg.Plain {
		return text
	}
	var b strings.Builder
	half := "" // a run of half-width kana: its marks join the letter before
	flush := func() { b.WriteString(norm.NFKC.String(half)); half = "" }
	for _, r := range lint.WithoutEmoji(text) {
		if r >= '｡' && r <= 'ﾟ' {
			half += string(r)
			continue
		}
		flush()
		b.WriteRune(r)
	}
	flush()
	return strings.TrimSpace(b.String())
}

// Send sends one message.
func (c *Channel) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	var content channels.SMSContent
	if err := json.Unmarshal(m.Content, &content); err != nil {
		return channels.Receipt{}, channels.Permanent(fmt.Errorf("the content of the SMS cannot be read: %w", err)).With("", "content")
	}
	text := c.Text(content.Text)
	if text == "" {
		return channels.Receipt{}, channels.Permanent(errors.New("the SMS says nothing")).With("", "content")
	}
	to := m.To
	if c.cfg.Number != nil {
		if number, err := c.cfg.Number(to); err == nil {
			to = number
		}
	}
	if !Mobile(to) {
		return channels.Receipt{}, channels.Permanent(errors.New("the number takes no SMS: it is a landline, or not in the form +819012345678")).With("", hard)
	}
	most := lint.MostSMS
	if c.cfg.Provider == Twilio {
		most = twilioMost
	}
	if n := utf8.RuneCountInString(text); n > most {
		return channels.Receipt{}, channels.Permanent(fmt.Errorf("the text has %d characters, the provider takes %d", n, most)).With("", "content")
	}
	_, parts, _ := lint.SMSSize(text)
	if parts > maxParts {
		return channels.Receipt{}, channels.Permanent(fmt.Errorf("the text has %d parts, at most %d arrive as one message", parts, maxParts)).With("", "content")
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	req, err := c.request(ctx, m, to, text)
	if err != nil {
		return channels.Receipt{}, channels.Permanent(err).With("", "content")
	}
	if m.Begin != nil {
		if err := m.Begin(); err != nil {
			return channels.Receipt{}, channels.Busy(err, 0)
		}
	}
	res, err := c.client.Do(req)
	if err != nil {
		return channels.Receipt{}, unanswered(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil && res.StatusCode/100 != 2 {
		return channels.Receipt{}, channels.Unknown(errors.New("the provider's answer broke off"))
	}
	receipt, err := c.answered(res, body)
	var refused *channels.SendError
	if errors.As(err, &refused) && refused.Reason == "suppressed" && c.cfg.Stopped != nil {
		if err := c.cfg.Stopped(ctx, m); err != nil {
			c.cfg.Log.Warn("that the person answered STOP is not noted: the next message finds it again", "send_id", m.SendID, "err", err)
		}
	}
	if parts > 1 {
		receipt.Note = fmt.Sprintf("parts: %d", parts)
	}
	return receipt, err
}

func (c *Channel) request(ctx context.Context, m *channels.Rendered, to, text string) (*http.Request, error) {
	if c.cfg.Provider == Twilio {
		return c.twilioRequest(ctx, m, to, text)
	}
	return c.aggregatorRequest(ctx, m, to, text)
}

func (c *Channel) answered(res *http.Response, body []byte) (channels.Receipt, error) {
	if c.cfg.Provider == Twilio {
		return c.twilioAnswer(res, body)
	}
	return c.aggregatorAnswer(res, body)
}

// unanswered is what no answer means: for certain nothing was taken only while nothing could be said.
func unanswered(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return channels.Busy(fmt.Errorf("the SMS provider cannot be reached: %w", op.Err), 0)
	}
	return channels.Unknown(fmt.Errorf("no answer from the SMS provider: %w", err))
}

// common judges what both shapes share: an answer by its status alone.
func (c *Channel) common(res *http.Response, code string, err error) error {
	after := c.pause(res.Header.Get("Retry-After"))
	switch s := res.StatusCode; {
	case s == http.StatusTooManyRequests:
		return channels.Busy(err, max(after, time.Second)).With(code, "")
	case s == http.StatusUnauthorized || s == http.StatusForbidden || s == http.StatusPaymentRequired:
		return channels.Down(err).With(code, "account")
	case s == http.StatusServiceUnavailable || s == http.StatusBadGateway:
		return channels.Busy(err, after).With(code, "")
	case s >= 500 || s == http.StatusRequestTimeout:
		return channels.Unknown(err).With(code, "")
	}
	return channels.Permanent(err).With(code, "content")
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

// same compares secrets in the same time wherever they differ.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
