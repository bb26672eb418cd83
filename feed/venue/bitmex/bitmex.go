// Package bitmex decodes BitMEX's tables: orderBookL2, orderBookL2_25, trade, quote, instrument and
// the candles tradeBin1m to tradeBin1d. docs/venues.md says what is used of each, and how sure we are.
package bitmex

import (
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
	return d.message.Decode(b, r, MaxRecord, d.record, fieldName)
}

// record decodes what the cursor is before.
func (d *decoder) record(b *market.Batch) {
	m := &d.message
	m.begin()
	d.rows = d.rows[:0]
	d.read(b)
	if m.Complete() {
		d.book(b)
	}
}

// read goes through the record once; through its rows twice if they come before what says of which
// table they are.
func (d *decoder) read(b *market.Batch) {
	m := &d.message
	if !m.Enter() {
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
			m.Refuse(feed.UnknownKind)
		}
	case !m.table.known:
		m.Refuse(m.table.unknown)
	case m.action == 0 || !m.hasData:
		m.Refuse(errTable)
	case rows.Kind == scan.Array:
		outside := m.Cursor
		m.Cursor = outside.Into(rows)
		m.Cursor.Array()
		d.list(b)
		m.Cursor = outside
	case rows.Kind != scan.None:
		m.Refuse(errTable)
	}
	d.empty()
}

// list decodes the rows in which the cursor is.
func (d *decoder) list(b *market.Batch) {
	m := &d.message
	for m.Cursor.More() {
		if m.table.kind == bookTable && d.usualLevel() {
			continue
		}
		if !m.Cursor.Object() {
			m.Cursor.Value()
			m.Refuse(errTable)
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
	if len(native) > 1 && native[0] == '.' && isNative(string(native)) {
		d.message.Skip(feed.Ignored) // an index, which nobody can trade
		return nil
	}
	return d.message.Symbol(d.symbols, native, symbolOf)
}

var errTable = fmt.Errorf("%w: a table needs an action and a list of rows", feed.MissingField)
