package coinbaseadvanced

import (
	"bytes"

	"tapedeck/feed"
	"tapedeck/market"
)

// maxNative is the longest native name, in bytes; the longest we know has 20.
const maxNative = 40

// meet makes a symbol of a name that is new: BTC-USD, or BTC-PERP-INTX and BIT-28JUL23-CDE, whose last part
// is where the contract is listed. Contracts keep their native names.
func (d *decoder) meet(native []byte) (*market.Symbol, error) {
	if len(native) > maxNative {
		return nil, feed.BadSymbol
	}
	parts := bytes.Split(native, []byte("-"))
	for _, p := range parts {
		if !isPart(p) {
			return nil, feed.BadSymbol
		}
	}
	name := string(native)
	s := market.Symbol{Venue: venue, Name: name, Native: name}
	switch {
	case len(parts) == 2:
		s.Base, s.Quote = string(parts[0]), string(parts[1])
	case len(parts) != 3:
		return nil, feed.BadSymbol
	case string(parts[1]) == "PERP":
		s.Kind, s.Base = market.Perpetual, string(parts[0])
	default:
		s.Kind = market.Future
	}
	return d.symbols.Add(native, s)
}

func isPart(p []byte) bool {
	for _, c := range p {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(p) > 0
}
