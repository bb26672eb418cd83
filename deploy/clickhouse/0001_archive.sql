-- The archive, version 1. Text in braces is filled in by `replay migrate`: where the tables are, whether they are made on a
-- cluster, and codecs where the server has them. A column stands on a line of its own: what a server has is compared with it.

-- Records as Kafka had them. A log is a partition of a topic as one format reads it; its number is the first 8 bytes of a
-- SHA-256 over the parts that make it, which stand beside it for people.
--
-- The order: a stripe is a stretch of at most 65,536 offsets, named by the first. Within one, the records of a symbol lie
-- together. So a whole partition is read stripe by stripe, and one symbol of many reads a few granules of each. A day is that of
-- the log's clock, so a log's days are stretches of its offsets. A record that was written twice is merged into one in time;
-- whoever reads goes by the offset.
CREATE TABLE IF NOT EXISTS {{table "records"}} {{on}} (
    day Date DEFAULT toDate(toUInt16(intDiv(if(clock > 0, clock, time), 86400000000))),
    log UInt64 DEFAULT reinterpretAsUInt64(substring(SHA256(concat(cluster, '\n', topic, '\n', topic_id, '\n', toString(partition), '\n', format)), 1, 8)) {{codec "ZSTD(1)"}},
    stripe Int64 DEFAULT offset - offset % 16384 {{codec "Delta, ZSTD(1)"}},
    cluster {{word}},
    topic {{word}},
    topic_id {{word}},
    partition Int32 {{codec "ZSTD(1)"}},
    format {{word}},
    symbol {{word}},
    offset Int64 {{codec "Delta, ZSTD(1)"}},
    time Int64 {{codec "Delta, ZSTD(1)"}},
    clock Int64 {{codec "Delta, ZSTD(1)"}},
    vtime Int64 {{codec "Delta, ZSTD(1)"}},
    absent UInt8 {{codec "ZSTD(1)"}},
    key String {{codec "ZSTD(1)"}},
    value String {{codec "ZSTD(3)"}},
    header_keys Array(String) {{codec "ZSTD(1)"}},
    header_values Array(String) {{codec "ZSTD(1)"}},
    bytes UInt32 DEFAULT toUInt32(length(key) + length(value) + arraySum(arrayMap(x -> length(x), arrayConcat(header_keys, header_values)))) {{codec "ZSTD(1)"}}
) ENGINE = {{replacing "records"}} PARTITION BY day ORDER BY (log, stripe, symbol, offset) SETTINGS index_granularity = 1024{{dropParts}};

-- What is held, by day and symbol, kept up by the server as records are written. A batch that was written twice counts twice here.
CREATE TABLE IF NOT EXISTS {{table "days"}} {{on}} (
    day Date,
    log UInt64,
    cluster String,
    topic String,
    topic_id String,
    partition Int32,
    format String,
    symbol String,
    records AggregateFunction(sum, UInt64),
    bytes AggregateFunction(sum, UInt64),
    first AggregateFunction(min, Int64),
    last AggregateFunction(max, Int64),
    since AggregateFunction(min, Int64),
    until AggregateFunction(max, Int64)
) ENGINE = {{aggregating "days"}} PARTITION BY toYYYYMM(day) ORDER BY (log, day, symbol, cluster, topic, topic_id, partition, format);

-- The time before the clock is known counts as the end of time, so that it is no beginning.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{table "records_to_days"}} {{on}} TO {{table "days"}} AS
SELECT day, log, toString(cluster) AS cluster, toString(topic) AS topic, toString(topic_id) AS topic_id, partition, toString(format) AS format, toString(symbol) AS symbol,
    sumState(toUInt64(1)) AS records, sumState(toUInt64(bytes)) AS bytes, minState(offset) AS first, maxState(offset) AS last,
    minState(if(clock > 0, clock, toInt64(9223372036854775807))) AS since, maxState(clock) AS until
FROM {{table "records"}} GROUP BY day, log, cluster, topic, topic_id, partition, format, symbol;

-- The records at which a minute of the log's clock was over: what makes candles final, also for whoever reads one symbol.
CREATE TABLE IF NOT EXISTS {{table "marks"}} {{on}} (
    day Date DEFAULT toDate(toUInt16(intDiv(clock, 86400000000))),
    log UInt64,
    offset Int64,
    time Int64,
    clock Int64
) ENGINE = {{replacing "marks"}} PARTITION BY toYYYYMM(day) ORDER BY (log, offset);

-- Offsets that are known to be missing, from from_offset up to, not including, to_offset, and why.
CREATE TABLE IF NOT EXISTS {{table "holes"}} {{on}} (
    day Date DEFAULT toDate(toUInt16(intDiv(clock, 86400000000))),
    log UInt64,
    from_offset Int64,
    to_offset Int64,
    reason String,
    clock Int64
) ENGINE = {{replacing "holes"}} PARTITION BY toYYYYMM(day) ORDER BY (log, from_offset, to_offset, reason);

-- What a timeline had made of a log before an offset.
CREATE TABLE IF NOT EXISTS {{table "checkpoints"}} {{on}} (
    day Date DEFAULT toDate(toUInt16(intDiv(clock, 86400000000))),
    log UInt64,
    epoch String,
    offset Int64,
    clock Int64,
    data String {{codec "ZSTD(1)"}}
) ENGINE = {{replacing "checkpoints"}} PARTITION BY day ORDER BY (log, offset, epoch);

-- For people and charts. Times are µs; a number is a text as the venue wrote it, exact: toDecimal128(price, 9) or
-- toFloat64(price) reckons with it.
CREATE TABLE IF NOT EXISTS {{table "trades"}} {{on}} (
    day Date DEFAULT toDate(toUInt16(intDiv(time, 86400000000))),
    symbol {{word}},
    time Int64 {{codec "Delta, ZSTD(1)"}},
    vtime Int64 {{codec "Delta, ZSTD(1)"}},
    price String {{codec "ZSTD(1)"}},
    qty String {{codec "ZSTD(1)"}},
    side {{word}},
    id String {{codec "ZSTD(1)"}},
    log UInt64 {{codec "ZSTD(1)"}},
    offset Int64 {{codec "Delta, ZSTD(1)"}},
    part UInt32 {{codec "ZSTD(1)"}}
) ENGINE = {{replacing "trades"}} PARTITION BY day ORDER BY (symbol, time, log, offset, part);

-- The newest revision of a minute counts: the highest offset.
CREATE TABLE IF NOT EXISTS {{table "candles_1m"}} {{on}} (
    day Date DEFAULT toDate(toUInt16(intDiv(start, 86400000000))),
    symbol String,
    start Int64,
    open String,
    high String,
    low String,
    close String,
    volume String,
    quote_volume String,
    trades Int64,
    rev UInt32,
    log UInt64,
    offset Int64
) ENGINE = {{replacingBy "candles_1m" "offset"}} PARTITION BY toYYYYMM(day) ORDER BY (symbol, start, log);
