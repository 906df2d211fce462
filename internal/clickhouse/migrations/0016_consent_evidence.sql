-- +goose Up

-- What stays of erased people: the words by which they gave and withdrew permissions, under the keyed hash of the identifier
-- and without the IP address. 特定商取引法 asks for the record of a consent until 3 years after the last advertisement, and
-- nothing is sent after an erasure. Raw events of everybody else have no end.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS consent_evidence (
    subject FixedString(16), at DateTime64(3, 'UTC'), event_id FixedString(16), channel LowCardinality(String), purpose LowCardinality(String),
    state LowCardinality(String), account LowCardinality(String), method String, text String, source LowCardinality(String), actor String, erased_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(erased_at) ORDER BY (subject, at, event_id, channel, purpose) TTL toDateTime(erased_at) + INTERVAL 37 MONTH;
-- +goose StatementEnd
