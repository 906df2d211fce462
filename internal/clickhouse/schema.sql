-- The schema after all migrations. Rewritten by: go test ./internal/clickhouse -run Schema -update

CREATE TABLE alerts
(
    `id` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `version` UInt64,
    `kind` LowCardinality(String),
    `severity` LowCardinality(String),
    `text` String,
    `text_ja` String,
    `closed_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY id
SETTINGS index_granularity = 8192;

CREATE TABLE audience_batches
(
    `audience` LowCardinality(String),
    `at` DateTime64(3, 'UTC'),
    `id` FixedString(16),
    `version` UInt64,
    `generation` UInt32,
    `op` LowCardinality(String),
    `state` LowCardinality(String),
    `remote` String,
    `call` String,
    `people` UInt32,
    `keys` UInt32,
    `accepted` UInt32,
    `rejected` UInt32,
    `reason` String,
    `tries` UInt32,
    `updated_at` DateTime64(3, 'UTC'),
    `unnamed` UInt32
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (audience, at, id)
SETTINGS index_granularity = 8192;

CREATE TABLE audience_members
(
    `audience` LowCardinality(String),
    `generation` UInt32,
    `profile_id` FixedString(16),
    `version` UInt64,
    `is_deleted` UInt8,
    `keys` Array(String),
    `value` Int64,
    `state` LowCardinality(String),
    `reason` LowCardinality(String),
    `batch` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    INDEX by_batch batch TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (audience, generation, profile_id)
SETTINGS index_granularity = 8192;

CREATE TABLE audience_runs
(
    `audience` LowCardinality(String),
    `began_at` DateTime64(3, 'UTC'),
    `version` UInt64,
    `ended_at` DateTime64(3, 'UTC'),
    `remote` String,
    `generation` UInt32,
    `next` String,
    `old` String,
    `made_at` DateTime64(3, 'UTC'),
    `wanted` UInt32,
    `in_list` UInt32,
    `matched` Int64,
    `added` UInt32,
    `taken` UInt32,
    `refreshed` UInt32,
    `rejected` UInt32,
    `left_out` Map(LowCardinality(String), UInt32),
    `calls` UInt32,
    `rebuilt` UInt8,
    `day` String,
    `today` UInt32,
    `problem` LowCardinality(String),
    `code` String,
    `message` String,
    `message_ja` String,
    `retry_at` DateTime64(3, 'UTC'),
    `account` String,
    `unnamed` UInt32
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (audience, began_at)
TTL toDateTime(began_at) + toIntervalYear(3)
SETTINGS index_granularity = 8192;

CREATE TABLE catalogue
(
    `product_id` String,
    `version` UInt64,
    `next_offset` Int64,
    `parent_id` String,
    `sku` String,
    `name` String,
    `brand` LowCardinality(String),
    `category` LowCardinality(String),
    `search` String,
    `price` Int64,
    `compare_at_price` Int64,
    `currency` LowCardinality(String),
    `url` String,
    `image_url` String,
    `stock` Nullable(Int64),
    `stores` Map(String, Int64),
    `buyable` UInt8,
    `deleted` UInt8,
    `updated_at` DateTime64(3, 'UTC'),
    `body` String,
    `state` String,
    `due_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY product_id
SETTINGS index_granularity = 8192;

CREATE TABLE catalogue_changes
(
    `product_id` String,
    `at` DateTime64(3, 'UTC'),
    `id` FixedString(16),
    `kind` LowCardinality(String),
    `old_price` Int64,
    `price` Int64,
    `stock` Nullable(Int64),
    `addressed` UInt32
)
ENGINE = ReplacingMergeTree
ORDER BY (product_id, at, id)
SETTINGS index_granularity = 8192;

CREATE TABLE catalogue_history
(
    `product_id` String,
    `at` DateTime64(3, 'UTC'),
    `version` UInt64,
    `price` Int64,
    `compare_at_price` Int64,
    `currency` LowCardinality(String),
    `stock` Nullable(Int64),
    `buyable` UInt8
)
ENGINE = ReplacingMergeTree
ORDER BY (product_id, at, version)
TTL toDateTime(at) + toIntervalYear(3)
SETTINGS index_granularity = 8192;

CREATE TABLE consent_evidence
(
    `subject` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `event_id` FixedString(16),
    `channel` LowCardinality(String),
    `purpose` LowCardinality(String),
    `state` LowCardinality(String),
    `account` LowCardinality(String),
    `method` String,
    `text` String,
    `source` LowCardinality(String),
    `actor` String,
    `erased_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(erased_at)
ORDER BY (subject, at, event_id, channel, purpose)
TTL toDateTime(erased_at) + toIntervalMonth(37)
SETTINGS index_granularity = 8192;

CREATE TABLE contacts
(
    `profile_id` FixedString(16),
    `contact_id` String,
    `version` UInt64,
    `is_deleted` UInt8,
    `channel` LowCardinality(String),
    `topic` LowCardinality(String),
    `order_id` String,
    `complaint` UInt8,
    `opened_at` DateTime64(3, 'UTC'),
    `solved_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (profile_id, contact_id)
SETTINGS index_granularity = 8192;

CREATE TABLE dead_letters
(
    `id` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `version` UInt64,
    `state` LowCardinality(String),
    `topic` LowCardinality(String),
    `partition` UInt16,
    `offset` Int64,
    `stage` LowCardinality(String),
    `code` LowCardinality(String),
    `field` String,
    `reason` String,
    `reason_ja` String,
    `type` String,
    `raw` String CODEC(ZSTD(1)),
    `actor` String,
    `source` LowCardinality(String)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY id
SETTINGS index_granularity = 8192;

CREATE TABLE decisions
(
    `subject` FixedString(16),
    `send_id` FixedString(16),
    `round` UInt32,
    `profile_id` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `version` UInt64,
    `journey` LowCardinality(String),
    `definition` Int64,
    `node` LowCardinality(String),
    `run_id` FixedString(16),
    `channel` LowCardinality(String),
    `purpose` LowCardinality(String),
    `template` LowCardinality(String),
    `sent` UInt8,
    `reason` LowCardinality(String),
    `checks` String
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (subject, send_id, round)
SETTINGS index_granularity = 8192;

CREATE TABLE deliveries
(
    `partition` UInt16,
    `send_id` FixedString(16),
    `round` UInt32,
    `version` UInt64,
    `state` LowCardinality(String),
    `attempt` UInt32,
    `destination` LowCardinality(String),
    `channel` LowCardinality(String),
    `purpose` LowCardinality(String),
    `journey` LowCardinality(String),
    `template` LowCardinality(String),
    `prefecture` LowCardinality(String),
    `profile_id` FixedString(16),
    `next_try_at` DateTime64(3, 'UTC'),
    `decided_at` DateTime64(3, 'UTC'),
    `updated_at` DateTime64(3, 'UTC'),
    `reported` UInt8,
    `code` String,
    `reason` String,
    `provider_id` String,
    `message` String CODEC(ZSTD(1)),
    `group_id` FixedString(16),
    `owner` FixedString(16),
    `variant` LowCardinality(String),
    INDEX provider provider_id TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (partition, send_id, round)
SETTINGS index_granularity = 8192;

CREATE TABLE disclosures
(
    `profile_id` FixedString(16),
    `batch` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `audience` LowCardinality(String),
    `destination` LowCardinality(String),
    `platform` LowCardinality(String),
    `recipient` LowCardinality(String),
    `country` LowCardinality(String),
    `basis` LowCardinality(String),
    `purpose` LowCardinality(String),
    `op` LowCardinality(String),
    `told` Array(String),
    `keys` Array(String) ALIAS arrayMap(k -> concat(transform(lower(substring(k, 1, 1)), ['e', 'p', 'n', 'c', 'l'], ['email', 'phone', 'name', 'customer', 'line'], ''), ':', if((substring(k, 1, 1) IN ('E', 'P', 'N', 'C', 'L')), lower(hex(substring(k, 2))), substring(k, 2))), told)
)
ENGINE = ReplacingMergeTree
ORDER BY (profile_id, batch)
TTL toDateTime(at) + toIntervalYear(3)
SETTINGS index_granularity = 8192;

CREATE TABLE due
(
    `partition` UInt16,
    `profile_id` FixedString(16),
    `due_at` DateTime64(3, 'UTC'),
    `version` UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (partition, profile_id)
SETTINGS index_granularity = 8192;

CREATE TABLE events
(
    `subject` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `event_id` FixedString(16),
    `type` LowCardinality(String),
    `appended_at` DateTime64(3, 'UTC'),
    `partition` UInt16,
    `offset` Int64,
    `version` UInt64,
    `historical` UInt8,
    `source` LowCardinality(String),
    `channel` LowCardinality(String),
    `order_id` String,
    `shipment_id` String,
    `product_id` String,
    `category` LowCardinality(String),
    `amount` Int64,
    `currency` LowCardinality(String),
    `store_id` LowCardinality(String),
    `segment` LowCardinality(String),
    `journey` LowCardinality(String),
    `node` LowCardinality(String),
    `run_id` FixedString(16),
    `send_id` FixedString(16),
    `message_channel` LowCardinality(String),
    `reason` String,
    `record` String CODEC(ZSTD(1)),
    INDEX by_time at TYPE minmax GRANULARITY 1,
    INDEX by_append appended_at TYPE minmax GRANULARITY 1,
    INDEX by_log (partition, version) TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (subject, at, event_id)
SETTINGS index_granularity = 8192;

CREATE TABLE export_cancels
(
    `id` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `actor` String
)
ENGINE = ReplacingMergeTree
ORDER BY id
TTL toDateTime(at) + toIntervalDay(90)
SETTINGS index_granularity = 8192;

CREATE TABLE export_runs
(
    `id` FixedString(16),
    `version` UInt64,
    `name` LowCardinality(String),
    `state` LowCardinality(String),
    `replica` LowCardinality(String),
    `created_at` DateTime64(3, 'UTC'),
    `updated_at` DateTime64(3, 'UTC'),
    `body` String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY id
SETTINGS index_granularity = 8192;

CREATE TABLE file_pull_files
(
    `pull` LowCardinality(String),
    `name` String,
    `size` Int64,
    `at` DateTime64(3, 'UTC'),
    `version` UInt64,
    `taken_at` DateTime64(3, 'UTC'),
    `state` LowCardinality(String),
    `hash` String,
    `how` String,
    `record` String
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (pull, name, size, at)
SETTINGS index_granularity = 8192;

CREATE TABLE file_pull_looks
(
    `pull` String,
    `version` UInt64,
    `record` String
)
ENGINE = ReplacingMergeTree(version)
ORDER BY pull
SETTINGS index_granularity = 8192;

CREATE TABLE goose_db_version
(
    `version_id` Int64,
    `is_applied` UInt8,
    `date` Date DEFAULT now(),
    `tstamp` DateTime DEFAULT now()
)
ENGINE = MergeTree
ORDER BY (version_id)
SETTINGS index_granularity = 8192;

CREATE TABLE identifiers
(
    `profile_id` FixedString(16),
    `subject` FixedString(16),
    `version` UInt64,
    `is_deleted` UInt8,
    `kind` LowCardinality(String),
    `scope` String,
    `value` String,
    `first_seen_at` DateTime64(3, 'UTC'),
    `last_seen_at` DateTime64(3, 'UTC'),
    INDEX by_subject subject TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (profile_id, subject)
SETTINGS index_granularity = 8192;

CREATE TABLE images
(
    `id` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `name` String,
    `type` LowCardinality(String),
    `width` UInt32,
    `height` UInt32,
    `size` UInt32,
    `actor` String,
    `data` String CODEC(NONE)
)
ENGINE = ReplacingMergeTree(at)
ORDER BY id
SETTINGS index_granularity = 8192;

CREATE TABLE line_menu_links
(
    `account` LowCardinality(String),
    `line_user` String,
    `rich_menu` LowCardinality(String),
    `at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (account, line_user)
SETTINGS index_granularity = 8192;

CREATE TABLE line_menus
(
    `account` LowCardinality(String),
    `menu` String,
    `definition` Int64,
    `rich_menu` String,
    `problem` String,
    `at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (account, menu)
SETTINGS index_granularity = 8192;

CREATE TABLE line_narrowcast_cancels
(
    `id` FixedString(16),
    `actor` String,
    `at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY id
SETTINGS index_granularity = 8192;

CREATE TABLE line_narrowcasts
(
    `id` FixedString(16),
    `account` LowCardinality(String),
    `audience` Int64,
    `template` LowCardinality(String),
    `title` String,
    `messages` String,
    `most` UInt32,
    `people` UInt64,
    `actor` String,
    `created_at` DateTime64(3, 'UTC'),
    `state` LowCardinality(String),
    `reason` LowCardinality(String),
    `problem` String,
    `tried` UInt8,
    `tried_at` DateTime64(3, 'UTC'),
    `attempts` UInt32,
    `next_at` DateTime64(3, 'UTC'),
    `request_id` String,
    `accepted_at` DateTime64(3, 'UTC'),
    `asked_at` DateTime64(3, 'UTC'),
    `done_at` DateTime64(3, 'UTC'),
    `target` Int64,
    `sent` Int64,
    `failed` Int64,
    `seen` Int64,
    `clicked` Int64,
    `counted_at` DateTime64(3, 'UTC'),
    `version` UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY id
SETTINGS index_granularity = 8192;

CREATE TABLE line_nonces
(
    `nonce` FixedString(16),
    `used_by` FixedString(16),
    `at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (nonce, used_by)
TTL toDateTime(at) + toIntervalDay(7)
SETTINGS index_granularity = 8192;

CREATE TABLE line_statistics
(
    `account` LowCardinality(String),
    `unit` String,
    `journey` LowCardinality(String),
    `template` LowCardinality(String),
    `month` UInt32,
    `messages` UInt64,
    `last_at` DateTime64(3, 'UTC'),
    `seen` Int64,
    `clicked` Int64,
    `played` Int64,
    `watched` Int64,
    `asked_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(asked_at)
ORDER BY (account, unit)
SETTINGS index_granularity = 8192;

CREATE TABLE memberships
(
    `profile_id` FixedString(16),
    `segment` LowCardinality(String),
    `version` UInt64,
    `is_deleted` UInt8,
    `definition` Int64,
    `since` DateTime64(3, 'UTC'),
    `initial` UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (segment, profile_id)
SETTINGS index_granularity = 8192;

CREATE TABLE order_lines
(
    `profile_id` FixedString(16),
    `order_id` String,
    `line` UInt32,
    `version` UInt64,
    `is_deleted` UInt8,
    `placed_at` DateTime64(3, 'UTC'),
    `product_id` String,
    `sku` String,
    `name` String,
    `brand` LowCardinality(String),
    `category` LowCardinality(String),
    `quantity` Int64,
    `price` Int64,
    `discount` Int64,
    `valid` UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (profile_id, order_id, line)
SETTINGS index_granularity = 8192;

CREATE TABLE orders
(
    `profile_id` FixedString(16),
    `order_id` String,
    `version` UInt64,
    `is_deleted` UInt8,
    `status` LowCardinality(String),
    `placed_at` DateTime64(3, 'UTC'),
    `paid_at` DateTime64(3, 'UTC'),
    `confirmed_at` DateTime64(3, 'UTC'),
    `cancelled_at` DateTime64(3, 'UTC'),
    `refunded_at` DateTime64(3, 'UTC'),
    `shipped_at` DateTime64(3, 'UTC'),
    `delivered_at` DateTime64(3, 'UTC'),
    `currency` LowCardinality(String),
    `total` Int64,
    `revenue` Int64,
    `subtotal` Int64,
    `discount` Int64,
    `coupon` String,
    `coupon_amount` Int64,
    `points_used` Int64,
    `shipping_fee` Int64,
    `cod_fee` Int64,
    `tax` Int64,
    `refunded` Int64,
    `items` Int64,
    `channel` LowCardinality(String),
    `store_id` LowCardinality(String),
    `staff_id` String,
    `payment_method` LowCardinality(String),
    `payment_due_at` DateTime64(3, 'UTC'),
    `payment_state` LowCardinality(String),
    `fulfilment_type` LowCardinality(String),
    `subscription_id` String,
    `automatic` UInt8,
    `marketplace` LowCardinality(String),
    `is_gift` UInt8,
    `valid` UInt8,
    `sequence` Int64,
    `order_number` String,
    INDEX by_order order_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_number order_number TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (profile_id, order_id)
SETTINGS index_granularity = 8192;

CREATE TABLE outbox
(
    `id` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `channel` LowCardinality(String),
    `sender` String,
    `recipient` String,
    `subject` String,
    `send_id` FixedString(16),
    `raw` String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY id
TTL toDateTime(at) + toIntervalDay(7)
SETTINGS index_granularity = 8192;

CREATE TABLE outcomes
(
    `request_id` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `ok` UInt8,
    `outcome` String
)
ENGINE = ReplacingMergeTree(at)
ORDER BY request_id
SETTINGS index_granularity = 8192;

CREATE TABLE partitions
(
    `partition` UInt16,
    `seq` UInt64,
    `epoch` UInt16,
    `next_offset` Int64,
    `identities_offset` Int64,
    `definitions_offset` Int64,
    `clock` DateTime64(3, 'UTC'),
    `is_virtual` UInt8,
    `sweeps` String,
    `events` UInt64,
    `written_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(seq)
ORDER BY partition
SETTINGS index_granularity = 8192;

CREATE TABLE people
(
    `profile_id` FixedString(16),
    `version` UInt64,
    `is_deleted` UInt8,
    `family_name` String,
    `given_name` String,
    `family_name_kana` String,
    `given_name_kana` String,
    `search` String,
    `email` String,
    `phone` String,
    `line_user` String,
    `customer_id` String,
    `prefecture` LowCardinality(String),
    `gender` LowCardinality(String),
    `birthday` String,
    `language` LowCardinality(String),
    `member_rank` LowCardinality(String),
    `first_seen_at` DateTime64(3, 'UTC'),
    `last_seen_at` DateTime64(3, 'UTC'),
    `last_visit_at` DateTime64(3, 'UTC'),
    `signed_up_at` DateTime64(3, 'UTC'),
    `orders_count` Int64,
    `manual_orders_count` Int64,
    `ltv` Int64,
    `currency` LowCardinality(String),
    `first_order_at` DateTime64(3, 'UTC'),
    `last_order_at` DateTime64(3, 'UTC'),
    `last_manual_order_at` DateTime64(3, 'UTC'),
    `page_views` Int64,
    `product_views` Int64,
    `store_visits` Int64,
    `points` Int64,
    `has_email` UInt8,
    `has_line` UInt8,
    `has_phone` UInt8,
    `line_friend` UInt8,
    `suppressed_email` UInt8,
    `consents` Map(LowCardinality(String), String),
    `traits` Map(LowCardinality(String), String),
    `traits_number` Map(LowCardinality(String), Float64),
    `hold_until` DateTime64(3, 'UTC'),
    `hold_reason` String,
    `risks` Array(LowCardinality(String)),
    `household` String,
    `main_store` LowCardinality(String),
    `place_x` Int64,
    `place_y` Int64,
    `place_z` Int64,
    `lists` Array(LowCardinality(String)),
    `line_accounts` Array(LowCardinality(String)),
    `reach_email` UInt8,
    `reach_line` UInt8,
    `reach_sms` UInt8,
    `reach_push` UInt8,
    `reach_postal` UInt8,
    `social_reach_until` DateTime64(3, 'UTC'),
    `social_window_until` DateTime64(3, 'UTC'),
    `social_action_at` DateTime64(3, 'UTC'),
    `favourite_category` LowCardinality(String),
    `favourite_brand` LowCardinality(String),
    `favourite_size` LowCardinality(String),
    `favourite_channel` LowCardinality(String),
    `order_rhythm` Int64,
    `next_order_at` DateTime64(3, 'UTC'),
    `returned_orders` Int64,
    `delivered_parcels` Int64,
    `late_parcels` Int64,
    `last_late_at` DateTime64(3, 'UTC'),
    `mixed` Array(LowCardinality(String))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY profile_id
SETTINGS index_granularity = 8192;

CREATE TABLE point_moves
(
    `profile_id` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `event_id` FixedString(16),
    `version` UInt64,
    `is_deleted` UInt8,
    `kind` LowCardinality(String),
    `amount` Int64,
    `reason` String,
    `order_id` String,
    `expires_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (profile_id, at, event_id)
SETTINGS index_granularity = 8192;

CREATE TABLE postal_pieces
(
    `batch` LowCardinality(String),
    `send_id` FixedString(16),
    `version` UInt64,
    `state` LowCardinality(String),
    `reason` LowCardinality(String),
    `problems` String CODEC(ZSTD(1)),
    `profile_id` FixedString(16),
    `subject` FixedString(16),
    `round` UInt32,
    `account` LowCardinality(String),
    `destination` LowCardinality(String),
    `purpose` LowCardinality(String),
    `journey` LowCardinality(String),
    `definition` Int64,
    `node` LowCardinality(String),
    `run_id` FixedString(16),
    `template` LowCardinality(String),
    `template_version` Int64,
    `language` LowCardinality(String),
    `variant` LowCardinality(String),
    `decided_at` DateTime64(3, 'UTC'),
    `cutoff_at` DateTime64(3, 'UTC'),
    `updated_at` DateTime64(3, 'UTC'),
    `address` String CODEC(ZSTD(1)),
    `address_key` UInt64,
    `household` String,
    `rank` Int64,
    `postal_code` String,
    `prefecture` LowCardinality(String),
    `barcode` String,
    `code` String,
    `content` String CODEC(ZSTD(1)),
    `cost` Int64,
    `sequence` UInt32,
    `seed` UInt8,
    INDEX by_send send_id TYPE bloom_filter GRANULARITY 1,
    INDEX by_profile profile_id TYPE bloom_filter GRANULARITY 1,
    INDEX by_code code TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (batch, send_id)
SETTINGS index_granularity = 8192;

CREATE TABLE postal_provisions
(
    `id` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `batch` LowCardinality(String),
    `account` LowCardinality(String),
    `recipient` String,
    `way` LowCardinality(String),
    `file` String,
    `pieces` UInt64,
    `size` UInt64,
    `sha256` String,
    `items` Array(LowCardinality(String)),
    `actor` String
)
ENGINE = ReplacingMergeTree(at)
ORDER BY id
SETTINGS index_granularity = 8192;

CREATE TABLE postal_quality
(
    `profile_id` FixedString(16),
    `version` UInt64,
    `is_deleted` UInt8,
    `problems` Array(LowCardinality(String)),
    `usable` UInt8,
    `source` LowCardinality(String)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY profile_id
SETTINGS index_granularity = 8192;

CREATE TABLE postal_returns
(
    `code` String,
    `batch` LowCardinality(String),
    `send_id` FixedString(16),
    `reason` LowCardinality(String),
    `returned_at` DateTime64(3, 'UTC'),
    `taken_at` DateTime64(3, 'UTC'),
    `actor` String
)
ENGINE = ReplacingMergeTree(taken_at)
ORDER BY code
SETTINGS index_granularity = 8192;

CREATE TABLE postal_zip_files
(
    `kind` LowCardinality(String),
    `at` DateTime64(3, 'UTC'),
    `name` String,
    `places` UInt64,
    `sha256` String,
    `actor` String,
    `data` String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(at)
ORDER BY kind
SETTINGS index_granularity = 8192;

CREATE TABLE profiles
(
    `partition` UInt16,
    `profile_id` FixedString(16),
    `version` UInt64,
    `redirect` FixedString(16),
    `state` String CODEC(ZSTD(1)),
    `is_deleted` UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (partition, profile_id)
SETTINGS index_granularity = 1024, index_granularity_bytes = 262144;

CREATE TABLE property_hours
(
    `type` LowCardinality(String),
    `hour` DateTime('UTC'),
    `name` String,
    `kind` LowCardinality(String),
    `version` UInt64,
    `seen` UInt32
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (type, hour, name, kind)
SETTINGS index_granularity = 8192;

CREATE TABLE returns
(
    `profile_id` FixedString(16),
    `order_id` String,
    `return_id` String,
    `version` UInt64,
    `is_deleted` UInt8,
    `status` LowCardinality(String),
    `requested_at` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `amount` Int64,
    `reason` String
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (profile_id, order_id, return_id)
SETTINGS index_granularity = 8192;

CREATE TABLE reviews
(
    `profile_id` FixedString(16),
    `review_id` String,
    `order_id` String,
    `version` UInt64,
    `is_deleted` UInt8,
    `product_id` String,
    `rating` Int64,
    `at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (profile_id, review_id, order_id)
SETTINGS index_granularity = 8192;

CREATE TABLE runs
(
    `profile_id` FixedString(16),
    `run_id` FixedString(16),
    `version` UInt64,
    `is_deleted` UInt8,
    `journey` LowCardinality(String),
    `definition` Int64,
    `key` String,
    `entered_at` DateTime64(3, 'UTC'),
    `node` LowCardinality(String),
    `since` DateTime64(3, 'UTC'),
    `wait_until` DateTime64(3, 'UTC'),
    `ended_at` DateTime64(3, 'UTC'),
    `end` LowCardinality(String),
    `steps` Int64
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (journey, run_id, profile_id)
SETTINGS index_granularity = 8192;

CREATE TABLE sends
(
    `profile_id` FixedString(16),
    `send_id` FixedString(16),
    `version` UInt64,
    `is_deleted` UInt8,
    `round` Int64,
    `channel` LowCardinality(String),
    `purpose` LowCardinality(String),
    `journey` LowCardinality(String),
    `node` LowCardinality(String),
    `template` LowCardinality(String),
    `run_id` FixedString(16),
    `decided_at` DateTime64(3, 'UTC'),
    `sent_at` DateTime64(3, 'UTC'),
    `delivered_at` DateTime64(3, 'UTC'),
    `opened_at` DateTime64(3, 'UTC'),
    `clicked_at` DateTime64(3, 'UTC'),
    `ended_at` DateTime64(3, 'UTC'),
    `end` LowCardinality(String),
    `reason` String
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (profile_id, send_id)
SETTINGS index_granularity = 8192;

CREATE TABLE shipments
(
    `profile_id` FixedString(16),
    `order_id` String,
    `shipment_id` String,
    `version` UInt64,
    `is_deleted` UInt8,
    `status` LowCardinality(String),
    `carrier` LowCardinality(String),
    `tracking` String,
    `number` Int64,
    `of` Int64,
    `created_at` DateTime64(3, 'UTC'),
    `shipped_at` DateTime64(3, 'UTC'),
    `delivered_at` DateTime64(3, 'UTC'),
    `delayed_at` DateTime64(3, 'UTC'),
    `returned_at` DateTime64(3, 'UTC'),
    `estimated_at` DateTime64(3, 'UTC'),
    `store_id` LowCardinality(String)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (profile_id, order_id, shipment_id)
SETTINGS index_granularity = 8192;

CREATE TABLE source_calls
(
    `source` LowCardinality(String),
    `id` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `topic` LowCardinality(String),
    `outcome` LowCardinality(String),
    `events` UInt32,
    `field` String,
    `reason` String,
    `reason_ja` String,
    `body` String
)
ENGINE = ReplacingMergeTree
ORDER BY (source, at, id)
TTL toDateTime(at) + toIntervalDay(3)
SETTINGS index_granularity = 8192;

CREATE TABLE source_hours
(
    `hour` DateTime('UTC'),
    `source` LowCardinality(String),
    `type` LowCardinality(String),
    `version` UInt64,
    `events` UInt64,
    `first_at` DateTime64(3, 'UTC'),
    `last_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (hour, source, type)
SETTINGS index_granularity = 8192;

CREATE TABLE source_pulls
(
    `source` LowCardinality(String),
    `id` String,
    `version` UInt64,
    `live` UInt8,
    `began_at` DateTime64(3, 'UTC'),
    `progress` String
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (source, id)
TTL toDateTime(began_at) + toIntervalDay(400)
SETTINGS index_granularity = 8192;

CREATE TABLE store_visits
(
    `profile_id` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `event_id` FixedString(16),
    `version` UInt64,
    `is_deleted` UInt8,
    `type` LowCardinality(String),
    `store_id` LowCardinality(String)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (profile_id, at, event_id)
SETTINGS index_granularity = 8192;

CREATE TABLE stream_positions
(
    `stream` LowCardinality(String),
    `partition` UInt16,
    `written` UInt64,
    `born` Int64,
    `replay` UInt32,
    `position` UInt64,
    `sent` UInt64,
    `left_out` UInt64,
    `dead` UInt64,
    `sent_at` DateTime64(3, 'UTC'),
    `updated_at` DateTime64(3, 'UTC'),
    `code` String,
    `problem` String,
    `problem_ja` String,
    `failing_since` DateTime64(3, 'UTC'),
    `next_try_at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(written)
ORDER BY (stream, partition)
SETTINGS index_granularity = 8192;

CREATE TABLE subscriptions
(
    `profile_id` FixedString(16),
    `subscription_id` String,
    `version` UInt64,
    `is_deleted` UInt8,
    `status` LowCardinality(String),
    `product_id` String,
    `name` String,
    `category` LowCardinality(String),
    `quantity` Int64,
    `cycle_days` Int64,
    `amount` Int64,
    `currency` LowCardinality(String),
    `deliveries` Int64,
    `reason` String,
    `started_at` DateTime64(3, 'UTC'),
    `next_at` DateTime64(3, 'UTC'),
    `renewed_at` DateTime64(3, 'UTC'),
    `skipped_at` DateTime64(3, 'UTC'),
    `paused_at` DateTime64(3, 'UTC'),
    `cancelled_at` DateTime64(3, 'UTC'),
    `payment_failed_at` DateTime64(3, 'UTC'),
    INDEX by_subscription subscription_id TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (profile_id, subscription_id)
SETTINGS index_granularity = 8192;

CREATE TABLE surveys
(
    `profile_id` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `event_id` FixedString(16),
    `version` UInt64,
    `is_deleted` UInt8,
    `survey_id` String,
    `kind` LowCardinality(String),
    `score` Int64
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (profile_id, at, event_id)
SETTINGS index_granularity = 8192;

CREATE TABLE visits
(
    `profile_id` FixedString(16),
    `at` DateTime64(3, 'UTC'),
    `event_id` FixedString(16),
    `version` UInt64,
    `is_deleted` UInt8,
    `type` LowCardinality(String),
    `product_id` String,
    `category` LowCardinality(String),
    `brand` LowCardinality(String),
    `path` String,
    `query` String,
    `cart_id` String,
    `value` Int64,
    `utm_source` LowCardinality(String),
    `utm_campaign` LowCardinality(String)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (profile_id, at, event_id)
SETTINGS index_granularity = 8192;
