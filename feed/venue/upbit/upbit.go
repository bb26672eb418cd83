// Package upbit decodes Upbit's WebSocket messages, in each of their forms: with long names or short ones,
// alone or in lists. docs/venues.md says what is used of each, and how sure we are.
package upbit

import (
	"bytes"
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
	return d.Message.Decode(b, r, MaxRecord, d.record, fieldName)
}

// record decodes what the cursor is before.
func (d *decoder) record(b *market.Batch) {
	if d.Cursor.Array() {
		for d.Cursor.More() {
			d.element(b)
		}
	} else {
		d.element(b)
	}
}

// element decodes the next value, a message.
func (d *decoder) element(b *market.Batch) {
	if !d.Enter() {
		return
	}
	d.fields()
	if !d.Healthy() {
		return
	}
	if d.answer && !d.Has(typeField) {
		d.Skip(feed.Ignored)
		return
	}
	if !d.Has(typeField) {
		d.Refuse(feed.UnknownKind)
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
			d.Refuse(fmt.Errorf("%w: type %.40q", feed.UnknownKind, kind))
			return
		}
		d.candle(b, width)
	}
}

// symbol returns the message's symbol; nil if it is not wanted, or cannot be.
func (d *decoder) symbol() *market.Symbol {
	native := d.Word(codeField)
	return d.Symbol(d.symbols, native, symbolOf)
}
