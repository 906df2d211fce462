-- +goose Up

-- Which channels reach the person with marketing now (address, suppression, permission), and of direct messages until when: in
-- the window, or by an opt-in. 1970 is not at all, 2200 without end. They come with the next row of a person.
-- +goose StatementBegin
ALTER TABLE people ADD COLUMN IF NOT EXISTS reach_email UInt8, ADD COLUMN IF NOT EXISTS reach_line UInt8, ADD COLUMN IF NOT EXISTS reach_sms UInt8,
    ADD COLUMN IF NOT EXISTS reach_push UInt8, ADD COLUMN IF NOT EXISTS reach_postal UInt8, ADD COLUMN IF NOT EXISTS social_reach_until DateTime64(3, 'UTC'),
    ADD COLUMN IF NOT EXISTS social_window_until DateTime64(3, 'UTC'), ADD COLUMN IF NOT EXISTS social_action_at DateTime64(3, 'UTC');
-- +goose StatementEnd

-- Platforms tell of a delivery by their own ids.
-- +goose StatementBegin
ALTER TABLE deliveries ADD INDEX IF NOT EXISTS provider provider_id TYPE bloom_filter(0.01) GRANULARITY 4;
-- +goose StatementEnd
