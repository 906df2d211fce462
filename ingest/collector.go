package ingest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"enishi"
	"enishi/internal/stream"
)

// CollectorConfig is what a Collector needs.
type CollectorConfig struct {
	Append  func(ctx context.Context, recs []stream.Record) error // returns when the log has them
	Keys    func(key string) (source string, ok bool)             // the source that a write key stands for
	Parser  *Parser
	Debug   *Debug           // keeps the calls of browsers that somebody watches; nil: none
	Why     func() Obstacle  // what is known to keep the log from taking events; nil: nothing
	Origins []string         // browsers' origins that may send; default: any (a write key can read nothing)
	Rate    float64          // events a second that one write key may send, with bursts of as many; 0: no limit
	Timeout time.Duration    // for the log's acknowledgement; 5 s
	Linger  time.Duration    // how long events of several requests are gathered for one append; 2 ms, negative: not at all
	Now     func() time.Time // default: time.Now
	NewID   func() string    // id of an event that came without one; default: a random UUID
	Log     *slog.Logger     // default: discard
}

// Obstacle is what is known to keep the log from taking events.
type Obstacle struct {
	Text, TextJA string
	Full         bool // for want of space: then the log is not even asked, so that what is left serves what was taken before
}

// Limits of a request.
const (
	maxBodyBytes  = 1 << 20  // of a single event
	maxBatchBytes = 10 << 20 // of a batch
	maxBatchSize  = 10_000   // events of a batch
	maxGzipRatio  = 20
	gzipAllowance = 64 << 10 // small bodies may compress better
)

// Collector takes events over HTTP in Segment's format: POST /v1/{track,identify,page,screen,group,alias,batch} and the
// short /v1/{t,i,p,b}. It answers 202 only after the log has the events; what is wrong with an event is said by its index,
// and the good ones beside it pass.
type Collector struct {
	cfg     CollectorConfig
	origins map[string]bool // nil: any
	appends *appender

	mu     sync.Mutex
	limits map[string]*rate.Limiter
}

// Answer is the body of a 202 and of a 400 that names events.
type Answer struct {
	Accepted int        `json:"accepted"`
	Position string     `json:"position,omitempty"` // for ?after=: see Position
	Rejected []Rejected `json:"rejected,omitempty"`
}

// Rejected is one event that was not taken.
type Rejected struct {
	Index     int    `json:"index"` // in the batch; 0 for a single event
	MessageID string `json:"message_id,omitempty"`
	Code      string `json:"code"` // one of the Code constants
	Field     string `json:"field,omitempty"`
	Reason    string `json:"reason"`
	ReasonJA  string `json:"reason_ja"`
}

