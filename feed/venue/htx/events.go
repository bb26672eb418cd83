package htx

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

var errPast = fmt.Errorf("%w: trades from before the subscription, or told before", feed.Ignored)

// trades decodes what one taker order traded, oldest first, as swaps have it; spot has the newest first. When a client
// subscribes the newest message comes again: it is known by its id, or is older than the answer.
func (d *decoder) trades(b *market.Batch) {
	sym := d.symbol()
	id, at := d.ID(idField), d.time(tsField)
	if sym == nil || !d.Healthy() {
		return
	}
	before := len(b.Events)
	d.each(b, listField, (*decoder).trade)
	if !d.Healthy() {
		return
	}
	m := d.memory(sym)
	past := id == m.told || at < m.asked
	m.told, m.asked = id, 0
	if past {
		b.Undo(before)
		d.Skip(errPast)
		return
	}
	if told := b.Events[before:]; len(told) > 1 && follows(told[0], told[len(told)-1]) {
		slices.Reverse(told)
	}
}

// follows reports whether the first of two trades was made after the second.
func follows(a, b market.Event) bool {
	x, y := a.Payload.(*market.Trade).ID, b.Payload.(*market.Trade).ID
	if n, m := len(x.Bytes()), len(y.Bytes()); n != m {
		return n > m
	}
	return bytes.Compare(x.Bytes(), y.Bytes()) > 0
}

// trade decodes one trade.
func (d *decoder) trade(b *market.Batch) {
	t := b.Trade(d.symbol(), d.time(tsField))
	t.Price, t.Qty = d.Price(priceField), d.traded(d.Price(amountField), amountField)
	at := idField
	if d.Has(tradeIDField) {
		at = tradeIDField
	}
	v := d.Value(at)
	raw := d.Cursor.Raw(v)
	var ok bool
	if t.ID, ok = market.MakeID(raw); !ok || v.Kind != scan.Number || !isDigits(raw) {
		d.Fail(at, scan.Wrong)
	}
	switch string(d.Word(directionField)) {
	case "buy":
		t.Side = market.Buy
	case "sell":
		t.Side = market.Sell
	default:
		d.Fail(directionField, scan.Wrong)
	}
}

func isDigits(s []byte) bool {
	for _, c := range s {
		if c-'0' > 9 {
			return false
		}
	}
	return len(s) > 0
}

var two = func() (s market.Sum) {
	s.Add(market.Int(2))
	return s
}()

// traded returns a quantity that was traded. What swaps tell is what was bought and what was sold, together.
func (d *decoder) traded(n market.Decimal, at byte) market.Decimal {
	if !d.product.contracts || !n.Set() {
		return n
	}
	if whole, ok := n.Int64(); ok && whole%2 == 0 {
		return market.Int(whole / 2)
	}
	var both market.Sum
	both.Add(n)
	one := both.Quo(&two, n.Scale()+1)
	if !one.Set() {
		d.Fail(at, scan.Wrong)
	}
	return one
}

// day decodes the rolling day.
func (d *decoder) day(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	t := b.Ticker(sym, d.sent)
	t.Put(market.Last, d.Size(closeField))
	d.put(t, market.Open, openField)
	d.put(t, market.High, highField)
	d.put(t, market.Low, lowField)
	if d.product.contracts {
		d.put(t, market.Volume, volField)
		d.put(t, market.QuoteVolume, turnoverField)
		t.Values[market.Volume] = d.traded(t.Values[market.Volume], volField)
		t.Values[market.QuoteVolume] = d.traded(t.Values[market.QuoteVolume], turnoverField)
		return
	}
	d.put(t, market.Volume, amountField)
	d.put(t, market.QuoteVolume, volField)
	if !d.Empty(countField) {
		t.Put(market.TradeCount, market.Int(d.Count(countField)))
	}
}

// listed decodes one of all of spot's tickers.
func (d *decoder) listed(b *market.Batch) {
	d.native = d.Word(symbolField)
	d.day(b)
}

// put sets a field of a ticker, unless it is not there or null.
func (d *decoder) put(t *market.Ticker, f market.Field, at byte) {
	if !d.Empty(at) {
		t.Put(f, d.Size(at))
	}
}

// mark and index decode a candle of such prices, of which the newest counts.
func (d *decoder) mark(b *market.Batch)  { d.newest(b, market.Mark) }
func (d *decoder) index(b *market.Batch) { d.newest(b, market.Index) }

func (d *decoder) newest(b *market.Batch, f market.Field) {
	if sym := d.symbol(); sym != nil {
		b.Ticker(sym, d.sent).Put(f, d.Size(closeField))
	}
}

// funding decodes the rate that is paid next.
func (d *decoder) funding(b *market.Batch) {
	if sym := d.named(d.Word(contractField)); sym != nil {
		t := b.Ticker(sym, d.sent)
		t.Put(market.Funding, d.Number(fundingField))
		t.Put(market.FundingTime, market.Int(d.time(settlementField)))
	}
}

const (
	minute   = 60e6
	hour     = 60 * minute
	day      = 24 * hour
	hongKong = 8 * hour // days, months and years begin there
)

// bar is a width; one of months where there are any.
type bar struct {
	width  int64
	months int
}

// bars are what candles are called by.
var bars = map[string]bar{
	"1min": {width: minute}, "5min": {width: 5 * minute}, "15min": {width: 15 * minute}, "30min": {width: 30 * minute},
	"60min": {width: hour}, "4hour": {width: 4 * hour}, "1day": {width: day}, "1week": {width: 7 * day},
	"1mon": {months: 1}, "1year": {months: 12},
}

// candle decodes a candle; that it is final nothing says. One of contracts has no volume in the quote that would make
// its average price.
func (d *decoder) candle(b *market.Batch) {
	kind, ok := bars[string(d.part)]
	if !ok {
		d.Refuse(fmt.Errorf("%w: a candle of another width", feed.UnknownKind))
		return
	}
	sym := d.symbol()
	if sym == nil {
		return
	}
	start := d.Count(idField)
	if start == 0 || start > scan.MaxCount/1_000_000 {
		d.Fail(idField, scan.Wrong)
		return
	}
	k := b.Candle(sym, d.sent)
	k.Start, k.Width = start*1e6, kind.width
	if kind.months != 0 {
		t := time.UnixMicro(k.Start + hongKong).UTC()
		k.Width = t.AddDate(0, kind.months, 0).Sub(t).Microseconds()
	}
	k.Open, k.High, k.Low, k.Close = d.Price(openField), d.Price(highField), d.Price(lowField), d.Price(closeField)
	if k.High.Cmp(k.Low) < 0 {
		d.Fail(highField, scan.Wrong)
	}
	if d.product.contracts {
		k.Volume = d.traded(d.Size(volField), volField)
		return
	}
	k.Volume, k.QuoteVolume, k.Trades = d.Size(amountField), d.Size(volField), d.Count(countField)
}
