package htx

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

func next(d *market.Book, prev int64) bool { return d.Last == prev+1 }

// The venue's rules of which message of a book follows which: spot's, where the book is asked for; that of swaps, where
// it comes by the channel; and where every message is whole by itself, and nothing follows it.
var (
	mbpChain = market.Chain{
		Name: "htx-mbp", Late: true, Old: old,
		Starts:  func(d *market.Book, snap int64) bool { return d.Prev <= snap && snap < d.Last },
		Follows: func(d *market.Book, prev int64) bool { return d.Prev == prev },
	}
	swapChain = market.Chain{Name: "htx-swap", Old: old, Starts: next, Follows: next}
	cutChain  = market.Alone("htx-cut", false)
)

var (
	errLevels = fmt.Errorf("%w: the levels are no lists of [price, quantity], or a price or quantity cannot be", feed.BadValue)
	errDepth  = fmt.Errorf("%w: a depth of the channel", feed.UnknownKind)
	errMerged = fmt.Errorf("%w: prices of this book are rounded", feed.Unused)
	errOther  = fmt.Errorf("%w: a deeper book of the symbol comes as well", feed.Unused)
)

// sequence makes the ids of a symbol's book rise for good: each connection of a swap counts for itself.
type sequence struct {
	id, time int64 // of the newest message
	laps     int64 // how often the ids began again
	depth    int   // the greatest that came
}

// lap is what one new beginning adds to an id. The venue's ids have up to 12 digits; over 10^15 they are refused.
const (
	lap   = 1 << 50
	maxID = 1e15
)

// next returns the id of a message as it would be if ids had never begun again: a smaller id than before in a
// later message is one that did. What is smaller for another cause, a message that comes twice or late, is no later.
func (s *sequence) next(id, time int64) int64 {
	if id < s.id {
		if time <= s.time {
			return id + s.laps*lap
		}
		s.laps++
	}
	s.id, s.time = id, max(time, s.time)
	return id + s.laps*lap
}

// covers reports whether messages of a depth are those that the book is made of: of several, the deepest. The first
// of a deeper one begins anew.
func (s *sequence) covers(depth int) bool {
	if depth > s.depth && s.depth > 0 {
		s.laps++
		s.id, s.time = 0, 0
	}
	s.depth = max(s.depth, depth)
	return depth == s.depth
}

// maxDepth bounds how many levels a channel can be named after; 400 is the most that the venue has.
const maxDepth = 1000

// levels reads a number of levels; 0 if it is none.
func levels(text []byte) int {
	n, err := strconv.ParseUint(string(text), 10, 16)
	if err != nil || n > maxDepth {
		return 0
	}
	return int(n)
}

// byPrice decodes a change of spot's book, or its best levels if the channel is mbp.refresh.20.
func (d *decoder) byPrice(b *market.Batch) {
	if best, ok := bytes.CutPrefix(d.part, []byte("refresh.")); ok {
		d.top(b, levels(best), d.sent)
		return
	}
	prev := d.id(prevField)
	if prev >= d.id(seqField) {
		d.Fail(prevField, scan.Wrong)
	}
	if k, s := d.sequenced(b, d.sent, true); k != nil {
		k.Prev = prev + s.laps*lap
	}
}

// snapshot decodes spot's book as it was asked for.
func (d *decoder) snapshot(b *market.Batch) {
	at := int64(0)
	if d.Has(sentField) {
		at = d.time(sentField)
	}
	if k, _ := d.sequenced(b, at, false); k != nil {
		k.Snapshot = true
	}
}

// sequenced decodes what a change of spot's book and the whole of it have in common; nil if another depth of the symbol
// is the book.
func (d *decoder) sequenced(b *market.Batch, at int64, change bool) (*market.Book, *sequence) {
	depth, id := levels(d.part), d.id(seqField)
	if depth == 0 {
		d.Refuse(errDepth)
	}
	sym := d.symbol()
	if sym == nil || !d.leveled(change) || !d.Healthy() {
		return nil, nil
	}
	s := &d.memory(sym).sequence
	if !s.covers(depth) {
		d.Skip(errOther)
		return nil, nil
	}
	k := b.Book(sym, at)
	k.Chain, k.Depth, k.Last = &mbpChain, depth, id+s.laps*lap
	d.Give(k)
	return k, s
}

