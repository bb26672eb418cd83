package htx

import "tapedeck/market"

// facts decodes one instrument of a list: what it is, and whether it is traded if the venue tells of a change. A list
// that was asked for says how things were then.
func (d *decoder) facts(b *market.Batch) {
	if d.product.contracts {
		d.contract(b)
		return
	}
	sym := d.named(d.Word(symbolField))
	if sym == nil {
		return
	}
	facts := b.Instrument(sym, 0)
	facts.Tick, facts.Lot = d.Step(decimalsField), d.Step(lotField)
}

// contract decodes one of contracts, which are counted in the base if they are paid in the quote, and else in dollars.
func (d *decoder) contract(b *market.Batch) {
	sym := d.named(d.Word(contractField))
	if sym == nil {
		return
	}
	facts := b.Instrument(sym, d.sent)
	facts.Tick, facts.Contract = d.Price(stepField), d.Price(sizeField)
	facts.Inverse = sym.Quote == "USD"
	if facts.Currency = sym.Base; facts.Inverse {
		facts.Currency = sym.Quote
	}
	if !d.told {
		return
	}
	if s := b.Status(sym, d.sent); d.Count(stateField) != listed {
		s.State, s.Reason = market.Halted, "not listed, suspended or settled"
	}
}

// listed is the state of a contract that is traded.
const listed = 1
