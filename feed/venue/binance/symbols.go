package binance

import (
	"strings"
	"unicode/utf8"

	"tapedeck/market"
)

// quotes are the assets that prices are in. A native name is a base and one of them, with nothing in
// between; where several fit, the longest it is.
var quotes = []string{
	"USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDP", "PAX", "USDS", "USD1", "XUSD", "BFUSD", "RLUSD", "UST", "DAI", "VAI",
	"BTC", "ETH", "BNB", "XRP", "TRX", "DOGE", "DOT", "SOL",
	"EUR", "EURI", "AEUR", "GBP", "AUD", "TRY", "BRL", "RUB", "UAH", "NGN", "ZAR", "PLN", "RON", "ARS", "JPY", "MXN", "COP", "CZK", "IDR",
	"BIDR", "IDRT", "BKRW", "BVND",
}

// maxNative is the longest native name, in bytes; the longest we know has 18.
const maxNative = 40

// isNative reports whether the venue could call an instrument so: capitals, digits and _, or letters of
// other scripts (there is a contract with a Chinese name). A "-" would pass for what stands
// between base and quote in a unified name.
func isNative(name []byte) bool {
	if len(name) == 0 || len(name) > maxNative || !utf8.Valid(name) {
		return false
	}
	for _, c := range name {
		if !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c >= utf8.RuneSelf) {
			return false
		}
	}
	return true
}

// split parts a pair into base and quote; "" if no quote is known.
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

// spotSymbol makes BTC-USDT of BTCUSDT.
func spotSymbol(native string) market.Symbol { return unified(native, market.Spot) }

// usdmSymbol makes BTC-USDT of BTCUSDT, a perpetual. Dated futures of the same pair have a date behind
// it, BTCUSDT_240927, and keep their native name.
func usdmSymbol(native string) market.Symbol {
	if pair, suffix, ok := strings.Cut(native, "_"); ok {
		return contract(native, pair, suffix)
	}
	return unified(native, market.Perpetual)
}

// coinmSymbol keeps the native name, as in BTCUSD_PERP: several instruments on one pair is the rule here.
func coinmSymbol(native string) market.Symbol {
	pair, suffix, _ := strings.Cut(native, "_")
	s := contract(native, pair, suffix)
	if base, ok := strings.CutSuffix(pair, "USD"); ok && base != "" {
		s.Base, s.Quote = base, "USD"
	}
	return s
}

func unified(native string, kind market.Kind) market.Symbol {
	s := market.Symbol{Name: native, Native: native, Kind: kind}
	if s.Base, s.Quote = split(native); s.Quote != "" {
		s.Name = s.Base + "-" + s.Quote
	}
	return s
}

// contract is one of several instruments on a pair: its native name is its name.
func contract(native, pair, suffix string) market.Symbol {
	s := market.Symbol{Name: native, Native: native, Kind: market.Perpetual}
	s.Base, s.Quote = split(pair)
	if isDate(suffix) {
		s.Kind = market.Future
	}
	return s
}

func isDate(s string) bool {
	return len(s) == 6 && strings.Trim(s, "0123456789") == ""
}
