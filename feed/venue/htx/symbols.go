package htx

import (
	"strings"
	"unicode/utf8"

	"tapedeck/market"
)

// quotes are the assets that spot's prices are in. A native name is a base and one of them, with nothing in between;
// where several fit, the longest it is.
var quotes = []string{"usdt", "usdc", "usdd", "usd1", "husd", "btc", "eth", "ht", "htx", "trx", "eur", "euroc", "gbp", "brl", "rub", "try", "uah"}

// maxNative is the longest native name, in bytes; the longest we know has 18.
const maxNative = 40

// spotSymbol makes BTC-USDT of btcusdt. A name that ends with no quote that we know stays as it is.
func spotSymbol(native string) (market.Symbol, bool) {
	if !isName(native, 'a', 'z') {
		return market.Symbol{}, false
	}
	s := market.Symbol{Native: native, Name: native}
	quote := ""
	for _, q := range quotes {
		if len(q) > len(quote) && len(native) > len(q) && strings.HasSuffix(native, q) {
			quote = q
		}
	}
	if quote != "" {
		s.Base, s.Quote = strings.ToUpper(strings.TrimSuffix(native, quote)), strings.ToUpper(quote)
		s.Name = s.Base + "-" + s.Quote
	}
	return s, true
}

// swapSymbol takes BTC-USDT and BTC-USD, perpetuals, of which there is one on each pair: those are their names here
// too. A dated contract of the same pair has a date behind it, or says that it is the week's or the quarter's.
func swapSymbol(native string) (market.Symbol, bool) {
	part := strings.Split(native, "-")
	if len(part) < 2 || len(part) > 3 || len(native) > maxNative {
		return market.Symbol{}, false
	}
	for _, p := range part {
		if !isName(p, 'A', 'Z') {
			return market.Symbol{}, false
		}
	}
	s := market.Symbol{Native: native, Name: native, Base: part[0], Quote: part[1], Kind: market.Perpetual}
	if len(part) == 3 {
		s.Kind = market.Future
	}
	return s, true
}

// isName reports whether the venue could call something so: letters of one case, of other scripts too, and digits.
func isName(name string, from, to byte) bool {
	for _, c := range []byte(name) {
		if !(c >= from && c <= to || c >= '0' && c <= '9' || c >= utf8.RuneSelf) {
			return false
		}
	}
	return name != "" && len(name) <= maxNative && utf8.ValidString(name)
}
