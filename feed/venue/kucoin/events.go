package kucoin

import (
	"bytes"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// trade decodes one trade; the time is ns in both markets, written as a text in spot.
func (d *decoder) trade(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	t := b.Trade(sym, d.time(d.either(timeField, ts)))
	t.Price, t.Qty = d.Price(price), d.Price(size)
	var ok bool
	if t.ID, ok = market.MakeID(d.Word(tradeID)); !ok {
		d.Fail(tradeID, scan.Wrong)
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

// ticker decodes spot's best bid and ask, and the price of the last trade.
func (d *decoder) ticker(b *market.Batch) { d.quote(b, timeField) }

// best decodes those of futures; of them only the older topic has the price of the last trade.
func (d *decoder) best(b *market.Batch) { d.quote(b, ts) }

func (d *decoder) quote(b *market.Batch, at byte) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	t := d.time(at)
	q := b.Quote(sym, t)
	q.BidPrice, q.BidQty = d.Order(bestBid, bestBidSize)
	q.AskPrice, q.AskQty = d.Order(bestAsk, bestAskSize)
	if !d.Empty(price) {
		b.Ticker(sym, t).Put(market.Last, d.Size(price))
	}
}

// day decodes spot's rolling day, and whether the symbol is traded.
func (d *decoder) day(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	at := d.time(datetime)
	t := b.Ticker(sym, at)
	d.Put(t, market.Last, last)
	d.Put(t, market.Open, open)
	d.Put(t, market.High, high)
	d.Put(t, market.Low, low)
	d.Put(t, market.Volume, vol)
	d.Put(t, market.QuoteVolume, volValue)
	if t.Present == 0 {
		d.Fail(last, scan.Missing)
	}
	if s := b.Status(sym, at); !d.Flag(trading) {
		s.State, s.Reason = market.Halted, "not trading"
	}
}

// last decodes the price of the last trade of a contract. The unit of the volume beside it is not documented.
func (d *decoder) last(b *market.Batch) { d.one(b, market.Last, last, ts) }

func (d *decoder) index(b *market.Batch) { d.one(b, market.Index, value, timestamp) }
func (d *decoder) mark(b *market.Batch)  { d.one(b, market.Mark, value, timestamp) }

// one decodes a ticker of one field.
func (d *decoder) one(b *market.Batch, f market.Field, at, when byte) {
	if sym := d.symbol(); sym != nil {
		b.Ticker(sym, d.time(when)).Put(f, d.Size(at))
	}
}

// instrument decodes the mark and index price of a contract, or its funding rate.
func (d *decoder) instrument(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	t := b.Ticker(sym, d.time(timestamp))
	switch word := d.Word(subject); string(word) {
	case "mark.index.price":
		t.Put(market.Mark, d.Size(markPrice))
		t.Put(market.Index, d.Size(indexPrice))
	case "funding.rate":
		t.Put(market.Funding, d.Number(fundingRate))
	default:
		d.Refuse(feed.UnknownKind)
	}
}

const (
	minute = 60e6
	hour   = 60 * minute
	day    = 24 * hour
)

// widths are what candles are called by, behind the topic's "_"; a month has none of its own.
var widths = map[string]int64{
	"1min": minute, "3min": 3 * minute, "5min": 5 * minute, "15min": 15 * minute, "30min": 30 * minute,
	"1hour": hour, "2hour": 2 * hour, "4hour": 4 * hour, "6hour": 6 * hour, "8hour": 8 * hour, "12hour": 12 * hour,
	"1day": day, "1week": 7 * day, "1month": 0,
}

// The places in a candle's list.
const (
	start byte = iota
	opening
	closing
	highest
	lowest
	volume
	turnover
)

// candle decodes a candle; that it is final nothing says. A contract's volume is in contracts, and what stands
// behind it is no turnover.
func (d *decoder) candle(b *market.Batch) {
	cut := max(bytes.LastIndexByte(d.rest, '_'), 0)
	width, ok := widths[string(bytes.TrimPrefix(d.rest[cut:], []byte("_")))]
	if !ok {
		d.Refuse(feed.UnknownKind)
		return
	}
	d.rest = d.rest[:cut]
	sym := d.symbol()
	if sym == nil {
		return
	}
	k := b.Candle(sym, d.time(timeField))
	if d.Value(candles).Kind != scan.Array {
		d.Fail(candles, scan.Wrong)
	}
	d.span(k, width, start)
	k.Open, k.High, k.Low, k.Close = d.Price(opening), d.Price(highest), d.Price(lowest), d.Price(closing)
	if k.High.Cmp(k.Low) < 0 {
		d.Fail(highest, scan.Wrong)
	}
	k.Volume = d.Size(volume)
	if sym.Kind == market.Spot {
		k.QuoteVolume = d.Size(turnover)
	}
}

// span gives a candle its width, 0 for a month, and its start, which is in seconds.
func (d *decoder) span(k *market.Candle, width int64, start byte) {
	begin := d.integer(start)
	if begin == 0 || begin > scan.MaxCount/1_000_000 {
		d.Fail(start, scan.Wrong)
		return
	}
	k.Start, k.Width = begin*1e6, width
	if width == 0 {
		t := time.Unix(begin, 0).UTC()
		k.Width = t.AddDate(0, 1, 0).Sub(t).Microseconds()
	}
}
