package main

import (
	"fmt"
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
