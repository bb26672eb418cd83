package coinbaseadvanced

import (
	"strings"

	"tapedeck/market"
)

// maxNative is the longest native name, in bytes; the longest we know has 20.
const maxNative = 40

// symbolOf makes a symbol of a native name: BTC-USD, or BTC-PERP-INTX and BIT-28JUL23-CDE, whose last part
// is where the contract is listed. Contracts keep their native names.
func symbolOf(native string) (market.Symbol, bool) {
	if len(native) > maxNative {
		return market.Symbol{}, false
	}
	parts := strings.Split(native, "-")
	for _, p := range parts {
		if !isPart(p) {
			return market.Symbol{}, false
		}
	}
	s := market.Symbol{Venue: venue, Name: native, Native: native}
	switch {
	case len(parts) == 2:
		s.Base, s.Quote = parts[0], parts[1]
	case len(parts) != 3:
		return market.Symbol{}, false
	case parts[1] == "PERP":
		s.Kind, s.Base = market.Perpetual, parts[0]
	default:
		s.Kind = market.Future
	}
	return s, true
}

func isPart(p string) bool {
	for _, c := range []byte(p) {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(p) > 0
}
