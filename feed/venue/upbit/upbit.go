// Package upbit decodes Upbit's WebSocket messages, in each of their forms: with long names or short ones,
// alone or in lists. docs/venues.md says what is used of each, and how sure we are.
package upbit

import (
	"bytes"
	"errors"
	"fmt"

	"tapedeck/feed"
	"tapedeck/market"
)

// Format describes the decoder.
var Format = &feed.Format{
	Name: "upbit", Venue: "UPBIT", Version: 1, Scope: feed.ScopeRecord,
	New: func(o feed.Options) feed.Decoder { return &decoder{symbols: feed.NewSymbols(o)} },
}

// MaxRecord is the longest record that is read, in bytes. A book of 30 levels has 3,500 with long names; a
// list of all tickers stays below 0.5 million.
const MaxRecord = 1 << 20

// decoder decodes one partition. It remembers its symbols and nothing else.
type decoder struct {
	message
	symbols *feed.Symbols
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
	d.begin(r.Value)
	if d.Cursor.Array() {
		for d.Cursor.More() {
			d.element(b)
		}
	} else {
		d.element(b)
	}
	err := d.end(len(b.Events) > before)
	if err != nil {
		b.Undo(before)
	}
	return err
}

// element decodes the next value, a message.
func (d *decoder) element(b *market.Batch) {
	if !d.Cursor.Object() {
		d.Cursor.Value()
		d.refuse(feed.UnknownKind)
		return
	}
	d.fields()
	if !d.healthy() {
		return
	}
	if d.answer && !d.Has(typeField) {
		d.skip(feed.Ignored)
		return
	}
	if !d.Has(typeField) {
		d.refuse(feed.UnknownKind)
		return
	}
	d.event(b)
}

// event decodes the message whose fields were read.
func (d *decoder) event(b *market.Batch) {
	kind := d.Word(typeField)
	switch string(kind) {
	case "":
	case "trade":
		d.trade(b)
	case "orderbook":
		d.book(b)
	case "ticker":
		d.ticker(b)
	default:
		unit, isCandle := bytes.CutPrefix(kind, []byte("candle."))
		width := widths[string(unit)]
		if !isCandle || width == 0 {
			d.refuse(fmt.Errorf("%w: type %.40q", feed.UnknownKind, kind))
			return
		}
		d.candle(b, width)
	}
}

// symbol returns the message's symbol; nil if it is not wanted, or cannot be.
func (d *decoder) symbol() *market.Symbol {
	native := d.Word(codeField)
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
