package kraken

import (
	"hash/crc32"
	"sort"

	"tapedeck/market"
)

// resting is an order in the book.
type resting struct {
	id      market.ID
	qty     market.Decimal
	placed  int64 // ns; with message: of use only while the message that brought it is read
	message int64
}

// queue is one price, and the orders at it in the order of their turn.
type queue struct {
	price  market.Decimal
	orders []resting
}

// total is what the orders come to; not set if that has too many digits.
func (q *queue) total() market.Decimal {
	var s market.Sum
	for i := range q.orders {
		s.Add(q.orders[i].qty)
	}
	return s.Decimal()
}

// find returns where an order is in its queue; -1 if it is not.
func (q *queue) find(id *market.ID) int {
	for i := range q.orders {
		if q.orders[i].id == *id {
			return i
		}
	}
	return -1
}

// line is one side of the book, the best price first. Memory of queues that have left it is behind its end, for the next.
type line struct {
	asks   bool
	queues []queue
}

// find returns where a price is, or would be.
func (l *line) find(price market.Decimal) (int, bool) {
	i := sort.Search(len(l.queues), func(i int) bool {
		c := l.queues[i].price.Cmp(price)
		return c == 0 || (c > 0) == l.asks
	})
	return i, i < len(l.queues) && l.queues[i].price.Equal(price)
}

// open makes a place for a price.
func (l *line) open(i int, price market.Decimal) {
	n := len(l.queues)
	if n < cap(l.queues) {
		l.queues = l.queues[:n+1]
	} else {
		l.queues = append(l.queues, queue{})
	}
	spare := l.queues[n].orders[:0]
	copy(l.queues[i+1:], l.queues[i:n])
	l.queues[i] = queue{price, spare}
}

// close takes a price away.
func (l *line) close(i int) {
	n := len(l.queues) - 1
	gone := l.queues[i]
	copy(l.queues[i:], l.queues[i+1:])
	l.queues[n] = gone
	l.queues = l.queues[:n]
}

// orders are those of one pair, as the channel level3 tells them.
type orders struct {
	subscribed
	known      bool  // a snapshot has said them, and each message since has led to its checksum
	messages   int64 // how many there were: the venue does not number them
	held       int   // how many orders
	bids, asks line
}

// forget forgets the orders.
func (o *orders) forget() {
	o.bids.queues, o.asks.queues = o.bids.queues[:0], o.asks.queues[:0]
	o.known, o.held = false, 0
}

// take does to the orders what a message says of one, and notes in told what its price comes to. False: it cannot be of these
// orders.
func (o *orders) take(side *line, s *step, told *[]market.Level) bool {
	i, found := side.find(s.price)
	at := -1
	if found {
		at = side.queues[i].find(&s.id)
	}
	switch {
	case s.kind == modified && at < 0:
		return false
	case s.kind == deleted || s.qty.IsZero():
		if at < 0 {
			return true // it is gone in any case: this is told again, or that it was there never reached us
		}
		q := &side.queues[i]
		q.orders = append(q.orders[:at], q.orders[at+1:]...)
		o.held--
	case at >= 0:
		side.queues[i].orders[at].qty = s.qty
	default:
		if !found {
			side.open(i, s.price)
		}
		o.held++
		side.queues[i].join(s, o.messages)
	}
	qty := side.queues[i].total()
	*told = append(*told, market.Level{Price: side.queues[i].price, Qty: qty})
	if len(side.queues[i].orders) == 0 {
		side.close(i)
	}
	return qty.Set()
}

// join puts an order at its queue's end. Those that one message brings are in the order in which they were placed, which
// is not always that in which it lists them.
func (q *queue) join(s *step, message int64) {
	at := len(q.orders)
	for at > 0 && q.orders[at-1].message == message && q.orders[at-1].placed > s.placed {
		at--
	}
	q.orders = append(q.orders, resting{})
	copy(q.orders[at+1:], q.orders[at:])
	q.orders[at] = resting{s.id, s.qty, s.placed, message}
}

// cut drops the prices that the venue does not keep, without saying so.
func (o *orders) cut() {
	for _, side := range [...]*line{&o.bids, &o.asks} {
		if o.depth == 0 || len(side.queues) <= o.depth {
			continue
		}
		for _, q := range side.queues[o.depth:] {
			o.held -= len(q.orders)
		}
		side.queues = side.queues[:o.depth]
	}
}

// levels appends every price of a side to dst, best first.
func (l *line) levels(dst []market.Level) []market.Level {
	for i := range l.queues {
		dst = append(dst, market.Level{Price: l.queues[i].price, Qty: l.queues[i].total()})
	}
	return dst
}

// best are the prices of a side that the checksum covers.
func (l *line) best() []queue { return l.queues[:min(check.Levels, len(l.queues))] }

// sum is the checksum of the orders: as that of a book of levels, with each order in the place of a level. What it is of is
// written to text.
func (o *orders) sum(text *[]byte) uint32 {
	price, qty := 0, 0
	for _, side := range [...]*line{&o.asks, &o.bids} {
		for _, q := range side.best() {
			price = max(price, q.price.Scale())
			for i := range q.orders {
				qty = max(qty, q.orders[i].qty.Scale())
			}
		}
	}
	s := (*text)[:0]
	for _, side := range [...]*line{&o.asks, &o.bids} {
		for _, q := range side.best() {
			for i := range q.orders {
				s = appendDigits(appendDigits(s, q.price, price), q.orders[i].qty, qty)
			}
		}
	}
	*text = s
	return crc32.ChecksumIEEE(s)
}
