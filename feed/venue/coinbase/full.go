package coinbase

import (
	"errors"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// chain is the rule of the channel full: a product's messages are counted one by one, those too that change
// nothing. Prev is the number before, or -1 in a message that a book cannot be led on by: one before it is
// missing, or the orders are not known.
var chain = market.Chain{
	Name:    "coinbase-full",
	Late:    true,
	Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
	Starts:  func(d *market.Book, snap int64) bool { return d.Prev == snap },
	Follows: func(d *market.Book, prev int64) bool { return d.Prev == prev },
}

// stepKind is what a message of the channel full does to an order.
type stepKind uint8

const (
	received stepKind = iota // nothing
	open                     // it is in the book
	matched                  // some of it is traded
	done                     // it is in the book no more
	change                   // its size or price is another
)

func stepOf(word []byte) stepKind {
	switch string(word) {
	case "open":
		return open
	case "done":
		return done
	case "change":
		return change
	}
	return received
}

// step is a message of the channel full.
type step struct {
	seq   int64
	id    orderID
	price market.Decimal // of open; of change, where it is another
	size  market.Decimal // that is left, or that was traded
	bid   bool
	kind  stepKind
}

// order decodes a message of the channel full.
func (d *decoder) order(b *market.Batch, kind stepKind) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	s := step{kind: kind, seq: m.number()}
	switch kind {
	case received, matched:
	case open:
		s.id, s.bid, s.price, s.size = m.order(orderOf), m.side(), m.Price(price), m.Price(remaining)
	case done:
		s.id = m.order(orderOf)
	case change:
		s.id, s.bid = m.order(orderOf), m.side()
		if !m.Empty(newSize) { // else it is of a market order's funds
			s.size = m.Size(newSize)
		}
		if !m.Empty(newPrice) {
			s.price = m.Price(newPrice)
		}
	}
	if m.timeIfTold(); m.Healthy() {
		d.take(b, sym, d.ladder(sym), s)
	}
}

// take takes a product's next message in, and tells what became of the book.
func (d *decoder) take(b *market.Batch, sym *market.Symbol, l *ladder, s step) {
	m := &d.message
	if !m.Healthy() {
		return
	}
	k := b.Book(sym, m.timeIfTold())
	k.Chain, k.First, k.Last, k.Prev = &chain, s.seq, s.seq, -1
	if m.Healthy() && l.take(&d.room, &s, k) {
		k.Prev = s.seq - 1
	}
}

// ladder returns a product's orders.
func (d *decoder) ladder(sym *market.Symbol) *ladder {
	l := d.ladders[sym]
	if l == nil {
		l = &ladder{orders: map[orderID]order{}, asks: rungs{asks: true}}
		d.ladders[sym] = l
	}
	return l
}

// number reads the number of a message.
func (m *message) number() int64 {
	n := m.ID(sequence)
	if n == 0 {
		m.Fail(sequence, scan.Wrong)
	}
	return n
}

// order reads an order's id.
func (m *message) order(slot byte) (id orderID) {
	id, ok := parseOrderID(m.Word(slot))
	if !ok {
		m.Fail(slot, scan.Wrong)
	}
	return id
}

var (
	errNoLabel = fmt.Errorf("%w: a REST order book needs its product as the record's key or header \"symbol\"", feed.BadSymbol)
	errLevel   = fmt.Errorf("%w: a REST order book of level 1 or 2 has no place among the messages", feed.Unused)
	errOld     = fmt.Errorf("%w: the REST order book is older than what is known of the product's messages", feed.Ignored)
	errOrders  = fmt.Errorf("%w: the orders are no lists of [price, size, order id], or one of these cannot be", feed.BadValue)
	errUnfit   = fmt.Errorf("%w: the REST order book does not fit the messages after it", feed.BadValue)
	errFull    = fmt.Errorf("%w: the orders are more than the %d that one partition may have", feed.TooLarge, maxOrders)
)

// orderBook decodes a REST order book of level 3, and brings it up to date.
func (d *decoder) orderBook(b *market.Batch) {
	m := &d.message
	label := m.Label()
	if len(label) == 0 {
		m.Refuse(errNoLabel)
		return
	}
	sym := d.named(label)
	if sym == nil {
		return
	}
	seq, time := m.number(), m.timeIfTold()
	if !d.readOrders() {
		return
	}
	l := d.ladder(sym)
	if err := l.load(&d.room, seq, d.rest); err != nil {
		if errors.Is(err, feed.Ignored) {
			m.Skip(err)
		} else {
			m.Refuse(err)
		}
		return
	}
	k := b.Book(sym, time)
	k.Snapshot, k.Chain, k.Last = true, &chain, l.at
	k.Bids, k.Asks = l.bids.levels(k.Bids), l.asks.levels(k.Asks)
}

// readOrders reads the orders of a REST order book; false if they are none, or without ids.
func (d *decoder) readOrders() bool {
	m := &d.message
	d.rest = d.rest[:0]
	for _, slot := range [...]byte{bids, asks} {
		if m.Kind(slot) != scan.Array {
			m.Refuse(errOrders)
			return false
		}
		c := m.Cursor.Into(m.Value(slot))
		for c.Array(); c.More(); {
			r, ids, ok := readResting(&c)
			switch r.bid = slot == bids; {
			case !ok:
				m.Refuse(errOrders)
			case !ids:
				m.Skip(errLevel)
			default:
				d.rest = append(d.rest, r)
				continue
			}
			return false
		}
	}
	return m.Healthy()
}

// readResting reads one order; ids says that it has an id, which only level 3 tells.
func readResting(c *scan.Cursor) (r resting, ids, ok bool) {
	if !c.Array() {
		c.Value()
		return r, false, false
	}
	n := 0
	for ; c.More(); n++ {
		v := c.Value()
		switch n {
		case 0:
			r.price, ok = c.Decimal(v)
			ok = ok && !r.price.Neg() && !r.price.IsZero()
		case 1:
			var good bool
			r.size, good = c.Decimal(v)
			ok = ok && good && !r.size.Neg() && !r.size.IsZero()
		case 2:
			if ids = v.Kind == scan.String; ids {
				var good bool
				var buf [64]byte
				r.id, good = parseOrderID(c.Text(v, buf[:0]))
				ok = ok && good
			}
		}
	}
	return r, ids, ok && n >= 2
}
