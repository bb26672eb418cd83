package bybit_test

import (
	"fmt"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/bybit"
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
	return fmt.Sprintf(`{"topic":"orderbook.500.BTCUSDT","type":"delta","ts":1700000000200,"data":{"s":"BTCUSDT","b":[%s],"a":[%s],"u":18521288,"seq":7961638724},"cts":1700000000195}`,
		strings.Join(bids, ","), strings.Join(asks, ","))
}

func BenchmarkDecode(b *testing.B) {
	for _, bench := range []struct{ name, value string }{
		{"trade", `{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1700000000101,"data":[{"T":1700000000099,"s":"BTCUSDT","S":"Sell","v":"0.001","p":"37000.10","L":"ZeroMinusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false,"RPI":true,"seq":1783284617}]}`},
		{"orderbook.1", `{"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":1700000000100,"data":{"s":"BTCUSDT","b":[["37000.1","0.5"]],"a":[["37000.2","1.25"]],"u":5510741,"seq":210977790179},"cts":1700000000095}`},
		{"orderbook/4", change(2, 1)},
		{"orderbook/40", change(20, 1)},
		{"ticker", `{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","markPrice":"37000.40","openInterest":"68744.760","openInterestValue":"2543578805.91"},"cs":24987956062,"ts":1700000000202}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := bybit.Linear.New(feed.DefaultOptions())
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
	records := []feed.Record{{Value: []byte(strings.Replace(change(200, 0), `"delta"`, `"snapshot"`, 1))}}
	for i := range 1000 {
		records = append(records, feed.Record{Value: []byte(change(20, i))})
	}
	d := bybit.Linear.New(feed.DefaultOptions())
	book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
	var batch market.Batch
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		batch.Reset()
		if err := d.Decode(&batch, &records[n%len(records)]); err != nil {
			b.Fatal(err)
		}
		batch.Events[0].Payload.(*market.Book).Last = int64(n) // the records come again and again
		if book.Apply(&batch.Events[0], snapshot.Cause{}); !book.Good() {
			b.Fatal("the book broke")
		}
	}
}
