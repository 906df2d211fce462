package shopify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/hooks"
	sim "enishi/internal/sim/shopify"
	"enishi/internal/stream"
)

// collector is a source of a shop behind the way that calls take to it, which can be broken.
type collector struct {
	*history
	hooks *hooks.Hooks
	shop  *sim.Shop
	clock *stepped
	state string   // "": calls arrive; down, error, slow
	tries []string // id and minute of each try
	log   []string // id of each order.placed that was stored
}

// RoundTrip carries a call of the shop here. Slow is a call that is taken, and answered when Shopify has gone.
func (c *collector) RoundTrip(r *http.Request) (*http.Response, error) {
	id := r.Header.Get("X-Shopify-Webhook-Id")
	c.tries = append(c.tries, id)
	switch c.state {
	case "down":
		return nil, errors.New("connection refused")
	case "error":
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody}, nil
	}
	w := httptest.NewRecorder()
	r.SetPathValue("source", "shop")
	c.hooks.ServeHTTP(w, r)
	if c.state == "slow" {
		return nil, context.DeadlineExceeded
	}
	return w.Result(), nil
}

const hook = "https://shop.example/hooks/shop"

func newCollector(t *testing.T) *collector {
	c := &collector{clock: &stepped{at: noon}}
	c.shop = sim.New(sim.Config{Secret: "secret", ClientID: "client", Now: c.clock.now, Client: &http.Client{Transport: c}})
	keys := access
	keys.Now = c.clock.now
	c.history = newHistory(t, c.shop, keys)
	c.Now = c.clock.now
	w := newWorld(t)
	c.Shop = w.Shop
	store := func(_ context.Context, recs []stream.Record) error {
		for _, r := range recs {
			var e enishi.Event
			if r.Topic == enishi.TopicOrders && json.Unmarshal(r.Value, &e) == nil && e.Type == "order.placed" {
				c.log = append(c.log, e.Order.OrderID+" "+e.Message)
			}
		}
		return nil
	}
	c.Append = store
	var err error
	c.hooks, err = hooks.New(hooks.Config{Parser: ingest.NewParser(ingest.ParserConfig{}), Append: store, Now: c.clock.now,
		Dead:    func(context.Context, ingest.DeadLetter) error { return errors.New("a dead letter") },
		Sources: []hooks.Source{{Name: "shop", Kind: "shopify", Secrets: []string{"secret"}, Scheme: hooks.HMACBase64, Header: SignatureHeader, IDHeader: IDHeader, TopicHeader: TopicHeader, Translate: w.Translate}}})
	if err != nil {
		t.Fatal(err)
	}
	c.shop.Subscribe(hook, "orders/create", "orders/updated", "customers/update", "app/uninstalled")
	c.look(t, Pull{})
	return c
}

// order places one now; its webhook is queued if anybody is subscribed.
func (c *collector) order(id int) {
	at := c.clock.now()
	c.shop.PutCustomer(sim.Customer{ID: id, Email: fmt.Sprintf("c%d@example.jp", id), CreatedAt: at, UpdatedAt: at})
	c.shop.PutOrder(sim.Order{ID: id, Customer: id, CreatedAt: at, UpdatedAt: at, Lines: []sim.Line{{Product: 1, Quantity: 1, Price: 1000, Title: "クリーム"}}})
	c.shop.Tell("orders/create", id)
}

// pass lets time pass, minute by minute.
func (c *collector) pass(d time.Duration) {
	for range int(d / time.Minute) {
		c.clock.add(time.Minute)
		c.shop.DeliverDue(context.Background())
	}
}

// look asks for what changed since the last look, as it is done every hour.
func (c *collector) look(t *testing.T, last Pull) Pull {
	t.Helper()
	p := NewPull("live:"+c.clock.now().Format(time.RFC3339), "shop", last.BeganAt, true, 1_000_000, c.clock.now())
	p.Subscriptions = last.Subscriptions
	p, err := c.Run(context.Background(), p)
	if err != nil || p.State != PullDone || p.Text != "" {
		t.Fatal(err, p.State, p.Text)
	}
	return p
}

// alerts are those of the shop.
func alertsOf(c *collector) *[]enishi.Alert {
	var out []enishi.Alert
	c.Shop.cfg.Alert = func(a enishi.Alert) { out = append(out, a) }
	return &out
}

