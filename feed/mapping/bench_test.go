package mapping_test

import (
	"strings"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/venue/binance"
	"tapedeck/market"
)

// BenchmarkDecode says how many times longer a mapping takes than the decoder that was written by hand, in the same run.
func BenchmarkDecode(b *testing.B) {
	side := func(price string) string { return "[" + strings.Repeat(`,["`+price+`","0.32329000"]`, 20)[1:] + "]" }
	for _, bench := range []struct{ name, value string }{
		{"trade", `{"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000125,"s":"BTCUSDT","t":3000000001,"p":"37000.01000000","q":"0.00150000","T":1700000000123,"m":true,"M":true}}`},
		{"quote", `{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"37000.00000000","B":"3.78826000","a":"37000.01000000","A":"1.54698000"}}`},
		{"depth-40", `{"stream":"btcusdt@depth","data":{"e":"depthUpdate","E":1700000000200,"s":"BTCUSDT","U":50093239189,"u":50093239202,"b":` + side("36999.50000000") + `,"a":` + side("37000.50000000") + `}}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := &feed.Record{Value: []byte(bench.value)}
			decoding := func(f *feed.Format) func() {
				d := f.New(feed.DefaultOptions())
				var batch market.Batch
				return func() {
					batch.Reset()
					if err := d.Decode(&batch, r); err != nil {
						b.Fatal(err)
					}
				}
			}
			ours, theirs := decoding(mappingsOf(b, "binance.yaml")["binance-by-hand"]), decoding(binance.Spot)
			b.ReportAllocs()
			b.SetBytes(int64(len(r.Value)))
			for b.Loop() {
				ours()
			}
			b.ReportMetric(ratio(ours, theirs), "x-by-hand")
		})
	}
}

// ratio says how many times longer ours takes, from the shortest of many runs in turns: so that it does not matter what
// else the machine does.
func ratio(ours, theirs func()) float64 {
	took := [2]time.Duration{time.Hour, time.Hour}
	for range 100 {
		for i, f := range []func(){ours, theirs} {
			start := time.Now()
			for range 20 {
				f()
			}
			took[i] = min(took[i], time.Since(start))
		}
	}
	return float64(took[0]) / float64(took[1])
}
