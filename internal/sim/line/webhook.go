package line

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// event is a webhook event object; absent parts are left out, as LINE does.
type event struct {
	Type           string          `json:"type"`
	Message        *said           `json:"message,omitempty"`
	Postback       *postback       `json:"postback,omitempty"`
	Follow         *followed       `json:"follow,omitempty"`
	Link           *linkResult     `json:"link,omitempty"`
	Delivery       *deliveredTag   `json:"delivery,omitempty"`
	WebhookEventID string          `json:"webhookEventId"`
	Context        deliveryContext `json:"deliveryContext"`
	Timestamp      int64           `json:"timestamp"` // ms
	Source         *source         `json:"source,omitempty"`
	ReplyToken     string          `json:"replyToken,omitempty"`
	Mode           string          `json:"mode"`
}

type (
	deliveryContext struct {
		IsRedelivery bool `json:"isRedelivery"`
	}
	source struct {
		Type   string `json:"type"`
		UserID string `json:"userId"`
	}
	followed struct {
		IsUnblocked bool `json:"isUnblocked"`
	}
	said struct {
		Type            string `json:"type"`
		ID              string `json:"id"`
		QuoteToken      string `json:"quoteToken"`
		MarkAsReadToken string `json:"markAsReadToken"`
		Text            string `json:"text"`
	}
	postback struct {
		Data string `json:"data"`
	}
	deliveredTag struct {
		Data string `json:"data"`
	}
	linkResult struct {
		Result string `json:"result"`
		Nonce  string `json:"nonce"`
	}
)

// delivery is a webhook on its way.
type delivery struct {
	event    event
	attempts int
	due      time.Time // wall clock
	done     bool      // delivered or given up; guarded by Server.mu
}

// replyToken is valid for a minute from each delivery of its webhook, once.
type replyToken struct {
	user      string
	event     time.Time
	delivered time.Time
}

// SetWebhookURL changes where events are posted; empty turns webhooks off.
// Events that arise while they are off are not kept.
func (s *Server) SetWebhookURL(url string) {
	s.mu.Lock()
	s.webhook = url
	s.mu.Unlock()
}

// emit completes an event and puts it in the queue. The caller holds mu.
func (s *Server) emit(e event, userID string, reply bool, now time.Time) string {
	e.WebhookEventID, e.Timestamp, e.Mode = s.ulid(now), now.UnixMilli(), "active"
	if userID != "" {
		e.Source = &source{"user", userID}
	}
	if s.webhook == "" && s.cfg.Webhook == nil {
		return e.WebhookEventID
	}
	if reply {
		for t, r := range s.replies {
			if now.Sub(r.event) > s.limits.ReplyAfterEvent {
				delete(s.replies, t)
			}
		}
		e.ReplyToken = s.token(24)
		s.replies[e.ReplyToken] = &replyToken{user: userID, event: now}
	}
	s.queue = append(s.queue, &delivery{event: e, due: time.Now()})
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return e.WebhookEventID
}

// useReplyToken spends a token and names its user. The caller holds mu.
func (s *Server) useReplyToken(token string, now time.Time) (userID string, valid bool) {
	r := s.replies[token]
	if r == nil || r.delivered.IsZero() || now.Sub(r.delivered) > s.limits.ReplyWithin || now.Sub(r.event) > s.limits.ReplyAfterEvent {
		return "", false
	}
	delete(s.replies, token)
	return r.user, true
}

// Run delivers webhooks until ctx ends, failed ones again after the waits of
// Config.Redeliver. Other webhooks overtake one that waits. It returns nil.
func (s *Server) Run(ctx context.Context) error {
	for {
		next := s.deliver(ctx, false)
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// Flush makes one attempt at every waiting webhook, due or not, and returns
// when all are done. The error says how many are still waiting.
func (s *Server) Flush(ctx context.Context) error {
	s.deliver(ctx, true)
	if n := s.Counts().WebhooksPending; n > 0 {
		return fmt.Errorf("%d webhooks wait for redelivery", n)
	}
	return nil
}

// Ping posts a webhook without events, as LINE does to verify an endpoint.
func (s *Server) Ping(ctx context.Context) error {
	return s.post(ctx, nil, false)
}

// deliver attempts the webhooks that are due (or all) in order and returns the
// time until the next one is.
func (s *Server) deliver(ctx context.Context, all bool) time.Duration {
	s.deliverMu.Lock()
	defer s.deliverMu.Unlock()
	s.mu.Lock()
	waiting := slices.Clone(s.queue)
	s.mu.Unlock()
	for _, d := range waiting {
		if ctx.Err() != nil || !all && time.Now().Before(d.due) {
			continue
		}
		s.attempt(ctx, d)
	}
	next := time.Hour
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = slices.DeleteFunc(s.queue, func(d *delivery) bool { return d.done })
	for _, d := range s.queue {
		next = min(next, max(0, time.Until(d.due)))
	}
	return next
}

func (s *Server) attempt(ctx context.Context, d *delivery) {
	now := s.cfg.Now()
	s.mu.Lock()
	if r := s.replies[d.event.ReplyToken]; r != nil {
		r.delivered = now
	}
	s.mu.Unlock()
	d.event.Context.IsRedelivery = d.attempts > 0
	err := s.post(ctx, []event{d.event}, d.attempts > 0)
	if ctx.Err() != nil {
		return // stopping is no failure of the receiver
	}
	d.attempts++
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.counts.WebhooksDelivered++
	case d.attempts <= len(s.cfg.Redeliver):
		d.due = time.Now().Add(s.cfg.Redeliver[d.attempts-1])
		return
	default:
		s.counts.WebhooksFailed++
		s.cfg.Log.Warn("webhook given up", "event_id", d.event.WebhookEventID, "attempts", d.attempts, "err", err)
	}
	d.done = true
}

// post sends one signed webhook; an answer other than 2xx is an error.
func (s *Server) post(ctx context.Context, events []event, again bool) error {
	if events == nil {
		events = []event{}
	}
	body, err := json.Marshal(map[string]any{"destination": s.botID, "events": events})
	if err != nil {
		return fmt.Errorf("write webhook: %w", err)
	}
	mac := hmac.New(sha256.New, []byte(s.cfg.ChannelSecret))
	mac.Write(body)
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	ctx, cancel := context.WithTimeout(ctx, s.limits.WebhookAnswer)
	defer cancel()
	send := s.cfg.Webhook
	if send == nil {
		send = s.postHTTP
	}
	status, err := send(ctx, body, signature)
	if err != nil {
		return fmt.Errorf("post webhook (redelivery %t): %w", again, err)
	}
	if status/100 != 2 {
		return fmt.Errorf("post webhook (redelivery %t): status %d", again, status)
	}
	return nil
}

func (s *Server) postHTTP(ctx context.Context, body []byte, signature string) (int, error) {
	s.mu.Lock()
	url := s.webhook
	s.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "LineBotWebhook/2.0")
	// LINE writes the name in lower case; receivers must not care.
	req.Header["x-line-signature"] = []string{signature}
	res, err := s.cfg.Client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // only the status counts
	return res.StatusCode, nil
}
