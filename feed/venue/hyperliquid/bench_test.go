package hyperliquid_test

import (
	"fmt"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/hyperliquid"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// wholeBook is a book of n levels a side.
func wholeBook(ms, n, size int) string {
	var sides [2][]string
	for i := range n {
		sides[0] = append(sides[0], fmt.Sprintf(`{"px":"%d.0","sz":"%d.14286","n":%d}`, 37000-i, size+i, i+1))
		sides[1] = append(sides[1], fmt.Sprintf(`{"px":"%d.0","sz":"%d.34472","n":%d}`, 37001+i, size+i, i+1))
	}
	return fmt.Sprintf(`{"channel":"l2Book","data":{"coin":"BTC","time":%d,"levels":[[%s],[%s]]}}`,
		ms, strings.Join(sides[0], ","), strings.Join(sides[1], ","))
}

// BenchmarkDecode decodes a message, and applies it where it is of a book.
func BenchmarkDecode(b *testing.B) {
	for _, bench := range []struct{ name, even, odd string }{
		{"trade", `{"channel":"trades","data":[{"coin":"BTC","side":"B","px":"37000.5","sz":"0.0021","time":1700000000123,"hash":"0xde477894bfb2b4eac0a8041c9228ca013100955485522c8e6e787dfa0077475b","tid":121451470284048,"users":["0xe9ed7e16612d676df804f5aecd16e1f9bf9ec9dd","0x6802b4267f7f2bf7003dcf993c51542245b38329"]}]}`, ""},
		{"quote", `{"channel":"bbo","data":{"coin":"BTC","time":1700000000292,"bbo":[{"px":"37000.0","sz":"42.09","n":1},{"px":"37001.0","sz":"100.26","n":2}]}}`, ""},
		{"book/40", wholeBook(1700000000542, 20, 100), wholeBook(1700000000542, 20, 200)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := hyperliquid.Format.New(feed.DefaultOptions())
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
