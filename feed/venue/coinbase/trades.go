package coinbase

import "tapedeck/market"

// match decodes a trade, of the channel matches or full. A message does not tell which: it is taken as
// one of full once the product's orders are told.
func (d *decoder) match(b *market.Batch) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	l := d.ladders[sym]
	if l == nil {
		d.trade(b, sym)
		return
	}
	s := step{kind: matched, seq: m.number(), id: m.order(makerOf), bid: m.side(), size: m.Price(size)}
	if s.seq > l.seen { // else it was told
		d.trade(b, sym)
	}
	d.take(b, sym, l, s)
}

// trade tells the trade. The side that the venue sends is that of the order which was there first.
func (d *decoder) trade(b *market.Batch, sym *market.Symbol) {
	m := &d.message
	t := b.Trade(sym, m.Clock(clock))
	t.Price, t.Qty = m.Price(price), m.Price(size)
	m.ID(tradeID)
	t.ID, _ = market.MakeID(m.Cursor.Raw(m.Value(tradeID))) // as it is written: it has at most 18 digits
	t.Side = market.Buy
	if m.side() {
		t.Side = market.Sell
	}
}

// ticker decodes the rolling day, which comes with each trade, and the best bid and ask after it.
func (d *decoder) ticker(b *market.Batch) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	time := m.timeIfTold()
	t := b.Ticker(sym, time)
	t.Put(market.Last, m.Size(price))
	for _, f := range [...]struct {
		slot  byte
		field market.Field
	}{{opened, market.Open}, {high, market.High}, {low, market.Low}, {volume, market.Volume}} {
		if !m.Empty(f.slot) {
			t.Put(f.field, m.Size(f.slot))
		}
	}
	if m.Has(bestBidSize) || m.Has(bestAskSize) { // since 2022
		q := b.Quote(sym, time)
		q.BidPrice, q.BidQty = m.touch(bestBid, bestBidSize)
		q.AskPrice, q.AskQty = m.touch(bestAsk, bestAskSize)
	}
}

// touch reads one side's best. Where there is no order the venue sends zeros, or nothing.
func (m *message) touch(price, qty byte) (p, q market.Decimal) {
	if m.Empty(price) && m.Empty(qty) {
		return p, q
	}
	p, q = m.Size(price), m.Size(qty)
	if p.IsZero() || q.IsZero() {
		return market.Decimal{}, market.Decimal{}
	}
	return p, q
}
