-- +goose Up

-- The last calls of sources that call us, for who connects one: kept for three days, and of a busy source not every one. What
-- could not be taken stands in dead_letters.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS source_calls (
    source LowCardinality(String), id FixedString(16), at DateTime64(3, 'UTC'), topic LowCardinality(String),
    outcome LowCardinality(String), events UInt32, field String, reason String, reason_ja String, body String
) ENGINE = ReplacingMergeTree ORDER BY (source, at, id) TTL toDateTime(at) + INTERVAL 3 DAY;
-- +goose StatementEnd

-- What a shop system tells of an order names nobody: whose it is, is looked up by the order's number.
-- +goose StatementBegin
ALTER TABLE orders ADD INDEX IF NOT EXISTS by_order order_id TYPE bloom_filter(0.01) GRANULARITY 4;
-- +goose StatementEnd
-- +goose StatementBegin
ALTER TABLE subscriptions ADD INDEX IF NOT EXISTS by_subscription subscription_id TYPE bloom_filter(0.01) GRANULARITY 4;
-- +goose StatementEnd
