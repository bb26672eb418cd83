package kucoin_test

import (
	"fmt"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/kucoin"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// change is a change of n levels a side, and of other quantities each time.
func change(n, round int) string {
	var bids, asks []string
	for i := range n {
		bids = append(bids, fmt.Sprintf(`["36%03d.5","%d.3%d","500%02d"]`, 999-i, 1+i%7, round%10, i))
		asks = append(asks, fmt.Sprintf(`["37%03d.5","0.%07d%d","501%02d"]`, i, i*7919%10000000, 1+round%9, i))
	}
	return fmt.Sprintf(`{"topic":"/market/level2:BTC-USDT","type":"message","subject":"trade.l2update","data":{"changes":{"asks":[%s],"bids":[%s]},"sequenceEnd":50199,"sequenceStart":50000,"symbol":"BTC-USDT","time":1700000000123}}`,
		strings.Join(asks, ","), strings.Join(bids, ","))
}

func BenchmarkDecode(b *testing.B) {
	for _, bench := range []struct {
		name   string
		format *feed.Format
		value  string
	}{
		{"trade", kucoin.Spot, `{"topic":"/market/match:BTC-USDT","type":"message","subject":"trade.l3match","data":{"makerOrderId":"6720a1c1a0b0c00007f0aaaa","price":"37000.2","sequence":"5008","side":"buy","size":"0.00331","symbol":"BTC-USDT","takerOrderId":"6720a1c1a0b0c00007f0bbbb","time":"1700000000123456789","tradeId":"5009123","type":"match"}}`},
		{"ticker", kucoin.Spot, `{"topic":"/market/ticker:BTC-USDT","type":"message","subject":"trade.ticker","data":{"bestAsk":"37000.3","bestAskSize":"0.25","bestBid":"37000.1","bestBidSize":"0.5","price":"37000.2","sequence":"5008","size":"0.00331","time":1700000000300}}`},
		{"level2/4", kucoin.Spot, change(2, 1)},
		{"level2/40", kucoin.Spot, change(20, 1)},
		{"futures trade", kucoin.Futures, `{"topic":"/contractMarket/execution:XBTUSDTM","type":"message","subject":"match","sn":9005,"data":{"symbol":"XBTUSDTM","sequence":9005,"side":"buy","size":5,"price":"37000.5","takerOrderId":"166754573174730752","makerOrderId":"166754559966867456","tradeId":"9005","ts":1700000000103000000}}`},
		{"futures level2", kucoin.Futures, `{"topic":"/contractMarket/level2:XBTUSDTM","type":"message","subject":"level2","sn":9001,"data":{"sequence":9001,"change":"37000.5,sell,83","timestamp":1700000000100}}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := bench.format.New(feed.DefaultOptions())
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
	var records []feed.Record
	for i := range 1000 {
		records = append(records, feed.Record{Value: []byte(change(20, i))})
	}
	d := kucoin.Spot.New(feed.DefaultOptions())
	book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
	var batch market.Batch
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		batch.Reset()
		if err := d.Decode(&batch, &records[n%len(records)]); err != nil {
			b.Fatal(err)
		}
		k := batch.Events[0].Payload.(*market.Book)
		k.First, k.Last = int64(n), int64(n) // the records come again and again
		if k.Snapshot = n == 0; k.Snapshot {
			k.Chain = nil
		}
		if book.Apply(&batch.Events[0], snapshot.Cause{}); !book.Good() {
			b.Fatal("the book broke")
		}
	}
}
