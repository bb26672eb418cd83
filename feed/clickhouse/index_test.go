package clickhouse

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"tapedeck/feed"
)

// heavy fills an archive with so many records of a hundred symbols, ten a second, and their marks.
func heavy(t testing.TB, db *DB, records int) feed.LogID {
	t.Helper()
	l := feed.LogID{Topic: "heavy", Format: "tick"}
	for _, s := range []string{
		`INSERT INTO ` + db.Table("records") + ` (log, stripe, cluster, topic, topic_id, partition, format, symbol, offset, time, clock, vtime, absent, key, value)
SELECT toUInt64(%[1]d), toInt64(number - number %% 65536), '', 'heavy', '', toInt32(0), 'tick', concat('X:S', toString(number %% 100)), toInt64(number), toInt64(1700000000000000 + number * 1000),
  toInt64(1700000000000000 + number * 1000), toInt64(0), toUInt8(0), 'SYMBOL', concat('{"t":"trade","venue":"X","symbol":"S', toString(number %% 100), '","ts":1700000000000000,"px":"43210.10","qty":"0.00120","side":"buy"}')
FROM system.numbers LIMIT %[2]d`,
		`INSERT INTO ` + db.Table("marks") + ` (log, offset, time, clock)
SELECT toUInt64(%[1]d), toInt64(number * 60000), toInt64(1700000000000000 + number * 60000000), toInt64(1700000000000000 + number * 60000000) FROM system.numbers LIMIT %[3]d`,
	} {
		if err := db.exec(t.Context(), fmt.Sprintf(s, Number(l), records, records/60000+1)); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// What is not asked for is not read: by the rows that the server says it has read.
func TestClickHouseReadsWhatItNeeds(t *testing.T) {
	db := archive(t)
	const records = 1 << 20
	l := heavy(t, db, records)
	var rows atomic.Int64
	ctx := clickhouse.Context(t.Context(), clickhouse.WithProgress(func(p *clickhouse.Progress) { rows.Add(int64(p.Rows)) }))
	read := func(w feed.Window, once bool) (n int) {
		t.Helper()
		for {
			next, err := db.Read(ctx, l, w, func(*feed.Record) error { n++; return nil })
			if err != nil {
				t.Fatal(err)
			}
			if next == w.From || once {
				return n
			}
			w.From = next
		}
	}
	for _, tt := range []struct {
		name string
		most int64
		do   func(ctx context.Context) error
	}{
		{"the logs", 1000, func(ctx context.Context) error { _, err := db.Logs(ctx); return err }},
		{"a seek into the middle", 300_000, func(ctx context.Context) error {
			_, _, err := db.Seek(ctx, l, 1700000000000000+500_000_000)
			return err
		}},
		{"a checkpoint", 10, func(ctx context.Context) error { _, _, err := db.Checkpoint(ctx, l, records/2); return err }},
		{"the holes", 10, func(ctx context.Context) error { _, err := db.Holes(ctx, l, 0, records); return err }},
		{"a window of everything", 3 * 262_144, func(context.Context) error { read(feed.Window{From: records / 2, Bytes: 1 << 20}, true); return nil }},
		{"a window of one symbol", 50_000, func(context.Context) error {
			read(feed.Window{From: records / 2, Bytes: 100_000, Symbols: []string{"X:S7"}}, true)
			return nil
		}},
		{"one symbol of all", 400_000, func(context.Context) error {
			if n := read(feed.Window{Symbols: []string{"X:S7"}}, false); n != records/100+records/60000 && n < records/100 {
				t.Errorf("%d records of one symbol", n)
			}
			return nil
		}},
	} {
		rows.Store(0)
		if err := tt.do(ctx); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d rows were read", tt.name, rows.Load())
		if rows.Load() > tt.most {
			t.Errorf("%s: %d rows were read, want at most %d", tt.name, rows.Load(), tt.most)
		}
	}
}
