package hyperliquid

import (
	"strings"

	"tapedeck/market"
)

// maxNative is the longest native name, in bytes; the longest we know has 15.
const maxNative = 40

// symbolOf says what instrument a coin is: BTC is a perpetual against the dollar, PURR/USDC and @107 are spot,
// and xyz:TSLA is a perpetual of one of the exchanges that others run on this one.
func symbolOf(native string) (market.Symbol, bool) {
	if len(native) > maxNative {
		return market.Symbol{}, false
	}
	s := market.Symbol{Venue: Format.Venue, Name: native, Native: native, Kind: market.Perpetual}
	base, quote, pair := strings.Cut(native, "/")
	dex, coin, other := strings.Cut(native, ":")
	index, numbered := strings.CutPrefix(native, "@")
	switch {
	case pair:
		s.Kind, s.Base, s.Quote = market.Spot, base, quote
		s.Name = base + "-" + quote
		return s, isCoin(base) && isCoin(quote)
	case numbered:
		s.Kind = market.Spot
		return s, index != "" && strings.Trim(index, "0123456789") == ""
	case other:
		s.Base, s.Quote = coin, "USD"
		return s, isCoin(dex) && isCoin(coin)
	}
	s.Base, s.Quote = native, "USD"
	s.Name = native + "-USD"
	return s, isCoin(native)
}

func isCoin(name string) bool {
	for _, c := range []byte(name) {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return name != ""
}
