-- +goose Up

-- The account that an audience's lists are at, and how many people in them a platform did not take without saying who they are.
-- +goose StatementBegin
ALTER TABLE audience_runs ADD COLUMN IF NOT EXISTS account String, ADD COLUMN IF NOT EXISTS unnamed UInt32;
-- +goose StatementEnd

-- +goose StatementBegin
ALTER TABLE audience_batches ADD COLUMN IF NOT EXISTS unnamed UInt32;
-- +goose StatementEnd
