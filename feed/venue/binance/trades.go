package binance

import (
	"tapedeck/feed"
	"tapedeck/market"
)

// trade decodes a trade, or trades of one taker order at one price together (aggTrade). Only those of the
// stream that was chosen are told: the other has the same trades.
func (d *decoder) trade(b *market.Batch, stream string, id byte) {
	m := &d.message
	switch {
	case d.trades != stream:
		m.Skip(feed.Unused)
		return
	case m.Has('X') && string(m.Word('X')) != "MARKET":
		m.Skip(feed.Ignored) // the insurance fund's, an auto-deleveraging: not made in the market
		return
	}
	sym := d.symbol()
	if sym == nil {
		return
	}
	t := b.Trade(sym, m.time('T'))
	t.Price, t.Qty = m.Price('p'), m.Price('q')
	m.ID(id)
	t.ID, _ = market.MakeID(m.Cursor.Raw(m.Value(id))) // as it is written: it has at most 18 digits
	t.Side = market.Buy
	if m.Flag('m') { // the buyer was there first: the taker sold
		t.Side = market.Sell
	}
}
