package social

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// delivery is a webhook on its way.
type delivery struct {
	body     []byte
	attempts int
	due      time.Time // wall clock
	done     bool      // delivered or given up; guarded by Server.mu
}

// Signature is the X-Hub-Signature-256 of a body.
func Signature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// SetWebhookURL changes where events are posted; empty turns webhooks off. Events that arise while they are off are not kept.
func (s *Server) SetWebhookURL(url string) {
	s.mu.Lock()
	s.webhook = url
	s.mu.Unlock()
}

// Verify does the handshake of a new webhook: it asks for a challenge and wants it back as it is.
func (s *Server) Verify(ctx context.Context, token string) error {
	s.mu.Lock()
	to := s.webhook
	s.mu.Unlock()
	const challenge = "1158201444"
	q := url.Values{"hub.mode": {"subscribe"}, "hub.challenge": {challenge}, "hub.verify_token": {token}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to+"?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	res, err := s.cfg.Client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err != nil || res.StatusCode != http.StatusOK || string(body) != challenge {
		return fmt.Errorf("the callback URL couldn't be validated: status %d", res.StatusCode)
	}
	return nil
}

// Run delivers webhooks until ctx ends, failed ones again after the waits of Config.Redeliver. It returns nil.
func (s *Server) Run(ctx context.Context) error {
	for {
		timer := time.NewTimer(s.deliver(ctx, false))
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

// Flush makes one attempt at every waiting webhook, due or not. The error says how many are still waiting.
func (s *Server) Flush(ctx context.Context) error {
	s.deliver(ctx, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.queue); n > 0 {
		return fmt.Errorf("%d webhooks wait for redelivery", n)
	}
	return nil
}

// Webhooks counts those that were taken and those that were given up.
func (s *Server) Webhooks() (taken, failed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hooks[0], s.hooks[1]
}

// Again posts webhooks a second time, signed, as Meta does now and then.
func (s *Server) Again(ctx context.Context, bodies ...[]byte) error {
	for _, b := range bodies {
		if err := s.attemptBody(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

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
	err := s.attemptBody(ctx, d.body)
	if ctx.Err() != nil {
		return // stopping is no failure of the receiver
	}
	d.attempts++
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.hooks[0]++
	case d.attempts <= len(s.cfg.Redeliver):
		d.due = time.Now().Add(s.cfg.Redeliver[d.attempts-1])
		return
	default:
		s.hooks[1]++
		s.cfg.Log.Warn("webhook given up", "attempts", d.attempts, "err", err)
	}
	d.done = true
}

// attemptBody posts one signed webhook; an answer other than 200 is an error.
func (s *Server) attemptBody(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.limits.WebhookAnswer)
	defer cancel()
	send := s.cfg.Webhook
	if send == nil {
		send = s.postHTTP
	}
	status, err := send(ctx, body, Signature(s.cfg.AppSecret, body))
	if err != nil {
		return fmt.Errorf("post webhook: %w", err)
	}
	if status != http.StatusOK {
		return fmt.Errorf("post webhook: status %d", status)
	}
	return nil
}

func (s *Server) postHTTP(ctx context.Context, body []byte, signature string) (int, error) {
	s.mu.Lock()
	to := s.webhook
	s.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "facebookexternalua")
	req.Header.Set("X-Hub-Signature-256", signature)
	res, err := s.cfg.Client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // only the status counts
	return res.StatusCode, nil
}
