package bitget_test

import (
	"fmt"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/bitget"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// change is a change of n levels a side, and of other quantities each time.
func change(n, round int) string {
	var bids, asks []string
	for i := range n {
		bids = append(bids, fmt.Sprintf(`["36%03d.5","%d.3%d"]`, 999-i, 1+i%7, round%10))
		asks = append(asks, fmt.Sprintf(`["37%03d.5","0.%07d%d"]`, i, i*7919%10000000, 1+round%9))
	}
	return fmt.Sprintf(`{"action":"update","arg":{"instType":"USDT-FUTURES","channel":"books","instId":"BTCUSDT"},"data":[{"asks":[%s],"bids":[%s],"checksum":0,"seq":1304314508780507201,"ts":"1700000000300"}],"ts":1700000000303}`,
		strings.Join(asks, ","), strings.Join(bids, ","))
}

func BenchmarkDecode(b *testing.B) {
	for _, bench := range []struct{ name, value string }{
		{"trade", `{"action":"update","arg":{"instType":"USDT-FUTURES","channel":"trade","instId":"BTCUSDT"},"data":[{"ts":"1700000000202","price":"37000.2","size":"0.013","side":"sell","tradeId":"1111111111111111112"}],"ts":1700000000205}`},
		{"books1", strings.NewReplacer(`"books"`, `"books1"`, `"update"`, `"snapshot"`).Replace(change(1, 1))},
		{"books/4", change(2, 1)},
		{"books/40", change(20, 1)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := bitget.USDT.New(feed.DefaultOptions())
			r := &feed.Record{Value: []byte(bench.value)}
			var batch market.Batch
			b.ReportAllocs()
			b.SetBytes(int64(len(r.Value)))
			for b.Loop() {
				batch.Reset()
				if err := d.Decode(&batch, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBook decodes and applies changes of 20 levels a side that follow each other.
func BenchmarkBook(b *testing.B) {
	records := []feed.Record{{Value: []byte(strings.Replace(change(200, 0), `"update"`, `"snapshot"`, 1))}}
	for i := range 1000 {
		records = append(records, feed.Record{Value: []byte(change(20, i))})
	}
	d := bitget.USDT.New(feed.DefaultOptions())
	book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
	var batch market.Batch
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		batch.Reset()
		if err := d.Decode(&batch, &records[n%len(records)]); err != nil {
			b.Fatal(err)
		}
		k := batch.Events[0].Payload.(*market.Book)
		k.Last, k.Prev = int64(n), int64(n-1) // the records come again and again
		if book.Apply(&batch.Events[0], snapshot.Cause{}); !book.Good() {
			b.Fatal("the book broke")
		}
	}
}
