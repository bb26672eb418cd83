package binance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/binance"
	"tapedeck/market"
)

// depthMessage is a change of n levels a side, in the form of the stream.
func depthMessage(n int) string {
	bids, asks := "", ""
	for i := range n {
		bids += fmt.Sprintf(`,["36%03d.50000000","%d.32329000"]`, 999-i, i%7)
		asks += fmt.Sprintf(`,["37%03d.00000000","0.%08d"]`, i, i*7919%100000000)
	}
	return `{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1700000000200,"s":"BTCUSDT","U":50093239189,"u":50093239202,"b":[` +
		bids[1:] + `],"a":[` + asks[1:] + `]}}`
}

// BenchmarkDecode says besides how many times longer encoding/json takes for the same in the same run.
func BenchmarkDecode(b *testing.B) {
	for _, bench := range []struct {
		name  string
		value string
		into  func() any
	}{
		{"trade", `{"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000125,"s":"BTCUSDT","t":3000000001,"p":"37000.01000000","q":"0.00150000","T":1700000000123,"m":true,"M":true}}`, func() any { return new(tradeMessage) }},
		{"bookTicker", `{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"37000.00000000","B":"3.78826000","a":"37000.01000000","A":"1.54698000"}}`, func() any { return new(quoteMessage) }},
		{"depth/4", depthMessage(2), func() any { return new(bookMessage) }},
		{"depth/40", depthMessage(20), func() any { return new(bookMessage) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := binance.Spot.New(feed.DefaultOptions())
			r := &feed.Record{Value: []byte(bench.value)}
			var batch market.Batch
			ours := func() {
				batch.Reset()
				if err := d.Decode(&batch, r); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(r.Value)))
			for b.Loop() {
				ours()
			}
			b.ReportMetric(ratio(ours, func() {
				if err := json.Unmarshal(r.Value, bench.into()); err != nil {
					b.Fatal(err)
				}
			}), "x-encoding/json")
		})
	}
}

// ratio says how many times longer theirs takes, from the shortest of many runs in turns: so that it
// does not matter what else the machine does.
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
	return float64(took[1]) / float64(took[0])
}

// These are what a decoder by encoding/json would need: every key is declared, since it matches them
// without regard to case.
type (
	tradeMessage struct {
		Stream string
		Data   struct {
			Kind   string `json:"e"`
			Event  int64  `json:"E"`
			Symbol string `json:"s"`
			ID     int64  `json:"t"`
			Time   int64  `json:"T"`
			Price  string `json:"p"`
			Qty    string `json:"q"`
			Maker  bool   `json:"m"`
			Old    bool   `json:"M"`
		}
	}
	quoteMessage struct {
		Stream string
		Data   struct {
			ID       int64  `json:"u"`
			Symbol   string `json:"s"`
			BidPrice string `json:"b"`
			BidQty   string `json:"B"`
			AskPrice string `json:"a"`
			AskQty   string `json:"A"`
		}
	}
	bookMessage struct {
		Stream string
		Data   struct {
			Kind   string      `json:"e"`
			Event  int64       `json:"E"`
			Symbol string      `json:"s"`
			First  int64       `json:"U"`
			Last   int64       `json:"u"`
			Bids   [][2]string `json:"b"`
			Asks   [][2]string `json:"a"`
		}
	}
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
				if err == io.EOF {
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
