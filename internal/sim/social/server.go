package social

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Account is a page or an Instagram account that the app was given access to.
type Account struct {
	ID       string // in the path of calls: the page; of Instagram by its own login the account
	Entry    string // in entries of webhooks; of Instagram by a page the Instagram account. Empty: ID
	Platform string // messenger, instagram
	Token    string // empty: any
	Name     string
}

func (a *Account) entry() string { return cmp.Or(a.Entry, a.ID) }

// Config of an app. It needs accounts; the rest has working defaults.
type Config struct {
	AppSecret string // signs webhooks; calls to the Graph API have to prove that they know it. Empty: nobody knows one
	Accounts  []Account
	Now       func() time.Time // default time.Now
	// WebhookURL receives the events; SetWebhookURL changes it later.
	WebhookURL string
	// Webhook, when set, is called in place of a POST to WebhookURL and returns the receiver's status.
	Webhook func(ctx context.Context, body []byte, signature string) (status int, err error)
	// Redeliver are the waits before each new attempt of a failed webhook. Meta tries at once and then less often over 36
	// hours; default 1s, 5s, 30s, 2m, 10m.
	Redeliver []time.Duration
	Client    *http.Client
	Keep      int      // sent messages remembered; default 1000
	Limits    Limits   // the zero value is Documented()
	Tags      []Tag    // nil: Tags()
	Utility   []string // names of approved utility templates
	// OnSent is called for each message taken, before the call is answered. Calls do not overlap; it must not call the Server.
	OnSent func(Sent)
	Log    *slog.Logger
}

// Server is the simulated API; an http.Handler for graph.facebook.com and graph.instagram.com.
type Server struct {
	cfg    Config
	limits Limits

	mu      sync.Mutex       // guards all below
	users   map[string]*user // by account and id
	tokens  map[string]*optIn
	comment map[string]*comment
	rates   map[string]*rate
	revoked map[string]bool // accounts whose token was taken back
	leads   map[string]*filled
	forms   map[string]*Form
	faults  []*Fault
	sent    []Sent
	seq     uint64
	calls   map[string]int
	webhook string
	queue   []*delivery
	hooks   [2]int // webhooks that were taken, and given up
	onSent  sync.Mutex

	wake      chan struct{}
	deliverMu sync.Mutex
}

// New returns an app whose accounts nobody has written to. It starts nothing.
func New(cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Keep <= 0 {
		cfg.Keep = 1000
	}
	if cfg.Limits == (Limits{}) {
		cfg.Limits = Documented()
	}
	if cfg.Tags == nil {
		cfg.Tags = Tags()
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{}
	}
	if cfg.Redeliver == nil {
		cfg.Redeliver = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, limits: cfg.Limits, webhook: cfg.WebhookURL, users: map[string]*user{}, tokens: map[string]*optIn{}, comment: map[string]*comment{},
		rates: map[string]*rate{}, revoked: map[string]bool{}, leads: map[string]*filled{}, forms: map[string]*Form{}, calls: map[string]int{}, wake: make(chan struct{}, 1)}
}

// answer is what a call is answered with.
type answer struct {
	status int
	header map[string]string
	body   any
}

// graphError is the body of every error answer.
type graphError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Code    int    `json:"code"`
	Subcode int    `json:"error_subcode,omitempty"`
	Trace   string `json:"fbtrace_id"`
}

func refuse(status, code, subcode int, format string, args ...any) *answer {
	return &answer{status: status, body: map[string]any{"error": graphError{Message: fmt.Sprintf("(#%d) ", code) + fmt.Sprintf(format, args...), Type: "OAuthException", Code: code, Subcode: subcode, Trace: rand.Text()[:11]}}}
}

func invalid(format string, args ...any) *answer {
	return refuse(http.StatusBadRequest, 100, 0, format, args...)
}

var version = regexp.MustCompile(`^/v\d+\.\d+/`)

