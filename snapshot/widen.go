package snapshot

import "tapedeck/market"

// Widen sums minutes, oldest first, up to candles of a width, as a room of that width does. Which minutes there are is the
// caller's business: a candle is made of those that are given.
func Widen(minutes []market.Candle, width int64) (list []market.Candle) {
	var b bar
	for i := range minutes {
		m := barOf(&minutes[i])
		if start := m.start - m.start%width; i == 0 || start != b.start {
			if i > 0 {
				list = append(list, b.candle(width))
			}
			b = bar{start: start, final: true}
		}
		b.join(&m)
		b.final = b.final && m.final
	}
	if len(minutes) > 0 {
		list = append(list, b.candle(width))
	}
	return list
}

// barOf is the bar that a candle is of.
func barOf(c *market.Candle) bar {
	b := bar{start: c.Start, open: c.Open, high: c.High, low: c.Low, close: c.Close, trades: c.Trades, final: c.Final, rev: c.Rev}
	b.volume.Add(c.Volume)
	b.notional.Add(c.QuoteVolume)
	b.notional.Lost = !c.QuoteVolume.Set()
	return b
}
