package bybit

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// instruments decodes the answer to GET /v5/market/instruments-info: what each instrument of a market is. Whether it is
// traded may have changed since.
func (d *decoder) instruments(b *market.Batch) {
	var category, list scan.Value
	d.Within(d.result, func() {
		c := &d.Cursor
		c.Object()
		for key, ok := c.Key(); ok; key, ok = c.Key() {
			switch string(key) {
			case "category":
				d.Once(&category, categoryField)
			case "list":
				d.Once(&list, listField)
			default:
				c.Value()
			}
		}
		switch {
		case category.Kind != scan.String || list.Kind != scan.Array:
			d.Refuse(feed.UnknownKind)
		case string(c.Text(category, d.text[:0])) != d.product.category:
			d.Refuse(fmt.Errorf("%w: category %.20q is another format's", feed.UnknownKind, c.Text(category, nil)))
		default:
			d.Within(list, func() { d.listed(b) })
		}
	})
}

func (d *decoder) listed(b *market.Batch) {
	c := &d.Cursor
	c.Array()
	for c.More() {
		d.Clear()
		if !c.Object() {
			c.Value()
			d.Fail(listField, scan.Wrong)
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
			m.Take(symbolField)
		case "priceFilter":
			m.filter("tickSize", "", tickField)
		case "lotSizeFilter":
			m.filter("qtyStep", "basePrecision", stepField)
		default:
			c.Value()
		}
	}
}

// filter reads the rules for prices or for quantities, of which one field is the step; spot calls it otherwise.
func (m *message) filter(name, spot string, at byte) {
	c := &m.Cursor
	if !c.Object() {
		c.Value()
		m.Fail(at, scan.Wrong)
		return
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		if k := string(key); k == name || k == spot {
			m.Take(at)
		} else {
			c.Value()
		}
	}
}

// facts decodes one instrument. Inverse contracts are of one dollar.
func (d *decoder) facts(b *market.Batch) {
	sym := d.symbol(symbolField)
	if sym == nil {
		return
	}
	facts := b.Instrument(sym, 0)
	facts.Tick, facts.Lot = d.Price(tickField), d.Price(stepField)
	if d.product.category == "inverse" {
		facts.Contract, facts.Currency, facts.Inverse = market.Int(1), sym.Quote, true
	}
}
