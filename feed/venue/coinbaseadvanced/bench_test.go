package coinbaseadvanced_test

import (
	"fmt"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/coinbaseadvanced"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// BenchmarkDecode decodes a trade, and decodes and applies a change of 20 levels a side.
func BenchmarkDecode(b *testing.B) {
	var levels [2][]string
	for i := range 20 {
		for q := range 2 {
			levels[q] = append(levels[q], fmt.Sprintf("bid 36%03d.50 %d.32329", 999-i, i%7+q), fmt.Sprintf("offer 37%03d.00 %d.%06d", i, q, i*7919+1))
		}
	}
	trade := `{"channel":"market_trades","client_id":"","timestamp":"2023-11-14T22:13:%02d.%06dZ","sequence_num":%d,"events":[{"type":"update","trades":[{"product_id":"ETH-USDT","trade_id":"22381691","price":"2375.56","size":"0.5","time":"2023-11-14T22:13:31.088388Z","side":"BUY"}]}]}`
	for name, make := range map[string]func(i int) []byte{
		"trade": func(i int) []byte { return fmt.Appendf(nil, trade, i/1000000, i%1000000, i) },
		"l2/40": func(i int) []byte { return message(i, update("BTC-USD", "update", levels[i%2]...)).Value },
	} {
		var values [][]byte
		for i := range 1000 {
			values = append(values, make(i))
		}
		b.Run(name, func(b *testing.B) {
			d := coinbaseadvanced.Format.New(feed.DefaultOptions())
			s := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
			s.Apply(&market.Event{Payload: &market.Book{Snapshot: true}}, snapshot.Cause{})
			var batch market.Batch
			r := feed.Record{Key: []byte("a")}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(values) == 0 {
					d = coinbaseadvanced.Format.New(feed.DefaultOptions())
				}
				batch.Reset()
				r.Value = values[i%len(values)]
				if err := d.Decode(&batch, &r); err != nil {
					b.Fatal(err)
				}
				s.Apply(&batch.Events[0], snapshot.Cause{})
			}
		})
	}
}
