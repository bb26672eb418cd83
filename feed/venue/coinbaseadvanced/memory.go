package coinbaseadvanced

import (
	"cmp"
	"maps"
	"slices"

	"tapedeck/feed"
	"tapedeck/market"
)

// Save implements feed.Memory: the numbers of each connection, and what is heard on it.
func (d *decoder) Save(s *market.Saver) {
	s.Int(d.clock)
	keys := slices.Sorted(maps.Keys(d.connections))
	s.Count(len(keys))
	for _, key := range keys {
		d.connections[key].save(s)
	}
	places := slices.SortedFunc(maps.Keys(d.homes), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.symbol.Native, b.symbol.Native), cmp.Compare(a.list, b.list))
	})
	s.Count(len(places))
	for _, at := range places {
		home := d.homes[at]
		known := d.connections[home.key] == home // else it was forgotten
		s.Text(at.symbol.Native)
		s.Byte(at.list)
		s.Flags(known)
		if known {
			s.Text(home.key)
		}
	}
}

func (c *connection) save(s *market.Saver) {
	s.Text(c.key)
	s.Flags(c.begun, c.hole)
	s.Int(c.number)
	s.Int(c.time)
	s.Int(c.heard)
	s.Count(len(c.symbols))
	for i, sym := range c.symbols {
		s.Text(sym.Native)
		s.Int(int64(c.places[i]))
	}
}

// maxKey is the longest key of a record: Kafka takes records of a megabyte.
const maxKey = 1 << 20

// Load implements feed.Memory.
func (d *decoder) Load(l *market.Loader) {
	named := func(native []byte) (*market.Symbol, error) { return d.symbols.Named(native, symbolOf) }
	d.clock = l.Int()
	for range l.Count(maxConnections) {
		c := &connection{key: l.Text(maxKey)}
		l.Flags(&c.begun, &c.hole)
		c.number, c.time, c.heard = l.Int(), l.Int(), l.Int()
		for range l.Count(feed.MaxSymbols) {
			sym, n := feed.LoadSymbol(l, named), int(l.Int())
			if sym != nil {
				c.symbols, c.places = append(c.symbols, sym), append(c.places, n)
			}
		}
		d.connections[c.key] = c
	}
	forgotten := &connection{}
	for range l.Count(feed.MaxSymbols << 8) {
		at, home, known := place{symbol: feed.LoadSymbol(l, named), list: l.Byte()}, forgotten, false
		if l.Flags(&known); known {
			home = d.connections[l.Text(maxKey)]
		}
		l.Hold(home != nil)
		if at.symbol == nil || home == nil {
			continue
		}
		if home == forgotten { // it is left as if it were still there: what it holds is nobody's
			forgotten.join(at.symbol)
		} else if !slices.Contains(home.symbols, at.symbol) {
			l.Fail()
			return
		}
		d.homes[at] = home
	}
}
