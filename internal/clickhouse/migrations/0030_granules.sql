-- +goose Up

-- A read of one person unpacks a granule. By rows alone it has 1,024 states, some 3 MB; now at most 256 KiB. The setting of a table that is there cannot be
-- changed, so it is copied; the copy takes its place at once or not at all.
-- +goose StatementBegin
CREATE OR REPLACE TABLE profiles (
    partition UInt16, profile_id FixedString(16), version UInt64, redirect FixedString(16), state String CODEC(ZSTD(1)), is_deleted UInt8
) ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (partition, profile_id) SETTINGS index_granularity = 1024, index_granularity_bytes = 262144
AS SELECT partition, profile_id, version, redirect, state, is_deleted FROM profiles;
-- +goose StatementEnd
