package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"enishi/internal/clickhouse"
	"enishi/segments"
)

// factParts is in how many parts each fact table lies while it is counted: merges are stopped, so FINAL has its full work.
const factParts = 32

// recomputeNow is the clock of the counts.
var recomputeNow = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// fillFacts makes about n facts of n/20 people: orders, parcels and visits over two years. Every part holds rows of all people,
// and each eighth row stands there a second time, in a newer version.
func fillFacts(ctx context.Context, db *clickhouse.DB, n int) error {
	people := max(1, n/20)
	for _, f := range [...]struct {
		table         string
		rows          int
		into, columns string
	}{
		{"people", people, "people (profile_id, version, is_deleted, has_email, line_friend, orders_count, manual_orders_count, ltv, points, page_views, product_views, first_order_at, last_order_at)",
			`{person}, 1 + {again}, 0, h % 10 < 8, h % 10 < 4, h % 13, h % 13, toInt64(h % 13) * 52000000, h % 900, h % 300, h % 120, {at} - INTERVAL 400 DAY, {at}`},
		{"orders", n / 10, "orders (profile_id, order_id, version, is_deleted, status, placed_at, currency, total, revenue, items, automatic, valid, sequence)",
			`{person}, concat('O', toString(i)), 1 + {again}, 0, 'delivered', {at}, 'JPY', 10000000 + h % 250 * 1000000, 9000000 + h % 250 * 1000000, 1 + h % 4, 0, 1, 1`},
		{"shipments", n / 10, "shipments (profile_id, order_id, shipment_id, version, is_deleted, status, number, of, shipped_at, delivered_at)",
			`{person}, concat('O', toString(i)), concat('S', toString(i)), 1 + {again}, 0, if(h % 20 = 0, 'delayed', 'delivered'), 1, 1, {at} + INTERVAL 1 DAY, {at} + INTERVAL 3 DAY`},
		{"visits", n * 3 / 4, "visits (profile_id, at, event_id, version, is_deleted, type, category, product_id)",
			`{person}, {at}, MD5(concat('v', toString(i))), 1 + {again}, 0, if(h % 2 = 0, 'product.viewed', 'page.viewed'), concat('c', toString(h % 11)), concat('P', toString(h % 500))`},
	} {
		if err := db.Exec(ctx, "SYSTEM STOP MERGES "+f.table); err != nil {
			return fmt.Errorf("stop merges: %w", err)
		}
		text := strings.NewReplacer("{person}", fmt.Sprintf("MD5(toString(cityHash64(i) %% %d))", people), "{again}", "again",
			"{at}", "(toDateTime64('2024-11-20 12:00:00', 3, 'UTC') + toIntervalSecond(h % 63000000))").Replace(f.columns)
		if f.table == "people" {
			text = strings.Replace(text, fmt.Sprintf("cityHash64(i) %% %d", people), "i", 1)
		}
		for k := range factParts {
			from, to := f.rows*k/factParts, f.rows*(k+1)/factParts
			repeat := fmt.Sprintf("SELECT number AS i, 0 AS again FROM numbers(%d, %d)", from, to-from)
			if k > 0 { // the newer versions of some rows of the part before
				repeat += fmt.Sprintf(" UNION ALL SELECT number AS i, 1 AS again FROM numbers(%d, %d) WHERE number %% 8 = 0", f.rows*(k-1)/factParts, from-f.rows*(k-1)/factParts)
			}
			if err := db.Exec(ctx, fmt.Sprintf("INSERT INTO %s SELECT %s FROM (SELECT i, again, cityHash64(i, 7) AS h FROM (%s))", f.into, text, repeat)); err != nil {
				return fmt.Errorf("fill %s: %w", f.table, err)
			}
		}
	}
	return nil
}

// recomputed is a segment and the SQL that somebody who knows the tables would write for it: one pass over each.
type recomputed struct{ name, expression, bare string }

