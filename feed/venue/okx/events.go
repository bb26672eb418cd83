package okx

import (
	"cmp"
	"fmt"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// trade decodes what one taker order traded at one price, and single each trade of it by itself. Only those
// of the channel that was chosen are told: the other has the same trades.
func (d *decoder) trade(b *market.Batch)  { d.traded(b, "trades") }
func (d *decoder) single(b *market.Batch) { d.traded(b, "trades-all") }

func (d *decoder) traded(b *market.Batch, channel string) {
	if channel != d.trades {
		d.Skip(feed.Unused)
		return
	}
	sym := d.symbol()
	if sym == nil {
		return
	}
	id, ok := market.MakeID(d.Word(tradeID))
	if !ok {
		d.Fail(tradeID, scan.Wrong)
	}
	at := d.Millis(ts)
	if past := d.memory(sym).past(id, at); past && d.Healthy() {
		d.Skip(errPast)
		return
	}
	t := b.Trade(sym, at)
	t.Price, t.Qty, t.ID = d.Price(px), d.Price(sz), id
	switch string(d.Word(side)) {
	case "buy":
		t.Side = market.Buy
	case "sell":
		t.Side = market.Sell
	default:
		d.Fail(side, scan.Wrong)
	}
}

var errPast = fmt.Errorf("%w: a trade from before the subscription, or told before", feed.Ignored)

// past reports whether a trade is the newest from before a subscription, which comes at once with its answer:
// one that was made before the answer came, or that was told already.
func (m *memory) past(id market.ID, at int64) bool {
	past := at < m.asked || id == m.traded
	m.asked, m.traded = 0, id
	return past
}

// ticker decodes the rolling day, and the best bid and ask unless bbo-tbt has told newer ones.
func (d *decoder) ticker(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	at := d.Millis(ts)
	bidPrice, bidQty := d.Order(bidPx, bidSz)
	askPrice, askQty := d.Order(askPx, askSz)
	if m := d.known[sym]; m == nil || at >= m.touched {
		*b.Quote(sym, at) = market.Quote{BidPrice: bidPrice, BidQty: bidQty, AskPrice: askPrice, AskQty: askQty}
	}
	t := b.Ticker(sym, at)
	d.put(t, market.Last, last)
	d.put(t, market.Open, open24h)
	d.put(t, market.High, high24h)
	d.put(t, market.Low, low24h)
	d.put(t, market.Volume, vol24h)
	if sym.Kind == market.Spot {
		d.put(t, market.QuoteVolume, volCcy24h)
	}
	if t.Present == 0 { // of an instrument that has never been traded
		b.Undo(len(b.Events) - 1)
		d.Skip(feed.Ignored)
	}
}

// put sets a field of a ticker, unless its text is empty.
func (d *decoder) put(t *market.Ticker, f market.Field, slot byte) {
	if !d.Has(slot) || !d.Empty(slot) {
		t.Put(f, d.Size(slot))
	}
}

func (d *decoder) mark(b *market.Batch)     { d.one(b, market.Mark, markPx) }
func (d *decoder) interest(b *market.Batch) { d.one(b, market.OpenInterest, oi) }

// index decodes the index of a pair, told of what has the pair's name.
func (d *decoder) index(b *market.Batch) { d.one(b, market.Index, idxPx) }

// one decodes a ticker of one field.
func (d *decoder) one(b *market.Batch, f market.Field, slot byte) {
	if sym := d.symbol(); sym != nil {
		b.Ticker(sym, d.Millis(ts)).Put(f, d.Size(slot))
	}
}

// funding decodes the rate that will be paid at its time. Messages had no time of their own until 2023.
func (d *decoder) funding(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	at := int64(0)
	if d.Has(ts) {
		at = d.Millis(ts)
	}
	t := b.Ticker(sym, at)
	t.Put(market.Funding, d.Number(fundingRate))
	t.Put(market.FundingTime, market.Int(d.Millis(fundingTime)))
}

// instrument decodes what an instrument is, and whether it is traded.
func (d *decoder) instrument(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	d.facts(b, sym)
	s := b.Status(sym, 0)
	if word := d.Word(state); string(word) != "live" {
		s.State, s.Reason = market.Halted, cmp.Or(reasons[string(word)], "not live")
	}
}

// reasons why an instrument is not traded.
var reasons = map[string]string{
	"suspend": "suspended", "preopen": "not open yet", "rebase": "being rebased", "expired": "expired", "test": "a test",
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
	"1s": {width: 1e6}, "1m": {width: minute}, "3m": {width: 3 * minute}, "5m": {width: 5 * minute},
	"15m": {width: 15 * minute}, "30m": {width: 30 * minute},
	"1H": {width: hour}, "2H": {width: 2 * hour}, "4H": {width: 4 * hour},
	"6H": {width: 6 * hour}, "6Hutc": {width: 6 * hour}, "12H": {width: 12 * hour}, "12Hutc": {width: 12 * hour},
	"1D": {width: day}, "1Dutc": {width: day}, "2D": {width: 2 * day}, "2Dutc": {width: 2 * day},
	"3D": {width: 3 * day}, "3Dutc": {width: 3 * day}, "5D": {width: 5 * day}, "5Dutc": {width: 5 * day},
	"1W": {width: 7 * day}, "1Wutc": {width: 7 * day},
	"1M": {months: 1, ahead: hongKong}, "1Mutc": {months: 1}, "3M": {months: 3, ahead: hongKong}, "3Mutc": {months: 3},
	"6M": {months: 6, ahead: hongKong}, "6Mutc": {months: 6}, "1Y": {months: 12, ahead: hongKong}, "1Yutc": {months: 12},
}

// at returns the width of the bar that begins at start.
func (b bar) at(start int64) int64 {
	if b.months == 0 {
		return b.width
	}
	t := time.UnixMicro(start + b.ahead).UTC()
	return t.AddDate(0, b.months, 0).Sub(t).Microseconds()
}

// The places in a candle's row. The last two are there since 2022.
const (
	start byte = iota
	open
	high
	low
	closing
	volume
	volumeCcy
	volumeQuote
	confirm
)

// candle decodes a candle. It has no time but its start.
func (d *decoder) candle(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	k := b.Candle(sym, 0)
	k.Start = d.Millis(start)
	k.Width = d.bar.at(k.Start)
	k.Open, k.High, k.Low, k.Close = d.Price(open), d.Price(high), d.Price(low), d.Price(closing)
	if k.High.Cmp(k.Low) < 0 {
		d.Fail(high, scan.Wrong)
	}
	k.Volume = d.Size(volume)
	inQuote := volumeCcy
	if d.Has(confirm) {
		inQuote = volumeQuote
		k.Final = d.flag(confirm)
	}
	if v := d.Size(inQuote); sym.Kind == market.Spot {
		k.QuoteVolume = v
	}
}

// flag returns whether a text is 1, and not 0.
func (d *decoder) flag(slot byte) bool {
	n := d.Whole(slot)
	if n != 0 && n != 1 {
		d.Fail(slot, scan.Wrong)
	}
	return n == 1
}
