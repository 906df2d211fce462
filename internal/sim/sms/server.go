// Package sms is a stateful simulator of two providers of SMS, both on one server and over the same phones: Twilio's Messages API
// and the JSON API of a Japanese aggregator (after the public reference of Karaden and its like). It is the development default of
// the product and the provider of its tests.
//
// It plays the phones and carriers too: a number is a phone that is on, out of reach, dead, a landline, or of somebody who
// answered STOP; [Server.Reply] writes from one. Receipts are due some time after a message, by Config.Now; [Server.Deliver]
// makes those that are due.
//
// Nothing is persisted. Where the references are silent the strict side was chosen.
package sms

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config of a simulator. The zero value works and accepts the credentials of [Credentials].
type Config struct {
	SID, Token string // of Twilio; the token is the aggregator's too
	Limits     Limits // the zero value is Documented()
	Keep       int    // messages that are remembered; default 1000
	// After is how long a receipt takes; default 2 s.
	After time.Duration
	// AggregatorURL is where the aggregator posts receipts and replies, with /status and /reply behind it and the key: its settings
	// have it, not the call. Empty: it tells nothing.
	AggregatorURL, AggregatorKey string
	// ReplyURL is where Twilio posts replies.
	ReplyURL string
	// Post hands a webhook over in place of a POST, and returns the receiver's status.
	Post   func(ctx context.Context, address string, header http.Header, body []byte) (status int, err error)
	OnSent func(Sent) // called for each message that was taken, before the call is answered; calls do not overlap
	Now    func() time.Time
	Log    *slog.Logger
}

// Limits are enforced.
type Limits struct {
	TwilioBody     int     // characters
	AggregatorBody int     // characters
	PerSecond      float64 // messages a second, per account
	LongCode       int     // letters of an alphanumeric sender
}

// Documented are the limits of the references: 1,600 and 660 characters. Twilio takes 100 messages a second from a Japanese sender
// with short codes and queues the rest; the rate of calls is not published, and 100 is ours.
func Documented() Limits {
	return Limits{TwilioBody: 1600, AggregatorBody: 660, PerSecond: 100, LongCode: 11}
}

// Credentials are what a simulator without any in its Config accepts.
func Credentials() (sid, token string) {
	return "AC" + strings.Repeat("5", 32), "simulated-token-of-sms"
}

// States of a number.
const (
	On          = "on"
	Off         = "off" // out of reach: the message is not delivered
	Dead        = "dead"
	Landline    = "landline"
	Stopped     = "stopped" // answered STOP
	Filtered    = "filtered"
	Region      = "region" // of a country that the account may not send to
	Alphanumber = "digits" // of a carrier that takes numeric senders only
)

// Sent is a message that a provider took.
type Sent struct {
	ID        string
	Shape     string // twilio, aggregator
	To        string // E.164
	From      string
	Text      string
	Reference string // what comes back with the receipt: StatusCallback of Twilio, tags of the aggregator
	At        time.Time
	Status    string // as last told: queued, delivered, ...
}

// Server is the simulator; an http.Handler for both APIs.
type Server struct {
	cfg Config

	mu      sync.Mutex // guards all below
	numbers map[string]string
	sent    []Sent
	due     []due
	times   []time.Time
	faults  []*Fault
	counts  map[string]int

	onSent sync.Mutex
}

type due struct {
	sent Sent
	at   time.Time
}

// New returns providers whose numbers are all on. It starts nothing.
func New(cfg Config) *Server {
	sid, token := Credentials()
	if cfg.SID == "" {
		cfg.SID = sid
	}
	if cfg.Token == "" {
		cfg.Token = token
	}
	if cfg.Limits == (Limits{}) {
		cfg.Limits = Documented()
	}
	if cfg.Keep <= 0 {
		cfg.Keep = 1000
	}
	if cfg.After == 0 {
		cfg.After = 2 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Post == nil {
		cfg.Post = post
	}
	return &Server{cfg: cfg, numbers: map[string]string{}, counts: map[string]int{}}
}

func post(ctx context.Context, address string, header http.Header, body []byte) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// Set says what a number (E.164) is from now on: On, Off, Dead, ...
func (s *Server) Set(number, state string) {
	s.mu.Lock()
	s.numbers[number] = state
	s.mu.Unlock()
}

// State is what a number is.
func (s *Server) State(number string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state := s.numbers[number]; state != "" {
		return state
	}
	return On
}

// Sent are the messages that were taken, the oldest first.
func (s *Server) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// Counts are the calls by "twilio 201", "aggregator 400", "receipt 200".
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// Fault is one planned misbehaviour.
type Fault struct {
	Times  int // calls; 0 is one
	Status int // the answer; 0: the connection is closed without one
	Header map[string]string
	Body   string
	After  bool // the message is taken, and only the answer goes wrong
}

// Inject plans a fault. Faults strike in their order, one a call.
func (s *Server) Inject(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	s.faults = append(s.faults, &f)
	s.mu.Unlock()
}

func (s *Server) takeFault() *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Times > 0 {
			f.Times--
			return f
		}
	}
	return nil
}

type answer struct {
	status int
	header map[string]string
	body   any
}

