package coinbase_test

import (
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/coinbase"
	"tapedeck/market"
)

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
