package gate

import (
	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// instruments decodes a list of pairs or contracts, by REST. Whether they are traded may have changed since.
func (d *decoder) instruments(b *market.Batch) {
	d.Within(d.data, func() {
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
				d.product.facts(d, b)
			}
		}
	})
}

// info reads the fields of an instrument, in which the cursor is.
func (m *message) info() {
	c := &m.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "id":
			m.Take(pairField)
		case "name":
			m.Take(contractField)
		case "precision":
			m.Take(precisionField)
		case "amount_precision":
			m.Take(amountPrecisionField)
		case "order_price_round":
			m.Take(roundField)
		case "quanto_multiplier":
			m.Take(multiplierField)
		case "type":
			m.Take(typeField)
		default:
			c.Value()
		}
	}
}

// pair decodes what a pair of spot is.
func (d *decoder) pair(b *market.Batch) {
	if !d.Has(precisionField) { // another list
		d.Refuse(feed.UnknownKind)
		return
	}
	sym := d.symbol(pairField)
	if sym == nil {
		return
	}
	facts := b.Instrument(sym, 0)
	facts.Tick, facts.Lot = d.Step(precisionField), d.Step(amountPrecisionField)
}

// terms decodes what a contract is: so much of the base, or if it is inverse of dollars, of which the list does not say
// how many.
func (d *decoder) terms(b *market.Batch) {
	if !d.Has(roundField) { // another list
		d.Refuse(feed.UnknownKind)
		return
	}
	sym := d.symbol(contractField)
	if sym == nil {
		return
	}
	facts := b.Instrument(sym, 0)
	facts.Tick = d.Price(roundField)
	switch string(d.Word(typeField)) {
	case "direct":
		facts.Contract, facts.Currency = d.Price(multiplierField), sym.Base
	case "inverse":
		facts.Currency, facts.Inverse = sym.Quote, true
	default:
		d.Fail(typeField, scan.Wrong)
	}
}
