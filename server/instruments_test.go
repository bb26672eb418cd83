package server

import (
	"strings"
	"testing"

	"tapedeck/market"
	"tapedeck/subscriptions"
)

// What is known of instruments beforehand is listed beside those that have had an event.
func TestSymbolsKnownBeforehand(t *testing.T) {
	tp := newTape(1)
	tp.add("trade BTC-USD 1 1 1")
	n := run(t, tp, func(c *Config) {
		c.Instruments = []subscriptions.Listed{
			{Symbol: &market.Symbol{Venue: "TEST", Native: "BTC-USD"}, Facts: market.Instrument{Tick: market.New(1, 2), Lot: market.New(5, 4)}},
			{Symbol: &market.Symbol{Venue: "TEST", Native: "xyz", Name: "X-YZ", Base: "X", Quote: "YZ", Kind: market.Perpetual},
				Facts: market.Instrument{Contract: market.Int(10), Currency: "YZ", Inverse: true}},
		}
	})
	want := `{"symbols":[{"venue":"TEST","symbol":"BTC-USD","native":"BTC-USD","kind":"spot","tick":"0.01","lot":"0.0005"},` +
		`{"venue":"TEST","symbol":"X-YZ","native":"xyz","base":"X","quote":"YZ","kind":"perpetual","contract":"10","currency":"YZ","inverse":true}]}`
	until(t, "the symbols are listed", func() bool {
		_, body, _ := get(t, n, "/v1/symbols")
		return strings.TrimSpace(body) == want
	})
}
