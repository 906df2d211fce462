// Package sdk sends events from a shop's own servers to Enishi. It needs the standard library only.
//
//	client, err := sdk.New(sdk.Config{URL: "https://enishi.example", WriteKey: os.Getenv("ENISHI_WRITE_KEY")})
//	...
//	client.Track(ctx, sdk.Event{UserID: "C-1", Name: "Order Completed", Properties: map[string]any{"order_id": "A-100", "total": "4980"}})
//	...
//	err = client.Close(ctx) // sends what waits
//
// Events wait in memory and leave in batches. A batch that was not acknowledged is sent again, with the same ids, so that it counts
// once whatever became of the first try. What cannot be sent slows the callers down once the queue is full: nothing is dropped but by
// the end of a caller's context, of Close's, or of the process.
package sdk

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config is what a Client needs: URL and WriteKey.
type Config struct {
	URL      string // where Enishi answers, with /w/NAME for a workspace
	WriteKey string // of a source: Settings, Keys

	Queue    int                                // most events that wait; 10,000. Calls block beyond
	Batch    int                                // most events of a request; 100
	Linger   time.Duration                      // how long events are gathered for a request; 100 ms
	Retry    time.Duration                      // longest pause between tries; 30 s
	HTTP     *http.Client                       // default: one with a time-out of 30 s
	Rejected func(event Event, rejected Reason) // told of each event that Enishi refused; default: nothing. Must not call the Client
	Now      func() time.Time                   // default: time.Now
}

// Event is one fact about one person, who is named by UserID (the shop's customer id), AnonymousID, or both.
type Event struct {
	Name        string         // of Track: of Segment's e-commerce specification, one of Enishi's types, or your own
	UserID      string         //
	AnonymousID string         //
	ID          string         // makes repeats count once; default: a random UUID. Give your own where your code may call twice
	At          time.Time      // when it happened; default: now
	Properties  map[string]any // of Track and Page
	Traits      map[string]any // of Identify and Group: email, phone, family_name, consent, ... or your own
	GroupID     string         // of Group
	PreviousID  string         // of Alias
	Context     map[string]any // campaign, page, userAgent, ... of Segment's specification
}

// Reason is why an event was refused.
type Reason struct {
	Code   string `json:"code"`
	Field  string `json:"field"`
	Text   string `json:"reason"`
	TextJA string `json:"reason_ja"`
}

// ErrClosed is the error of calls after Close.
var ErrClosed = errors.New("sdk: the client is closed")

// Client sends events. Its methods may be called from several goroutines.
type Client struct {
	cfg   Config
	queue chan call
	flush chan chan struct{}
	done  chan struct{} // closed when run has ended
	quit  context.CancelFunc

	mu     sync.RWMutex // guards closed, and holds Close off while calls are at the queue
	closed bool
}

// call is an event on its way, and what it is on the wire.
type call struct {
	event Event
	body  json.RawMessage
}

// New makes a client; Close ends it.
func New(cfg Config) (*Client, error) {
	cfg.URL = strings.TrimRight(cfg.URL, "/")
	if !strings.HasPrefix(cfg.URL, "http://") && !strings.HasPrefix(cfg.URL, "https://") {
		return nil, fmt.Errorf("sdk: URL %q: want the address of Enishi, such as https://enishi.example", cfg.URL)
	}
	if cfg.WriteKey == "" {
		return nil, errors.New("sdk: WriteKey is missing: make one in Settings, Keys")
	}
	if cfg.Queue <= 0 {
		cfg.Queue = 10_000
	}
	if cfg.Batch <= 0 {
		cfg.Batch = 100
	}
	if cfg.Linger <= 0 {
		cfg.Linger = 100 * time.Millisecond
	}
	if cfg.Retry <= 0 {
		cfg.Retry = 30 * time.Second
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: 30 * time.Second}
	}
	if cfg.Rejected == nil {
		cfg.Rejected = func(Event, Reason) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	ctx, quit := context.WithCancel(context.Background())
	c := &Client{cfg: cfg, queue: make(chan call, cfg.Queue), flush: make(chan chan struct{}), done: make(chan struct{}), quit: quit}
	go c.run(ctx)
	return c, nil
}

