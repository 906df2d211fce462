package line

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/line/line-bot-sdk-go/v8/linebot/webhook"

	"enishi"
)

// Account is what a webhook needs to know of an official account.
type Account struct {
	Secret   string // channel secret, signs webhooks
	Provider string // of the LINE Developers console: user ids differ per provider; empty: the workspace's own
}

// WebhookConfig is what a Webhook needs.
type WebhookConfig struct {
	Accounts func(name string) (Account, bool)
	// Ingest takes events into the log, identity included, and returns when they are safe. Events carry the person by
	// LineUserID only; their ids follow from LINE's own, so that a redelivery changes nothing.
	Ingest func(ctx context.Context, events []enishi.Event) error
	// Linked opens the nonce of an account link that the shop made: whose account it is. at is when LINE linked. Nil: links
	// are not taken.
	Linked func(ctx context.Context, account string, event enishi.ID, nonce string, at time.Time) (customerID string, ok bool, err error)
	// Delivered is told by LINE of a notice ([NoticeTag]). Nil: nobody wants to know.
	Delivered func(ctx context.Context, send, profile enishi.ID) error
	Replier   *Replier // answers texts; nil: nobody does
	Now       func() time.Time
	Log       *slog.Logger
}

// Webhook answers POST /line/webhook/{account}. It never speaks to LINE, so it answers fast.
type Webhook struct {
	cfg WebhookConfig
	log *slog.Logger
}

// NewWebhook checks cfg.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	if cfg.Accounts == nil || cfg.Ingest == nil {
		return nil, errors.New("line: Accounts and Ingest are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Webhook{cfg: cfg, log: cfg.Log.With("component", "line_webhook")}, nil
}

const maxWebhook = 1 << 20

// delivery is the body of a webhook; what is not read here is left alone.
type delivery struct {
	Destination string            `json:"destination"`
	Events      []json.RawMessage `json:"events"`
}

type hookEvent struct {
	Type       string `json:"type"`
	Mode       string `json:"mode"` // active; standby: another tool answers this chat
	ID         string `json:"webhookEventId"`
	Timestamp  int64  `json:"timestamp"`
	ReplyToken string `json:"replyToken"`
	Source     *struct {
		Type   string `json:"type"`
		UserID string `json:"userId"`
	} `json:"source"`
	Follow *struct {
		IsUnblocked bool `json:"isUnblocked"`
	} `json:"follow"`
	Message *struct {
		Type string `json:"type"`
		ID   string `json:"id"`
		Text string `json:"text"`
	} `json:"message"`
	Postback *struct {
		Data string `json:"data"`
	} `json:"postback"`
	Link *struct {
		Result string `json:"result"`
		Nonce  string `json:"nonce"`
	} `json:"link"`
	Unsend *struct {
		MessageID string `json:"messageId"`
	} `json:"unsend"`
	Beacon *struct {
		HWID string `json:"hwid"`
		Type string `json:"type"`
		DM   string `json:"dm"`
	} `json:"beacon"`
	Membership *struct {
		Type string      `json:"type"`
		ID   json.Number `json:"membershipId"`
	} `json:"membership"`
	Delivery *struct {
		Data string `json:"data"`
	} `json:"delivery"`
	Video *struct {
		TrackingID string `json:"trackingId"`
	} `json:"videoPlayComplete"`

	raw json.RawMessage
}

