-- +goose Up

-- The store that the person orders from and visits most. It comes with the next row of a person.
-- +goose StatementBegin
ALTER TABLE people ADD COLUMN IF NOT EXISTS main_store LowCardinality(String);
-- +goose StatementEnd
