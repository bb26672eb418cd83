package htx

import (
	"tapedeck/feed"
	"tapedeck/market"
)

// Save implements feed.Memory.
func (d *decoder) Save(s *market.Saver) {
	feed.SaveEach(s, d.known, func(m *memory) {
		for _, n := range []int64{m.id, m.time, m.laps, int64(m.depth), m.told, m.asked} {
			s.Int(n)
		}
	})
}

// Load implements feed.Memory.
func (d *decoder) Load(l *market.Loader) {
	named := func(native []byte) (*market.Symbol, error) { return d.symbols.Named(native, d.product.meet) }
	feed.LoadEach(l, d.known, named, func() *memory {
		m := new(memory)
		m.id, m.time, m.laps = l.Int(), l.Int(), l.Int()
		depth := l.Int()
		l.Hold(depth >= 0 && depth <= maxDepth)
		m.depth = int(depth)
		m.told, m.asked = l.Int(), l.Int()
		return m
	})
}