// ServeHTTP answers both APIs.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	shape, serve := "aggregator", s.aggregator
	if strings.HasPrefix(r.URL.Path, "/2010-04-01/") {
		shape, serve = "twilio", s.twilio
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // the caller went away
	}
	f := s.takeFault()
	var a answer
	if f == nil || f.After {
		a = serve(r, body)
	}
	if f != nil {
		s.count(shape, f.Status)
		if f.Status == 0 {
			panic(http.ErrAbortHandler)
		}
		for k, v := range f.Header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, f.Body)
		return
	}
	s.count(shape, a.status)
	w.Header().Set("Content-Type", "application/json")
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body) // the caller may have gone
}

func (s *Server) count(what string, status int) {
	s.mu.Lock()
	s.counts[what+" "+strconv.Itoa(status)]++
	s.mu.Unlock()
}

// admit counts a call against the rate.
func (s *Server) admit() bool {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.times) > 0 && now.Sub(s.times[0]) >= time.Second {
		s.times = s.times[1:]
	}
	if float64(len(s.times)) >= s.cfg.Limits.PerSecond {
		return false
	}
	s.times = append(s.times, now)
	return true
}

// take keeps a message and plans its receipt.
func (s *Server) take(x Sent) {
	s.onSent.Lock()
	defer s.onSent.Unlock()
	s.mu.Lock()
	if s.sent = append(s.sent, x); len(s.sent) > s.cfg.Keep {
		s.sent = s.sent[len(s.sent)-s.cfg.Keep:]
	}
	s.due = append(s.due, due{x, x.At.Add(s.cfg.After)})
	s.mu.Unlock()
	if s.cfg.OnSent != nil {
		s.cfg.OnSent(x)
	}
}

func (s *Server) status(id, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.sent {
		if s.sent[i].ID == id {
			s.sent[i].Status = status
		}
	}
}

// Deliver posts the receipts that are due, and says how many those were.
func (s *Server) Deliver(ctx context.Context) int {
	now := s.cfg.Now()
	s.mu.Lock()
	var ready []due
	s.due = slices.DeleteFunc(s.due, func(d due) bool {
		if now.Before(d.at) {
			return false
		}
		ready = append(ready, d)
		return true
	})
	s.mu.Unlock()
	for _, d := range ready {
		var address string
		var header http.Header
		var body []byte
		if d.sent.Shape == "twilio" {
			address, header, body = s.twilioReceipt(d.sent)
		} else {
			address, header, body = s.aggregatorReceipt(d.sent)
		}
		s.hand(ctx, "receipt", address, header, body)
	}
	return len(ready)
}

// Run makes receipts until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.Deliver(ctx)
		}
	}
}

func (s *Server) hand(ctx context.Context, what, address string, header http.Header, body []byte) int {
	if address == "" {
		return 0
	}
	status, err := s.cfg.Post(ctx, address, header, body)
	if err != nil {
		s.cfg.Log.Warn("simulated SMS: a webhook is not taken", "err", err)
	}
	s.count(what, status)
	return status
}

// Reply writes from a phone to the shop, by the provider of the shape. STOP makes Twilio refuse further messages to the number,
// START takes them again.
func (s *Server) Reply(ctx context.Context, shape, from, text string) int {
	if shape == "aggregator" {
		body, _ := json.Marshal(map[string]any{"object": "reply", "id": identifier(""), "from": domestic(from), "body": text})
		return s.hand(ctx, "reply", s.back("/reply"), http.Header{"Content-Type": {"application/json"}}, body)
	}
	form := url.Values{"MessageSid": {identifier("SM")}, "AccountSid": {s.cfg.SID}, "From": {from}, "To": {"+815012345678"}, "Body": {text}}
	switch strings.ToUpper(strings.TrimSpace(text)) {
	case "STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT":
		s.Set(from, Stopped)
		form.Set("OptOutType", "STOP")
	case "START", "YES", "UNSTOP":
		s.Set(from, On)
		form.Set("OptOutType", "START")
	}
	return s.hand(ctx, "reply", s.cfg.ReplyURL, s.signed(s.cfg.ReplyURL, form), []byte(form.Encode()))
}

// signed are the headers of a webhook of Twilio.
func (s *Server) signed(address string, form url.Values) http.Header {
	text := address
	for _, k := range slices.Sorted(maps.Keys(form)) {
		text += k + form.Get(k)
	}
	mac := hmac.New(sha1.New, []byte(s.cfg.Token))
	mac.Write([]byte(text))
	return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Twilio-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}}
}

func (s *Server) back(what string) string {
	if s.cfg.AggregatorURL == "" {
		return ""
	}
	return s.cfg.AggregatorURL + what + "?key=" + url.QueryEscape(s.cfg.AggregatorKey)
}

func identifier(prefix string) string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return prefix + hex.EncodeToString(b)
}

func domestic(number string) string {
	if rest, ok := strings.CutPrefix(number, "+81"); ok {
		return "0" + rest
	}
	return strings.TrimPrefix(number, "+")
}

// carrierRefuses is what becomes of a message on its way; "" is delivered.
func carrierRefuses(state, from string) string {
	if state == Alphanumber {
		if strings.Trim(from, "+0123456789") != "" {
			return Filtered
		}
		return ""
	}
	if state == On {
		return ""
	}
	return state
}
