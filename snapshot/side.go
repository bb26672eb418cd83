package snapshot

import "tapedeck/market"

// side is one side of a book, its best level last: most changes are near the best, so there is
// little to move. A sorted slice beats a tree at the sizes of books (20 to 2,000 levels).
type side struct {
	levels []market.Level
	asks   bool
}

// worse reports that price a stands behind price b.
func (s *side) worse(a, b market.Decimal) bool {
	if s.asks {
		return a.Cmp(b) > 0
	}
	return a.Cmp(b) < 0
}

// find returns where price is, or would be.
func (s *side) find(price market.Decimal) (int, bool) {
	lo, hi := 0, len(s.levels)
	for step := 1; hi > 0; step <<= 1 { // gallop from the best: nearly all changes are close to it
		at := max(len(s.levels)-step, 0)
		if s.worse(s.levels[at].Price, price) {
			lo = at + 1
			break
		}
		hi = at
	}
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if s.worse(s.levels[mid].Price, price) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(s.levels) && s.levels[lo].Price.Equal(price)
}

// set makes the quantity at a price what l says, and reports whether that changed anything. A new
// level behind the worst of a full side is left out. It returns the level with its price as it was
// first written, so that readers see one spelling of it.
func (s *side) set(l market.Level, depth int) (market.Level, bool) {
	i, found := s.find(l.Price)
	switch {
	case found && l.Qty.IsZero():
		l.Price = s.levels[i].Price
		s.levels = append(s.levels[:i], s.levels[i+1:]...)
		return l, true
	case found:
		same := s.levels[i].Qty.Equal(l.Qty)
		s.levels[i].Qty = l.Qty // also where only its spelling is new: a checksum is over the venue's digits
		return s.levels[i], !same
	case l.Qty.IsZero(), i == 0 && len(s.levels) >= depth:
		return l, false
	}
	s.levels = append(s.levels, market.Level{})
	copy(s.levels[i+1:], s.levels[i:])
	s.levels[i] = l
	return l, true
}

// cut removes the worst levels beyond depth and passes each to told.
func (s *side) cut(depth int, told func(market.Decimal)) {
	over := len(s.levels) - depth
	if over <= 0 {
		return
	}
	for _, l := range s.levels[:over] {
		told(l.Price)
	}
	s.levels = s.levels[:copy(s.levels, s.levels[over:])]
}

func (s *side) best() market.Level {
	if len(s.levels) == 0 {
		return market.Level{}
	}
	return s.levels[len(s.levels)-1]
}

// load fills the side from levels in any order; a later one of a price wins.
func (s *side) load(levels []market.Level, depth int) {
	s.levels = s.levels[:0]
	for i := len(levels) - 1; i >= 0; i-- { // venues send the best first: from behind, each is appended
		if levels[i].Qty.IsZero() {
			continue
		}
		if n := len(s.levels); n == 0 || s.worse(s.levels[n-1].Price, levels[i].Price) {
			s.levels = append(s.levels, levels[i])
		} else if at, found := s.find(levels[i].Price); !found {
			s.levels = append(s.levels, market.Level{})
			copy(s.levels[at+1:], s.levels[at:])
			s.levels[at] = levels[i]
		}
	}
	if over := len(s.levels) - depth; over > 0 {
		s.levels = s.levels[:copy(s.levels, s.levels[over:])]
	}
}

// appendBestFirst appends the n best levels to dst, best first.
func (s *side) appendBestFirst(dst []market.Level, n int) []market.Level {
	for i := len(s.levels) - 1; i >= 0 && n > 0; i, n = i-1, n-1 {
		dst = append(dst, s.levels[i])
	}
	return dst
}
