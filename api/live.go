package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/internal/stream"
)

const (
	liveEvery  = 200 * time.Millisecond // what came in between goes out together, with one look for names
	liveMost   = 200                    // events of one such step; more could not be read
	liveQueue  = 32                     // steps that a slow client may be behind before it loses some
	liveBeat   = 15 * time.Second       // a comment, so that proxies keep the connection
	liveWrite  = 30 * time.Second       // for a client to take what is written
	liveRetry  = time.Second            // after the log could not be followed
	nameTime   = time.Minute
	nameCached = 20_000
)

// hub follows the topic events once for all who watch, from its end, and only while somebody does.
type hub struct {
	api *API

	mu       sync.Mutex
	watchers map[*watcher]struct{}
	wake     chan struct{} // somebody came
	pending  []enishi.Event
	lost     int // of pending: more than liveMost
	names    map[enishi.ID]cachedName
}

type cachedName struct {
	name  string
	until time.Time
}

// watcher is one connection.
type watcher struct {
	types map[string]bool // empty: all
	q     string
	from  string // a source; empty: all
	steps chan step
	left  chan struct{} // closed when it is gone

	mu     sync.Mutex
	missed int // events of steps that did not fit
}

// step is what goes out at once.
type step struct {
	events []liveEvent
	missed int
}

func newHub(a *API) *hub {
	return &hub{api: a, watchers: map[*watcher]struct{}{}, wake: make(chan struct{}, 1), names: map[enishi.ID]cachedName{}}
}

func (h *hub) join(w *watcher) {
	h.mu.Lock()
	h.watchers[w] = struct{}{}
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func (h *hub) leave(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watchers, w)
	close(w.left)
}

func (h *hub) watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.watchers) > 0
}

// run follows while somebody watches; it ends with ctx.
func (h *hub) run(ctx context.Context) error {
	for {
		select {
		case <-h.wake:
		case <-ctx.Done():
			return nil
		}
		for h.watched() && ctx.Err() == nil {
			err := h.follow(ctx)
			if err == nil {
				continue
			}
			h.api.log.Warn("live events", "err", err)
			timer := time.NewTimer(liveRetry)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
		}
	}
}

func (h *hub) follow(ctx context.Context) error {
	ends, err := h.api.cfg.Stream.Ends(ctx, enishi.TopicEvents)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for n, end := range ends {
		group.Go(func() error {
			return h.api.cfg.Stream.Follow(ctx, enishi.TopicEvents, n, end, func(_ context.Context, recs []stream.Record, _ int64) error {
				h.take(recs)
				return nil
			})
		})
	}
	group.Go(func() error {
		defer stop()
		ticker := time.NewTicker(liveEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return nil
			}
			if !h.watched() {
				return nil
			}
			h.send(ctx)
		}
	})
	return group.Wait()
}

