package bitfinex

import (
	"hash/crc32"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// check is the venue's checksum, which a message of its own has: [number, "cs", sum].
var check = market.Check{Name: "bitfinex", Levels: 25, Sum: checksum}

// checksum is of bid:amount:ask:-amount:… as JavaScript writes numbers. Where a side has fewer levels, the
// other's go on.
func checksum(bids, asks []market.Level) uint32 {
	sum := uint32(0)
	first := true
	var buf [96]byte
	add := func(l market.Level, sign string) {
		b := buf[:0]
		if !first {
			b = append(b, ':')
		}
		first = false
		b = append(appendNumber(b, l.Price), ':')
		b = appendNumber(append(b, sign...), l.Qty)
		sum = crc32.Update(sum, crc32.IEEETable, b)
	}
	for i := range max(len(bids), len(asks)) {
		if i < len(bids) {
			add(bids[i], "")
		}
		if i < len(asks) {
			add(asks[i], "-")
		}
	}
	return sum
}

// appendNumber writes a number as JavaScript does: without zeros at its end, and below 0.000001 with an
// exponent.
func appendNumber(dst []byte, d market.Decimal) []byte {
	from := len(dst)
	dst = d.Append(dst)
	if d.Scale() > 0 {
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
		if dst[len(dst)-1] == '.' {
			dst = dst[:len(dst)-1]
		}
	}
	const small = "0.000000"
	text := dst[from:]
	if len(text) <= len(small) || string(text[:len(small)]) != small {
		return dst
	}
	i := len("0.")
	for text[i] == '0' {
		i++
	}
	exponent := i - 1
	n := copy(text[1:], text[i:])
	text[0] = text[1]
	if n == 1 {
		dst = dst[:from+1]
	} else {
		text[1] = '.'
		dst = dst[:from+1+n]
	}
	dst = append(dst, 'e', '-')
	if exponent >= 10 {
		dst = append(dst, byte('0'+exponent/10))
	}
	return append(dst, byte('0'+exponent%10))
}

// book decodes a book, a change of one level, several changes where the connection asked for them together,
// or a checksum.
func (d *decoder) book(b *market.Batch, conn *connection, ch *channel) error {
	m := &d.message
	switch {
	case conn.late:
		return feed.Ignored // newer ones were read: this would be a book of the past
	case string(m.word) == "cs":
		return d.checksum(b, ch)
	case m.word != nil:
		return feed.UnknownKind
	case m.payload.Kind != scan.Array:
		return errForm
	}
	k := b.Book(ch.symbol, m.time)
	k.Depth = ch.depth
	c := m.Cursor.Into(m.payload)
	c.Array()
	if !c.At('[') && !c.At(']') {
		ch.fresh = false
		if !m.unpack(&m.Cursor, m.payload) || !m.level(k) {
			return errForm
		}
		return nil
	}
	k.Snapshot = ch.fresh || !conn.bulk
	for c.More() {
		if !m.row(&c) || !m.level(k) {
			return errForm
		}
	}
	ch.fresh = false
	return nil
}

// level adds [price, count, amount] to an event: a count of 0 removes it, and the amount's sign is the side.
func (m *message) level(k *market.Book) bool {
	price, ok := m.price(0)
	count, counts := m.size(1)
	amount, ok2 := m.signed(2)
	if !ok || !counts || !ok2 || m.count != 3 || amount.IsZero() {
		return false
	}
	l := market.Level{Price: price, Qty: amount}
	if amount.Neg() {
		l.Qty = amount.Abs()
	}
	if count.IsZero() {
		l.Qty = market.Int(0)
	}
	if amount.Neg() {
		k.Asks = append(k.Asks, l)
	} else {
		k.Bids = append(k.Bids, l)
	}
	return true
}

// checksum decodes a sum, which is signed.
func (d *decoder) checksum(b *market.Batch, ch *channel) error {
	m := &d.message
	sum, ok := m.Cursor.Int(m.payload)
	if !ok || sum < -1<<31 || sum >= 1<<31 {
		return errForm
	}
	k := b.Book(ch.symbol, m.time)
	k.Depth, k.Check, k.Sum = ch.depth, &check, uint32(int32(sum))
	return nil
}
