package okx

import (
	"fmt"
	"hash/crc32"
	"math"
	"sync"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The venue's rules of which message of a book follows which.
var (
	// Ids leap, and a message that brings nothing has the id that it follows.
	chain = market.Chain{
		Name:    "okx",
		Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
		Starts:  func(d *market.Book, snap int64) bool { return d.Prev == snap },
		Follows: func(d *market.Book, prev int64) bool { return d.Prev == prev },
	}
	// A cut book is whole by itself and nothing follows it.
	cutChain = market.Alone("okx-cut", false)
)

// check is the venue's checksum: of price:quantity of the best bid, the best ask, the next bid and so on.
var check = market.Check{Name: "okx-crc32", Levels: 25, Sum: sum}

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

// sequence makes the ids of a symbol's book rise for good: the venue sets them back after maintenance.
type sequence struct {
	id, time int64 // of the newest message
	laps     int64 // how often they were set back
}

// lap is what one setting back adds to an id. The venue's ids have 11 digits; over 10^15 they are refused.
const lap = 1 << 50

// next returns the ids of a message as they would be if they had never been set back. A smaller id than
// before in a later message is one that was, as is one that follows a larger one: what is smaller
// for another cause, a message that comes twice or late, is no later.
func (s *sequence) next(id, prev, time int64) (int64, int64) {
	before := s.laps
	switch {
	case id >= s.id:
	case prev > id && prev == s.id:
		s.laps++
	case time > s.time:
		s.laps++
		before = s.laps
	default: // an older message
		return id + s.laps*lap, prev + s.laps*lap
	}
	s.id, s.time = id, max(time, s.time)
	return id + s.laps*lap, prev + before*lap
}

var (
	errAction = fmt.Errorf("%w: action is none of snapshot and update", feed.BadValue)
	errLevels = fmt.Errorf("%w: the levels are no lists of [price, quantity], or a price or quantity cannot be", feed.BadValue)
)

// book decodes a whole book, or a change of one. Until 2023 they had a checksum and no ids; then both;
// today the checksum is said to be 0, which is none.
func (d *decoder) book(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	k := b.Book(sym, d.Millis(ts))
	id, prev := int64(0), int64(-1)
	if d.Has(seqID) {
		if id, prev = d.id(seqID), d.Whole(prevSeqID); prev < -1 || prev > maxID {
			d.Fail(prevSeqID, scan.Wrong)
		}
	}
	switch d.act {
	case snapshot:
		k.Snapshot = true
	case update:
	case noAction:
		if k.Snapshot = d.Has(seqID) && prev == -1; !k.Snapshot {
			d.Fail(action, scan.Missing)
		}
	default:
		d.Refuse(errAction)
	}
	if d.Has(checksum) {
		d.sum(k)
	}
	d.sides(k)
	if d.Has(seqID) && d.Healthy() {
		k.Chain = &chain
		k.Last, k.Prev = d.memory(sym).next(id, prev, d.Millis(ts))
		if k.Snapshot {
			k.Prev = 0
		}
	}
}

const maxID = 1e15

func (d *decoder) id(slot byte) int64 {
	n := d.Whole(slot)
	if n < 0 || n > maxID {
		d.Fail(slot, scan.Wrong)
	}
	return n
}

// sum reads the checksum, which is signed.
func (d *decoder) sum(k *market.Book) {
	n := d.Whole(checksum)
	if n < math.MinInt32 || n > math.MaxInt32 {
		d.Fail(checksum, scan.Wrong)
	}
	if n != 0 {
		k.Check, k.Sum = &check, uint32(int32(n))
	}
}

// cutID is added to the time of a cut book, which is its id. So they are below all others, and nothing starts on one:
// whoever sends both of a symbol gets the whole book.
const cutID = math.MinInt64

// cut decodes the best five levels, which are whole by themselves.
func (d *decoder) cut(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	t := d.Millis(ts)
	k := b.Book(sym, t)
	k.Snapshot, k.Chain, k.Last = true, &cutChain, cutID+t
	if d.Has(checksum) {
		d.sum(k)
	}
	d.sides(k)
}

// otherBook leaves out a book with orders that only some can meet.
func (d *decoder) otherBook(*market.Batch) { d.Skip(feed.Unused) }

// sides gives the levels to the event, and takes the memory that its own had.
func (m *message) sides(k *market.Book) {
	m.Sides(k, bids, asks, errLevels)
}

// touch decodes the best bid and ask, written as a book of one level.
func (d *decoder) touch(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	t := d.Millis(ts)
	q := b.Quote(sym, t)
	d.Best(q, bids, asks, errLevels)
	d.memory(sym).touched = t
}
