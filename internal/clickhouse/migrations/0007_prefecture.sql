-- +goose Up

-- Where the person of a message lives, so that what an emergency stop of a region holds can be counted.
-- +goose StatementBegin
ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS prefecture LowCardinality(String) AFTER template;
-- +goose StatementEnd
