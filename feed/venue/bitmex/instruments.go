package bitmex

import (
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// units says how many decimals a currency has that an instrument is settled in: multipliers count its smallest unit. Of
// others we are not sure.
var units = map[string]uint8{"XBt": 8, "USDt": 6}

// facts decodes what an instrument is; a row may say a part of it, or nothing: false.
func (d *decoder) facts(b *market.Batch, sym *market.Symbol, time int64) bool {
	m := &d.message
	if m.Empty(tickSize) && m.Empty(lotSize) {
		return false
	}
	facts := b.Instrument(sym, time)
	if !m.Empty(tickSize) {
		facts.Tick = m.Price(tickSize)
	}
	if !m.Empty(lotSize) {
		facts.Lot = m.Price(lotSize)
	}
	if sym.Kind != market.Spot && sym.Base != "" && !m.Empty(multiplier) && !m.Empty(isInverse) && !m.Empty(settlCurrency) {
		d.contract(sym, facts)
	}
	return true
}

// contract decodes how much a contract is: of dollars, if it is paid in the coin, else of the coin. A quanto is neither:
// a point of its price has a value in a third currency.
func (d *decoder) contract(sym *market.Symbol, facts *market.Instrument) {
	m := &d.message
	n, inverse := m.Int(multiplier), m.Flag(isInverse)
	quanto := !m.Empty(isQuanto) && m.Flag(isQuanto)
	decimals, known := units[string(m.Word(settlCurrency))]
	if quanto || !known || n == 0 {
		return
	}
	if n < 0 {
		n = -n
	}
	for ; decimals > 0 && n%10 == 0; decimals-- {
		n /= 10
	}
	if n < 0 {
		m.Fail(multiplier, scan.Wrong)
		return
	}
	facts.Contract, facts.Inverse = market.New(n, decimals), inverse
	if facts.Currency = sym.Base; inverse {
		facts.Currency = sym.Quote
	}
}