func recomputes() []recomputed {
	return []recomputed{
		{"lapsed buyers", `count(orders, .total >= 15000 && .placed_at > ago("365d")) >= 2 && none(orders, .placed_at > ago("90d"))`,
			`SELECT profile_id FROM orders FINAL GROUP BY profile_id HAVING countIf(total >= 150000000 AND placed_at > {now} - INTERVAL 365 DAY) >= 2 AND countIf(placed_at > {now} - INTERVAL 90 DAY) = 0`},
		{"scalars", `orders_count > 3 && ltv >= 30000 && line_friend && last_order_at < ago("90d")`,
			`SELECT profile_id FROM people FINAL WHERE orders_count > 3 AND ltv >= 300000000 AND line_friend = 1 AND last_order_at < {now} - INTERVAL 90 DAY`},
		{"viewed this week, not delayed", `any(views, .category == "c3" && .at > ago("7d")) && none(shipments, .status == "delayed")`,
			`SELECT v.profile_id FROM (SELECT DISTINCT profile_id FROM visits FINAL PREWHERE at > {now} - INTERVAL 7 DAY WHERE type = 'product.viewed' AND category = 'c3') AS v
			LEFT ANTI JOIN (SELECT profile_id FROM shipments FINAL WHERE status = 'delayed') AS s ON s.profile_id = v.profile_id`},
	}
}

// bareHundred counts the segments of hundred in one pass over each table.
func bareHundred() string {
	var orders, visits, shipments, counts []string
	for k := range 10 {
		n, days := k+1, 30*(k+1)
		orders = append(orders, fmt.Sprintf("countIf(total >= %d AND placed_at > {now} - INTERVAL 365 DAY) AS a%d, countIf(total >= 50000000 AND placed_at > {now} - INTERVAL %d DAY) AS b%[2]d", 30_000_000*n, n, days))
		visits = append(visits, fmt.Sprintf("countIf(type = 'product.viewed' AND category = 'c%d' AND at > {now} - INTERVAL 7 DAY) AS v%[1]d", n))
		shipments = append(shipments, fmt.Sprintf("countIf(status = 'delivered' AND delivered_at > {now} - INTERVAL %d DAY) AS d%d", 7*n, n))
		counts = append(counts,
			fmt.Sprintf("countIf(orders_count > %d AND ltv >= %d AND has_email = 1 AND last_order_at > 0 AND last_order_at < {now} - INTERVAL %d DAY)", n, 100_000_000*n, days),
			fmt.Sprintf("countIf(orders_count = %d AND first_order_at > {now} - INTERVAL %d DAY)", n, days),
			fmt.Sprintf("countIf(ltv >= %d AND points >= %d)", 200_000_000*n, 10*n),
			fmt.Sprintf("countIf(last_order_at > 0 AND last_order_at < {now} - INTERVAL %d DAY AND orders_count >= 1)", days),
			fmt.Sprintf("countIf(page_views > %d OR product_views > %d)", 10*n, 5*n),
			fmt.Sprintf("countIf(a%d >= 2)", n), fmt.Sprintf("countIf(b%d >= 2 AND delayed = 0)", n), fmt.Sprintf("countIf(v%d >= 1)", n),
			fmt.Sprintf("countIf(recent >= %d AND last14 = 0)", n), fmt.Sprintf("countIf(d%d >= 1)", n))
	}
	return `SELECT CAST([` + strings.Join(counts, ", ") + `], 'Array(UInt64)') FROM people AS p FINAL
		LEFT JOIN (SELECT profile_id, countIf(placed_at > {now} - INTERVAL 14 DAY) AS last14, ` + strings.Join(orders, ", ") + ` FROM orders FINAL GROUP BY profile_id) AS o ON o.profile_id = p.profile_id
		LEFT JOIN (SELECT profile_id, countIf(at > {now} - INTERVAL 14 DAY) AS recent, ` + strings.Join(visits, ", ") + ` FROM visits FINAL PREWHERE at > {now} - INTERVAL 14 DAY GROUP BY profile_id) AS v ON v.profile_id = p.profile_id
		LEFT JOIN (SELECT profile_id, countIf(status = 'delayed') AS delayed, ` + strings.Join(shipments, ", ") + ` FROM shipments FINAL GROUP BY profile_id) AS s ON s.profile_id = p.profile_id`
}

