package itch

import (
	"fmt"
	"strconv"

	"tapedeck/feed"
	"tapedeck/market"
)

var (
	errUnprinted = fmt.Errorf("%w: an execution that is told as part of a cross", feed.Ignored)
	errNoShares  = fmt.Errorf("%w: a cross without a trade", feed.Ignored)
	errToldTrade = fmt.Errorf("%w: a trade that was told before its session was sent again", feed.Ignored)
)

// trade tells a trade.
func (d *decoder) trade(b *market.Batch, m message, s *stock, price uint32, shares, match uint64, side market.Side) {
	if d.session.told() {
		d.why = errToldTrade
		return
	}
	t := b.Trade(s.symbol, d.clock.at(m.ns()))
	t.Price, t.Qty, t.Side = priceOf(price), market.Int(int64(shares)), side
	var id [20]byte
	t.ID, _ = market.MakeID(strconv.AppendUint(id[:0], match, 10)) // 2^64 has 20 digits
}

// taker is the side of whoever traded with an order.
func taker(o *order) market.Side {
	switch {
	case o == nil:
	case o.side == 'B':
		return market.Sell
	case o.side == 'S':
		return market.Buy
	}
	return market.SideUnknown
}

// execute decodes a trade with an order at its own price. Where the order is not known, nor is the price: that a trade
// is missing is said.
func (d *decoder) execute(b *market.Batch, m message, s *stock) {
	o := d.known(m)
	switch {
	case o != nil:
		d.trade(b, m, s, o.price, uint64(m.u32(19)), m.u64(23), taker(o))
	case !s.whole:
		d.gap(b, s)
	}
	d.reduce(b, m, s, o, m.u32(19))
}

// executeAt decodes a trade with an order at another price. Of a cross each execution is told, and all of them together
// as a cross trade: the former are not to be printed.
func (d *decoder) executeAt(b *market.Batch, m message, s *stock) {
	o := d.known(m)
	if m[31] == 'Y' {
		d.trade(b, m, s, m.u32(32), uint64(m.u32(19)), m.u64(23), taker(o))
	} else {
		d.why = errUnprinted
	}
	d.reduce(b, m, s, o, m.u32(19))
}

// hidden decodes a trade with an order that was not displayed, so that the book does not change. Its side is said to be B
// of all of them.
func (d *decoder) hidden(b *market.Batch, m message, s *stock) {
	d.trade(b, m, s, m.u32(32), uint64(m.u32(20)), m.u64(36), market.SideUnknown)
}

// cross decodes the trades of an auction, which are one: nobody was there first.
func (d *decoder) cross(b *market.Batch, m message, s *stock) {
	if m.u64(11) == 0 {
		d.why = errNoShares
		return
	}
	d.trade(b, m, s, m.u32(27), m.u64(11), m.u64(31), market.SideUnknown)
}
