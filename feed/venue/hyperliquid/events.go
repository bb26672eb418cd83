package hyperliquid

import (
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// times are those of a message's trades.
type times struct {
	first  int64
	differ bool
}

// isHistory reports that the trades were made before the connection began. A message has the trades of one
// block, which have one time; the one that answers a subscription has up to 30 of as many blocks as it takes.
func (m *message) isHistory() bool { return m.times.differ }

// trade decodes a trade. Its side is the taker's: B bought, A sold.
func (d *decoder) trade(b *market.Batch) {
	sym := d.symbol(coinField)
	if sym == nil {
		return
	}
	t := b.Trade(sym, d.Millis(timeField))
	t.Price, t.Qty = d.Price(pxField), d.Size(szField)
	id := d.Value(tidField)
	if _, ok := d.Cursor.Int(id); !ok {
		d.Fail(tidField, scan.Wrong)
		return
	}
	t.ID, _ = market.MakeID(d.Cursor.Raw(id))
	switch string(d.Word(sideField)) {
	case "B":
		t.Side = market.Buy
	case "A":
		t.Side = market.Sell
	default:
		d.Fail(sideField, scan.Wrong)
	}
	if d.times.first == 0 {
		d.times.first = t.Time
	}
	d.times.differ = d.times.differ || t.Time != d.times.first
}

// quote decodes the best bid and ask, of which one is null where nobody is.
func (d *decoder) quote(b *market.Batch) {
	sym := d.symbol(coinField)
	if sym == nil {
		return
	}
	q := b.Quote(sym, d.Millis(timeField))
	v := d.Value(bboField)
	if v.Kind != scan.Array {
		d.Fail(bboField, scan.Wrong)
		return
	}
	c := d.Cursor.Into(v)
	c.Array()
	n := 0
	for ; c.More(); n++ {
		if !c.At('{') {
			if c.Value().Kind != scan.Null {
				d.Fail(bboField, scan.Wrong)
			}
			continue
		}
		l, ok := c.Rung("px", "sz")
		switch {
		case !ok || l.Price.Neg() || l.Price.IsZero() || l.Qty.Neg():
			d.Fail(bboField, scan.Wrong)
		case n == 0:
			q.BidPrice, q.BidQty = l.Price, l.Qty
		case n == 1:
			q.AskPrice, q.AskQty = l.Price, l.Qty
		}
	}
	if n != 2 {
		d.Fail(bboField, scan.Wrong)
	}
}

// contextFields are the fields of an asset's context that a ticker has.
var contextFields = [...]struct {
	slot  byte
	field market.Field
}{
	{prevDayPxField, market.Open},
	{dayBaseVlmField, market.Volume},
	{dayNtlVlmField, market.QuoteVolume},
	{markPxField, market.Mark},
	{oraclePxField, market.Index},
	{openInterestField, market.OpenInterest},
}

// context decodes what is known of an asset: spot has neither oracle nor funding. It has no time.
func (d *decoder) context(b *market.Batch) {
	sym := d.symbol(coinField)
	if sym == nil {
		return
	}
	v := d.Value(ctxField)
	if v.Kind != scan.Object {
		d.Fail(ctxField, scan.Wrong)
		return
	}
	outside := d.Cursor
	d.Cursor = outside.Into(v)
	d.Cursor.Object()
	d.fields()
	t := b.Ticker(sym, 0)
	for _, f := range contextFields {
		if !d.Empty(f.slot) {
			t.Put(f.field, d.Size(f.slot))
		}
	}
	if !d.Empty(fundingField) {
		t.Put(market.Funding, d.Number(fundingField))
	}
	if t.Present == 0 {
		d.Fail(markPxField, scan.Missing)
	}
	d.Cursor = outside
}

const minute = 60e6

// widths of candles, in µs. A month has none of its own.
var widths = map[string]int64{
	"1m": minute, "3m": 3 * minute, "5m": 5 * minute, "15m": 15 * minute, "30m": 30 * minute,
	"1h": 60 * minute, "2h": 120 * minute, "4h": 240 * minute, "8h": 480 * minute, "12h": 720 * minute,
	"1d": 1440 * minute, "3d": 3 * 1440 * minute, "1w": 7 * 1440 * minute, "1M": 0,
}

// candle decodes a candle. Of its times, one is its start and the other its last ms.
func (d *decoder) candle(b *market.Batch) {
	sym := d.symbol('s')
	if sym == nil {
		return
	}
	k := b.Candle(sym, 0)
	k.Start = d.Millis('t')
	width, ok := widths[string(d.Word('i'))]
	if !ok {
		d.Fail('i', scan.Wrong)
	}
	if k.Width = width; ok && width == 0 {
		k.Width = d.Millis('T') + 1000 - k.Start
	}
	if k.Width <= 0 {
		d.Fail('T', scan.Wrong)
	}
	k.Open, k.High, k.Low, k.Close = d.Price('o'), d.Price('h'), d.Price('l'), d.Price('c')
	if k.High.Cmp(k.Low) < 0 {
		d.Fail('h', scan.Wrong)
	}
	k.Volume, k.Trades = d.Size('v'), d.Count('n')
}
