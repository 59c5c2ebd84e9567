-- The tables that clickhouse-sink.yaml writes: one for each topic, by its name, with a column for each field
-- (docs/formats). The sink keeps its own account of what it has sent in a KeeperMap table: the server needs a
-- keeper_map_path_prefix.
CREATE DATABASE IF NOT EXISTS shrike;

CREATE TABLE shrike.fraud_alerts
(
    id String COMMENT 'topic/partition/offset of the payment: the same alert has the same id',
    idx Int64,
    user UInt64,
    card UInt32,
    t UInt32 COMMENT 'event time, minutes since 1970-01-01T00:00 of the record itself',
    event_time String COMMENT 'the same as a text',
    day Date MATERIALIZED toDate(toDateTime(toUInt64(t) * 60, 'UTC')),
    amount Float64,
    merchant_name String,
    merchant_city LowCardinality(String),
    merchant_state LowCardinality(String),
    mcc UInt16,
    use_chip LowCardinality(String),
    errors LowCardinality(String),
    score Float32,
    threshold Float32,
    model LowCardinality(String),
    feature_set LowCardinality(String),
    features Map(LowCardinality(String), Float32),
    profiles Map(LowCardinality(String), Nullable(Int64)) COMMENT 'offsets of the profiles that were in force'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (day, id);

-- A payment without an idx has -1 here, so rows are not made one by it.
CREATE TABLE shrike.scored
(
    idx Int64,
    score Float32
)
ENGINE = MergeTree
ORDER BY idx;
