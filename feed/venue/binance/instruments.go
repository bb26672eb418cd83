package binance

import (
	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The slots of what an instrument is, in the body of exchangeInfo. That of the list itself is listed.
const (
	listed       = 1
	tickSlot     = 't'
	lotSlot      = 'l'
	contractSlot = 'c'
)

var infoNames = map[byte]string{'s': "symbol", listed: "symbols", tickSlot: "tickSize", lotSlot: "stepSize", contractSlot: "contractSize"}

// instruments decodes the body of exchangeInfo: what each instrument is. Whether it is traded may have changed since.
func (d *decoder) instruments(b *market.Batch) {
	m := &d.message
	list := m.Value(listed)
	if list.Kind != scan.Array {
		m.Fail(listed, scan.Wrong)
		return
	}
	outside := m.Cursor
	m.Cursor = outside.Into(list)
	m.Cursor.Array()
	for m.Cursor.More() {
		m.Clear()
		if m.Cursor.Object() {
			m.info()
		} else {
			m.Cursor.Value()
			m.Fail(listed, scan.Wrong)
		}
		if m.Healthy() {
			d.instrument(b)
		}
	}
	m.Cursor = outside
}

func (d *decoder) instrument(b *market.Batch) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	tick, lot := m.step(tickSlot), m.step(lotSlot)
	if !tick.Set() && !lot.Set() && !d.product.inverse {
		m.Skip(feed.Ignored)
		return
	}
	facts := b.Instrument(sym, 0)
	facts.Tick, facts.Lot = tick, lot
	if d.product.inverse {
		facts.Contract, facts.Currency, facts.Inverse = m.Price(contractSlot), "USD", true
	}
}

// step returns a step of prices or quantities; 0 says that there is none.
func (m *message) step(slot byte) market.Decimal {
	if m.Empty(slot) {
		return market.Decimal{}
	}
	n := m.Size(slot)
	if n.IsZero() {
		return market.Decimal{}
	}
	return n
}

// info reads the fields of an instrument, in which the cursor is.
func (m *message) info() {
	c := &m.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "symbol":
			m.Take('s')
		case "contractSize":
			m.Take(contractSlot)
		case "filters":
			m.filters()
		default:
			c.Value()
		}
	}
}

// filters reads the rules that orders are held to: those for their price and quantity say the steps.
func (m *message) filters() {
	c := &m.Cursor
	if !c.Array() {
		c.Value()
		m.Fail(tickSlot, scan.Wrong)
		return
	}
	for c.More() {
		if c.Object() {
			m.filter()
		} else {
			c.Value()
			m.Fail(tickSlot, scan.Wrong)
		}
	}
}

func (m *message) filter() {
	c := &m.Cursor
	var kind, tick, step scan.Value
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		to := &kind
		switch string(key) {
		case "filterType":
		case "tickSize":
			to = &tick
		case "stepSize":
			to = &step
		default:
			c.Value()
			continue
		}
		if to.Kind != scan.None {
			m.Fail(tickSlot, scan.Twice)
		}
		*to = c.Value()
	}
	if kind.Kind != scan.String {
		m.Fail(tickSlot, scan.Wrong)
		return
	}
	switch string(c.Text(kind, m.name[:0])) {
	case "PRICE_FILTER":
		m.Note(tickSlot, tick)
	case "LOT_SIZE":
		m.Note(lotSlot, step)
	}
}
