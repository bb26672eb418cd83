package krakenfutures

import (
	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// trade decodes a trade. A block is agreed elsewhere, and an assignment or a termination is not made in
// the market either.
func (d *decoder) trade(b *market.Batch) {
	if word := d.Word(kind); word != nil && string(word) != "fill" && string(word) != "liquidation" {
		d.Skip(feed.Ignored)
		return
	}
	sym := d.symbol()
	if sym == nil {
		return
	}
	t := b.Trade(sym, d.Millis(time))
	t.Price, t.Qty = d.Price(price), d.Price(qty)
	var ok bool
	if t.ID, ok = market.MakeID(d.Word(uid)); !ok {
		d.Fail(uid, scan.Wrong)
	}
	t.Side = market.Sell
	if d.buys() {
		t.Side = market.Buy
	}
}

// buys reports which side a message is of.
func (d *decoder) buys() bool {
	word := d.Word(side)
	if string(word) != "buy" && string(word) != "sell" {
		d.Fail(side, scan.Wrong)
	}
	return string(word) == "buy"
}

// ticker decodes the best bid and ask, the rolling day, what is told of derivatives, and whether the
// contract is traded.
func (d *decoder) ticker(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	at := d.Millis(time)
	q := b.Quote(sym, at)
	q.BidPrice, q.BidQty = d.order(bid, bidSize)
	q.AskPrice, q.AskQty = d.order(ask, askSize)
	t := b.Ticker(sym, at)
	t.Put(market.Volume, d.Size(volume))
	d.Put(t, market.Last, last)
	d.Put(t, market.Open, open)
	d.Put(t, market.High, high)
	d.Put(t, market.Low, low)
	d.Put(t, market.Mark, markPrice)
	d.Put(t, market.Index, index)
	d.Put(t, market.OpenInterest, openInterest)
	if !isInverse(sym) {
		d.Put(t, market.QuoteVolume, volumeQuote)
	}
	if !d.Empty(fundingRate) {
		t.Put(market.Funding, d.Number(fundingRate))
	}
	if !d.Empty(fundingTime) {
		t.Put(market.FundingTime, market.Int(d.Millis(fundingTime)))
	}
	if d.Has(suspended) {
		s := b.Status(sym, at)
		if d.Flag(suspended) {
			s.State, s.Reason = market.Halted, "suspended"
		}
	}
}

// order is one side of a quote: nothing where it has no order.
func (d *decoder) order(price, size byte) (p, q market.Decimal) {
	if d.Empty(price) && d.Empty(size) {
		return p, q
	}
	if p, q = d.Size(price), d.Size(size); p.IsZero() || q.IsZero() {
		return market.Decimal{}, market.Decimal{}
	}
	return p, q
}

// lite decodes the small ticker, whose bid and ask have no quantities. It has no time.
func (d *decoder) lite(b *market.Batch) {
	if sym := d.symbol(); sym != nil {
		b.Ticker(sym, 0).Put(market.Volume, d.Size(volume))
	}
}
