package feed

import (
	"fmt"

	"tapedeck/market"
)

// MaxSymbols is how many symbols one decoder, and so one partition, may bring: four times what the
// largest venue we know lists. A topic that invents names cannot grow memory beyond it.
const MaxSymbols = 16384

// Symbols are the instruments that a decoder has met. The same pointer is handed out for the same
// instrument for as long as the decoder lives. Once there are MaxSymbols of them, new ones are
// refused (BadSymbol) and those that are known go on. The methods allocate only for a new one.
type Symbols struct {
	only  func(*market.Symbol) bool
	known map[string]*market.Symbol
}

// unwanted stands for every symbol that Options.Only does not want.
var unwanted = new(market.Symbol)

// NewSymbols returns an empty set.
func NewSymbols(o Options) *Symbols {
	return &Symbols{only: o.Only, known: map[string]*market.Symbol{}}
}

// Find returns the symbol that was added under a key; nil if none was. If it is not wanted: Unused.
func (s *Symbols) Find(key []byte) (*market.Symbol, error) {
	sym := s.known[string(key)]
	if sym == unwanted {
		return nil, Unused
	}
	return sym, nil
}

// Named returns the symbol of a native name, and makes one of a name that is new with meet, which reports whether it can be:
// else BadSymbol. If it is not wanted: Unused.
func (s *Symbols) Named(native []byte, meet func(native string) (market.Symbol, bool)) (*market.Symbol, error) {
	sym, err := s.Find(native)
	if sym != nil || err != nil {
		return sym, err
	}
	made, ok := meet(string(native))
	if !ok {
		return nil, BadSymbol
	}
	return s.Add(native, made)
}

// Add makes a symbol known under a key: the decoder's own, by which it tells instruments apart.
func (s *Symbols) Add(key []byte, sym market.Symbol) (*market.Symbol, error) {
	if len(s.known) >= MaxSymbols {
		return nil, fmt.Errorf("%w: it is over the %d that one partition may have", BadSymbol, MaxSymbols)
	}
	if s.only != nil && !s.only(&sym) {
		s.known[string(key)] = unwanted
		return nil, Unused
	}
	s.known[string(key)] = &sym
	return &sym, nil
}
