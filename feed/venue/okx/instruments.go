package okx

import (
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// facts decodes what an instrument is, as far as it says so.
func (d *decoder) facts(b *market.Batch, sym *market.Symbol) {
	if d.Empty(tickSz) && d.Empty(lotSz) {
		return
	}
	facts := b.Instrument(sym, 0)
	if !d.Empty(tickSz) {
		facts.Tick = d.Price(tickSz)
	}
	if !d.Empty(lotSz) {
		facts.Lot = d.Price(lotSz)
	}
	if sym.Kind != market.Spot && !d.Empty(ctVal) && !d.Empty(ctValCcy) {
		d.contract(sym, facts)
	}
}

// contract decodes how much a contract is: its value, so many times as an option says.
func (d *decoder) contract(sym *market.Symbol, facts *market.Instrument) {
	value := d.Price(ctVal)
	if !d.Empty(ctMult) {
		var product market.Sum
		product.AddProduct(value, d.Price(ctMult))
		if value = product.Decimal(); !value.Set() {
			d.Fail(ctMult, scan.Wrong)
		}
	}
	switch ccy := d.Word(ctValCcy); string(ccy) {
	case sym.Base:
		facts.Contract, facts.Currency = value, sym.Base
	case sym.Quote:
		facts.Contract, facts.Currency = value, sym.Quote
	default:
		return // a currency that the name does not have
	}
	facts.Inverse = !d.Empty(ctType) && string(d.Word(ctType)) == "inverse"
}
