package krakenfutures

import (
	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// list decodes the body of GET /derivatives/api/v3/instruments: what each contract is. Whether it is traded may have
// changed since. Indices, which used to be in it, have no step.
func (d *decoder) list(b *market.Batch) {
	d.Skip(feed.Ignored)
	d.Objects(instruments, d.Value(instruments), func() {
		if d.info(); d.Healthy() && d.Has(tick) {
			d.facts(b)
		}
	})
}

// info reads the fields of an instrument, in which the cursor is.
func (d *decoder) info() {
	for key, ok := d.Cursor.Key(); ok; key, ok = d.Cursor.Key() {
		if slot, ok := infoSlots.Find(key); ok {
			d.Take(slot)
		} else {
			d.Cursor.Value()
		}
	}
}

// facts decodes one contract. How much it is is not told of one whose currency we do not know.
func (d *decoder) facts(b *market.Batch) {
	sym := d.named(native)
	if sym == nil {
		return
	}
	facts := b.Instrument(sym, 0)
	facts.Tick = d.Price(tick)
	if !d.Empty(precision) {
		facts.Lot = d.step()
	}
	switch {
	case sym.Quote == "":
	case isInverse(sym):
		facts.Contract, facts.Currency, facts.Inverse = d.Price(contract), sym.Quote, true
	case isLinear(sym):
		facts.Contract, facts.Currency = d.Price(contract), sym.Base
	}
}

// step returns the least step of a quantity, which has so many decimals; or below 0 as many zeros.
func (d *decoder) step() market.Decimal {
	n := d.Int(precision)
	if n >= 0 {
		return d.Step(precision)
	}
	if n < -maxZeros {
		d.Fail(precision, scan.Wrong)
		return market.Decimal{}
	}
	lot := int64(1)
	for range -n {
		lot *= 10
	}
	return market.Int(lot)
}

const maxZeros = 15