func compiled(expressions ...string) ([]*segments.Segment, error) {
	var out []*segments.Segment
	for i, e := range expressions {
		body := fmt.Sprintf(`{"expression":%q}`, e)
		s, err := segments.Compile(fmt.Sprintf("s%03d", i), 1, []byte(body))
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// runRecompute counts segments over all people from the fact tables: A is SQL written by hand, B what an expression becomes.
func runRecompute(ctx context.Context, b *bench) (err error) {
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	db, err := clickhouse.Open(ctx, clickhouse.Config{Transport: w.engine, Database: "bench_recompute", Log: w.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	begun := time.Now()
	if err := fillFacts(ctx, db, b.facts); err != nil {
		return err
	}
	var people, parts uint64
	if err := db.QueryRow(ctx, "SELECT (SELECT count() FROM people FINAL), (SELECT min(n) FROM (SELECT count() AS n FROM system.parts WHERE active AND database = 'bench_recompute' AND table IN ('people', 'orders', 'shipments', 'visits') GROUP BY table))").Scan(&people, &parts); err != nil {
		return err
	}
	if parts < 30 {
		return fmt.Errorf("a table has %d parts, want 30", parts)
	}
	b.printf("  %d facts of %d people, each table in %d parts or more, made in %s\n", b.facts, people, parts, time.Since(begun).Round(time.Second))
	for _, x := range recomputes() {
		if err := b.recompute(ctx, db, x); err != nil {
			return fmt.Errorf("%s: %w", x.name, err)
		}
	}
	if err := b.recomputeHundred(ctx, db); err != nil {
		return err
	}
	if err := b.merged(ctx, db); err != nil {
		return err
	}
	if err := b.comparePeer(ctx, db); err != nil {
		return fmt.Errorf("a peer's way: %w", err)
	}
	return nil
}

// merged times the counts when each table is one part, as the background leaves it after a while.
func (b *bench) merged(ctx context.Context, db *clickhouse.DB) error {
	if err := mergeFacts(ctx, db); err != nil {
		return err
	}
	for _, x := range recomputes() {
		list, err := compiled(x.expression)
		if err != nil {
			return err
		}
		query, args := list[0].SQL(recomputeNow)
		if err := b.wall(x.name, 300*time.Millisecond, func() error {
			var n uint64
			return db.QueryRow(ctx, "SELECT count() FROM ("+query+")", args...).Scan(&n)
		}); err != nil {
			return err
		}
	}
	list, err := compiled(hundred()...)
	if err != nil {
		return err
	}
	query, args := segments.SQLMany(list, recomputeNow)
	return b.wall("100 segments in one pass", time.Second, func() error {
		var base uint64
		var counts []uint64
		return db.QueryRow(ctx, query, args...).Scan(&base, &counts)
	})
}

func atNow(query string) string {
	return strings.ReplaceAll(query, "{now}", fmt.Sprintf("fromUnixTimestamp64Milli(toInt64(%d), 'UTC')", recomputeNow.UnixMilli()))
}

func (b *bench) recompute(ctx context.Context, db *clickhouse.DB, x recomputed) error {
	list, err := compiled(x.expression)
	if err != nil {
		return err
	}
	query, args := list[0].SQL(recomputeNow)
	var bare, product [2]uint64 // how many, and a hash of who
	count := func(into *[2]uint64, query string, args ...any) func(int) (slice, error) {
		return func(int) (slice, error) {
			return slice{ops: 1}, db.QueryRow(ctx, "SELECT count(), sum(cityHash64(profile_id)) FROM ("+query+")", args...).Scan(&into[0], &into[1])
		}
	}
	as, bs, err := b.alternate(nil, count(&bare, atNow(x.bare)), count(&product, query, args...))
	if err != nil {
		return err
	}
	if bare != product || bare[0] == 0 {
		return fmt.Errorf("%d members by hand, %d by the expression, or not the same people", bare[0], product[0])
	}
	b.compare(fmt.Sprintf("%s (%d members)", x.name, bare[0]), "count", as, bs, 1.5)
	return nil
}

func (b *bench) recomputeHundred(ctx context.Context, db *clickhouse.DB) error {
	list, err := compiled(hundred()...)
	if err != nil {
		return err
	}
	query, args := segments.SQLMany(list, recomputeNow)
	var base uint64
	var bare, product []uint64
	as, bs, err := b.alternate(nil, func(int) (slice, error) {
		return slice{ops: 1}, db.QueryRow(ctx, atNow(bareHundred())).Scan(&bare)
	}, func(int) (slice, error) {
		return slice{ops: 1}, db.QueryRow(ctx, query, args...).Scan(&base, &product)
	})
	if err != nil {
		return err
	}
	if !slices.Equal(bare, product) || len(bare) != 100 {
		return fmt.Errorf("100 segments have %v by hand, %v by the expressions", bare, product)
	}
	b.compare("100 segments in one pass", "pass", as, bs, 1.5)
	return nil
}

// wall times something by the clock on the wall, three times.
func (b *bench) wall(name string, goal time.Duration, run func() error) error {
	var took []float64
	for range 3 {
		begun := time.Now()
		if err := run(); err != nil {
			return err
		}
		took = append(took, float64(time.Since(begun).Microseconds())/1000)
	}
	b.goal(name+", merged, median", median(took), "ms", float64(goal.Milliseconds()))
	return nil
}
