package bitget

import (
	"time"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The places in a list. A trade of v1 has no id.
const (
	rowTime byte = iota
	rowPrice
	rowSize
	rowSide
)

// trade decodes a trade. Those of a snapshot were made before the connection began.
func (d *decoder) trade(b *market.Batch) {
	if d.act == snapshot {
		d.Skip(feed.Ignored)
		return
	}
	sym := d.symbol()
	if sym == nil {
		return
	}
	at, price, size, side := rowTime, rowPrice, rowSize, rowSide
	if !d.listed {
		at, price, size, side = timeField, priceField, sizeField, sideField
	}
	t := b.Trade(sym, d.Millis(at))
	t.Price, t.Qty = d.Price(price), d.Price(size)
	if !d.listed {
		var ok bool
		if t.ID, ok = market.MakeID(d.Word(tradeIDField)); !ok {
			d.Fail(tradeIDField, scan.Wrong)
		}
	}
	switch string(d.Word(side)) {
	case "buy":
		t.Side = market.Buy
	case "sell":
		t.Side = market.Sell
	default:
		d.Fail(side, scan.Wrong)
	}
}

// ticker decodes the rolling day, and the best bid and ask unless books1 has told newer ones. In v1 they have no
// quantities.
func (d *decoder) ticker(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	at := d.Millis(timeField)
	if m := d.known[sym]; d.Has(bidSizeField) && (m == nil || at >= m.touched) {
		q := b.Quote(sym, at)
		q.BidPrice, q.BidQty = d.Order(bidField, bidSizeField)
		q.AskPrice, q.AskQty = d.Order(askField, askSizeField)
	}
	t := b.Ticker(sym, at)
	t.Put(market.Last, d.Size(lastField))
	d.Put(t, market.Open, openField)
	d.Put(t, market.High, highField)
	d.Put(t, market.Low, lowField)
	d.Put(t, market.Volume, volumeField)
	if !d.product.inverse {
		d.Put(t, market.QuoteVolume, quoteVolumeField)
	}
	d.Put(t, market.Mark, markField)
	d.Put(t, market.Index, indexField)
	d.Put(t, market.OpenInterest, interestField)
	if !d.Empty(fundingField) {
		t.Put(market.Funding, d.Number(fundingField))
	}
	if !d.Empty(fundingTimeField) && !d.Size(fundingTimeField).IsZero() {
		t.Put(market.FundingTime, market.Int(d.Millis(fundingTimeField)))
	}
}

// bar is how wide the candles of a channel are: in µs, or in months that begin some µs before UTC's.
type bar struct {
	width  int64
	months int
	ahead  int64
}

const (
	minute   = 60e6
	hour     = 60 * minute
	day      = 24 * hour
	hongKong = 8 * hour
)

// bars are the names of widths, behind the channel's "candle". Those of 6 hours and more begin with the day of
// Hong Kong, or of UTC if they say so.
var bars = map[string]bar{
	"1m": {width: minute}, "3m": {width: 3 * minute}, "5m": {width: 5 * minute}, "15m": {width: 15 * minute}, "30m": {width: 30 * minute},
	"1H": {width: hour}, "2H": {width: 2 * hour}, "4H": {width: 4 * hour},
	"6H": {width: 6 * hour}, "6Hutc": {width: 6 * hour}, "12H": {width: 12 * hour}, "12Hutc": {width: 12 * hour},
	"1D": {width: day}, "1Dutc": {width: day}, "3D": {width: 3 * day}, "3Dutc": {width: 3 * day},
	"1W": {width: 7 * day}, "1Wutc": {width: 7 * day}, "1M": {months: 1, ahead: hongKong}, "1Mutc": {months: 1},
}

// at returns the width of the bar that begins at start.
func (b bar) at(start int64) int64 {
	if b.months == 0 {
		return b.width
	}
	t := time.UnixMicro(start + b.ahead).UTC()
	return t.AddDate(0, b.months, 0).Sub(t).Microseconds()
}

// The places in a candle's list. The quote volume is there since v2.
const (
	start byte = iota
	opening
	highest
	lowest
	closing
	volume
	volumeQuote
)

// candle decodes a candle, of which a snapshot has the last 1,000. It has no time but its start, and does not say whether it
// is final.
func (d *decoder) candle(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	k := b.Candle(sym, 0)
	k.Start = d.Millis(start)
	k.Width = d.channel.bar.at(k.Start)
	k.Open, k.High, k.Low, k.Close = d.Price(opening), d.Price(highest), d.Price(lowest), d.Price(closing)
	if k.High.Cmp(k.Low) < 0 {
		d.Fail(highest, scan.Wrong)
	}
	k.Volume = d.Size(volume)
	if d.Has(volumeQuote) && !d.product.inverse {
		k.QuoteVolume = d.Size(volumeQuote)
	}
}
