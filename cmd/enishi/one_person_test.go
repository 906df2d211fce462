package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"enishi/ingest/files"
	shopsim "enishi/internal/sim/shopify"
)

const tillColumns = "取引日時,取引区分,取消区分,小計,合計,店舗ID,端末ID,会員コード,端末取引ID,締め日,取引明細区分,商品ID,商品コード,商品名,販売単価,数量,値引き後計\r\n"

// TestOnePerson: a visitor of the site who signs in, an order of Shopify's webhook and a till's file in CP932 are one person, in
// whatever order the three come: with both orders, what they spent to the yen, and one timeline. Nothing is sent. Taking the card's
// link back makes two people, each with what is theirs.
func TestOnePerson(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real process")
	}
	t.Parallel()
	provider := httptest.NewServer(nil)
	t.Cleanup(provider.Close)
	env := "ENISHI_SOURCES__SHOP__"
	s := start(t, []string{env + "KIND=shopify", env + "SECRET=secret", env + "CLIENT_ID=client", env + "SHOP=enmusubi.myshopify.com", env + "ENDPOINT=" + provider.URL}, "--data", t.TempDir())
	key := s.enishi("key", "create", "--write", "site")
	sim := shopsim.New(shopsim.Config{Secret: "secret", ClientID: "client", Webhook: s.base + "/hooks/shop"})
	now := time.Now().UTC().Truncate(time.Second)
	dir := t.TempDir()

	type step = func(t *testing.T, n int)
	web := func(t *testing.T, n int) {
		anonymous := map[string]any{"anonymous_id": fmt.Sprintf("browser-%d", n)}
		known := map[string]any{"anonymous_id": anonymous["anonymous_id"], "customer_id": fmt.Sprint(n), "email": fmt.Sprintf("c%d@example.jp", n), "pos_card": fmt.Sprintf("M%05d", n)}
		at := func(minutes int) string { return now.Add(time.Duration(minutes-60) * time.Minute).Format(time.RFC3339) }
		events := []map[string]any{
			{"type": "page.viewed", "id": fmt.Sprint("view", n), "occurred_at": at(0), "person": anonymous, "context": map[string]any{"path": "/"}},
			{"type": "product.viewed", "id": fmt.Sprint("product", n), "occurred_at": at(1), "person": anonymous, "web": map[string]any{"product": map[string]any{"product_id": "7"}}},
			{"type": "person.identified", "id": fmt.Sprint("login", n), "occurred_at": at(2), "person": known},
		}
		if got, err := s.post(key, events); got != len(events) || err != nil {
			t.Fatal(got, err)
		}
	}
	order := func(t *testing.T, n int) {
		at := now.Add(-50 * time.Minute)
		sim.PutCustomer(shopsim.Customer{ID: n, Email: fmt.Sprintf("C%d@Example.jp", n), Last: "山田", FirstName: "花子", CreatedAt: at, UpdatedAt: at})
		sim.PutOrder(shopsim.Order{ID: 10_000 + n, Customer: n, CreatedAt: at, UpdatedAt: at, Paid: true, Lines: []shopsim.Line{{Product: 7, Quantity: 2, Price: 1500, Title: "クリーム"}}})
		sim.Tell("orders/create", 10_000+n)
		if _, waiting, given := sim.Deliver(t.Context()); waiting+given > 0 {
			t.Fatalf("%d webhooks wait, %d are given up", waiting, given)
		}
	}
	till := func(t *testing.T, n int) {
		row := fmt.Sprintf("2026/10/12 13:00:00,1,0,2200,2200,1,2,M%05d,%d,2026/10/12,1,%%s,,%%s,1100,1,1100\r\n", n, n)
		first, second := fmt.Sprintf(row, "8001", "ハンカチ"), fmt.Sprintf(row, "8002", "石鹸")
		for i, text := range []string{strings.ReplaceAll(first, "2200", "1100"), first + second} { // the day's file comes again with another line
			file := filepath.Join(dir, fmt.Sprintf("till-%d-%d.csv", n, i))
			if err := os.WriteFile(file, files.Encode(nil, tillColumns+text, files.CP932), 0o600); err != nil {
				t.Fatal(err)
			}
			if out := s.enishi("import", file, "--preset", "smaregi-receipts", "--quiet"); !strings.Contains(out, "0 rejected") {
				t.Fatal(out)
			}
		}
	}
	type page struct {
		ID          string
		Identifiers []struct{ Kind string }
		Orders      []struct{ Total, Channel string }
		Header      struct {
			OrdersCount int64 `json:"orders_count"`
			LTV         string
		}
	}
	look := func(kind, value string) (p page, err error) {
		var found struct{ ID string }
		if err = s.call("GET", "/people/lookup?kind="+kind+"&value="+value, nil, &found); err == nil {
			err = s.call("GET", "/people/"+found.ID, nil, &p)
		}
		return p, err
	}
	holds := func(p page, orders int, ltv string) error {
		if len(p.Orders) != orders || p.Header.OrdersCount != int64(orders) || p.Header.LTV != ltv {
			return fmt.Errorf("%+v, want %d orders of %s", p, orders, ltv)
		}
		return nil
	}
	for i, way := range []struct {
		name  string
		steps []step
	}{{"web, order, till", []step{web, order, till}}, {"till, order, web", []step{till, order, web}}, {"order, till, web", []step{order, till, web}}, {"till, web, order", []step{till, web, order}}} {
		n := 101 + i
		t.Run(way.name, func(t *testing.T) {
			for _, do := range way.steps {
				do(t, n)
				s.settled(30 * time.Second)
			}
			card := fmt.Sprintf("M%05d", n)
			var one page
			eventually(t, 30*time.Second, "they are one person", func() error {
				var err error
				if one, err = look("pos_card", card); err != nil {
					return err
				}
				for kind, value := range map[string]string{"customer": fmt.Sprint(n), "email": fmt.Sprintf("c%d@example.jp", n), "anonymous": fmt.Sprintf("browser-%d", n)} {
					if p, err := look(kind, value); err != nil || p.ID != one.ID {
						return fmt.Errorf("%s leads to %s, the card to %s: %v", kind, p.ID, one.ID, err)
					}
				}
				return holds(one, 2, "5200")
			})
			if one.Orders[0].Channel == one.Orders[1].Channel || one.Orders[0].Channel != "store" && one.Orders[1].Channel != "store" {
				t.Errorf("orders %+v", one.Orders)
			}
			eventually(t, 30*time.Second, "one timeline", func() error {
				var timeline struct{ Items []struct{ Type string } }
				err := s.call("GET", "/people/"+one.ID+"/timeline?limit=100", nil, &timeline)
				seen := map[string]bool{}
				for _, x := range timeline.Items {
					seen[x.Type] = true
				}
				for _, want := range []string{"page.viewed", "product.viewed", "person.identified", "order.placed", "store.purchased"} {
					if !seen[want] {
						return fmt.Errorf("%s is not in %v: %v", want, seen, err)
					}
				}
				return err
			})
			var links struct {
				Items []struct {
					LinkOffset int64 `json:"link_offset"`
					CanUndo    bool  `json:"can_undo"`
					A, B       struct{ Kind string }
				}
			}
			eventually(t, 30*time.Second, "the card's link is taken back", func() error {
				if err := s.call("GET", "/people/"+one.ID+"/merges", nil, &links); err != nil {
					return err
				}
				for _, l := range links.Items {
					if l.CanUndo && (l.A.Kind == "pos_card" || l.B.Kind == "pos_card") {
						return s.call("POST", "/people/unmerge", map[string]any{"link_offset": l.LinkOffset, "reason": "別の方のカード"}, nil)
					}
				}
				return fmt.Errorf("no link of it among %+v", links.Items)
			})
			eventually(t, 30*time.Second, "they are two people", func() error {
				till, err := look("pos_card", card)
				if err != nil {
					return err
				}
				site, err := look("customer", fmt.Sprint(n))
				if err != nil {
					return err
				}
				if till.ID == site.ID {
					return fmt.Errorf("still one")
				}
				if err := holds(till, 1, "2200"); err != nil {
					return err
				}
				if len(till.Identifiers) != 1 || len(site.Identifiers) != 3 {
					return fmt.Errorf("identifiers %+v and %+v", till.Identifiers, site.Identifiers)
				}
				return holds(site, 1, "3000")
			})
		})
	}
	var sent struct{ Items []any }
	if err := s.call("GET", "/outbox", nil, &sent); err != nil || len(sent.Items) > 0 {
		t.Errorf("%d messages went: %v", len(sent.Items), err)
	}
}
