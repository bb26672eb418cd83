package kraken

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The rules of books that are made of orders. The venue does not number its messages: the decoder does, and holds the orders
// against the checksum of each, which levels cannot show. Prev is the number before, or -1 where a book cannot be led on:
// the orders are not known, or no longer. Where the venue keeps no more prices than the checksum covers, it proves the
// book after a loss.
var (
	ordersChain = rule("kraken-orders", false)
	deepChain   = rule("kraken-orders-deep", true)
)

func rule(name string, blind bool) market.Chain {
	return market.Chain{
		Name: name, Blind: blind,
		Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
		Starts:  func(d *market.Book, snap int64) bool { return d.Prev == snap },
		Follows: func(d *market.Book, prev int64) bool { return d.Prev == prev },
	}
}

// stepKind is what a message says of an order.
type stepKind uint8

const (
	listed stepKind = iota // in a snapshot
	added
	modified
	deleted
)

// step is one order in a message.
type step struct {
	id         market.ID
	price, qty market.Decimal
	placed     int64 // ns
	kind       stepKind
}

// maxOrders is how many orders one decoder, and so one partition, remembers: 90 bytes each. A pair whose message leads over that
// is let go, until its next snapshot.
const maxOrders = 1 << 18

var (
	errOrders = fmt.Errorf("%w: an order has no id, price, quantity, time or event, or one that cannot be", feed.BadValue)
	errOther  = fmt.Errorf("%w: the book of this pair is made of its orders", feed.Unused)
)

// steps reads a side whose orders are told.
func (d *v2) steps(slot byte, side *[]step) {
	c := &d.Cursor
	if !c.Array() {
		d.Take(slot)
		return
	}
	*side = (*side)[:0]
	for c.More() {
		s, good := readStep(c)
		d.Sick = d.Sick || !good
		*side = append(*side, s)
	}
	d.Note(slot, read)
}

// readStep takes one order.
func readStep(c *scan.Cursor) (s step, good bool) {
	if !c.Object() {
		c.Value()
		return s, false
	}
	var buf [64]byte
	good = true
	count := [5]int{}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		at := 0
		switch string(key) {
		case "event":
			s.kind, ok = kinds[string(text(c, c.Value(), buf[:0]))]
		case "order_id":
			at = 1
			s.id, ok = market.MakeID(text(c, c.Value(), buf[:0]))
			ok = ok && len(s.id.Bytes()) > 0
		case "limit_price":
			at = 2
			s.price, ok = c.Decimal(c.Value())
			ok = ok && !s.price.Neg() && !s.price.IsZero()
		case "order_qty":
			at = 3
			s.qty, ok = c.Decimal(c.Value())
			ok = ok && !s.qty.Neg()
		case "timestamp":
			at = 4
			s.placed, ok = nanos(c, c.Value())
		default:
			c.Value()
			continue
		}
		count[at]++
		good = good && ok
	}
	return s, good && count[0] <= 1 && [4]int(count[1:]) == [4]int{1, 1, 1, 1}
}

var kinds = map[string]stepKind{"add": added, "modify": modified, "delete": deleted}

// text returns a string's content; nothing of another value.
func text(c *scan.Cursor, v scan.Value, buf []byte) []byte {
	if v.Kind != scan.String {
		return nil
	}
	return c.Text(v, buf)
}

// nanos returns a time in ns: orders of one price may be placed in one µs.
func nanos(c *scan.Cursor, v scan.Value) (int64, bool) {
	const micros = len("0000-00-00T00:00:00.000000")
	var buf [64]byte
	t, ok := c.Time(v)
	s := text(c, v, buf[:0])
	for i := range 3 {
		t *= 10
		if at := micros + i; at < len(s)-1 { // behind them there is a Z
			t += int64(s[at] - '0')
		}
	}
	return t, ok
}

// level3 decodes every order of a book, or changes of some: what its levels are.
func (d *v2) level3(b *market.Batch) {
	sym := d.named(d.Word(symbol))
	if sym == nil {
		return
	}
	at := int64(0)
	if d.Has(timestamp) {
		at = d.Clock(timestamp)
	}
	d.typed()
	if d.Value(bids) != read || d.Value(asks) != read {
		d.Fail(bids, scan.Wrong)
	}
	sum := d.sum(checksum)
	for _, side := range [...][]step{d.bidSteps, d.askSteps} {
		for i := range side {
			d.Sick = d.Sick || (side[i].kind == listed) != d.snapshot
		}
	}
	if d.Sick {
		d.Refuse(errOrders)
	}
	if !d.Healthy() {
		return
	}
	o := d.orders(sym)
	k := b.Book(sym, at)
	before := o.held
	good := d.lead(o, k) && o.sum(&d.summed) == sum
	d.held += o.held - before
	d.tell(o, k, good && d.held <= maxOrders)
}

// lead leads the orders on, and notes in k what levels have changed. False: they are not known, or it cannot be of them.
func (d *v2) lead(o *orders, k *market.Book) bool {
	o.messages++
	if d.snapshot {
		o.forget()
	} else if !o.known {
		return false
	}
	for i := range d.bidSteps {
		if !o.take(&o.bids, &d.bidSteps[i], &k.Bids) {
			return false
		}
	}
	for i := range d.askSteps {
		if !o.take(&o.asks, &d.askSteps[i], &k.Asks) {
			return false
		}
	}
	if d.snapshot {
		o.begin(max(len(o.bids.queues), len(o.asks.queues)))
		o.known = true
	}
	o.cut()
	return true
}

// tell says what became of the book.
func (d *v2) tell(o *orders, k *market.Book, good bool) {
	k.Chain, k.Last, k.Depth = &deepChain, o.messages, o.depth
	if o.depth > 0 && o.depth <= check.Levels {
		k.Chain = &ordersChain
	}
	switch {
	case !good:
		d.held -= o.held
		o.forget()
		k.Bids, k.Asks, k.Prev = k.Bids[:0], k.Asks[:0], -1
	case d.snapshot:
		k.Snapshot = true
		k.Bids, k.Asks = o.bids.levels(k.Bids[:0]), o.asks.levels(k.Asks[:0])
	default:
		k.Prev = o.messages - 1
	}
}

// orders returns a pair's orders.
func (d *v2) orders(sym *market.Symbol) *orders {
	m := d.memory(sym)
	if m.orders == nil {
		m.orders = &orders{asks: line{asks: true}}
	}
	return m.orders
}

// leave forgets a pair's orders.
func (d *v2) leave(sym *market.Symbol) {
	if m := d.memory(sym); m.orders != nil {
		d.held -= m.orders.held
		m.orders = nil
	}
}
