-- +goose Up

-- What follows from a person's orders and parcels. It comes with the next row of a person.
-- +goose StatementBegin
ALTER TABLE people
    ADD COLUMN IF NOT EXISTS favourite_category LowCardinality(String),
    ADD COLUMN IF NOT EXISTS favourite_brand LowCardinality(String),
    ADD COLUMN IF NOT EXISTS favourite_size LowCardinality(String),
    ADD COLUMN IF NOT EXISTS favourite_channel LowCardinality(String),
    ADD COLUMN IF NOT EXISTS order_rhythm Int64,
    ADD COLUMN IF NOT EXISTS next_order_at DateTime64(3, 'UTC'),
    ADD COLUMN IF NOT EXISTS returned_orders Int64,
    ADD COLUMN IF NOT EXISTS delivered_parcels Int64,
    ADD COLUMN IF NOT EXISTS late_parcels Int64,
    ADD COLUMN IF NOT EXISTS last_late_at DateTime64(3, 'UTC');
-- +goose StatementEnd
