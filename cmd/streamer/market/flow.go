package market

import "math"

// depth is how many levels a side has at most, and fewest how many it keeps.
const (
	depth  = 140
	fewest = 20
)

// order lets one order come: what it is depends on chance, and on where the touch is from what the
// symbol is worth.
func (s *instrument) order() {
	if worth := int64(math.Floor(s.fair)); s.asks.best().price <= worth {
		s.sweep(&s.asks, worth)
		return
	} else if s.bids.best().price > worth {
		s.sweep(&s.bids, worth+1)
		return
	}
	if own := s.behind(); own != nil && s.rand.IntN(3) > 0 {
		s.place(own, true)
		return
	}
	own := &s.bids
	if s.rand.IntN(2) == 0 {
		own = &s.asks
	}
	crowded := float64(len(own.levels)) / depth
	switch p := s.rand.Float64(); {
	case p < 0.14:
		s.market()
	case p < 0.14+0.86*(0.85-0.6*crowded):
		s.place(own, s.rand.IntN(2) == 0)
	default:
		s.cancel(own)
	}
}

// behind returns the side whose touch is farther from what the symbol is worth, nil where both are as
// near as can be: makers compete for the place that is free.
func (s *instrument) behind() *side {
	bid, ask := s.bids.best().price, s.asks.best().price
	switch worth := int64(math.Floor(s.fair)); {
	case ask-bid <= 1:
		return nil
	case worth-bid > ask-worth-1:
		return &s.bids
	default:
		return &s.asks
	}
}

// market takes from the touch. Who takes looks at what is there first: only a few want more than that.
func (s *instrument) market() {
	if s.rand.IntN(6) == 0 {
		s.buying = !s.buying
	}
	from := &s.bids
	if s.buying {
		from = &s.asks
	}
	qty, most := s.size(1), 1
	if s.rand.IntN(8) == 0 {
		most = 3
	}
	for range most {
		if len(from.levels) <= fewest || qty <= 0 {
			return
		}
		qty -= s.match(from, qty)
	}
}

// sweep clears a side up to a price that the symbol's worth has reached: takers take some of it, makers
// withdraw the rest.
func (s *instrument) sweep(from *side, limit int64) {
	s.buying = from == &s.asks
	qty := s.size(4)
	for l := from.best(); l.price*from.sign >= limit*from.sign; l = from.best() {
		if qty > 0 {
			qty -= s.match(from, qty)
		} else {
			s.change(from, l.price, 0)
		}
		if len(from.levels) <= fewest {
			s.refill(from, limit)
		}
	}
}

// refill puts levels behind a price where a side was almost swept away.
func (s *instrument) refill(own *side, limit int64) {
	for range fewest {
		price := limit - own.sign*(1+int64(s.spec.reach*s.rand.ExpFloat64()))
		if price > 0 {
			s.change(own, price, own.qty(price)+s.size(2))
		}
	}
}

// match is one execution at the touch, of at most qty; it returns how much.
func (s *instrument) match(from *side, qty int64) int64 {
	l := from.best()
	qty = min(qty, l.qty)
	s.trade++
	s.day.trade(s.m.time(), l.price, qty)
	s.tellTrade(l.price, qty, from == &s.bids)
	s.change(from, l.price, l.qty-qty)
	return qty
}

// place adds an order that does not cross: near what the symbol is worth, or somewhere behind it.
func (s *instrument) place(own *side, near bool) {
	worth := int64(math.Floor(s.fair)) // the best that a bid may be
	if own.sign < 0 {
		worth++
	}
	away := int64(0)
	if !near {
		away = 1 + int64(s.spec.reach*s.rand.ExpFloat64())
	} else if s.rand.IntN(4) == 0 {
		away = 1 + int64(s.rand.ExpFloat64()*s.spec.reach/20)
	}
	price := worth - own.sign*away
	if away > 10 && s.rand.IntN(3) == 0 {
		price -= price % 10 // people like round numbers
	}
	if other := s.other(own); len(other.levels) > 0 && price*own.sign >= other.best().price*own.sign {
		price = other.best().price - own.sign
	}
	if price <= 0 {
		return
	}
	s.change(own, price, own.qty(price)+s.size(1+float64(away)/s.spec.reach))
	if len(own.levels) > depth {
		s.change(own, own.levels[0].price, 0)
	}
}

// cancel takes an order back, more often near the touch.
func (s *instrument) cancel(own *side) {
	if len(own.levels) <= fewest {
		s.place(own, true)
		return
	}
	i := int(float64(len(own.levels)) / 4 * s.rand.ExpFloat64())
	l := own.at(min(i, len(own.levels)-1))
	left := int64(0)
	if s.rand.IntN(2) == 0 {
		left = int64(float64(l.qty) * s.rand.Float64())
	}
	s.change(own, l.price, left)
}

// change is one change of the book, with an id of its own. A change of the touch is told at once.
func (s *instrument) change(own *side, price, qty int64) {
	touched := len(own.levels) == 0 || price*own.sign >= own.best().price*own.sign
	own.set(price, qty)
	s.id++
	if touched && len(s.bids.levels) > 0 && len(s.asks.levels) > 0 {
		s.tellQuote()
	}
}

func (s *instrument) other(own *side) *side {
	if own == &s.bids {
		return &s.asks
	}
	return &s.bids
}

// size draws the quantity of an order: half of them are below the usual one, a few far above.
func (s *instrument) size(times float64) int64 {
	if s.m.thin() {
		times *= thick
	}
	return 1 + int64(s.spec.size*times*math.Exp(min(1.3*s.rand.NormFloat64(), 4)))
}

// depth tells what changed since the last depth message, if that is not the one that is to be lost.
func (s *instrument) depth() {
	if s.told == s.id {
		return
	}
	if s.lossy {
		s.lossy, s.lost, s.restAt = false, true, never
		s.m.gaps++
		s.forget()
		return
	}
	s.tellDepth()
	if s.lost { // the collector sees it by the message after, and asks for the whole book
		s.lost, s.restAt = false, s.m.now+askAgain
	}
}

// forget lets the changes so far go untold.
func (s *instrument) forget() {
	s.bids.changed, s.asks.changed, s.told = s.bids.changed[:0], s.asks.changed[:0], s.id
}
