-- +goose Up

-- Which event used a nonce of account linking: each is good once. Whoever uses one writes a row first and then looks whether it is alone.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS line_nonces (nonce FixedString(16), used_by FixedString(16), at DateTime64(3, 'UTC')) ENGINE = ReplacingMergeTree ORDER BY (nonce, used_by) TTL toDateTime(at) + INTERVAL 7 DAY;
-- +goose StatementEnd
