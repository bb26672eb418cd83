package itch

import (
	"encoding/binary"
	"fmt"
	"strings"

	"tapedeck/feed"
	"tapedeck/market"
)

// message is one message: its type (1 byte), the stock's number of the day (2), Nasdaq's tracking number (2), the time in
// ns since midnight in New York (6), and what its type has. All numbers are unsigned, the first byte the highest.
type message []byte

func (m message) locate() int       { return int(binary.BigEndian.Uint16(m[1:])) }
func (m message) ns() int64         { return int64(binary.BigEndian.Uint64(m[3:]) & (1<<48 - 1)) }
func (m message) u32(at int) uint32 { return binary.BigEndian.Uint32(m[at:]) }
func (m message) u64(at int) uint64 { return binary.BigEndian.Uint64(m[at:]) }

// kind is a type of message, and where its fields are.
type kind struct {
	name   string
	length int
	stock  int    // where its symbol is, 8 letters with spaces behind; 0: it is not read
	refs   []int  // numbers of orders, which are above 0 (8 bytes)
	counts []int  // shares and prices that are above 0 (4 bytes)
	letter int    // where a letter is
	of     string // that must be one of these
	decode func(*decoder, *market.Batch, message, *stock)
	all    func(*decoder, *market.Batch, message) // of one that concerns every stock
	// ignored is said of a type without either.
	ignored error
}

func ignored(name string, length int) kind {
	return kind{name: name, length: length, ignored: fmt.Errorf("%w: %s", feed.Ignored, name)}
}

// kinds are the types of messages by their letter. Lengths and places are those of the specification's tables.
var kinds = [256]kind{
	'S': {name: "system event", length: 12, all: (*decoder).systemEvent},
	'R': {name: "stock directory", length: 39, stock: 11, letter: 25, of: "YN", decode: (*decoder).directory},
	'H': {name: "stock trading action", length: 25, stock: 11, letter: 19, of: "HPQT", decode: (*decoder).tradingAction},
	'h': {name: "operational halt", length: 21, stock: 11, letter: 20, of: "HT", decode: (*decoder).operationalHalt},
	'W': {name: "market-wide circuit breaker status", length: 12, all: (*decoder).breaker},

	'A': {name: "add order", length: 36, stock: 24, refs: []int{11}, counts: []int{20, 32}, letter: 19, of: "BS", decode: (*decoder).add},
	'F': {name: "add order with attribution", length: 40, stock: 24, refs: []int{11}, counts: []int{20, 32}, letter: 19, of: "BS", decode: (*decoder).add},
	'E': {name: "order executed", length: 31, refs: []int{11}, counts: []int{19}, decode: (*decoder).execute},
	'C': {name: "order executed with price", length: 36, refs: []int{11}, counts: []int{19, 32}, letter: 31, of: "YN", decode: (*decoder).executeAt},
	'X': {name: "order cancel", length: 23, refs: []int{11}, counts: []int{19}, decode: (*decoder).cancel},
	'D': {name: "order delete", length: 19, refs: []int{11}, decode: (*decoder).remove},
	'U': {name: "order replace", length: 35, refs: []int{11, 19}, counts: []int{27, 31}, decode: (*decoder).replace},
	'P': {name: "trade", length: 44, stock: 24, counts: []int{20, 32}, letter: 19, of: "BS", decode: (*decoder).hidden},
	'Q': {name: "cross trade", length: 40, stock: 19, decode: (*decoder).cross},

	'B': ignored("broken trade", 19),
	'Y': ignored("short sale restriction", 20),
	'L': ignored("market participant position", 26),
	'V': ignored("market-wide circuit breaker levels", 35),
	'K': ignored("IPO quoting period", 28),
	'J': ignored("auction collar", 35),
	'I': ignored("net order imbalance", 50),
	'N': ignored("retail interest", 20),
	'O': ignored("direct listing with capital raise", 48),
}

// day is a day in ns.
const day = 24 * 3600 * 1e9

// check reports what of a message cannot be. One of a type that we do not know is passed.
func check(m message) error {
	k := &kinds[m[0]]
	switch {
	case k.name == "":
		return nil
	case len(m) < k.length:
		return fmt.Errorf("%w: a message of %s has %d bytes, this one %d", feed.MissingField, k.name, k.length, len(m))
	case len(m) > k.length:
		return fmt.Errorf("%w: a message of %s has %d bytes, this one %d", feed.BadValue, k.name, k.length, len(m))
	case m.ns() >= day:
		return fmt.Errorf("%w: the time of a %s, %d ns, is of no day", feed.BadValue, k.name, m.ns())
	case k.stock > 0 && !isName(m[k.stock:k.stock+8]):
		return fmt.Errorf("%w: %q in a %s", feed.BadSymbol, m[k.stock:k.stock+8], k.name)
	case k.letter > 0 && strings.IndexByte(k.of, m[k.letter]) < 0:
		return fmt.Errorf("%w: byte %d of a %s is %q, and none of %s", feed.BadValue, k.letter, k.name, m[k.letter], k.of)
	}
	for _, at := range k.refs {
		if m.u64(at) == 0 {
			return fmt.Errorf("%w: a %s of order 0", feed.BadValue, k.name)
		}
	}
	for _, at := range k.counts {
		if m.u32(at) == 0 {
			return fmt.Errorf("%w: a %s of no shares, or at no price", feed.BadValue, k.name)
		}
	}
	if m[0] == 'Q' && (m.u64(11) > 1<<62 || m.u64(11) > 0 && m.u32(27) == 0) {
		return fmt.Errorf("%w: a cross of %d shares at %d", feed.BadValue, m.u64(11), m.u32(27))
	}
	return nil
}

// isName reports whether a field is a symbol with spaces behind it, of which a room can be named.
func isName(field []byte) bool {
	n := 0
	for i, c := range field {
		switch {
		case c > ' ' && c < 0x7f && i == n:
			n++
		case c != ' ':
			return false
		}
	}
	return n > 1 || n == 1 && field[0] != '*'
}

// cut takes the first message from those that were checked.
func cut(rest []byte) (m message, after []byte) {
	n := 2 + int(binary.BigEndian.Uint16(rest))
	return rest[2:n], rest[n:]
}

var (
	errCut     = fmt.Errorf("%w: the record was cut short within a message", feed.MissingField)
	errNothing = fmt.Errorf("%w: a message of no bytes", feed.MissingField)
)

// checkAll checks messages that each have their length before them, and counts them.
func checkAll(rest []byte) (n int, err error) {
	for ; len(rest) > 0; n++ {
		if len(rest) < 2 || len(rest) < 2+int(binary.BigEndian.Uint16(rest)) {
			return n, errCut
		}
		var m message
		if m, rest = cut(rest); len(m) == 0 {
			return n, errNothing
		}
		if err := check(m); err != nil {
			return n, err
		}
	}
	return n, nil
}
