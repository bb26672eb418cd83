package bitfinex_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/bitfinex"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// BenchmarkDecode decodes a message, and applies it where it is of a book. Changes of a book come one by one, or
// together where the connection asked for it.
func BenchmarkDecode(b *testing.B) {
	var rows []string
	for i := range 20 {
		rows = append(rows, fmt.Sprintf("[%d.5,2,%d.32329]", 37000-i, 1+i%7), fmt.Sprintf("[%d.5,1,-%d.32329]", 37001+i, 1+i%7))
	}
	for _, bench := range []struct{ name, value string }{
		{"trade", `[2,"te",[401597395,1700000000123,0.0015,37000.5],77]`},
		{"book/1", `[1,[37000.5,3,0.75],77]`},
		{"book/40", `[1,[` + strings.Join(rows, ",") + `],77]`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := bitfinex.Format.New(feed.DefaultOptions())
			book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
			var batch market.Batch
			for _, value := range []string{
				`{"event":"conf","status":"OK","flags":536870912}`,
				`{"event":"subscribed","channel":"book","chanId":1,"symbol":"tBTCUSD","prec":"P0","len":"100"}`,
				`{"event":"subscribed","channel":"trades","chanId":2,"symbol":"tBTCUSD"}`,
				`[1,[` + strings.Join(rows, ",") + `]]`,
			} {
				if err := d.Decode(&batch, &feed.Record{Value: []byte(value)}); err != nil && !errors.Is(err, feed.Ignored) {
					b.Fatal(err)
				}
			}
			book.Apply(&batch.Events[0], snapshot.Cause{})
			r := &feed.Record{Value: []byte(strings.Replace(bench.value, ",77]", "]", 1))}
			b.ReportAllocs()
			b.SetBytes(int64(len(r.Value)))
			n := int64(0)
			for b.Loop() {
				batch.Reset()
				if err := d.Decode(&batch, r); err != nil {
					b.Fatal(err)
				}
				if k, ok := batch.Events[0].Payload.(*market.Book); ok {
					k.Bids[0].Qty = market.Int(n + 1)
					n++
				}
				book.Apply(&batch.Events[0], snapshot.Cause{})
			}
		})
	}
}
