package shopify

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi"
	sim "enishi/internal/sim/shopify"
)

// stepped is a clock that a test moves.
type stepped struct {
	mu sync.Mutex
	at time.Time
}

func (c *stepped) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *stepped) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// stocked is a shop with n orders of n customers.
func stocked(n int, c sim.Config) *sim.Shop {
	c.Secret, c.ClientID = "secret", "client"
	shop := sim.New(c)
	for i := 1; i <= n; i++ {
		at := noon.AddDate(0, 0, -i)
		shop.PutCustomer(sim.Customer{ID: i, Email: fmt.Sprintf("c%d@example.jp", i), Last: "山田", FirstName: "花子", Subscribed: i%2 == 0, CreatedAt: at, UpdatedAt: at})
		shop.PutOrder(sim.Order{ID: 1000 + i, Customer: i, CreatedAt: at, UpdatedAt: at.Add(time.Hour), Paid: true, Cancelled: i%10 == 0, Lines: []sim.Line{{Product: 1 + i%5, Quantity: 1 + i%3, Price: 1000, Title: "クリーム"}, {Product: 9, Quantity: 1, Price: 300, Title: "お茶"}}})
	}
	return shop
}

var access = ClientConfig{ClientID: "client", Secret: "secret"}

// TestPull: every customer, order and product of the shop comes, historical, also when the download breaks off in the middle, and then
// not from the beginning.
func TestPull(t *testing.T) {
	shop := stocked(700, sim.Config{})
	h := newHistory(t, shop, access)
	p := NewPull("p1", "shop", time.Time{}, false, 1_000_000, noon)
	p, err := h.Run(context.Background(), p)
	if err != nil || p.State != PullDone {
		t.Fatal(err)
	}
	placed := h.placed(t)
	if len(placed) != 700 {
		t.Fatalf("%d orders", len(placed))
	}
	for _, r := range h.log {
		if r.Topic != enishi.TopicCatalogue && !strings.Contains(string(r.Value), `"historical":true`) {
			t.Fatalf("not historical: %s", r.Value)
		}
	}
	if o := p.Parts[2]; o.Resource != "orders" || o.Objects != 2100 || o.Lines != 2100 {
		t.Errorf("%+v", o)
	}

	broken := newHistory(t, shop, access)
	q := NewPull("p2", "shop", time.Time{}, false, 1_000_000, noon)
	q.Parts = []PullPart{{Resource: "orders"}}
	shop.BreakOff(1500)
	q, err = broken.Run(context.Background(), q)
	if err == nil || broken.saved.Parts[0].Lines == 0 || broken.saved.Parts[0].Lines >= 1500 {
		t.Fatalf("the download broke off: %v %+v", err, broken.saved.Parts)
	}
	before := len(broken.log)
	if q, err = broken.Run(context.Background(), broken.saved); err != nil || q.State != PullDone {
		t.Fatal(err)
	}
	if len(broken.placed(t)) != 700 || len(broken.log)-before >= before+before/2 {
		t.Errorf("%d orders, %d records and then %d", len(broken.placed(t)), before, len(broken.log)-before)
	}
}

// TestPullSince: only what changed comes, and it is not historical: it may act.
func TestPullSince(t *testing.T) {
	h := newHistory(t, stocked(30, sim.Config{}), access)
	p, err := h.Run(context.Background(), NewPull("p", "shop", noon.AddDate(0, 0, -5), true, 1000, noon))
	if err != nil || len(p.Parts) != 3 || p.Parts[0].Resource != "orders" {
		t.Fatal(err, p.Parts)
	}
	if got := h.placed(t); len(got) != 5 {
		t.Errorf("%v", got)
	}
	for _, r := range h.log {
		if strings.Contains(string(r.Value), `"historical"`) {
			t.Fatalf("historical: %s", r.Value)
		}
	}
}

