package bybit

import (
	"strings"
	"unicode/utf8"

	"tapedeck/market"
)

// maxNative is the longest native name, in bytes; the longest we know has 25.
const maxNative = 40

// isNative reports whether the venue could call an instrument so: letters, which there are of other scripts too, digits,
// -, _ and the . of a strike.
func isNative(name []byte) bool {
	for _, c := range name {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c >= utf8.RuneSelf) {
			return false
		}
	}
	return len(name) > 0 && len(name) <= maxNative && utf8.Valid(name)
}

// quotes are the assets that spot's prices are in. A native name is a base and one of them, with nothing in
// between; where several fit, the longest it is.
var quotes = []string{
	"USDT", "USDC", "USDE", "USD1", "XUSD", "RLUSD", "USDQ", "USDR", "DAI", "BTC", "ETH", "SOL", "MNT", "BRZ",
	"EUR", "EURQ", "EURR", "GBP", "TRY", "BRL", "PLN", "AED", "ARS", "IDR", "KZT", "VND", "USD",
}

// spotSymbol makes BTC-USDT of BTCUSDT.
func spotSymbol(native string) (market.Symbol, bool) {
	if strings.Contains(native, "-") {
		return market.Symbol{}, false
	}
	s := market.Symbol{Native: native, Name: native}
	for _, q := range quotes {
		if base, ok := strings.CutSuffix(native, q); ok && base != "" && len(q) > len(s.Quote) {
			s.Base, s.Quote = base, q
			s.Name = base + "-" + q
		}
	}
	return s, true
}

// linearSymbol makes BTC-USDT of BTCUSDT and BTC-USDC of BTCPERP, which are perpetual. Dated contracts,
// BTCUSDT-27JUN25 and BTC-27JUN25, keep their native names.
func linearSymbol(native string) (market.Symbol, bool) {
	s := market.Symbol{Native: native, Name: native, Kind: market.Perpetual}
	pair, date, dated := strings.Cut(native, "-")
	if dated {
		s.Kind = market.Future
		if !isDate(date) || pair == "" {
			return s, false
		}
	}
	if base, ok := strings.CutSuffix(pair, "USDT"); ok && base != "" {
		s.Base, s.Quote = base, "USDT"
	} else if base, ok := strings.CutSuffix(pair, "PERP"); ok && base != "" && !dated {
		s.Base, s.Quote = base, "USDC"
	} else if dated {
		s.Base, s.Quote = pair, "USDC"
	}
	if s.Base != "" && !dated {
		s.Name = s.Base + "-" + s.Quote
	}
	return s, true
}

// inverseSymbol makes BTC-USD of BTCUSD, a perpetual. A dated contract, BTCUSDM25, keeps its native name.
func inverseSymbol(native string) (market.Symbol, bool) {
	s := market.Symbol{Native: native, Name: native, Kind: market.Perpetual}
	base, month, ok := strings.Cut(native, "USD")
	switch {
	case !ok || base == "" || strings.Contains(native, "-"):
		return s, false
	case month == "":
		s.Name = base + "-USD"
	case len(month) == 3 && strings.Contains("FGHJKMNQUVXZ", month[:1]) && isNumber(month[1:]):
		s.Kind = market.Future
	default:
		return s, false
	}
	s.Base, s.Quote = base, "USD"
	return s, true
}

// optionSymbol takes BTC-6JAN23-17500-C apart, which may have -USDT behind it.
func optionSymbol(native string) (market.Symbol, bool) {
	s := market.Symbol{Native: native, Name: native, Kind: market.Option, Quote: "USD"}
	part := strings.Split(native, "-")
	if len(part) == 5 && part[4] != "" {
		s.Quote = part[4]
	} else if len(part) != 4 {
		return s, false
	}
	s.Base = part[0]
	return s, s.Base != "" && isDate(part[1]) && part[2] != "" && (part[3] == "C" || part[3] == "P")
}

// isDate tells 6JAN23 and 27JUN25.
func isDate(s string) bool {
	n := len(s) - 5
	return n >= 1 && n <= 2 && isNumber(s[:n]) && isNumber(s[n+3:]) && strings.Index("JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", s[n:n+3])%3 == 0
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
