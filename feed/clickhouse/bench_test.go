package clickhouse

import (
	"testing"

	"tapedeck/feed"
)

// BenchmarkClickHouseRead reads small trade messages of a hundred symbols, window after window.
func BenchmarkClickHouseRead(b *testing.B) {
	db := archive(b)
	const n = 2_000_000
	fill := `INSERT INTO ` + db.Table("records") + ` (log, stripe, cluster, topic, topic_id, partition, format, symbol, offset, time, clock, vtime, absent, key, value)
SELECT toUInt64(1), toInt64(number - number % 65536), '', '', '', toInt32(0), '', concat('X:S', toString(number % 100)), toInt64(number), toInt64(1700000000000000 + number * 100),
  toInt64(1700000000000000 + number * 100), toInt64(0), toUInt8(0), 'SYMBOL', concat('{"e":"trade","E":1700000000000,"s":"SYMBOL","t":', toString(number), ',"p":"43210.10","q":"0.00120","T":1700000000000,"m":true,"M":true}')
FROM system.numbers LIMIT 2000000`
	if err := db.exec(b.Context(), fill); err != nil {
		b.Fatal(err)
	}
	read := 0
	for b.Loop() {
		for from := int64(0); ; {
			r := reading{db: db, log: 1, w: feed.Window{To: n, Bytes: windowBytes}, take: func(*feed.Record) error { read++; return nil }}
			end, _, _, err := r.plan(b.Context(), from)
			if err != nil {
				b.Fatal(err)
			}
			if from, err = r.fetch(b.Context(), from, end, nil); err != nil {
				b.Fatal(err)
			}
			if from >= n {
				break
			}
		}
	}
	b.ReportMetric(float64(read)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkClickHouseQuery reads two million trades of a table of somebody else's, a few at each time.
func BenchmarkClickHouseQuery(b *testing.B) {
	db := empty(b)
	const n = 2_000_000
	table := db.Table("theirs")
	for _, s := range []string{
		"CREATE DATABASE " + db.Database(),
		"CREATE TABLE " + table + " (us Int64, sym String, px Decimal(18, 4), qty Float64, side String, id UInt64) ENGINE = MergeTree PARTITION BY tuple() ORDER BY us",
		"INSERT INTO " + table + " SELECT 1700000000000000 + intDiv(toInt64(number), 3) * 100, concat('S', toString(number % 50)), toDecimal64('37000.1234', 4), 0.001, 'buy', number FROM system.numbers LIMIT 2000000",
	} {
		if err := db.exec(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
	t, err := Tables(db, Query{Kind: "trades", SQL: "SELECT us AS time, sym AS symbol, px AS price, qty AS size, side, id FROM " + table + " WHERE us >= {from} AND us < {to}"})
	if err != nil {
		b.Fatal(err)
	}
	logs, err := t.Logs(b.Context())
	if err != nil || len(logs) != 1 || logs[0].Records != n {
		b.Fatal(logs, err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for from := int64(0); from < logs[0].Next; {
			if from, err = t.Read(b.Context(), logs[0].LogID, feed.Window{From: from}, func(*feed.Record) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "rows/s")
}
