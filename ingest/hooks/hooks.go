package hooks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/internal/signature"
	"enishi/internal/stream"
)

// Source is a system that calls us.
type Source struct {
	Name    string
	Kind    string
	Secrets []string // the newest first; calls signed with any are taken, so that a secret can be changed
	Scheme  string   // one of [Schemes]
	Header  string   // that has the signature; empty: the scheme's own

	IDHeader    string // that has the id of a call, the same over its tries; empty: the hash of the body
	TopicHeader string // that names what a call is about; may be empty
	VerifyToken string // of the handshake by GET that Meta begins with; empty: there is none

	Translate Translate
}

// Delivery is one call.
type Delivery struct {
	Source  string
	ID      enishi.ID // of source and the sender's own id
	Topic   string
	Headers http.Header // without those that are secret
	Body    []byte
	At      time.Time // when it came
}

// Taken is what a call tells.
type Taken struct {
	Events    []enishi.Event                  // without Message: it is made of the call's id and the event's place
	JSON      [][]byte                        // the same as public JSON, also without source
	Refused   *ingest.Refusal                 // what of it could not be made into an event; the others come
	Catalogue []stream.Record                 // of the topic catalogue
	After     func(ctx context.Context) error // what else is to be done before the call is answered; may be repeated
	Document  []byte                          // what a mapping saw, where that is not the body; the console shows it instead
	Left      string                          // why nothing came of it, when nothing did
	LeftJA    string
}

// Translate makes events of a call. An error that is an [*ingest.Refusal] makes a dead letter; any other lets the sender come
// again.
type Translate func(ctx context.Context, d *Delivery) (Taken, error)

// Outcomes of a call.
const (
	OutcomeTaken   = "taken"
	OutcomeRepeat  = "repeat"  // it was taken before
	OutcomeLeft    = "left"    // nothing for us
	OutcomeRefused = "refused" // a dead letter
	OutcomeLater   = "later"   // it shall come again
)

// Received is a call as the console shows it.
type Received struct {
	Source, Topic string
	ID            enishi.ID
	At            time.Time
	Outcome       string // one of the Outcome constants
	Events        int
	Field         string // of a refusal
	Reason        string
	ReasonJA      string
	Body          []byte // at most KeepBody
}

// Bounds of calls and of what is kept of them.
const (
	MaxBody  = 4 << 20
	KeepBody = 64 << 10
	answerIn = 4 * time.Second // Shopify and Meta wait for 5

	replayFor  = 2 * Tolerance
	maxReplays = 50_000 // calls of all sources that are remembered
)

// Config is what Hooks needs.
type Config struct {
	Sources []Source
	Parser  *ingest.Parser
	Append  func(ctx context.Context, recs []stream.Record) error // returns when the log has them
	Dead    func(ctx context.Context, l ingest.DeadLetter) error
	Keep    func(ctx context.Context, calls []Received) error // rows for the console; may lose some; nil: none
	Why     func() ingest.Obstacle                            // what is known to keep the log from taking events; nil: nothing
	Now     func() time.Time
	Log     *slog.Logger
}

// Hooks answers /hooks/{source}. Its Run keeps what the console shows.
type Hooks struct {
	cfg     Config
	sources map[string]*source

	mu      sync.Mutex
	replays map[enishi.ID]time.Time
	oldest  []enishi.ID // of replays, in order

	recent *recent
}

type source struct {
	Source
	signer *signer

	mu    sync.Mutex
	state State
}

// State is what a replica has seen of a source since its start.
type State struct {
	Calls   int64     `json:"calls" doc:"That were signed well."`
	Refused int64     `json:"refused" doc:"That became dead letters."`
	Forged  int64     `json:"forged" doc:"With a wrong or missing signature: nothing of them is kept."`
	LastAt  time.Time `json:"last_at,omitzero"`
	ForgeAt time.Time `json:"forged_at,omitzero"`
}

