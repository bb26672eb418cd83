package upbit

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// Every book is whole and nothing follows it. Its number is its time, so that an older one which comes late
// changes nothing.
var whole = market.Alone("upbit-time", true)

var errLevels = fmt.Errorf("%w: the levels are no list of a price and a size of both sides, or one of them cannot be", feed.BadValue)

// book decodes a whole book. One whose prices are grouped is another book of the symbol.
func (d *decoder) book(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	if !d.Empty(grouping) && !d.Size(grouping).IsZero() {
		d.Skip(feed.Unused)
		return
	}
	k := b.Book(sym, d.Millis(timeField))
	k.Snapshot, k.Chain, k.Last = true, &whole, d.Count(timeField)
	if d.Value(units).Kind != scan.Array || d.Sick {
		d.Refuse(errLevels)
		return
	}
	d.Give(k)
}

// ladder reads the levels, in whose list the cursor is.
func (m *message) ladder() {
	m.Bids, m.Asks = m.Bids[:0], m.Asks[:0]
	for m.Cursor.More() {
		m.unit()
	}
}

// unit reads a level of both sides. A side that has no more levels than that has zeros.
func (m *message) unit() {
	c := &m.Cursor
	if !c.Object() {
		c.Value()
		m.Sick = true
		return
	}
	var bid, ask market.Level
	var seen [4]bool
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "ap", "ask_price":
			m.number(&ask.Price, &seen[0])
		case "bp", "bid_price":
			m.number(&bid.Price, &seen[1])
		case "as", "ask_size":
			m.number(&ask.Qty, &seen[2])
		case "bs", "bid_size":
			m.number(&bid.Qty, &seen[3])
		default:
			c.Value()
		}
	}
	m.Sick = m.Sick || seen != [4]bool{true, true, true, true}
	m.Bids, m.Asks = m.add(m.Bids, bid), m.add(m.Asks, ask)
}

// number reads a field of a level.
func (m *message) number(n *market.Decimal, seen *bool) {
	v, ok := m.Cursor.Decimal(m.Cursor.Value())
	m.Sick = m.Sick || !ok || v.Neg() || *seen
	*n, *seen = v, true
}

func (m *message) add(side []market.Level, l market.Level) []market.Level {
	if l.Price.IsZero() {
		m.Sick = m.Sick || !l.Qty.IsZero()
		return side
	}
	return append(side, l)
}
