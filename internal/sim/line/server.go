package line

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Config of a channel. The zero value is a working channel without quota that
// accepts any bearer token and sends no webhooks.
type Config struct {
	// ChannelSecret signs webhooks.
	ChannelSecret string
	// ChannelToken is the one accepted bearer token; empty accepts any.
	ChannelToken string
	// ProviderID separates the user ids of UserID: LINE gives one person
	// another id at each provider.
	ProviderID string
	// DisplayName of the official account; default "Enishi".
	DisplayName string
	// Now is the clock of all rules; default time.Now.
	Now func() time.Time
	// MonthlyQuota in messages per JST month; 0 is no limit.
	MonthlyQuota int
	// WebhookURL receives the events; SetWebhookURL changes it later.
	WebhookURL string
	// Webhook, when set, is called in place of a POST to WebhookURL and
	// returns the receiver's status.
	Webhook func(ctx context.Context, body []byte, signature string) (status int, err error)
	// Redeliver are the waits before each new attempt of a failed webhook;
	// LINE does not publish its own. Default 1s, 5s, 30s, 2m, 10m.
	Redeliver []time.Duration
	// Client posts webhooks; default a new http.Client.
	Client *http.Client
	// Keep is the number of sent messages remembered; default 1000.
	Keep int
	// Limits to enforce; the zero value is Documented().
	Limits Limits
	// OnSent is called for each message handed to a recipient or silently
	// dropped, before the call is answered. Calls do not overlap; it must not
	// call the Server's sending endpoints.
	OnSent func(Sent)
	// Rand yields ids and tokens; default crypto/rand.
	Rand io.Reader
	Log  *slog.Logger
}

// Server is one simulated channel; an http.Handler for api.line.me.
type Server struct {
	cfg    Config
	limits Limits
	botID  string

	mu           sync.Mutex // guards all below
	users        map[string]*user
	order        []*user // by first follow; a place in it is the cursor of followers/ids
	keys         map[string]*retryKey
	keyLine      []*retryKey // keys by first use, for forgetting
	month        string
	usage        int
	units        map[string]bool
	unitSeq      []string
	stats        map[string]*unitStat // by unit
	menus        map[string]*richMenu
	linked       map[string]string // rich menu by user
	everybody    string            // the default rich menu
	coupons      []*coupon
	audiences    map[int64]*audienceGroup
	lastAudience int64
	narrowcasts  map[string]*narrowcast // by request id
	phones       map[string]*phone      // by hash of the phone number
	sent         []Sent
	sentSeq      uint64
	lastID       int64
	replies      map[string]*replyToken
	links        map[string]linkToken
	logins       map[string]idToken
	faults       []*Fault
	rates        map[string]*window
	counts       Counts
	webhook      string
	queue        []*delivery
	onSent       sync.Mutex // keeps OnSent calls apart and in order of Seq

	wake      chan struct{} // tells Run of new webhooks
	deliverMu sync.Mutex    // one deliverer at a time
}

// New returns a channel without friends. It starts nothing.
func New(cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Keep <= 0 {
		cfg.Keep = 1000
	}
	if cfg.DisplayName == "" {
		cfg.DisplayName = "Enishi"
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{}
	}
	if cfg.Limits == (Limits{}) {
		cfg.Limits = Documented()
	}
	if cfg.Redeliver == nil {
		cfg.Redeliver = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}
	}
	s := &Server{
		cfg: cfg, limits: cfg.Limits, webhook: cfg.WebhookURL,
		users: map[string]*user{}, keys: map[string]*retryKey{}, units: map[string]bool{}, stats: map[string]*unitStat{},
		menus: map[string]*richMenu{}, linked: map[string]string{}, audiences: map[int64]*audienceGroup{}, narrowcasts: map[string]*narrowcast{}, phones: map[string]*phone{},
		replies: map[string]*replyToken{}, links: map[string]linkToken{}, logins: map[string]idToken{}, rates: map[string]*window{},
		counts: Counts{Calls: map[string]int{}}, wake: make(chan struct{}, 1),
	}
	s.botID = s.UserID("bot")
	return s
}