// depth decodes a swap's book: whole, or by changes if the channel is depth.size_20.high_freq.
func (d *decoder) depth(b *market.Batch) {
	size, ok := bytes.CutPrefix(d.part, []byte("size_"))
	if !ok {
		d.whole(b)
		return
	}
	size, ok = bytes.CutSuffix(size, []byte(".high_freq"))
	depth := levels(size)
	if !ok || depth == 0 {
		d.Refuse(errDepth)
	}
	whole, id, at := d.isWhole(), d.id(versionField), d.time(tsField)
	sym := d.symbol()
	if sym == nil || !d.leveled(!whole) || !d.Healthy() {
		return
	}
	s := &d.memory(sym).sequence
	if !s.covers(depth) {
		d.Skip(errOther)
		return
	}
	k := b.Book(sym, at)
	k.Snapshot, k.Chain, k.Depth, k.Last = whole, &swapChain, depth, s.next(id, at)
	d.Give(k)
}

// isWhole returns whether a message is a whole book, and not a change of one.
func (d *decoder) isWhole() bool {
	switch string(d.Word(eventField)) {
	case "snapshot":
		return true
	case "update":
		return false
	}
	d.Fail(eventField, scan.Wrong)
	return false
}

func (d *decoder) id(at byte) int64 {
	n := d.ID(at)
	if n > maxID {
		d.Fail(at, scan.Wrong)
	}
	return n
}

// whole decodes a book that every message has whole. Of its steps two have the prices of orders, of which step6 is a
// swap's; those of the others are rounded.
func (d *decoder) whole(b *market.Batch) {
	switch step := string(d.part); {
	case step == "step0":
		d.top(b, 150, d.time(tsField))
	case step == "step6" && d.product.contracts:
		d.top(b, 20, d.time(tsField))
	case len(step) > 4 && step[:4] == "step":
		d.Skip(errMerged)
	default:
		d.Refuse(errDepth)
	}
}

// cutID is added to the time of a book that nothing follows, which is its id, and depthID once for each of its levels. So
// they are below all others, and the deepest ranks above the other ones of its symbol.
const (
	cutID   = math.MinInt64
	depthID = scan.MaxCount
)

// top decodes the best levels, which are whole by themselves.
func (d *decoder) top(b *market.Batch, depth int, at int64) {
	if depth == 0 {
		d.Refuse(errDepth)
	}
	if sym := d.symbol(); sym != nil && d.leveled(false) {
		k := b.Book(sym, at)
		k.Snapshot, k.Chain, k.Last = true, &cutChain, cutID+int64(depth)*depthID+at
		d.Give(k)
	}
}

// leveled reports whether both sides are lists of levels; of a change one may be left out, in which nothing changed.
func (d *decoder) leveled(change bool) bool {
	if change && !d.Has(bidsField) {
		d.Bids = d.Bids[:0]
	} else if d.Value(bidsField).Kind != scan.Array {
		d.Sick = true
	}
	if change && !d.Has(asksField) {
		d.Asks = d.Asks[:0]
	} else if d.Value(asksField).Kind != scan.Array {
		d.Sick = true
	}
	if d.Sick {
		d.Refuse(errLevels)
	}
	return !d.Sick
}

// touch decodes spot's best bid and ask.
func (d *decoder) touch(b *market.Batch) {
	if sym := d.symbol(); sym != nil {
		q := b.Quote(sym, d.time(quoteTimeField))
		q.BidPrice, q.BidQty = order(d.Size(bidField), d.Size(bidSizeField))
		q.AskPrice, q.AskQty = order(d.Size(askField), d.Size(askSizeField))
	}
}

// best decodes those of a swap, each a [price, quantity].
func (d *decoder) best(b *market.Batch) {
	if sym := d.symbol(); sym != nil {
		q := b.Quote(sym, d.time(tsField))
		q.BidPrice, q.BidQty = d.single(bidField)
		q.AskPrice, q.AskQty = d.single(askField)
	}
}

// order is one side of a quote: nothing where it has no order, which is written as 0.
func order(price, qty market.Decimal) (p, q market.Decimal) {
	if price.IsZero() || qty.IsZero() {
		return market.Decimal{}, market.Decimal{}
	}
	return price, qty
}

// single reads a side that is one order; nothing where it is null or empty, or has zeros.
func (d *decoder) single(at byte) (p, q market.Decimal) {
	v := d.Value(at)
	if v.Kind == scan.Null {
		return p, q
	}
	if v.Kind != scan.Array {
		d.Fail(at, scan.Wrong)
		return p, q
	}
	c := d.Cursor.Into(v)
	c.Array()
	var ok [2]bool
	n := 0
	for ; c.More(); n++ {
		switch v := c.Value(); n {
		case 0:
			p, ok[0] = c.Decimal(v)
		case 1:
			q, ok[1] = c.Decimal(v)
		}
	}
	if n > 0 && (!ok[0] || !ok[1] || p.Neg() || q.Neg()) {
		d.Fail(at, scan.Wrong)
	}
	return order(p, q)
}
