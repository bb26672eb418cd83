package bitmex

import (
	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// trade decodes a trade. Those of a snapshot were made before the connection began.
func (d *decoder) trade(b *market.Batch, sym *market.Symbol) {
	m := &d.message
	if m.action != insert {
		m.Skip(feed.Ignored)
		return
	}
	t := b.Trade(sym, m.Clock(timeField))
	t.Price, t.Qty = m.Price(priceField), m.Size(sizeField)
	id, ok := market.MakeID(m.Word(matchField))
	if !ok {
		m.Fail(matchField, scan.Wrong)
	}
	t.ID = id
	switch string(m.Word(sideField)) {
	case "Buy":
		t.Side = market.Buy
	case "Sell":
		t.Side = market.Sell
	default:
		m.Fail(sideField, scan.Wrong)
	}
}

// quote decodes the best bid and ask; a snapshot has the newest.
func (d *decoder) quote(b *market.Batch, sym *market.Symbol) {
	m := &d.message
	q := b.Quote(sym, m.Clock(timeField))
	q.BidPrice, q.BidQty = m.touch(bidPrice, bidSize)
	q.AskPrice, q.AskQty = m.touch(askPrice, askSize)
}

// touch decodes a side, which may have no order.
func (m *message) touch(price, size byte) (p, q market.Decimal) {
	p, q = m.optional(price), m.optional(size)
	if !p.Set() || !q.Set() || p.IsZero() || q.IsZero() {
		return market.Decimal{}, market.Decimal{}
	}
	return p, q
}

// candle decodes a candle, which is told when it is over: its timestamp is its end.
func (d *decoder) candle(b *market.Batch, sym *market.Symbol) {
	m := &d.message
	end := m.Clock(timeField)
	if m.Empty(openField) {
		m.Skip(feed.Ignored) // nobody traded yet
		return
	}
	k := b.Candle(sym, end)
	k.Start, k.Width, k.Final = end-m.table.width, m.table.width, true
	if k.Start < 0 {
		m.Fail(timeField, scan.Wrong)
	}
	k.Open, k.High, k.Low, k.Close = m.Price(openField), m.Price(highField), m.Price(lowField), m.Price(closeField)
	if k.High.Cmp(k.Low) < 0 {
		m.Fail(highField, scan.Wrong)
	}
	k.Volume, k.Trades = m.Size(volumeField), m.Count(tradesField)
}

// tickerFields are the fields of a row of instrument that a ticker has.
var tickerFields = [...]struct {
	slot  byte
	field market.Field
}{
	{lastPrice, market.Last},
	{prevPrice, market.Open},
	{highPrice, market.High},
	{lowPrice, market.Low},
	{volumeDay, market.Volume},
	{vwapField, market.VWAP},
	{markPrice, market.Mark},
	{indexPrice, market.Index},
	{openInterest, market.OpenInterest},
}

// instrument decodes what changed of an instrument: fields that a message does not have are as before.
func (d *decoder) instrument(b *market.Batch, sym *market.Symbol) {
	m := &d.message
	time := m.time()
	var t *market.Ticker
	put := func(f market.Field, v market.Decimal) {
		if t == nil {
			t = b.Ticker(sym, time)
		}
		t.Put(f, v)
	}
	for _, f := range tickerFields {
		if !m.Empty(f.slot) {
			put(f.field, m.Size(f.slot))
		}
	}
	if !m.Empty(fundingRate) {
		put(market.Funding, m.Number(fundingRate))
	}
	if !m.Empty(fundingTime) {
		put(market.FundingTime, market.Int(m.Clock(fundingTime)))
	}
	known := d.facts(b, sym, time)
	switch {
	case !m.Empty(stateField) && d.status(b, sym, time):
	case t == nil && !known:
		m.Skip(feed.Ignored) // of what else it is we tell nothing
	}
}

// status decodes the state of an instrument; false if it is one that we do not know.
func (d *decoder) status(b *market.Batch, sym *market.Symbol, time int64) bool {
	var s market.Status
	switch string(d.message.Word(stateField)) {
	case "Open":
		s.State = market.Live
	case "Closed":
		s = market.Status{State: market.Halted, Reason: "closed"}
	case "Clearing":
		s = market.Status{State: market.Halted, Reason: "clearing"}
	case "Settled", "Unlisted":
		s = market.Status{State: market.Halted, Reason: "ended"}
	default:
		return false
	}
	*b.Status(sym, time) = s
	return true
}
