package bitfinex

import (
	"strconv"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// trade decodes [id, time, amount, price], which is told twice: when it is executed ("te"), and again when it is
// booked ("tu"). The list of those before the connection began is not told.
func (d *decoder) trade(b *market.Batch, ch *channel) error {
	m := &d.message
	switch string(m.word) {
	case "te":
	case "tu", "":
		return feed.Ignored
	default:
		return feed.UnknownKind
	}
	if !m.unpack(&m.Cursor, m.payload) {
		return errForm
	}
	id, ok := m.signed(0)
	n, whole := id.Int64()
	time, ok2 := m.millis(1)
	amount, ok3 := m.signed(2)
	price, ok4 := m.price(3)
	if !ok || !whole || n < 0 || !ok2 || !ok3 || !ok4 || amount.IsZero() {
		return errForm
	}
	t := b.Trade(ch.symbol, time)
	t.Price, t.Qty, t.Side = price, amount.Abs(), market.Buy
	if amount.Neg() {
		t.Side = market.Sell
	}
	var digits [20]byte
	t.ID, _ = market.MakeID(strconv.AppendInt(digits[:0], n, 10))
	return nil
}

// put sets a field of a ticker from an item that may be null; false if it is none.
func (m *message) put(t *market.Ticker, f market.Field, i int) bool {
	if m.null(i) {
		return true
	}
	v, ok := m.size(i)
	if ok {
		t.Put(f, v)
	}
	return ok
}

// ticker decodes last, volume, high and low. What it says of bid and ask is no quote: the sizes are sums of 25
// levels.
func (d *decoder) ticker(b *market.Batch, ch *channel) error {
	m := &d.message
	if m.word != nil || !m.unpack(&m.Cursor, m.payload) || m.count < 10 {
		return errForm
	}
	t := b.Ticker(ch.symbol, m.time)
	if !m.put(t, market.Last, 6) || !m.put(t, market.Volume, 7) || !m.put(t, market.High, 8) || !m.put(t, market.Low, 9) {
		return errForm
	}
	return m.some(b, t)
}

// some takes back a ticker that speaks of nothing.
func (m *message) some(b *market.Batch, t *market.Ticker) error {
	if t.Present == 0 {
		b.Undo(len(b.Events) - 1)
		return feed.Ignored
	}
	return nil
}

// status decodes the state of a derivative.
func (d *decoder) status(b *market.Batch, ch *channel) error {
	m := &d.message
	if m.word != nil || !m.unpack(&m.Cursor, m.payload) || m.count < 18 {
		return errForm
	}
	time, ok := m.millis(0)
	if !ok {
		return errForm
	}
	t := b.Ticker(ch.symbol, time)
	if !m.put(t, market.Index, 3) || !m.put(t, market.Mark, 14) || !m.put(t, market.OpenInterest, 17) {
		return errForm
	}
	if !m.null(7) {
		next, ok := m.millis(7)
		if !ok {
			return errForm
		}
		t.Put(market.FundingTime, market.Int(next))
	}
	if !m.null(11) {
		rate, ok := m.signed(11)
		if !ok {
			return errForm
		}
		t.Put(market.Funding, rate)
	}
	return m.some(b, t)
}

// candle decodes [start, open, close, high, low, volume]. Of the list that begins a channel the newest is told,
// which is the first. The venue does not say when one is final.
func (d *decoder) candle(b *market.Batch, ch *channel) error {
	m := &d.message
	v, c := m.payload, m.Cursor
	if m.word != nil || v.Kind != scan.Array {
		return errForm
	}
	switch inside := c.Into(v); {
	case inside.Array() && inside.At(']'):
		return feed.Ignored
	case inside.At('['):
		inside.More()
		v, c = inside.Value(), inside
	}
	if !m.unpack(&c, v) || m.count < 6 {
		return errForm
	}
	return m.bar(b, ch)
}

func (m *message) bar(b *market.Batch, ch *channel) error {
	start, ok := m.millis(0)
	var prices [4]market.Decimal
	for i := range prices {
		var known bool
		prices[i], known = m.price(1 + i)
		ok = ok && known
	}
	volume, known := m.size(5)
	if !ok || !known || prices[2].Cmp(prices[3]) < 0 {
		return errForm
	}
	k := b.Candle(ch.symbol, m.time)
	k.Start, k.Width, k.Volume = start, ch.width, volume
	k.Open, k.Close, k.High, k.Low = prices[0], prices[1], prices[2], prices[3]
	return nil
}
