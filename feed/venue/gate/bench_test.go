package gate_test

import (
	"fmt"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/gate"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// change is a change of n levels a side, and of other quantities each time; form writes a level.
func change(form string, n, round int) string {
	var bids, asks []string
	for i := range n {
		bids = append(bids, fmt.Sprintf(form, fmt.Sprintf("36%03d.5", 999-i), fmt.Sprintf("%d.3%d", 1+i%7, round%10)))
		asks = append(asks, fmt.Sprintf(form, fmt.Sprintf("37%03d.5", i), fmt.Sprintf("0.%07d%d", i*7919%10000000, 1+round%9)))
	}
	return fmt.Sprintf(`{"time":1700000000,"time_ms":1700000000133,"channel":"spot.order_book_update","event":"update","result":{"t":1700000000123,"e":"depthUpdate","E":1700000000,"s":"BTC_USDT","U":48776301,"u":48776306,"b":[%s],"a":[%s]}}`,
		strings.Join(bids, ","), strings.Join(asks, ","))
}

const (
	spotLevel    = `["%s","%s"]`
	futuresLevel = `{"p":"%s","s":%s}`
)

func BenchmarkDecode(b *testing.B) {
	futures := strings.NewReplacer("spot.", "futures.")
	for _, bench := range []struct {
		name   string
		format *feed.Format
		value  string
	}{
		{"trade", gate.Spot, `{"time":1700000000,"time_ms":1700000000231,"channel":"spot.trades","event":"update","result":{"id":309143071,"create_time":1700000000,"create_time_ms":"1700000000213.4578","side":"sell","currency_pair":"BTC_USDT","amount":"0.4700000000","price":"37000.1","range":"2390902-2390902"}}`},
		{"update/4", gate.Spot, change(spotLevel, 2, 1)},
		{"update/40", gate.Spot, change(spotLevel, 20, 1)},
		{"futures trade", gate.Futures, `{"channel":"futures.trades","event":"update","time":1700000000,"time_ms":1700000000123,"result":[{"size":-108,"id":27753479,"create_time":1700000000,"create_time_ms":1700000000113,"price":"37000.1","contract":"BTC_USDT"}]}`},
		{"futures update/40", gate.Futures, futures.Replace(change(futuresLevel, 20, 1))},
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
		records = append(records, feed.Record{Value: []byte(change(spotLevel, 20, i))})
	}
	d := gate.Spot.New(feed.DefaultOptions())
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
