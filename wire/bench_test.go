package wire

import (
	"strings"
	"testing"

	"tapedeck/market"
)

func someTrade() market.Trade {
	id, _ := market.MakeID("4123456789")
	return market.Trade{ID: id, Price: market.MustDecimal("61837.63000000"), Qty: market.MustDecimal("0.00123000"), Side: market.Buy, Time: 1790001234567890}
}

func someLevels(n int) []market.Level {
	levels := make([]market.Level, n)
	for i := range levels {
		levels[i] = market.Level{Price: market.New(6183763000000+int64(i)*1000000, 8), Qty: market.New(12345000+int64(i), 8)}
	}
	return levels
}

// typical are the messages that a server sends most of.
func typical() map[string]func(e Encoding, dst []byte) []byte {
	quote := market.Quote{
		BidPrice: market.MustDecimal("61837.63000000"), BidQty: market.MustDecimal("1.20000000"),
		AskPrice: market.MustDecimal("61837.64000000"), AskQty: market.MustDecimal("0.00100000"),
	}
	update := func(channel string, body market.Body) func(Encoding, []byte) []byte {
		m := &Update{Room: channel + ":BINANCE:BTC-USDT", Prev: 123456788, Seq: 123456789, N: 1, Time: 1790001234567999, VenueTime: 1790001234567890, Body: body}
		return func(e Encoding, dst []byte) []byte { return e.AppendUpdate(dst, m) }
	}
	whole := &Snapshot{Room: "book:BINANCE:BTC-USDT", Epoch: "q1w2e3r4t5y6", Seq: 123456789, Time: 1790001234567999, Body: &market.Book{Bids: someLevels(1000), Asks: someLevels(1000)}}
	return map[string]func(Encoding, []byte) []byte{
		"trade":         update("trades", &market.Tape{Trades: []market.Trade{someTrade()}}),
		"quote":         update("quotes", &quote),
		"book20+20":     update("book", &market.Book{Bids: someLevels(20), Asks: someLevels(20)}),
		"book1000+1000": func(e Encoding, dst []byte) []byte { return e.AppendSnapshot(dst, whole) },
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, write := range typical() {
		for _, e := range Encodings {
			short := e.Name()[strings.LastIndexByte(e.Name(), '.')+1:]
			b.Run(name+"/"+short, func(b *testing.B) {
				dst := write(e, nil)
				b.SetBytes(int64(len(dst)))
				b.ReportAllocs()
				for b.Loop() {
					dst = write(e, dst[:0])
				}
			})
		}
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	for name, write := range typical() {
		for _, e := range Encodings {
			dst := write(e, nil)
			if n := testing.AllocsPerRun(100, func() { dst = write(e, dst[:0]) }); n != 0 {
				t.Errorf("%s %s: %v allocations", e.Name(), name, n)
			}
		}
	}
}
