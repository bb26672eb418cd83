package bitstamp

import (
	"fmt"
	"math"

	"tapedeck/feed"
	"tapedeck/market"
)

var (
	// diffChain is the rule of changes and REST order books: what is older than the order book is in it. A
	// message has its time and no number, so nobody can tell whether one is missing.
	diffChain = market.Chain{
		Name:    "bitstamp-time",
		Late:    true,
		Blind:   true,
		Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
		Starts:  func(d *market.Book, snap int64) bool { return d.Last > snap },
		Follows: func(d *market.Book, prev int64) bool { return d.Last > prev },
	}
	// cutChain is that of the channel order_book, whose every message is a book of 100 levels a side: nothing
	// follows one.
	cutChain = market.Alone("bitstamp-cut", false)
)

// cut is added to the number of a cut book. So they are below all others: whoever sends both channels of a
// pair gets the whole book, from its REST order book on.
const cut = math.MinInt64

var (
	errLevels  = fmt.Errorf("%w: the levels are no lists of [price, amount], or a price or amount cannot be", feed.BadValue)
	errNoLabel = fmt.Errorf("%w: a REST order book needs its pair as the record's key or header \"symbol\"", feed.BadSymbol)
)

// book decodes levels: those that changed, or all.
func (d *decoder) book(b *market.Batch, native []byte, chain *market.Chain, whole bool) {
	m := &d.message
	sym := d.named(native)
	if sym == nil {
		return
	}
	time := m.micros()
	k := b.Book(sym, time)
	k.Chain, k.Snapshot, k.Last = chain, whole, time
	switch {
	case chain == &cutChain:
		k.Last += cut
	case !whole:
		k.First = time
	}
	m.Sides(k, bids, asks, errLevels)
}
