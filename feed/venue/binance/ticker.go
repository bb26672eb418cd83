package binance

import (
	"cmp"

	"tapedeck/market"
)

// day decodes the rolling day, which the small form tells less of.
func (d *decoder) day(b *market.Batch, whole bool) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	t := b.Ticker(sym, m.time('E'))
	t.Put(market.Last, m.Size('c'))
	t.Put(market.Open, m.Size('o'))
	t.Put(market.High, m.Size('h'))
	t.Put(market.Low, m.Size('l'))
	t.Put(market.Volume, m.Size('v'))
	if !d.product.inverse {
		t.Put(market.QuoteVolume, m.Size('q'))
	}
	if whole {
		t.Put(market.VWAP, m.Size('w'))
		t.Put(market.TradeCount, market.Int(m.Count('n')))
	}
}

// mark decodes the mark price, the index and the funding. A dated future has no funding: an empty
// rate and a time of 0.
func (d *decoder) mark(b *market.Batch) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	t := b.Ticker(sym, m.time('E'))
	t.Put(market.Mark, m.Price('p'))
	if !m.Empty('i') {
		t.Put(market.Index, m.Size('i'))
	}
	if !m.Empty('r') {
		t.Put(market.Funding, m.Number('r'))
		if m.ID('T') > 0 {
			t.Put(market.FundingTime, market.Int(m.time('T')))
		}
	}
}

// interest decodes the open interest of a contract, which only REST tells.
func (d *decoder) interest(b *market.Batch) {
	m := &d.message
	if sym := d.symbol(); sym != nil {
		b.Ticker(sym, m.time('E')).Put(market.OpenInterest, m.Size(interest))
	}
}

// composite decodes the index of a contract on several assets.
func (d *decoder) composite(b *market.Batch) {
	m := &d.message
	if sym := d.symbol(); sym != nil {
		b.Ticker(sym, m.time('E')).Put(market.Index, m.Price('p'))
	}
}

// contract decodes whether a contract is traded.
func (d *decoder) contract(b *market.Batch) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	s := b.Status(sym, m.time('E'))
	switch word := m.Word(standing); string(word) {
	case "TRADING", "PRE_DELIVERING", "PRE_SETTLE":
	default:
		s.State, s.Reason = market.Halted, cmp.Or(standings[string(word)], "not trading")
	}
}

// standings are why a contract is not traded.
var standings = map[string]string{
	"PENDING_TRADING": "not open yet", "DELIVERING": "being delivered", "DELIVERED": "delivered", "SETTLING": "being settled", "CLOSE": "closed",
}
