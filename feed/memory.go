package feed

import (
	"cmp"
	"slices"

	"tapedeck/market"
)

// Memory is what a decoder remembers from record to record, as a checkpoint holds it. Every decoder whose scope is more
// than a record has it; of one that does not there are no checkpoints.
type Memory interface {
	// Save appends all that the events of later records depend on.
	Save(s *market.Saver)
	// Load reads it into a new decoder. What is of symbols that are not wanted is left out; the Loader's Err says what is wrong.
	Load(l *market.Loader)
}

// MemoryOf returns a decoder's memory. It is nil where nothing is remembered; false if it cannot be saved.
func MemoryOf(f *Format, d Decoder) (Memory, bool) {
	m, ok := d.(Memory)
	return m, ok || f.Scope == ScopeRecord
}

// Check returns the checksum of that name, nil if no book of the format carries it.
func (f *Format) Check(name string) *market.Check {
	for _, c := range f.Checks {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// SaveEach appends what is remembered of each symbol, by their native names in order: equal memories are equal bytes.
func SaveEach[M any](s *market.Saver, of map[*market.Symbol]M, save func(M)) {
	symbols := make([]*market.Symbol, 0, len(of))
	for sym := range of {
		symbols = append(symbols, sym)
	}
	slices.SortFunc(symbols, func(a, b *market.Symbol) int { return cmp.Compare(a.Native, b.Native) })
	s.Count(len(symbols))
	for _, sym := range symbols {
		s.Text(sym.Native)
		save(of[sym])
	}
}

// LoadEach reads what SaveEach wrote.
func LoadEach[M any](l *market.Loader, of map[*market.Symbol]M, named func(native []byte) (*market.Symbol, error), load func() M) {
	for range l.Count(MaxSymbols) {
		sym := LoadSymbol(l, named)
		m := load()
		if l.Err() != nil {
			return
		}
		if sym != nil {
			of[sym] = m
		}
	}
}

// LoadSymbol reads a native name and returns its symbol; nil if it is not wanted.
func LoadSymbol(l *market.Loader, named func(native []byte) (*market.Symbol, error)) *market.Symbol {
	sym, err := named(l.Bytes(1 << 10))
	l.Hold(err == nil || err == Unused)
	return sym
}
