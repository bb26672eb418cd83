package okx

import (
	"slices"
	"strings"

	"tapedeck/market"
)

// maxNative is the longest native name, in bytes; the longest we know has 23.
const maxNative = 40

// symbolOf says what instrument a native name is of: BTC-USDT, BTC-USDT-SWAP, BTC-USD-220527 or
// BTC-USD-220527-42000-C. All but the first have their native name for a name, since each is one of several
// on its pair.
func symbolOf(native string) (market.Symbol, bool) {
	if len(native) > maxNative || !isNative(native) {
		return market.Symbol{}, false
	}
	part := strings.Split(native, "-")
	if slices.Contains(part, "") {
		return market.Symbol{}, false
	}
	s := market.Symbol{Venue: Format.Venue, Name: native, Native: native}
	switch {
	case len(part) == 2:
		s.Kind = market.Spot
	case len(part) == 3 && part[2] == "SWAP":
		s.Kind = market.Perpetual
	case len(part) == 3 && isDate(part[2]):
		s.Kind = market.Future
	case len(part) == 5 && isDate(part[2]) && (part[4] == "C" || part[4] == "P"):
		s.Kind = market.Option
	default:
		return market.Symbol{}, false
	}
	s.Base = part[0]
	s.Quote, _, _ = strings.Cut(part[1], "_") // BTC-USD_UM-SWAP is margined in several currencies
	return s, true
}

func isNative(name string) bool {
	for _, c := range []byte(name) {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

func isDate(s string) bool { return len(s) == 6 && strings.Trim(s, "0123456789") == "" }
