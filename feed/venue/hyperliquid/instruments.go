package hyperliquid

import (
	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// instruments decodes the answer to a request of type meta: what each perpetual is. The step of its price depends on the
// price, so that only that of its quantity is a fact. Spot's list has none of either.
func (d *decoder) instruments(b *market.Batch) {
	c := &d.Cursor
	c.Array()
	for c.More() {
		d.Clear()
		if !c.Object() {
			c.Value()
			d.Fail(universeField, scan.Wrong)
			continue
		}
		for key, ok := c.Key(); ok; key, ok = c.Key() {
			switch string(key) {
			case "name":
				d.Take(coinField)
			case "szDecimals":
				d.Take(szDecimalsField)
			default:
				c.Value()
			}
		}
		if d.Healthy() {
			d.facts(b)
		}
	}
}

func (d *decoder) facts(b *market.Batch) {
	if d.Empty(szDecimalsField) {
		d.Skip(feed.Ignored)
		return
	}
	if sym := d.symbol(coinField); sym != nil {
		b.Instrument(sym, 0).Lot = d.Step(szDecimalsField)
	}
}
