// Package push sends notifications to browsers (web push: RFC 8030, 8291, 8292) and apps (FCM HTTP v1).
//
// The address is the tokens of the person's devices, a line each and the newest first, at most [MaxDevices]: a message goes to
// all of them and is one send with one receipt. It is sent when a device took it. A device that is gone (404 and 410 of a push
// service, UNREGISTERED of FCM) is told to Config.Gone by itself, so that the next message leaves it out; when all are gone the
// message failed as a bounce, and the journey goes on by its next channel.
//
// Neither service has a key by which it knows a repeat. Every notification has a tag, the send id where the template says
// none, and a topic or collapse key of it: a repeat takes the place of the first, on the device and while it waits for one.
// So what is not known to have arrived may be repeated for [Repeat].
package push

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"enishi/channels"
	"enishi/internal/outward"
)

// Repeat is how long a message whose outcome is not known is tried again.
const Repeat = 10 * time.Minute

const (
	defaultTTL = 24 * time.Hour
	maxTTL     = 28 * 24 * time.Hour
	maxPause   = time.Hour // of Retry-After
	hard       = "hard"    // the reason of a token that will never work again
)

// Config is how notifications are sent.
type Config struct {
	VAPID   *VAPID        // for browsers
	FCM     *FCM          // for apps; nil: none
	Inside  []string      // HOST:PORT of a push service within the own network, as a simulator's; all others are on the public internet
	Timeout time.Duration // of one call; 15 s
	// Gone takes note of a token that will never work again. It may be told twice. Nil: nobody wants to know.
	Gone func(ctx context.Context, m *channels.Rendered, token string) error
	Rand io.Reader // crypto/rand
	Now  func() time.Time
	Log  *slog.Logger
}

// Channel sends notifications. It is safe for concurrent use.
type Channel struct {
	cfg    Config
	public *http.Client
	own    *http.Client // to what the configuration names
}