// TestRetries: a collector that is down, fails or answers too late gets a webhook 8 more times in 4 hours, under one id; then its
// subscription is removed. The next look tells it, makes it again and fetches what was missed. Every order is one event.
func TestRetries(t *testing.T) {
	for _, state := range []string{"down", "error", "slow"} {
		t.Run(state, func(t *testing.T) {
			c := newCollector(t)
			alerts := alertsOf(c)
			before := c.look(t, Pull{})
			all := c.shop.Subscribed()
			c.state = state
			c.order(501)
			c.shop.DeliverDue(t.Context())
			c.pass(4*time.Hour - 2*time.Minute)
			if got := len(c.shop.Subscribed()); got != 4 {
				t.Fatalf("%d subscriptions before the last try", got)
			}
			c.pass(3 * time.Minute)
			if len(c.tries) != 9 || len(slices.Compact(slices.Clone(c.tries))) != 1 {
				t.Fatalf("%d tries: %v", len(c.tries), c.tries)
			}
			if got := strings.Join(c.shop.Subscribed(), " "); got != "app/uninstalled customers/update orders/updated" {
				t.Fatalf("subscriptions after the last try: %s", got)
			}
			c.order(502) // nobody is told of it
			c.pass(10 * time.Minute)
			if len(c.tries) != 9 {
				t.Fatalf("%d tries", len(c.tries))
			}

			c.state = ""
			after := c.look(t, before)
			if got := c.shop.Subscribed(); !slices.Equal(got, all) {
				t.Fatalf("made again: %v", got)
			}
			if len(*alerts) != 1 || !strings.Contains((*alerts)[0].Text, "orders/create") || strings.Contains((*alerts)[0].Text, "customers/") || !strings.Contains((*alerts)[0].TextJA, "orders/create") {
				t.Errorf("%+v", *alerts)
			}
			c.order(503)
			c.pass(time.Minute)
			c.look(t, after)
			if len(*alerts) != 1 {
				t.Errorf("told twice: %+v", *alerts)
			}
			ids := slices.Clone(c.log)
			slices.Sort(ids)
			if ids = slices.Compact(ids); len(ids) != 3 {
				t.Errorf("orders and their events: %v", ids)
			}
		})
	}
}

// TestBackInTime: a collector that comes back within 4 hours gets the webhook by one of its tries, and keeps the subscription.
func TestBackInTime(t *testing.T) {
	c := newCollector(t)
	c.state = "down"
	c.order(501)
	c.shop.DeliverDue(t.Context())
	c.pass(2 * time.Hour)
	c.state = ""
	c.pass(2*time.Hour + time.Minute)
	if len(c.log) != 1 || len(c.tries) < 3 || len(c.shop.Subscribed()) != 4 {
		t.Errorf("%v, %d tries, %v", c.log, len(c.tries), c.shop.Subscribed())
	}
}

// TestRemovedOnPurpose: what is removed again within a day of being made again stays away; what cannot be made again is tried at every look, and told once.
func TestRemovedOnPurpose(t *testing.T) {
	c := newCollector(t)
	alerts := alertsOf(c)
	p := c.look(t, Pull{})
	c.shop.Unsubscribe("customers/update")
	c.clock.add(time.Hour)
	p = c.look(t, p)
	c.shop.Unsubscribe("customers/update")
	c.clock.add(time.Hour)
	p = c.look(t, p)
	c.clock.add(48 * time.Hour)
	p = c.look(t, p)
	if got := c.shop.Subscribed(); len(got) != 3 || len(*alerts) != 2 || !strings.Contains((*alerts)[1].Text, "within 24 hours") {
		t.Fatalf("%v %+v", got, *alerts)
	}
	for i := range p.Subscriptions {
		p.Subscriptions[i].URI = "http://shop.example/hooks/shop" // Shopify takes https only
	}
	*alerts = nil
	p = c.look(t, p)
	p = c.look(t, p)
	if len(*alerts) != 2 || (*alerts)[0].ID != (*alerts)[1].ID || (*alerts)[0].Severity != "error" || !strings.Contains((*alerts)[0].Text, "not supported") {
		t.Errorf("%+v", *alerts)
	}
	if len(p.Subscriptions) != 6 {
		t.Errorf("%+v", p.Subscriptions)
	}
}

// TestDeniedLook: a resource that the app may not read keeps neither the others nor later looks from coming, and is named.
func TestDeniedLook(t *testing.T) {
	c := newCollector(t)
	c.shop.Deny("customers")
	c.shop.Unsubscribe("orders/create")
	c.order(501)
	p, err := c.Run(t.Context(), NewPull("live:1", "shop", c.clock.now().Add(-time.Minute), true, 1000, c.clock.now()))
	if err != nil || p.State != PullDone || !strings.Contains(p.Text, "read_customers") || len(c.log) != 1 || len(p.Subscriptions) != 3 {
		t.Errorf("%v %+v %v", err, p, c.log)
	}
	if p, err = c.Run(t.Context(), NewPull("p", "shop", time.Time{}, false, 1000, c.clock.now())); !errors.Is(err, errDenied) {
		t.Errorf("a pull that somebody asked for: %v %+v", err, p)
	}
}
