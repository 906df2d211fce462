-- +goose Up

-- The number of an order that people see, where its id is another. It comes with the next row of an order.
-- +goose StatementBegin
ALTER TABLE orders ADD COLUMN IF NOT EXISTS order_number String;
-- +goose StatementEnd
-- +goose StatementBegin
ALTER TABLE orders ADD INDEX IF NOT EXISTS by_number order_number TYPE bloom_filter(0.01) GRANULARITY 4;
-- +goose StatementEnd