// New checks cfg.
func New(cfg Config) (*Hooks, error) {
	if cfg.Parser == nil || cfg.Append == nil || cfg.Dead == nil {
		return nil, errors.New("hooks: Parser, Append and Dead are required")
	}
	if cfg.Why == nil {
		cfg.Why = func() ingest.Obstacle { return ingest.Obstacle{} }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Log = cfg.Log.With("component", "hooks")
	h := &Hooks{cfg: cfg, sources: map[string]*source{}, replays: map[enishi.ID]time.Time{}, recent: newRecent(cfg.Keep, cfg.Log)}
	for _, s := range cfg.Sources {
		if s.Translate == nil {
			return nil, fmt.Errorf("sources.%s: there is no kind %q", s.Name, s.Kind)
		}
		signer, err := newSigner(&s)
		if err != nil {
			return nil, fmt.Errorf("sources.%s.%w", s.Name, err)
		}
		h.sources[s.Name] = &source{Source: s, signer: signer}
	}
	return h, nil
}

// Run keeps what came until ctx ends.
func (h *Hooks) Run(ctx context.Context) error { return h.recent.run(ctx) }

// State is what this replica has seen of a source; false when there is none of the name.
func (h *Hooks) State(name string) (State, bool) {
	s := h.sources[name]
	if s == nil {
		return State{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, true
}

// ServeHTTP takes one call. 200: everything is safe, or was before; 401: not the source; 503: it shall come again.
func (h *Hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("source")
	s := h.sources[name]
	if s == nil {
		http.Error(w, "there is no such source", http.StatusNotFound)
		return
	}
	if r.Method == http.MethodGet && s.VerifyToken != "" {
		h.handshake(w, r, s)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "use POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		http.Error(w, "the body cannot be read, or has more than 4 MiB", http.StatusRequestEntityTooLarge)
		return
	}
	switch h.Take(r.Context(), name, r.Header, body) {
	case http.StatusUnauthorized:
		http.Error(w, "the signature is wrong", http.StatusUnauthorized)
	case http.StatusServiceUnavailable:
		later(w)
	default:
		w.WriteHeader(http.StatusOK)
	}
}

// handshake gives the challenge back to who knows the verify token.
func (h *Hooks) handshake(w http.ResponseWriter, r *http.Request, s *source) {
	if !signature.MetaHandshake(w, r, s.VerifyToken) {
		h.cfg.Log.Warn("webhook handshake with a wrong verify token", "source", s.Name)
	}
}

// Take takes a call that came to a source, at its own address or at another. It gives the status to answer with: 200, 401 or 503 as at ServeHTTP, 404.
func (h *Hooks) Take(ctx context.Context, name string, header http.Header, body []byte) int {
	s := h.sources[name]
	if s == nil {
		return http.StatusNotFound
	}
	now := h.cfg.Now().UTC().Truncate(time.Millisecond)
	if !s.signer.genuine(header, body, now) { // before anything of it is looked at
		s.note(func(x *State) { x.Forged++; x.ForgeAt = now })
		h.cfg.Log.Warn("webhook with a wrong signature", "source", s.Name)
		return http.StatusUnauthorized
	}
	d := &Delivery{Source: s.Name, Topic: clip(header.Get(s.TopicHeader), 100), Headers: plain(header, s.signer.header), Body: body, At: now}
	id := header.Get(s.IDHeader)
	if id == "" || s.IDHeader == "" {
		sum := sha256.Sum256(body)
		id = d.Topic + ":" + hex.EncodeToString(sum[:])
	}
	d.ID = enishi.NewID("source", s.Name, id)
	if x := h.cfg.Why(); x.Full {
		return http.StatusServiceUnavailable
	}
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	got := h.take(ctx, s, d)
	s.note(func(x *State) {
		x.Calls++
		x.LastAt = now
		if got.Outcome == OutcomeRefused {
			x.Refused++
		}
	})
	h.recent.add(got)
	if got.Outcome == OutcomeLater {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

// take makes events of a call and appends them.
func (h *Hooks) take(ctx context.Context, s *source, d *Delivery) Received {
	got := Received{Source: d.Source, Topic: d.Topic, ID: d.ID, At: d.At, Outcome: OutcomeTaken, Body: d.Body[:min(len(d.Body), KeepBody)]}
	if h.known(d.ID, d.At) {
		got.Outcome = OutcomeRepeat
		return got
	}
	n, left, err := h.deliver(ctx, s, d)
	got.Events = n
	if left.Document != nil {
		got.Body = left.Document[:min(len(left.Document), KeepBody)]
	}
	var why *ingest.Refusal
	switch {
	case errors.As(err, &why):
		got.Outcome, got.Field, got.Reason, got.ReasonJA = OutcomeRefused, why.Field, why.Reason, why.ReasonJA
		err = h.cfg.Dead(ctx, deadLetter(d, why))
	case err == nil && left.Left != "":
		got.Outcome, got.Reason, got.ReasonJA = OutcomeLeft, left.Left, left.LeftJA
	}
	if err != nil {
		h.cfg.Log.Error("webhook is not stored", "source", d.Source, "topic", d.Topic, "err", err)
		got.Outcome, got.Reason, got.ReasonJA = OutcomeLater, "It could not be stored; the sender was asked to come again.", "保存できなかったため、送信元に再送を求めました。"
		return got
	}
	h.remember(d.ID, d.At)
	return got
}

// deliver makes, checks and appends; n counts the records. A refusal of one event says which, and the good ones beside it pass.
func (h *Hooks) deliver(ctx context.Context, s *source, d *Delivery) (n int, taken Taken, err error) {
	taken, err = s.Translate(ctx, d)
	if err != nil {
		return 0, taken, err
	}
	values := make([][]byte, 0, len(taken.JSON)+len(taken.Events))
	for i, raw := range taken.JSON {
		value, err := named(raw, d, i)
		if err != nil {
			return 0, taken, err
		}
		values = append(values, value)
	}
	for i := range taken.Events {
		e := &taken.Events[i]
		e.Source = d.Source
		if e.Message == "" {
			e.Message = d.ID.UUID() + ":" + strconv.Itoa(i)
		}
		value, err := json.Marshal(e)
		if err != nil {
			return 0, taken, fmt.Errorf("encode %s: %w", e.Type, err)
		}
		values = append(values, value)
	}
	recs := slices.Clone(taken.Catalogue)
	bad := taken.Refused
	for i, value := range values {
		r, refusal := h.cfg.Parser.Record(value, d.At)
		if refusal != nil {
			if len(values) > 1 {
				refusal.Reason, refusal.ReasonJA = fmt.Sprintf("event %d (%s): %s", i+1, refusal.Type, refusal.Reason), fmt.Sprintf("%d 件目（%s）: %s", i+1, refusal.Type, refusal.ReasonJA)
			}
			if bad == nil {
				bad = refusal
			}
			continue
		}
		recs = append(recs, r)
	}
	if len(recs) > 0 {
		if err := h.cfg.Append(ctx, recs); err != nil {
			return 0, taken, fmt.Errorf("append: %w", err)
		}
	}
	if taken.After != nil {
		if err := taken.After(ctx); err != nil {
			return 0, taken, err
		}
	}
	if bad != nil {
		return len(recs), taken, bad
	}
	return len(recs), taken, nil
}

// named gives public JSON the source, and an id where it has none.
func named(raw []byte, d *Delivery, i int) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return nil, fmt.Errorf("an event of %s is no object: %w", d.Source, err)
	}
	if id := fields["id"]; len(id) == 0 || string(id) == `""` || string(id) == "null" {
		fields["id"] = json.RawMessage(strconv.Quote(d.ID.UUID() + ":" + strconv.Itoa(i)))
	}
	fields["source"] = json.RawMessage(strconv.Quote(d.Source))
	return json.Marshal(fields)
}

// Replay takes the mended body of a dead letter of a source as if it came now; the ids of its events are those of the first time.
func (h *Hooks) Replay(ctx context.Context, l *ingest.DeadLetter, body []byte) error {
	s := h.sources[ingest.SourceOf(l)]
	if s == nil {
		return &enishi.Error{Code: enishi.Conflict, Msg: "the source " + ingest.SourceOf(l) + " is not in the configuration any more", MsgJA: "データソース " + ingest.SourceOf(l) + " は設定にありません。"}
	}
	_, _, err := h.deliver(ctx, s, &Delivery{Source: s.Name, ID: l.ID, Topic: l.Type, Headers: http.Header{}, Body: body, At: h.cfg.Now().UTC().Truncate(time.Millisecond)})
	return err
}

func deadLetter(d *Delivery, why *ingest.Refusal) ingest.DeadLetter {
	return ingest.DeadLetter{ID: d.ID, At: d.At, Version: 1, State: ingest.DeadWaiting, Topic: ingest.FromSource(d.Source), Stage: ingest.StageSource,
		Code: why.Code, Field: why.Field, Reason: why.Reason, ReasonJA: why.ReasonJA, Type: d.Topic, Raw: d.Body[:min(len(d.Body), ingest.MaxEventBytes)]}
}

// known tells whether a call was taken within the last minutes.
func (h *Hooks) known(id enishi.ID, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, ok := h.replays[id]
	return ok && now.Sub(at) <= replayFor
}

func (h *Hooks) remember(id enishi.ID, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.replays[id]; !ok {
		h.oldest = append(h.oldest, id)
	}
	h.replays[id] = now
	for len(h.oldest) > 0 && (len(h.oldest) > maxReplays || now.Sub(h.replays[h.oldest[0]]) > replayFor) {
		delete(h.replays, h.oldest[0])
		h.oldest = h.oldest[1:]
	}
}

func (s *source) note(f func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.state)
}

func later(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "10")
	http.Error(w, "nothing was acknowledged: send it again", http.StatusServiceUnavailable)
}

// plain are the headers that a mapping may read.
func plain(h http.Header, signature string) http.Header {
	out := h.Clone()
	for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization", signature} {
		out.Del(name)
	}
	return out
}

// clip keeps what another system names at a length.
func clip(s string, n int) string { return s[:min(len(s), n)] }
