package upbit

import (
	"strings"

	"tapedeck/market"
)

// maxNative is the longest native name, in bytes.
const maxNative = 40

// symbolOf names a market, which the venue calls quote first: KRW-BTC is BTC-KRW.
func symbolOf(native string) (market.Symbol, bool) {
	quote, base, _ := strings.Cut(native, "-")
	s := market.Symbol{Venue: Format.Venue, Name: base + "-" + quote, Native: native, Base: base, Quote: quote}
	return s, len(native) <= maxNative && isCurrency(base) && isCurrency(quote)
}

func isCurrency(name string) bool {
	for _, c := range []byte(name) {
		if !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
			return false
		}
	}
	return name != ""
}
