package kraken

import (
	"hash/crc32"
	"strconv"
	"sync"

	"tapedeck/market"
)

// check is the venue's checksum: of the digits of price and quantity of the ten best asks, then of the ten best
// bids, without points and the zeros before them.
var check = market.Check{Name: "kraken-crc32", Levels: 10, Sum: sum}

// texts are memory for what a checksum is of, which crc32 wants on the heap.
var texts = sync.Pool{New: func() any { return new([]byte) }}

func sum(bids, asks []market.Level) uint32 {
	text := texts.Get().(*[]byte)
	defer texts.Put(text)
	s := (*text)[:0]
	price, qty := decimals(bids, asks)
	for _, side := range [][]market.Level{asks, bids} {
		for _, l := range side {
			s = appendDigits(s, l.Price, price)
			s = appendDigits(s, l.Qty, qty)
		}
	}
	*text = s
	return crc32.ChecksumIEEE(s)
}

// decimals returns how many decimals prices and quantities have: the venue writes as many for all of a
// pair. Whoever has parsed its JSON and written it anew has cut off the zeros at the end of some; the
// venue's own examples are such.
func decimals(sides ...[]market.Level) (price, qty int) {
	for _, side := range sides {
		for _, l := range side {
			price, qty = max(price, l.Price.Scale()), max(qty, l.Qty.Scale())
		}
	}
	return price, qty
}

// appendDigits appends the digits of a number that has so many decimals, or fewer.
func appendDigits(s []byte, d market.Decimal, decimals int) []byte {
	if n, ok := d.Scaled(decimals); ok && n > 0 {
		return strconv.AppendInt(s, n, 10)
	}
	var buf [2 * market.MaxDigits]byte
	leading := true
	for _, c := range d.Append(buf[:0]) {
		leading = leading && (c == '0' || c == '.')
		if !leading && c != '.' {
			s = append(s, c)
		}
	}
	for range decimals - d.Scale() {
		s = append(s, '0')
	}
	return s
}
