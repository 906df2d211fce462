-- +goose Up

-- Pieces of post, one row each. A batch gathers them until its cut-off, prepares them and hands them to a print house. address, content and
-- problems are personal: they go when the person is erased, and the rest stays for the batch's figures. amounts are in 1/10,000.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS postal_pieces
(
    batch LowCardinality(String),
    send_id FixedString(16),
    version UInt64,
    state LowCardinality(String),
    reason LowCardinality(String),
    problems String CODEC(ZSTD(1)),
    profile_id FixedString(16),
    subject FixedString(16),
    round UInt32,
    account LowCardinality(String),
    destination LowCardinality(String),
    purpose LowCardinality(String),
    journey LowCardinality(String),
    definition Int64,
    node LowCardinality(String),
    run_id FixedString(16),
    template LowCardinality(String),
    template_version Int64,
    language LowCardinality(String),
    variant LowCardinality(String),
    decided_at DateTime64(3, 'UTC'),
    cutoff_at DateTime64(3, 'UTC'),
    updated_at DateTime64(3, 'UTC'),
    address String CODEC(ZSTD(1)),
    address_key UInt64,
    household String,
    rank Int64,
    postal_code String,
    prefecture LowCardinality(String),
    barcode String,
    code String,
    content String CODEC(ZSTD(1)),
    cost Int64,
    sequence UInt32,
    seed UInt8,
    INDEX by_send send_id TYPE bloom_filter GRANULARITY 1,
    INDEX by_profile profile_id TYPE bloom_filter GRANULARITY 1,
    INDEX by_code code TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (batch, send_id)
-- +goose StatementEnd

-- Pieces that came back, by the code that was scanned.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS postal_returns
(
    code String,
    batch LowCardinality(String),
    send_id FixedString(16),
    reason LowCardinality(String),
    returned_at DateTime64(3, 'UTC'),
    taken_at DateTime64(3, 'UTC'),
    actor String
)
ENGINE = ReplacingMergeTree(taken_at)
ORDER BY code
-- +goose StatementEnd

-- What left for whom: the record that the law asks for when personal data is given to a contractor (委託). One row per handing over.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS postal_provisions
(
    id FixedString(16),
    at DateTime64(3, 'UTC'),
    batch LowCardinality(String),
    account LowCardinality(String),
    recipient String,
    way LowCardinality(String),
    file String,
    pieces UInt64,
    size UInt64,
    sha256 String,
    items Array(LowCardinality(String)),
    actor String
)
ENGINE = ReplacingMergeTree(at)
ORDER BY id
-- +goose StatementEnd
