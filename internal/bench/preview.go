package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/analytics"
	"enishi/api"
	"enishi/channels"
	"enishi/ingest"
	"enishi/internal/clickhouse"
)

// previewsTyped is how many previews one person asks for, one after another.
const previewsTyped = 300

// typed are expressions as somebody types them: each one a part longer than the one before, then a new one. What is not
// whole yet costs no query, so only whole ones are here.
func typed() []string {
	var all []string
	for round := 0; len(all) < previewsTyped; round++ {
		n := round%9 + 1
		clauses := []string{
			fmt.Sprintf(`orders_count >= %d`, n%3+1), fmt.Sprintf(`ltv >= %d`, 5000*n), fmt.Sprintf(`last_order_at > ago("%dd")`, 40*n),
			fmt.Sprintf(`count(orders, .total >= %d && .placed_at > ago("730d")) >= 1`, 1000*n), fmt.Sprintf(`any(visits, .at > ago("%dd"))`, 20*n),
			fmt.Sprintf(`none(shipments, .status == "lost%d")`, n), `(has_email || line_friend)`, fmt.Sprintf(`sum(filter(orders, .valid), .revenue) >= %d`, 2000*n),
			fmt.Sprintf(`any(views, .category == "c%d")`, n), fmt.Sprintf(`distinct(orders, .status) >= %d`, 1+n/20),
		}
		k := round % len(clauses)
		clauses = append(clauses[k:], clauses[:k]...)
		for i := range clauses {
			all = append(all, strings.Join(clauses[:i+1], " && "))
		}
	}
	return all[:previewsTyped]
}

// runPreview asks the API for previews over all people while somebody types.
func runPreview(ctx context.Context, b *bench) (err error) {
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	p, err := openProduct(ctx, w, "preview", nil, int64(b.cacheMB)<<20)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	begun := time.Now()
	if err := fillFacts(ctx, p.db, b.facts); err != nil {
		return err
	}
	if err := mergeFacts(ctx, p.db); err != nil {
		return err
	}
	b.printf("  %d facts of %d people, made in %s\n", b.facts, b.facts/20, time.Since(begun).Round(time.Second))
	server, err := p.serve()
	if err != nil {
		return err
	}
	defer server.Close()
	var took []time.Duration
	found, from := 0, used()
	for _, expression := range typed() {
		begun := time.Now()
		count, err := preview(ctx, server, expression)
		if err != nil {
			return fmt.Errorf("%s: %w", expression, err)
		}
		if took = append(took, time.Since(begun)); count > 0 {
			found++
		}
	}
	if found < previewsTyped/3 {
		return fmt.Errorf("only %d of %d previews found anybody", found, previewsTyped)
	}
	slices.Sort(took)
	b.printf("  %d previews, %d of them find people: p50 %s, p95 %s, max %s, %.1f CPU ms each\n", previewsTyped, found, round(quantile(took, 0.5)), round(quantile(took, 0.95)), round(quantile(took, 1)),
		float64((used().cpu-from.cpu).Microseconds())/1000/previewsTyped)
	b.goal("a preview while typing, p95", float64(quantile(took, 0.95).Microseconds())/1000, "ms", 300)
	return nil
}

// serve is the API of a product.
func (p *product) serve() (*httptest.Server, error) {
	renderer, err := channels.NewRenderer(channels.RendererConfig{Definitions: p.defs, BaseURL: "http://127.0.0.1", Key: []byte("0123456789abcdef0123456789abcdef"), Language: "ja", Now: time.Now,
		Brand: map[string]any{"name": "Enishi", "address": "", "contact": "", "colour": "#9c3d44"}})
	if err != nil {
		return nil, err
	}
	table := api.DeadTable{DB: p.db}
	dead, err := ingest.NewDeadLetters(ingest.DeadConfig{Append: p.stream.Append, Load: table.Load, Save: table.Save, Parser: p.ingester.Parser()})
	if err != nil {
		return nil, err
	}
	a, err := api.New(api.Config{DB: p.db, Stream: p.stream, Definitions: p.defs, Folder: p.folder, Ingester: p.ingester, Dead: dead, Hasher: enishi.NewHasher([]byte("0123456789abcdef0123456789abcdef")), Reports: &analytics.Reports{Conn: p.db.Conn()},
		Renderer: renderer, Key: []byte("0123456789abcdef0123456789abcdef"), Loopback: true, Log: p.w.log})
	if err != nil {
		return nil, err
	}
	return httptest.NewServer(a.Mux(api.Parts{})), nil
}

// preview asks for one preview and returns how many people it counts.
func preview(ctx context.Context, server *httptest.Server, expression string) (int64, error) {
	body, err := json.Marshal(map[string]string{"expression": expression})
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/api/v1/segments/preview", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := server.Client().Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	var page struct {
		Valid bool  `json:"valid"`
		Count int64 `json:"count"`
	}
	if err := json.Unmarshal(text, &page); err != nil || !page.Valid {
		return 0, fmt.Errorf("%s: %.300s (%w)", res.Status, text, err)
	}
	return page.Count, nil
}

// mergeFacts makes one part of each table, as the background leaves it after a while.
func mergeFacts(ctx context.Context, db *clickhouse.DB) error {
	for _, table := range []string{"people", "orders", "shipments", "visits"} {
		for _, s := range []string{"SYSTEM START MERGES " + table, "OPTIMIZE TABLE " + table + " FINAL"} {
			if err := db.Exec(ctx, s); err != nil {
				return fmt.Errorf("merge %s: %w", table, err)
			}
		}
	}
	return nil
}
