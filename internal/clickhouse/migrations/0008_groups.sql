-- +goose Up

-- Whom a message left with: the same id for all of one call to the provider; zeros: alone.
-- +goose StatementBegin
ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS group_id FixedString(16);
-- +goose StatementEnd
