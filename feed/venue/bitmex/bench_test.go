package bitmex_test

import (
	"fmt"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/bitmex"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// change is a change of n levels a side, with prices.
func change(action string, n, size int) string {
	var rows []string
	for i := range n {
		for side, price := range map[string]int{"Buy": 37000 - i, "Sell": 37001 + i} {
			rows = append(rows, fmt.Sprintf(`{"symbol":"XBTUSD","id":%d,"side":%q,"size":%d,"price":%d.5,"timestamp":"2023-11-14T22:13:20.000Z"}`,
				8799000000+price, side, size+i, price))
		}
	}
	return `{"table":"orderBookL2","action":"` + action + `","data":[` + strings.Join(rows, ",") + `]}`
}

// BenchmarkDecode decodes a message, and applies it where it is of a book.
func BenchmarkDecode(b *testing.B) {
	for _, bench := range []struct{ name, even, odd string }{
		{"trade", `{"table":"trade","action":"insert","data":[{"timestamp":"2023-11-14T22:13:20.123Z","symbol":"XBTUSD","side":"Sell","size":1500,"price":37380.5,"tickDirection":"MinusTick","trdMatchID":"00000000-006d-1000-0000-0000abcdef01","grossValue":4012800,"homeNotional":0.040128,"foreignNotional":1500,"trdType":"Regular"}]}`, ""},
		{"quote", `{"table":"quote","action":"insert","data":[{"timestamp":"2023-11-14T22:13:20.000Z","symbol":"XBTUSD","bidSize":250,"bidPrice":37380,"askPrice":37380.5,"askSize":4100}]}`, ""},
		{"book/1", change("update", 1, 100), change("update", 1, 200)},
		{"book/40", change("update", 20, 100), change("update", 20, 200)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := bitmex.Format.New(feed.DefaultOptions())
			book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
			var batch market.Batch
			var r feed.Record
			apply := func(value []byte) {
				batch.Reset()
				r.Value = value
				if err := d.Decode(&batch, &r); err != nil {
					b.Fatal(err)
				}
				book.Apply(&batch.Events[0], snapshot.Cause{})
			}
			apply([]byte(change("partial", 100, 7)))
			values := [2][]byte{[]byte(bench.even), []byte(bench.odd)}
			if bench.odd == "" {
				values[1] = values[0]
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(values[0])))
			n := 0
			for b.Loop() {
				apply(values[n&1])
				n++
			}
		})
	}
}
