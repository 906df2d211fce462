-- +goose Up

-- Which of the texts that are compared a message had, so that they can be told apart in reports.
-- +goose StatementBegin
ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS variant LowCardinality(String);
-- +goose StatementEnd
