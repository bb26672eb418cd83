package coinbase

import (
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// status decodes what every product is, and its state.
func (d *decoder) status(b *market.Batch) {
	m := &d.message
	list := m.Value(products)
	if m.Kind(products) != scan.Array {
		m.Fail(products, scan.Wrong)
		return
	}
	outside := m.Cursor
	all := outside.Into(list)
	all.Array()
	for all.More() && m.Healthy() {
		v := all.Value()
		if v.Kind != scan.Object {
			m.Fail(products, scan.Wrong)
			break
		}
		m.Clear()
		m.Cursor = all.Into(v)
		m.Cursor.Object()
		m.fields(productSlot)
		d.productState(b)
	}
	m.Cursor = outside
}

// productState decodes one product: the steps of its price and size, and whether it is traded, or else why not.
func (d *decoder) productState(b *market.Batch) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	if !m.Empty(tick) || !m.Empty(lot) {
		facts := b.Instrument(sym, 0)
		if !m.Empty(tick) {
			facts.Tick = m.Price(tick)
		}
		if !m.Empty(lot) {
			facts.Lot = m.Price(lot)
		}
	}
	s := b.Status(sym, 0)
	s.State = market.Halted
	switch {
	case string(m.Word(state)) != "online":
		s.Reason = "the product is not online"
	case m.flag(noTrading):
		s.Reason = "trading is disabled"
	case m.flag(cancelOnly):
		s.Reason = "orders can only be cancelled"
	case m.flag(postOnly):
		s.Reason = "orders are only accepted"
	case m.flag(auction):
		s.Reason = "an auction is held"
	default:
		s.State = market.Live
	}
}

// flag reads a flag that need not be there.
func (m *message) flag(slot byte) bool { return !m.Empty(slot) && m.Flag(slot) }
