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
	scan.Message
	symbols *feed.Symbols
	key     []byte // of a symbol: venue, a colon, symbol
}

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	return d.Message.Decode(b, r, MaxRecord, d.read, fieldName)
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string { return "field " + names[slot] }

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
		d.Refuse(errObject)
		return
	}
	d.Clear()
	for key, ok := d.Cursor.Key(); ok; key, ok = d.Cursor.Key() {
		d.take(key)
	}
	if d.Healthy() {
		d.event(b)
	}
}

// take notes one field.
func (d *decoder) take(key []byte) {
	slot, ok := slots.Find(key)
	switch {
	case !ok:
		d.Cursor.Value()
	case slot == bids:
		d.Side(slot, &d.Bids)
	case slot == asks:
		d.Side(slot, &d.Asks)
	default:
		d.Take(slot)
	}
}

var (
	errObject = fmt.Errorf("%w: an event is an object", feed.UnknownKind)
	errKind   = fmt.Errorf("%w: t is none of trade, quote, book, ticker, candle, status", feed.UnknownKind)
	errLevels = fmt.Errorf("%w: bids and asks are lists of [price, qty]; prices are above 0, quantities not negative", feed.BadValue)
	errTicker = fmt.Errorf("%w: a ticker has at least one of its fields", feed.MissingField)
	errSort   = fmt.Errorf("%w: kind is none of spot, perpetual, future, option", feed.BadValue)
	errSymbol = fmt.Errorf("%w: venue and symbol must make the name of a room", feed.BadSymbol)
)

// event decodes the event whose fields were read.
func (d *decoder) event(b *market.Batch) {
	decode, ok := kinds[string(d.Word(kind))]
	if !ok {
		d.Refuse(errKind)
		return
	}
	if sym := d.symbol(); sym != nil {
		decode(d, b, sym)
	}
}
