package scan

import "tapedeck/market"

// Ladder takes the next value, a list of objects, and appends to dst the level that each has in its fields
// price and qty. False: it is no such list, a field is not there or twice, a price is not above 0, or a
// quantity is negative. It is taken whole in any case.
func (c *Cursor) Ladder(dst []market.Level, price, qty string) ([]market.Level, bool) {
	if !c.Array() {
		c.Value()
		return dst, false
	}
	good := true
	for c.More() {
		l, ok := c.usualRung(price, qty)
		if !ok {
			l, ok = c.Rung(price, qty)
		}
		good = good && ok && !l.Price.Neg() && !l.Price.IsZero() && !l.Qty.Neg()
		dst = append(dst, l)
	}
	return dst, good
}

// usualRung takes a level that is written {"px":"37000.10","sz":"0.5","n":7}: the price, the quantity, as texts or not, and
// at most one whole number with a key of one letter. Else it takes nothing.
func (c *Cursor) usualRung(price, qty string) (l market.Level, ok bool) {
	d := c.doc
	at := 0
	l.Price, at = rungField(d, c.at, '{', price)
	if at == 0 {
		return l, false
	}
	l.Qty, at = rungField(d, at, ',', qty)
	if at == 0 {
		return l, false
	}
	if len(d)-at > 5 && d[at] == ',' && d[at+1] == '"' && isLetter(d[at+2]) && d[at+3] == '"' && d[at+4] == ':' {
		if len(price) == 1 && d[at+2] == price[0] || len(qty) == 1 && d[at+2] == qty[0] {
			return l, false
		}
		from := at + 5
		at = digits(d, from)
		if at == from || d[from] == '0' && at > from+1 {
			return l, false
		}
	}
	if at >= len(d) || d[at] != '}' {
		return l, false
	}
	c.at = at + 1
	return l, true
}

// rungField reads {"px":"37000.10" and returns where it has ended; 0 if it is written otherwise.
func rungField(d []byte, at int, open byte, key string) (market.Decimal, int) {
	n := at + len(key)
	if len(d) < n+5 || d[at] != open || d[at+1] != '"' || string(d[at+2:n+2]) != key || d[n+2] != '"' || d[n+3] != ':' {
		return market.Decimal{}, 0
	}
	return number(d, n+4)
}

// Rung takes the next value, an object with a level in its fields price and qty, however it is written.
// False: it is none.
func (c *Cursor) Rung(price, qty string) (l market.Level, good bool) {
	if !c.Object() {
		c.Value()
		return l, false
	}
	prices, sizes := 0, 0
	good = true
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case price:
			l.Price, ok = c.Decimal(c.Value())
			prices++
		case qty:
			l.Qty, ok = c.Decimal(c.Value())
			sizes++
		default:
			c.Value()
		}
		good = good && ok
	}
	return l, good && prices == 1 && sizes == 1
}
