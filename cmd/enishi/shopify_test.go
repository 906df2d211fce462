package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	shopsim "enishi/internal/sim/shopify"
)

// halfway answers as a shop, but holds the end of the result with the history of orders back until it lets it go; what is looked for anew has newer orders only.
type halfway struct {
	http.Handler
	letGo chan struct{}
}

func (h halfway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "/results/") {
		h.Handler.ServeHTTP(w, r)
		return
	}
	all := httptest.NewRecorder()
	h.Handler.ServeHTTP(all, r)
	body := all.Body.Bytes()
	w.WriteHeader(all.Code)
	if bytes.Contains(body, []byte("gid://shopify/Order/10500\"")) {
		if _, err := w.Write(body[:len(body)*9/10]); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		body = body[len(body)*9/10:]
		select {
		case <-h.letGo:
		case <-r.Context().Done():
			return
		}
	}
	_, _ = w.Write(body) // who asked may be gone
}

// TestShopify connects a simulated shop: webhooks come out of order, doubled and forged, the history is pulled while the process is
// killed in the middle, a webhook that was lost is found again. Then each order is there once, as the shop has it, and the history
// has sent nothing.
func TestShopify(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real process")
	}
	t.Parallel()
	const past, live = 700, 40
	engine, dir := freePort(t), t.TempDir()
	sim := shopsim.New(shopsim.Config{Secret: "secret", ClientID: "client"})
	letGo := make(chan struct{})
	release := sync.OnceFunc(func() { close(letGo) })
	provider := httptest.NewServer(halfway{sim, letGo})
	t.Cleanup(provider.Close)
	t.Cleanup(release)
	now := time.Now().UTC().Truncate(time.Second)
	at := func(i int) time.Time { return now.AddDate(0, 0, -i) }
	for i := 1; i <= past; i++ {
		sim.PutCustomer(shopsim.Customer{ID: i, Email: fmt.Sprintf("c%d@example.jp", i), Last: "山田", FirstName: "花子", Subscribed: true, CreatedAt: at(i + 2), UpdatedAt: at(i + 2)})
		o := shopsim.Order{ID: 10_000 + i, Customer: i, CreatedAt: at(i + 2), UpdatedAt: at(i + 1), Paid: true, Shipped: true, Cancelled: i%10 == 0, Lines: []shopsim.Line{{Product: 1 + i%5, Quantity: 1 + i%3, Price: 1000, Title: "クリーム"}}}
		if i%7 == 0 {
			o.Refunded = 500
		}
		sim.PutOrder(o)
	}
	env := "ENISHI_SOURCES__SHOP__"
	s := start(t, []string{env + "KIND=shopify", env + "SECRET=secret", env + "CLIENT_ID=client", env + "SHOP=enmusubi.myshopify.com", env + "ENDPOINT=" + provider.URL, env + "RECONCILE=3s"},
		"--data", dir, "--clickhouse-listen", engine)
	sim.SetWebhook(s.base + "/hooks/shop")
	rows := tablesOf(t, engine, filepath.Join(dir, "keys"))
	publish(s)
	s.settled(30 * time.Second)

	t.Log("webhooks, out of order and doubled")
	ctx := context.Background()
	for i := 1; i <= live; i++ {
		o := shopsim.Order{ID: 20_000 + i, Customer: past + i, CreatedAt: now.Add(-time.Minute), UpdatedAt: now.Add(-time.Minute), Lines: []shopsim.Line{{Product: 1, Quantity: 2, Price: 1500, Title: "クリーム"}}}
		sim.PutCustomer(shopsim.Customer{ID: past + i, Email: fmt.Sprintf("live%d@example.jp", i), Subscribed: true, CreatedAt: now, UpdatedAt: now})
		sim.PutOrder(o)
		if i == live {
			break // its webhooks are lost
		}
		sim.Tell("orders/create", o.ID)
		o.Paid, o.UpdatedAt = true, now.Add(-30*time.Second)
		sim.PutOrder(o)
		sim.Tell("orders/paid", o.ID)
		if i%4 == 0 {
			o.Cancelled, o.UpdatedAt = true, now.Add(-20*time.Second)
			sim.PutOrder(o)
			sim.Tell("orders/cancelled", o.ID)
		}
	}
	sim.Shuffle(rand.New(rand.NewSource(1)), 3)
	if status := sim.Post(ctx, &shopsim.Delivery{ID: "forged", Topic: "orders/create", Body: `{"id":666,"customer":{"id":1},"created_at":"2026-01-01T00:00:00Z"}`}, "guessed"); status != 401 {
		t.Fatalf("a forged webhook is answered with %d", status)
	}
	eventually(t, time.Minute, "webhooks are taken", func() error {
		if _, waiting, given := sim.Deliver(ctx); waiting+given > 0 {
			return fmt.Errorf("%d wait, %d given up", waiting, given)
		}
		return nil
	})

	t.Log("the history, killed in the middle")
	if err := s.call("POST", "/connections/shop/pull", map[string]any{"rate": 300}, nil); err != nil {
		t.Fatal(err)
	}
	type part struct {
		Resource string
		Lines    int
		Done     bool
	}
	var state struct {
		Pull *struct {
			State string
			Text  string
			Parts []part
		}
	}
	orders := func() (part, error) {
		if err := s.call("GET", "/connections/shop", nil, &state); err != nil || state.Pull == nil {
			return part{}, fmt.Errorf("no pull yet: %v", err)
		}
		return state.Pull.Parts[2], nil
	}
	eventually(t, 2*time.Minute, "orders come", func() error {
		p, err := orders()
		if err == nil && (p.Lines == 0 || p.Done) {
			err = fmt.Errorf("none yet, or all: %+v", state.Pull)
		}
		return err
	})
	s.kill()
	release()
	s.launch()
	s.waitReady()
	eventually(t, 2*time.Minute, "the pull goes on", func() error {
		if _, err := orders(); err != nil || state.Pull.State != "done" {
			return fmt.Errorf("%+v %v", state.Pull, err)
		}
		return nil
	})
	if !strings.Contains(s.enishi("sources"), "shop") {
		t.Error("enishi sources does not name it")
	}
	eventually(t, time.Minute, "the lost webhook is found", func() error {
		if got := rows.rows("SELECT count() FROM orders FINAL WHERE order_id = '20040'"); got[0] != "1" {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
	s.settled(2 * time.Minute)

	want := map[string]string{}
	for _, o := range sim.Orders() {
		state := "0"
		if o.Cancelled {
			state = "1"
		}
		want[fmt.Sprint(o.ID)] = fmt.Sprintf("%d\t%d\t%s", o.Total()*10_000, o.Refunded*10_000, state)
	}
	eventually(t, time.Minute, "every order is there once, as the shop has it", func() error {
		got := map[string]string{}
		for _, line := range rows.rows("SELECT o.order_id, o.total, o.refunded, toUInt8(o.cancelled_at > '1971-01-01') FROM orders AS o FINAL") {
			id, rest, _ := strings.Cut(line, "\t")
			if _, twice := got[id]; twice {
				return fmt.Errorf("order %s is there twice", id)
			}
			got[id] = rest
		}
		for id, w := range want {
			if got[id] != w {
				return fmt.Errorf("order %s is %q, want %q", id, got[id], w)
			}
		}
		if len(got) != len(want) {
			return fmt.Errorf("%d orders, want %d", len(got), len(want))
		}
		return nil
	})
	eventually(t, time.Minute, "live orders have begun a journey each", func() error {
		if got := rows.rows("SELECT count(), uniqExact(key) FROM runs FINAL WHERE journey = 'order' AND toUInt32(key) >= 20000"); got[0] != fmt.Sprintf("%d\t%d", live, live) {
			return fmt.Errorf("runs of live orders and their orders: %s, want %d of each", got[0], live)
		}
		return nil
	})
	if got := rows.rows("SELECT count() FROM runs FINAL WHERE journey = 'order' AND toUInt32(key) < 20000"); got[0] != "0" {
		t.Errorf("the history began %s runs", got[0])
	}
	if got := rows.rows("SELECT count() FROM orders FINAL WHERE order_id = '666'"); got[0] != "0" {
		t.Error("a forged webhook was stored")
	}

	t.Log("a request for erasure")
	sim.TellRaw("customers/redact", `{"shop_domain":"enmusubi.myshopify.com","customer":{"id":5,"email":"c5@example.jp"},"orders_to_redact":[10005]}`)
	eventually(t, time.Minute, "the person is erased", func() error {
		if _, waiting, _ := sim.Deliver(ctx); waiting > 0 {
			return fmt.Errorf("%d wait", waiting)
		}
		if got := rows.rows("SELECT count() FROM people FINAL WHERE customer_id = '5'"); got[0] != "0" {
			return fmt.Errorf("still there")
		}
		return nil
	})
}