// call is one HTTP request on its way through the checks.
type call struct {
	r        *http.Request
	id       string // X-Line-Request-Id
	endpoint string
	userID   string // of the path, where it has one
	body     []byte
	oversize bool
	key      string // retry key, lower case
	route    *route // of those in routes
}

// endpoint names the API function of a request; "" is unknown.
func endpoint(r *http.Request) (name, userID string, known bool) {
	if r.URL.Path == "/oauth2/v2.1/verify" { // of LINE Login
		if r.Method != http.MethodPost {
			return "", "", true
		}
		return "verify", "", true
	}
	path, found := strings.CutPrefix(r.URL.Path, "/v2/bot/")
	if !found {
		return "", "", false
	}
	method := http.MethodGet
	switch path {
	case "message/push", "message/multicast", "message/reply",
		"message/validate/push", "message/validate/multicast", "message/validate/reply",
		"message/validate/narrowcast", "message/validate/broadcast":
		method, name = http.MethodPost, strings.TrimPrefix(path, "message/")
	case "message/quota", "message/quota/consumption", "message/aggregation/info", "message/aggregation/list":
		name = strings.TrimPrefix(path, "message/")
	case "followers/ids":
		name = "followers"
	case "insight/message/event/aggregation":
		name = "insight/aggregation"
	case "insight/message/event":
		name = "insight/event"
	case "info":
		name = "info"
	default:
		if id, ok := strings.CutPrefix(path, "profile/"); ok && !strings.Contains(id, "/") {
			name, userID = "profile", id
		} else if id, ok := strings.CutPrefix(path, "user/"); ok && strings.HasSuffix(id, "/linkToken") {
			method, name, userID = http.MethodPost, "linkToken", strings.TrimSuffix(id, "/linkToken")
		} else {
			return "", "", false
		}
	}
	if r.Method != method {
		return "", "", true
	}
	return name, userID, true
}

// ServeHTTP answers one API call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{r: r, id: s.requestID()}
	var known bool
	if c.route, c.userID, known = routed(r); c.route != nil {
		c.endpoint = c.route.name
	} else if !known {
		c.endpoint, c.userID, known = endpoint(r)
	}
	most := s.limits.BodyBytes
	if c.endpoint == "audience/file" {
		most = 128 << 20 // by lines
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(most)+1))
	if err != nil {
		return // the caller went away
	}
	c.body, c.oversize = body, len(body) > most
	c.key = strings.ToLower(r.Header.Get("X-Line-Retry-Key"))

	a, done := s.faulty(w, c, known)
	if done {
		return
	}
	s.count(c.endpoint, a.status)
	out := a.render(w.Header(), c.id)
	w.WriteHeader(a.status)
	_, _ = w.Write(out) // the caller may have gone; what was accepted stays so
}

// faulty handles the call under the next planned fault, if any. done says that
// the fault has had the last word with the caller.
func (s *Server) faulty(w http.ResponseWriter, c *call, known bool) (a *answer, done bool) {
	f := s.takeFault(c)
	if f == nil {
		return s.handle(c, known), false
	}
	a = refuse(http.StatusInternalServerError, "Internal server error")
	if f.After {
		if a = s.handle(c, known); a.status >= 300 {
			s.returnFault(f) // it waits for a call that is accepted
			return a, false
		}
	} else if f.breaks() {
		s.noteKey(c.key) // LINE counts a key's 24 hours from its first use, failed or not
	}
	s.dropSpent(f)
	if !wait(c.r.Context(), f.Stall) {
		s.count(c.endpoint, 0)
		return nil, true
	}
	if f.breaks() {
		s.fail(w, c, f, a)
		return nil, true
	}
	if !f.After {
		a = s.handle(c, known)
	}
	return a, false
}

