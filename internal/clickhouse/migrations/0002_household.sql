-- +goose Up

-- The key of the people at one postal address with one family name (16 bytes, a digest); '' is a household of one. It comes with the next row of a person.
-- +goose StatementBegin
ALTER TABLE people ADD COLUMN IF NOT EXISTS household String;
-- +goose StatementEnd
