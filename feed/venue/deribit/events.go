package deribit

import (
	"bytes"
	"strconv"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// trades decodes the list in which the cursor is.
func (d *decoder) trades(b *market.Batch) {
	m := &d.message
	for m.Cursor.More() {
		if !m.Cursor.Object() {
			m.Cursor.Value()
			m.Refuse(errData)
			continue
		}
		m.fields()
		if !m.Empty(blockID) {
			m.Skip(feed.Ignored) // agreed on beside the market
			continue
		}
		if sym := d.symbol(); sym != nil {
			d.trade(b, sym)
		}
	}
}

func (d *decoder) trade(b *market.Batch, sym *market.Symbol) {
	m := &d.message
	t := b.Trade(sym, m.Millis(timestamp))
	t.Price, t.Qty = m.Price(priceField), m.Size(amountField)
	id, ok := market.MakeID(m.Word(tradeID))
	if !ok {
		m.Fail(tradeID, scan.Wrong)
	}
	t.ID = id
	switch string(m.Word(directionField)) {
	case "buy":
		t.Side = market.Buy
	case "sell":
		t.Side = market.Sell
	default:
		m.Fail(directionField, scan.Wrong)
	}
}

// quote decodes the best bid and ask. Where a side has no orders it has zeros, or nulls.
func (d *decoder) quote(b *market.Batch, sym *market.Symbol) {
	m := &d.message
	q := b.Quote(sym, m.Millis(timestamp))
	q.BidPrice, q.BidQty = m.touch(bidPrice, bidAmount)
	q.AskPrice, q.AskQty = m.touch(askPrice, askAmount)
}

func (m *message) touch(price, amount byte) (p, q market.Decimal) {
	if m.Empty(price) || m.Empty(amount) {
		return p, q
	}
	p, q = m.Size(price), m.Size(amount)
	if p.IsZero() || q.IsZero() {
		return market.Decimal{}, market.Decimal{}
	}
	return p, q
}

// tickerFields are the fields of a ticker's data that a ticker has.
var tickerFields = [...]struct {
	slot  byte
	field market.Field
}{
	{lastPrice, market.Last},
	{dayHigh, market.High},
	{dayLow, market.Low},
	{dayVolume, market.Volume},
	{dayVolumeUSD, market.QuoteVolume},
	{markPrice, market.Mark},
	{indexPrice, market.Index},
	{openInterest, market.OpenInterest},
}

// ticker decodes what is there: incremental_ticker tells what changed.
func (d *decoder) ticker(b *market.Batch, sym *market.Symbol) {
	m := &d.message
	time := m.Millis(timestamp)
	t := b.Ticker(sym, time)
	for _, f := range tickerFields {
		if !m.Empty(f.slot) {
			t.Put(f.field, m.Size(f.slot))
		}
	}
	if !m.Empty(funding) {
		t.Put(market.Funding, m.Number(funding))
	}
	if t.Present == 0 {
		b.Undo(len(b.Events) - 1)
	}
	if !m.Empty(stateField) {
		d.status(b, sym, time)
	}
}

// state decodes what became of an instrument: instrument.state.KIND.CURRENCY.
func (d *decoder) state(b *market.Batch, sym *market.Symbol) {
	d.status(b, sym, d.message.Millis(timestamp))
}

// status decodes a state; that an instrument was created says nothing of its trading.
func (d *decoder) status(b *market.Batch, sym *market.Symbol, time int64) {
	var s market.Status
	switch string(d.message.Word(stateField)) {
	case "open", "started":
		s.State = market.Live
	case "settlement", "settled":
		s = market.Status{State: market.Halted, Reason: "settlement"}
	case "closed", "delivered", "terminated", "archivized":
		s = market.Status{State: market.Halted, Reason: "ended"}
	case "halted", "locked", "inactive", "deactivated":
		s = market.Status{State: market.Halted, Reason: "halted"}
	default:
		d.message.Skip(feed.Ignored)
		return
	}
	*b.Status(sym, time) = s
}

// candle decodes chart.trades.NAME.RESOLUTION. The venue does not say when one is final.
func (d *decoder) candle(b *market.Batch, sym *market.Symbol) {
	m := &d.message
	width, ok := widthOf(m.channel.rest())
	if !ok {
		m.Refuse(feed.UnknownKind)
		return
	}
	k := b.Candle(sym, 0)
	k.Start, k.Width = m.Millis(tickField), width
	k.Open, k.High, k.Low, k.Close = m.Price(openField), m.Price(highField), m.Price(lowField), m.Price(closeField)
	if k.High.Cmp(k.Low) < 0 {
		m.Fail(highField, scan.Wrong)
	}
	k.Volume = m.Size(volumeField)
	if !m.Empty(costField) {
		k.QuoteVolume = m.Size(costField)
	}
}

// widthOf reads a resolution: minutes, or 1D.
func widthOf(resolution []byte) (width int64, ok bool) {
	if string(resolution) == "1D" {
		return 86400e6, true
	}
	if len(resolution) == 0 || len(resolution) > 4 || len(bytes.Trim(resolution, "0123456789")) > 0 {
		return 0, false
	}
	n, err := strconv.Atoi(string(resolution))
	return int64(n) * 60e6, err == nil && n > 0
}
