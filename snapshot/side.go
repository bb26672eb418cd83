package snapshot

import (
	"slices"

	"tapedeck/market"
)

// side is one side of a book, its best level last: most changes are near the best, so there is
// little to move. A sorted slice beats a tree at the sizes of books (20 to 2,000 levels).
type side struct {
	levels  []market.Level
	asks    bool
	near    int            // where to look first: behind the level before, as a message mostly has them best first
	dropped market.Decimal // the best price of which a level was not kept since the last snapshot
}

// worse reports that price a stands behind price b.
func (s *side) worse(a, b market.Decimal) bool { return s.compare(a, b) < 0 }

// compare is below 0 where price a stands behind price b, and above where it stands before it.
func (s *side) compare(a, b market.Decimal) int {
	if s.asks {
		return b.Cmp(a)
	}
	return a.Cmp(b)
}

// find returns where price is, or would be. It looks where the level may be if they are told in the order of their prices,
// and goes on from there in steps that double.
func (s *side) find(price market.Decimal) (int, bool) {
	lo, hi := 0, len(s.levels)
	at := min(s.near, hi-1)
	for step := 1; at >= lo && at < hi; step <<= 1 {
		switch c := s.compare(s.levels[at].Price, price); {
		case c == 0:
			return at, true
		case c < 0:
			lo = at + 1
			if hi < len(s.levels) {
				return s.between(lo, hi, price)
			}
			at = lo - 1 + step
		default:
			hi = at
			if lo > 0 {
				return s.between(lo, hi, price)
			}
			at = hi - step
		}
	}
	return s.between(lo, hi, price)
}

// between searches the levels from lo up to hi, of which those before are worse than price and those behind are better.
func (s *side) between(lo, hi int, price market.Decimal) (int, bool) {
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch c := s.compare(s.levels[mid].Price, price); {
		case c == 0:
			return mid, true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false
}

// deed is what became of a level.
type deed uint8

const (
	untouched deed = iota
	altered
	added
	removed
)

// put makes the quantity at a price what l says and returns where the level is, or was, and what became of it.
// l gets the price as it was first written, so that readers see one spelling of it.
func (s *side) put(l *market.Level) (int, deed) {
	i, found := s.find(l.Price)
	s.near = max(i-1, 0)
	switch {
	case found && l.Qty.IsZero():
		l.Price = s.levels[i].Price
		s.levels = append(s.levels[:i], s.levels[i+1:]...)
		return i, removed
	case found:
		l.Price = s.levels[i].Price
		same := s.levels[i].Qty.Equal(l.Qty)
		s.levels[i].Qty = l.Qty // also where only its spelling is new: a checksum is over the venue's digits
		if same {
			return i, untouched
		}
		return i, altered
	case l.Qty.IsZero():
		return i, untouched
	}
	s.levels = append(s.levels, market.Level{})
	copy(s.levels[i+1:], s.levels[i:])
	s.levels[i] = *l
	return i, added
}

// cut removes the worst levels beyond n.
func (s *side) cut(n int) {
	if over := len(s.levels) - n; over > 0 {
		s.levels = s.levels[:copy(s.levels, s.levels[over:])]
	}
}

// keep removes the worst levels beyond n where there are many, and remembers that there were some.
func (s *side) keep(n int) {
	if over := len(s.levels) - n; over > n/8 {
		if best := s.levels[over-1].Price; !s.dropped.Set() || s.worse(s.dropped, best) {
			s.dropped = best
		}
		s.cut(n)
	}
}

// whole reports whether the best n levels are known: none that was dropped belongs to them.
func (s *side) whole(n int) bool {
	return !s.dropped.Set() || len(s.levels) >= n && s.worse(s.dropped, s.levels[len(s.levels)-n].Price)
}

func (s *side) best() market.Level {
	if len(s.levels) == 0 {
		return market.Level{}
	}
	return s.levels[len(s.levels)-1]
}

// load fills the side from levels in any order; a later one of a price wins.
func (s *side) load(levels []market.Level) {
	s.levels, s.dropped = s.levels[:0], market.Decimal{}
	for _, l := range slices.Backward(levels) { // venues send the best first: from behind, each is appended
		if l.Qty.IsZero() {
			continue
		}
		if n := len(s.levels); n == 0 || s.worse(s.levels[n-1].Price, l.Price) {
			s.levels = append(s.levels, l)
		} else if at, found := s.find(l.Price); !found {
			s.levels = slices.Insert(s.levels, at, l)
		}
	}
}

// appendBestFirst appends the n best levels to dst, best first.
func (s *side) appendBestFirst(dst []market.Level, n int) []market.Level {
	for i := len(s.levels) - 1; i >= 0 && n > 0; i, n = i-1, n-1 {
		dst = append(dst, s.levels[i])
	}
	return dst
}
