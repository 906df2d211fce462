-- +goose Up

-- The products as the topic catalogue tells them, one row each; version counts the row's writes. state is what is remembered for announcing
-- changes, body the record with everything that it was told. Money is in 1/10,000 of the unit.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS catalogue (
    product_id String, version UInt64, next_offset Int64, parent_id String, sku String, name String, brand LowCardinality(String), category LowCardinality(String),
    search String, price Int64, compare_at_price Int64, currency LowCardinality(String), url String, image_url String, stock Nullable(Int64), stores Map(String, Int64),
    buyable UInt8, deleted UInt8, updated_at DateTime64(3, 'UTC'), body String, state String, due_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(version) ORDER BY product_id;
-- +goose StatementEnd

-- A row per change of a product's price, stock or availability, of which the table keeps three years.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS catalogue_history (
    product_id String, at DateTime64(3, 'UTC'), version UInt64, price Int64, compare_at_price Int64, currency LowCardinality(String), stock Nullable(Int64), buyable UInt8
) ENGINE = ReplacingMergeTree ORDER BY (product_id, at, version) TTL toDateTime(at) + INTERVAL 3 YEAR;
-- +goose StatementEnd

-- Changes that people were told of, and how many an event was addressed to; whom it concerned in fact is in the table events.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS catalogue_changes (
    product_id String, at DateTime64(3, 'UTC'), id FixedString(16), kind LowCardinality(String), old_price Int64, price Int64, stock Nullable(Int64), addressed UInt32
) ENGINE = ReplacingMergeTree ORDER BY (product_id, at, id);
-- +goose StatementEnd