// TestLimits: what Shopify limits holds a pull up and does not end it.
func TestLimits(t *testing.T) {
	t.Run("throttled", func(t *testing.T) {
		clock := &stepped{at: noon}
		shop := stocked(3, sim.Config{Now: clock.now, RunFor: 4, Limits: sim.Limits{Bucket: 20, Restore: 1000}})
		h := newHistory(t, shop, access)
		ended := make(chan struct{})
		defer close(ended)
		go func() {
			for {
				clock.add(20 * time.Millisecond)
				select {
				case <-ended:
					return
				case <-time.After(5 * time.Millisecond):
				}
			}
		}()
		if p, err := h.Run(context.Background(), NewPull("p", "shop", time.Time{}, false, 1000, noon)); err != nil || p.State != PullDone {
			t.Fatal(err)
		}
		if shop.Calls()["throttled"] == 0 {
			t.Error("nothing was throttled")
		}
	})
	t.Run("result expired", func(t *testing.T) {
		clock := &stepped{at: noon}
		shop := stocked(3, sim.Config{Now: clock.now})
		c := access
		c.Now = clock.now
		h := newHistory(t, shop, c)
		p := NewPull("p", "shop", time.Time{}, false, 1000, noon)
		p.Parts = []PullPart{{Resource: "orders"}}
		shop.BreakOff(4)
		p, err := h.Run(context.Background(), p)
		if err == nil {
			t.Fatal("the download broke off")
		}
		clock.add(8 * 24 * time.Hour)
		if p, err = h.Run(context.Background(), p); err != nil || p.Parts[0].Tries != 2 || len(h.placed(t)) != 3 {
			t.Fatalf("%v %+v", err, p.Parts)
		}
	})
	t.Run("token revoked", func(t *testing.T) {
		clock := &stepped{at: noon}
		shop := stocked(3, sim.Config{Now: clock.now})
		c := access
		c.Now = clock.now
		h := newHistory(t, shop, c)
		if _, err := h.Run(context.Background(), NewPull("p", "shop", time.Time{}, false, 1000, noon)); err != nil {
			t.Fatal(err)
		}
		clock.add(time.Hour)
		shop.Revoke()
		if _, err := h.Run(context.Background(), NewPull("q", "shop", time.Time{}, false, 1000, noon)); err != nil || shop.Calls()["tokens"] != 2 {
			t.Fatalf("%v, %v", err, shop.Calls())
		}
	})
	t.Run("wrong secret", func(t *testing.T) {
		h := newHistory(t, stocked(1, sim.Config{}), ClientConfig{Token: "shpat_wrong"})
		if _, err := h.Run(context.Background(), NewPull("p", "shop", time.Time{}, false, 1000, noon)); !errors.Is(err, errNoAccess) {
			t.Fatal(err)
		}
	})
	t.Run("one at a time before 2026-01, five then", func(t *testing.T) {
		for version, want := range map[string]int{"2025-10": 1, "2026-01": 5} {
			server := httptest.NewServer(stocked(1, sim.Config{}))
			client, err := NewClient(ClientConfig{Shop: "x", Endpoint: server.URL, Version: version, ClientID: "client", Secret: "secret"})
			if err != nil {
				t.Fatal(err)
			}
			begun := 0
			for range 7 {
				var answer struct {
					Run struct {
						Operation *struct{ ID string } `json:"bulkOperation"`
					} `json:"bulkOperationRunQuery"`
				}
				if err := client.Query(context.Background(), runQuery, map[string]any{"query": bulkQuery("orders", time.Time{})}, &answer); err != nil {
					t.Fatal(err)
				}
				if answer.Run.Operation != nil {
					begun++
				}
			}
			server.Close()
			if begun != want {
				t.Errorf("%s: %d at a time, want %d", version, begun, want)
			}
		}
	})
	t.Run("who ordered", func(t *testing.T) {
		h := newHistory(t, stocked(3, sim.Config{}), access)
		p, ok, err := h.Client.AskOwner(context.Background(), "1002")
		if err != nil || !ok || p.CustomerID != "2" || p.Email != "c2@example.jp" {
			t.Errorf("%+v %t %v", p, ok, err)
		}
		if _, ok, err := h.Client.AskOwner(context.Background(), "1"); ok || err != nil {
			t.Errorf("%t %v", ok, err)
		}
	})
}
