package kraken

import (
	"strings"

	"tapedeck/market"
)

// maxNative is the longest native name, in bytes; the longest we know has 12.
const maxNative = 40

// aliases are assets that the venue calls otherwise than all others do. v2 does not any more.
var aliases = map[string]string{"XBT": "BTC", "XDG": "DOGE"}

// symbolOf makes BTC-USD of XBT/USD.
func symbolOf(native string) (market.Symbol, bool) {
	base, quote, _ := strings.Cut(native, "/")
	if len(native) > maxNative || !isAsset(base) || !isAsset(quote) {
		return market.Symbol{}, false
	}
	s := market.Symbol{Venue: venue, Native: native, Base: base, Quote: quote, Kind: market.Spot}
	if known, ok := aliases[base]; ok {
		s.Base = known
	}
	if known, ok := aliases[quote]; ok {
		s.Quote = known
	}
	s.Name = s.Base + "-" + s.Quote
	return s, true
}

// isAsset reports whether the venue could call an asset so; small letters are in those of stocks, AAPLx.
func isAsset(name string) bool {
	for _, c := range []byte(name) {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_') {
			return false
		}
	}
	return name != ""
}