// take decodes records for the next step. Of more than can be read the newest stay.
func (h *hub) take(recs []stream.Record) {
	events := make([]enishi.Event, 0, len(recs))
	for i := range recs {
		var e enishi.Event
		if enishi.DecodeEvent(&e, recs[i].Value) != nil {
			continue
		}
		copy(e.Profile[:], recs[i].Key)
		e.Time = recs[i].Time.UTC()
		events = append(events, e)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pending = append(h.pending, events...)
	if over := len(h.pending) - liveMost; over > 0 {
		h.lost += over
		h.pending = slices.Clone(h.pending[over:])
	}
}

// send gives what came to all watchers. A full queue loses the step and counts it.
func (h *hub) send(ctx context.Context) {
	h.mu.Lock()
	events, lost := h.pending, h.lost
	h.pending, h.lost = nil, 0
	watchers := make([]*watcher, 0, len(h.watchers))
	for w := range h.watchers {
		watchers = append(watchers, w)
	}
	h.mu.Unlock()
	if len(events) == 0 {
		return
	}
	t := h.api.teller()
	rows := make([]liveEvent, 0, len(events))
	for i := range events {
		if x, ok := t.liveOf(&events[i]); ok {
			rows = append(rows, x)
		}
	}
	h.fillNames(ctx, rows)
	for _, w := range watchers {
		w.offer(rows, lost)
	}
}

// fillNames looks names up in one query; an absent one may come soon.
func (h *hub) fillNames(ctx context.Context, rows []liveEvent) {
	now := time.Now()
	var ask []enishi.ID
	for i := range rows {
		if c, ok := h.names[rows[i].Profile]; !ok || now.After(c.until) {
			ask = append(ask, rows[i].Profile)
		}
	}
	if len(ask) > 0 {
		names, err := h.api.names(ctx, ask)
		if err != nil {
			h.api.log.Debug("live names", "err", err)
		}
		if len(h.names) > nameCached {
			clear(h.names)
		}
		for _, id := range ask {
			keep := nameTime
			if names[id] == "" {
				keep = time.Second
			}
			h.names[id] = cachedName{names[id], now.Add(keep)}
		}
	}
	for i := range rows {
		rows[i].Name = h.names[rows[i].Profile].name
	}
}

func (w *watcher) offer(rows []liveEvent, lost int) {
	var mine []liveEvent
	for i := range rows {
		if w.wants(&rows[i]) {
			mine = append(mine, rows[i])
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(mine) == 0 && lost == 0 {
		return
	}
	select {
	case w.steps <- step{mine, w.missed + lost}:
		w.missed = 0
	default:
		w.missed += len(mine) + lost
	}
}

func (w *watcher) wants(e *liveEvent) bool {
	if len(w.types) > 0 && !w.types[e.Type] {
		return false
	}
	if w.from != "" && sourceOf(e.Source, e.Type) != w.from {
		return false
	}
	if w.q == "" {
		return true
	}
	for _, s := range [...]string{e.Name, e.Summary.JA, e.Summary.EN, e.Label.JA, e.OrderID} {
		if strings.Contains(strings.ToLower(s), w.q) {
			return true
		}
	}
	return false
}

type liveInput struct {
	Types  string `query:"types" maxLength:"2000" doc:"Comma-separated event types; all unless said."`
	Source string `query:"source" maxLength:"200" doc:"As GET /sources names it; all unless said."`
	Q      string `query:"q" maxLength:"100" doc:"Part of the name, the summary or the order number."`
}

// followEvents streams events as server-sent events: event: record, data: one event. event: missed says how many did not
// fit, event: ready that the following has begun.
func (a *API) followEvents(ctx context.Context, in *liveInput) (*huma.StreamResponse, error) {
	w := &watcher{types: map[string]bool{}, q: strings.ToLower(strings.TrimSpace(in.Q)), from: in.Source, steps: make(chan step, liveQueue), left: make(chan struct{})}
	for t := range strings.SplitSeq(in.Types, ",") {
		if t != "" {
			w.types[t] = true
		}
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		hctx.SetHeader("Content-Type", "text/event-stream")
		hctx.SetHeader("Cache-Control", "no-store")
		hctx.SetHeader("X-Accel-Buffering", "no")
		_, rw := humago.Unwrap(hctx)
		control := http.NewResponseController(rw)
		_ = control.SetReadDeadline(time.Time{}) // where it is not supported there is none
		a.hub.join(w)
		defer a.hub.leave(w)
		if err := w.serve(ctx, rw, control); err != nil && ctx.Err() == nil {
			a.log.Debug("live connection ended", "err", err)
		}
	}}, nil
}

// serve writes until the client is gone, or takes nothing any more.
func (w *watcher) serve(ctx context.Context, rw http.ResponseWriter, control *http.ResponseController) error {
	write := func(what func() error) error {
		_ = control.SetWriteDeadline(time.Now().Add(liveWrite)) // where it is not supported there is none
		if err := what(); err != nil {
			return err
		}
		return control.Flush()
	}
	say := func(text string) func() error {
		return func() error { _, err := io.WriteString(rw, text); return err }
	}
	if err := write(say("event: ready\ndata: {}\n\n")); err != nil {
		return err
	}
	beat := time.NewTicker(liveBeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case s := <-w.steps:
			err = write(func() error { return writeStep(rw, &s) })
		case <-beat.C:
			err = write(say(": beat\n\n"))
		case <-ctx.Done():
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func writeStep(rw http.ResponseWriter, s *step) error {
	if s.missed > 0 {
		if _, err := fmt.Fprintf(rw, "event: missed\ndata: {\"count\":%d}\n\n", s.missed); err != nil {
			return err
		}
	}
	for i := range s.events {
		data, err := json.Marshal(&s.events[i])
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(rw, "event: record\ndata: %s\n\n", data); err != nil {
			return err
		}
	}
	return nil
}
