-- +goose Up

-- Whose note tells whether what was about to be handed over was begun; zeros: nobody's.
-- +goose StatementBegin
ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS owner FixedString(16);
-- +goose StatementEnd
