// Package kraken decodes Kraken's spot market: its WebSocket API v2, and v1, of which there is much
// recorded traffic. docs/venues.md says which channels, ids and times are used, and how sure we are of each.
package kraken

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

const venue = "KRAKEN"

// The formats.
var (
	V2 = format("kraken", func(d *decoder) feed.Decoder { return &v2{decoder: d} })
	V1 = format("kraken-v1", func(d *decoder) feed.Decoder { return &v1{decoder: d} })
)

func format(name string, of func(*decoder) feed.Decoder) *feed.Format {
	return &feed.Format{
		Name: name, Venue: venue, Version: 1, Scope: feed.ScopeSymbol, Checks: []*market.Check{&check},
		New: func(o feed.Options) feed.Decoder {
			return of(&decoder{symbols: feed.NewSymbols(o), known: map[*market.Symbol]*memory{}})
		},
	}
}

// MaxRecord is the longest record that is read, in bytes: what Kafka takes unless told otherwise. A book
// of 1,000 levels a side has 100,000, the list of all pairs 500,000.
const MaxRecord = 1 << 20

// decoder is what both versions need to decode one partition.
type decoder struct {
	scan.Message
	symbols *feed.Symbols
	known   map[*market.Symbol]*memory // one for each symbol of which something must be remembered

	held int      // how many orders are remembered
	text [64]byte // memory for a word with escapes
}

// memory is what is remembered of one symbol.
type memory struct {
	spread bool       // v1's quotes come by spread
	book   subscribed // v2's book by levels
	orders *orders    // v2's book order by order, where it comes so
}

// subscribed is how many levels a side the venue maintains of a book in v2, whose messages do not say it.
type subscribed struct {
	told  int // as the answer to the subscription says; 0: there was none
	depth int // of the newest snapshot; 0: unknown
}

// begin takes a snapshot of so many levels: their depth is what the answer to the subscription says, unless the snapshot
// has more; else as many as it has, if that is a depth that one can subscribe to.
func (s *subscribed) begin(levels int) {
	switch {
	case levels <= s.told:
		s.depth = s.told
	case levels == 10 || levels == 25 || levels == 100 || levels == 500 || levels == maxDepth:
		s.depth = levels
	default:
		s.depth = 0
	}
}

func (d *decoder) memory(sym *market.Symbol) *memory {
	m := d.known[sym]
	if m == nil {
		m = new(memory)
		d.known[sym] = m
	}
	return m
}

// named returns the symbol of a native name; nil if it is not wanted, or cannot be.
func (d *decoder) named(native []byte) *market.Symbol { return d.Symbol(d.symbols, native, symbolOf) }

var errLevels = fmt.Errorf("%w: a level has no price or quantity, or one that cannot be", feed.BadValue)

// sides gives the levels to the event, and takes the memory that its own had.
func (d *decoder) sides(k *market.Book) {
	if d.Sick {
		d.Refuse(errLevels)
		return
	}
	d.Give(k)
}

func goodLevel(l market.Level) bool {
	return l.Price.Set() && l.Qty.Set() && !l.Price.Neg() && !l.Price.IsZero() && !l.Qty.Neg()
}

// order is one side of a quote: nothing where it has no order, which is written as zeros.
func order(price, qty market.Decimal) (p, q market.Decimal) {
	if price.IsZero() || qty.IsZero() {
		return market.Decimal{}, market.Decimal{}
	}
	return price, qty
}

// takers are the sides of trades, which both versions tell of the taker.
var takers = map[string]market.Side{"b": market.Buy, "s": market.Sell, "buy": market.Buy, "sell": market.Sell}