// Track tells what a person did.
func (c *Client) Track(ctx context.Context, e Event) error { return c.put(ctx, "track", e) }

// Identify tells who a person is: identifiers, traits and consents.
func (c *Client) Identify(ctx context.Context, e Event) error { return c.put(ctx, "identify", e) }

// Page tells that a person saw a page.
func (c *Client) Page(ctx context.Context, e Event) error { return c.put(ctx, "page", e) }

// Group tells the company, club or household that a person belongs to.
func (c *Client) Group(ctx context.Context, e Event) error { return c.put(ctx, "group", e) }

// Alias tells that PreviousID and UserID are one person.
func (c *Client) Alias(ctx context.Context, e Event) error { return c.put(ctx, "alias", e) }

// put waits for a place in the queue. Its errors: the event is not JSON or too large, ctx ended first, ErrClosed.
func (c *Client) put(ctx context.Context, kind string, e Event) error {
	body, err := c.encode(kind, &e)
	if err != nil {
		return err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return ErrClosed
	}
	select {
	case c.queue <- call{e, body}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("sdk: the queue is full: %w", ctx.Err())
	}
}

// maxEvent is the collector's limit of one event.
const maxEvent = 512 << 10

func (c *Client) encode(kind string, e *Event) (json.RawMessage, error) {
	if e.UserID == "" && e.AnonymousID == "" {
		return nil, errors.New("sdk: the event names nobody: give UserID or AnonymousID")
	}
	if e.ID == "" {
		e.ID = newID()
	}
	if e.At.IsZero() {
		e.At = c.cfg.Now()
	}
	m := map[string]any{"type": kind, "messageId": e.ID, "timestamp": e.At.UTC().Format(time.RFC3339Nano)}
	for name, v := range map[string]string{"event": e.Name, "userId": e.UserID, "anonymousId": e.AnonymousID, "groupId": e.GroupID, "previousId": e.PreviousID} {
		if v != "" {
			m[name] = v
		}
	}
	for name, v := range map[string]map[string]any{"properties": e.Properties, "traits": e.Traits, "context": e.Context} {
		if v != nil {
			m[name] = v
		}
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("sdk: write event %s: %w", e.ID, err)
	}
	if len(body) > maxEvent {
		return nil, fmt.Errorf("sdk: event %s has %d bytes, the limit is %d", e.ID, len(body), maxEvent)
	}
	return body, nil
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand ends the process instead)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Flush returns when everything that was queued before is acknowledged or refused, or with ctx's error.
func (c *Client) Flush(ctx context.Context) error {
	sent := make(chan struct{})
	select {
	case c.flush <- sent:
	case <-c.done:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("sdk: flush: %w", ctx.Err())
	}
	select {
	case <-sent:
		return nil
	case <-c.done:
		return nil // Close sent it
	case <-ctx.Done():
		return fmt.Errorf("sdk: flush: %w", ctx.Err())
	}
}

// Close takes no more events, sends what waits and ends the client. When ctx ends first, what is left is lost and the error says how
// much.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return ErrClosed
	}
	c.closed = true
	close(c.queue)
	c.mu.Unlock()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		c.quit()
		<-c.done
		if left := len(c.queue); left > 0 {
			return fmt.Errorf("sdk: %d events and what was on its way are not sent: %w", left, ctx.Err())
		}
		return fmt.Errorf("sdk: what was on its way may not have arrived: %w", ctx.Err())
	}
}

// run sends batches until the queue is closed and empty.
func (c *Client) run(ctx context.Context) {
	defer close(c.done)
	defer c.quit()
	for open := true; open && ctx.Err() == nil; {
		var batch []call
		select {
		case x, ok := <-c.queue:
			if !ok {
				return
			}
			batch, open = c.gather(x)
			c.deliver(ctx, batch)
		case sent := <-c.flush:
			for n := len(c.queue); n > 0 && ctx.Err() == nil; n -= len(batch) { // what was there when it was asked
				if batch = c.waiting(min(n, c.cfg.Batch)); len(batch) == 0 {
					break
				}
				c.deliver(ctx, batch)
			}
			close(sent)
		}
	}
}

