package social

import (
	"context"
	"encoding/json"
	"enishi/internal/signature"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"enishi"
)

// WebhookConfig is what a Webhook needs.
type WebhookConfig struct {
	Accounts *Accounts
	// Ingest takes events into the log, identity included, and returns when they are safe. Events carry the person by the
	// page-scoped id; their ids follow from the platform's own, so that a redelivery changes nothing.
	Ingest func(ctx context.Context, events []enishi.Event) error
	// Known opens the ref of a link that we made: who it was sent to. Nil: refs are not looked at.
	Known func(ctx context.Context, ref string) (person enishi.Person, ok bool, err error)
	// Delivered is told that messages of an account reached the person, by their ids. Nil: nobody wants to know.
	Delivered func(ctx context.Context, account string, mids []string) error
	// Read is told what the person has seen: the message mid and all before it, or, without it, all that was sent up to until.
	Read func(ctx context.Context, account, user, mid string, until time.Time) error
	// Leads takes a webhook that tells leads of lead ads; an error lets it come again. Nil: nobody wants to know.
	Leads func(ctx context.Context, account string, header http.Header, body []byte) error
	// Fold makes spellings of a text one, for words that stop advertising (profiles.Fold).
	Fold func(string) string
	Now  func() time.Time
	Log  *slog.Logger
}

// Webhook answers GET and POST /social/webhook/{account}. It never speaks to the platforms, so it answers fast. An app has one
// address for all its pages: entries for another account that the same app signs for are taken too.
type Webhook struct {
	cfg WebhookConfig
	log *slog.Logger
}

// NewWebhook checks cfg.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	if cfg.Accounts == nil || cfg.Ingest == nil || cfg.Fold == nil {
		return nil, errors.New("social: Accounts, Ingest and Fold are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Webhook{cfg: cfg, log: cfg.Log.With("component", "social_webhook")}, nil
}

const (
	maxWebhook    = 1 << 20
	webhookAnswer = 4 * time.Second // Meta waits for 5
)

type hook struct {
	Object string      `json:"object"` // page, instagram
	Entry  []hookEntry `json:"entry"`
}

type hookEntry struct {
	ID        string            `json:"id"`
	Messaging []json.RawMessage `json:"messaging"`
	Changes   []hookChange      `json:"changes"`
}

type hookChange struct {
	Field string          `json:"field"`
	Value json.RawMessage `json:"value"`
}

// ServeHTTP takes the handshake, or one webhook. 200: everything is safe, or was safe before; 403: not the platform; 503: it
// shall come again.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	account, ok := h.cfg.Accounts.Get(r.PathValue("account"))
	if !ok {
		http.Error(w, "there is no such account", http.StatusNotFound)
		return
	}
	switch r.Method {
	case http.MethodGet:
		h.handshake(w, r, account)
	case http.MethodPost:
		h.take(w, r, account)
	default:
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "use GET or POST", http.StatusMethodNotAllowed)
	}
}

// handshake gives the challenge back to who knows the verify token.
func (h *Webhook) handshake(w http.ResponseWriter, r *http.Request, account *Account) {
	if !signature.MetaHandshake(w, r, account.secret.VerifyToken) {
		h.log.Warn("webhook handshake with a wrong verify token", "account", account.Name)
	}
}

func (h *Webhook) take(w http.ResponseWriter, r *http.Request, account *Account) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhook))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusRequestEntityTooLarge)
		return
	}
	// Before anything of it is looked at.
	if !signature.Genuine([][]byte{[]byte(account.secret.AppSecret)}, signature.Hex(r.Header.Get(signature.MetaHeader)), body) {
		h.log.Warn("webhook with a wrong signature", "account", account.Name)
		http.Error(w, "the signature is wrong", http.StatusForbidden)
		return
	}
	var x hook
	if err := json.Unmarshal(body, &x); err != nil {
		http.Error(w, "the body is no JSON", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), webhookAnswer)
	defer cancel()
	err = h.entries(ctx, &x, account)
	if err == nil && h.cfg.Leads != nil && x.leads() {
		err = h.cfg.Leads(ctx, account.Name, r.Header, body)
	}
	if err != nil {
		h.log.Error("webhook is not stored", "account", account.Name, "err", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "EVENT_RECEIVED")
}

// leads tells whether there are leads of lead ads in it: an app has one address for them and for messages.
func (x *hook) leads() bool {
	return slices.ContainsFunc(x.Entry, func(e hookEntry) bool {
		return slices.ContainsFunc(e.Changes, func(c hookChange) bool { return c.Field == leadgen })
	})
}

// leadgen is the field of changes that tell leads.
const leadgen = "leadgen"

func (h *Webhook) entries(ctx context.Context, x *hook, by *Account) error {
	platform := map[string]string{"page": Messenger, "instagram": Instagram}[x.Object]
	var events []enishi.Event
	for _, e := range x.Entry {
		account, ok := h.cfg.Accounts.byEntry(platform, e.ID, by.secret.AppSecret)
		if !ok && len(e.Messaging) == 0 && !slices.ContainsFunc(e.Changes, func(c hookChange) bool { return c.Field != leadgen }) {
			continue // a page may have lead ads only
		}
		if !ok {
			h.log.Warn("webhook of a page that is not configured", "account", by.Name, "object", x.Object, "page", e.ID)
			continue
		}
		in := intake{h: h, account: account}
		for _, raw := range e.Messaging {
			var m messaging
			if err := json.Unmarshal(raw, &m); err != nil {
				h.log.Warn("webhook event is not understood", "account", account.Name, "err", err)
				continue // the others are good
			}
			if err := in.messaging(ctx, &m); err != nil {
				return err
			}
		}
		for _, c := range e.Changes {
			if c.Field != leadgen {
				in.change(c.Field, c.Value)
			}
		}
		events = append(events, in.events...)
	}
	if len(events) == 0 {
		return nil
	}
	return h.cfg.Ingest(ctx, events)
}
