package bitget

import (
	"fmt"
	"hash/crc32"
	"math"
	"sync"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

func old(d *market.Book, snap int64) bool { return d.Last <= snap }

func after(d *market.Book, prev int64) bool { return d.Prev == prev }

// later reports that an id has risen; Prev is above what was if they began again.
func later(d *market.Book, prev int64) bool { return d.Last > prev && d.Prev <= prev }

// The venue's rules of which message of a book follows which: where each says the id of the one before; where it says its
// own alone, which leaps; and where a book is cut, whole by itself, and nothing follows it.
var (
	chain      = market.Chain{Name: "bitget", Old: old, Starts: after, Follows: after}
	blindChain = market.Chain{Name: "bitget-seq", Blind: true, Old: old, Starts: later, Follows: later}
	cutChain   = market.Alone("bitget-cut", false)
)

// check is the venue's checksum: of price:quantity of the best bid, the best ask, the next bid and so on.
var check = market.Check{Name: "bitget-crc32", Levels: 25, Sum: sum}

// texts are memory for what a checksum is of, which crc32 wants on the heap.
var texts = sync.Pool{New: func() any { return new([]byte) }}

func sum(bids, asks []market.Level) uint32 {
	text := texts.Get().(*[]byte)
	defer texts.Put(text)
	s := (*text)[:0]
	for i := range max(len(bids), len(asks)) {
		if i < len(bids) {
			s = appendLevel(s, bids[i])
		}
		if i < len(asks) {
			s = appendLevel(s, asks[i])
		}
	}
	*text = s
	return crc32.ChecksumIEEE(s[:max(len(s)-1, 0)])
}

func appendLevel(s []byte, l market.Level) []byte {
	s = append(l.Price.Append(s), ':')
	return append(l.Qty.Append(s), ':')
}

// sequence makes the ids of a symbol's book rise for good: the venue may set them back when it starts anew.
type sequence struct {
	id, time int64 // of the newest message
	told     int64 // what its id was made
	ahead    int64 // of the venue's ids
}

// next returns the ids of a message as they would be if they had never been set back: a smaller id than before in a
// later message is one that was. What is smaller for another cause, a message that comes twice or late, is no later.
// A change that was set back follows nothing: a snapshot must come first.
func (s *sequence) next(id, prev, time int64, whole bool) (int64, int64) {
	if id < s.id && time <= s.time {
		return id + s.ahead, prev + s.ahead
	}
	back := id < s.id
	if back {
		s.ahead = s.told + 1 - id
	}
	s.id, s.time, s.told = id, max(time, s.time), id+s.ahead
	switch {
	case whole:
		return s.told, 0
	case back:
		return s.told, s.told
	}
	return s.told, prev + s.ahead
}

var errLevels = fmt.Errorf("%w: the levels are no lists of [price, quantity], or a price or quantity cannot be", feed.BadValue)

// maxID bounds ids, so that they can rise when they were set back. Those of today have 19 digits.
const maxID = 1 << 61

// book decodes a whole book or a change of one. In v1 it has a checksum and no ids; today the checksum is said to be 0,
// which is none.
func (d *decoder) book(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	k := b.Book(sym, d.Millis(timeField))
	k.Snapshot = d.act == snapshot
	if d.Has(checksumField) {
		d.sum(k)
	}
	if d.Has(seqField) {
		k.Chain, k.Last = &blindChain, d.id(seqField)
		if d.Has(prevField) {
			k.Chain, k.Prev = &chain, d.id(prevField)
		} else {
			k.Prev = math.MinInt32 // before all
		}
	}
	d.sides(k)
}

func (d *decoder) id(at byte) int64 {
	n := d.Whole(at)
	if n < 0 || n > maxID {
		d.Fail(at, scan.Wrong)
		return 0
	}
	return n
}

// sum reads the checksum, which is signed.
func (d *decoder) sum(k *market.Book) {
	n := d.Whole(checksumField)
	if n < math.MinInt32 || n > math.MaxInt32 {
		d.Fail(checksumField, scan.Wrong)
	}
	if n != 0 {
		k.Check, k.Sum = &check, uint32(int32(n))
	}
}

// cutID is added to the time of a cut book, which is its id. So they are below all others, and nothing starts on one:
// whoever sends both of a symbol gets the whole book.
const cutID = math.MinInt64

// cut decodes the best 5 or 15 levels, which are whole by themselves.
func (d *decoder) cut(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	t := d.Millis(timeField)
	k := b.Book(sym, t)
	k.Snapshot, k.Chain, k.Last = true, &cutChain, cutID+t
	d.sides(k)
}

// sides gives the levels to the event, and takes the memory that its own had.
func (d *decoder) sides(k *market.Book) {
	d.Sides(k, bidsField, asksField, errLevels)
}

// best decodes the best bid and ask, written as a book of one level.
func (d *decoder) best(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	q := b.Quote(sym, d.Millis(timeField))
	d.Best(q, bidsField, asksField, errLevels)
}
