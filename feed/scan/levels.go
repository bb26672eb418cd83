package scan

import "tapedeck/market"

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

// usualLevel takes a level that begins [37000.10,0.5 or ["37000.10","0.5", as nearly all do; else it takes
// nothing. That takes half the time of level, and levels are most of what venues send.
func (c *Cursor) usualLevel() (l market.Level, ok bool) {
	d := c.doc
	if c.at >= len(d) || d[c.at] != '[' {
		return l, false
	}
	price, at := number(d, c.at+1)
	if at == 0 || d[at] != ',' {
		return l, false
	}
	qty, at := number(d, at+1)
	if at == 0 {
		return l, false
	}
	l = market.Level{Price: price, Qty: qty}
	switch d[at] {
	case ']':
		c.at = at + 1
		return l, true
	case ',': // more, of no use: ,"0","3"]
		for c.at, c.first = at, false; c.More(); {
			c.Value()
		}
		return l, true
	}
	return market.Level{}, false
}

// Number takes the next value if it is a number, and no text, that is written as usual. False: nothing is taken.
func (c *Cursor) Number() (market.Decimal, bool) {
	if b := c.next(); b == '"' || b == 0 {
		return market.Decimal{}, false
	}
	n, at := number(c.doc, c.at)
	if at == 0 || c.doc[at] != ',' && c.doc[at] != ']' && c.doc[at] != '}' {
		return market.Decimal{}, false
	}
	c.at = at
	return n, true
}

// Amount takes the next value, and returns the number in it as Decimal does.
func (c *Cursor) Amount() (market.Decimal, bool) {
	c.next()
	n, at := number(c.doc, c.at)
	if at == 0 || c.doc[at] != ',' && c.doc[at] != ']' && c.doc[at] != '}' {
		return c.Decimal(c.Value())
	}
	c.at = at
	return n, true
}

// Literal takes what comes next if it is written just so: a part of an object that is nearly always the same, and that ends
// with a whole value or within a text. False: nothing is taken.
func (c *Cursor) Literal(text string) bool {
	end := c.at + len(text)
	if end > len(c.doc) || string(c.doc[c.at:end]) != text {
		return false
	}
	c.at, c.first = end, false
	return true
}

// number reads the number at d[at], which may be a string, and returns where it has ended, which is before the end of d; 0 if
// it is another value, or not written as usual.
func number(d []byte, at int) (n market.Decimal, end int) {
	if at < len(d) && d[at] == '"' {
		n, size := market.ReadDecimal(d[at+1:])
		if end = at + 1 + size; size == 0 || d[end] != '"' || end+1 == len(d) {
			return n, 0
		}
		return n, end + 1
	}
	n, size := market.ReadDecimal(d[at:])
	if size == 0 || d[at] == '0' && size > 1 && d[at+1] != '.' || d[at] == '-' && d[at+1] == '0' && size > 2 && d[at+2] != '.' {
		return n, 0 // in JSON no number begins with a 0 that is not all of it
	}
	return n, at + size
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
