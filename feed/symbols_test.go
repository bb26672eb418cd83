package feed

import (
	"errors"
	"strconv"
	"testing"

	"tapedeck/market"
)

func TestSymbolsAreHandedOutAgain(t *testing.T) {
	s := NewSymbols(DefaultOptions())
	if sym, err := s.Find([]byte("A")); sym != nil || err != nil {
		t.Fatalf("a symbol before the first: %v, %v", sym, err)
	}
	key := []byte("A")
	a, err := s.Add(key, market.Symbol{Name: "A"})
	if err != nil {
		t.Fatal(err)
	}
	key[0] = 'B' // the key is not kept
	if again, err := s.Find([]byte("A")); again != a || err != nil {
		t.Fatalf("found %v (%v), added %v", again, err, a)
	}
	if n := testing.AllocsPerRun(10, func() { s.Find([]byte("A")) }); n != 0 {
		t.Errorf("%v allocations to find a symbol", n)
	}
}

func TestOnlyIsAskedOnce(t *testing.T) {
	asked := 0
	s := NewSymbols(Options{Only: func(sym *market.Symbol) bool { asked++; return sym.Name == "A" }})
	if a, err := s.Add([]byte("A"), market.Symbol{Name: "A"}); a == nil || err != nil {
		t.Errorf("a wanted symbol: %v, %v", a, err)
	}
	if _, err := s.Add([]byte("B"), market.Symbol{Name: "B"}); !errors.Is(err, Unused) {
		t.Errorf("one that is not wanted: %v", err)
	}
	if b, err := s.Find([]byte("B")); b != nil || !errors.Is(err, Unused) {
		t.Errorf("found it later: %v, %v", b, err)
	}
	if asked != 2 {
		t.Errorf("asked %d times for two symbols", asked)
	}
}

func TestSymbolsAreBounded(t *testing.T) {
	s := NewSymbols(Options{Only: func(sym *market.Symbol) bool { return len(sym.Name)%2 == 0 }})
	for i := range MaxSymbols {
		key := strconv.Itoa(i)
		if _, err := s.Add([]byte(key), market.Symbol{Name: key}); err != nil && !errors.Is(err, Unused) {
			t.Fatalf("symbol %d: %v", i, err)
		}
	}
	if _, err := s.Add([]byte("more"), market.Symbol{Name: "more"}); !errors.Is(err, BadSymbol) {
		t.Errorf("one more than there may be: %v", err)
	}
	if sym, err := s.Find([]byte("10")); sym == nil || err != nil {
		t.Errorf("a known one: %v, %v", sym, err)
	}
}
