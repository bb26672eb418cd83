package scan

import "tapedeck/market"

// Changes takes the next value, a list of [side, price, quantity] of which a side is "buy" or "sell", and
// appends its levels to bids and asks. False: it is no such list, or a price is not above 0, or a
// quantity is negative. It is taken whole in any case.
func (c *Cursor) Changes(bids, asks []market.Level) (b, a []market.Level, good bool) {
	if !c.Array() {
		c.Value()
		return bids, asks, false
	}
	good = true
	for c.More() {
		bid, l, ok := c.usualChange()
		if !ok {
			bid, l, ok = c.change()
		}
		good = good && ok && !l.Price.Neg() && !l.Price.IsZero() && !l.Qty.Neg()
		if bid {
			bids = append(bids, l)
		} else {
			asks = append(asks, l)
		}
	}
	return bids, asks, good
}

// usualChange takes a change that is written ["buy","37000.10","0.5"], as nearly all are; else it takes
// nothing.
func (c *Cursor) usualChange() (bid bool, l market.Level, ok bool) {
	const buy, sell = `["buy",`, `["sell",`
	d, i := c.doc, c.at
	switch rest := d[i:]; {
	case len(rest) > len(buy) && string(rest[:len(buy)]) == buy:
		bid, i = true, i+len(buy)
	case len(rest) > len(sell) && string(rest[:len(sell)]) == sell:
		i += len(sell)
	default:
		return false, l, false
	}
	l.Price, i = number(d, i)
	if i == 0 || d[i] != ',' {
		return false, l, false
	}
	l.Qty, i = number(d, i+1)
	if i == 0 || d[i] != ']' {
		return false, l, false
	}
	c.at = i + 1
	return bid, l, true
}

// change takes a change however it is written.
func (c *Cursor) change() (bid bool, l market.Level, good bool) {
	if !c.Array() {
		c.Value()
		return false, l, false
	}
	var ok [3]bool
	n := 0
	for ; c.More(); n++ {
		v := c.Value()
		switch n {
		case 0:
			var buf [8]byte
			side := ""
			if v.Kind == String && v.to-v.from <= 6*4 {
				side = string(c.Text(v, buf[:0]))
			}
			bid, ok[0] = side == "buy", side == "buy" || side == "sell"
		case 1:
			l.Price, ok[1] = c.Decimal(v)
		case 2:
			l.Qty, ok[2] = c.Decimal(v)
		}
	}
	return bid, l, ok == [3]bool{true, true, true}
}
