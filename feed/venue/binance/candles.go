package binance

import (
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// widths of candles, in µs. A month has none of its own.
var widths = map[string]int64{
	"1s": 1e6, "1m": 60e6, "3m": 180e6, "5m": 300e6, "15m": 900e6, "30m": 1800e6,
	"1h": 3600e6, "2h": 2 * 3600e6, "4h": 4 * 3600e6, "6h": 6 * 3600e6, "8h": 8 * 3600e6, "12h": 12 * 3600e6,
	"1d": 86400e6, "3d": 3 * 86400e6, "1w": 7 * 86400e6, "1M": 0,
}

// candle decodes the candle in field k.
func (d *decoder) candle(b *market.Batch) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	time := m.time('E')
	v := m.Value('k')
	if v.Kind != scan.Object {
		m.Fail('k', scan.Wrong)
		return
	}
	outside := m.Cursor
	m.Cursor = outside.Into(v)
	m.Cursor.Object()
	m.fields()
	d.bar(b.Candle(sym, time))
	m.Cursor = outside
}

func (d *decoder) bar(k *market.Candle) {
	m := &d.message
	k.Start = m.time('t')
	width, ok := widths[string(m.Word('i'))]
	if !ok {
		m.Fail('i', scan.Wrong)
	}
	if k.Width = width; width == 0 {
		k.Width = month(k.Start, m.time('T'))
	}
	if k.Width <= 0 {
		m.Fail('T', scan.Wrong)
	}
	k.Open, k.High, k.Low, k.Close = m.Price('o'), m.Price('h'), m.Price('l'), m.Price('c')
	if k.High.Cmp(k.Low) < 0 {
		m.Fail('h', scan.Wrong)
	}
	k.Volume, k.Trades = m.Size('v'), m.Count('n')
	if !d.product.inverse {
		k.QuoteVolume = m.Size('q')
	}
	k.Final = m.Flag('x')
}

// month is the width of a candle that has no fixed one: the venue tells its last ms or µs.
func month(start, last int64) int64 {
	const day = 86400e6
	return (last - start + day - 1) / day * day
}
