// Package kraken decodes Kraken's spot market: its WebSocket API v2, and v1, of which there is much
// recorded traffic. docs/venues.md says which channels, ids and times are used, and how sure we are of each.
package kraken

import (
	"errors"
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
		Name: name, Venue: venue, Version: 1, Scope: feed.ScopeSymbol,
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
	scan.Fields
	symbols *feed.Symbols
	known   map[*market.Symbol]*memory // one for each symbol of which something must be remembered

	text    [64]byte // memory for a word with escapes
	bids    []market.Level
	asks    []market.Level
	sick    bool // a level is none
	refused error
	skipped error // why a part brought nothing, where that is no fault
}

// memory is what is remembered of one symbol.
type memory struct {
	spread bool // v1's quotes come by spread
	told   int  // depth of the book, as the answer to v2's subscription says it
	depth  int  // of v2's newest snapshot; 0: unknown
}

func (d *decoder) memory(sym *market.Symbol) *memory {
	m := d.known[sym]
	if m == nil {
		m = new(memory)
		d.known[sym] = m
	}
	return m
}

// decode decodes a record by read, and takes its events back if it is bad.
func (d *decoder) decode(b *market.Batch, r *feed.Record, read func(*market.Batch), name func(byte) string) error {
	switch {
	case r.Value == nil:
		return feed.Tombstone
	case len(r.Value) == 0:
		return feed.Empty
	case len(r.Value) > MaxRecord:
		return feed.TooLarge
	}
	before := len(b.Events)
	d.Open(r.Value)
	d.sick, d.refused, d.skipped = false, nil, nil
	read(b)
	err := d.end(len(b.Events) > before, name)
	if err != nil {
		b.Undo(before)
	}
	return err
}

var faults = map[scan.Fault]feed.Reason{
	scan.Twice: feed.BadJSON, scan.Missing: feed.MissingField, scan.Wrong: feed.BadValue,
}

// end says what became of the record, and lets go of it.
func (d *decoder) end(events bool, name func(byte) string) error {
	whole := d.Close()
	fault, slot := d.Fault()
	switch {
	case !whole:
		return feed.BadJSON
	case fault != scan.Sound:
		return fmt.Errorf("%w: %s", faults[fault], name(slot))
	case d.refused != nil:
		return d.refused
	case events:
		return nil
	case d.skipped != nil:
		return d.skipped
	}
	return feed.Ignored // an empty list
}

// healthy reports that nothing was refused so far.
func (d *decoder) healthy() bool {
	fault, _ := d.Fault()
	return fault == scan.Sound && d.refused == nil
}

func (d *decoder) refuse(why error) {
	if d.refused == nil {
		d.refused = why
	}
}

func (d *decoder) skip(why error) { d.skipped = why }

// named returns the symbol of a native name; nil if it is not wanted, or cannot be.
func (d *decoder) named(native []byte) *market.Symbol {
	sym, err := d.symbols.Find(native)
	if sym == nil && err == nil {
		sym, err = d.meet(native)
	}
	switch {
	case err == nil:
	case errors.Is(err, feed.Unused):
		d.skip(err)
	default:
		d.refuse(err)
	}
	return sym
}

func (d *decoder) meet(native []byte) (*market.Symbol, error) {
	sym, ok := symbolOf(string(native))
	if !ok {
		return nil, feed.BadSymbol
	}
	return d.symbols.Add(native, sym)
}

var errLevels = fmt.Errorf("%w: a level has no price or quantity, or one that cannot be", feed.BadValue)

// sides gives the levels to the event, and takes the memory that its own had.
func (d *decoder) sides(k *market.Book) {
	if d.sick {
		d.refuse(errLevels)
		return
	}
	k.Bids, d.bids = d.bids, k.Bids[:0]
	k.Asks, d.asks = d.asks, k.Asks[:0]
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
