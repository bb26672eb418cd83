-- An alternative to `replay record`: ClickHouse reads the topic by itself, with its own Kafka engine. Run it after `replay migrate`,
-- with the brokers, the topic, the format and the parts of the log's name filled in: they must be those that a streamer's /v1/archive
-- or `replay ls` would show, or it is another log to every reader.
--
-- What it cannot do, so that `replay record` is the first choice:
--   - it is a consumer group and delivers at least once: after a crash or a rebalance rows come twice (readers go by the offset, so that a
--     replay is right all the same, but the counts in `days` are not);
--   - it knows no symbols (the column is empty: a replay of one symbol reads its whole partition), no clock (0: a reader cannot seek by it),
--     no marks, no holes, no checkpoints and no trades or candles;
--   - it does not say when records were lost to retention;
--   - a record without a value, or with an empty one, does not come: its offset is missing, as `replay gaps` shows. A key that is null
--     comes as an empty one.
-- It needs ClickHouse 21.3 or later, for the format RawBLOB and the virtual columns of headers and of time in ms: 18.16 has neither.
-- With several partitions and a lot to read, raise kafka_num_consumers, at most to the number of partitions.

CREATE TABLE IF NOT EXISTS tapedeck.kafka_in (value String) ENGINE = Kafka
SETTINGS kafka_broker_list = 'kafka:9092', kafka_topic_list = 'md.raw.binance', kafka_group_name = 'tapedeck-archive',
    kafka_format = 'RawBLOB', kafka_num_consumers = 1, kafka_max_block_size = 65536;

CREATE MATERIALIZED VIEW IF NOT EXISTS tapedeck.kafka_to_records TO tapedeck.records AS
SELECT
    'CLUSTER-ID' AS cluster,
    _topic AS topic,
    'TOPIC-ID' AS topic_id,
    toInt32(_partition) AS partition,
    'binance' AS format,
    '' AS symbol,
    toInt64(_offset) AS offset,
    toInt64(toUnixTimestamp64Milli(assumeNotNull(_timestamp_ms))) * 1000 AS time,
    toInt64(0) AS clock,
    toInt64(0) AS vtime,
    toUInt8(0) AS absent,
    _key AS key,
    value,
    _headers.name AS header_keys,
    _headers.value AS header_values
FROM tapedeck.kafka_in;
