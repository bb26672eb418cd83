package bitstamp_test

import (
	"fmt"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/bitstamp"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// BenchmarkDecode decodes a trade, and decodes and applies a change of 20 levels a side.
func BenchmarkDecode(b *testing.B) {
	change := func(i int) string {
		bids, asks := "", ""
		for j := range 20 {
			bids += fmt.Sprintf(`,["36%03d.50","%d.32329000"]`, 999-j, (i+j)%7+1)
			asks += fmt.Sprintf(`,["37%03d.00","%d.%08d"]`, j, i%2, j*7919+1)
		}
		return fmt.Sprintf(`{"data":{"timestamp":"1700000000","microtimestamp":"17000000%08d","bids":[%s],"asks":[%s]},"channel":"diff_order_book_btcusd","event":"data"}`, i+1, bids[1:], asks[1:])
	}
	var changes []string
	for i := range 1000 {
		changes = append(changes, change(i))
	}
	for _, bench := range []struct {
		name   string
		values []string // in turns
	}{
		{"trade", []string{`{"data":{"id":216000477,"timestamp":"1641343699","amount":0.0792,"amount_str":"0.07920000","price":3805.44,"price_str":"3805.44","type":0,"microtimestamp":"1641343699596000","buy_order_id":1443875737346049,"sell_order_id":1443875731320832},"channel":"live_trades_ethusd","event":"trade"}`}},
		{"diff/40", changes},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := bitstamp.Format.New(feed.DefaultOptions())
			empty := &market.Event{Payload: &market.Book{Snapshot: true}}
			s := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
			var batch market.Batch
			var r feed.Record
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(bench.values) == 0 {
					s.Apply(empty, snapshot.Cause{})
				}
				batch.Reset()
				r.Value = append(r.Value[:0], bench.values[i%len(bench.values)]...)
				if err := d.Decode(&batch, &r); err != nil {
					b.Fatal(err)
				}
				s.Apply(&batch.Events[0], snapshot.Cause{})
			}
		})
	}
}
