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
		l, ok := c.level()
		good = good && ok
		dst = append(dst, l)
	}
	return dst, good
}

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
			good = good && !l.Price.Neg() && !l.Price.IsZero()
		case 1:
			var ok bool
			l.Qty, ok = c.Decimal(v)
			good = good && ok && !l.Qty.Neg()
		}
	}
	return l, good && n >= 2
}
