package cryptocom

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// chain is the venue's rule: pu is the u of the message before. A quiet book sends an empty change whose u and pu
// are the same.
var chain = market.Chain{
	Name:    "cryptocom",
	Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
	Starts:  func(d *market.Book, snap int64) bool { return d.Prev == snap },
	Follows: func(d *market.Book, prev int64) bool { return d.Prev == prev },
}

var errLevels = fmt.Errorf("%w: the levels are no lists of [price, quantity], or a price or quantity cannot be", feed.BadValue)

// book decodes a whole book.
func (d *decoder) book(b *market.Batch) {
	k := b.Book(d.symbol, d.Millis('t'))
	k.Snapshot, k.Chain, k.Depth, k.Last = true, &chain, d.depth, d.ID('u')
	d.sides(k)
}

// update decodes what changed of a book.
func (d *decoder) update(b *market.Batch) {
	k := b.Book(d.symbol, d.Millis('t'))
	k.Chain, k.Depth, k.Last, k.Prev = &chain, d.depth, d.ID('u'), d.ID(prevField)
	if d.Value(updateField).Kind != scan.Object {
		d.Fail(updateField, scan.Wrong)
	}
	d.sides(k)
}

// sides gives the levels to the event, and takes the memory that its own had.
func (d *decoder) sides(k *market.Book) {
	d.Sides(k, bidsField, asksField, errLevels)
}

// trade decodes a trade, which has the taker's side.
func (d *decoder) trade(b *market.Batch) {
	t := b.Trade(d.symbol, d.Millis('t'))
	t.Price, t.Qty = d.Price('p'), d.Size('q')
	var ok bool
	switch v := d.Value('d'); v.Kind {
	case scan.String:
		t.ID, ok = market.MakeID(d.Word('d'))
	case scan.Number:
		t.ID, ok = market.MakeID(d.Cursor.Raw(v))
	}
	if !ok {
		d.Fail('d', scan.Wrong)
	}
	switch string(d.Word('s')) {
	case "BUY":
		t.Side = market.Buy
	case "SELL":
		t.Side = market.Sell
	default:
		d.Fail('s', scan.Wrong)
	}
}

// tickerFields are the fields of a ticker; one that is null is not known.
var tickerFields = [...]struct {
	slot  byte
	field market.Field
}{{'a', market.Last}, {'h', market.High}, {'l', market.Low}, {'v', market.Volume}, {openInterest, market.OpenInterest}}

// ticker decodes the rolling day and, where it says the sizes, the best bid and ask.
func (d *decoder) ticker(b *market.Batch) {
	time := d.Millis('t')
	t := b.Ticker(d.symbol, time)
	for _, f := range tickerFields {
		if !d.Empty(f.slot) {
			t.Put(f.field, d.Size(f.slot))
		}
	}
	if t.Present == 0 {
		d.Fail('a', scan.Missing)
	}
	if d.Has(bidSize) && d.Has(askSize) {
		q := b.Quote(d.symbol, time)
		q.BidPrice, q.BidQty = d.touch('b', bidSize)
		q.AskPrice, q.AskQty = d.touch('k', askSize)
	}
}

// touch decodes a side, which may have no order.
func (d *decoder) touch(price, size byte) (p, q market.Decimal) {
	if d.Empty(price) || d.Empty(size) {
		return p, q
	}
	p, q = d.Size(price), d.Size(size)
	if p.IsZero() || q.IsZero() {
		return market.Decimal{}, market.Decimal{}
	}
	return p, q
}

func (d *decoder) mark(b *market.Batch) {
	b.Ticker(d.symbol, d.Millis('t')).Put(market.Mark, d.Price('v'))
}

// index leaves out an index, which is of no instrument.
func (d *decoder) index(*market.Batch) { d.Skip(feed.Ignored) }

func (d *decoder) funding(b *market.Batch) {
	b.Ticker(d.symbol, d.Millis('t')).Put(market.Funding, d.Number('v'))
}

const minute, day = 60e6, 86400e6

// widths of candles, in µs. A month has none of its own, and is not told.
var widths = map[string]int64{
	"1m": minute, "5m": 5 * minute, "15m": 15 * minute, "30m": 30 * minute, "1h": 60 * minute, "2h": 120 * minute,
	"4h": 240 * minute, "6h": 360 * minute, "12h": 720 * minute, "1D": day, "7D": 7 * day, "14D": 14 * day,
	"M1": minute, "M5": 5 * minute, "M15": 15 * minute, "M30": 30 * minute, "H1": 60 * minute, "H2": 120 * minute,
	"H4": 240 * minute, "H12": 720 * minute, "D1": day, "D7": 7 * day, "D14": 14 * day,
}

// candle decodes a candle. It has no time but its start.
func (d *decoder) candle(b *market.Batch) {
	k := b.Candle(d.symbol, 0)
	k.Start, k.Width = d.Millis('t'), d.width
	k.Open, k.High, k.Low, k.Close = d.Price('o'), d.Price('h'), d.Price('l'), d.Price('c')
	if k.High.Cmp(k.Low) < 0 {
		d.Fail('h', scan.Wrong)
	}
	k.Volume = d.Size('v')
}
