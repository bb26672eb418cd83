// Package hyperliquid decodes Hyperliquid's WebSocket channels: perpetuals and spot, which come by the
// same ones. docs/venues.md says what is used of each, and how sure we are.
package hyperliquid

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// Format describes the decoder.
var Format = &feed.Format{
	Name: "hyperliquid", Venue: "HYPERLIQUID", Version: 1, Scope: feed.ScopeRecord,
	New: func(o feed.Options) feed.Decoder { return &decoder{symbols: feed.NewSymbols(o)} },
}

// MaxRecord is the longest record that is read, in bytes. A book has 2,500; the trades of a busy block a few
// hundred each.
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
	before := len(b.Events)
	d.begin()
	d.read(b)
	if d.isHistory() {
		b.Undo(before)
		d.Skip(feed.Ignored)
	}
}

// channel says how the data of a channel is decoded.
type channel struct {
	decode func(*decoder, *market.Batch)
	list   bool // data is a list of what is decoded
	answer bool // it is no market data
}

var channels = map[string]channel{
	"trades":               {decode: (*decoder).trade, list: true},
	"l2Book":               {decode: (*decoder).book},
	"bbo":                  {decode: (*decoder).quote},
	"candle":               {decode: (*decoder).candle},
	"activeAssetCtx":       {decode: (*decoder).context},
	"activeSpotAssetCtx":   {decode: (*decoder).context},
	"subscriptionResponse": {answer: true},
	"pong":                 {answer: true},
	"error":                {answer: true},
}

// read goes through the record. Its data is decoded on the way if its channel is known by then, as it
// nearly always is.
func (d *decoder) read(b *market.Batch) {
	c := &d.Cursor
	if !d.Enter() {
		return
	}
	done := false
	var universe scan.Value
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "channel":
			d.Once(&d.name, channelField)
			if d.name.Kind == scan.String {
				d.channel = channels[string(c.Text(d.name, d.text[:0]))]
			}
		case "data":
			if d.data.Kind == scan.None && d.channel.decode != nil {
				d.elements(b)
				d.data.Kind, done = scan.Object, true
			} else {
				d.Once(&d.data, dataField)
			}
		case "universe":
			d.Once(&universe, universeField)
		default:
			c.Value()
		}
	}
	switch {
	case done:
	case universe.Kind == scan.Array && d.name.Kind == scan.None:
		d.Within(universe, func() { d.instruments(b) })
	case d.channel.answer:
		d.Skip(feed.Ignored)
	case d.channel.decode == nil || d.data.Kind == scan.None:
		d.Refuse(fmt.Errorf("%w: channel %.40q", feed.UnknownKind, c.Text(d.name, nil)))
	default:
		d.Within(d.data, func() { d.elements(b) })
	}
}

// elements decodes the data.
func (d *decoder) elements(b *market.Batch) {
	c := &d.Cursor
	switch {
	case d.channel.list && c.Array():
		for c.More() {
			d.element(b)
		}
	case d.channel.list:
		c.Value()
		d.Fail(dataField, scan.Wrong)
	default:
		d.element(b)
	}
}

func (d *decoder) element(b *market.Batch) {
	if !d.Cursor.Object() {
		d.Cursor.Value()
		d.Fail(dataField, scan.Wrong)
		return
	}
	d.fields()
	if d.Healthy() {
		d.channel.decode(d, b)
	}
}

// symbol returns the symbol of the element; nil if it is not wanted, or cannot be.
func (d *decoder) symbol(slot byte) *market.Symbol {
	native := d.Word(slot)
	return d.Symbol(d.symbols, native, symbolOf)
}
