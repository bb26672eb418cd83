package deribit

import (
	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// instruments decodes the answer to public/get_instruments, a list of them. That of another list says nothing to us.
func (d *decoder) instruments(b *market.Batch) {
	m := &d.message
	m.Skip(feed.Ignored)
	m.Cursor.Array()
	for m.Cursor.More() {
		if !m.Cursor.Object() {
			m.Cursor.Value()
			continue
		}
		m.info()
		if m.Has(instrument) && m.Has(tickSize) {
			d.facts(b)
		}
	}
}

// info reads the fields of an instrument, in which the cursor is.
func (m *message) info() {
	m.Clear()
	for name, ok := m.Cursor.Key(); ok; name, ok = m.Cursor.Key() {
		if string(name) == fieldNames[instrument] {
			m.Take(instrument)
		} else if s, known := instrumentSlots.Find(name); known {
			m.Take(s)
		} else {
			m.Cursor.Value()
		}
	}
}

// facts decodes what an instrument is. Quantities are no contracts: where it is inverse they are in the quote, else in
// the base.
func (d *decoder) facts(b *market.Batch) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	facts := b.Instrument(sym, 0)
	facts.Tick, facts.Lot = m.Price(tickSize), m.Price(minAmount)
	if m.Empty(instrumentType) { // of spot
		return
	}
	switch string(m.Word(instrumentType)) {
	case "reversed":
		facts.Currency, facts.Inverse = sym.Quote, true
	case "linear":
		facts.Currency = sym.Base
	default:
		m.Fail(instrumentType, scan.Wrong)
	}
}
