package kraken_test

import (
	"fmt"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/kraken"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// change is v2's change of n levels a side, and of other quantities each time.
func change(kind string, n, round int) string {
	var bids, asks []string
	for i := range n {
		bids = append(bids, fmt.Sprintf(`{"price":36%03d.5,"qty":%d.3000000%d}`, 999-i, 1+i%7, round%10))
		asks = append(asks, fmt.Sprintf(`{"price":37%03d.5,"qty":0.%07d%d}`, i, i*7919%10000000, 1+round%9))
	}
	return fmt.Sprintf(`{"channel":"book","type":%q,"data":[{"symbol":"BTC/USD","bids":[%s],"asks":[%s],"checksum":1,"timestamp":"2023-11-14T22:13:21.123456Z"}]}`,
		kind, strings.Join(bids, ","), strings.Join(asks, ","))
}

func BenchmarkDecode(b *testing.B) {
	for _, bench := range []struct {
		name   string
		format *feed.Format
		value  string
	}{
		{"v1/trade", kraken.V1, `[337,[["37000.10000","0.28245396","1700000000.826417","s","l",""]],"trade","XBT/USD"]`},
		{"v1/book/1", kraken.V1, `[336,{"a":[["37000.2","0.00000000","1700000002.123456"]],"c":"940394993"},"book-10","XBT/USD"]`},
		{"v2/trade", kraken.V2, `{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":37000.1,"qty":0.28245396,"ord_type":"market","trade_id":4665906,"timestamp":"2023-11-14T22:13:20.826417Z"}]}`},
		{"v2/book/4", kraken.V2, change("update", 2, 1)},
		{"v2/book/40", kraken.V2, change("update", 20, 1)},
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

// BenchmarkBook decodes and applies changes of 20 levels a side, without their checksums.
func BenchmarkBook(b *testing.B) {
	const rounds = 1000
	records := []feed.Record{{Value: []byte(change("snapshot", 100, 0))}}
	for i := range rounds {
		records = append(records, feed.Record{Value: []byte(change("update", 20, i))})
	}
	d := kraken.V2.New(feed.DefaultOptions())
	book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
	var batch market.Batch
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		batch.Reset()
		if err := d.Decode(&batch, &records[n%len(records)]); err != nil {
			b.Fatal(err)
		}
		batch.Events[0].Payload.(*market.Book).Check = nil
		if book.Apply(&batch.Events[0], snapshot.Cause{}); !book.Good() {
			b.Fatal("the book broke")
		}
	}
}

// BenchmarkCheck sums up the best ten levels of each side.
func BenchmarkCheck(b *testing.B) {
	r := &feed.Record{Value: []byte(change("snapshot", 10, 1))}
	var batch market.Batch
	if err := kraken.V2.New(feed.DefaultOptions()).Decode(&batch, r); err != nil {
		b.Fatal(err)
	}
	k := batch.Events[0].Payload.(*market.Book)
	b.ReportAllocs()
	for b.Loop() {
		k.Check.Sum(k.Bids, k.Asks)
	}
}
