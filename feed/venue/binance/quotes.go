package binance

import "tapedeck/market"

// quote decodes the best bid and ask. Where a side has no orders the venue sends zeros.
func (d *decoder) quote(b *market.Batch, time int64) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	q := b.Quote(sym, time)
	q.BidPrice, q.BidQty = m.touch('b', 'B')
	q.AskPrice, q.AskQty = m.touch('a', 'A')
}

func (m *message) touch(price, qty byte) (p, q market.Decimal) {
	p, q = m.Size(price), m.Size(qty)
	if p.IsZero() || q.IsZero() {
		return market.Decimal{}, market.Decimal{}
	}
	return p, q
}
