-- +goose Up

-- Files of Japan Post that were imported, the newest of each kind (towns, offices).
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS postal_zip_files
(
    kind LowCardinality(String),
    at DateTime64(3, 'UTC'),
    name String,
    places UInt64,
    sha256 String,
    actor String,
    data String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(at)
ORDER BY kind
-- +goose StatementEnd

-- Whose postal address has problems: codes only, the address itself stays in the profile.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS postal_quality
(
    profile_id FixedString(16),
    version UInt64,
    is_deleted UInt8,
    problems Array(LowCardinality(String)),
    usable UInt8,
    source LowCardinality(String)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY profile_id
-- +goose StatementEnd
