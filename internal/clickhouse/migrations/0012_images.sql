-- +goose Up

-- Pictures of messages, by the hash of their bytes: a message that was sent keeps its pictures, so no row is ever deleted or changed.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS images
(
    id FixedString(16),
    at DateTime64(3, 'UTC'),
    name String,
    type LowCardinality(String),
    width UInt32,
    height UInt32,
    size UInt32,
    actor String,
    data String CODEC(NONE)
)
ENGINE = ReplacingMergeTree(at)
ORDER BY id
-- +goose StatementEnd
