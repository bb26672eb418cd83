package bitmex

import (
	"cmp"
	"maps"
	"slices"

	"tapedeck/feed"
	"tapedeck/market"
)

// Save implements feed.Memory.
func (d *decoder) Save(s *market.Saver) {
	feed.SaveEach(s, d.prices.of, func(known map[key]market.Decimal) {
		keys := slices.SortedFunc(maps.Keys(known), func(a, b key) int {
			if a.id == b.id && a.ask != b.ask {
				return map[bool]int{true: 1, false: -1}[a.ask]
			}
			return cmp.Compare(a.id, b.id)
		})
		s.Count(len(keys))
		for _, k := range keys {
			s.Int(k.id)
			s.Flags(k.ask)
			s.Decimal(known[k])
		}
	})
}

// Load implements feed.Memory.
func (d *decoder) Load(l *market.Loader) {
	named := func(native []byte) (*market.Symbol, error) { return d.symbols.Named(native, symbolOf) }
	feed.LoadEach(l, d.prices.of, named, func() map[key]market.Decimal {
		known := map[key]market.Decimal{}
		for range l.Count(maxPrices) {
			k := key{id: l.Int()}
			l.Flags(&k.ask)
			known[k] = l.Decimal()
			l.Hold(known[k].Set())
		}
		return known
	})
	for _, known := range d.prices.of {
		d.prices.n += len(known)
	}
	l.Hold(d.prices.n <= maxPrices)
}
