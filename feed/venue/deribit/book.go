package deribit

import (
	"bytes"
	"fmt"
	"math"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The venue's rules of which message of a book follows which.
var (
	chain = market.Chain{
		Name:    "deribit",
		Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
		Starts:  func(d *market.Book, snap int64) bool { return d.Prev == snap },
		Follows: func(d *market.Book, prev int64) bool { return d.Prev == prev },
	}
	// A cut book is whole by itself and nothing follows it.
	cutChain = market.Alone("deribit-cut", false)
)

// cut is added to the id of a cut book, so that it is below all others: whoever sends both of an
// instrument gets the whole book.
const cut = math.MinInt64

var errLevels = fmt.Errorf("%w: the levels are no lists of [action, price, amount], or one of these cannot be", feed.BadValue)

// book decodes a book or a change of it: book.NAME.100ms; or a cut book: book.NAME.none.10.100ms.
func (d *decoder) book(b *market.Batch, sym *market.Symbol) {
	m := &d.message
	group, depth, isCut := bytes.Cut(m.channel.rest(), []byte{'.'})
	if isCut && (string(group) != "none" || bytes.IndexByte(depth, '.') < 0) {
		m.Skip(feed.Unused) // levels of several prices taken together
		return
	}
	k := b.Book(sym, m.Millis(timestamp))
	k.Chain, k.Last = &chain, m.ID(changeID)
	switch {
	case isCut:
		k.Snapshot, k.Chain, k.Last = true, &cutChain, k.Last+cut
	case m.isSnapshot():
		k.Snapshot = true
	default:
		k.Prev = m.ID(prevID)
	}
	m.Sides(k, bidsField, asksField, errLevels)
}

// isSnapshot tells the first message of a book: it says so, or, as once, has no id before it.
func (m *message) isSnapshot() bool {
	if m.Empty(kindField) {
		return !m.Has(prevID)
	}
	switch string(m.Word(kindField)) {
	case "snapshot":
		return true
	case "change":
	default:
		m.Fail(kindField, scan.Wrong)
	}
	return false
}

// levels takes a list of levels: [action, price, amount], or [price, amount] in a cut book.
func (m *message) levels(slot byte, dst []market.Level) []market.Level {
	m.Note(slot, scan.Value{Kind: scan.Array})
	c := &m.Cursor
	for c.Array(); c.More(); {
		l, ok := m.level()
		m.Sick = m.Sick || !ok || l.Price.Neg() || l.Price.IsZero() || l.Qty.Neg()
		dst = append(dst, l)
	}
	return dst
}

func (m *message) level() (l market.Level, good bool) {
	c := &m.Cursor
	if !c.Array() {
		c.Value()
		return l, false
	}
	var numbers [2]market.Decimal
	gone, n := false, 0
	good = true
	for i := 0; c.More(); i++ {
		if number, ok := c.Number(); ok && n < len(numbers) {
			numbers[n] = number
			n++
			continue
		}
		v := c.Value()
		switch {
		case i == 0 && v.Kind == scan.String:
			var known bool
			gone, known = m.action(v)
			good = good && known
		case v.Kind == scan.Number && n < len(numbers):
			var ok bool
			numbers[n], ok = c.Decimal(v)
			good = good && ok
			n++
		default:
			good = false
		}
	}
	l = market.Level{Price: numbers[0], Qty: numbers[1]}
	if gone {
		l.Qty = market.Int(0)
	}
	return l, good && n == len(numbers)
}

func (m *message) action(v scan.Value) (gone, known bool) {
	if len(m.Cursor.Raw(v)) > len(m.text) {
		return false, false
	}
	switch string(m.Cursor.Text(v, m.text[:0])) {
	case "new", "change":
		return false, true
	case "delete":
		return true, true
	}
	return false, false
}
