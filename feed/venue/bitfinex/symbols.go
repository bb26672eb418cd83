package bitfinex

import (
	"bytes"
	"strings"

	"tapedeck/market"
)

// maxNative is the longest native name, in bytes.
const maxNative = 40

// aliases are currencies that others call otherwise.
var aliases = map[string]string{"UST": "USDT", "UDC": "USDC", "DSH": "DASH"}

func alias(currency string) string {
	if other, ok := aliases[currency]; ok {
		return other
	}
	return currency
}

// symbolOf names an instrument; false if it cannot be one. A pair is two currencies of three letters, tBTCUSD, or
// any two with a colon between, tDOGE:USD. Of a derivative both end in F0, tBTCF0:USTF0: it keeps its native
// name, since the pair is called by spot.
func symbolOf(native []byte) (market.Symbol, bool) {
	if len(native) < 2 || len(native) > maxNative || native[0] != 't' || bytes.Count(native, []byte{':'}) > 1 {
		return market.Symbol{}, false
	}
	for _, c := range native[1:] {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == ':' || c == '.') {
			return market.Symbol{}, false
		}
	}
	s := market.Symbol{Venue: "BITFINEX", Name: string(native), Native: string(native)}
	base, quote, ok := strings.Cut(s.Native[1:], ":")
	if !ok && len(base) == 6 {
		base, quote = base[:3], base[3:]
	}
	if ok && (base == "" || quote == "") {
		return market.Symbol{}, false
	}
	if quote == "" {
		return s, true
	}
	b, perpetual := strings.CutSuffix(base, "F0")
	q, perpetual2 := strings.CutSuffix(quote, "F0")
	if perpetual && perpetual2 && b != "" && q != "" {
		s.Kind, s.Base, s.Quote = market.Perpetual, alias(b), alias(q)
		return s, true
	}
	s.Base, s.Quote = alias(base), alias(quote)
	s.Name = s.Base + "-" + s.Quote
	return s, true
}
