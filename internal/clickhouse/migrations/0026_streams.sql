-- +goose Up

-- How far the streams are: a row per stream and partition of the topic events. position is up to which version of the table events everything
-- has gone out. written counts the row's writes; born is the version of the definition with which the stream began.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS stream_positions (
    stream LowCardinality(String), partition UInt16, written UInt64, born Int64, replay UInt32, position UInt64,
    sent UInt64, left_out UInt64, dead UInt64, sent_at DateTime64(3, 'UTC'), updated_at DateTime64(3, 'UTC'),
    code String, problem String, problem_ja String, failing_since DateTime64(3, 'UTC'), next_try_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(written) ORDER BY (stream, partition);
-- +goose StatementEnd

-- Finds what was folded after a position.
-- +goose StatementBegin
ALTER TABLE events ADD INDEX IF NOT EXISTS by_log (partition, version) TYPE minmax GRANULARITY 1;
-- +goose StatementEnd
-- +goose StatementBegin
ALTER TABLE events MATERIALIZE INDEX by_log;
-- +goose StatementEnd
