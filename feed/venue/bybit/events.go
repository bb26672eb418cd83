package bybit

import (
	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// trade decodes a trade. A block trade was agreed on beside the market.
func (d *decoder) trade(b *market.Batch) {
	if d.Has(blockField) && d.Flag(blockField) {
		d.Skip(feed.Ignored)
		return
	}
	sym := d.symbol('s')
	if sym == nil {
		return
	}
	t := b.Trade(sym, d.Millis('T'))
	t.Price, t.Qty = d.Price('p'), d.Price('v')
	var ok bool
	if t.ID, ok = market.MakeID(d.Word('i')); !ok {
		d.Fail('i', scan.Wrong)
	}
	switch string(d.Word('S')) {
	case "Buy":
		t.Side = market.Buy
	case "Sell":
		t.Side = market.Sell
	default:
		d.Fail('S', scan.Wrong)
	}
}

// ticker decodes a whole ticker, or those fields of it that changed.
func (d *decoder) ticker(b *market.Batch) {
	sym := d.symbol(symbolField)
	if sym == nil {
		return
	}
	d.delta()
	at, before := d.sent(), len(b.Events)
	if d.product.options {
		q := b.Quote(sym, at)
		q.BidPrice, q.BidQty = d.order(bidPriceField, bidSizeField)
		q.AskPrice, q.AskQty = d.order(askPriceField, askSizeField)
	}
	t := b.Ticker(sym, at)
	d.put(t, market.Last, lastField)
	d.put(t, market.Open, openField)
	d.put(t, market.High, highField)
	d.put(t, market.Low, lowField)
	d.put(t, market.Mark, markField)
	d.put(t, market.Index, indexField)
	if !d.Empty(volumeField) {
		t.Put(market.Volume, d.Size(volumeField))
	}
	if d.product.inQuote && !d.Empty(turnoverField) {
		t.Put(market.QuoteVolume, d.Size(turnoverField))
	}
	if !d.Empty(interestField) {
		t.Put(market.OpenInterest, d.Size(interestField))
	}
	d.funding(t)
	if t.Present == 0 { // nothing that we tell has changed
		b.Undo(max(before, len(b.Events)-1))
		d.Skip(feed.Ignored)
	}
}

// put sets a price of a ticker, unless its text is empty, or 0 as an option has it that nobody has traded.
func (d *decoder) put(t *market.Ticker, f market.Field, at byte) {
	if d.Empty(at) {
		return
	}
	if v := d.Size(at); !v.IsZero() || !d.product.options {
		t.Put(f, v)
	}
}

// funding sets the rate and its time; a dated contract has an empty rate, and the time 0.
func (d *decoder) funding(t *market.Ticker) {
	if !d.Empty(fundingField) {
		t.Put(market.Funding, d.Number(fundingField))
	}
	if !d.Empty(fundingTimeField) && !d.Size(fundingTimeField).IsZero() {
		t.Put(market.FundingTime, market.Int(d.Millis(fundingTimeField)))
	}
}

// order is one side of a quote: nothing where it has no order, which is written as 0.
func (d *decoder) order(price, qty byte) (p, q market.Decimal) {
	if p, q = d.Size(price), d.Size(qty); p.IsZero() || q.IsZero() {
		return market.Decimal{}, market.Decimal{}
	}
	return p, q
}

// candle decodes a candle, which says when it ends: at the last ms of its width.
func (d *decoder) candle(b *market.Batch) {
	sym := d.symbol(symbolField)
	if sym == nil {
		return
	}
	k := b.Candle(sym, d.Millis(timestampField))
	k.Start = d.Millis(startField)
	if k.Width = d.Millis(endField) + 1000 - k.Start; k.Width <= 1000 {
		d.Fail(endField, scan.Wrong)
	}
	k.Open, k.High, k.Low, k.Close = d.Price(openField), d.Price(highField), d.Price(lowField), d.Price(closeField)
	if k.High.Cmp(k.Low) < 0 {
		d.Fail(highField, scan.Wrong)
	}
	k.Volume = d.Size(volumeField)
	if v := d.Size(turnoverField); d.product.inQuote {
		k.QuoteVolume = v
	}
	k.Final = d.Flag(confirmField)
}
