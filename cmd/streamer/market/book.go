package market

import (
	"cmp"
	"slices"
)

// level is one price and the whole quantity at it, in ticks and lots.
type level struct{ price, qty int64 }

// side is one side of a book: its levels in order, the best one last, where most of the changes are.
type side struct {
	sign    int64 // 1 for bids, -1 for asks: the best price has the largest price*sign
	levels  []level
	changed []int64 // prices, since the last depth message
}

func (s *side) best() level { return s.levels[len(s.levels)-1] }

// at returns the i-th level from the best one.
func (s *side) at(i int) level { return s.levels[len(s.levels)-1-i] }

func (s *side) find(price int64) (int, bool) {
	return slices.BinarySearchFunc(s.levels, price, func(l level, price int64) int {
		return cmp.Compare(l.price*s.sign, price*s.sign)
	})
}

// qty is what is at a price.
func (s *side) qty(price int64) int64 {
	if i, ok := s.find(price); ok {
		return s.levels[i].qty
	}
	return 0
}

// set says what is at a price now; 0 removes it.
func (s *side) set(price, qty int64) {
	i, ok := s.find(price)
	switch {
	case ok && qty == 0:
		s.levels = slices.Delete(s.levels, i, i+1)
	case ok:
		s.levels[i].qty = qty
	case qty > 0:
		s.levels = slices.Insert(s.levels, i, level{price, qty})
	}
	s.changed = append(s.changed, price)
}

// changes calls f with what is now at each price that changed, best first, and forgets them.
func (s *side) changes(f func(level)) {
	slices.SortFunc(s.changed, func(a, b int64) int { return cmp.Compare(b*s.sign, a*s.sign) })
	for _, price := range slices.Compact(s.changed) {
		f(level{price, s.qty(price)})
	}
	s.changed = s.changed[:0]
}

// all calls f with every level, best first.
func (s *side) all(f func(level)) {
	for i := range s.levels {
		f(s.at(i))
	}
}
