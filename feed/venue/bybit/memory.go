package bybit

import (
	"tapedeck/feed"
	"tapedeck/market"
)

// Save implements feed.Memory.
func (d *decoder) Save(s *market.Saver) {
	feed.SaveEach(s, d.known, func(m *sequence) {
		for _, n := range []int64{m.id, m.time, m.laps, int64(m.depth)} {
			s.Int(n)
		}
	})
}

// Load implements feed.Memory.
func (d *decoder) Load(l *market.Loader) {
	named := func(native []byte) (*market.Symbol, error) { return d.symbols.Named(native, d.product.meet) }
	feed.LoadEach(l, d.known, named, func() *sequence {
		m := new(sequence)
		m.id, m.time, m.laps, m.depth = l.Int(), l.Int(), l.Int(), int(l.Int())
		return m
	})
}
