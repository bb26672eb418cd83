package coinbase

import (
	"encoding/hex"

	"tapedeck/market"
)

// orderID is an order's UUID.
type orderID [16]byte

func parseOrderID(s []byte) (id orderID, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, false
	}
	n := 0
	for _, part := range [...][2]int{{0, 8}, {9, 13}, {14, 18}, {19, 23}, {24, 36}} {
		w, err := hex.Decode(id[n:], s[part[0]:part[1]])
		if err != nil {
			return id, false
		}
		n += w
	}
	return id, true
}

// order is an order in the book.
type order struct {
	price, size market.Decimal
	bid         bool
}

// resting is an order of a REST order book.
type resting struct {
	order
	id orderID
}

// maxOrders is how many orders one decoder, and so one partition, remembers: 100 bytes each. The venue's
// largest book has some 60,000.
const maxOrders = 1 << 20

// maxSteps is how many messages of one product wait for its REST order book: a minute of the busiest. All
// products of a partition have room for maxAllSteps together, of 80 bytes each.
const (
	maxSteps    = 1 << 14
	maxAllSteps = 1 << 18
)

// room counts what all ladders of a decoder hold.
type room struct{ orders, steps int }

// ladder is one product's orders, and what they come to at each price. While they are not known, the
// messages are kept, since a REST order book is always older than some of them.
type ladder struct {
	orders     map[orderID]order
	bids, asks rungs
	synced     bool   // the orders are known, up to message at
	at         int64  // what the orders are of
	seen       int64  // the newest message
	from       int64  // the message before the first that waits
	waiting    []step // without a hole
}

// take takes the next message in, and notes in k the levels that it changed. False: a message before it is
// missing, or the orders are not known.
func (l *ladder) take(r *room, s *step, k *market.Book) bool {
	next := l.seen + 1
	l.seen = max(l.seen, s.seq)
	if l.synced {
		switch {
		case s.seq <= l.at:
			return true // a repeat, or what the REST order book had already
		case s.seq == l.at+1 && l.fold(r, s, k):
			l.at = s.seq
			return true
		}
		l.forget(r)
		k.Bids, k.Asks = k.Bids[:0], k.Asks[:0]
		if s.seq != l.at+1 { // else it cannot be of these orders: only what comes next is sure
			l.from--
			l.keep(r, s)
		}
		return false
	}
	if s.seq < next {
		return false
	}
	if s.seq != next {
		l.drop(r)
		l.from = s.seq - 1
	}
	l.keep(r, s)
	return false
}

// keep lets a message wait. Where there is no room the older ones go.
func (l *ladder) keep(r *room, s *step) {
	if r.steps >= maxAllSteps {
		l.drop(r)
		l.from = s.seq - 1
	}
	if len(l.waiting) >= maxSteps {
		half := len(l.waiting) / 2
		l.from = l.waiting[half-1].seq
		l.waiting = l.waiting[:copy(l.waiting, l.waiting[half:])]
		r.steps -= half
	}
	if r.steps >= maxAllSteps {
		l.from = s.seq
		return
	}
	l.waiting = append(l.waiting, *s)
	r.steps++
}

// drop forgets the messages that wait.
func (l *ladder) drop(r *room) {
	r.steps -= len(l.waiting)
	l.waiting = nil
}

// forget forgets the orders: what comes next has to wait.
func (l *ladder) forget(r *room) {
	r.orders -= len(l.orders)
	clear(l.orders)
	l.bids.list, l.asks.list = l.bids.list[:0], l.asks.list[:0]
	l.drop(r)
	l.synced, l.from = false, l.seen
}

// load makes the orders those of a REST order book, as they are after the message seq, and takes in what
// came since. A book that is older than the orders that are known has nothing to say.
func (l *ladder) load(r *room, seq int64, orders []resting) error {
	switch {
	case l.synced && seq < l.at:
		return nil
	case !l.synced && seq < l.from:
		return errOld
	case r.orders-len(l.orders)+len(orders) > maxOrders:
		return errFull
	}
	waiting := l.waiting
	l.forget(r)
	var changed market.Book
	for i := range orders {
		if !l.add(r, orders[i].id, orders[i].order, &changed) {
			l.forget(r)
			return errOrders
		}
	}
	l.synced, l.at = true, seq
	for i := range waiting {
		switch s := &waiting[i]; {
		case s.seq <= seq:
		case l.fold(r, s, &changed):
			l.at = s.seq
		default:
			l.forget(r)
			return errUnfit
		}
	}
	return nil
}

// fold does to the orders what a message says; false if it cannot be of these orders.
func (l *ladder) fold(r *room, s *step, k *market.Book) bool {
	o, known := l.orders[s.id]
	switch s.kind {
	case received:
	case open:
		return !known && l.add(r, s.id, order{price: s.price, size: s.size, bid: s.bid}, k)
	case matched:
		if !known || o.bid != s.bid {
			return false
		}
		left, ok := minus(o.size, s.size)
		return ok && l.resize(s.id, o, o.price, left, k)
	case done:
		if known {
			delete(l.orders, s.id)
			r.orders--
			return l.rungs(o.bid).sub(o.price, o.size, k)
		}
	case change:
		if known { // else it was received and is not in the book yet, or never will be
			if !s.price.Set() {
				s.price = o.price
			}
			if !s.size.Set() {
				s.size = o.size
			}
			return o.bid == s.bid && l.resize(s.id, o, s.price, s.size, k)
		}
	}
	return true
}

func (l *ladder) rungs(bid bool) *rungs {
	if bid {
		return &l.bids
	}
	return &l.asks
}

func (l *ladder) add(r *room, id orderID, o order, k *market.Book) bool {
	if _, known := l.orders[id]; known || r.orders >= maxOrders {
		return false
	}
	l.orders[id] = o
	r.orders++
	return l.rungs(o.bid).add(o.price, o.size, k)
}

// resize gives an order another price and size.
func (l *ladder) resize(id orderID, o order, price, size market.Decimal, k *market.Book) bool {
	side := l.rungs(o.bid)
	if price.Equal(o.price) {
		if !side.amend(price, o.size, size, k) {
			return false
		}
	} else if !side.sub(o.price, o.size, k) || !side.add(price, size, k) {
		return false
	}
	o.price, o.size = price, size
	l.orders[id] = o
	return true
}

// minus returns a-b; false if that is below 0.
func minus(a, b market.Decimal) (market.Decimal, bool) {
	var s, t market.Sum
	s.Add(a)
	t.Add(b)
	s.SubSum(t)
	d := s.Decimal()
	return d, d.Set()
}
