package main

import (
	"fmt"
	"regexp"
	"runtime"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/clickhouse"
)

// A replay of 400 MB of records as fast as they come holds a part of them: its heap stays below 300 MiB.
func TestClickHouseReplayIsBounded(t *testing.T) {
	db, at := archive(t)
	if err := db.Migrate(t.Context(), clickhouse.Plan{}, nil); err != nil {
		t.Fatal(err)
	}
	const records = 80_000
	l := feed.LogID{Topic: "large", Format: "tick"}
	if err := db.Conn().Exec(t.Context(), fmt.Sprintf(`INSERT INTO %s (log, stripe, cluster, topic, topic_id, partition, format, symbol, offset, time, clock, vtime, absent, key, value)
SELECT toUInt64(%d), o - o %% 4096, '', 'large', '', toInt32(0), 'tick', 'DESK:S', o, 1790000000000000 + o * 1000, 1790000000000000 + o * 1000, toInt64(0), toUInt8(0), 'k',
  concat('{"t":"trade","venue":"DESK","symbol":"S","px":"1","qty":"', toString(o + 1), '","padding":"', %s, '"}')
FROM (SELECT toInt64(number) AS o FROM system.numbers LIMIT %d)`, db.Table("records"), clickhouse.Number(l), "arrayStringConcat(arrayMap(x -> '0123456789', range(500)))", records)); err != nil {
		t.Fatal(err)
	}
	out, _ := background(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--log-level", "error"}, at...)...)
	var socket string
	eventually(t, "its address", func() bool {
		if m := regexp.MustCompile(`'(ws://[^']*?/v1/replay)`).FindStringSubmatch(out.String()); m != nil {
			socket = m[1]
		}
		return socket != ""
	})
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var m runtime.MemStats
		most := uint64(0)
		for {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-stop:
				peak <- most
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	v := watch(t, socket+"?from=1&speed=max&interval=0&rooms=trades:DESK:S")
	close(stop)
	most := <-peak
	if v.end == nil || v.end.Entries != records {
		t.Errorf("it ended with %+v, want %d entries", v.end, records)
	}
	if most > 300<<20 {
		t.Errorf("its heap came to %d MiB", most>>20)
	}
	t.Logf("%d MiB at the most", most>>20)
}
