// Package tick decodes our own JSON, for data that is normalized already: one event or a list of
// events a record, with the names that clients see. docs/tick.md describes it.
package tick

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// Format is the format. The venue is in each event.
var Format = &feed.Format{
	Name: "tick", Version: 1, Scope: feed.ScopeRecord,
	New: func(o feed.Options) feed.Decoder { return &decoder{symbols: feed.NewSymbols(o)} },
}

// MaxRecord is the longest record that is read, in bytes: what Kafka takes unless told otherwise.
const MaxRecord = 1 << 20

// decoder decodes one partition. It remembers its symbols and nothing else.
type decoder struct {
	scan.Fields
	symbols *feed.Symbols
	key     []byte // of a symbol: venue, a colon, symbol
	bids    []market.Level
	asks    []market.Level
	sick    bool  // a level is none
	refused error // the first fault that is not one field's
	unused  bool  // a symbol that is not wanted was among the events
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
	d.Open(r.Value)
	d.refused, d.unused = nil, false
	d.read(b)
	err := d.end(len(b.Events) > before)
	if err != nil {
		b.Undo(before)
	}
	return err
}

func (d *decoder) read(b *market.Batch) {
	c := &d.Cursor
	if !c.Array() {
		d.one(b)
		return
	}
	for c.More() {
		d.one(b)
	}
}

// one decodes the next value of the document.
func (d *decoder) one(b *market.Batch) {
	if !d.Cursor.Object() {
		d.Cursor.Value()
		d.refuse(errObject)
		return
	}
	d.Clear()
	d.sick = false
	for key, ok := d.Cursor.Key(); ok; key, ok = d.Cursor.Key() {
		d.take(key)
	}
	if fault, _ := d.Fault(); fault == scan.Sound && d.refused == nil {
		d.event(b)
	}
}

// take notes one field.
func (d *decoder) take(key []byte) {
	slot, ok := slots[string(key)]
	good := true
	switch {
	case !ok:
		d.Cursor.Value()
		return
	case slot == bids && d.Cursor.At('['):
		d.bids, good = d.Cursor.Levels(d.bids[:0])
	case slot == asks && d.Cursor.At('['):
		d.asks, good = d.Cursor.Levels(d.asks[:0])
	default:
		d.Take(slot)
		return
	}
	d.Note(slot, scan.Value{Kind: scan.Array})
	d.sick = d.sick || !good
}

var (
	errObject = fmt.Errorf("%w: an event is an object", feed.UnknownKind)
	errKind   = fmt.Errorf("%w: t is none of trade, quote, book, ticker, candle, status", feed.UnknownKind)
	errLevels = fmt.Errorf("%w: bids and asks are lists of [price, qty]; prices are above 0, quantities not negative", feed.BadValue)
	errTicker = fmt.Errorf("%w: a ticker has at least one of its fields", feed.MissingField)
	errSort   = fmt.Errorf("%w: kind is none of spot, perpetual, future, option", feed.BadValue)
	errSymbol = fmt.Errorf("%w: venue and symbol must make the name of a room", feed.BadSymbol)
)

func (d *decoder) refuse(why error) {
	if d.refused == nil {
		d.refused = why
	}
}

var faults = map[scan.Fault]feed.Reason{
	scan.Twice: feed.BadJSON, scan.Missing: feed.MissingField, scan.Wrong: feed.BadValue,
}

// end says what became of the record, and lets go of it.
func (d *decoder) end(events bool) error {
	whole := d.Close()
	fault, slot := d.Fault()
	switch {
	case !whole:
		return feed.BadJSON
	case fault != scan.Sound:
		return fmt.Errorf("%w: field %s", faults[fault], names[slot])
	case d.refused != nil:
		return d.refused
	case events:
		return nil
	case d.unused:
		return feed.Unused
	}
	return feed.Ignored // an empty list
}

// event decodes the event whose fields were read.
func (d *decoder) event(b *market.Batch) {
	decode, ok := kinds[string(d.Word(kind))]
	if !ok {
		d.refuse(errKind)
		return
	}
	if sym := d.symbol(); sym != nil {
		decode(d, b, sym)
	}
}
