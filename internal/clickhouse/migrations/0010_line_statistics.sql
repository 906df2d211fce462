-- +goose Up

-- What LINE says of the messages of one aggregation unit. -1: fewer than 20 people, which LINE does not tell.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS line_statistics
(
    account LowCardinality(String),
    unit String,
    journey LowCardinality(String),
    template LowCardinality(String),
    month UInt32,
    messages UInt64,
    last_at DateTime64(3, 'UTC'),
    seen Int64,
    clicked Int64,
    played Int64,
    watched Int64,
    asked_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(asked_at)
ORDER BY (account, unit)
-- +goose StatementEnd
