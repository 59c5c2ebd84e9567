-- Alerts and scores out of Kafka, into tables to ask. Runs once, in a new volume.
--
-- ClickHouse reads committed records only, and at least once: after a crash it may read some again. Partition and offset
-- are a record's name, so that a row that came twice is one row (ReplacingMergeTree; ask with FINAL).

CREATE TABLE shrike.alerts
(
    at DateTime64(3) COMMENT 'when the payment came',
    partition UInt32,
    offset UInt64,
    id String COMMENT 'topic/partition/offset of the payment',
    idx Int64,
    user UInt64,
    card UInt32,
    event_time DateTime COMMENT 'of the payment itself; its time zone is not known',
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
    features Map(LowCardinality(String), Float32)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (partition, offset)
TTL toDateTime(at) + INTERVAL 90 DAY;

CREATE TABLE shrike.scored
(
    at DateTime64(3) COMMENT 'when the payment came',
    partition UInt32,
    offset UInt64,
    user UInt64,
    idx Int64,
    score Float32
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(at)
ORDER BY (partition, offset)
TTL toDateTime(at) + INTERVAL 7 DAY;

CREATE TABLE shrike.alerts_topic
(
    id String,
    idx Int64,
    user UInt64,
    card UInt32,
    t UInt32,
    amount Float64,
    merchant_name String,
    merchant_city String,
    merchant_state String,
    mcc UInt16,
    use_chip String,
    errors String,
    score Float32,
    threshold Float32,
    model String,
    feature_set String,
    features Map(String, Float32)
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = 'kafka:9092',
    kafka_topic_list = 'fraud_alerts',
    kafka_group_name = 'clickhouse-alerts',
    kafka_format = 'JSONEachRow',
    kafka_flush_interval_ms = 1000,
    input_format_skip_unknown_fields = 1;

CREATE TABLE shrike.scored_topic
(
    idx Int64,
    score Float32
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = 'kafka:9092',
    kafka_topic_list = 'scored',
    kafka_group_name = 'clickhouse-scored',
    kafka_format = 'JSONEachRow',
    kafka_flush_interval_ms = 1000;

CREATE MATERIALIZED VIEW shrike.alerts_in TO shrike.alerts AS
SELECT
    ifNull(_timestamp_ms, toDateTime64(0, 3)) AS at,
    toUInt32(_partition) AS partition,
    _offset AS offset,
    id, idx, user, card,
    toDateTime(t * 60, 'UTC') AS event_time,
    amount, merchant_name, merchant_city, merchant_state, mcc, use_chip, errors,
    score, threshold, model, feature_set, features
FROM shrike.alerts_topic;

CREATE MATERIALIZED VIEW shrike.scored_in TO shrike.scored AS
SELECT
    ifNull(_timestamp_ms, toDateTime64(0, 3)) AS at,
    toUInt32(_partition) AS partition,
    _offset AS offset,
    toUInt64OrZero(_key) AS user,
    idx,
    score
FROM shrike.scored_topic;

-- What an analyst asks first.
CREATE VIEW shrike.alerts_by_hour AS
SELECT
    toStartOfHour(at) AS hour,
    count() AS alerts,
    uniqExact(user) AS users,
    round(sum(amount), 2) AS amount,
    round(avg(score), 3) AS score
FROM shrike.alerts FINAL
GROUP BY hour
ORDER BY hour;
