package kucoin

import (
	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// instruments decodes the list of a market's symbols or contracts, by REST. Whether they are traded may have changed since.
func (d *decoder) instruments(b *market.Batch) {
	d.Within(d.Value(data), func() {
		c := &d.Cursor
		c.Array()
		for c.More() {
			d.Clear()
			if !c.Object() {
				c.Value()
				d.Fail(data, scan.Wrong)
				continue
			}
			d.info()
			if d.Healthy() {
				d.facts(b)
			}
		}
	})
}

// info reads the fields of an instrument, in which the cursor is.
func (m *message) info() {
	c := &m.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "symbol":
			m.Take(symbolName)
		case "priceIncrement", "tickSize":
			m.Take(tickSize)
		case "baseIncrement", "lotSize":
			m.Take(lotSize)
		case "multiplier":
			m.Take(multiplier)
		case "isInverse":
			m.Take(isInverse)
		default:
			c.Value()
		}
	}
}

// facts decodes one instrument. A contract is so much of the base, or if it is inverse so many dollars, with a minus.
func (d *decoder) facts(b *market.Batch) {
	if !d.Has(tickSize) { // another list
		d.Refuse(feed.UnknownKind)
		return
	}
	sym := d.named(d.Word(symbolName))
	if sym == nil {
		return
	}
	facts := b.Instrument(sym, 0)
	facts.Tick, facts.Lot = d.Price(tickSize), d.Price(lotSize)
	if sym.Kind == market.Spot || sym.Base == "" {
		return
	}
	facts.Contract, facts.Inverse = d.Number(multiplier).Abs(), d.Flag(isInverse)
	if facts.Currency = sym.Base; facts.Inverse {
		facts.Currency = sym.Quote
	}
	if facts.Contract.IsZero() {
		d.Fail(multiplier, scan.Wrong)
	}
}
