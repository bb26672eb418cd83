package kucoin

import (
	"strings"
	"unicode/utf8"

	"tapedeck/market"
)

// maxNative is the longest native name, in bytes; the longest we know has 19.
const maxNative = 40

// aliases are currencies that the venue calls by a name of its own.
var aliases = map[string]string{"XBT": "BTC", "BCHSV": "BSV"}

func currency(name string) string {
	if known, ok := aliases[name]; ok {
		return known
	}
	return name
}

// spotSymbol makes BSV-USDT of BCHSV-USDT; most names are unified already.
func spotSymbol(native string) (market.Symbol, bool) {
	base, quote, ok := strings.Cut(native, "-")
	if !ok || len(native) > maxNative || !isName(base) || !isName(quote) {
		return market.Symbol{}, false
	}
	s := market.Symbol{Native: native, Base: currency(base), Quote: currency(quote)}
	s.Name = s.Base + "-" + s.Quote
	return s, true
}

// futuresSymbol makes BTC-USDT of XBTUSDTM, a perpetual, of which there is one on each pair. A dated contract,
// XBTMU24 or XBTUSDTMU24, keeps its native name, as does what is named otherwise.
func futuresSymbol(native string) (market.Symbol, bool) {
	if len(native) > maxNative || !isName(native) {
		return market.Symbol{}, false
	}
	s := market.Symbol{Native: native, Name: native, Kind: market.Perpetual}
	pair, perpetual := strings.CutSuffix(native, "M")
	if !perpetual {
		s.Kind = market.Future
		if pair = undated(native); pair == "" {
			return s, true
		}
	}
	for _, quote := range []string{"USDT", "USDC", "USD"} {
		if base, ok := strings.CutSuffix(pair, quote); ok && base != "" {
			s.Base, s.Quote = currency(base), quote
		}
		if s.Base != "" {
			break
		}
	}
	switch {
	case s.Base == "" && !perpetual: // of a coin's future it does not say that it is in USD
		s.Base, s.Quote = currency(pair), "USD"
	case s.Base != "" && perpetual && !strings.HasPrefix(pair, "BTC"): // so Bitcoin would be called if it had no alias
		s.Name = s.Base + "-" + s.Quote
	}
	return s, true
}

// undated returns what is before the M, the letter of a month and the two digits of a year that a dated
// contract's name ends with; "" if it does not.
func undated(native string) string {
	n := len(native) - 4
	if n <= 0 || native[n] != 'M' || !strings.ContainsRune("FGHJKMNQUVXZ", rune(native[n+1])) || native[n+2]-'0' > 9 || native[n+3]-'0' > 9 {
		return ""
	}
	return native[:n]
}

// isName reports whether the venue could call a currency or a contract so: letters, which there are of other scripts too,
// digits, . and _.
func isName(name string) bool {
	for _, c := range []byte(name) {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c >= utf8.RuneSelf) {
			return false
		}
	}
	return name != "" && utf8.ValidString(name)
}
