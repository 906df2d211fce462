-- +goose Up

-- Exports of whole tables: one row each, body the run as internal/exports has it. Kept for ever: it says who took what, when and why.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS export_runs (
    id FixedString(16), version UInt64, name LowCardinality(String), state LowCardinality(String), replica LowCardinality(String), created_at DateTime64(3, 'UTC'), updated_at DateTime64(3, 'UTC'), body String CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(version) ORDER BY id;
-- +goose StatementEnd

-- Who wants an export to end; the replica that writes it looks here.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS export_cancels (
    id FixedString(16), at DateTime64(3, 'UTC'), actor String
) ENGINE = ReplacingMergeTree ORDER BY id TTL toDateTime(at) + INTERVAL 90 DAY;
-- +goose StatementEnd