// waiting takes up to n events that are in the queue.
func (c *Client) waiting(n int) (batch []call) {
	for len(batch) < n {
		select {
		case x, ok := <-c.queue:
			if !ok {
				return batch
			}
			batch = append(batch, x)
		default:
			return batch
		}
	}
	return batch
}

// gather waits for more events, for Linger at most.
func (c *Client) gather(first call) (batch []call, open bool) {
	batch = append(batch, first)
	over := time.NewTimer(c.cfg.Linger)
	defer over.Stop()
	for len(batch) < c.cfg.Batch {
		select {
		case x, ok := <-c.queue:
			if !ok {
				return batch, false
			}
			batch = append(batch, x)
		case <-over.C:
			return batch, true
		}
	}
	return batch, true
}

// deliver sends a batch until it is acknowledged, refused, or ctx ends.
func (c *Client) deliver(ctx context.Context, batch []call) {
	if len(batch) == 0 {
		return
	}
	pause := 250 * time.Millisecond
	for ctx.Err() == nil {
		again, after := c.post(ctx, batch)
		if !again {
			return
		}
		// Full jitter: clients that failed together do not come back together.
		wait := time.NewTimer(after + time.Duration(mathrand.Int64N(int64(pause))))
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
		pause = min(2*pause, c.cfg.Retry)
	}
}

// maxBatch keeps a request under the collector's limit of 10 MB.
const maxBatch = 8 << 20

// post sends a batch once; again says that it was not acknowledged, and may be later.
func (c *Client) post(ctx context.Context, batch []call) (again bool, after time.Duration) {
	var body bytes.Buffer
	body.WriteString(`{"batch":[`)
	for i, x := range batch {
		if body.Len()+len(x.body) > maxBatch {
			c.deliver(ctx, batch[:i])
			c.deliver(ctx, batch[i:])
			return false, 0
		}
		if i > 0 {
			body.WriteByte(',')
		}
		body.Write(x.body)
	}
	fmt.Fprintf(&body, `],"sentAt":%q}`, c.cfg.Now().UTC().Format(time.RFC3339Nano))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.URL+"/v1/batch", &body)
	if err != nil {
		c.refuse(batch, err.Error()) // the address is none: it is so for ever
		return false, 0
	}
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(c.cfg.WriteKey, "")
	w, err := c.cfg.HTTP.Do(r)
	if err != nil {
		return true, 0
	}
	defer w.Body.Close()
	text, err := io.ReadAll(io.LimitReader(w.Body, 16<<20))
	if err != nil {
		return true, 0
	}
	switch {
	case w.StatusCode >= 500, w.StatusCode == http.StatusTooManyRequests, w.StatusCode == http.StatusRequestTimeout, w.StatusCode == http.StatusUnauthorized:
		seconds, err := strconv.Atoi(w.Header.Get("Retry-After"))
		if err != nil {
			seconds = 0
		}
		return true, time.Duration(seconds) * time.Second
	}
	var answer struct {
		Rejected []struct {
			Index int `json:"index"`
			Reason
		} `json:"rejected"`
	}
	if json.Unmarshal(text, &answer) != nil || w.StatusCode >= 300 && len(answer.Rejected) == 0 {
		c.refuse(batch, w.Status+": "+string(text[:min(len(text), 500)]))
		return false, 0
	}
	for _, x := range answer.Rejected {
		if x.Index >= 0 && x.Index < len(batch) {
			c.cfg.Rejected(batch[x.Index].event, x.Reason)
		}
	}
	return false, 0
}

func (c *Client) refuse(batch []call, why string) {
	for _, x := range batch {
		c.cfg.Rejected(x.event, Reason{Code: "request", Text: why, TextJA: why})
	}
}