// New checks cfg.
func New(cfg Config) (*Channel, error) {
	if cfg.VAPID == nil {
		return nil, errors.New("push: VAPID is required")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 15 * time.Second
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	client := func(may func(netip.AddrPort) bool) *http.Client {
		transport := outward.Transport(cfg.Timeout, may)
		transport.MaxIdleConnsPerHost = 64
		return &http.Client{Timeout: cfg.Timeout, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return &Channel{cfg: cfg, public: client(outward.Public), own: client(func(netip.AddrPort) bool { return true })}, nil
}

// PublicKey is the applicationServerKey that browsers subscribe with.
func (c *Channel) PublicKey() string { return c.cfg.VAPID.PublicKey() }

// outgoing is a message on its way to several devices.
type outgoing struct {
	ttl     time.Duration
	urgency string
	topic   string // of web push: at most 32 characters of base64url
	web     []byte // payload for the service worker
	app     map[string]any
}

// Send sends one message to the devices of its address.
func (c *Channel) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	tokens := Tokens(m.To)
	if len(tokens) == 0 {
		return channels.Receipt{}, channels.Permanent(errors.New("there is no token")).With("", "address")
	}
	x, err := prepare(m)
	if err != nil {
		return channels.Receipt{}, channels.Permanent(err).With("", "content")
	}
	if m.Begin != nil {
		if err := m.Begin(); err != nil {
			return channels.Receipt{}, channels.Busy(err, 0)
		}
	}
	var receipt channels.Receipt
	var worst *channels.SendError
	taken, gone := 0, 0
	for _, token := range tokens {
		got, err := c.one(ctx, token, x)
		if err == nil {
			if taken++; taken == 1 {
				receipt = got
			}
			continue
		}
		var e *channels.SendError
		if !errors.As(err, &e) {
			e = channels.Unknown(err)
		}
		if e.Reason == hard {
			gone++
			if len(tokens) > 1 && c.cfg.Gone != nil { // of one token the sender itself tells
				if err := c.cfg.Gone(ctx, m, token); err != nil {
					c.cfg.Log.Warn("a device that is gone is not noted: the next message finds it again", "send_id", m.SendID, "err", err)
				}
			}
		}
		if worst == nil || rank(e) > rank(worst) {
			worst = e
		}
	}
	if taken == 0 {
		return channels.Receipt{}, worst
	}
	if len(tokens) > 1 {
		receipt.Note = fmt.Sprintf("devices: %d of %d", taken, len(tokens))
	}
	return receipt, nil
}

// rank orders what went wrong with several devices where none took the message: what may end well is not given up for what
// never will, and what may have arrived is not sent again as if it had not.
func rank(e *channels.SendError) int {
	for i, v := range [...]string{"permanent", "refused", "parked", "down", "retry", "busy", "unknown"} {
		if e.Verdict() == v {
			if e.Reason == hard {
				return -1
			}
			return i
		}
	}
	return len("unknown")
}

func (c *Channel) one(ctx context.Context, token string, x *outgoing) (channels.Receipt, error) {
	s, app, err := parse(token)
	switch {
	case err != nil:
		return channels.Receipt{}, channels.Permanent(err).With("", hard)
	case s != nil:
		return c.web(ctx, s, x.web, x)
	}
	return c.app(ctx, app, x.app)
}

// prepare makes what browsers and apps get of a message.
func prepare(m *channels.Rendered) (*outgoing, error) {
	var p channels.PushContent
	if err := json.Unmarshal(m.Content, &p); err != nil {
		return nil, fmt.Errorf("the content of the notification cannot be read: %w", err)
	}
	if strings.TrimSpace(p.Title) == "" && strings.TrimSpace(p.Body) == "" {
		return nil, errors.New("the notification says nothing")
	}
	x := &outgoing{ttl: defaultTTL, urgency: "normal", topic: base64.RawURLEncoding.EncodeToString(m.SendID[:])}
	if p.TTL != nil {
		x.ttl = min(max(time.Duration(*p.TTL)*time.Second, 0), maxTTL)
	}
	if p.Urgency != "" {
		x.urgency = p.Urgency
	}
	if p.Tag == "" {
		p.Tag = x.topic
	}
	text, err := json.Marshal(webPayload{p.Title, p.Body, p.URL, p.Icon, p.Badge, p.Image, p.Tag, p.Data, m.Report})
	if err != nil {
		return nil, err
	}
	if len(text) > MaxWebPayload {
		return nil, fmt.Errorf("the notification has %d bytes, %d fit", len(text), MaxWebPayload)
	}
	x.web = text
	x.app, err = appMessage(&p, m, x)
	return x, err
}

// webPayload is what the service worker reads.
type webPayload struct {
	Title  string            `json:"title"`
	Body   string            `json:"body,omitempty"`
	URL    string            `json:"url,omitempty"`
	Icon   string            `json:"icon,omitempty"`
	Badge  string            `json:"badge,omitempty"`
	Image  string            `json:"image,omitempty"`
	Tag    string            `json:"tag,omitempty"`
	Data   map[string]string `json:"data,omitempty"`
	Report string            `json:"report,omitempty"` // where to tell that it was shown and closed
}

// appMessage is the message of FCM HTTP v1 without its token.
func appMessage(p *channels.PushContent, m *channels.Rendered, x *outgoing) (map[string]any, error) {
	data := map[string]string{}
	for k, v := range p.Data {
		data[k] = v
	}
	for k, v := range map[string]string{"url": p.URL, "report": m.Report} {
		if v != "" {
			data[k] = v
		}
	}
	n := 0
	for k, v := range data {
		if k == "from" || k == "message_type" || k == "gcm" || strings.HasPrefix(k, "google.") || strings.HasPrefix(k, "gcm.") {
			return nil, fmt.Errorf("data has the key %q, which is FCM's own: name it otherwise", k)
		}
		n += len(k) + len(v)
	}
	notification := map[string]any{}
	for k, v := range map[string]string{"title": p.Title, "body": p.Body, "image": p.Image} {
		if v != "" {
			notification[k] = v
			n += len(k) + len(v)
		}
	}
	if n > MaxAppPayload {
		return nil, fmt.Errorf("the notification has %d bytes of keys and values, FCM takes %d", n, MaxAppPayload)
	}
	priority, apns := "NORMAL", "5"
	if x.urgency == "high" {
		priority, apns = "HIGH", "10"
	}
	seconds := strconv.Itoa(int(x.ttl / time.Second))
	out := map[string]any{"notification": notification,
		"android": map[string]any{"priority": priority, "ttl": seconds + "s", "collapse_key": x.topic, "notification": map[string]any{"tag": p.Tag}},
		"apns":    map[string]any{"headers": map[string]string{"apns-collapse-id": clip(p.Tag, 64), "apns-priority": apns}}}
	if len(data) > 0 {
		out["data"] = data
	}
	return out, nil
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
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
