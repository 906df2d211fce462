package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"enishi/internal/clickhouse"
)

// The way in which a peer with polled segments computes one (described in its public source; these statements are our own): raw
// messages as JSON, a state for each node of the segment and each person and day, a resolved answer for each node, and an
// assignment for each person. All of it runs again and again; here the first run over all events is measured.

// peerNow is a midnight: the peer cuts long windows to whole days.
var peerNow = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

const peerTables = `
CREATE TABLE peer_events (workspace_id LowCardinality(String), processing_time DateTime64(3, 'UTC'), event_time DateTime64(3, 'UTC'), user_id String, message_id String, message_raw String,
	event String DEFAULT JSONExtractString(message_raw, 'event'), properties String DEFAULT JSONExtractRaw(message_raw, 'properties'))
	ENGINE = MergeTree ORDER BY (workspace_id, processing_time, user_id, event_time, message_id);
CREATE TABLE peer_state (workspace_id LowCardinality(String), segment LowCardinality(String), node LowCardinality(String), user_id String, event_time DateTime64(3, 'UTC'),
	last_value AggregateFunction(argMax, String, DateTime64(3, 'UTC')), times AggregateFunction(uniq, String))
	ENGINE = AggregatingMergeTree PARTITION BY (workspace_id, toYear(event_time)) ORDER BY (workspace_id, segment, node, user_id, event_time);
CREATE TABLE peer_resolved (workspace_id LowCardinality(String), segment LowCardinality(String), node LowCardinality(String), user_id String, value UInt8, computed_at DateTime64(3, 'UTC'))
	ENGINE = ReplacingMergeTree(computed_at) ORDER BY (workspace_id, segment, node, user_id);
CREATE TABLE peer_assigned (workspace_id LowCardinality(String), segment LowCardinality(String), user_id String, value UInt8, computed_at DateTime64(3, 'UTC'))
	ENGINE = ReplacingMergeTree(computed_at) ORDER BY (workspace_id, segment, user_id)`

// peerSteps compute the segment of lapsed buyers.
const peerSteps = `
INSERT INTO peer_state SELECT 'w', 's', 'identity', user_id, toDateTime64(0, 3, 'UTC'), argMaxState(user_id, event_time), uniqState(message_id) FROM peer_events WHERE workspace_id = 'w' GROUP BY user_id;
INSERT INTO peer_state SELECT 'w', 's', 'two large in a year', user_id, toStartOfDay(event_time) AS day, argMaxState(JSON_VALUE(properties, '$.total'), event_time), uniqState(message_id)
	FROM peer_events WHERE workspace_id = 'w' AND event = 'Order Completed' AND toFloat64OrNull(JSON_VALUE(properties, '$.total')) >= 15000 GROUP BY user_id, day;
INSERT INTO peer_state SELECT 'w', 's', 'any in 90 days', user_id, toStartOfDay(event_time) AS day, argMaxState(JSON_VALUE(properties, '$.total'), event_time), uniqState(message_id)
	FROM peer_events WHERE workspace_id = 'w' AND event = 'Order Completed' GROUP BY user_id, day;
INSERT INTO peer_resolved SELECT 'w', 's', 'two large in a year', user_id, 1, {now} FROM peer_state WHERE workspace_id = 'w' AND segment = 's' AND node = 'two large in a year' AND event_time >= {now} - INTERVAL 365 DAY
	GROUP BY user_id HAVING uniqMerge(times) >= 2;
INSERT INTO peer_resolved SELECT 'w', 's', 'none in 90 days', user_id, user_id NOT IN (SELECT user_id FROM peer_state WHERE workspace_id = 'w' AND segment = 's' AND node = 'any in 90 days'
	AND event_time >= {now} - INTERVAL 90 DAY GROUP BY user_id HAVING uniqMerge(times) >= 1), {now} FROM peer_state WHERE workspace_id = 'w' AND segment = 's' AND node = 'identity' GROUP BY user_id;
INSERT INTO peer_assigned SELECT 'w', 's', user_id, m['two large in a year'] AND m['none in 90 days'], {now} FROM (SELECT user_id, CAST((groupArray(toString(node)), groupArray(value)), 'Map(String, UInt8)') AS m
	FROM peer_resolved FINAL WHERE workspace_id = 'w' AND segment = 's' GROUP BY user_id)`

func statements(text string) []string {
	var out []string
	for s := range strings.SplitSeq(text, ";") {
		out = append(out, strings.ReplaceAll(strings.TrimSpace(s), "{now}", fmt.Sprintf("fromUnixTimestamp64Milli(toInt64(%d), 'UTC')", peerNow.UnixMilli())))
	}
	return out
}

// comparePeer counts the segment of lapsed buyers in the peer's way (A) and by the product's SQL (B), over the same orders.
func (b *bench) comparePeer(ctx context.Context, db *clickhouse.DB) error {
	fill := append(statements(peerTables), `INSERT INTO peer_events (workspace_id, processing_time, event_time, user_id, message_id, message_raw) SELECT 'w', placed_at, placed_at, lower(hex(profile_id)), order_id,
		concat('{"type":"track","event":"Order Completed","userId":"', lower(hex(profile_id)), '","properties":{"order_id":"', order_id, '","total":', toString(total / 10000), ',"currency":"JPY","items":', toString(items), '}}') FROM orders FINAL`)
	for _, s := range fill {
		if err := db.Exec(ctx, s); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
	}
	list, err := compiled(recomputes()[0].expression)
	if err != nil {
		return err
	}
	query, args := list[0].SQL(peerNow)
	var theirs, ours [2]uint64
	as, bs, err := b.alternate(func(int) error {
		for _, table := range []string{"peer_state", "peer_resolved", "peer_assigned"} {
			if err := db.Exec(ctx, "TRUNCATE TABLE "+table); err != nil {
				return err
			}
		}
		return nil
	}, func(int) (slice, error) {
		for _, s := range statements(peerSteps) {
			if err := db.Exec(ctx, s); err != nil {
				return slice{}, fmt.Errorf("%.60s: %w", s, err)
			}
		}
		return slice{ops: 1}, db.QueryRow(ctx, "SELECT count(), sum(cityHash64(user_id)) FROM peer_assigned FINAL WHERE value = 1").Scan(&theirs[0], &theirs[1])
	}, func(int) (slice, error) {
		return slice{ops: 1}, db.QueryRow(ctx, "SELECT count(), sum(cityHash64(lower(hex(profile_id)))) FROM ("+query+")", args...).Scan(&ours[0], &ours[1])
	})
	if err != nil {
		return err
	}
	if theirs[0] != ours[0] || ours[0] == 0 {
		return fmt.Errorf("%d members in the peer's way, %d in ours", theirs[0], ours[0])
	}
	if theirs[1] != ours[1] {
		return fmt.Errorf("as many members in the peer's way, but other people")
	}
	b.compare(fmt.Sprintf("lapsed buyers, a peer's way (%d members)", ours[0]), "run", as, bs, 0.01)
	return nil
}
