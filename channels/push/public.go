package push

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"enishi"
)

//go:embed sdk
var sdk embed.FS

// PublicConfig is what the public endpoints need.
type PublicConfig struct {
	PublicKey string                                    // of VAPID
	Keys      func(key string) (source string, ok bool) // the source that a write key stands for
	Ingest    func(ctx context.Context, events []enishi.Event) error
	ClientIP  func(r *http.Request) string // kept as evidence; nil: none
	Now       func() time.Time
	Log       *slog.Logger
}

// Public answers browsers of the shop's pages, which are another origin.
//
//	GET  /push/key           {"public_key"}: the applicationServerKey
//	POST /push/subscribe     {"subscription", "person", "text", "page"}: consent for push is in, with what the person was shown
//	POST /push/unsubscribe   {"subscription" or "token"}: this device is out
//	GET  /sdk/push.js        what a page loads
//	GET  /sdk/push-sw.js     what the page's service worker takes in
//
// The posts need a write key, as the user of basic auth or as a bearer token. An app gives "token": its registration token of FCM
// in place of a subscription.
type Public struct {
	cfg PublicConfig
	log *slog.Logger
}

// NewPublic checks cfg.
func NewPublic(cfg PublicConfig) (*Public, error) {
	if cfg.PublicKey == "" || cfg.Keys == nil || cfg.Ingest == nil {
		return nil, errors.New("push: PublicKey, Keys and Ingest are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.ClientIP == nil {
		cfg.ClientIP = func(*http.Request) string { return "" }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Public{cfg: cfg, log: cfg.Log.With("component", "push_public")}, nil
}

// Handler serves all of them. Paths are as above: a prefix of the public address must be stripped before.
func (p *Public) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /push/key", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"public_key": p.cfg.PublicKey})
	})
	mux.HandleFunc("POST /push/subscribe", func(w http.ResponseWriter, r *http.Request) { p.take(w, r, true) })
	mux.HandleFunc("POST /push/unsubscribe", func(w http.ResponseWriter, r *http.Request) { p.take(w, r, false) })
	mux.HandleFunc("OPTIONS /push/", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /sdk/{file}", func(w http.ResponseWriter, r *http.Request) {
		text, err := sdk.ReadFile("sdk/" + r.PathValue("file"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("Cache-Control", "public, max-age=3600")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Service-Worker-Allowed", "/")
		_, _ = w.Write(text) // the reader may have gone
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*") // a write key can read nothing
		mux.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the reader may have gone
}

func refuse(w http.ResponseWriter, status int, en, ja string) {
	answer(w, status, map[string]string{"error": en, "error_ja": ja})
}

const (
	maxBody = 16 << 10
	maxText = 1000
)

// Methods of the consents that a device tells. The fold knows the second one: profiles.MethodRevoked.
const (
	methodSubscribed = "push_subscribed"
	methodRevoked    = "push_revoked"
)

func (p *Public) take(w http.ResponseWriter, r *http.Request, in bool) {
	source, ok := p.cfg.Keys(writeKey(r))
	if !ok {
		refuse(w, http.StatusUnauthorized, "the write key is missing or unknown: send it as a bearer token", "送信キーがないか、登録されていません。Bearer トークンとして送ってください。")
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "the body is longer than 16 KB", "本文は 16 KB までです。")
		return
	}
	var body struct {
		Subscription *Subscription  `json:"subscription"`
		Token        string         `json:"token"`
		Person       *enishi.Person `json:"person"`
		Text         string         `json:"text"`
		Page         string         `json:"page"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		refuse(w, http.StatusBadRequest, "the body is {\"subscription\": {...}, \"person\": {\"customer_id\": ...}, \"text\": \"what the person was shown\"}", "本文は {\"subscription\": {...}, \"person\": {\"customer_id\": ...}, \"text\": \"画面に表示した文言\"} の形にしてください。")
		return
	}
	token := ""
	switch {
	case body.Subscription != nil:
		if err := body.Subscription.Check(); err != nil {
			en, ja := texts(err)
			refuse(w, http.StatusUnprocessableEntity, "subscription."+en, ja)
			return
		}
		token = body.Subscription.Token()
	case body.Token != "" && len(body.Token) <= 1000 && !strings.ContainsAny(body.Token, " \n{}\""):
		token = fcmPrefix + strings.TrimPrefix(body.Token, fcmPrefix)
	default:
		refuse(w, http.StatusUnprocessableEntity, "subscription or token is missing", "subscription か token を入れてください。")
		return
	}
	person := enishi.Person{}
	if body.Person != nil && in {
		person = enishi.Person{CustomerID: body.Person.CustomerID, AnonymousID: body.Person.AnonymousID, Email: body.Person.Email}
	}
	person.PushToken = token
	now := p.cfg.Now().UTC().Truncate(time.Millisecond)
	state, method := "in", methodSubscribed
	if !in {
		state, method = "out", methodRevoked
	}
	// Pressed twice within a minute it is one wish.
	sum := sha256.Sum256([]byte(token + "\x00" + person.CustomerID + "\x00" + person.AnonymousID))
	id := "push:" + state + ":" + hex.EncodeToString(sum[:12]) + ":" + strconv.FormatInt(now.Unix()/60, 10)
	e := enishi.Event{Version: enishi.EventVersion, ID: enishi.EventID(id), Message: id, Source: source, Type: "consent.changed", At: now, Person: &person,
		Consent: []enishi.ConsentChange{{Channel: "push", Purpose: "marketing", State: state, Method: method, Text: clipText(body.Text, maxText), IP: p.cfg.ClientIP(r)}},
		Context: &enishi.Context{URL: clipText(body.Page, maxText), UserAgent: clipText(r.UserAgent(), 300)}}
	if err := p.cfg.Ingest(r.Context(), []enishi.Event{e}); err != nil {
		p.log.Warn("a subscription is not stored", "err", err)
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, "the event log does not answer: send it again", "イベントログが応答しません。しばらくしてから送り直してください。")
		return
	}
	answer(w, http.StatusAccepted, map[string]string{"state": state})
}

// texts are an error's in both languages, with the field that it names.
func texts(err error) (en, ja string) {
	var e *enishi.Error
	if errors.As(err, &e) {
		return e.Field + " " + e.Msg, e.MsgJA
	}
	return err.Error(), err.Error()
}

func clipText(s string, n int) string {
	r := []rune(s)
	if len(r) > n {
		return string(r[:n])
	}
	return s
}

// writeKey is that of a request, as the collector reads it.
func writeKey(r *http.Request) string {
	if user, _, ok := r.BasicAuth(); ok {
		return user
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}
