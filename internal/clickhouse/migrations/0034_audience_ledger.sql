-- +goose Up

-- Identifiers of the ledger and the disclosures take half of the room: a letter for the kind, then the value. Of a hash the letter is large and the value its 32
-- bytes; one that has this form stays, when an interrupted migration runs again. That a call was taken is said by its batch alone.
-- +goose StatementBegin
CREATE OR REPLACE TABLE audience_members (
    audience LowCardinality(String), generation UInt32, profile_id FixedString(16), version UInt64, is_deleted UInt8, keys Array(String), value Int64,
    state LowCardinality(String), reason LowCardinality(String), batch FixedString(16), at DateTime64(3, 'UTC'),
    INDEX by_batch batch TYPE bloom_filter GRANULARITY 1
) ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (audience, generation, profile_id)
AS SELECT audience, generation, profile_id, version, is_deleted,
    arrayMap(k -> multiIf(NOT match(k, '^(email|phone|name|customer|line):'), k, match(substring(k, position(k, ':') + 1), '^[0-9a-f]{64}$'), concat(upper(substring(k, 1, 1)), unhex(substring(k, position(k, ':') + 1))), concat(substring(k, 1, 1), substring(k, position(k, ':') + 1))), keys) AS keys,
    value, if(state = 'accepted' AND reason = '', 'sent', state) AS state, reason, batch, at FROM audience_members;
-- +goose StatementEnd

-- keys are told as kind:value.
-- +goose StatementBegin
CREATE OR REPLACE TABLE disclosures (
    profile_id FixedString(16), batch FixedString(16), at DateTime64(3, 'UTC'), audience LowCardinality(String), destination LowCardinality(String), platform LowCardinality(String),
    recipient LowCardinality(String), country LowCardinality(String), basis LowCardinality(String), purpose LowCardinality(String), op LowCardinality(String), told Array(String),
    keys Array(String) ALIAS arrayMap(k -> concat(transform(lower(substring(k, 1, 1)), ['e', 'p', 'n', 'c', 'l'], ['email', 'phone', 'name', 'customer', 'line'], ''), ':',
        if(substring(k, 1, 1) IN ('E', 'P', 'N', 'C', 'L'), lower(hex(substring(k, 2))), substring(k, 2))), told)
) ENGINE = ReplacingMergeTree ORDER BY (profile_id, batch) TTL toDateTime(at) + INTERVAL 3 YEAR
AS SELECT profile_id, batch, at, audience, destination, platform, recipient, country, basis, purpose, op,
    arrayMap(k -> multiIf(NOT match(k, '^(email|phone|name|customer|line):'), k, match(substring(k, position(k, ':') + 1), '^[0-9a-f]{64}$'), concat(upper(substring(k, 1, 1)), unhex(substring(k, position(k, ':') + 1))), concat(substring(k, 1, 1), substring(k, position(k, ':') + 1))), keys) AS told
FROM disclosures;
-- +goose StatementEnd
