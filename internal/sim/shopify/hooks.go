package shopify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Delivery is a webhook on its way: it has the body of when it was queued, over all tries.
type Delivery struct {
	ID, Topic, Body string
	At              time.Time
	Tries           int

	address string    // of the subscription when it was queued: a later change of it is not for this webhook
	due     time.Time // of the next try
}

// enqueue queues a webhook, unless nobody is subscribed. The caller holds mu.
func (s *Shop) enqueue(topic, body string) {
	address := s.cfg.Webhook
	if s.subscribed != nil {
		if address = s.subscribed[topic]; address == "" {
			return
		}
	}
	s.seq++
	s.queue = append(s.queue, &Delivery{ID: fmt.Sprintf("b54557e4-bdd9-4b37-8a5f-%012d", s.seq), Topic: topic, Body: body, At: s.cfg.Now(), address: address, due: s.cfg.Now()})
}

// Subscribe lets webhooks of the topics go to an address, by the Admin API. A shop with subscriptions sends nothing else; without any
// it sends every topic to Config.Webhook, as for subscriptions of the app's own file.
func (s *Shop) Subscribe(address string, topics ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subscribed == nil {
		s.subscribed = map[string]string{}
	}
	for _, topic := range topics {
		s.subscribed[topic] = address
	}
}

// Unsubscribe removes subscriptions of the topics.
func (s *Shop) Unsubscribe(topics ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, topic := range topics {
		delete(s.subscribed, topic)
	}
}

// Subscribed lists the topics that are subscribed.
func (s *Shop) Subscribed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.subscribed))
}

// after is when the next try of a webhook is, after some: the waits double, and the last one is over after Limits.TryFor.
func (s *Shop) after(tries int) time.Duration {
	first := float64(s.cfg.Limits.TryFor) / float64(int(1)<<s.cfg.Limits.Tries-1)
	return time.Duration(first * float64(int(1)<<tries-1))
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
	return s.deliver(ctx, func(*Delivery) bool { return true })
}

// DeliverDue sends what is due at the clock's now.
func (s *Shop) DeliverDue(ctx context.Context) (delivered, waiting, givenUp int) {
	now := s.cfg.Now()
	return s.deliver(ctx, func(d *Delivery) bool { return !now.Before(d.due) })
}

func (s *Shop) deliver(ctx context.Context, due func(*Delivery) bool) (delivered, waiting, givenUp int) {
	s.mu.Lock()
	queue := s.queue
	s.queue = nil
	s.mu.Unlock()
	for _, d := range queue {
		if !due(d) {
			s.mu.Lock()
			s.queue = append(s.queue, d)
			s.mu.Unlock()
			continue
		}
		d.Tries++
		status := s.Post(ctx, d, s.cfg.Secret)
		s.mu.Lock()
		switch {
		case status >= 200 && status < 300:
			s.delivered++
		case d.Tries > s.cfg.Limits.Tries:
			s.givenUp++
			if s.subscribed[d.Topic] == d.address {
				delete(s.subscribed, d.Topic)
			}
		default:
			d.due = d.At.Add(s.after(d.Tries))
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
	if s.subscribed != nil && d.address != "" {
		address = d.address
	}
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

// subscriptionPage is how many subscriptions one answer lists: few, so that clients have to go on.
const subscriptionPage = 2

func (s *Shop) listSubscriptions(w http.ResponseWriter, after string) {
	topics := slices.Sorted(maps.Keys(s.subscribed))
	from := 0
	for i, topic := range topics {
		if topic == after {
			from = i + 1
		}
	}
	to := min(from+subscriptionPage, len(topics))
	var nodes []string
	end := ""
	for _, topic := range topics[from:to] {
		nodes = append(nodes, fmt.Sprintf(`{"topic":%q,"uri":%q}`, enumOf(topic), s.subscribed[topic]))
		end = topic
	}
	s.answer(w, fmt.Sprintf(`{"webhookSubscriptions":{"nodes":[%s],"pageInfo":{"hasNextPage":%t,"endCursor":%q}}}`, strings.Join(nodes, ","), to < len(topics), end), "")
}

// enumOf is a topic as the Admin API writes it.
func enumOf(topic string) string { return strings.ToUpper(strings.ReplaceAll(topic, "/", "_")) }

func (s *Shop) subscribe(w http.ResponseWriter, enum, address string) {
	area, what, _ := strings.Cut(strings.ToLower(enum), "_")
	topic := area + "/" + what
	problem := ""
	switch {
	case !strings.HasPrefix(address, "https://"):
		problem = "Address protocol http:// is not supported"
	case s.subscribed[topic] == address:
		problem = "Address for this topic has already been taken"
	}
	if problem != "" {
		s.answer(w, fmt.Sprintf(`{"webhookSubscriptionCreate":{"webhookSubscription":null,"userErrors":[{"message":%q}]}}`, problem), "")
		return
	}
	s.subscribed[topic] = address
	s.answer(w, `{"webhookSubscriptionCreate":{"webhookSubscription":{"id":"gid://shopify/WebhookSubscription/1"},"userErrors":[]}}`, "")
}
