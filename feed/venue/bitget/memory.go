package bitget

import (
	"tapedeck/feed"
	"tapedeck/market"
)

// Save implements feed.Memory.
func (d *decoder) Save(s *market.Saver) {
	feed.SaveEach(s, d.known, func(m *memory) {
		for _, n := range []int64{m.id, m.time, m.told, m.ahead, m.touched} {
			s.Int(n)
		}
	})
}

// Load implements feed.Memory.
func (d *decoder) Load(l *market.Loader) {
	named := func(native []byte) (*market.Symbol, error) { return d.symbols.Named(native, d.product.meet) }
	feed.LoadEach(l, d.known, named, func() *memory {
		m := new(memory)
		m.id, m.time, m.told, m.ahead, m.touched = l.Int(), l.Int(), l.Int(), l.Int(), l.Int()
		return m
	})
}
