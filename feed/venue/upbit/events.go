package upbit

import (
	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// trade decodes a trade. Its side is the taker's: ASK sold, BID bought. The one that answers a subscription was
// made before.
func (d *decoder) trade(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	t := b.Trade(sym, d.Millis(tradeTime))
	t.Price, t.Qty = d.Price(tradePrice), d.Size(tradeVolume)
	id := d.Value(sequentialID)
	if _, ok := d.Cursor.Int(id); !ok {
		d.Fail(sequentialID, scan.Wrong)
		return
	}
	t.ID, _ = market.MakeID(d.Cursor.Raw(id))
	switch string(d.Word(askBid)) {
	case "ASK":
		t.Side = market.Sell
	case "BID":
		t.Side = market.Buy
	default:
		d.Fail(askBid, scan.Wrong)
	}
	if d.snapshot() {
		b.Undo(len(b.Events) - 1)
		d.Skip(feed.Ignored)
	}
}

// ticker decodes the day, which begins at 0:00 UTC, and whether the market is open.
func (d *decoder) ticker(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	time := d.Millis(timeField)
	t := b.Ticker(sym, time)
	t.Put(market.Last, d.Size(tradePrice))
	t.Put(market.Open, d.Size(opening))
	t.Put(market.High, d.Size(highest))
	t.Put(market.Low, d.Size(lowest))
	t.Put(market.Volume, d.Size(accVolume))
	t.Put(market.QuoteVolume, d.Size(accPrice))
	if d.Empty(marketState) {
		return
	}
	switch string(d.Word(marketState)) {
	case "ACTIVE":
		b.Status(sym, time).State = market.Live
	case "PREVIEW":
		*b.Status(sym, time) = market.Status{State: market.Halted, Reason: "preview"}
	case "DELISTED":
		*b.Status(sym, time) = market.Status{State: market.Halted, Reason: "delisted"}
	}
}

const minute = 60e6

// widths of candles, in µs.
var widths = map[string]int64{
	"1s": 1e6, "1m": minute, "3m": 3 * minute, "5m": 5 * minute, "10m": 10 * minute, "15m": 15 * minute,
	"30m": 30 * minute, "60m": 60 * minute, "240m": 240 * minute,
}

// candle decodes a candle. Its time is that of its newest trade.
func (d *decoder) candle(b *market.Batch, width int64) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	k := b.Candle(sym, d.Millis(timeField))
	k.Start, k.Width = d.utc(candleStart), width
	k.Open, k.High, k.Low, k.Close = d.Price(opening), d.Price(highest), d.Price(lowest), d.Price(tradePrice)
	if k.High.Cmp(k.Low) < 0 {
		d.Fail(highest, scan.Wrong)
	}
	k.Volume, k.QuoteVolume = d.Size(candleVolume), d.Size(candlePrice)
}

// utc returns a time in µs that is written as 2025-01-02T04:28:05, without saying of which zone.
func (m *message) utc(slot byte) int64 {
	v := m.Value(slot)
	text := append(m.clock[:0], '"')
	if v.Kind == scan.String {
		text = append(text, m.Word(slot)...)
	}
	c := scan.Over(append(text, 'Z', '"'))
	t, ok := c.Time(c.Value())
	if !ok {
		m.Fail(slot, scan.Wrong)
	}
	return t
}
