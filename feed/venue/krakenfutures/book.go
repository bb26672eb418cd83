package krakenfutures

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// chain is the venue's rule: messages of a product's book are numbered, the snapshot too.
var chain = market.Chain{
	Name:    "kraken-futures",
	Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
	Starts:  func(d *market.Book, snap int64) bool { return d.Last == snap+1 },
	Follows: func(d *market.Book, prev int64) bool { return d.Last == prev+1 },
}

// sequence makes the numbers of a product's book rise for good: they begin anew when the venue's server
// does.
type sequence struct {
	id, time int64 // of the newest message
	laps     int64 // how often they have begun anew
}

// lap is what is added to a number each time. The largest in recorded traffic have 8 digits; over 10^15
// they are refused.
const (
	lap   = 1 << 50
	maxID = 1e15
)

// next returns the number of a message as it would be if they had never begun anew. One that is smaller
// than before in a later message is one that has; a message that comes twice or late is no later.
func (s *sequence) next(id, time int64) int64 {
	switch {
	case id >= s.id:
	case time > s.time:
		s.laps++
	default:
		return id + s.laps*lap
	}
	s.id, s.time = id, max(time, s.time)
	return id + s.laps*lap
}

var errLevels = fmt.Errorf("%w: the levels are no lists of price and qty, or a price or quantity cannot be", feed.BadValue)

// book decodes a whole book.
func (d *decoder) book(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	k := b.Book(sym, d.Millis(timestamp))
	k.Snapshot = true
	d.Sides(k, bids, asks, errLevels)
	d.number(sym, k)
}

// change decodes a change of one level.
func (d *decoder) change(b *market.Batch) {
	sym := d.symbol()
	if sym == nil {
		return
	}
	k := b.Book(sym, d.Millis(timestamp))
	l := market.Level{Price: d.Price(price), Qty: d.Size(qty)}
	if d.buys() {
		k.Bids = append(k.Bids, l)
	} else {
		k.Asks = append(k.Asks, l)
	}
	d.number(sym, k)
}

// number sets the message's number.
func (d *decoder) number(sym *market.Symbol, k *market.Book) {
	id := d.ID(seq)
	if id > maxID {
		d.Fail(seq, scan.Wrong)
	}
	at := d.Millis(timestamp)
	if !d.Healthy() {
		return
	}
	s := d.sequences[sym]
	if s == nil {
		s = new(sequence)
		d.sequences[sym] = s
	}
	k.Chain, k.Last = &chain, s.next(id, at)
}
