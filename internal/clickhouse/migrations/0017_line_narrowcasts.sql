-- +goose Up

-- Sends to an audience at LINE, one row each, written before LINE is called: id is the retry key. messages are what was made of the
-- template once and for all; most 0: everybody. -1: not known, or fewer than 20 people, which LINE does not tell.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS line_narrowcasts
(
    id FixedString(16),
    account LowCardinality(String),
    audience Int64,
    template LowCardinality(String),
    title String,
    messages String,
    most UInt32,
    people UInt64,
    actor String,
    created_at DateTime64(3, 'UTC'),
    state LowCardinality(String),
    reason LowCardinality(String),
    problem String,
    tried UInt8,
    tried_at DateTime64(3, 'UTC'),
    attempts UInt32,
    next_at DateTime64(3, 'UTC'),
    request_id String,
    accepted_at DateTime64(3, 'UTC'),
    asked_at DateTime64(3, 'UTC'),
    done_at DateTime64(3, 'UTC'),
    target Int64,
    sent Int64,
    failed Int64,
    seen Int64,
    clicked Int64,
    counted_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY id
-- +goose StatementEnd

-- Who took one back, in a table of its own: whoever sends reads it after noting that it is about to call, and whoever takes back
-- reads that note after writing here, so that one of them sees the other.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS line_narrowcast_cancels
(
    id FixedString(16),
    actor String,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY id
-- +goose StatementEnd
