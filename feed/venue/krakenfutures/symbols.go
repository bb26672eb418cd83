package krakenfutures

import (
	"strings"

	"tapedeck/market"
)

// quotes are what prices are in; a pair is a base and one of them, with nothing in between.
var quotes = []string{"USDT", "USDC", "USD", "EUR", "GBP", "XBT"}

// aliases are assets that the venue calls otherwise than all others do.
var aliases = map[string]string{"XBT": "BTC", "XDG": "DOGE"}

// maxNative is the longest native name, in bytes; the longest we know has 18.
const maxNative = 40

// symbolOf says what contract a native name is of: PI_XBTUSD is a perpetual, FI_XBTUSD_210924 dated; the second
// letter tells how it is margined, so that there are several on one pair: the native name is the name.
func symbolOf(native string) (market.Symbol, bool) {
	if len(native) > maxNative || !isNative(native) {
		return market.Symbol{}, false
	}
	part := strings.Split(native, "_")
	s := market.Symbol{Venue: Format.Venue, Name: native, Native: native}
	switch {
	case len(part) == 2 && len(part[0]) == 2 && part[0][0] == 'P':
		s.Kind = market.Perpetual
	case len(part) == 3 && len(part[0]) == 2 && part[0][0] == 'F' && isDate(part[2]):
		s.Kind = market.Future
	default:
		return market.Symbol{}, false
	}
	s.Base, s.Quote = split(part[1])
	return s, true
}

// isInverse reports whether a contract is of so many dollars, margined in its coin: PI_ and FI_.
func isInverse(s *market.Symbol) bool { return s.Native[1] == 'I' }

// isLinear reports whether a contract is of so much of the base, margined in dollars: PF_ and FF_.
func isLinear(s *market.Symbol) bool { return s.Native[1] == 'F' }

// split parts a pair into base and quote; "" if no quote is known.
func split(pair string) (base, quote string) {
	for _, q := range quotes {
		if b, ok := strings.CutSuffix(pair, q); ok && b != "" {
			return unified(b), unified(q)
		}
	}
	return "", ""
}

func unified(asset string) string {
	if known, ok := aliases[asset]; ok {
		return known
	}
	return asset
}

func isNative(name string) bool {
	for _, c := range []byte(name) {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

func isDate(s string) bool { return len(s) == 6 && strings.Trim(s, "0123456789") == "" }
