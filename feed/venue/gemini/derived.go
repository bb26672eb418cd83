package gemini

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// widths of candles, in µs, by the kind of their message.
var widths = map[string]int64{
	"candles_1m_updates": 60e6, "candles_5m_updates": 300e6, "candles_15m_updates": 900e6, "candles_30m_updates": 1800e6,
	"candles_1h_updates": 3600e6, "candles_6h_updates": 6 * 3600e6, "candles_1d_updates": 86400e6,
}

var errCandles = fmt.Errorf("%w: the changes are no lists of [time, open, high, low, close, volume], or one of these cannot be", feed.BadValue)

// candles decodes candles, the newest first: after it none is there yet, so it alone is not final.
func (d *decoder) candles(b *market.Batch, width int64) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	v := m.Value(changes)
	if m.Kind(changes) != scan.Array {
		m.Refuse(errCandles)
		return
	}
	c := m.Cursor.Into(v)
	newest, first := int64(0), len(b.Events)
	for c.Array(); c.More(); {
		k := b.Candle(sym, 0)
		k.Width = width
		if !bar(&c, k) {
			m.Refuse(errCandles)
			return
		}
		newest = max(newest, k.Start)
	}
	all := b.Events[first:]
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 { // they are told oldest first
		all[i], all[j] = all[j], all[i]
	}
	for i := range all {
		k := all[i].Payload.(*market.Candle)
		k.Final = k.Start < newest
	}
}

// bar reads one candle.
func bar(c *scan.Cursor, k *market.Candle) bool {
	if !c.Array() {
		c.Value()
		return false
	}
	good, n := true, 0
	for ; c.More(); n++ {
		v := c.Value()
		if n == 0 {
			ms, ok := c.Int(v)
			good = ok && ms > 0 && ms <= scan.MaxCount/1000
			k.Start = ms * 1000
			continue
		}
		x, ok := c.Decimal(v)
		good = good && ok && !x.Neg() && (n == 5 || !x.IsZero())
		switch n {
		case 1:
			k.Open = x
		case 2:
			k.High = x
		case 3:
			k.Low = x
		case 4:
			k.Close = x
		case 5:
			k.Volume = x
		}
	}
	return good && n >= 6 && k.High.Cmp(k.Low) >= 0
}

// each passes each object of the changes to take, with its fields read.
func (d *decoder) each(take func(sym *market.Symbol)) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	v := m.Value(changes)
	if m.Kind(changes) != scan.Array {
		m.Fail(changes, scan.Wrong)
		return
	}
	outside := m.Cursor
	all := outside.Into(v)
	for all.Array(); all.More(); {
		v := all.Value()
		if v.Kind != scan.Object {
			m.Fail(changes, scan.Wrong)
			break
		}
		m.Clear()
		m.Cursor = all.Into(v)
		m.Cursor.Object()
		m.fields()
		take(sym)
	}
	m.Cursor = outside
}

// marks decodes mark prices.
func (d *decoder) marks(b *market.Batch) {
	m := &d.message
	d.each(func(sym *market.Symbol) {
		t := b.Ticker(sym, m.nanos(clock))
		t.Put(market.Mark, m.Price(mark))
		if !m.Empty(index) {
			t.Put(market.Index, m.Price(index))
		}
	})
}

// funding decodes when funding is paid next. What is paid is told as an amount and not as a rate.
func (d *decoder) funding(b *market.Batch) {
	m := &d.message
	d.each(func(sym *market.Symbol) {
		time, next := m.nanos(clock), m.nanos(fundingTime)
		if !m.Empty(realized) && m.Flag(realized) {
			return
		}
		b.Ticker(sym, time).Put(market.FundingTime, market.Int(next))
	})
}
