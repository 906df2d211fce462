package analytics

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"enishi/internal/clickhouse"
)

var orders = flag.Int("orders", 1_000_000, "how many orders BenchmarkReports makes")

// benchRows fill the tables with two years of a shop: n is the number of orders, {i} the number of a row. Of one order
// there are 0.3 people, 4 web events, 0.6 sends and 0.3 runs.
var benchRows = []struct{ per10, into, rows string }{
	{"10", "orders (profile_id, order_id, version, is_deleted, status, placed_at, delivered_at, currency, total, revenue, subtotal, items, automatic, valid, sequence)",
		`MD5(toString(number * 7919 % {people})), concat('EN', toString(number)), number + 1, 0, 'delivered', {at} AS p, p + INTERVAL 3 DAY,
		if(number % 50 = 0, 'USD', 'JPY'), 55000000, 50000000, 50000000, 2, number % 9 = 0, number % 25 != 0, intDiv(number, {people}) + 1`},
	{"10", "order_lines (profile_id, order_id, line, version, is_deleted, product_id, quantity, price, valid)",
		`MD5(toString(number * 7919 % {people})), concat('EN', toString(number)), 0, number + 1, 0, concat('P', toString(number % 50)), 1, 50000000, 1`},
	{"2", "reviews (profile_id, review_id, order_id, product_id, version, is_deleted, at)",
		`MD5(toString(number * 5 * 7919 % {people})), concat('R', toString(number)), if(number % 4 = 0, '', concat('EN', toString(number * 5))), 'P1', 1, 0, {at} + INTERVAL 10 DAY`},
	{"6", "identifiers (profile_id, subject, version, is_deleted, kind, value)",
		`MD5(toString(number % {people})), MD5(concat('s', toString(number))), 1, 0, 'email', 'x'`},
	{"40", "events (subject, at, event_id, type, version, record)",
		`MD5(concat('s', toString(number * 7919 % {subjects}))), {at}, MD5(concat('e', toString(number))), multiIf(number % 10 < 5, 'product.viewed', number % 10 < 6, 'cart.item_added',
		number % 10 < 8, 'page.viewed', number % 100 = 88, 'message.unsubscribed', 'order.paid'), number + 1, randomString(200)`},
	{"6", "events (subject, at, event_id, type, version, journey, run_id, reason)",
		`MD5(toString(number * 7919 % {people})), {at}, MD5(concat('j', toString(number))), if(number % 2 = 0, 'journey.entered', 'journey.exited'), 1, concat('j', toString(intDiv(number, 2) % 6)),
		MD5(concat('r', toString(intDiv(number, 2)))), if(number % 2 = 0, 'order.placed', 'completed')`},
	{"6", "sends (profile_id, send_id, version, is_deleted, round, channel, purpose, journey, template, decided_at, sent_at, delivered_at, opened_at)",
		`MD5(toString(number * 7919 % {people})), MD5(concat('m', toString(number))), 1, 0, 1, if(number % 3 = 0, 'line', 'email'), 'marketing', concat('j', toString(number % 6)),
		concat('t', toString(number % 9)), {at} AS p, p + INTERVAL 5 SECOND, p + INTERVAL 9 SECOND, if(number % 3 = 1, p + INTERVAL 1 HOUR, toDateTime64(0, 3, 'UTC'))`},
	{"9", "decisions (subject, profile_id, send_id, round, at, version, journey, channel, sent, reason)",
		`MD5(toString(number * 7919 % {people})), MD5(toString(number * 7919 % {people})), MD5(concat('m', toString(number))), 1, {at}, 1, concat('j', toString(number % 6)), 'email', number % 3 > 0,
		['consent', 'address', 'hold'][number % 3 + 1]`},
}

// benchParts is in how many inserts, spread over the two years, each table is filled.
const benchParts = 20

func fillBench(b *testing.B, db *clickhouse.DB, n int) {
	b.Helper()
	for _, f := range benchRows {
		var per10 int
		if _, err := fmt.Sscan(f.per10, &per10); err != nil {
			b.Fatal(err)
		}
		total := n * per10 / 10
		rows := strings.NewReplacer("{at}", fmt.Sprintf("(toDateTime64('2024-01-01 00:00:00', 3, 'UTC') + toIntervalSecond(intDiv(number * 63072000, %d)))", total),
			"{people}", fmt.Sprint(max(1, n*3/10)), "{subjects}", fmt.Sprint(max(1, n*6/10))).Replace(f.rows)
		for k := range benchParts {
			query := fmt.Sprintf("INSERT INTO %s SELECT %s FROM numbers(%d, %d)", f.into, rows, total*k/benchParts, total*(k+1)/benchParts-total*k/benchParts)
			if err := db.Exec(b.Context(), query); err != nil {
				b.Fatalf("%v\n%s", err, query)
			}
		}
	}
}

// BenchmarkReports prints how long each report takes over a month, a year and all of a shop with a million orders: ns/op,
// the median and the slowest of what it ran, and the CPU of the whole process in that time. Nothing is asserted.
func BenchmarkReports(b *testing.B) {
	db := openDB(b, "bench")
	began := time.Now()
	fillBench(b, db, *orders)
	b.Logf("%d orders made in %s", *orders, time.Since(began).Round(time.Second))
	r := &Reports{Conn: db.Conn()}
	end := time.Date(2026, 1, 1, 0, 0, 0, 0, tokyo)
	for _, span := range []struct {
		name string
		x    Range
	}{{"month", Range{end.AddDate(0, -1, 0), end}}, {"year", Range{end.AddDate(-1, 0, 0), end}}, {"all", Range{end.AddDate(-15, 0, 0), end}}} {
		for _, report := range []struct {
			name string
			run  func(ctx context.Context, x Range) error
		}{
			{"revenue", func(ctx context.Context, x Range) error { _, err := r.Revenue(ctx, x, "day", ""); return err }},
			{"funnel", func(ctx context.Context, x Range) error { _, err := r.Funnel(ctx, x); return err }},
			{"journeys", func(ctx context.Context, x Range) error { _, err := r.Journeys(ctx, x); return err }},
			{"messages", func(ctx context.Context, x Range) error { _, err := r.Messages(ctx, x, "template"); return err }},
		} {
			b.Run(report.name+"/"+span.name, func(b *testing.B) {
				var took []time.Duration
				used := cpuTime(b)
				for b.Loop() {
					began := time.Now()
					if err := report.run(b.Context(), span.x); err != nil {
						b.Fatal(err)
					}
					took = append(took, time.Since(began))
				}
				slices.Sort(took)
				b.ReportMetric(float64((cpuTime(b)-used).Milliseconds())/float64(len(took)), "cpu-ms")
				b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
				b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "max-ms")
			})
		}
	}
}

func cpuTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
