package kraken

import "tapedeck/market"

// facts decodes the steps of a pair's price and quantity, if it says them.
func (d *v2) facts(b *market.Batch, sym *market.Symbol) {
	if d.Empty(priceIncrement) && d.Empty(qtyIncrement) {
		return
	}
	facts := b.Instrument(sym, 0)
	if !d.Empty(priceIncrement) {
		facts.Tick = d.Price(priceIncrement)
	}
	if !d.Empty(qtyIncrement) {
		facts.Lot = d.Price(qtyIncrement)
	}
}
