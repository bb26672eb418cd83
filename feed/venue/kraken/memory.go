package kraken

import (
	"tapedeck/feed"
	"tapedeck/market"
)

// Save implements feed.Memory.
func (d *decoder) Save(s *market.Saver) {
	feed.SaveEach(s, d.known, func(m *memory) {
		s.Flags(m.spread)
		s.Int(int64(m.told))
		s.Int(int64(m.depth))
	})
}

// Load implements feed.Memory.
func (d *decoder) Load(l *market.Loader) {
	named := func(native []byte) (*market.Symbol, error) { return d.symbols.Named(native, symbolOf) }
	feed.LoadEach(l, d.known, named, func() *memory {
		m := new(memory)
		l.Flags(&m.spread)
		m.told, m.depth = int(l.Int()), int(l.Int())
		return m
	})
}
