package okx_test

import (
	"fmt"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/okx"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// change is a change of n levels a side, and of other quantities each time.
func change(n, round int) string {
	var bids, asks []string
	for i := range n {
		bids = append(bids, fmt.Sprintf(`["36%03d.5","%d.3%d","0","3"]`, 999-i, 1+i%7, round%10))
		asks = append(asks, fmt.Sprintf(`["37%03d.5","0.%07d%d","0","12"]`, i, i*7919%10000000, 1+round%9))
	}
	return fmt.Sprintf(`{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[%s],"bids":[%s],"ts":"1700000000200","checksum":0,"prevSeqId":%d,"seqId":%d}]}`,
		strings.Join(asks, ","), strings.Join(bids, ","), round, round+1)
}

func BenchmarkDecode(b *testing.B) {
	for _, bench := range []struct{ name, value string }{
		{"trade", `{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"37000.1","sz":"0.12060306","side":"buy","ts":"1630048897897","count":"3"}]}`},
		{"bbo-tbt", `{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["37000.2","11","0","2"]],"bids":[["37000.1","5","0","9"]],"ts":"1700000000123","seqId":61000000007}]}`},
		{"books/4", change(2, 1)},
		{"books/40", change(20, 1)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := okx.Format.New(feed.DefaultOptions())
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
	const rounds = 1000
	first := strings.NewReplacer(`"update"`, `"snapshot"`, `"prevSeqId":0,"seqId":1`, `"prevSeqId":-1,"seqId":0`).Replace(change(200, 0))
	records := []feed.Record{{Value: []byte(first)}}
	for i := range rounds {
		records = append(records, feed.Record{Value: []byte(change(20, i))})
	}
	d := okx.Format.New(feed.DefaultOptions())
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

// BenchmarkCheck sums up the best 25 levels of each side.
func BenchmarkCheck(b *testing.B) {
	r := &feed.Record{Value: []byte(strings.Replace(change(25, 1), `"checksum":0`, `"checksum":1`, 1))}
	var batch market.Batch
	if err := okx.Format.New(feed.DefaultOptions()).Decode(&batch, r); err != nil {
		b.Fatal(err)
	}
	k := batch.Events[0].Payload.(*market.Book)
	b.ReportAllocs()
	for b.Loop() {
		k.Check.Sum(k.Bids, k.Asks)
	}
}
