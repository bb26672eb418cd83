package bitmex

import (
	"strings"

	"tapedeck/market"
)

// maxNative is the longest native name, in bytes.
const maxNative = 40

// isNative reports whether the venue could call an instrument so: XBTUSD, XBTU21, XBT_USDT; or an
// index, .BXBT.
func isNative(name string) bool {
	if len(name) == 0 || len(name) > maxNative || name[0] == '_' {
		return false
	}
	for i, c := range []byte(name) {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '.' && i == 0 && len(name) > 1) {
			return false
		}
	}
	return true
}

// quotes are the currencies that prices are in.
var quotes = []string{"USDT", "USDC", "USD", "EUR", "XBT", "ETH"}

// symbolOf names an instrument. A perpetual is called by its pair, XBTUSD, and is the pair's first here;
// what else is on the pair keeps its native name: spot XBT_USDT, the dated XBTU21, and ETHUSD_ETH, which
// is margined in another coin.
func symbolOf(native string) (market.Symbol, bool) {
	s := market.Symbol{Venue: "BITMEX", Name: native, Native: native, Kind: market.Perpetual}
	pair, suffix, joined := strings.Cut(native, "_")
	base, quote := split(pair)
	switch {
	case joined && base != suffix:
		s.Kind, base, quote = market.Spot, pair, suffix
	case joined:
	case isDated(native):
		s.Kind = market.Future
		base, quote = datedPair(native[:len(native)-3])
	case quote != "":
		s.Name = alias(base) + "-" + alias(quote)
	}
	s.Base, s.Quote = alias(base), alias(quote)
	return s, isNative(native)
}

func alias(currency string) string {
	if currency == "XBT" {
		return "BTC"
	}
	return currency
}

// split parts a pair at the longest quote that it ends with; "" if there is none.
func split(pair string) (base, quote string) {
	for _, q := range quotes {
		if len(q) > len(quote) && len(pair) > len(q) && strings.HasSuffix(pair, q) {
			quote = q
		}
	}
	if quote == "" {
		return "", ""
	}
	return pair[:len(pair)-len(quote)], quote
}

// isDated reports a name that ends with a month's letter and a year: XBTU21.
func isDated(native string) bool {
	n := len(native)
	return n > 3 && strings.IndexByte("FGHJKMNQUVXZ", native[n-3]) >= 0 && native[n-2]-'0' <= 9 && native[n-1]-'0' <= 9
}

// datedPair is the pair of a dated contract: XBTU21 is priced in dollars, XRPU21 in bitcoin, and others
// say it, as ETHUSDU21.
func datedPair(rest string) (base, quote string) {
	if base, quote = split(rest); quote != "" {
		return base, quote
	}
	if rest == "XBT" {
		return rest, "USD"
	}
	return rest, "XBT"
}
