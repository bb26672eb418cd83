package coinbase

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

var (
	errLevels = fmt.Errorf("%w: the levels are no lists of [price, size], or a price or size cannot be", feed.BadValue)
	errOther  = fmt.Errorf("%w: the book of this product is made of its orders", feed.Unused)
)

// level2 begins a message of the channel level2, which has no number of any kind: each is taken to follow.
func (d *decoder) level2(b *market.Batch) *market.Book {
	m := &d.message
	sym := d.symbol()
	switch {
	case sym == nil:
		return nil
	case d.ladders[sym] != nil:
		m.Skip(errOther)
		return nil
	}
	return b.Book(sym, m.timeIfTold())
}

// snapshot decodes a whole book.
func (d *decoder) snapshot(b *market.Batch) {
	k := d.level2(b)
	if k == nil {
		return
	}
	m := &d.message
	k.Snapshot = true
	var good [2]bool
	for i, side := range []struct {
		slot byte
		list *[]market.Level
	}{{bids, &k.Bids}, {asks, &k.Asks}} {
		if v := m.Value(side.slot); v.Kind == scan.Array {
			c := m.Cursor.Into(v)
			*side.list, good[i] = c.Levels(*side.list)
		}
	}
	if good != [2]bool{true, true} {
		m.Refuse(errLevels)
	}
}

// changes decodes levels that changed.
func (d *decoder) changes(b *market.Batch) {
	k := d.level2(b)
	if k == nil {
		return
	}
	m := &d.message
	m.Value(levels)
	if m.Kind(levels) != scan.Array || m.Sick {
		m.Refuse(errLevels)
		return
	}
	m.Give(k)
}
