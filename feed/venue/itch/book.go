package itch

import (
	"fmt"
	"slices"

	"tapedeck/feed"
	"tapedeck/market"
)

// chain is the rule of books. Messages of a stock have no numbers of their own: whether one is missing shows the decoder,
// by the numbers of packets or the offsets of records, and it numbers what it tells. Prev is the number before, or
// -1 in a message that a book cannot be led on by.
var chain = market.Chain{
	Name:    "itch",
	Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
	Starts:  func(d *market.Book, snap int64) bool { return d.Prev == snap },
	Follows: func(d *market.Book, prev int64) bool { return d.Prev == prev },
}

// ladder is a stock's book.
type ladder struct {
	bids, asks rungs
	whole      bool  // every order is known
	told       bool  // that it is not whole was said
	crossed    bool  // orders that are not traded yet cross each other, as they may during a halt
	last       int64 // the number of the newest message told
}

func (l *ladder) side(side byte) *rungs {
	if side == 'B' {
		return &l.bids
	}
	return &l.asks
}

func (l *ladder) crosses() bool {
	b, a := l.bids.list, l.asks.list
	return len(b) > 0 && len(a) > 0 && b[len(b)-1].price >= a[len(a)-1].price
}

// empty tells that a stock has no orders, and that all it will have are going to be told.
func (d *decoder) empty(b *market.Batch, m message, s *stock) {
	s.bids.list, s.asks.list = s.bids.list[:0], s.asks.list[:0]
	s.whole, s.told, s.crossed = true, false, false
	d.message(b, m, s).Snapshot = true
}

// message begins a message of a stock's book.
func (d *decoder) message(b *market.Batch, m message, s *stock) *market.Book {
	k := b.Book(s.symbol, d.clock.at(m.ns()))
	d.number++
	k.Chain, k.First, k.Last, k.Prev = &chain, d.number, d.number, s.last
	s.last = d.number
	return k
}

var (
	errStart   = fmt.Errorf("%w: the book is not known, as the day was not read from its start, or something was missing", feed.Ignored)
	errCrossed = fmt.Errorf("%w: orders cross each other until they are traded: there is no book to be told", feed.Ignored)
)

// open begins what a message does to a stock's book; nil where that is not known, which is said once.
func (d *decoder) open(b *market.Batch, m message, s *stock) *market.Book {
	if s.whole {
		return d.message(b, m, s)
	}
	if d.why = errStart; !s.told {
		s.told = true
		forsake(d.message(b, m, s))
	}
	return nil
}

// forsake makes a message of a book say that it is not known.
func forsake(k *market.Book) {
	k.Snapshot, k.Prev, k.Bids, k.Asks = false, -1, k.Bids[:0], k.Asks[:0]
}

// close tells what became of a book. A crossed one cannot be told: the change by which it crosses makes its readers
// wait, and when it is in order again it is told whole.
func (d *decoder) close(b *market.Batch, s *stock, k *market.Book) {
	was := s.crossed
	s.crossed = s.crosses()
	switch {
	case was && s.crossed:
		b.Undo(len(b.Events) - 1)
		d.why = errCrossed
	case was:
		k.Snapshot, k.Bids, k.Asks = true, k.Bids[:0], k.Asks[:0]
		s.bids.all(k)
		s.asks.all(k)
	}
}

// lose tells that something is missing: no book can be believed before the next start of messages, nor what this record
// told of one. The gaps come before all else that the record brings.
func (d *decoder) lose(b *market.Batch) {
	d.started = false
	events := len(b.Events) - d.from
	for _, ev := range b.Events[d.from:] {
		if k, ok := ev.Payload.(*market.Book); ok {
			forsake(k)
		}
	}
	for _, s := range d.stocks {
		if s != nil && s.symbol != nil {
			s.whole, s.told = false, false
			b.Gap(s.symbol)
		}
	}
	bringForward(b.Events[d.from:], events)
}

// gap tells that one stock's trades are not whole, before all else that the record brings.
func (d *decoder) gap(b *market.Batch, s *stock) {
	events := len(b.Events) - d.from
	b.Gap(s.symbol)
	bringForward(b.Events[d.from:], events)
}

// bringForward puts the events from n on before the first n.
func bringForward(events []market.Event, n int) {
	slices.Reverse(events[:n])
	slices.Reverse(events[n:])
	slices.Reverse(events)
}

// add decodes a new order.
func (d *decoder) add(b *market.Batch, m message, s *stock) {
	d.enter(b, m, s, m.u64(11), order{price: m.u32(32), shares: m.u32(20), locate: uint16(m.locate()), side: m[19]}, d.open(b, m, s))
}

// enter takes an order into the book k, or where that is nil remembers it for the sake of its trades.
func (d *decoder) enter(b *market.Batch, m message, s *stock, ref uint64, o order, k *market.Book) {
	switch {
	case k != nil && d.orders.get(ref) != nil: // there is such an order: the message that ended it is missing
		d.lose(b)
		d.orders.put(ref, o)
	case d.orders.put(ref, o) && k != nil:
		s.side(o.side).add(o.price, o.shares, k)
		d.close(b, s, k)
	case k != nil: // no room: this book is let go, others are not affected
		s.whole, s.told = false, true
		forsake(k)
	}
}

// known returns the order that a message is about; nil if there is none, or not of this stock.
func (d *decoder) known(m message) *order {
	if o := d.orders.get(m.u64(11)); o != nil && int(o.locate) == m.locate() {
		return o
	}
	return nil
}

// leave takes shares of an order out of the book. An order of a whole book that is not known, or has not as many, shows
// that something is missing: false.
func (d *decoder) leave(b *market.Batch, m message, s *stock, o *order, shares uint32, k *market.Book) bool {
	switch {
	case k != nil && (o == nil || o.shares < shares):
		d.lose(b)
		return false
	case k != nil:
		s.side(o.side).sub(o.price, shares, k)
	case o == nil:
		return true
	}
	if o.shares <= shares {
		d.orders.remove(m.u64(11))
	} else {
		o.shares -= shares
	}
	return true
}

// cancel decodes that some shares of an order are cancelled.
func (d *decoder) cancel(b *market.Batch, m message, s *stock) {
	d.reduce(b, m, s, d.known(m), m.u32(19))
}

// remove decodes that an order is cancelled.
func (d *decoder) remove(b *market.Batch, m message, s *stock) {
	o, shares := d.known(m), uint32(0)
	if o != nil {
		shares = o.shares
	}
	d.reduce(b, m, s, o, shares)
}

// reduce takes shares of an order out of the book and tells it.
func (d *decoder) reduce(b *market.Batch, m message, s *stock, o *order, shares uint32) {
	if k := d.open(b, m, s); d.leave(b, m, s, o, shares, k) && k != nil {
		d.close(b, s, k)
	}
}

// replace decodes that an order is replaced by one on the same side.
func (d *decoder) replace(b *market.Batch, m message, s *stock) {
	o := d.known(m)
	next := order{price: m.u32(31), shares: m.u32(27), locate: uint16(m.locate())}
	shares := uint32(0)
	if o != nil {
		next.side, shares = o.side, o.shares
	}
	k := d.open(b, m, s)
	if !d.leave(b, m, s, o, shares, k) {
		k = nil
	}
	d.enter(b, m, s, m.u64(19), next, k)
}
