package sms

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"enishi"
)

// Outcome is what a provider tells of a message after it took it.
type Outcome struct {
	Type   string // message.delivered, message.failed, message.bounced, message.unsubscribed
	Reason string // of bounced: hard; of failed: unreachable, blocked, policy, unknown
	Code   string // the provider's own
}

// WebhookConfig is what a Webhook needs.
type WebhookConfig struct {
	Accounts func(name string) (*Channel, bool)
	// Ingest takes events into the log, identity included, and returns when they are safe.
	Ingest func(ctx context.Context, events []enishi.Event) error
	// Report takes what became of a message that reference names (Rendered.Bounce). ok is false when it names none of ours.
	Report func(ctx context.Context, reference string, o Outcome) (ok bool, err error)
	// Said is what a reply says about advertising: out, in, or nothing.
	Said func(text string) string
	Now  func() time.Time
	Log  *slog.Logger
}

// Webhook answers POST /sms/{account}/status and POST /sms/{account}/reply.
type Webhook struct {
	cfg WebhookConfig
	log *slog.Logger
}

// NewWebhook checks cfg.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	if cfg.Accounts == nil || cfg.Ingest == nil || cfg.Report == nil || cfg.Said == nil {
		return nil, errors.New("sms: Accounts, Ingest, Report and Said are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Webhook{cfg: cfg, log: cfg.Log.With("component", "sms_webhook")}, nil
}

const maxWebhook = 256 << 10

// fact is what a provider's call tells, whatever its shape.
type fact struct {
	reference, id, status, errorCode string // of a receipt
	from, text, stop                 string // of a reply; stop: STOP, START when the provider took it as such
}

// ServeHTTP takes one call. 200: it is safe, or was safe before; 401, 403: not the provider; 503: it shall come again.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	what := r.PathValue("what")
	c, ok := h.cfg.Accounts(r.PathValue("account"))
	if !ok || c.cfg.Callback == "" || what != "status" && what != "reply" {
		http.Error(w, "there is no such account", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "use POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhook))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusRequestEntityTooLarge)
		return
	}
	read := c.readAggregator
	if c.cfg.Provider == Twilio {
		read = c.readTwilio
	}
	f, status := read(r, what, body)
	if status != http.StatusOK {
		h.log.Warn("a call that is not the provider's, or not understood", "account", r.PathValue("account"), "status", status)
		http.Error(w, http.StatusText(status), status)
		return
	}
	if what == "status" {
		err = h.status(r.Context(), c, f)
	} else {
		err = h.reply(r.Context(), r.PathValue("account"), f)
	}
	if err != nil {
		h.log.Error("what the SMS provider told is not stored", "account", r.PathValue("account"), "err", err)
		w.Header().Set("Retry-After", "30")
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	if c.cfg.Provider == Twilio && what == "reply" {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, "<Response></Response>") // TwiML: nothing is answered
		return
	}
	w.WriteHeader(http.StatusOK)
}

// readTwilio checks the signature and reads the form.
func (c *Channel) readTwilio(r *http.Request, what string, body []byte) (*fact, int) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, http.StatusBadRequest
	}
	address := c.cfg.Callback + "/" + what
	if r.URL.RawQuery != "" {
		address += "?" + r.URL.RawQuery
	}
	if !same(r.Header.Get("X-Twilio-Signature"), TwilioSignature(c.cfg.Token, address, form)) {
		return nil, http.StatusForbidden
	}
	id := form.Get("MessageSid")
	if id == "" {
		id = form.Get("SmsSid")
	}
	return &fact{reference: r.URL.Query().Get("m"), id: id, status: form.Get("MessageStatus"), errorCode: form.Get("ErrorCode"),
		from: form.Get("From"), text: form.Get("Body"), stop: form.Get("OptOutType")}, http.StatusOK
}

