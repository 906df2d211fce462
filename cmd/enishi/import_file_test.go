package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"enishi/ingest/files"
)

const ordersMapping = `kind: mapping
name: shop-orders
body:
  title: {en: Orders, ja: 受注}
  format: csv
  rules:
    - event: order.placed
      fields:
        occurred_at: row["注文日"]
        person.email: row["メール"]
        order.order_id: row["注文番号"]
        order.total: row["合計"]
    - event: consent.changed
      when: row["メルマガ"] == "希望する"
      fields:
        occurred_at: row["注文日"]
        person.email: row["メール"]
        consent[].channel: '"email"'
        consent[].state: '"in"'
        consent[].method: '"import"'
---
kind: mapping
name: till
body:
  title: {en: Till, ja: レジ}
  format: csv
  rules:
    - event: store.purchased
      group: join([row["店舗"], row["レジ"], dateText(row["営業日"], "YYYY-MM-DD"), row["レシート"]], ":")
      fields:
        occurred_at: row["日時"]
        person.pos_card: row["会員番号"]
        person.email: row["メール"]
        store.store_id: row["店舗"]
        store.register: row["レジ"]
        store.receipt: row["レシート"]
        store.business_date: row["営業日"]
        order.order_id: join([row["店舗"], row["レジ"], dateText(row["営業日"], "YYYY-MM-DD"), row["レシート"]], ":")
        order.version: date(row["日時"]).UnixMilli() + len(rows)
        order.total: 'total(map(rows, {#["金額"]}))'
        order.lines[].product_id: row["商品"]
        order.lines[].price: row["金額"]
---
kind: journey
name: thanks
body: {title: {ja: お礼, en: Thanks}, purpose: transactional, consent: not_refused, state: draft, entry: {event: order.placed, reentry: always}, start: stay, nodes: {stay: {type: wait, for: 30d, next: end}, end: {type: exit}}}
`

// TestImportFiles: a CP932 file of five years brings 9,997 of 10,000 orders and names three rows, sends nothing and starts nothing; once
// more it changes nothing; the mended rows come in; a till's file that comes again with more lines of a receipt counts once.
func TestImportFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, nil, "--data", t.TempDir())
	write := func(name string, content []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s.enishi("apply", write("mappings.yaml", []byte(strings.Replace(ordersMapping, "state: draft", "state: live", 1))))
	var b strings.Builder
	b.WriteString("受注一覧\r\n\r\n注文番号,注文日,メール,合計,メルマガ\r\n")
	for i := range 10_000 {
		total := "\"¥1,200\""
		if i%4000 == 7 {
			total = "千二百円"
		}
		fmt.Fprintf(&b, "A%05d,%s,p%d@x.test,%s,%s\r\n", i, time.Date(2021, 11, 1+i%1800, 9, 5, 0, 0, time.UTC).Format("2006/1/2 15:04"), i%500, total, []string{"希望する", "希望しない"}[i%2])
	}
	file := write("orders.csv", files.Encode(nil, b.String(), files.CP932))
	if out := s.enishi("import", file, "--mapping", "shop-orders", "--dry-run", "--quiet"); !strings.Contains(out, "would import") {
		t.Fatal(out)
	}
	out := s.enishi("import", file, "--mapping", "shop-orders", "--quiet")
	if !strings.Contains(out, "from 10000 rows, 3 rejected") || !strings.Contains(out, "order.placed\t9997") || !strings.Contains(out, "line 11: 合計: ") || !strings.Contains(out, "line 8011: ") {
		t.Fatal(out)
	}
	count := func(expression string, want int64) {
		t.Helper()
		eventually(t, 60*time.Second, expression, func() error {
			var got struct{ Count int64 }
			if err := s.call("POST", "/segments/count", map[string]any{"expression": expression}, &got); err != nil {
				return err
			}
			if got.Count != want {
				return fmt.Errorf("%d people, want %d", got.Count, want)
			}
			return nil
		})
	}
	s.settled(60 * time.Second)
	// of 500 people with 20 orders each, 7, 4007 % 500 = 7 and 8007 % 500 = 7 lack three of one person's
	count(`orders_count == 20 && ltv == 24000`, 499)
	count(`orders_count == 17 && ltv == 20400`, 1)
	s.enishi("import", file, "--mapping", "shop-orders", "--quiet")
	s.settled(60 * time.Second)
	count(`orders_count == 20 && ltv == 24000`, 499)
	var sent, runs struct{ Items []any }
	if err := errors.Join(s.call("GET", "/outbox", nil, &sent), s.call("GET", "/journeys/thanks/people", nil, &runs)); err != nil || len(sent.Items)+len(runs.Items) > 0 {
		t.Errorf("an import sent %d messages and began %d runs: %v", len(sent.Items), len(runs.Items), err)
	}
	var list struct{ Items []struct{ ID string } }
	if err := s.call("GET", "/imports", nil, &list); err != nil || len(list.Items) != 3 {
		t.Fatal(list, err)
	}
	answer, err := http.Get(s.base + "/api/v1/imports/" + list.Items[1].ID + "/rejects")
	if err != nil {
		t.Fatal(err)
	}
	mend, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if bytes.Count(mend, []byte("\r\n")) != 4 {
		t.Fatalf("%q", mend)
	}
	out = s.enishi("import", write("mended.csv", bytes.ReplaceAll(mend, files.Encode(nil, "千二百円", files.CP932), []byte("1200"))), "--mapping", "shop-orders", "--quiet")
	if !strings.Contains(out, "order.placed\t3") || !strings.Contains(out, "0 rejected") {
		t.Fatal(out)
	}
	count(`orders_count == 20 && ltv == 24000`, 500)

	till := "店舗,レジ,営業日,レシート,日時,会員番号,メール,商品,金額\n"
	line := "S1,1,2026/11/1,%s,2026/11/1 12:00,C1,p1@x.test,%s,%s\n"
	first := till + fmt.Sprintf(line, "0001", "P1", "500") + fmt.Sprintf(line, "0002", "P1", "300")
	again := till + fmt.Sprintf(line, "0001", "P1", "500") + fmt.Sprintf(line, "0001", "P2", "250") + fmt.Sprintf(line, "0002", "P1", "300")
	for _, x := range []string{first, first, again, again} {
		s.enishi("import", write("till.csv", []byte(x)), "--mapping", "till", "--quiet")
	}
	count(`orders_count == 22 && ltv == 25050`, 1)
}