// NewCollector checks cfg and makes a Collector; its Run must run while it serves.
func NewCollector(cfg CollectorConfig) (*Collector, error) {
	if cfg.Append == nil || cfg.Keys == nil || cfg.Parser == nil {
		return nil, errors.New("ingest: Append, Keys and Parser of the collector are required")
	}
	if cfg.Why == nil {
		cfg.Why = func() Obstacle { return Obstacle{} }
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.Linger == 0 {
		cfg.Linger = 2 * time.Millisecond
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.NewID == nil {
		cfg.NewID = randomID
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Collector{cfg: cfg, limits: map[string]*rate.Limiter{}}
	c.cfg.Log = cfg.Log.With("component", "collector")
	if len(cfg.Origins) > 0 && cfg.Origins[0] != "*" {
		c.origins = map[string]bool{}
		for _, o := range cfg.Origins {
			c.origins[o] = true
		}
	}
	c.appends = newAppender(cfg.Append, cfg.Linger, cfg.Timeout)
	return c, nil
}

func randomID() string {
	var id enishi.ID
	rand.Read(id[:])
	id[6], id[8] = id[6]&0x0F|0x40, id[8]&0x3F|0x80
	return id.UUID()
}

// Run appends what requests bring until ctx ends; what waits then is answered with 503.
func (c *Collector) Run(ctx context.Context) error { return c.appends.run(ctx) }

// call is what a path stands for: a kind of call, or "batch".
func call(path string) string {
	name, ok := strings.CutPrefix(path, "/v1/")
	if !ok {
		return ""
	}
	switch name {
	case "t":
		return "track"
	case "i":
		return "identify"
	case "p":
		return "page"
	case "b", "batch", "import":
		return "batch"
	}
	if isSegmentType(name) {
		return name
	}
	return ""
}

// ServeHTTP answers one request.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := call(r.URL.Path)
	if kind == "" {
		problem(w, http.StatusNotFound, "no such address: POST /v1/track, identify, page, screen, group, alias or batch", "この URL はありません。/v1/track・identify・page・screen・group・alias・batch に POST してください")
		return
	}
	c.cors(w, r)
	switch r.Method {
	case http.MethodPost:
	case http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		w.Header().Set("Allow", "POST, OPTIONS")
		problem(w, http.StatusMethodNotAllowed, "use POST", "POST で送ってください")
		return
	}
	limit := int64(maxBodyBytes)
	if kind == "batch" {
		limit = maxBatchBytes
	}
	body, bad := readBody(w, r, limit)
	if bad != nil {
		bad.write(w)
		return
	}
	defer body.release()
	c.take(w, r, kind, body.bytes())
}

// take handles a body that was read.
func (c *Collector) take(w http.ResponseWriter, r *http.Request, kind string, body []byte) {
	if refusal := checkText8(body); refusal != nil {
		problem(w, http.StatusBadRequest, refusal.Error(), refusal.ReasonJA)
		return
	}
	b := batch{now: c.cfg.Now().UTC(), agent: r.UserAgent(), parser: c.cfg.Parser, newID: c.cfg.NewID}
	var refusal *Refusal
	if kind == "batch" {
		refusal = b.split(body)
	} else {
		refusal = b.single(body, kind)
	}
	if refusal != nil {
		status := http.StatusBadRequest
		if refusal.Code == CodeSize {
			status = http.StatusRequestEntityTooLarge
		}
		problem(w, status, refusal.Error(), refusal.ReasonJA)
		return
	}
	source, key, ok := c.source(r, b.key)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="write key"`)
		c.debug(&b, refuse(CodeKey, "writeKey", "the write key is missing or unknown", "送信キーがないか、登録されていません"))
		problem(w, http.StatusUnauthorized, "the write key is missing or unknown: send it as the user of basic auth, as a bearer token or as writeKey", "送信キーがないか、登録されていません。Basic 認証のユーザー名・Bearer トークン・writeKey のいずれかで送ってください")
		return
	}
	if !c.allow(key, len(b.calls)) {
		w.Header().Set("Retry-After", "1")
		c.debug(&b, refuse(CodeRate, "", "too many events for this write key", "この送信キーの送信量が上限を超えました"))
		problem(w, http.StatusTooManyRequests, "too many events for this write key: slow down", "この送信キーの送信量が上限を超えました。間隔を空けて送り直してください")
		return
	}
	b.source = source
	b.translate()
	answer := Answer{Accepted: len(b.recs), Rejected: b.rejected}
	if len(b.recs) == 0 && len(b.rejected) > 0 {
		c.debug(&b, nil)
		writeJSON(w, http.StatusBadRequest, &answer)
		return
	}
	if x := c.cfg.Why(); x.Full {
		unavailable(w, x)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), c.cfg.Timeout)
	defer cancel()
	if err := c.appends.append(ctx, b.recs); err != nil {
		c.debug(&b, refuse(CodeAway, "", "the event log did not take it", "イベントログに書き込めませんでした"))
		c.cfg.Log.Warn("events not acknowledged", "events", len(b.recs), "err", err)
		unavailable(w, c.cfg.Why())
		return
	}
	c.debug(&b, nil)
	answer.Position = positionOf(b.recs).String()
	writeJSON(w, http.StatusAccepted, &answer)
}

// unavailable answers that the log did not take the events, so that they are sent again.
func unavailable(w http.ResponseWriter, x Obstacle) {
	if x.Text == "" {
		x.Text, x.TextJA = "The event log does not answer.", "イベントログが応答しません。"
	}
	w.Header().Set("Retry-After", "5")
	problem(w, http.StatusServiceUnavailable, x.Text+" Nothing was acknowledged, send it again.", x.TextJA+"受け付けていないので、しばらくしてから送り直してください。")
}

func (c *Collector) cors(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	h := w.Header()
	if c.origins == nil {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Set("Vary", "Origin")
		if !c.origins[origin] {
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
	}
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Content-Encoding")
		h.Set("Access-Control-Max-Age", "86400")
	}
}

// source finds the source of the request's write key.
func (c *Collector) source(r *http.Request, inBody string) (source, key string, ok bool) {
	key = strings.Clone(inBody) // it outlives the body: as key of the limits, and who knows what Keys does with it
	if auth := r.Header.Get("Authorization"); auth != "" {
		scheme, rest, _ := strings.Cut(auth, " ")
		switch strings.ToLower(scheme) {
		case "basic":
			plain, err := base64.StdEncoding.DecodeString(rest)
			if err != nil {
				return "", "", false
			}
			key, _, _ = strings.Cut(string(plain), ":")
		case "bearer":
			key = strings.TrimSpace(rest)
		}
	}
	if key == "" {
		return "", "", false
	}
	source, ok = c.cfg.Keys(key)
	return source, key, ok
}

func (c *Collector) allow(key string, events int) bool {
	if c.cfg.Rate <= 0 {
		return true
	}
	c.mu.Lock()
	l := c.limits[key]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(c.cfg.Rate), max(int(c.cfg.Rate), 1))
		c.limits[key] = l
	}
	c.mu.Unlock()
	now := c.cfg.Now()
	return l.AllowN(now, min(events, l.Burst()))
}

// problem writes an error as RFC 9457 has it, with the Japanese text beside.
func problem(w http.ResponseWriter, status int, detail, detailJA string) {
	w.Header().Set("Content-Type", "application/problem+json")
	body, err := json.Marshal(struct {
		Title    string `json:"title"`
		Status   int    `json:"status"`
		Detail   string `json:"detail"`
		DetailJA string `json:"detail_ja"`
	}{http.StatusText(status), status, detail, detailJA})
	if err != nil {
		body = nil
	}
	w.WriteHeader(status)
	w.Write(body)
}

func writeJSON(w http.ResponseWriter, status int, a *Answer) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	var body []byte
	if len(a.Rejected) == 0 { // nearly always
		body = append(body, `{"accepted":`...)
		body = strconv.AppendInt(body, int64(a.Accepted), 10)
		body = append(body, `,"position":`...)
		body = append(strconv.AppendQuote(body, a.Position), '}')
	} else if b, err := json.Marshal(a); err == nil {
		body = b
	}
	w.WriteHeader(status)
	w.Write(body)
}

// statusError is a request that could not be read.
type statusError struct {
	status     int
	msg, msgJA string
}

func (e *statusError) write(w http.ResponseWriter) { problem(w, e.status, e.msg, e.msgJA) }
