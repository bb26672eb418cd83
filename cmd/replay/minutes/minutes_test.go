package minutes

import (
	"fmt"
	"testing"

	"tapedeck/feed"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// Every minute of every symbol is told once, also that of the symbol whose own trade is the first after it.
func TestEveryMinute(t *testing.T) {
	symbols := []*market.Symbol{{Venue: "V", Name: "A"}, {Venue: "V", Name: "B"}}
	m := New(true, feed.Derived, 0)
	var clock market.Clock
	told, over := map[string]int{}, int64(0)
	const begin, minutes = 1_700_000_040_000_000, 10
	for at := int64(begin); at < begin+minutes*60e6+10e6; at += 7e6 {
		clock.Observe(at)
		var b market.Batch
		trade := b.Trade(symbols[at/7e6%2], at)
		trade.Price, trade.Qty = market.Int(1), market.Int(1)
		was := over
		over = snapshot.Over(clock.Now())
		m.Record(b.Events, at, clock.Now(), over)
		if over == was {
			continue
		}
		m.Settle(func(s *market.Symbol, c *market.Candle) {
			told[fmt.Sprint(s.Name, c.Start)]++
			if c.Start+c.Width > over {
				t.Errorf("the minute of %d is told when %d is over", c.Start, over)
			}
		})
	}
	if len(told) != minutes*len(symbols) {
		t.Errorf("%d candles are told, want %d: %v", len(told), minutes*len(symbols), told)
	}
	for k, n := range told {
		if n != 1 {
			t.Errorf("%s is told %d times", k, n)
		}
	}
}
