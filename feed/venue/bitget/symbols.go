package bitget

import (
	"strings"
	"unicode/utf8"

	"tapedeck/market"
)

// maxNative is the longest native name, in bytes; the longest we know has 20.
const maxNative = 40

// isNative reports whether the venue could call an instrument so: letters, digits and _, or letters of other scripts.
// A "-" would pass for what stands between base and quote in a unified name.
func isNative(name []byte) bool {
	if len(name) == 0 || len(name) > maxNative || !utf8.Valid(name) {
		return false
	}
	for _, c := range name {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c >= utf8.RuneSelf) {
			return false
		}
	}
	return true
}

// quotes are the assets that spot's prices are in. A native name is a base and one of them, with nothing in
// between; where several fit, the longest it is.
var quotes = []string{"USDT", "USDC", "USD1", "USDE", "BTC", "ETH", "EUR", "BRL", "TRY", "UAH", "BGB", "USD"}

// spotSymbol makes BTC-USDT of BTCUSDT.
func spotSymbol(native string) (market.Symbol, bool) {
	s := market.Symbol{Native: native, Name: native}
	for _, q := range quotes {
		if base, ok := strings.CutSuffix(native, q); ok && base != "" && len(q) > len(s.Quote) {
			s.Base, s.Quote = base, q
			s.Name = base + "-" + q
		}
	}
	return s, true
}

// usdtSymbol makes BTC-USDT of BTCUSDT, usdcSymbol BTC-USDC of BTCPERP, and coinSymbol BTC-USD of BTCUSD, which all are
// perpetual. A dated contract has the letter of a month and a year behind it, BTCUSDM25, and keeps its native name.
func usdtSymbol(native string) (market.Symbol, bool) { return contract(native, "USDT", "USDT"), true }

func usdcSymbol(native string) (market.Symbol, bool) { return contract(native, "PERP", "USDC"), true }

func coinSymbol(native string) (market.Symbol, bool) { return contract(native, "USD", "USD"), true }

func contract(native, suffix, quote string) market.Symbol {
	s := market.Symbol{Native: native, Name: native, Kind: market.Perpetual}
	pair := native
	if n := len(native) - 3; n > 0 && strings.Contains("FGHJKMNQUVXZ", native[n:n+1]) && native[n+1]-'0' <= 9 && native[n+2]-'0' <= 9 {
		s.Kind, pair = market.Future, native[:n]
	}
	if base, ok := strings.CutSuffix(pair, suffix); ok && base != "" {
		s.Base, s.Quote = base, quote
		if s.Kind == market.Perpetual {
			s.Name = base + "-" + quote
		}
	}
	return s
}
