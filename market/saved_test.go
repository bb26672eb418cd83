package market_test

import (
	"bytes"
	"errors"
	"testing"

	"tapedeck/market"
)

func TestSavedValues(t *testing.T) {
	var s market.Saver
	var sum, lost market.Sum
	var decimals []market.Decimal
	for _, text := range []string{"0", "0.00", "-1.50", "79228162514264337593543950", "9999999999999999999999999999", "0.0000000000000000000000000001", "18446744073709551616"} {
		d, ok := market.ParseDecimal([]byte(text))
		if !ok {
			t.Fatal(text)
		}
		decimals = append(decimals, d)
		s.Decimal(d)
		sum.AddProduct(d.Abs(), decimals[0])
		sum.Add(d.Abs())
	}
	lost.Lost = true
	s.Decimal(market.Decimal{})
	s.Sum(&sum)
	s.Sum(&lost)
	id, _ := market.MakeID("a-1")
	trade := market.Trade{Price: decimals[2], Qty: decimals[0], Time: -5, ID: id, Side: market.Sell}
	s.Trade(&trade)
	sym := market.Symbol{Venue: "V", Name: "A-B", Native: "ab", Base: "A", Quote: "B", Kind: market.Future}
	s.Symbol(&sym)
	levels := []market.Level{{Price: decimals[1], Qty: decimals[3]}}
	s.Levels(levels)

	l := market.NewLoader(s.Out)
	for i, want := range decimals {
		if got := l.Decimal(); got != want {
			t.Errorf("decimal %d: %v", i, got)
		}
	}
	if l.Decimal().Set() || l.Sum() != sum || l.Sum() != lost || l.Trade() != trade || l.Symbol() != sym {
		t.Error("something else came back")
	}
	if got := l.Levels(nil, 1); len(got) != 1 || got[0] != levels[0] {
		t.Errorf("levels %v", got)
	}
	if err := l.End(); err != nil {
		t.Fatal(err)
	}
	for cut := range s.Out {
		l := market.NewLoader(s.Out[:cut])
		for range len(decimals) + 1 {
			l.Decimal()
		}
		l.Sum()
		l.Sum()
		l.Trade()
		l.Symbol()
		l.Levels(nil, 1)
		if !errors.Is(l.End(), market.ErrSaved) {
			t.Fatalf("cut at %d of %d, and nothing was said", cut, len(s.Out))
		}
	}
}

// What claims more than it holds is refused before memory is taken for it.
func TestSavedClaims(t *testing.T) {
	var s market.Saver
	s.Uint(1 << 60)
	for name, read := range map[string]func(*market.Loader){
		"levels": func(l *market.Loader) { l.Levels(nil, 1<<62) },
		"text":   func(l *market.Loader) { l.Text(1 << 62) },
		"scale":  func(l *market.Loader) { *l = *market.NewLoader([]byte{29<<3 | 1, 1}); l.Decimal() },
		"digits": func(l *market.Loader) {
			*l = *market.NewLoader(append([]byte{1<<2 | 1}, bytes.Repeat([]byte{0xff, 0xff, 0xff, 0xff, 0x0f}, 3)...))
			l.Decimal()
		},
	} {
		l := market.NewLoader(s.Out)
		if read(l); l.Err() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
