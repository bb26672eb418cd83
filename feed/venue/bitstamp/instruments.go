package bitstamp

import (
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// markets decodes the body of GET /api/v2/markets/, or of the older trading-pairs-info/: what each instrument is.
// Whether it is traded may have changed since.
func (d *decoder) markets(b *market.Batch) {
	m := &d.message
	m.Cursor.Array()
	for m.Cursor.More() {
		m.Clear()
		if m.Cursor.Object() {
			m.info()
		} else {
			m.Cursor.Value()
			m.Fail(native, scan.Wrong)
		}
		if m.Healthy() {
			d.facts(b)
		}
	}
}

// info reads the fields of a market, in which the cursor is.
func (m *message) info() {
	for key, ok := m.Cursor.Key(); ok; key, ok = m.Cursor.Key() {
		switch string(key) {
		case "market_symbol", "url_symbol":
			m.Take(native)
		case "base_decimals":
			m.Take(baseDecimals)
		case "counter_decimals":
			m.Take(priceDecimals)
		default:
			m.Cursor.Value()
		}
	}
}

func (d *decoder) facts(b *market.Batch) {
	m := &d.message
	sym := d.named(m.Word(native))
	if sym == nil {
		return
	}
	facts := b.Instrument(sym, 0)
	facts.Tick, facts.Lot = m.Step(priceDecimals), m.Step(baseDecimals)
}
