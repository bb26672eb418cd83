package bybit

import (
	"fmt"
	"strconv"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// chain is the venue's rule of which message of a book follows which. A snapshot counts too.
var chain = market.Chain{
	Name:    "bybit",
	Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
	Starts:  func(d *market.Book, snap int64) bool { return d.Last == snap+1 },
	Follows: func(d *market.Book, prev int64) bool { return d.Last == prev+1 },
}

// sequence makes the ids of a symbol's book rise for good: the venue begins again at 1 whenever the service does.
type sequence struct {
	id, time int64 // of the newest message
	laps     int64 // how often the ids began again
	depth    int   // the greatest that came: other depths have ids of their own
}

// lap is what one new beginning adds to an id. The venue's ids have 8 digits; over 10^15 they are refused.
const (
	lap   = 1 << 50
	maxID = 1e15
)

// next returns the id of a message as it would be if ids had never begun again: a smaller id than before in a later
// message is one that did. What is smaller for another cause, a message that comes twice or late, is no later.
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

var (
	errLevels = fmt.Errorf("%w: the levels are no lists of [price, quantity], or a price or quantity cannot be", feed.BadValue)
	errDepth  = fmt.Errorf("%w: a depth of the topic", feed.BadValue)
	errBest   = fmt.Errorf("%w: a change of orderbook.1, of which there are snapshots only", feed.UnknownKind)
)

// book decodes a book or a change of one; a book of one level is the best bid and ask.
func (d *decoder) book(b *market.Batch) {
	depth, err := strconv.ParseUint(string(d.part), 10, 16)
	if err != nil || depth == 0 {
		d.Refuse(errDepth)
		return
	}
	sym := d.symbol('s')
	if sym == nil {
		return
	}
	delta, t, id := d.delta(), d.sent(), d.ID('u')
	if id > maxID {
		d.Fail('u', scan.Wrong)
	}
	if d.Value('b').Kind != scan.Array || d.Value('a').Kind != scan.Array || d.Sick {
		d.Refuse(errLevels)
	}
	switch {
	case depth == 1 && delta:
		d.Refuse(errBest)
	case depth == 1:
		d.touch(b.Quote(sym, t))
	case !d.Healthy():
	default:
		s := d.sequence(sym)
		if !s.covers(int(depth)) {
			d.Skip(feed.Unused)
			return
		}
		k := b.Book(sym, t)
		k.Snapshot, k.Chain, k.Last, k.Depth = !delta, &chain, s.next(id, t), int(depth)
		d.Give(k)
	}
}

// touch makes a quote of the best levels; a side without one is absent.
func (d *decoder) touch(q *market.Quote) {
	d.Best(q, 'b', 'a', errLevels)
}
