package subscriptions_test

import (
	"testing"

	"tapedeck/feed/checkpoint"
	"tapedeck/market"
	"tapedeck/subscriptions"
)

// A log of 100 symbols with whole books, a day of minutes and a full tape each: how long its writer stands still.
func BenchmarkSaveLoad(b *testing.B) {
	cfg := subscriptions.Config{Widths: []string{"1m"}}
	h := subscriptions.NewHub(cfg)
	h.AddVenue("V", derived)
	at := subscriptions.LogStart{Topic: "t", Epoch: "e"}
	l := h.Open(at, derived)
	var batch market.Batch
	off := int64(0)
	var clock int64 = 1_700_000_000e6
	syms := make([]*market.Symbol, 100)
	for i := range syms {
		n := string(rune('A'+i/26)) + string(rune('A'+i%26))
		syms[i] = &market.Symbol{Venue: "V", Name: n + "-USD", Native: n}
	}
	for i, s := range syms {
		batch.Reset()
		k := batch.Book(s, clock)
		k.Snapshot = true
		for j := range 5000 {
			k.Bids = append(k.Bids, market.Level{Price: market.New(int64(5000000-j), 2), Qty: market.New(int64(12345+j+i), 5)})
			k.Asks = append(k.Asks, market.Level{Price: market.New(int64(5000001+j), 2), Qty: market.New(int64(12345+j), 5)})
		}
		l.Apply(off, clock, 0, 0, batch.Events)
		off++
	}
	for m := range 1500 {
		clock += 60e6
		for _, s := range syms {
			batch.Reset()
			for range 2 {
				t := batch.Trade(s, clock)
				t.Price, t.Qty = market.New(5000000+int64(m), 2), market.New(12345, 5)
				t.ID, _ = market.MakeID("1234567890")
			}
			l.Apply(off, clock, 0, 0, batch.Events)
			off++
		}
	}
	var all []byte
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			all = saved(l)
		}
		b.ReportMetric(float64(len(all)), "bytes")
	})
	b.Run("step", func(b *testing.B) { // for so long the writer stands still at a time
		var saving *subscriptions.Saving
		for b.Loop() {
			if saving == nil || !saving.Step() {
				saving = l.Begin()
			}
		}
	})
	b.Run("seal", func(b *testing.B) {
		sealed := 0
		for b.Loop() {
			sealed = len(checkpoint.Seal(checkpoint.Header{}, [][]byte{all}))
		}
		b.ReportMetric(float64(sealed), "bytes")
	})
	at.From = off
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			h := subscriptions.NewHub(cfg)
			if _, err := h.Load(market.NewLoader(all), at, derived); err != nil {
				b.Fatal(err)
			}
		}
	})
}
