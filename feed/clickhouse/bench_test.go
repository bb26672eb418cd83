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
