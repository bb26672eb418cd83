package binance

import (
	"bytes"
	"fmt"
	"math"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The venue's rules of which message of a book follows which.
var (
	spotChain = market.Chain{
		Name:    "binance-spot",
		Late:    true,
		Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
		Starts:  func(d *market.Book, snap int64) bool { return d.First <= snap+1 && snap+1 <= d.Last },
		Follows: func(d *market.Book, prev int64) bool { return d.First == prev+1 },
	}
	// In futures the ids are of all symbols together, so First says nothing about what came before:
	// Prev does.
	futuresChain = market.Chain{
		Name: "binance-futures",
		Late: true,
		Old:  func(d *market.Book, snap int64) bool { return d.Last < snap },
		Starts: func(d *market.Book, snap int64) bool {
			return d.First <= snap && snap <= d.Last || d.Prev == snap
		},
		Follows: func(d *market.Book, prev int64) bool { return d.Prev == prev },
	}
	// A cut book is whole by itself and nothing follows it.
	cutChain = market.Alone("binance-cut", false)
)

// cut is added to the id of a cut book. So they are below all others, and no diff starts on one:
// whoever sends both of a symbol gets the whole book, from its REST snapshot on.
const cut = math.MinInt64

// depth decodes a change of a book or, in the streams depth5, depth10 and depth20 of futures, a cut book.
func (d *decoder) depth(b *market.Batch) {
	m := &d.message
	_, stream := m.streamName()
	if bytes.HasPrefix(stream, []byte("rpiDepth")) {
		m.Skip(feed.Unused) // another book, with orders that only some can meet
		return
	}
	sym := d.symbol()
	if sym == nil {
		return
	}
	k := b.Book(sym, m.time('E'))
	k.Last = m.ID('u')
	if isCut(stream) {
		k.Snapshot, k.Chain, k.Last = true, &cutChain, k.Last+cut
	} else {
		k.Chain = d.product.chain
		k.First = m.ID('U')
		if k.Chain == &futuresChain {
			k.Prev = m.Int(previous)
		}
		if k.First > k.Last {
			m.Fail('U', scan.Wrong)
		}
	}
	m.sides(k)
}

var errLevels = fmt.Errorf("%w: the levels are no lists of [price, quantity], or a price or quantity cannot be", feed.BadValue)

var errNoLabel = fmt.Errorf("%w: a REST order book needs its native symbol as the record's key or header \"symbol\"", feed.BadSymbol)

// book decodes a REST order book, or spot's cut book, which looks like one.
func (d *decoder) book(b *market.Batch) {
	m := &d.message
	native, stream := m.streamName()
	last, chain := m.ID('u'), d.product.chain
	switch {
	case isCut(stream):
		last, chain = last+cut, &cutChain
		native = d.raise(native)
	case m.Has('s'):
		native = m.Word('s')
	default:
		if native = d.raise(m.Label()); len(native) == 0 {
			m.Refuse(errNoLabel)
			return
		}
	}
	sym := d.named(native)
	if sym == nil {
		return
	}
	k := b.Book(sym, m.timeIfTold('E')) // spot has none
	k.Snapshot, k.Chain, k.Last = true, chain, last
	m.sides(k)
}

// sides gives the levels to the event, and takes the memory that its own had.
func (m *message) sides(k *market.Book) {
	m.Sides(k, 'b', 'a', errLevels)
}

// isCut tells depth5, depth10 and depth20 from depth.
func isCut(stream []byte) bool {
	n, ok := bytes.CutPrefix(stream, []byte("depth"))
	return ok && len(n) > 0 && n[0]-'0' <= 9
}

// raise returns a name in capitals, as all native names are: streams, and so keys, have small letters.
func (d *decoder) raise(name []byte) []byte {
	if len(name) > len(d.upper) {
		return name // no native name is that long
	}
	up := d.upper[:copy(d.upper[:], name)]
	for i, c := range up {
		if c >= 'a' && c <= 'z' {
			up[i] = c - ('a' - 'A')
		}
	}
	return up
}
