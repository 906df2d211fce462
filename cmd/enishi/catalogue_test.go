package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBackInStock goes through the whole process: a product is sold out, two people ask for it, and it comes back, goes and comes back again:
// each gets one message. A third only bought something else.
func TestBackInStock(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real process")
	}
	t.Parallel()
	x := openShop(t, t.TempDir(), 3)
	x.put("template", "back", map[string]any{"name": "back", "channel": "line", "purpose": "transactional", "missing": "blank", "title": title("back"),
		"variants": map[string]any{"ja": map[string]any{"messages": []map[string]any{{"type": "text", "text": "{{ product.name }} {{ product.price_now }} {{ product.url }}"}}}}})
	x.put("journey", "back", map[string]any{"title": title("back"), "purpose": "transactional", "consent": "not_refused", "state": "live", "entry": map[string]any{"event": "stock_alert.requested", "key": "product_id", "reentry": "after_exit"}, "start": "watch",
		"nodes": map[string]any{"watch": map[string]any{"type": "wait", "until_event": map[string]any{"event": "product.back_in_stock", "key": "product_id"}, "timeout": "180d", "on_timeout": "end", "next": "tell"},
			"tell": map[string]any{"type": "message", "channels": []string{"line"}, "templates": map[string]any{"line": "back"}, "next": "end"}, "end": map[string]any{"type": "exit"}}})
	say := func(stock int) {
		t.Helper()
		var w struct{ Position string }
		body := map[string]any{"product_id": "P1", "name": "うるおい化粧水", "price": "3300", "stock": stock, "url": "https://shop.example/p/1"}
		if err := x.call("PUT", "/catalogue/products/P1", body, &w); err != nil {
			t.Fatal(err)
		}
		eventually(t, 20*time.Second, "the catalogue", func() error { return x.call("GET", "/catalogue?after="+w.Position, nil, nil) })
	}
	say(0)
	x.settled(30 * time.Second)
	for p := range 3 {
		typ, product := "stock_alert.requested", "P1"
		if p == 2 {
			typ, product = "product.viewed", "P7"
		}
		if _, err := x.post(x.write, []map[string]any{{"type": "line.followed", "id": fmt.Sprint("follow", p), "person": map[string]any{"customer_id": fmt.Sprint("c", p), "line_user_id": lineUser(p)}}, {"type": typ, "id": fmt.Sprint("ask", p), "person": map[string]any{"customer_id": fmt.Sprint("c", p), "line_user_id": lineUser(p)},
			"web": map[string]any{"product": map[string]any{"product_id": product}}}}); err != nil {
			t.Fatal(err)
		}
	}
	x.settled(30 * time.Second) // both have asked when it comes back
	say(3)
	say(0)
	say(3)
	eventually(t, 30*time.Second, "two messages", func() error {
		var page struct {
			Items []struct{ State, Journey string }
		}
		if err := x.call("GET", "/deliveries?limit=100&journey=back", nil, &page); err != nil {
			return err
		}
		if len(page.Items) != 2 || page.Items[0].State != "sent" || page.Items[1].State != "sent" {
			return fmt.Errorf("%+v", page.Items)
		}
		return nil
	})
}

// TestProductsByFile goes through the whole process: a catalogue by file, then a file of stock by location with a lower price. Who asked is told
// of the return and of the price by journeys of their own, once, also when the file comes again.
func TestProductsByFile(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real process")
	}
	t.Parallel()
	x := openShop(t, t.TempDir(), 2)
	for _, kind := range []string{"back_in_stock", "price_dropped"} {
		x.put("journey", kind, map[string]any{"title": title(kind), "purpose": "transactional", "consent": "not_refused", "state": "live", "entry": map[string]any{"event": "product." + kind, "reentry": "always"}, "start": "stay",
			"nodes": map[string]any{"stay": map[string]any{"type": "wait", "for": "30d", "next": "end"}, "end": map[string]any{"type": "exit"}}})
	}
	take := func(name, text, preset, want string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out := x.enishi("import", path, "--quiet", "--preset", preset); !strings.Contains(out, want) {
			t.Fatalf("%s, not %s", out, want)
		}
	}
	stands := func(id, price string, stock int64) {
		t.Helper()
		eventually(t, 30*time.Second, "the catalogue", func() error {
			var p struct {
				Price string
				Stock *int64
			}
			if err := x.call("GET", "/catalogue/products/"+id, nil, &p); err != nil {
				return err
			}
			if p.Price != price || p.Stock == nil || *p.Stock != stock {
				return fmt.Errorf("%+v", p)
			}
			return nil
		})
	}
	const goods = "syohin_code,syohin_name,baika_tnk,フリー在庫数\nT1,Tシャツ,3000,0\nM1,マグ,1200,9\n"
	take("goods.csv", goods, "nextengine-goods", "2 rows, 0 rejected")
	stands("T1", "3000", 0)
	for p, typ := range []string{"stock_alert.requested", "price_alert.requested"} {
		who := map[string]any{"customer_id": fmt.Sprint("c", p)}
		if _, err := x.post(x.write, []map[string]any{{"type": typ, "id": fmt.Sprint("ask", p), "person": who, "web": map[string]any{"product": map[string]any{"product_id": "T1"}}}}); err != nil {
			t.Fatal(err)
		}
	}
	x.settled(30 * time.Second) // both have asked when the file comes
	runs := func(kind string, want int) error {
		var page struct{ Items []any }
		if err := x.call("GET", "/journeys/"+kind+"/people", nil, &page); err != nil {
			return err
		}
		if len(page.Items) != want {
			return fmt.Errorf("%s: %d runs, not %d", kind, len(page.Items), want)
		}
		return nil
	}
	const lower = "syohin_code,syohin_name,baika_tnk,フリー在庫数\nT1,Tシャツ,2400,5\nM1,マグ,x,9\n"
	for range 2 {
		take("lower.csv", lower, "nextengine-goods", "2 rows, 1 rejected")
		stands("T1", "2400", 5)
	}
	eventually(t, 60*time.Second, "who asked", func() error { return errors.Join(runs("back_in_stock", 1), runs("price_dropped", 1)) })
	stands("M1", "1200", 9)
}
