package shopify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand"
	"net/http"
	"strings"
	"time"
)

// Delivery is a webhook on its way: it has the body of when it was queued, over all tries.
type Delivery struct {
	ID, Topic, Body string
	At              time.Time
	Tries           int
}

func (s *Shop) enqueue(topic, body string) {
	s.seq++
	s.queue = append(s.queue, &Delivery{ID: fmt.Sprintf("b54557e4-bdd9-4b37-8a5f-%012d", s.seq), Topic: topic, Body: body, At: s.cfg.Now()})
}

// Shuffle puts the waiting webhooks in another order, and doubles every nth of them.
func (s *Shop) Shuffle(random *rand.Rand, nth int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, d := range s.queue {
		if nth > 0 && i%nth == 0 {
			again := *d
			s.queue = append(s.queue, &again)
		}
	}
	random.Shuffle(len(s.queue), func(i, j int) { s.queue[i], s.queue[j] = s.queue[j], s.queue[i] })
}

// Deliver sends what waits, each once; what is not answered with 2xx waits for the next call, until its tries are used up.
func (s *Shop) Deliver(ctx context.Context) (delivered, waiting, givenUp int) {
	s.mu.Lock()
	queue := s.queue
	s.queue = nil
	s.mu.Unlock()
	for _, d := range queue {
		d.Tries++
		status := s.Post(ctx, d, s.cfg.Secret)
		s.mu.Lock()
		switch {
		case status >= 200 && status < 300:
			s.delivered++
		case d.Tries > s.cfg.Limits.Tries:
			s.givenUp++
		default:
			s.queue = append(s.queue, d)
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.delivered, len(s.queue), s.givenUp
}

// Post sends a webhook, signed with a secret, and gives the status of the answer; 0: none.
func (s *Shop) Post(ctx context.Context, d *Delivery, secret string) int {
	s.mu.Lock()
	address := s.cfg.Webhook
	s.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(d.Body))
	if err != nil {
		return 0
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(d.Body))
	for name, v := range map[string]string{"Content-Type": "application/json", "X-Shopify-Topic": d.Topic, "X-Shopify-Webhook-Id": d.ID, "X-Shopify-Shop-Domain": "enmusubi.myshopify.com",
		"X-Shopify-Hmac-Sha256": base64.StdEncoding.EncodeToString(mac.Sum(nil)), "X-Shopify-Triggered-At": d.At.UTC().Format(time.RFC3339Nano)} {
		req.Header.Set(name, v)
	}
	res, err := s.cfg.Client.Do(req)
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}
