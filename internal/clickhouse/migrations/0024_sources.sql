-- +goose Up

-- What came lately is found without reading all events: they stand by person, but new ones are in parts of their own for a while.
-- +goose StatementBegin
ALTER TABLE events ADD INDEX IF NOT EXISTS by_append appended_at TYPE minmax GRANULARITY 1;
-- +goose StatementEnd

-- The source that a record names, as far as it could be read.
-- +goose StatementBegin
ALTER TABLE dead_letters ADD COLUMN IF NOT EXISTS source LowCardinality(String);
-- +goose StatementEnd

-- How many events of a type each source brought in an hour that is over, by when they were appended. source is that of the events; empty
-- for what stood on a topic without one.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS source_hours
(
    hour DateTime('UTC'),
    source LowCardinality(String),
    type LowCardinality(String),
    version UInt64,
    events UInt64,
    first_at DateTime64(3, 'UTC'),
    last_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (hour, source, type);
-- +goose StatementEnd

-- In how many events of a sample a property of a type stood, by hour and by what it was (text, number, yes_no, time, empty). The row
-- without a name is the size of the sample.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS property_hours
(
    type LowCardinality(String),
    hour DateTime('UTC'),
    name String,
    kind LowCardinality(String),
    version UInt64,
    seen UInt32
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (type, hour, name, kind);
-- +goose StatementEnd
