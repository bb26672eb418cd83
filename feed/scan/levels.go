package scan

import (
	"encoding/binary"
	"math/bits"

	"tapedeck/market"
)

// Levels takes the next value, a list of [price, quantity], and appends its levels to dst. False: it
// is no such list, or a price is not above 0, or a quantity is negative. It is taken whole in any
// case. What comes behind a quantity is of no use to us: an order count, an empty list.
func (c *Cursor) Levels(dst []market.Level) ([]market.Level, bool) {
	if !c.Array() {
		c.Value()
		return dst, false
	}
	good := true
	for c.More() {
		l, ok := c.usualLevel()
		if !ok {
			l, ok = c.level()
		}
		good = good && ok && !l.Price.Neg() && !l.Price.IsZero() && !l.Qty.Neg()
		dst = append(dst, l)
	}
	return dst, good
}

// usualLevel takes a level that begins ["37000.10","0.5", as nearly all do; else it takes
// nothing. That takes half the time of level, and levels are most of what venues send.
func (c *Cursor) usualLevel() (l market.Level, ok bool) {
	d, i := c.doc, c.at
	if len(d)-i < 2 || d[i] != '[' || d[i+1] != '"' {
		return l, false
	}
	price, end := quoted(d, i+2)
	if end == 0 || len(d)-end < 3 || d[end] != ',' || d[end+1] != '"' {
		return l, false
	}
	qty, end := quoted(d, end+2)
	if end == 0 || end == len(d) {
		return l, false
	}
	l = market.Level{Price: price, Qty: qty}
	switch d[end] {
	case ']':
		c.at = end + 1
		return l, true
	case ',': // more, of no use: ,"0","3"]
		for c.at, c.first = end, false; c.More(); {
			c.Value()
		}
		return l, true
	}
	return market.Level{}, false
}

// quoted reads the number of a string that begins before d[i] and has nothing else in it, and returns
// where the string has ended; 0 if it is another.
func quoted(d []byte, i int) (market.Decimal, int) {
	for at := i; at+8 <= len(d); at += 8 {
		w := binary.LittleEndian.Uint64(d[at:]) ^ '"'*eachByte
		if found := (w - eachByte) &^ w & highBits; found != 0 {
			end := at + bits.TrailingZeros64(found)/8
			if n, ok := market.ParseDecimal(d[i:end]); ok {
				return n, end + 1
			}
			break
		}
	}
	return market.Decimal{}, 0
}

// level takes a level however it is written.
func (c *Cursor) level() (l market.Level, good bool) {
	if !c.Array() {
		c.Value()
		return l, false
	}
	n := 0
	for ; c.More(); n++ {
		v := c.Value()
		switch n {
		case 0:
			l.Price, good = c.Decimal(v)
		case 1:
			var ok bool
			l.Qty, ok = c.Decimal(v)
			good = good && ok
		}
	}
	return l, good && n >= 2
}
