package kucoin

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
	chain = market.Chain{
		Name:    "kucoin",
		Late:    true,
		Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
		Starts:  func(d *market.Book, snap int64) bool { return d.First <= snap+1 && snap+1 <= d.Last },
		Follows: func(d *market.Book, prev int64) bool { return d.First == prev+1 },
	}
	// pushChain is the same with a snapshot that comes in its place, at the beginning of a subscription.
	pushChain = market.Chain{Name: "kucoin-push", Old: chain.Old, Starts: chain.Starts, Follows: chain.Follows}
	// A cut book is whole by itself and nothing follows it.
	cutChain = market.Alone("kucoin-cut", false)
)

var (
	errLevels  = fmt.Errorf("%w: the levels are no lists of [price, quantity], or a price or quantity cannot be", feed.BadValue)
	errChange  = fmt.Errorf("%w: the change is no price,side,quantity", feed.BadValue)
	errNoLabel = fmt.Errorf("%w: a REST order book needs its native symbol as the record's key or header \"symbol\"", feed.BadSymbol)
)

// diff decodes a change of spot's book.
func (d *decoder) diff(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	k := b.Book(sym, d.timeIfTold(timeField))
	k.Chain, k.First, k.Last = &chain, d.id(sequenceStart), d.id(sequenceEnd)
	if k.First > k.Last {
		d.Fail(sequenceStart, scan.Wrong)
	}
	if d.Value(changes).Kind != scan.Object {
		d.Fail(changes, scan.Wrong)
	}
	d.Sides(k, bids, asks, errLevels)
}

// change decodes a change of a futures' book, which is of one level.
func (d *decoder) change(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	k := b.Book(sym, d.time(timestamp))
	k.Chain, k.Last = &chain, d.id(sequence)
	k.First = k.Last
	at, rest, _ := bytes.Cut(d.Word(change), []byte(","))
	side, qty, _ := bytes.Cut(rest, []byte(","))
	var l market.Level
	var ok [2]bool
	l.Price, ok[0] = market.ParseDecimal(at)
	l.Qty, ok[1] = market.ParseDecimal(qty)
	bid := string(side) == "buy"
	switch {
	case !ok[0] || !ok[1] || l.Price.Neg() || l.Qty.Neg() || !bid && string(side) != "sell":
		d.Refuse(errChange)
	case l.Price.IsZero(): // it only moves the sequence
	case bid:
		k.Bids = append(k.Bids, l)
	default:
		k.Asks = append(k.Asks, l)
	}
}

// whole decodes a REST order book. Spot's does not say its symbol.
func (d *decoder) whole(b *market.Batch) {
	var native []byte
	if d.Has(symbolName) {
		native = d.Word(symbolName)
	} else if native = d.Label(); len(native) == 0 {
		d.Refuse(errNoLabel)
		return
	}
	sym := d.named(native)
	if sym == nil {
		return
	}
	k := b.Book(sym, d.time(d.either(timeField, ts)))
	k.Snapshot, k.Chain, k.Last = true, &chain, d.id(sequence)
	d.Sides(k, bids, asks, errLevels)
}

// cutID is added to the time of a cut book, which is its id. So they are below all others, and nothing starts on
// one: whoever sends both of a symbol gets the whole book.
const cutID = math.MinInt64

// cut decodes the best 5 or 50 levels, which are whole by themselves.
func (d *decoder) cut(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	t := d.time(d.either(timestamp, ts))
	k := b.Book(sym, t)
	k.Snapshot, k.Chain, k.Last = true, &cutChain, cutID+t
	d.Sides(k, bids, asks, errLevels)
}

// touch decodes spot's best bid and ask, each a single [price, quantity].
func (d *decoder) touch(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	q := b.Quote(sym, d.time(timestamp))
	q.BidPrice, q.BidQty = d.single(bids)
	q.AskPrice, q.AskQty = d.single(asks)
}

// single reads a side that is one order; nothing where the list is empty or has zeros.
func (d *decoder) single(at byte) (p, q market.Decimal) {
	v := d.Value(at)
	if v.Kind != scan.Array {
		d.Refuse(errLevels)
		return p, q
	}
	if !d.Sick {
		if len(d.Bids)+len(d.Asks) > 0 { // lists of orders
			d.Refuse(errLevels)
		}
		return p, q
	}
	c := d.Cursor.Into(v)
	c.Array()
	ok := [2]bool{true, true}
	n := 0
	for ; c.More(); n++ {
		switch n {
		case 0:
			p, ok[0] = c.Decimal(c.Value())
		case 1:
			q, ok[1] = c.Decimal(c.Value())
		default:
			c.Value()
		}
	}
	switch {
	case n == 1 || !ok[0] || !ok[1] || p.Neg() || q.Neg():
		d.Refuse(errLevels)
	case p.IsZero() || q.IsZero():
		return market.Decimal{}, market.Decimal{}
	}
	return p, q
}
