package binance_test

import (
	"errors"
	"io"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/market"
)

// BenchmarkSession decodes a recorded session over and over: trades, quotes and changes of the book as
// they come.
func BenchmarkSession(b *testing.B) {
	for _, rec := range recordings[:6] {
		b.Run(rec.files[0], func(b *testing.B) {
			session := feedtest.Session(b, "sessions/"+rec.files[0]+".raw.gz")
			var records []feed.Record
			for {
				m, err := session.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					b.Fatal(err)
				}
				records = append(records, feed.Record{Value: append([]byte(nil), m.Data...), Key: []byte(rec.symbol)})
			}
			d := rec.format.New(feed.DefaultOptions())
			var batch market.Batch
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				batch.Reset()
				if err := d.Decode(&batch, &records[i%len(records)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
