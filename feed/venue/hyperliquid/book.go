package hyperliquid

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// Every book is whole and nothing follows it. Its number is its time, so that an older one which comes late
// changes nothing.
var whole = market.Alone("hyperliquid-time", true)

var errLevels = fmt.Errorf("%w: the levels are no two lists of px and sz, or one of them cannot be", feed.BadValue)

// book decodes a whole book.
func (d *decoder) book(b *market.Batch) {
	sym := d.symbol(coinField)
	if sym == nil {
		return
	}
	k := b.Book(sym, d.Millis(timeField))
	k.Snapshot, k.Chain, k.Last = true, &whole, d.Count(timeField)
	if d.Value(levelsField).Kind != scan.Array || d.Sick {
		d.Refuse(errLevels)
		return
	}
	d.Give(k)
}

// ladders reads the bids and the asks, in whose list the cursor is.
func (m *message) ladders() bool {
	sides := [...]*[]market.Level{&m.Bids, &m.Asks}
	n, all := 0, true
	for ; m.Cursor.More(); n++ {
		if n >= len(sides) {
			m.Cursor.Value()
			continue
		}
		var good bool
		*sides[n], good = m.Cursor.Ladder((*sides[n])[:0], "px", "sz")
		all = all && good
	}
	return all && n == len(sides)
}
