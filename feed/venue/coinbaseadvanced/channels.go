package coinbaseadvanced

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

var errLevels = fmt.Errorf("%w: an update has no side of bid or offer, no price above 0, or no quantity of 0 or more", feed.BadValue)

// book decodes a whole book, or levels of one that changed.
func (d *decoder) book(b *market.Batch, c *connection, time int64) {
	m := &d.message
	sym := d.symbol(b, c, updates)
	if sym == nil {
		return
	}
	k := b.Book(sym, time)
	k.Snapshot = m.whole()
	m.Value(updates)
	if m.Kind(updates) != scan.Array || m.Sick {
		m.Refuse(errLevels)
		return
	}
	m.Give(k)
}

// whole reports whether an event is of all that there is, and not of what is new.
func (m *message) whole() bool {
	switch string(m.Word(kind)) {
	case "snapshot":
		return true
	case "update":
	default:
		m.Fail(kind, scan.Wrong)
	}
	return false
}

// trades decodes trades, the newest first. Those of a snapshot were made before the connection began. The side
// that the venue sends is that of the order which was there first.
func (d *decoder) trades(b *market.Batch, c *connection, _ int64) {
	m := &d.message
	if m.whole() {
		m.Skip(feed.Ignored)
		return
	}
	first := len(b.Events)
	m.each(list, func() {
		sym := d.symbol(b, c, list)
		if sym == nil {
			return
		}
		t := b.Trade(sym, m.Clock(tradeTime))
		t.Price, t.Qty = m.Price(price), m.Price(size)
		var ok bool
		if t.ID, ok = market.MakeID(m.Word(tradeID)); !ok {
			m.Fail(tradeID, scan.Wrong)
		}
		t.Side = market.Buy
		if m.side("BUY", "SELL") {
			t.Side = market.Sell
		}
	})
	reverse(b.Events[first:])
}

// reverse puts the newest last. A gap stays before the trade of its symbol.
func reverse(events []market.Event) {
	for i, j := 0, len(events)-1; i < j; i, j = i+1, j-1 {
		events[i], events[j] = events[j], events[i]
	}
	for i := range events {
		if _, gap := events[i].Payload.(*market.Gap); !gap {
			continue
		}
		ev := events[i]
		copy(events[1:i+1], events[:i])
		events[0] = ev
	}
}

// tickers decodes the rolling day and, where it is told, the best bid and ask. One that is missing is made up for by
// the next: the connection need not remember the symbol.
func (d *decoder) tickers(b *market.Batch, _ *connection, time int64) {
	m := &d.message
	m.each(list, func() {
		sym := d.named(product)
		if sym == nil {
			return
		}
		t := b.Ticker(sym, time)
		t.Put(market.Last, m.Size(price))
		for _, f := range [...]struct {
			slot  byte
			field market.Field
		}{{high, market.High}, {low, market.Low}, {volume, market.Volume}} {
			if !m.Empty(f.slot) {
				t.Put(f.field, m.Size(f.slot))
			}
		}
		if m.Has(bestBidSize) || m.Has(bestAskSize) { // not in ticker_batch
			q := b.Quote(sym, time)
			q.BidPrice, q.BidQty = m.touch(bestBid, bestBidSize)
			q.AskPrice, q.AskQty = m.touch(bestAsk, bestAskSize)
		}
	})
}

// touch reads one side's best. Where there is no order the venue sends zeros, or nothing.
func (m *message) touch(price, qty byte) (p, q market.Decimal) {
	if m.Empty(price) && m.Empty(qty) {
		return p, q
	}
	p, q = m.Size(price), m.Size(qty)
	if p.IsZero() || q.IsZero() {
		return market.Decimal{}, market.Decimal{}
	}
	return p, q
}

// width is that of all candles, in µs.
const width = 300e6

// candles decodes candles of five minutes. The venue does not say when one is final; where a newer one of the
// symbol is in the same event, it is.
func (d *decoder) candles(b *market.Batch, _ *connection, time int64) {
	m := &d.message
	m.Value(kind)
	first := len(b.Events)
	m.each(list, func() {
		sym := d.named(product)
		if sym == nil {
			return
		}
		k := b.Candle(sym, time)
		s, ok := m.Number(start).Int64()
		if !ok || s <= 0 || s > scan.MaxCount/1000000 {
			m.Fail(start, scan.Wrong)
			return
		}
		k.Start, k.Width = s*1e6, width
		k.Open, k.High, k.Low, k.Close = m.Price(opened), m.Price(high), m.Price(low), m.Price(closed)
		k.Volume = m.Size(volume)
		if k.High.Cmp(k.Low) < 0 {
			m.Fail(high, scan.Wrong)
		}
	})
	told := b.Events[first:]
	if n := len(told); n > 1 && starts(told[0]) > starts(told[n-1]) {
		reverse(told)
	}
	for i := range told {
		k, ok := told[i].Payload.(*market.Candle)
		for j := i + 1; ok && j < len(told) && !k.Final; j++ {
			k.Final = told[j].Symbol == told[i].Symbol && starts(told[j]) > k.Start
		}
	}
}

// starts is when a candle starts.
func starts(ev market.Event) int64 {
	if k, ok := ev.Payload.(*market.Candle); ok {
		return k.Start
	}
	return 0
}

// status decodes what products are and whether they are traded.
func (d *decoder) status(b *market.Batch, _ *connection, time int64) {
	m := &d.message
	m.each(products, func() {
		sym := d.named(id)
		if sym == nil {
			return
		}
		if !m.Empty(tick) || !m.Empty(lot) {
			facts := b.Instrument(sym, time)
			if !m.Empty(tick) {
				facts.Tick = m.Price(tick)
			}
			if !m.Empty(lot) {
				facts.Lot = m.Price(lot)
			}
		}
		s := b.Status(sym, time)
		s.State = market.Live
		if string(m.Word(state)) != "online" {
			s.State, s.Reason = market.Halted, "the product is not online"
		}
	})
}
