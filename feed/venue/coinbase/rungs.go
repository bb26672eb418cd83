package coinbase

import "tapedeck/market"

// rung is one price, and what the orders at it come to.
type rung struct {
	price  market.Decimal
	total  market.Sum
	orders int
}

// rungs are one side's prices, the best last: most changes are near the best, so there is little to move.
type rungs struct {
	list []rung
	asks bool
}

// find returns where a price is, or would be.
func (r *rungs) find(price market.Decimal) (int, bool) {
	lo, hi := 0, len(r.list)
	for step := 1; hi > 0; step <<= 1 {
		at := max(len(r.list)-step, 0)
		if r.behind(r.list[at].price, price) {
			lo = at + 1
			break
		}
		hi = at
	}
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if r.behind(r.list[mid].price, price) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(r.list) && r.list[lo].price.Equal(price)
}

// behind reports that price a is worse than price b.
func (r *rungs) behind(a, b market.Decimal) bool {
	if r.asks {
		return a.Cmp(b) > 0
	}
	return a.Cmp(b) < 0
}

// add adds an order at a price and notes the level in k; false if the total cannot be said.
func (r *rungs) add(price, size market.Decimal, k *market.Book) bool {
	i, found := r.find(price)
	if !found {
		r.list = append(r.list, rung{})
		copy(r.list[i+1:], r.list[i:])
		r.list[i] = rung{price: price}
	}
	at := &r.list[i]
	at.total.Add(size)
	at.orders++
	total := at.total.Decimal()
	r.note(k, market.Level{Price: at.price, Qty: total})
	return total.Set()
}

// sub takes an order away from a price and notes the level in k; false if there is none.
func (r *rungs) sub(price, size market.Decimal, k *market.Book) bool {
	i, found := r.find(price)
	if !found {
		return false
	}
	at := &r.list[i]
	if at.orders > 1 {
		at.orders--
		return r.amend(price, size, market.Int(0), k)
	}
	r.note(k, market.Level{Price: at.price, Qty: market.Int(0)})
	r.list = append(r.list[:i], r.list[i+1:]...)
	return true
}

// amend gives an order at a price another size and notes the level in k; false if there is none.
func (r *rungs) amend(price, before, after market.Decimal, k *market.Book) bool {
	i, found := r.find(price)
	if !found {
		return false
	}
	at := &r.list[i]
	var s market.Sum
	s.Add(before)
	at.total.Add(after)
	at.total.SubSum(s)
	total := at.total.Decimal()
	r.note(k, market.Level{Price: at.price, Qty: total})
	return total.Set()
}

func (r *rungs) note(k *market.Book, l market.Level) {
	if r.asks {
		k.Asks = append(k.Asks, l)
	} else {
		k.Bids = append(k.Bids, l)
	}
}

// levels appends every level to dst, best first.
func (r *rungs) levels(dst []market.Level) []market.Level {
	for i := len(r.list) - 1; i >= 0; i-- {
		dst = append(dst, market.Level{Price: r.list[i].price, Qty: r.list[i].total.Decimal()})
	}
	return dst
}
