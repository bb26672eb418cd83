package bitget

import (
	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// instruments decodes a list of symbols or contracts, by REST, which does not say of which market it is. Whether they are
// traded may have changed since.
func (d *decoder) instruments(b *market.Batch) {
	c := &d.Cursor
	c.Array()
	for c.More() {
		d.Clear()
		if !c.Object() {
			c.Value()
			d.Refuse(feed.UnknownKind)
			continue
		}
		d.info()
		if d.Healthy() {
			d.facts(b)
		}
	}
}

// info reads the fields of an instrument, in which the cursor is.
func (m *message) info() {
	c := &m.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "symbol":
			m.Take(instField)
		case "pricePrecision", "pricePlace":
			m.Take(pricePlaceField)
		case "quantityPrecision":
			m.Take(quantityField)
		case "priceEndStep":
			m.Take(endStepField)
		case "sizeMultiplier":
			m.Take(multiplierField)
		default:
			c.Value()
		}
	}
}

// facts decodes one instrument: of spot both numbers of decimals, of a contract the step of its price's last decimal, and
// that of its quantity.
func (d *decoder) facts(b *market.Batch) {
	if !d.Has(pricePlaceField) || d.Has(endStepField) != d.product.contracts { // another list, or of another market
		d.Refuse(feed.UnknownKind)
		return
	}
	d.native = d.Word(instField)
	sym := d.symbol()
	if sym == nil {
		return
	}
	facts := b.Instrument(sym, 0)
	if facts.Tick = d.Step(pricePlaceField); !d.product.contracts {
		facts.Lot = d.Step(quantityField)
		return
	}
	var tick market.Sum
	tick.AddProduct(d.Price(endStepField), facts.Tick)
	if facts.Tick = tick.Decimal(); !facts.Tick.Set() {
		d.Fail(endStepField, scan.Wrong)
	}
	facts.Lot = d.Price(multiplierField)
}
