package cryptocom

import (
	"strings"

	"tapedeck/market"
)

// maxNative is the longest native name, in bytes.
const maxNative = 40

// symbolOf says what instrument a native name is of: BTC_USDT, BTCUSD-PERP, BTCUSD-261225, or an option,
// BTCUSD-261225-CW100000. All but the first keep it for a name, since each is one of several on its pair.
func symbolOf(native string) (market.Symbol, bool) {
	s := market.Symbol{Venue: Format.Venue, Name: native, Native: native}
	if len(native) > maxNative || !isNative(native) {
		return s, false
	}
	pair, rest, derived := strings.Cut(native, "-")
	if !derived {
		at := strings.LastIndexByte(native, '_')
		if at <= 0 || at == len(native)-1 {
			return s, false
		}
		s.Base, s.Quote = native[:at], native[at+1:]
		s.Name = s.Base + "-" + s.Quote
		return s, true
	}
	for _, quote := range []string{"USDT", "USDC", "USD"} {
		if base, ok := strings.CutSuffix(pair, quote); ok && base != "" {
			s.Base, s.Quote = base, quote
			break
		}
	}
	switch {
	case rest == "PERP":
		s.Kind = market.Perpetual
	case strings.Contains(rest, "-"):
		s.Kind = market.Option
	default:
		s.Kind = market.Future
	}
	return s, pair != "" && rest != ""
}

func isNative(name string) bool {
	for _, c := range []byte(name) {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return name != ""
}
