-- +goose Up

-- The static lists that the person is on. It comes with the next row of a person.
-- +goose StatementBegin
ALTER TABLE people ADD COLUMN IF NOT EXISTS lists Array(LowCardinality(String));
-- +goose StatementEnd
