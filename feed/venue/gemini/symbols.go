package gemini

import "strings"

// quotes are the assets that prices are in. A pair is a base and one of them, with nothing in between;
// where several fit, the longest it is.
var quotes = []string{"USD", "EUR", "GBP", "SGD", "USDT", "USDC", "RLUSD", "BTC", "ETH", "BCH", "LTC", "SOL", "DAI", "FIL"}

// inGUSD are the spot pairs in GUSD. Of the others that end so the base ends with G, as in PAXGUSD.
var inGUSD = map[string]bool{"BTCGUSD": true, "ETHGUSD": true}

// split parts a pair into base and quote; "" if no quote is known. All perpetuals in GUSD are.
func split(pair string, perpetual bool) (base, quote string) {
	if base, ok := strings.CutSuffix(pair, "GUSD"); ok && base != "" && (perpetual || inGUSD[pair]) {
		return base, "GUSD"
	}
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
