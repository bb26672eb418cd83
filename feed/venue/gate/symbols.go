package gate

import (
	"strings"
	"unicode/utf8"

	"tapedeck/market"
)

// maxNative is the longest native name, in bytes; the longest we know has 24.
const maxNative = 40

// isNative reports whether the venue could call an instrument so: capitals and small letters, digits and _, or letters
// of other scripts. A "-" would pass for what stands between base and quote in a unified name.
func isNative(name []byte) bool {
	if len(name) == 0 || len(name) > maxNative || !utf8.Valid(name) {
		return false
	}
	for _, c := range name {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c >= utf8.RuneSelf) {
			return false
		}
	}
	return true
}

// spotSymbol makes BTC-USDT of BTC_USDT.
func spotSymbol(native string) (market.Symbol, bool) {
	base, quote, _ := strings.Cut(native, "_")
	s := market.Symbol{Native: native, Name: base + "-" + quote, Base: base, Quote: quote}
	return s, base != "" && quote != "" && !strings.Contains(quote, "_")
}

// futuresSymbol makes BTC-USDT of BTC_USDT, a perpetual. A dated contract of the same pair has a date behind it,
// BTC_USDT_20241227, and keeps its native name.
func futuresSymbol(native string) (market.Symbol, bool) {
	part := strings.Split(native, "_")
	if len(part) == 3 && len(part[2]) == 8 && strings.Trim(part[2], "0123456789") == "" {
		s := market.Symbol{Native: native, Name: native, Base: part[0], Quote: part[1], Kind: market.Future}
		return s, s.Base != "" && s.Quote != ""
	}
	s, ok := spotSymbol(native)
	s.Kind = market.Perpetual
	return s, ok
}
