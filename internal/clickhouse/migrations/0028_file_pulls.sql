-- +goose Up

-- Files that pulls took from their places, one row each.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS file_pull_files (
    pull LowCardinality(String), name String, size Int64, at DateTime64(3, 'UTC'), version UInt64, taken_at DateTime64(3, 'UTC'), state LowCardinality(String), hash String, how String, record String
) ENGINE = ReplacingMergeTree(version) ORDER BY (pull, name, size, at);
-- +goose StatementEnd

-- What the last look of each pull found.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS file_pull_looks (pull String, version UInt64, record String) ENGINE = ReplacingMergeTree(version) ORDER BY pull;
-- +goose StatementEnd
