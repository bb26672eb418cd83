package deribit

import (
	"strings"

	"tapedeck/market"
)

// maxNative is the longest native name, in bytes: the longest combinations have some 40.
const maxNative = 64

// symbolOf names an instrument; false if it cannot be one. A perpetual is called by its pair: BTC-PERPETUAL
// is BTC-USD, BTC_USDC-PERPETUAL is BTC-USDC. What else is on the pair keeps its native name: spot
// BTC_USDC, the dated BTC-24SEP21, options BTC-24SEP21-34000-P, combinations BTC-FS-24SEP21_PERP.
func symbolOf(native string) (market.Symbol, bool) {
	if !isNative(native) {
		return market.Symbol{}, false
	}
	s := market.Symbol{Venue: "DERIBIT", Name: native, Native: native}
	parts := strings.Split(native, "-")
	base, quote, joined := strings.Cut(parts[0], "_")
	if !joined {
		quote = "USD"
	}
	if base == "" || quote == "" {
		return market.Symbol{}, false
	}
	s.Base, s.Quote = base, quote
	switch n := len(parts); {
	case n == 1:
		s.Kind = market.Spot
		return s, joined
	case n == 2 && parts[1] == "PERPETUAL":
		s.Kind, s.Name = market.Perpetual, base+"-"+quote
		return s, true
	case n == 2:
		s.Kind = market.Future
		return s, isDate(parts[1])
	case n == 3 && parts[1] == "FS":
		s.Kind = market.Future
		return s, true
	}
	s.Kind = market.Option
	return s, true
}

func isNative(name string) bool {
	if len(name) == 0 || len(name) > maxNative || strings.Contains(name, "--") || name[len(name)-1] == '-' {
		return false
	}
	for _, c := range []byte(name) {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// isDate reports a date such as 24SEP21 or 3JUN22.
func isDate(s string) bool {
	n := len(s)
	return (n == 6 || n == 7) && digits(s[:n-5]) && digits(s[n-2:]) &&
		strings.Contains(" JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC ", " "+s[n-5:n-2]+" ")
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }
