package cryptocom

import (
	"bytes"

	"tapedeck/feed"
	"tapedeck/market"
)

// instruments decodes the answer to public/get-instruments: what each instrument is. Whether it is traded may have
// changed since.
func (d *decoder) instruments(b *market.Batch) {
	d.Skip(feed.Ignored)
	d.Objects(dataField, d.of(dataField), func() {
		if d.info(); d.Healthy() {
			d.facts(b)
		}
	})
}

// info reads the fields of an instrument, in which the cursor is.
func (m *message) info() {
	for key, ok := m.Cursor.Key(); ok; key, ok = m.Cursor.Key() {
		switch string(key) {
		case "symbol":
			m.Take(nameField)
		case "price_tick_size":
			m.Take(tickField)
		case "qty_tick_size":
			m.Take(lotField)
		default:
			m.Cursor.Value()
		}
	}
}

func (d *decoder) facts(b *market.Batch) {
	native := d.Word(nameField)
	if bytes.HasSuffix(native, []byte("-INDEX")) {
		return
	}
	if sym := d.Symbol(d.symbols, native, symbolOf); sym != nil {
		facts := b.Instrument(sym, 0)
		facts.Tick, facts.Lot = d.Price(tickField), d.Price(lotField)
	}
}
