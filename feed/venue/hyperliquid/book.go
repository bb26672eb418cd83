package hyperliquid

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// Every book is whole and nothing follows it. Its number is its time, so that an older one which comes late
// changes nothing.
var whole = market.Chain{
	Name:    "hyperliquid-time",
	Blind:   true,
	Old:     func(*market.Book, int64) bool { return false },
	Starts:  func(*market.Book, int64) bool { return false },
	Follows: func(*market.Book, int64) bool { return false },
}

var errLevels = fmt.Errorf("%w: the levels are no two lists of px and sz, or one of them cannot be", feed.BadValue)

// book decodes a whole book.
func (d *decoder) book(b *market.Batch) {
	sym := d.symbol(coinField)
	if sym == nil {
		return
	}
	k := b.Book(sym, d.time(timeField))
	k.Snapshot, k.Chain, k.Last = true, &whole, d.Count(timeField)
	if d.Value(levelsField).Kind != scan.Array || d.sick {
		d.refuse(errLevels)
		return
	}
	k.Bids, d.sides[0] = d.sides[0], k.Bids[:0]
	k.Asks, d.sides[1] = d.sides[1], k.Asks[:0]
}

// ladders reads the bids and the asks, in whose list the cursor is.
func (m *message) ladders() {
	n := 0
	for ; m.Cursor.More(); n++ {
		if n > 1 {
			m.Cursor.Value()
			continue
		}
		var good bool
		m.sides[n], good = m.Cursor.Ladder(m.sides[n][:0], "px", "sz")
		m.sick = m.sick || !good
	}
	m.sick = m.sick || n != 2
}