// handle runs the checks in LINE's order (as far as it can be seen from
// outside: who, what, how often, how long, and only then the content).
func (s *Server) handle(c *call, known bool) *answer {
	if c.endpoint == "verify" { // asked by anybody: the token itself is the proof
		return s.verify(c)
	}
	token, isBearer := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	if !isBearer || token == "" ||
		s.cfg.ChannelToken != "" && subtle.ConstantTimeCompare([]byte(token), []byte(s.cfg.ChannelToken)) != 1 {
		return refuse(http.StatusUnauthorized, "Authentication failed due to the following reason: invalid token. "+
			"Confirm that the access token in the authorization header is valid.")
	}
	if !known {
		return refuse(http.StatusNotFound, "Not found")
	}
	if c.endpoint == "" {
		return refuse(http.StatusMethodNotAllowed, "Method not allowed")
	}
	if !s.admit(c.endpoint) {
		return refuse(http.StatusTooManyRequests, "The API rate limit has been exceeded. Try again later.")
	}
	if wanted := c.media(); wanted != "" {
		if media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || !strings.HasPrefix(media, wanted) {
			return refuse(http.StatusUnsupportedMediaType, fmt.Sprintf("The content type, %s, is not supported", c.r.Header.Get("Content-Type")))
		}
		if c.oversize {
			return refuse(http.StatusRequestEntityTooLarge, "Payload Too Large")
		}
	}
	if a := s.checkKey(c); a != nil {
		return a
	}
	if c.route != nil {
		return s.further(c)
	}
	switch c.endpoint {
	case "push", "multicast", "reply":
		return s.send(c)
	case "quota":
		return s.quota()
	case "quota/consumption":
		return s.consumption()
	case "aggregation/info", "aggregation/list":
		return s.aggregation(c)
	case "insight/aggregation":
		return s.insightAggregation(c)
	case "insight/event":
		return s.insightEvent(c)
	case "profile":
		return s.profile(c)
	case "followers":
		return s.followers(c)
	case "info":
		return ok(map[string]string{"userId": s.botID, "basicId": "@" + s.botID[1:9], "displayName": s.cfg.DisplayName,
			"chatMode": "bot", "markAsReadMode": "auto"})
	case "linkToken":
		return s.issueLinkToken(c)
	}
	return s.validate(c)
}

// media is how the type of the body must begin; empty: there is none.
func (c *call) media() string {
	switch {
	case c.endpoint == "linkToken" || c.route != nil && c.route.bare || c.r.Method != http.MethodPost && c.r.Method != http.MethodPut:
		return ""
	case c.route != nil && c.route.media != "":
		return c.route.media
	}
	return "application/json"
}

// validate answers the endpoints that only check message objects.
func (s *Server) validate(c *call) *answer {
	var o object
	if err := json.Unmarshal(c.body, &o); err != nil {
		return unparsable(c.body, err)
	}
	check := check{limits: &s.limits}
	messages := check.list(o, where{}, "messages", 1, s.limits.Messages)
	if len(check.errs) > 0 {
		return bodyErrors(check.errs)
	}
	if a := s.checkMessages(messages, c.endpoint == "validate/push" || c.endpoint == "validate/reply"); a != nil {
		return a
	}
	return ok(struct{}{})
}

// Counts are running totals since New.
type Counts struct {
	// Calls by "endpoint status"; status 0 is a call that got no answer.
	Calls map[string]int
	// Delivered and Silent are recipients: reached, and accepted but not
	// reached (blocked, never a friend).
	Delivered, Silent int
	// Webhooks by what became of them; Pending ones wait for (re)delivery.
	WebhooksDelivered, WebhooksFailed, WebhooksPending int
}

// Counts returns a copy of the totals.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts
	c.Calls = maps.Clone(s.counts.Calls)
	for _, d := range s.queue {
		if !d.done {
			c.WebhooksPending++
		}
	}
	return c
}

func (s *Server) count(endpoint string, status int) {
	s.mu.Lock()
	s.counts.Calls[fmt.Sprintf("%s %d", endpoint, status)]++
	s.mu.Unlock()
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
