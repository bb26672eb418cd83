package coinbase_test

import (
	"fmt"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/coinbase"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// BenchmarkDecode decodes messages and applies those of a book.
func BenchmarkDecode(b *testing.B) {
	book, changes := "", ""
	for i := range 20 {
		book += fmt.Sprintf(`,["buy","36%03d.50","%d.32329"],["sell","37%03d.00","0.%08d"]`, 999-i, i%7+1, i, i*7919+1)
		changes += fmt.Sprintf(`,["buy","36%03d.50","%d.5"],["sell","37%03d.00","1.%08d"]`, 999-i, i%7+1, i, i*7919+1)
	}
	const tail = `],"time":"2023-11-14T22:13:20.100000Z"}`
	for _, bench := range []struct {
		name   string
		before string
		values []string // in turns
	}{
		{"trade", "", []string{`{"type":"match","trade_id":280232,"maker_order_id":"2a0da34e-61f7-4c36-88e5-c9dd15927b16","taker_order_id":"3c82abaa-c01e-4608-be59-6a1e69742891","side":"sell","size":"985","price":"0.00001305","product_id":"BTC-USD","sequence":177100030,"time":"2021-04-17T16:43:37.089723Z"}`}},
		{"l2update/1", `{"type":"snapshot","product_id":"BTC-USD","bids":[],"asks":[]}`, []string{
			`{"type":"l2update","product_id":"BTC-USD","changes":[["buy","36999.50","1.5"]` + tail, `{"type":"l2update","product_id":"BTC-USD","changes":[["buy","36999.50","2.5"]` + tail,
		}},
		{"l2update/40", `{"type":"snapshot","product_id":"BTC-USD","bids":[],"asks":[]}`, []string{
			`{"type":"l2update","product_id":"BTC-USD","changes":[` + book[1:] + tail, `{"type":"l2update","product_id":"BTC-USD","changes":[` + changes[1:] + tail,
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := coinbase.Format.New(feed.DefaultOptions())
			s := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
			var batch market.Batch
			var r feed.Record
			take := func(value []byte) {
				batch.Reset()
				r.Value = value
				if err := d.Decode(&batch, &r); err != nil {
					b.Fatal(err)
				}
				s.Apply(&batch.Events[0], snapshot.Cause{})
			}
			if bench.before != "" {
				take([]byte(bench.before))
			}
			var values [][]byte
			for _, v := range bench.values {
				values = append(values, []byte(v))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				take(values[i%len(values)])
			}
		})
	}
}

// BenchmarkFull decodes and applies a made session of the channel full; a message is one of its records.
func BenchmarkFull(b *testing.B) {
	records, _ := fullSession(1, 400)
	var batch market.Batch
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		d := coinbase.Format.New(feed.DefaultOptions())
		for i := range records {
			batch.Reset()
			if err := d.Decode(&batch, &records[i]); err != nil {
				b.Fatal(err)
			}
		}
		n += len(records)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/message")
}
