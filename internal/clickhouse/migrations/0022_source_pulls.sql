-- +goose Up

-- How far the history of a source is pulled: a replica that takes it over goes on from here.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS source_pulls (
    source LowCardinality(String), id String, version UInt64, live UInt8, began_at DateTime64(3, 'UTC'), progress String
) ENGINE = ReplacingMergeTree(version) ORDER BY (source, id) TTL toDateTime(began_at) + INTERVAL 400 DAY;
-- +goose StatementEnd