// ServeHTTP answers one API call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(s.limits.BodyBytes)+1))
	if err != nil {
		return // the caller went away
	}
	path := r.URL.Path
	if v := version.FindString(path); v != "" {
		path = path[len(v)-1:]
	}
	id, what, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	endpoint := cmp.Or(what, s.kindOf(id))
	f := s.takeFault(endpoint, body)
	if f != nil && !f.After && f.breaks() {
		s.fail(w, r, endpoint, f)
		return
	}
	a := s.handle(r, id, what, body)
	if f != nil {
		if f.After && a.status >= 300 {
			s.returnFault(f) // it waits for a call that is taken
		} else if f.breaks() {
			s.fail(w, r, endpoint, f)
			return
		} else if !wait(r.Context(), f.Stall) {
			return
		}
	}
	s.write(w, endpoint, a)
}

func (s *Server) write(w http.ResponseWriter, endpoint string, a *answer) {
	s.mu.Lock()
	s.calls[fmt.Sprintf("%s %d", endpoint, a.status)]++
	s.mu.Unlock()
	out, err := json.Marshal(a.body)
	if err != nil {
		a.status = http.StatusInternalServerError
	}
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(a.status)
	_, _ = w.Write(out) // the caller may have gone; what was taken stays so
}

// handle runs the checks: who, what, how often, and only then the content and the person.
func (s *Server) handle(r *http.Request, id, what string, body []byte) *answer {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == "" {
		token = r.URL.Query().Get("access_token")
	}
	if token == "" {
		return refuse(http.StatusBadRequest, 190, 0, "An access token is required to request this resource.")
	}
	account := s.account(cmp.Or(s.pageOf(id), id), token)
	if account == nil {
		return refuse(http.StatusBadRequest, 100, 33, "Unsupported request. Object with ID '%s' does not exist, cannot be loaded due to missing permissions, or does not support this operation", id)
	}
	s.mu.Lock()
	revoked := s.revoked[account.ID]
	s.mu.Unlock()
	if revoked || account.Token != "" && subtle.ConstantTimeCompare([]byte(token), []byte(account.Token)) != 1 {
		return refuse(http.StatusBadRequest, 190, 460, "Error validating access token: The session has been invalidated because the user changed their password or Facebook has changed the session for security reasons.")
	}
	if a := s.proven(r, account, token); a != nil {
		return a
	}
	switch {
	case what == "" && r.Method == http.MethodGet && s.kindOf(id) != "account":
		return s.read(id, r.URL.Query().Get("fields"))
	case what == "messages" && r.Method == http.MethodPost:
		if len(body) > s.limits.BodyBytes {
			return invalid("The request is too large.")
		}
		return s.send(account, body)
	case what == "" && r.Method == http.MethodGet:
		return &answer{status: http.StatusOK, body: map[string]string{"id": account.ID, "name": cmp.Or(account.Name, "Enishi")}}
	}
	return refuse(http.StatusBadRequest, 2500, 0, "Unknown path components: /%s", what)
}

// account finds who a call is about; "me" is whose token it is.
func (s *Server) account(id, token string) *Account {
	for i := range s.cfg.Accounts {
		if a := &s.cfg.Accounts[i]; a.ID == id || id == "me" && (a.Token == "" || a.Token == token) {
			return a
		}
	}
	return nil
}

// proven checks appsecret_proof as an app that is set to "Require App Secret" does
// (developers.facebook.com/docs/graph-api/guides/secure-requests). Tokens of Instagram's own login are of another API: there a proof is
// only checked where there is one.
func (s *Server) proven(r *http.Request, account *Account, token string) *answer {
	if s.cfg.AppSecret == "" {
		return nil
	}
	switch r.URL.Query().Get("appsecret_proof") {
	case strings.TrimPrefix(Signature(s.cfg.AppSecret, []byte(token)), "sha256="):
		return nil
	case "":
		if account.Platform == Instagram && account.entry() == account.ID {
			return nil
		}
		return invalid("API calls from the server require an appsecret_proof argument")
	}
	return invalid("Invalid appsecret_proof provided in the API argument")
}

// Revoke takes the token of an account back, or gives it again.
func (s *Server) Revoke(account string, revoked bool) {
	s.mu.Lock()
	s.revoked[account] = revoked
	s.mu.Unlock()
}

// Calls counts calls by "endpoint status"; status 0 is a call that got no answer.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// wait sleeps real time; false when the caller has gone first.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
