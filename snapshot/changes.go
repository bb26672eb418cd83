package snapshot

import (
	"slices"

	"tapedeck/market"
)

// change is one level that became what it says.
type change struct {
	level market.Level
	order uint32 // place in its range, for sorting
	ask   bool
}

// changes is the log of a book's levels: what its readers' updates are folded from.
type changes struct {
	run[change]
	sorted []change
	body   market.Book
}

func (c *changes) add(ask bool, l market.Level) { c.push(change{level: l, ask: ask}) }

func (c *changes) gone(ask bool, price market.Decimal) {
	c.push(change{level: market.Level{Price: price, Qty: market.Int(0)}, ask: ask})
}

// skip makes every reader take the state: what happened was more than changes can tell.
func (c *changes) skip() {
	c.first = c.next() + 1
	c.items = c.items[:0]
}

// since folds what came after a mark: each level once, as it was last, best first.
func (c *changes) since(from uint64) (market.Body, bool) {
	part, ok := c.between(from, c.next())
	if !ok {
		return nil, false
	}
	c.sorted = append(c.sorted[:0], part...)
	for i := range c.sorted {
		c.sorted[i].order = uint32(i)
	}
	slices.SortFunc(c.sorted, compareChanges)
	c.body.Bids, c.body.Asks = c.body.Bids[:0], c.body.Asks[:0]
	for i, ch := range c.sorted {
		if i > 0 && c.sorted[i-1].ask == ch.ask && c.sorted[i-1].level.Price.Equal(ch.level.Price) {
			continue // the newest of a price comes first
		}
		if ch.ask {
			c.body.Asks = append(c.body.Asks, ch.level)
		} else {
			c.body.Bids = append(c.body.Bids, ch.level)
		}
	}
	return &c.body, true
}

// compareChanges orders bids before asks, then the best price first, then the newest first.
func compareChanges(a, b change) int {
	if a.ask != b.ask {
		if a.ask {
			return 1
		}
		return -1
	}
	c := a.level.Price.Cmp(b.level.Price)
	if !a.ask {
		c = -c
	}
	if c == 0 {
		return int(b.order) - int(a.order)
	}
	return c
}

// differ logs what turns the levels in old into those in now (both best last); it returns how many.
func (c *changes) differ(asks bool, old, now []market.Level) (n int) {
	s := side{asks: asks}
	i, j := len(old)-1, len(now)-1
	for i >= 0 || j >= 0 {
		switch {
		case j < 0 || (i >= 0 && s.worse(now[j].Price, old[i].Price)):
			c.gone(asks, old[i].Price)
			i, n = i-1, n+1
		case i < 0 || s.worse(old[i].Price, now[j].Price):
			c.add(asks, now[j])
			j, n = j-1, n+1
		default:
			if !old[i].Qty.Equal(now[j].Qty) {
				c.add(asks, now[j])
				n++
			}
			i, j = i-1, j-1
		}
	}
	return n
}
