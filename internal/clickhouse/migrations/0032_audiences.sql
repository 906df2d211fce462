-- +goose Up

-- Who is in the lists of audiences at advertising platforms, one row for each person of a list. keys are what the platform was told: kind:value, the value
-- hashed where the platform takes hashes. A list that takes the place of another has the next generation.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS audience_members (
    audience LowCardinality(String), generation UInt32, profile_id FixedString(16), version UInt64, is_deleted UInt8, keys Array(String), value Int64,
    state LowCardinality(String), reason LowCardinality(String), batch FixedString(16), at DateTime64(3, 'UTC'),
    INDEX by_key keys TYPE bloom_filter GRANULARITY 1, INDEX by_batch batch TYPE bloom_filter GRANULARITY 1
) ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (audience, generation, profile_id);
-- +goose StatementEnd

-- The calls that change lists.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS audience_batches (
    audience LowCardinality(String), at DateTime64(3, 'UTC'), id FixedString(16), version UInt64, generation UInt32, op LowCardinality(String), state LowCardinality(String),
    remote String, call String, people UInt32, keys UInt32, accepted UInt32, rejected UInt32, reason String, tries UInt32, updated_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(version) ORDER BY (audience, at, id);
-- +goose StatementEnd

-- How audiences stand, a row for each run and each wait within it; the newest tells.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS audience_runs (
    audience LowCardinality(String), began_at DateTime64(3, 'UTC'), version UInt64, ended_at DateTime64(3, 'UTC'), remote String, generation UInt32, next String, old String, made_at DateTime64(3, 'UTC'),
    wanted UInt32, in_list UInt32, matched Int64, added UInt32, taken UInt32, refreshed UInt32, rejected UInt32, left_out Map(LowCardinality(String), UInt32), calls UInt32, rebuilt UInt8,
    day String, today UInt32, problem LowCardinality(String), code String, message String, message_ja String, retry_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(version) ORDER BY (audience, began_at) TTL toDateTime(began_at) + INTERVAL 3 YEAR;
-- +goose StatementEnd

-- Whose identifiers left the shop, when, to whom, on what ground: a row for each person of a call, kept for three years. 個人情報保護法 29 条, 同規則 19-21 条.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS disclosures (
    profile_id FixedString(16), batch FixedString(16), at DateTime64(3, 'UTC'), audience LowCardinality(String), destination LowCardinality(String), platform LowCardinality(String),
    recipient LowCardinality(String), country LowCardinality(String), basis LowCardinality(String), purpose LowCardinality(String), op LowCardinality(String), keys Array(String),
    INDEX by_batch batch TYPE bloom_filter GRANULARITY 1, INDEX by_key keys TYPE bloom_filter GRANULARITY 1
) ENGINE = ReplacingMergeTree ORDER BY (profile_id, batch) TTL toDateTime(at) + INTERVAL 3 YEAR;
-- +goose StatementEnd
