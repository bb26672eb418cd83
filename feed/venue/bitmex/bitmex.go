// Package bitmex decodes BitMEX's tables: orderBookL2, orderBookL2_25, trade, quote, instrument and
// the candles tradeBin1m to tradeBin1d. docs/venues.md says what is used of each, and how sure we are.
package bitmex

import (
	"errors"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// Format describes the decoder. It must have read a book's snapshot to know the prices of rows that are
// told by their id alone, as all were before April 2023.
var Format = &feed.Format{
	Name: "bitmex", Venue: "BITMEX", Version: 1, Scope: feed.ScopeSymbol,
	New: func(o feed.Options) feed.Decoder {
		return &decoder{symbols: feed.NewSymbols(o), prices: prices{of: map[*market.Symbol]map[key]market.Decimal{}}}
	},
}

// MaxRecord is the longest record that is read, in bytes: the longest captured, the whole book of XBTUSD
// with 9,346 rows, has 0.7 MB.
const MaxRecord = 1 << 20

type decoder struct {
	symbols *feed.Symbols
	message message
	newest  *market.Symbol // of the row before
	rows    []row          // of a book, until the record is known to be whole
	prices  prices
}

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	switch {
	case r.Value == nil:
		return feed.Tombstone
	case len(r.Value) == 0:
		return feed.Empty
	case len(r.Value) > MaxRecord:
		return feed.TooLarge
	}
	before := len(b.Events)
	m := &d.message
	m.begin(r.Value)
	d.rows = d.rows[:0]
	d.read(b)
	err := m.end()
	if err == nil {
		d.book(b)
		if len(b.Events) == before {
			err = m.nothing()
		}
	}
	if err != nil {
		b.Undo(before)
	}
	return err
}

// read goes through the record once; through its rows twice if they come before what says of which
// table they are.
func (d *decoder) read(b *market.Batch) {
	m := &d.message
	if !m.Cursor.Object() {
		m.Cursor.Value()
		m.refuse(feed.UnknownKind)
		return
	}
	var rows scan.Value
	for name, ok := m.Cursor.Key(); ok; name, ok = m.Cursor.Key() {
		switch {
		case string(name) != "data":
			m.take(name)
		case m.once(&m.hasData):
			m.Cursor.Value()
		case m.table.known && m.action != 0 && m.Cursor.Array():
			d.list(b)
		default:
			rows = m.Cursor.Value()
		}
	}
	switch {
	case !m.table.there:
		if !m.answer {
			m.refuse(feed.UnknownKind)
		}
	case !m.table.known:
		m.refuse(m.table.unknown)
	case m.action == 0 || !m.hasData:
		m.refuse(errTable)
	case rows.Kind == scan.Array:
		outside := m.Cursor
		m.Cursor = outside.Into(rows)
		m.Cursor.Array()
		d.list(b)
		m.Cursor = outside
	case rows.Kind != scan.None:
		m.refuse(errTable)
	}
	d.empty()
}

// list decodes the rows in which the cursor is.
func (d *decoder) list(b *market.Batch) {
	m := &d.message
	for m.Cursor.More() {
		if !m.Cursor.Object() {
			m.Cursor.Value()
			m.refuse(errTable)
			continue
		}
		m.fields()
		if sym := d.symbol(); sym != nil {
			d.row(b, sym)
		}
	}
}

// row decodes one row of a table.
func (d *decoder) row(b *market.Batch, sym *market.Symbol) {
	m := &d.message
	switch m.table.kind {
	case bookTable:
		d.level(sym)
	case tradeTable:
		d.trade(b, sym)
	case quoteTable:
		d.quote(b, sym)
	case instrumentTable:
		d.instrument(b, sym)
	default:
		d.candle(b, sym)
	}
}

// symbol returns the row's symbol; nil if it is not wanted, or cannot be.
func (d *decoder) symbol() *market.Symbol {
	m := &d.message
	native := m.Word(symbolField)
	switch {
	case native == nil:
		return nil
	case d.newest == nil || string(native) != d.newest.Native:
		d.newest = d.named(native)
	}
	return d.newest
}

func (d *decoder) named(native []byte) *market.Symbol {
	sym, err := d.symbols.Find(native)
	if sym == nil && err == nil {
		sym, err = d.meet(native)
	}
	switch {
	case err == nil:
	case errors.Is(err, feed.Unused), errors.Is(err, feed.Ignored):
		d.message.skipped = err
	default:
		d.message.refuse(err)
	}
	return sym
}

func (d *decoder) meet(native []byte) (*market.Symbol, error) {
	switch {
	case !isNative(native):
		return nil, feed.BadSymbol
	case native[0] == '.':
		return nil, feed.Ignored // an index, which nobody can trade
	}
	return d.symbols.Add(native, symbolOf(string(native)))
}

var errTable = fmt.Errorf("%w: a table needs an action and a list of rows", feed.MissingField)
