package gate

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

func old(d *market.Book, snap int64) bool { return d.Last <= snap }

func starts(d *market.Book, snap int64) bool { return d.First <= snap+1 && snap+1 <= d.Last }

func follows(d *market.Book, prev int64) bool { return d.First == prev+1 }

// The venue's rules of which message of a book follows which: where the book is fetched by REST; where it comes by
// the channel; and where it is cut, whole by itself, and nothing follows it.
var (
	chain      = market.Chain{Name: "gate", Late: true, Old: old, Starts: starts, Follows: follows}
	depthChain = market.Chain{Name: "gate-obu", Old: old, Starts: starts, Follows: follows}
	cutChain   = market.Alone("gate-cut", false)
)

var (
	errLevels  = fmt.Errorf("%w: the levels are no lists of [price, quantity] or {p, s}, or a price or quantity cannot be", feed.BadValue)
	errStream  = fmt.Errorf("%w: the stream is not named as in ob.BTC_USDT.50", feed.BadValue)
	errNoLabel = fmt.Errorf("%w: a REST order book needs its native symbol as the record's key or header \"symbol\"", feed.BadSymbol)
)

// diff decodes a change of a book. A contract's says to how many levels it is kept.
func (d *decoder) diff(b *market.Batch) {
	sym := d.symbol('s')
	if sym == nil {
		return
	}
	k := b.Book(sym, d.time('t', 3))
	k.Chain, k.Snapshot = &chain, d.full()
	if k.Last = d.Count('u'); !k.Snapshot {
		k.First = d.Count('U')
	}
	if k.First > k.Last {
		d.Fail('U', scan.Wrong)
	}
	if !d.Empty('l') {
		n, ok := d.Number('l').Int64()
		if !ok || n <= 0 || n > maxDepth {
			d.Fail('l', scan.Wrong)
		}
		k.Depth = int(n)
	}
	d.Sides(k, 'b', 'a', errLevels)
}

// full returns whether a message of a book is all of it.
func (d *decoder) full() bool { return d.Has(fullField) && d.Flag(fullField) }

// depthID times the depth is added to the ids of a book that comes by its channel: so the deepest of a symbol ranks
// above all others, which change nothing then.
const (
	depthID  = scan.MaxCount
	maxDepth = 1000
)

// depth decodes a book that comes by its channel, cut to the best 50 or 400 levels, or a change of it.
func (d *decoder) depth(b *market.Batch) {
	name, ok := bytes.CutPrefix(d.Word('s'), []byte("ob."))
	dot := bytes.LastIndexByte(name, '.')
	if !ok || dot < 0 {
		d.Refuse(errStream)
		return
	}
	n, err := strconv.ParseUint(string(name[dot+1:]), 10, 16)
	if err != nil || n == 0 || n > maxDepth {
		d.Refuse(errStream)
		return
	}
	sym := d.named(name[:dot])
	if sym == nil {
		return
	}
	k := b.Book(sym, d.time('t', 3))
	k.Chain, k.Snapshot, k.Depth = &depthChain, d.full(), int(n)
	rank := int64(n) * depthID
	k.Last = d.Count('u') + rank
	if !k.Snapshot {
		k.First = d.Count('U') + rank
	}
	if k.First > k.Last {
		d.Fail('U', scan.Wrong)
	}
	none := scan.Value{Kind: scan.Array} // a side that did not change may be left out
	if !d.Has('b') {
		d.Bids = d.Bids[:0]
		d.Note('b', none)
	}
	if !d.Has('a') {
		d.Asks = d.Asks[:0]
		d.Note('a', none)
	}
	d.Sides(k, 'b', 'a', errLevels)
}

// cutID is added to the id of a cut book. So they are below all others, and nothing starts on one: whoever
// sends both of a symbol gets the whole book.
const cutID = math.MinInt64

// cut decodes the best levels, which are whole by themselves.
func (d *decoder) cut(b *market.Batch) {
	name, id := byte('s'), lastIDField
	if d.Has(contractField) {
		name, id = contractField, idField
	}
	sym := d.symbol(name)
	if sym == nil {
		return
	}
	k := b.Book(sym, d.time('t', 3))
	k.Snapshot, k.Chain, k.Last = true, &cutChain, cutID+d.Count(id)
	d.Sides(k, bidsField, asksField, errLevels)
}

// whole decodes a REST order book. In 2021 spot's had no time.
func (d *decoder) whole(b *market.Batch) {
	native := d.Label()
	if len(native) == 0 {
		d.Refuse(errNoLabel)
		return
	}
	sym := d.named(native)
	if sym == nil {
		return
	}
	at := int64(0)
	if d.Has(updateField) {
		at = d.time(updateField, d.product.restDigits)
	}
	k := b.Book(sym, at)
	k.Snapshot, k.Chain, k.Last = true, &chain, d.Count(idField)
	d.Sides(k, bidsField, asksField, errLevels)
}

// touch decodes the best bid and ask.
func (d *decoder) touch(b *market.Batch) {
	sym := d.symbol('s')
	if sym == nil {
		return
	}
	q := b.Quote(sym, d.time('t', 3))
	q.BidPrice, q.BidQty = d.order('b', 'B')
	q.AskPrice, q.AskQty = d.order('a', 'A')
}

// order is one side of a quote: nothing where it has no order, which is written as an empty text or 0.
func (d *decoder) order(price, qty byte) (p, q market.Decimal) {
	if d.Has(price) && d.Empty(price) && d.Has(qty) {
		return p, q
	}
	if p, q = d.Size(price), d.Size(qty); p.IsZero() || q.IsZero() {
		return market.Decimal{}, market.Decimal{}
	}
	return p, q
}
