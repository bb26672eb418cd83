package krakenfutures

import (
	"tapedeck/feed"
	"tapedeck/market"
)

// Save implements feed.Memory.
func (d *decoder) Save(s *market.Saver) {
	feed.SaveEach(s, d.sequences, func(m *sequence) {
		for _, n := range []int64{m.id, m.time, m.laps} {
			s.Int(n)
		}
	})
}

// Load implements feed.Memory.
func (d *decoder) Load(l *market.Loader) {
	named := func(native []byte) (*market.Symbol, error) { return d.symbols.Named(native, symbolOf) }
	feed.LoadEach(l, d.sequences, named, func() *sequence {
		m := new(sequence)
		m.id, m.time, m.laps = l.Int(), l.Int(), l.Int()
		return m
	})
}
