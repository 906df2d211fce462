-- +goose Up

-- The shop's LINE accounts whose friend the person is. It comes with the next row of a person; until then line_friend tells of the default account.
-- +goose StatementBegin
ALTER TABLE people ADD COLUMN IF NOT EXISTS line_accounts Array(LowCardinality(String));
-- +goose StatementEnd
