package gemini_test

import (
	"fmt"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/gemini"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// BenchmarkDecode decodes a trade, and decodes and applies a change of 20 levels a side.
func BenchmarkDecode(b *testing.B) {
	change := func(qty int) string {
		text := ""
		for i := range 20 {
			text += fmt.Sprintf(`,["buy","36%03d.50","%d.32329"],["sell","37%03d.00","%d.%06d"]`, 999-i, i%7+qty, i, qty, i*7919+1)
		}
		return `{"type":"l2_updates","symbol":"BTCUSD","changes":[` + text[1:] + `]}`
	}
	for _, bench := range []struct {
		name   string
		values []string // in turns
	}{
		{"trade", []string{`{"type":"trade","symbol":"ANKRUSD","event_id":45465818387,"timestamp":1624493670759,"price":"0.07946","quantity":"1020.482111","side":"buy"}`}},
		{"l2/40", []string{change(1), change(2)}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := gemini.Format.New(feed.DefaultOptions())
			s := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
			s.Apply(&market.Event{Payload: &market.Book{Snapshot: true}}, snapshot.Cause{})
			var batch market.Batch
			var r feed.Record
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				batch.Reset()
				r.Value = append(r.Value[:0], bench.values[i%len(bench.values)]...)
				if err := d.Decode(&batch, &r); err != nil {
					b.Fatal(err)
				}
				s.Apply(&batch.Events[0], snapshot.Cause{})
			}
		})
	}
}
