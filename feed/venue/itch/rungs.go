package itch

import "tapedeck/market"

// rung is one price, and how many shares all orders at it have.
type rung struct {
	price  uint32
	shares uint64
}

// rungs are one side's prices, the best last: most changes are near the best, so there is little to move.
type rungs struct {
	list []rung
	asks bool
}

// behind reports that price a is worse than price b.
func (r *rungs) behind(a, b uint32) bool { return a != b && (a > b) == r.asks }

// find returns where a price is, or would be.
func (r *rungs) find(price uint32) (int, bool) {
	lo, hi := 0, len(r.list)
	for step := 1; hi > 0; step <<= 1 { // gallop from the best
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
	return lo, lo < len(r.list) && r.list[lo].price == price
}

// add adds shares to a price and notes the level in k.
func (r *rungs) add(price, shares uint32, k *market.Book) {
	i, found := r.find(price)
	if !found {
		r.list = append(r.list, rung{})
		copy(r.list[i+1:], r.list[i:])
		r.list[i] = rung{price: price}
	}
	r.list[i].shares += uint64(shares)
	r.note(r.list[i], k)
}

// sub takes away shares that an order at a price had and notes the level in k.
func (r *rungs) sub(price, shares uint32, k *market.Book) {
	i, found := r.find(price)
	if !found {
		return
	}
	r.list[i].shares -= uint64(shares)
	r.note(r.list[i], k)
	if r.list[i].shares == 0 {
		r.list = append(r.list[:i], r.list[i+1:]...)
	}
}

// note notes a level in k; of one that changes twice what became of it in the end.
func (r *rungs) note(at rung, k *market.Book) {
	l := market.Level{Price: priceOf(at.price), Qty: market.Int(int64(at.shares))}
	side := &k.Bids
	if r.asks {
		side = &k.Asks
	}
	if n := len(*side); n > 0 && (*side)[n-1].Price == l.Price {
		(*side)[n-1] = l
		return
	}
	*side = append(*side, l)
}

// all notes every level in k, best first.
func (r *rungs) all(k *market.Book) {
	for i := len(r.list) - 1; i >= 0; i-- {
		r.note(r.list[i], k)
	}
}

// priceOf reads a price, which has 4 decimals.
func priceOf(p uint32) market.Decimal { return market.New(int64(p), 4) }