// ServeHTTP takes one webhook. 200: everything is safe, or was safe before; 401: not LINE; 503: LINE shall come again.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "use POST", http.StatusMethodNotAllowed)
		return
	}
	name := r.PathValue("account")
	account, ok := h.cfg.Accounts(name)
	if !ok || account.Secret == "" {
		http.Error(w, "there is no such account", http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhook))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusRequestEntityTooLarge)
		return
	}
	// Before anything of it is looked at; the comparison takes the same time wherever they differ.
	if !webhook.ValidateSignature(account.Secret, r.Header.Get("x-line-signature"), body) {
		h.log.Warn("webhook with a wrong signature", "account", name)
		http.Error(w, "the signature is wrong", http.StatusUnauthorized)
		return
	}
	var d delivery
	if err := json.Unmarshal(body, &d); err != nil {
		http.Error(w, "the body is no JSON", http.StatusBadRequest)
		return
	}
	var events []enishi.Event
	var replies []replyJob
	for _, raw := range d.Events {
		var e hookEvent
		if err := json.Unmarshal(raw, &e); err != nil {
			h.log.Warn("webhook event is not understood", "account", name, "err", err)
			continue // the others are good
		}
		e.raw = raw
		if e.Delivery != nil {
			if err := h.delivered(r.Context(), &e); err != nil {
				h.log.Error("the delivery of a notice is not stored", "account", name, "err", err)
				http.Error(w, "try again", http.StatusServiceUnavailable)
				return
			}
			continue
		}
		got, ok, err := h.event(r.Context(), &e, name, account)
		if err != nil {
			h.log.Error("account link is not stored", "account", name, "err", err)
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		if ok {
			if a, answers := h.answer(&e, name, &got); answers {
				replies = append(replies, replyJob{account: name, token: e.ReplyToken, provider: account.Provider, user: e.Source.UserID, answer: a})
			}
			events = append(events, got)
		}
	}
	if len(events) > 0 { // an empty webhook is LINE's check of the address
		if err := h.cfg.Ingest(r.Context(), events); err != nil {
			h.log.Error("webhook is not stored", "account", name, "err", err)
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
	}
	for _, j := range replies { // only now: what was written is safe
		h.cfg.Replier.answer(j)
	}
	w.WriteHeader(http.StatusOK)
}

// delivered takes the word that a notice was delivered. It names nobody: the tag that we sent along says whose it was.
func (h *Webhook) delivered(ctx context.Context, e *hookEvent) error {
	send, profile, ok := ParseNoticeTag(e.Delivery.Data)
	if !ok || h.cfg.Delivered == nil {
		h.log.Warn("the delivery of a notice that is none of ours")
		return nil
	}
	return h.cfg.Delivered(ctx, send, profile)
}

// answer finds what a text is answered with. What it says about advertising counts in any case; in standby mode another tool
// answers this chat.
func (h *Webhook) answer(e *hookEvent, account string, out *enishi.Event) (Answer, bool) {
	if h.cfg.Replier == nil || e.Type != "message" || e.Message == nil || e.Message.Type != "text" {
		return Answer{}, false
	}
	a, ok := h.cfg.Replier.match(account, e.Message.Text, out)
	return a, ok && e.ReplyToken != "" && e.Mode != "standby"
}

// event is the fact that a webhook event tells, if it is one for us.
func (h *Webhook) event(ctx context.Context, e *hookEvent, name string, account Account) (enishi.Event, bool, error) {
	if e.Source == nil || e.Source.UserID == "" || e.ID == "" || e.Source.Type != "" && e.Source.Type != "user" {
		return enishi.Event{}, false, nil // groups and rooms are no person
	}
	out := enishi.Event{
		Version: enishi.EventVersion, ID: enishi.EventID("line:" + e.ID), Message: "line:" + e.ID, Source: "line:" + name, Channel: "social",
		At:         h.at(e.Timestamp),
		Person:     &enishi.Person{LineUserID: e.Source.UserID, LineProvider: account.Provider},
		Properties: map[string]enishi.Value{"account": enishi.TextValue(name)},
	}
	text := func(key, value string) {
		if value != "" {
			out.Properties[key] = enishi.TextValue(value)
		}
	}
	if e.Mode == "standby" { // nobody here may answer
		out.Properties["mode"] = enishi.TextValue(e.Mode)
	}
	switch e.Type {
	case "follow":
		out.Type = "line.followed"
		out.Properties["unblocked"] = enishi.BoolValue(e.Follow != nil && e.Follow.IsUnblocked)
	case "unfollow":
		out.Type = "line.unfollowed"
	case "message":
		out.Type = "line.message_received"
		if e.Message != nil {
			text("message_type", e.Message.Type)
			text("message_id", e.Message.ID)
			text("text", e.Message.Text)
		}
	case "postback":
		out.Type = "line.message_received"
		text("message_type", "postback")
		if e.Postback != nil {
			text("postback", e.Postback.Data)
		}
	case "accountLink":
		if e.Link == nil || e.Link.Result != "ok" || h.cfg.Linked == nil {
			return out, false, nil
		}
		customer, ok, err := h.cfg.Linked(ctx, name, out.ID, e.Link.Nonce, out.At)
		if !ok || err != nil {
			h.log.Warn("account link with a nonce that is unknown, used or too old", "account", name)
			return out, false, err
		}
		out.Type = "line.account_linked"
		out.Person.CustomerID = customer
		out.Properties["linked"] = enishi.BoolValue(true)
	default:
		h.rest(e, &out, text)
	}
	return out, true, nil
}

// rest names what has no bearing on the person's state: journeys may act on it. A type that LINE adds later is handed on by
// its own name.
func (h *Webhook) rest(e *hookEvent, out *enishi.Event, text func(key, value string)) {
	switch {
	case e.Type == "unsend" && e.Unsend != nil:
		out.Type = "line.message_unsent"
		text("message_id", e.Unsend.MessageID)
	case e.Type == "beacon" && e.Beacon != nil:
		out.Type = "line.beacon"
		text("hwid", e.Beacon.HWID)
		text("action", e.Beacon.Type)
		text("message", e.Beacon.DM)
	case e.Type == "membership" && e.Membership != nil:
		out.Type = "line.membership_changed"
		text("action", e.Membership.Type)
		text("membership", e.Membership.ID.String())
	case e.Type == "videoPlayComplete" && e.Video != nil:
		out.Type = "line.video_completed"
		text("tracking", e.Video.TrackingID)
	default:
		out.Type = "line.event_received"
		text("type", e.Type)
		text("raw", e.asTold())
	}
}

// maxRaw bounds what is kept of an event that has no name here.
const maxRaw = 64 << 10

// asTold is an event as it came, without the token that would let its holder answer; empty: it is too long.
func (e *hookEvent) asTold() string {
	var all map[string]json.RawMessage
	if json.Unmarshal(e.raw, &all) != nil {
		return ""
	}
	delete(all, "replyToken")
	raw, err := json.Marshal(all)
	if err != nil || len(raw) > maxRaw {
		return ""
	}
	return string(raw)
}

func (h *Webhook) at(millis int64) time.Time {
	if millis <= 0 {
		return h.cfg.Now().UTC().Truncate(time.Millisecond)
	}
	return time.UnixMilli(millis).UTC()
}
