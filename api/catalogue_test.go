package api

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/ingest/catalogue"
	"enishi/internal/stream"
)

// catalogueRead lets reads wait for the keeper.
func catalogueRead(cfg *Config) {
	cfg.IngestPassed = func(ctx context.Context) (map[stream.Partition]int64, error) {
		out := cfg.Ingester.Passed()
		offsets, err := cfg.Stream.Committed(ctx, catalogue.Group, enishi.TopicCatalogue)
		for n, next := range offsets {
			out[partitionOf(enishi.TopicCatalogue, n)] = next
		}
		return out, err
	}
}

// TestCatalogue walks products through the real engine and broker: written by the API, found by kana and width, changed in part, refused with
// the place, announced to the person who asked and to nobody else.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, catalogueRead)
	keeper := catalogue.New(catalogue.Config{Consume: w.cfg.Stream.Consume, Append: w.cfg.Stream.Append, Tables: catalogue.OpenTables(w.cfg.DB), Partitions: testPartitions,
		Settings: w.api.catalogueSettings, CatchUp: w.api.CatchUp, SaveDead: DeadTable{w.cfg.DB}.Save})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- keeper.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()

	answer := into[productsWritten](w.call("POST", "/catalogue/products", map[string]any{"products": []any{
		map[string]any{"product_id": "P1", "name": "うるおい化粧水", "price": "3300", "stock": 0, "url": "https://shop.test/p/1", "brand": "縁", "maker_code": "X-9"},
		map[string]any{"product_id": "P2", "name": "=cmd()", "price": "1,0", "stock": 4},
		map[string]any{"product_id": "P2", "name": "=cmd()", "price": "1200.5", "stock": 4},
		map[string]any{"product_id": "P1-S", "parent_id": "P1", "name": "うるおい化粧水 S", "stores": map[string]any{"ginza": 1, "umeda": 2}},
	}}))
	if answer.Taken != 3 || len(answer.Refused) != 1 || answer.Refused[0].Index != 1 || answer.Refused[0].Field != "price" || answer.Refused[0].Reason.JA == "" {
		t.Fatalf("%+v", answer)
	}
	list := func(query string) string {
		t.Helper()
		var ids []string
		for _, p := range into[list[ProductRow]](w.call("GET", "/catalogue?after="+answer.Position+query, nil)).Items {
			ids = append(ids, p.ProductID)
		}
		return strings.Join(ids, " ")
	}
	for query, want := range map[string]string{"": "P1 P1-S P2", "&q=ウルオイ": "P1 P1-S", "&q=ｐ１-s": "P1-S", "&filter=out": "P1", "&filter=low": "P1-S P2", "&q=nothing": "", "&limit=2": "P1 P1-S", "&limit=2&cursor=P1-S": "P2"} {
		if got := list(query); got != want {
			t.Errorf("%s lists %q, want %q", query, got, want)
		}
	}
	w.write("PUT", "/settings/stores", map[string]any{"expect": 0, "body": map[string]any{"ginza": "銀座店"}})
	if at := into[productPage](w.call("GET", "/catalogue/products/P1-S", nil)).Stores; !slices.Equal(at, []storeStock{{"umeda", "umeda", 2}, {"ginza", "銀座店", 1}}) {
		t.Errorf("the stores are %+v", at)
	}
	w.call("GET", "/catalogue/products/nothing", nil).want(404)
	w.call("PUT", "/catalogue/products/P9", map[string]any{"product_id": "P1"}).want(422)
	if a := w.call("PUT", "/catalogue/products/P1", map[string]any{"product_id": "P1", "currency": "円"}).want(422); !strings.Contains(a.text, "ISO 4217") {
		t.Error(a.text)
	}

	// She asks for its return; he only looked long ago; it comes back, and to and fro.
	product := &enishi.Web{Product: &enishi.Product{ProductID: "P1"}}
	now := time.Now().UTC()
	w.play([]enishi.Event{
		{Type: "stock_alert.requested", Message: "k1", At: now.Add(-time.Hour), Person: &enishi.Person{CustomerID: "hanako"}, Web: product},
		{Type: "product.viewed", Message: "k2", At: now.AddDate(0, 0, -6), Person: &enishi.Person{CustomerID: "taro"}, Web: &enishi.Web{Product: &enishi.Product{ProductID: "P2"}}},
	})
	for _, stock := range []int{3, 0, 3} {
		answer.Position = w.write("PUT", "/catalogue/products/P1", map[string]any{"type": "update", "product_id": "P1", "stock": stock}).Position
		w.call("GET", "/catalogue?after="+answer.Position, nil).want(200)
	}
	if err := w.api.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	p := into[productPage](w.call("GET", "/catalogue/products/P1", nil))
	if !p.Buyable || p.Name != "うるおい化粧水" || p.Price != 3300*enishi.Unit || len(p.History) != 4 || len(p.Variants) != 1 || len(p.Changes) != 1 || p.Changes[0].Addressed != 1 || p.Changes[0].Told != 1 || p.Changes[0].Kind != catalogue.BackInStock {
		t.Errorf("%+v", p)
	}
	waiting := map[string]int64{}
	for _, x := range p.People {
		waiting[x.What] = x.People
	}
	if waiting["waiting"] != 1 || waiting["viewed"] != 0 || len(waiting) != 4 {
		t.Errorf("people %v", waiting)
	}
	n, err := w.api.count(ctx, "SELECT count() FROM events FINAL WHERE type = 'product.back_in_stock' AND product_id = 'P1'")
	if err != nil || n != 1 {
		t.Errorf("%d people were told, %v", n, err)
	}
}
