package mapping

import (
	"tapedeck/feed"
	"tapedeck/market"
)

// quote is where the best bid and ask are.
type quote struct{ bid, bidSize, ask, askSize *place }

func (c *compiler) quote(e entry) event {
	s := c.section(e, "quote", "bid", "bid-size", "ask", "ask-size")
	return &quote{c.place(s.must("bid")), c.place(s.must("bid-size")), c.place(s.must("ask")), c.place(s.must("ask-size"))}
}

func (q *quote) emit(d *decoder, sym *market.Symbol, time int64) {
	if !d.there(q.bid) && !d.there(q.ask) {
		d.refuse(q.bid, feed.MissingField, "is not there, nor is the ask")
	}
	out := d.batch.Quote(sym, time)
	out.BidPrice, out.BidQty = d.order(q.bid, q.bidSize)
	out.AskPrice, out.AskQty = d.order(q.ask, q.askSize)
}

// order returns a price and its size: nothing where both are empty, or one is 0, which is how feeds say that there is
// no order.
func (d *decoder) order(price, size *place) (p, q market.Decimal) {
	_, some := d.given(price)
	if _, sized := d.given(size); !some && !sized {
		return p, q
	}
	p, q = d.size(price), d.size(size)
	if p.IsZero() || q.IsZero() {
		return market.Decimal{}, market.Decimal{}
	}
	return p, q
}
