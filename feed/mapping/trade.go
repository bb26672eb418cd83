package mapping

import (
	"tapedeck/feed"
	"tapedeck/market"
)

// trade is where the parts of a trade are.
type trade struct {
	price, size, side, id *place
	sides                 map[string]market.Side
}

var sideNames = []string{"buy", "sell", "unknown"}

// usualSides are what feeds call the taker's side, unless the mapping has words for it.
var usualSides = map[string]market.Side{
	"buy": market.Buy, "Buy": market.Buy, "BUY": market.Buy, "sell": market.Sell, "Sell": market.Sell, "SELL": market.Sell,
}

func (c *compiler) trade(e entry) event {
	s := c.section(e, "trade", "price", "size", "side", "id")
	t := &trade{price: c.place(s.must("price")), size: c.place(s.must("size")), id: c.place(s.get("id")), sides: usualSides}
	side := s.get("side")
	if !isBlock(side.value) {
		t.side = c.place(side)
		return t
	}
	s = c.section(side, "side", "from", "words")
	t.side, t.sides = c.place(s.must("from")), map[string]market.Side{}
	for _, w := range c.words(s.must("words")) {
		switch c.word(w, sideNames...) {
		case "buy":
			t.sides[w.name] = market.Buy
		case "sell":
			t.sides[w.name] = market.Sell
		default:
			t.sides[w.name] = market.SideUnknown
		}
	}
	return t
}

func (t *trade) emit(d *decoder, sym *market.Symbol, time int64) {
	out := d.batch.Trade(sym, time)
	out.Price, out.Qty = d.price(t.price), d.size(t.size)
	if _, ok := d.given(t.side); ok {
		if out.Side, ok = t.sides[string(d.must(t.side))]; !ok {
			d.refuse(t.side, feed.BadValue, "is none of the words that stand for a side")
		}
	}
	if _, ok := d.given(t.id); ok {
		if out.ID, ok = market.MakeID(d.must(t.id)); !ok {
			d.refuse(t.id, feed.BadValue, "is over 39 bytes")
		}
	}
}
