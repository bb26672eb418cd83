package okx

import (
	"tapedeck/feed"
	"tapedeck/market"
)

// Save implements feed.Memory.
func (d *decoder) Save(s *market.Saver) {
	feed.SaveEach(s, d.known, func(m *memory) {
		for _, n := range []int64{m.id, m.time, m.laps, m.touched, m.asked} {
			s.Int(n)
		}
		s.Bytes(m.traded.Bytes())
	})
}

// Load implements feed.Memory.
func (d *decoder) Load(l *market.Loader) {
	named := func(native []byte) (*market.Symbol, error) { return d.symbols.Named(native, symbolOf) }
	feed.LoadEach(l, d.known, named, func() *memory {
		m := new(memory)
		for _, n := range []*int64{&m.id, &m.time, &m.laps, &m.touched, &m.asked} {
			*n = l.Int()
		}
		m.traded, _ = market.MakeID(l.Bytes(market.MaxID))
		return m
	})
}