// readAggregator checks the key and reads the JSON.
func (c *Channel) readAggregator(r *http.Request, what string, body []byte) (*fact, int) {
	if !same(r.URL.Query().Get("key"), c.cfg.Key) {
		return nil, http.StatusUnauthorized
	}
	var o map[string]any
	if err := json.Unmarshal(body, &o); err != nil {
		return nil, http.StatusBadRequest
	}
	f := c.cfg.Fields
	out := &fact{reference: member(o, f.Reference), id: member(o, f.ID), status: member(o, f.Result), from: member(o, f.Sender), text: member(o, f.Reply)}
	if out.from != "" {
		out.from = international(out.from)
	}
	return out, http.StatusOK
}

// outcome is what a receipt means; false: the message is still on its way.
func (c *Channel) outcome(f *fact) (Outcome, bool) {
	if c.cfg.Provider != Twilio {
		switch x := c.cfg.Fields; {
		case has(x.Delivered, f.status):
			return Outcome{"message.delivered", "", f.status}, true
		case has(x.Dead, f.status):
			return Outcome{"message.bounced", hard, f.status}, true
		case has(x.Stopped, f.status):
			return Outcome{"message.unsubscribed", "", f.status}, true
		case f.status == "unconnected":
			return Outcome{"message.failed", "unreachable", f.status}, true
		case f.status == "error" || f.status == "failed" || f.status == "undelivered":
			return Outcome{"message.failed", "unknown", f.status}, true
		}
		return Outcome{}, false
	}
	switch f.status {
	case "delivered", "read":
		return Outcome{"message.delivered", "", f.status}, true
	case "failed", "undelivered":
	default:
		return Outcome{}, false
	}
	n, _ := strconv.Atoi(f.errorCode)
	switch n {
	case twilioUnknownNumber, twilioLandline, twilioBadNumber, twilioNotMobile:
		return Outcome{"message.bounced", hard, f.errorCode}, true
	case twilioUnsubscribed:
		return Outcome{"message.unsubscribed", "", f.errorCode}, true
	case twilioUnreachable:
		return Outcome{"message.failed", "unreachable", f.errorCode}, true
	case twilioBlocked:
		return Outcome{"message.failed", "blocked", f.errorCode}, true
	case twilioFiltered:
		return Outcome{"message.failed", "policy", f.errorCode}, true
	}
	return Outcome{"message.failed", "unknown", f.errorCode}, true
}

func (h *Webhook) status(ctx context.Context, c *Channel, f *fact) error {
	o, ended := c.outcome(f)
	if !ended {
		return nil
	}
	ok, err := h.cfg.Report(ctx, f.reference, o)
	if err == nil && !ok { // the account may have other users
		h.log.Warn("a receipt of a message that is none of ours", "code", o.Code)
	}
	return err
}

// reply takes what a person wrote. What it says about advertising counts at once.
func (h *Webhook) reply(ctx context.Context, account string, f *fact) error {
	if f.from == "" {
		return nil
	}
	id := f.id
	if id == "" {
		id = enishi.NewID("sms reply", f.from, f.text, strconv.FormatInt(h.cfg.Now().Unix()/60, 10)).String()
	}
	e := enishi.Event{Version: enishi.EventVersion, ID: enishi.EventID("sms:" + id), Message: "sms:" + id, Source: "sms:" + account, Type: "sms.received",
		At: h.cfg.Now().UTC().Truncate(time.Millisecond), Person: &enishi.Person{Phone: f.from},
		Properties: map[string]enishi.Value{"account": enishi.TextValue(account)}}
	if f.text != "" {
		e.Properties["text"] = enishi.TextValue(f.text)
	}
	state := h.cfg.Said(f.text)
	switch strings.ToUpper(f.stop) {
	case "STOP":
		state = "out"
	case "START":
		state = "in"
	}
	if state != "" {
		e.Consent = []enishi.ConsentChange{{Channel: "sms", Purpose: "marketing", State: state, Method: "sms_reply", Text: f.text}}
	}
	return h.cfg.Ingest(ctx, []enishi.Event{e})
}
