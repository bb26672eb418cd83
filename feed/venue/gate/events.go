package gate

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// trade decodes a trade of spot.
func (d *decoder) trade(b *market.Batch) {
	sym := d.symbol(pairField)
	if sym == nil {
		return
	}
	t := d.made(b, sym, d.Price(amountField))
	switch string(d.Word(sideField)) {
	case "buy":
		t.Side = market.Buy
	case "sell":
		t.Side = market.Sell
	default:
		d.Fail(sideField, scan.Wrong)
	}
}

// signed decodes a trade of contracts, whose size is below 0 if the taker sold. One that the venue made with itself,
// to close what was liquidated, was not made in the market.
func (d *decoder) signed(b *market.Batch) {
	if d.Has(internalField) && d.Flag(internalField) {
		d.Skip(feed.Ignored)
		return
	}
	sym := d.symbol(contractField)
	if sym == nil {
		return
	}
	size := d.Number(sizeField)
	if size.IsZero() {
		d.Fail(sizeField, scan.Wrong)
	}
	t := d.made(b, sym, size.Abs())
	if t.Side = market.Buy; size.Neg() {
		t.Side = market.Sell
	}
}

func (d *decoder) made(b *market.Batch, sym *market.Symbol, qty market.Decimal) *market.Trade {
	t := b.Trade(sym, d.time(createdField, 3))
	t.Price, t.Qty = d.Price(priceField), qty
	var buf [20]byte
	t.ID, _ = market.MakeID(strconv.AppendInt(buf[:0], d.ID(idField), 10))
	return t
}

// ticker decodes the rolling day of spot.
func (d *decoder) ticker(b *market.Batch) {
	if sym := d.symbol(pairField); sym != nil {
		d.day(b.Ticker(sym, d.sent))
	}
}

// contract decodes that of a contract, with its mark and index price, funding and open interest.
func (d *decoder) contract(b *market.Batch) {
	sym := d.symbol(contractField)
	if sym == nil {
		return
	}
	t := b.Ticker(sym, d.sent)
	d.day(t)
	d.Put(t, market.Mark, markField)
	d.Put(t, market.Index, indexField)
	d.Put(t, market.OpenInterest, interestField)
	if !d.Empty(fundingField) {
		t.Put(market.Funding, d.Number(fundingField))
	}
}

func (d *decoder) day(t *market.Ticker) {
	t.Put(market.Last, d.Size(lastField))
	d.Put(t, market.High, highField)
	d.Put(t, market.Low, lowField)
	d.Put(t, market.Volume, volumeField)
	d.Put(t, market.QuoteVolume, quoteVolumeField)
}

// stats decodes the mark price and open interest of a contract.
func (d *decoder) stats(b *market.Batch) {
	sym := d.symbol(contractField)
	if sym == nil {
		return
	}
	t := b.Ticker(sym, d.time(timeField, 6))
	t.Put(market.Mark, d.Size(markField))
	t.Put(market.OpenInterest, d.Size(interestField))
}

const (
	second = 1e6
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// widths are what candles are called by; 30d is a month.
var widths = map[string]int64{
	"1s": second, "10s": 10 * second, "30s": 30 * second, "1m": minute, "3m": 3 * minute, "5m": 5 * minute, "15m": 15 * minute, "30m": 30 * minute,
	"1h": hour, "2h": 2 * hour, "4h": 4 * hour, "6h": 6 * hour, "8h": 8 * hour, "12h": 12 * hour,
	"1d": day, "2d": 2 * day, "3d": 3 * day, "5d": 5 * day, "7d": 7 * day, "1w": 7 * day, "30d": 0,
}

var errWidth = fmt.Errorf("%w: a candle of another width", feed.UnknownKind)

// candle decodes a candle of spot, of which v is the quote volume. Until 2022 it did not tell the volume: then it is of
// no use.
func (d *decoder) candle(b *market.Batch) {
	if d.Kind('a') == scan.None {
		d.Skip(feed.Ignored)
		return
	}
	if k := d.ohlc(b); k != nil {
		k.Volume, k.QuoteVolume = d.Size('a'), d.Size('v')
	}
}

// bar decodes a candle of a contract, of which v is the volume.
func (d *decoder) bar(b *market.Batch) {
	if k := d.ohlc(b); k != nil {
		k.Volume = d.Size('v')
	}
}

func (d *decoder) ohlc(b *market.Batch) *market.Candle {
	of, native, _ := bytes.Cut(d.Word('n'), []byte("_"))
	width, ok := widths[string(of)]
	if !ok {
		d.Refuse(errWidth)
		return nil
	}
	if bytes.HasPrefix(native, []byte("mark_")) || bytes.HasPrefix(native, []byte("index_")) {
		d.Refuse(fmt.Errorf("%w: a candle of mark or index prices", feed.UnknownKind))
		return nil
	}
	sym := d.named(native)
	if sym == nil {
		return nil
	}
	k := b.Candle(sym, d.sent)
	k.Start, k.Width = d.time('t', 6), width
	if width == 0 {
		t := time.UnixMicro(k.Start).UTC()
		k.Width = t.AddDate(0, 1, 0).Sub(t).Microseconds()
	}
	k.Open, k.High, k.Low, k.Close = d.Price('o'), d.Price('h'), d.Price('l'), d.Price('c')
	if k.High.Cmp(k.Low) < 0 {
		d.Fail('h', scan.Wrong)
	}
	if d.Has('w') {
		k.Final = d.Flag('w')
	}
	return k
}
