-- +goose Up

-- Contracts for goods that come again and again.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS subscriptions (
    profile_id FixedString(16), subscription_id String, version UInt64, is_deleted UInt8,
    status LowCardinality(String), product_id String, name String, category LowCardinality(String), quantity Int64, cycle_days Int64,
    amount Int64, currency LowCardinality(String), deliveries Int64, reason String,
    started_at DateTime64(3, 'UTC'), next_at DateTime64(3, 'UTC'), renewed_at DateTime64(3, 'UTC'), skipped_at DateTime64(3, 'UTC'), paused_at DateTime64(3, 'UTC'),
    cancelled_at DateTime64(3, 'UTC'), payment_failed_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (profile_id, subscription_id);
-- +goose StatementEnd

-- Movements of points; amount is what one adds to the balance.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS point_moves (
    profile_id FixedString(16), at DateTime64(3, 'UTC'), event_id FixedString(16), version UInt64, is_deleted UInt8,
    kind LowCardinality(String), amount Int64, reason String, order_id String, expires_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (profile_id, at, event_id);
-- +goose StatementEnd
