package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"enishi/analytics"
	"enishi/internal/clickhouse"
)

// reportParts is in how many inserts, spread over two years, each table is filled.
const reportParts = 20

// fillReports makes n events and their orders, sends and runs in the engine.
func fillReports(ctx context.Context, db *clickhouse.DB, n int) error {
	people := max(1, n/10)
	for _, f := range [...]struct {
		rows          int
		into, columns string
	}{
		{n / 4, "orders (profile_id, order_id, version, is_deleted, status, placed_at, currency, total, revenue, items, automatic, valid, sequence)",
			`MD5(toString(number * 7919 % {people})), concat('EN', toString(number)), 1, 0, 'delivered', {at}, 'JPY', 55000000, 50000000, 2, number % 9 = 0, number % 25 != 0, intDiv(number, {people}) + 1`},
		{n, "events (subject, at, event_id, type, version, record)",
			`MD5(toString(number * 7919 % {people})), {at}, MD5(concat('e', toString(number))), multiIf(number % 10 < 5, 'product.viewed', number % 10 < 6, 'cart.item_added', number % 10 < 8, 'page.viewed', 'order.paid'), 1, ''`},
		{n / 6, "sends (profile_id, send_id, version, is_deleted, round, channel, purpose, journey, template, decided_at, sent_at, delivered_at, opened_at)",
			`MD5(toString(number * 7919 % {people})), MD5(concat('m', toString(number))), 1, 0, 1, if(number % 3 = 0, 'line', 'email'), 'marketing', concat('j', toString(number % 6)),
			concat('t', toString(number % 9)), {at} AS p, p + INTERVAL 5 SECOND, p + INTERVAL 9 SECOND, if(number % 3 = 1, p + INTERVAL 1 HOUR, toDateTime64(0, 3, 'UTC'))`},
	} {
		rows := strings.NewReplacer("{at}", fmt.Sprintf("(toDateTime64('2024-01-01 00:00:00', 3, 'UTC') + toIntervalSecond(intDiv(number * 63072000, %d)))", f.rows), "{people}", fmt.Sprint(people)).Replace(f.columns)
		for k := range reportParts {
			from, to := f.rows*k/reportParts, f.rows*(k+1)/reportParts
			if err := db.Exec(ctx, fmt.Sprintf("INSERT INTO %s SELECT %s FROM numbers(%d, %d)", f.into, rows, from, to-from)); err != nil {
				return fmt.Errorf("fill %s: %w", f.into, err)
			}
		}
	}
	return nil
}

// report is a report and the bare SQL that gives its main figure from the same table.
type report struct {
	name string
	bare string // gives one number: from and to are filled in
	run  func(ctx context.Context, r *analytics.Reports, x analytics.Range) (int64, error)
}

func reports() []report {
	return []report{
		{"revenue by day", `SELECT sum(c) FROM (SELECT toDate(placed_at, 'Asia/Tokyo') AS day, count() AS c, sum(revenue), countIf(sequence = 1), uniqExactIf(profile_id, sequence > 1 AND automatic = 0)
			FROM orders FINAL WHERE valid = 1 AND placed_at >= {from} AND placed_at < {to} GROUP BY day)`,
			func(ctx context.Context, r *analytics.Reports, x analytics.Range) (int64, error) {
				out, err := r.Revenue(ctx, x, "day", "JPY")
				if err != nil {
					return 0, err
				}
				return out.Totals.Orders, nil
			}},
		{"messages by template", `SELECT sum(c) FROM (SELECT template, channel, countIf(sent_at > 0) AS c, countIf(delivered_at > 0), countIf(opened_at > 0), countIf(clicked_at > 0) FROM sends FINAL
			WHERE decided_at >= {from} AND decided_at < {to} GROUP BY template, channel)`,
			func(ctx context.Context, r *analytics.Reports, x analytics.Range) (int64, error) {
				out, err := r.Messages(ctx, x, "template")
				if err != nil {
					return 0, err
				}
				sum := int64(0)
				for _, row := range out.Rows {
					sum += row.Sent
				}
				return sum, nil
			}},
	}
}

// runReports times reports over a month, a year and all of two years against bare SQL on the same tables.
func runReports(ctx context.Context, b *bench) (err error) {
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	db, err := clickhouse.Open(ctx, clickhouse.Config{Transport: w.engine, Database: "bench_reports", Log: w.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	begun := time.Now()
	if err := fillReports(ctx, db, b.rows); err != nil {
		return err
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	b.printf("  %d events, %d orders, %d sends made in %s\n", b.rows, b.rows/4, b.rows/6, time.Since(begun).Round(time.Second))
	r := &analytics.Reports{Conn: db.Conn()}
	end := time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("Asia/Tokyo", 9*60*60))
	for _, span := range []struct {
		name string
		x    analytics.Range
	}{{"a month", analytics.Range{From: end.AddDate(0, -1, 0), To: end}}, {"two years", analytics.Range{From: end.AddDate(-3, 0, 0), To: end}}} {
		for _, x := range reports() {
			if err := b.report(ctx, db, r, x, span.name, span.x); err != nil {
				return fmt.Errorf("%s of %s: %w", x.name, span.name, err)
			}
		}
	}
	return nil
}

func (b *bench) report(ctx context.Context, db *clickhouse.DB, r *analytics.Reports, x report, span string, over analytics.Range) error {
	at := func(t time.Time) string { return fmt.Sprintf("fromUnixTimestamp64Milli(toInt64(%d))", t.UnixMilli()) }
	query := strings.NewReplacer("{from}", at(over.From), "{to}", at(over.To)).Replace(x.bare)
	const runs = 3
	var want uint64
	var took []time.Duration
	as, bs, err := b.alternate(nil, func(int) (slice, error) {
		for range runs {
			if err := db.QueryRow(ctx, query).Scan(&want); err != nil {
				return slice{}, err
			}
		}
		return slice{ops: runs}, nil
	}, func(int) (slice, error) {
		for range runs {
			begun := time.Now()
			got, err := x.run(ctx, r, over)
			if err != nil {
				return slice{}, err
			}
			took = append(took, time.Since(begun))
			if want != 0 && got != int64(want) {
				return slice{}, fmt.Errorf("the report says %d, the bare SQL %d", got, want)
			}
		}
		return slice{ops: runs}, nil
	})
	if err != nil {
		return err
	}
	slices.Sort(took)
	name := x.name + ", " + span
	// What a report costs beside its query may be 2 ms more.
	a := median(each(as, (*slice).perOp))
	b.compare(name, "report", as, bs, 1.5+2000/a)
	b.goal(name+", p95", float64(quantile(took, 0.95).Microseconds())/1000, "ms", 100)
	return nil
}
