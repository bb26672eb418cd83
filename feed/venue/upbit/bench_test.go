package upbit_test

import (
	"fmt"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/upbit"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// wholeBook is a book of n levels a side.
func wholeBook(n, size int) string {
	var units []string
	for i := range n {
		units = append(units, fmt.Sprintf(`{"ap":%d.0,"bp":%d.0,"as":%d.46037885,"bs":%d.68244561}`, 48500000+1000*(i+1), 48500000-1000*i, size+i, size+i))
	}
	return `{"ty":"orderbook","cd":"KRW-BTC","tms":1700000000640,"tas":25.55420627,"tbs":14.20098682,"obu":[` + strings.Join(units, ",") + `],"st":"REALTIME"}`
}

// BenchmarkDecode decodes a message, and applies it where it is of a book.
func BenchmarkDecode(b *testing.B) {
	for _, bench := range []struct{ name, even, odd string }{
		{"trade", `{"ty":"trade","cd":"KRW-BTC","tms":1700000000640,"td":"2023-11-14","ttm":"22:13:20","ttms":1700000000123,"tp":48500000.0,"tv":0.00210000,"ab":"BID","pcp":48000000.00000000,"c":"RISE","cp":500000.00000000,"sid":1700000000123000,"st":"REALTIME"}`, ""},
		{"book/30", wholeBook(15, 100), wholeBook(15, 200)},
		{"book/40", wholeBook(20, 100), wholeBook(20, 200)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := upbit.Format.New(feed.DefaultOptions())
			book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
			values := [2][]byte{[]byte(bench.even), []byte(bench.odd)}
			if bench.odd == "" {
				values[1] = values[0]
			}
			var batch market.Batch
			var r feed.Record
			b.ReportAllocs()
			b.SetBytes(int64(len(values[0])))
			n := 0
			for b.Loop() {
				batch.Reset()
				r.Value = values[n&1]
				n++
				if err := d.Decode(&batch, &r); err != nil {
					b.Fatal(err)
				}
				book.Apply(&batch.Events[0], snapshot.Cause{})
			}
		})
	}
}
