-- +goose Up

-- Signs that a person is several people. They come with the next row of a person.
-- +goose StatementBegin
ALTER TABLE people ADD COLUMN IF NOT EXISTS mixed Array(LowCardinality(String));
-- +goose StatementEnd
