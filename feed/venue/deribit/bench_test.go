package deribit_test

import (
	"fmt"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/deribit"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// change is a change of n levels a side.
func change(n, prev, size int) string {
	bids, asks := "", ""
	for i := range n {
		bids += fmt.Sprintf(`,["change",%d.5,%d.0]`, 37000-i, size+i)
		asks += fmt.Sprintf(`,["change",%d.0,%d.0]`, 37001+i, size+i)
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.BTC-PERPETUAL.100ms","data":{"type":"change","timestamp":1700000000100,`+
		`"prev_change_id":%d,"instrument_name":"BTC-PERPETUAL","change_id":%d,"bids":[%s],"asks":[%s]}}}`, prev, prev+1, bids[1:], asks[1:])
}

// BenchmarkDecode decodes a message, and applies it where it is of a book: each as the one that follows, with
// one level that changed.
func BenchmarkDecode(b *testing.B) {
	for _, bench := range []struct{ name, value string }{
		{"trade", `{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.BTC-PERPETUAL.raw","data":[{"trade_seq":190000001,"trade_id":"270000001","timestamp":1700000000123,"tick_direction":3,"price":37000.5,"mark_price":37000.42,"instrument_name":"BTC-PERPETUAL","index_price":36990.11,"direction":"sell","contracts":12.0,"amount":120.0}]}}`},
		{"quote", `{"jsonrpc":"2.0","method":"subscription","params":{"channel":"quote.BTC-PERPETUAL","data":{"timestamp":1700000000000,"instrument_name":"BTC-PERPETUAL","best_bid_price":37000.5,"best_bid_amount":12000.0,"best_ask_price":37001.0,"best_ask_amount":8000.0}}}`},
		{"book/4", change(2, 5, 100)},
		{"book/40", change(20, 5, 100)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := deribit.Format.New(feed.DefaultOptions())
			book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
			r := &feed.Record{Value: []byte(bench.value)}
			var batch market.Batch
			b.ReportAllocs()
			b.SetBytes(int64(len(r.Value)))
			n := int64(0)
			for b.Loop() {
				batch.Reset()
				if err := d.Decode(&batch, r); err != nil {
					b.Fatal(err)
				}
				if k, ok := batch.Events[0].Payload.(*market.Book); ok {
					k.Snapshot, k.Prev, k.Last = n == 0, n, n+1
					k.Bids[0].Qty = market.Int(n + 1)
					n++
				}
				book.Apply(&batch.Events[0], snapshot.Cause{})
			}
		})
	}
}
